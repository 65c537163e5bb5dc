"""Walking the syntax tree of a plugin's file with the rules in hand."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from . import rules
from .names import Function, Origins

_FORMATTED = re.compile(r"\{\w*((?:\.\w+|\[[^\]]*\])+)[^{}]*\}")
_ATTRIBUTE = re.compile(r"\.(\w+)")


class Visitor(ast.NodeVisitor):
    """Collects ``(node, code, detail)`` in ``found``."""

    def __init__(self, origins: Origins, decorators: set[str], kinds: set[str]) -> None:
        self.origins = origins
        self.decorators = decorators
        self.kinds = kinds
        self.found: list[tuple[ast.AST, str, str]] = []
        self.functions: list[Function] = []
        self.classes: list[ast.ClassDef] = []
        self.called: set[ast.expr] = set()
        self.provides = any(
            isinstance(base, ast.Name) and base.id in rules.PROVIDERS
            for node in origins.classes.values()
            for base in node.bases
        )

    def flag(self, node: ast.AST, code: str, detail: str) -> None:
        """Note a flaw; I/O outside of functions is I/O at import, and a provider's functions may do I/O."""
        if code in ("LR107", "LR110") and self.provides and self.functions:
            return
        if code == "LR107" and not self.functions and not isinstance(node, ast.Import | ast.ImportFrom):
            code = "LR106"
        self.found.append((node, code, detail))

    # --- imports ------------------------------------------------------------------------------------------

    def visit_Import(self, node: ast.Import) -> None:  # ast's names
        for alias in node.names:
            self._imported(node, alias.name, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level:
            return
        for alias in node.names:
            self._imported(node, node.module or "", f"{node.module}.{alias.name}")

    def _imported(self, node: ast.AST, module: str, name: str) -> None:
        top = module.partition(".")[0]
        if module in rules.HARMLESS or name in rules.HARMLESS:
            return
        if top == "learnrelay":
            self._of_the_core(node, module, name)
        elif top in rules.MODULES and not (top == "time" and module == name):
            self.flag(node, rules.MODULES[top], f"import of {module}")
        elif (code := self._code_of(name)) is not None:
            self.flag(node, code, f"import of {name}")
        if name.endswith(".*"):
            self.flag(node, "LR103", f"import of everything from {module}")

    def _of_the_core(self, node: ast.AST, module: str, name: str) -> None:
        attribute = name.removeprefix(module).lstrip(".")
        known = module in rules.PUBLIC or module.startswith("learnrelay.openedx.") or name in rules.PUBLIC
        if self.provides and module.startswith(rules.FOR_PROVIDERS):
            known = True
        if not known or attribute.startswith("_"):
            self.flag(node, "LR102", f"{name} is not for plugins")
        elif attribute in rules.NOT_FOR_PLUGINS:
            self.flag(node, "LR105", f"{name} is for who has the event itself")

    def _code_of(self, name: str) -> str | None:
        for known in (name, *_parents(name)):
            if known in rules.HARMLESS:
                return None
            if known in rules.NAMES:
                return rules.NAMES[known]
        if name.startswith("os.") and not name.startswith(rules.OS_HARMLESS) and name != "os.path":
            return "LR107"
        top = name.partition(".")[0]
        return rules.MODULES.get(top) if "." in name and top in rules.MODULES else None

    # --- names and attributes -----------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> None:
        known = node.id in self.origins.imported or node.id in self.origins.functions or self._is_local(node.id)
        if node.id in rules.ONLY_CALLED and node not in self.called and not known:
            self.flag(node, rules.ONLY_CALLED[node.id], f"{node.id} handed on")
        elif self.origins.imported.get(node.id) == "operator.attrgetter" and node not in self.called:
            self.flag(node, "LR103", "attrgetter handed on")
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
            if not (code == "LR111" and self.provides):
                self.flag(node, code, f".{node.attr}")
        elif node.attr in rules.METHODS and isinstance(node.ctx, ast.Load) and not self._own_data(node):
            self.flag(node, "LR107", f".{node.attr}")
        elif isinstance(node.value, ast.Name):
            self._of_a_parameter(node, node.value.id)
        self.generic_visit(node)

    def _own_data(self, node: ast.Attribute) -> bool:
        """Whether it reads, at import, a file that comes with the package."""
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

    def _of_a_parameter(self, node: ast.Attribute, name: str) -> None:
        if self._is_site(name) and (node.attr in ("identity", "courses", "space") or node.attr.startswith("_")):
            self.flag(node, "LR111", f"{name}.{node.attr}")
            return
        mapping = self._mapping()
        if mapping is None or not isinstance(node.ctx, ast.Load):
            return
        parameter, declaration = mapping
        if name != parameter:
            return
        declared = self.origins.declared_of(declaration)
        if node.attr.startswith("_") and node.attr not in rules.PRIVATE_BUT_USUAL:
            self.flag(node, "LR105", f"{name}.{node.attr}")
        elif declared is not None and node.attr not in declared:
            self.flag(node, "LR105", f"{declaration} declares no {node.attr}")

    def _is_site(self, name: str) -> bool:
        if name not in ("site", "_site"):
            return any(
                argument.arg == name and _annotation(argument) == "Site"
                for function in self.functions
                for argument in function.args.args
            )
        return True

    def _is_local(self, name: str) -> bool:
        return any(
            name in {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}
            or any(
                isinstance(one, ast.Name) and one.id == name and isinstance(one.ctx, ast.Store)
                for one in ast.walk(function)
            )
            for function in self.functions
        )

    def _mapping(self) -> tuple[str, str] | None:
        """(first parameter, declaration) of the mapping or stage function that we are in."""
        for function in self.functions:
            for decorator in function.decorator_list:
                if isinstance(decorator, ast.Call):
                    for keyword in decorator.keywords:
                        if keyword.arg == "reads" and isinstance(keyword.value, ast.Name):
                            names = [one.arg for one in function.args.args if one.arg != "self"]
                            if names:
                                return names[0], keyword.value.id
        return None

    # --- calls --------------------------------------------------------------------------------------------

    def visit_Call(self, node: ast.Call) -> None:
        name = self.origins.dotted(node.func) or (node.func.id if isinstance(node.func, ast.Name) else "")
        last = name.rpartition(".")[2]
        self.called.add(node.func)
        if name == "operator.attrgetter":
            self._attrgetter(node)
        if name == "getattr" and len(node.args) > 1:
            self._getattr(node)
        elif name in ("setattr", "delattr") and node.args:
            self._changed(node, node.args[0])
        elif isinstance(node.func, ast.Attribute) and node.func.attr in ("__setattr__", "__delattr__"):
            own = node.args and isinstance(node.args[0], ast.Name) and node.args[0].id == "self"
            if not own:
                self.flag(node, "LR104", ast.unparse(node.func))
        elif name == "dataclasses.replace" and any(
            one.arg == "reason" and _has_values([one.value]) for one in node.keywords
        ):
            self.flag(node, "LR108", "a reason is made of values")
        elif last in rules.EVENT_ERRORS and any(map(_made_of_values, _told_by(node))):
            self.flag(node, "LR108", f"the text of {last} is made of values")
        elif name == "next" and node.args and self._is_state(node.args[0]):
            self.flag(node, "LR109", ast.unparse(node.args[0]))
        elif isinstance(node.func, ast.Attribute):
            self._method(node, node.func)
        self.generic_visit(node)

    def _attrgetter(self, node: ast.Call) -> None:
        """Names of attributes that stand in the source are as good as attributes, and so are the declared ones."""
        for wanted in node.args:
            inner = wanted.value if isinstance(wanted, ast.Starred) else None
            if isinstance(inner, ast.Subscript) and isinstance(inner.slice, ast.Slice):
                inner = inner.value
            if isinstance(inner, ast.Call) and self.origins.dotted(inner.func) is None and len(inner.args) == 1:
                inner = inner.args[0] if ast.unparse(inner.func) in ("list", "tuple") else None
            if isinstance(inner, ast.Attribute) and inner.attr == "declared":
                continue
            names = wanted.value.split(".") if isinstance(wanted, ast.Constant) and type(wanted.value) is str else [""]
            if any(not one or one.startswith("_") or one in rules.ATTRIBUTES for one in names):
                self.flag(node, "LR103", "attrgetter with a computed or private name")

    def visit_Constant(self, node: ast.Constant) -> None:
        """A format string reaches attributes too: ``"{0.__closure__}"``."""
        if type(node.value) is str:
            for names in _FORMATTED.findall(node.value):
                for name in _ATTRIBUTE.findall(names):
                    if name in rules.ATTRIBUTES or name.startswith("_"):
                        self.flag(node, rules.ATTRIBUTES.get(name, "LR105"), f".{name} in a format string")

    def _getattr(self, node: ast.Call) -> None:
        wanted = node.args[1]
        if isinstance(wanted, ast.Constant) and isinstance(wanted.value, str):
            attribute = ast.copy_location(ast.Attribute(node.args[0], wanted.value, ast.Load()), node)
            before = len(self.found)
            self.visit_Attribute(attribute)
            del self.found[before + 1 :]
            return
        holder = node.args[0]
        plain = isinstance(holder, ast.Name) and self._is_parameter(holder.id) and not self._is_site(holder.id)
        if not plain and (self.origins.dotted(holder) or self._on_the_way()):
            self.flag(node, "LR103", "getattr with a computed name")

    def _is_parameter(self, name: str) -> bool:
        return any(name == one.arg for function in self.functions for one in function.args.args)

    def _method(self, node: ast.Call, function: ast.Attribute) -> None:
        if function.attr in rules.LOGGING and self._is_logger(function.value):
            if (
                self.functions
                and not self.provides
                and (_has_values(node.args[1:]) or (node.args and _made_of_values(node.args[0])) or node.keywords)
            ):
                self.flag(node, "LR108", f"a log record with values ({function.attr})")
            elif function.attr == "exception" and not self.provides:
                self.flag(node, "LR108", "a log record with an exception's text")
        elif function.attr in ("addHandler", "addFilter", "removeHandler", "setLevel") and self._is_logger(
            function.value
        ):
            self.flag(node, "LR104", f"logging ({function.attr})")
        elif function.attr in rules.MUTATORS and self._is_state(function.value):
            self.flag(node, "LR109", ast.unparse(function.value))
        elif function.attr == "open" and not isinstance(function.value, ast.Constant):
            self.flag(node, "LR107", f"{ast.unparse(function)}()")

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

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._target(node, target)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._target(node, node.target)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._target(node, node.target)
        self.generic_visit(node)

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self._target(node, target)
        self.generic_visit(node)

    def _target(self, node: ast.AST, target: ast.expr) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            for inner in target.elts:
                self._target(node, inner)
        elif isinstance(target, ast.Attribute):
            self._changed(node, target.value)
        elif isinstance(target, ast.Subscript):
            if self.origins.dotted(target.value):
                self.flag(node, "LR104", ast.unparse(target))
            elif self._is_state(target.value):
                self.flag(node, "LR109", ast.unparse(target.value))

    def _changed(self, node: ast.AST, holder: ast.expr) -> None:
        """An attribute of ``holder`` is set or deleted."""
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
        mapping = self._mapping()
        if self._is_site(root.id) or (mapping is not None and root.id == mapping[0]):
            self.flag(node, "LR104", f"an attribute of {root.id}")
        elif self._on_the_way() and (root.id in self.origins.functions or root.id in self.origins.classes):
            self.flag(node, "LR109", f"an attribute of {root.id}")
        elif root.id == "self" and self._in_lasting_object():
            self.flag(node, "LR109", "an attribute of an object that lasts")
        elif self._on_the_way() and root.id in self.origins.module_names and not self._is_local(root.id):
            self.flag(node, "LR109", f"an attribute of {root.id}")

    def _is_state(self, node: ast.expr) -> bool:
        """Whether an expression is a container of the module or of a default argument, used on the way of an event."""
        while isinstance(node, ast.Attribute | ast.Subscript):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in ("self", "cls")
            ):
                return self._in_lasting_object()
            node = node.value
        if not isinstance(node, ast.Name) or not self._on_the_way():
            return False
        if node.id in self.origins.module_names or node.id in self.origins.classes or node.id in self.origins.functions:
            return not self._is_local(node.id)
        return any(node.id in _defaulted(function) for function in self.functions)

    def _in_lasting_object(self) -> bool:
        """Whether we are in a method of the plugin itself that handles events, or of an object that lives as long."""
        return bool(self.functions) and (
            self.functions[0].name in rules.STAGES | rules.DECIDING or self.origins.lasts(self.functions[0])
        )

    def _on_the_way(self) -> bool:
        """Whether the code may run for an event: in a function that is no decorator and not called at import."""
        if not self.functions:
            return False
        outer = self.functions[0].name
        return outer not in self.decorators and outer not in self.origins.called_at_import

    # --- definitions --------------------------------------------------------------------------------------

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._function(node)

    def _function(self, node: Function) -> None:
        for outside in (*node.decorator_list, *node.args.defaults, *(one for one in node.args.kw_defaults if one)):
            self.visit(outside)
        if node.name in rules.DECIDING:
            for swallowing, then in self._swallowing(node):
                if not any(_denies(statement) for one in then for statement in ast.walk(one)):
                    self.flag(swallowing, "LR112", f"{node.name} swallows an error and does not deny")
        if node.name in self.kinds and node.args.args:
            for inner in ast.walk(node):
                if _looks_into(inner, node.args.args[0].arg):
                    self.flag(inner, "LR105", f"the kind {node.name} looks into what stands at its path")
        if node.name in ("__getattr__", "__getattribute__") and (self.classes or not self.functions):
            self.flag(node, "LR105", f"{node.name} hides what is read")
        self.functions.append(node)
        for statement in node.body:
            self.visit(statement)
        self.functions.pop()

    def _swallowing(self, function: Function) -> Iterator[tuple[ast.AST, Sequence[ast.stmt]]]:
        """What makes an error go away (``except``, ``finally`` that returns, ``suppress``), and what runs then."""
        for node in ast.walk(function):
            if isinstance(node, ast.ExceptHandler):
                yield node, node.body
            elif isinstance(node, ast.Try):
                ways_out = [one for last in node.finalbody for one in ast.walk(last) if isinstance(one, ast.Return)]
                yield from ((one, [] if isinstance(one.value, ast.Name) else [one]) for one in ways_out)
            for body in (value for _, value in ast.iter_fields(node) if isinstance(value, list)):
                for number, one in enumerate(body):
                    if isinstance(one, ast.With) and any(map(self._suppresses, one.items)):
                        yield one, body[number + 1 :]

    def _suppresses(self, item: ast.withitem) -> bool:
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
                if "declared" in names or (isinstance(statement, Function) and statement.name.startswith("__")):
                    self.flag(statement, "LR105", f"the declaration {node.name} does more than declare")
        self.classes.append(node)
        self.generic_visit(node)
        self.classes.pop()


def _parents(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _annotation(argument: ast.arg) -> str:
    return argument.annotation.id if isinstance(argument.annotation, ast.Name) else ""


def _told_by(node: ast.Call) -> Iterator[ast.expr]:
    """What an error or a skip tells: its text, and its path."""
    yield from node.args[:1]
    yield from (keyword.value for keyword in node.keywords if keyword.arg in ("reason", "path"))


def _has_values(nodes: list[ast.expr]) -> bool:
    return any(not isinstance(node, ast.Constant) for node in nodes)


def _made_of_values(node: ast.expr) -> bool:
    """Whether a text is put together at run time."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp):
        return not all(isinstance(one, ast.Constant | ast.JoinedStr) for one in (node.left, node.right)) or (
            _made_of_values(node.left) or _made_of_values(node.right)
        )
    if isinstance(node, ast.Call):
        return True
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id.islower()


def _defaulted(function: Function) -> set[str]:
    """Parameters whose default is a container: it lives as long as the function."""
    names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
    pairs = [*zip(reversed(names), reversed(function.args.defaults), strict=False)]
    pairs += [
        (one.arg, default)
        for one, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
        if default
    ]
    return {
        name for name, default in pairs
        if isinstance(default, ast.List | ast.Dict | ast.Set | ast.Call | ast.ListComp | ast.DictComp)
    }  # fmt: skip


def _looks_into(node: ast.AST, value: str) -> bool:
    """Whether an expression treats ``value`` as an object or a list."""
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute):
        of_value = isinstance(node.func.value, ast.Name) and node.func.value.id == value
        return of_value and node.func.attr in ("get", "items", "values", "keys", "pop", "setdefault")
    if isinstance(node.func, ast.Name) and node.func.id == "isinstance" and len(node.args) == 2:
        asked = {one.id for one in ast.walk(node.args[1]) if isinstance(one, ast.Name)}
        return isinstance(node.args[0], ast.Name) and node.args[0].id == value and bool(asked & rules.CONTAINERS)
    return False


def _denies(node: ast.AST) -> bool:
    if isinstance(node, ast.Raise):
        return True
    return isinstance(node, ast.Return) and not (
        node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None)
    )
