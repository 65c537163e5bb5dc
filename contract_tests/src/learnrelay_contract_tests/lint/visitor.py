"""Applies the rules to the syntax tree of a plugin's file."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence

from . import rules
from .origins import FunctionNode, NameOrigins

_FORMATTED = re.compile(r"\{\w*((?:\.\w+|\[[^\]]*\])+)[^{}]*\}")
_ATTRIBUTE = re.compile(r"\.(\w+)")


class RuleVisitor(ast.NodeVisitor):
    """Collects ``(node, code, detail)`` in ``flaws``."""

    def __init__(
        self, origins: NameOrigins, decorators: set[str], kinds: set[str], undeclared: Collection[str] = (),
        role: rules.FileRole = rules.FileRole.OF_EVENTS,
    ) -> None:  # fmt: skip
        """Takes ``undeclared``: packages of installed plugins on which the distribution does not depend."""
        self.origins = origins
        self.decorators = decorators
        self.kinds = kinds
        self.undeclared = undeclared
        self.flaws: list[tuple[ast.AST, str, str]] = []
        self.functions: list[FunctionNode] = []
        self.classes: list[ast.ClassDef] = []
        self.called: set[ast.expr] = set()
        self.role = role
        defines_provider = any(
            isinstance(base, ast.Name) and base.id in rules.PROVIDERS
            for node in origins.classes.values()
            for base in node.bases
        )
        self.is_beside_a_sink = role is rules.FileRole.OF_SINKS and not defines_provider
        self.is_provider = defines_provider or self.is_beside_a_sink

    def flag(self, node: ast.AST, code: str, detail: str) -> None:
        """Adds a flaw; I/O outside of functions is I/O at import, and a provider's functions may do I/O.

        Its file may import what does I/O at the top, unless it has a mapping or a stage too.
        """
        if code in ("LR107", "LR110") and self.is_provider and self.functions and self._current_mapping() is None:
            return
        is_import = isinstance(node, ast.Import | ast.ImportFrom)
        if code in ("LR107", "LR110") and self.is_provider and is_import:
            if not self.origins.handles_events:
                return
            detail += "; import it inside the method that uses it"
        if code == "LR107" and not self.functions and not is_import:
            code = "LR106"
        self.flaws.append((node, code, detail))

    # --- imports ------------------------------------------------------------------------------------------

    def visit_Import(self, node: ast.Import) -> None:  # ast's names
        for alias in node.names:
            self._check_import(node, alias.name, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level:
            return
        for alias in node.names:
            self._check_import(node, node.module or "", f"{node.module}.{alias.name}")

    def _check_import(self, node: ast.AST, module: str, name: str) -> None:
        top = module.partition(".")[0]
        if name not in rules.NAMES and (module in rules.HARMLESS or name in rules.HARMLESS):
            return
        if top == "learnrelay":
            self._check_core_import(node, module, name)
        elif top in self.undeclared:
            self.flag(node, "LR102", f"{name} belongs to a plugin that is not among the dependencies")
        elif name in rules.NAMES:
            self.flag(node, rules.NAMES[name], f"import of {name}")
        elif top in rules.MODULES and not (top == "time" and module == name):
            self.flag(node, rules.MODULES[top], f"import of {module}")
        elif (code := self._code_of(name)) is not None:
            self.flag(node, code, f"import of {name}")
        if name.endswith(".*"):
            self.flag(node, "LR103", f"import of everything from {module}")

    def _check_core_import(self, node: ast.AST, module: str, name: str) -> None:
        attribute = name.removeprefix(module).lstrip(".")
        known = module in rules.PUBLIC or name in rules.PUBLIC
        if self.is_provider and module.startswith(rules.FOR_PROVIDERS):
            known = True
        if self.role is rules.FileRole.OF_A_COMMAND and {module, name} & rules.FOR_COMMANDS:
            known = True
        if not known or attribute.startswith("_"):
            self.flag(node, "LR102", f"{name} is not for plugins")
        elif attribute in rules.NOT_FOR_PLUGINS:
            self.flag(node, "LR105", f"{name} gives access to the event itself")

    def _code_of(self, name: str) -> str | None:
        for known in (name, *_parents(name)):
            if known in rules.NAMES:
                return rules.NAMES[known]
            if known in rules.HARMLESS:
                return None
        if name.startswith("os.") and not name.startswith(rules.OS_HARMLESS) and name != "os.path":
            return "LR107"
        top = name.partition(".")[0]
        return rules.MODULES.get(top) if "." in name and top in rules.MODULES else None

    # --- names and attributes -----------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> None:
        known = node.id in self.origins.imported or node.id in self.origins.functions or self._is_local(node.id)
        if node.id in rules.ONLY_CALLED and node not in self.called and not known:
            self.flag(node, rules.ONLY_CALLED[node.id], f"{node.id} passed as a value")
        elif self.origins.imported.get(node.id) == "operator.attrgetter" and node not in self.called:
            self.flag(node, "LR103", "attrgetter passed as a value")
        if node.id in rules.BUILTINS and not known and isinstance(node.ctx, ast.Load):
            if not (node.id == "vars" and not self.functions):
                self.flag(node, rules.BUILTINS[node.id], node.id)
        elif node.id in ("__builtins__", "__loader__", "__spec__"):
            self.flag(node, "LR101", node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        name = self.origins.dotted(node)
        code = self._code_of(name) if name else None
        if code is not None and name is not None:
            self.flag(node, code, name)
        elif name and name.startswith("learnrelay.") and node.attr.startswith("_"):
            self.flag(node, "LR102", f"{name} is not for plugins")
        elif name and name in rules.NAMES:
            self.flag(node, rules.NAMES[name], name)
        elif code := rules.ATTRIBUTES.get(node.attr, ""):
            if not (code == "LR111" and self.is_provider):
                self.flag(node, code, f".{node.attr}")
        elif node.attr in rules.METHODS and isinstance(node.ctx, ast.Load) and not self._is_own_data(node):
            self.flag(node, "LR107", f".{node.attr}")
        elif isinstance(node.value, ast.Name):
            self._check_parameter_attribute(node, node.value.id)
        self.generic_visit(node)

    def _is_own_data(self, node: ast.Attribute) -> bool:
        """Tells whether it reads, at import, a file that comes with the package."""
        start: ast.AST = node.value
        while not isinstance(start, ast.Call) or self.origins.dotted(start.func) != "importlib.resources.files":
            if isinstance(start, ast.Call):
                start = start.func
            elif isinstance(start, ast.Attribute):
                start = start.value
            elif isinstance(start, ast.BinOp):
                start = start.left
            else:
                return False
        return not self.functions and node.attr in ("read_text", "read_bytes")

    def _check_parameter_attribute(self, node: ast.Attribute, name: str) -> None:
        if self._is_platform(name) and (node.attr in ("identity", "courses", "space") or node.attr.startswith("_")):
            self.flag(node, "LR111", f"{name}.{node.attr}")
            return
        mapping = self._current_mapping()
        if mapping is None or not isinstance(node.ctx, ast.Load):
            return
        parameter, *declarations = mapping
        if name != parameter:
            return
        of_each = [self.origins.declared_of(declaration) for declaration in declarations]
        declared = None if None in of_each else set().union(*filter(None, of_each))
        if node.attr.startswith("_") and node.attr not in rules.PRIVATE_BUT_USUAL:
            self.flag(node, "LR105", f"{name}.{node.attr}")
        elif declared is not None and node.attr not in declared:
            self.flag(node, "LR105", f"{declarations[0]} declares no {node.attr}")

    def _is_platform(self, name: str) -> bool:
        if name not in ("platform", "_platform"):
            return any(
                argument.arg == name and _annotation(argument) == "Platform"
                for function in self.functions
                for argument in function.args.args
            )
        return True

    def _is_local(self, name: str) -> bool:
        return any(
            name in {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}
            or any(
                isinstance(inner, ast.Name) and inner.id == name and isinstance(inner.ctx, ast.Store)
                for inner in ast.walk(function)
            )
            for function in self.functions
        )

    def _current_mapping(self) -> tuple[str, ...] | None:
        """Returns the first parameter of the enclosing mapping or stage function, and its declarations; None outside.

        Those that are read under a setting (``reads_if``) come after the usual one.
        """
        for function in self.functions:
            for decorator in function.decorator_list:
                if isinstance(decorator, ast.Call):
                    given = {keyword.arg: keyword.value for keyword in decorator.keywords}
                    names = [argument.arg for argument in function.args.args if argument.arg != "self"]
                    if names and isinstance(usual := given.get("reads"), ast.Name):
                        others = given.get("reads_if")
                        values = others.values if isinstance(others, ast.Dict) else []
                        return names[0], usual.id, *(value.id for value in values if isinstance(value, ast.Name))
        return None

    # --- calls --------------------------------------------------------------------------------------------

    def visit_Call(self, node: ast.Call) -> None:
        name = self.origins.dotted(node.func) or (node.func.id if isinstance(node.func, ast.Name) else "")
        last = name.rpartition(".")[2]
        self.called.add(node.func)
        if name == "operator.attrgetter":
            self._check_attrgetter(node)
        if name == "getattr" and len(node.args) > 1:
            self._check_getattr(node)
        elif name in ("setattr", "delattr") and node.args:
            self._check_change(node, node.args[0])
        elif isinstance(node.func, ast.Attribute) and node.func.attr in ("__setattr__", "__delattr__"):
            own = node.args and isinstance(node.args[0], ast.Name) and node.args[0].id == "self"
            if not own:
                self.flag(node, "LR104", ast.unparse(node.func))
        elif name == "dataclasses.replace" and any(
            keyword.arg == "reason" and _has_values([keyword.value]) for keyword in node.keywords
        ):
            self.flag(node, "LR108", "a reason is built from values")
        elif name == "warnings.warn" and self.functions and any(map(_is_built_from_values, node.args[:1])):
            self.flag(node, "LR108", "the text of a warning is built from values")
        elif name == "logging.getLogger" and self.functions and any(map(_is_built_from_values, node.args)):
            self.flag(node, "LR108", "the name of a logger is built from values")
        elif last in rules.EVENT_ERRORS and any(map(_is_built_from_values, _error_texts(node))):
            self.flag(node, "LR108", f"the text of {last} is built from values")
        elif name == "next" and node.args and self._is_state(node.args[0]):
            self.flag(node, "LR109", ast.unparse(node.args[0]))
        elif isinstance(node.func, ast.Attribute):
            self._check_method_call(node, node.func)
        self.generic_visit(node)

    def _check_attrgetter(self, node: ast.Call) -> None:
        """Flags computed or private names; literal names of attributes and declared names are harmless."""
        for wanted in node.args:
            inner = wanted.value if isinstance(wanted, ast.Starred) else None
            if isinstance(inner, ast.Subscript) and isinstance(inner.slice, ast.Slice):
                inner = inner.value
            if isinstance(inner, ast.Call) and self.origins.dotted(inner.func) is None and len(inner.args) == 1:
                inner = inner.args[0] if ast.unparse(inner.func) in ("list", "tuple") else None
            if isinstance(inner, ast.Attribute) and inner.attr == "declared":
                continue
            names = wanted.value.split(".") if isinstance(wanted, ast.Constant) and type(wanted.value) is str else [""]
            if any(not part or part.startswith("_") or part in rules.ATTRIBUTES for part in names):
                self.flag(node, "LR103", "attrgetter with a computed or private name")

    def visit_Constant(self, node: ast.Constant) -> None:
        if type(node.value) is str:
            self._check_format(node, node.value)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """Looks at a text that is made of several, too."""
        if isinstance(node.op, ast.Add):
            parts = [inner.value for inner in _operands(node) if isinstance(inner, ast.Constant)]
            self._check_format(node, "".join(part for part in parts if type(part) is str))
        self.generic_visit(node)

    def _check_format(self, node: ast.AST, text: str) -> None:
        """Flags attributes in a format string: ``"{0.__closure__}"``."""
        for names in _FORMATTED.findall(text):
            for name in _ATTRIBUTE.findall(names):
                if name in rules.ATTRIBUTES or name.startswith("_"):
                    self.flag(node, rules.ATTRIBUTES.get(name, "LR105"), f".{name} in a format string")

    def visit_MatchClass(self, node: ast.MatchClass) -> None:
        """Looks at the attributes that a pattern reads: ``case object(__class__=made)``."""
        for name in node.kwd_attrs:
            if name in rules.ATTRIBUTES or name.startswith("_"):
                self.flag(node, rules.ATTRIBUTES.get(name, "LR105"), f".{name} in a pattern")
        self.generic_visit(node)

    def _check_getattr(self, node: ast.Call) -> None:
        wanted = node.args[1]
        if isinstance(wanted, ast.Constant) and isinstance(wanted.value, str):
            attribute = ast.copy_location(ast.Attribute(node.args[0], wanted.value, ast.Load()), node)
            before = len(self.flaws)
            self.visit_Attribute(attribute)
            del self.flaws[before + 1 :]
            return
        holder = node.args[0]
        plain = isinstance(holder, ast.Name) and self._is_parameter(holder.id) and not self._is_platform(holder.id)
        if not plain and (self.origins.dotted(holder) or self._handles_events()):
            self.flag(node, "LR103", "getattr with a computed name")

    def _is_parameter(self, name: str) -> bool:
        return any(name == argument.arg for function in self.functions for argument in function.args.args)

    def _check_method_call(self, node: ast.Call, function: ast.Attribute) -> None:
        if function.attr in rules.LOGGING and self._is_logger(function.value):
            if (
                self.functions
                and not self.is_provider
                and (_has_values(node.args[1:]) or (node.args and _is_built_from_values(node.args[0])) or node.keywords)
            ):
                self.flag(node, "LR108", f"a log record with values ({function.attr})")
            elif function.attr == "exception" and not self.is_provider:
                self.flag(node, "LR108", "a log record with an exception's text")
        elif function.attr in ("addHandler", "addFilter", "removeHandler", "setLevel") and self._is_logger(
            function.value
        ):
            if not self._quiets_a_library(node, function):
                self.flag(node, "LR104", f"logging ({function.attr})")
        elif function.attr in rules.MUTATORS and self._is_state(function.value):
            self.flag(node, "LR109", ast.unparse(function.value))
        elif function.attr == "open" and not isinstance(function.value, ast.Constant):
            self.flag(node, "LR107", f"{ast.unparse(function)}()")

    def _quiets_a_library(self, node: ast.Call, function: ast.Attribute) -> bool:
        """Tells whether a sink lets a library that it imports log less: by its name, from warnings on."""
        if not (self.role is rules.FileRole.OF_SINKS and function.attr == "setLevel"):
            return False
        called = function.value
        name = called.args[0] if isinstance(called, ast.Call) and len(called.args) == 1 else None
        imported = {origin.partition(".")[0] for origin in self.origins.imported.values()} - {"learnrelay", ""}
        return (
            isinstance(name, ast.Constant)
            and str(name.value).partition(".")[0] in imported
            and [self.origins.dotted(level) in rules.QUIET_LEVELS for level in node.args] == [True]
        )

    def _is_logger(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Call):
            return self.origins.dotted(node.func) == "logging.getLogger"
        name = self.origins.dotted(node)
        if name is not None:
            return name == "logging"
        return isinstance(node, ast.Name) and node.id.lower().strip("_") in ("log", "logger", "logging")

    # --- state and what belongs to others -----------------------------------------------------------------

    def visit_Global(self, node: ast.Global) -> None:
        self.flag(node, "LR109", f"global {', '.join(node.names)}")

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        if not self._handles_events():  # the function around it runs at import, and its variables last
            self.flag(node, "LR109", f"nonlocal {', '.join(node.names)}")

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._check_target(node, target)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._check_target(node, node.target)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._check_target(node, node.target)
        self.generic_visit(node)

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self._check_target(node, target)
        self.generic_visit(node)

    def _check_target(self, node: ast.AST, target: ast.expr) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            for inner in target.elts:
                self._check_target(node, inner)
        elif isinstance(target, ast.Attribute):
            self._check_change(node, target.value)
        elif isinstance(target, ast.Subscript):
            if self.origins.dotted(target.value):
                self.flag(node, "LR104", ast.unparse(target))
            elif self._is_state(target.value):
                self.flag(node, "LR109", ast.unparse(target.value))

    def _check_change(self, node: ast.AST, holder: ast.expr) -> None:
        """Flags an attribute of ``holder`` that is set or deleted."""
        if self.origins.dotted(holder) is not None:
            self.flag(node, "LR104", f"an attribute of {ast.unparse(holder)}")
            return
        root = holder
        while isinstance(root, ast.Attribute):
            root = root.value
        if not isinstance(root, ast.Name):
            if isinstance(root, ast.Call) and self.functions:
                self.flag(node, "LR104", f"an attribute of {ast.unparse(holder)}")
            return
        mapping = self._current_mapping()
        if self._is_platform(root.id) or (mapping is not None and root.id == mapping[0]):
            self.flag(node, "LR104", f"an attribute of {root.id}")
        elif self._handles_events() and (root.id in self.origins.functions or root.id in self.origins.classes):
            self.flag(node, "LR109", f"an attribute of {root.id}")
        elif root.id == "self" and self._is_in_lasting_object():
            self.flag(node, "LR109", "an attribute of an object that lasts")
        elif self._handles_events() and root.id in self.origins.module_names and not self._is_local(root.id):
            self.flag(node, "LR109", f"an attribute of {root.id}")

    def _is_state(self, node: ast.expr) -> bool:
        """Tells whether an expression is a module's container or a default argument, used while events are handled."""
        while isinstance(node, ast.Attribute | ast.Subscript):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in ("self", "cls")
            ):
                return self._is_in_lasting_object()
            node = node.value
        if not self._handles_events():
            return False
        if isinstance(node, ast.Call):
            return isinstance(node.func, ast.Name) and self.origins.is_cached(node.func.id)
        if not isinstance(node, ast.Name):
            return False
        if (value := self._only_value_of(node.id)) is not None:
            return self._is_state(value)
        if node.id in self.origins.module_names or node.id in self.origins.classes or node.id in self.origins.functions:
            return not self._is_local(node.id)
        return any(node.id in _container_defaults(function) for function in self.functions)

    def _only_value_of(self, name: str) -> ast.expr | None:
        """Returns what the enclosing function calls by a name: another name, or what a function returns."""
        values = [
            inner.value
            for inner in ast.walk(self.functions[-1])
            if isinstance(inner, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == name for target in inner.targets)
        ]
        is_other = len(values) == 1 and not (isinstance(values[0], ast.Name) and values[0].id == name)
        return values[0] if is_other and isinstance(values[0], ast.Name | ast.Call) else None

    def _is_in_lasting_object(self) -> bool:
        """Tells whether the code is in an event-handling method, or in a method of an object that lasts."""
        return bool(self.functions) and (
            self.functions[0].name in rules.STAGES | rules.DECIDING or self.origins.is_lasting(self.functions[0])
        )

    def _handles_events(self) -> bool:
        """Tells whether the code may run for an event: in a function that is no decorator and not called at import."""
        if not self.functions:
            return False
        outer = self.functions[0].name
        return outer not in self.decorators and outer not in self.origins.called_at_import

    # --- definitions --------------------------------------------------------------------------------------

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._check_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._check_function(node)

    def _check_function(self, node: FunctionNode) -> None:
        for outside in (
            *node.decorator_list,
            *node.args.defaults,
            *(default for default in node.args.kw_defaults if default),
        ):
            self.visit(outside)
        if node.name in rules.DECIDING:
            for handler, following in self._error_handlers(node):
                if not any(_denies(inner) for statement in following for inner in ast.walk(statement)):
                    self.flag(handler, "LR112", f"{node.name} swallows an error and does not deny")
        if node.name in self.kinds and node.args.args:
            for inner in ast.walk(node):
                if _looks_into(inner, node.args.args[0].arg):
                    self.flag(inner, "LR105", f"the kind {node.name} reads the contents of objects or lists")
        if node.name in ("__getattr__", "__getattribute__") and (self.classes or not self.functions):
            self.flag(node, "LR105", f"{node.name} hides what is read")
        self.functions.append(node)
        for statement in node.body:
            self.visit(statement)
        self.functions.pop()

    def _error_handlers(self, function: FunctionNode) -> Iterator[tuple[ast.AST, Sequence[ast.stmt]]]:
        """Yields what swallows an error (``except``, ``finally`` that returns, ``suppress``), and what runs then."""
        for node in ast.walk(function):
            if isinstance(node, ast.ExceptHandler):
                yield node, node.body
            elif isinstance(node, ast.Try):
                returns = [
                    inner for last in node.finalbody for inner in ast.walk(last) if isinstance(inner, ast.Return)
                ]
                yield from ((inner, [] if isinstance(inner.value, ast.Name) else [inner]) for inner in returns)
            for body in (value for _, value in ast.iter_fields(node) if isinstance(value, list)):
                for number, inner in enumerate(body):
                    if isinstance(inner, ast.With) and any(map(self._is_suppressing, inner.items)):
                        yield inner, body[number + 1 :]

    def _is_suppressing(self, item: ast.withitem) -> bool:
        called = item.context_expr
        return isinstance(called, ast.Call) and self.origins.dotted(called.func) == "contextlib.suppress"

    def visit_Lambda(self, node: ast.Lambda) -> None:
        made = ast.FunctionDef("<lambda>", node.args, [], [])
        self.functions.append(made)
        self.visit(node.body)
        self.functions.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
        if "Fields" in bases or any(self.origins.declared_of(base) for base in bases):
            if node.keywords:
                self.flag(node, "LR105", f"the declaration {node.name} has a metaclass")
            for statement in node.body:
                names = [target.id for target in getattr(statement, "targets", []) if isinstance(target, ast.Name)]
                if "declared" in names or (isinstance(statement, FunctionNode) and statement.name.startswith("__")):
                    self.flag(statement, "LR105", f"the declaration {node.name} does more than declare")
        self.classes.append(node)
        self.generic_visit(node)
        self.classes.pop()


def _operands(node: ast.expr) -> Iterator[ast.expr]:
    """Yields what a sum adds up, in order."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield from _operands(node.left)
        yield from _operands(node.right)
    else:
        yield node


def _parents(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _annotation(argument: ast.arg) -> str:
    return argument.annotation.id if isinstance(argument.annotation, ast.Name) else ""


def _error_texts(node: ast.Call) -> Iterator[ast.expr]:
    """Yields the texts of an error or a skip: its reason and its path."""
    yield from node.args[:1]
    yield from (keyword.value for keyword in node.keywords if keyword.arg in ("reason", "path"))


def _has_values(nodes: list[ast.expr]) -> bool:
    return any(not isinstance(node, ast.Constant) for node in nodes)


def _is_built_from_values(node: ast.expr) -> bool:
    """Tells whether a text is built at run time."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp):
        return not all(isinstance(operand, ast.Constant | ast.JoinedStr) for operand in (node.left, node.right)) or (
            _is_built_from_values(node.left) or _is_built_from_values(node.right)
        )
    if isinstance(node, ast.Call):
        return True
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id.islower()


def _container_defaults(function: FunctionNode) -> set[str]:
    """Returns the parameters whose default is a container, which lives as long as the function."""
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    pairs = [*zip(reversed(names), reversed(function.args.defaults), strict=False)]
    pairs += [
        (argument.arg, default)
        for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
        if default
    ]
    return {
        name for name, default in pairs
        if isinstance(default, ast.List | ast.Dict | ast.Set | ast.Call | ast.ListComp | ast.DictComp)
    }  # fmt: skip


def _looks_into(node: ast.AST, value: str) -> bool:
    """Tells whether an expression treats ``value`` as an object or a list."""
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute):
        is_method = isinstance(node.func.value, ast.Name) and node.func.value.id == value
        return is_method and node.func.attr in ("get", "items", "values", "keys", "pop", "setdefault")
    if isinstance(node.func, ast.Name) and node.func.id == "isinstance" and len(node.args) == 2:
        types = {name.id for name in ast.walk(node.args[1]) if isinstance(name, ast.Name)}
        return isinstance(node.args[0], ast.Name) and node.args[0].id == value and bool(types & rules.CONTAINERS)
    return False


def _denies(node: ast.AST) -> bool:
    if isinstance(node, ast.Raise):
        return True
    return isinstance(node, ast.Return) and not (
        node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None)
    )
