"""Makes the pages of the reference that come from help texts and docstrings: commands, hooks, names for plugins."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

import click

from learnrelay import hookspecs
from learnrelay.cli import COMMANDS, cli
from learnrelay.hookspecs import PLUGIN_COMMANDS, PROJECT
from learnrelay_contract_tests.lint.rules import NOT_FOR_PLUGINS, PUBLIC

_FILLED = "\b"  # click's mark for a paragraph that keeps its lines

# --- commands -------------------------------------------------------------------------------------------


def commands_page() -> str:
    """Lists all commands of our packages, with their options."""
    brought = {
        point.name: point.dist.name
        for point in entry_points(group=PLUGIN_COMMANDS)
        if point.dist and point.dist.name.startswith("learnrelay")
    }
    lines = [
        "# Commands",
        "",
        "Generated from the help texts by `make docs`; `learnrelay COMMAND --help` prints the same. Exit codes are 0",
        "for success, 1 where something failed, and 2 for usage or configuration, unless a command says otherwise.",
        "",
        "`learnrelay -v COMMAND` logs information, `-vv` every skip and absent field.",
    ]
    root = click.Context(cli, info_name="learnrelay")
    for name in sorted({*COMMANDS, *brought}):
        command = cli.get_command(root, name)
        assert command is not None
        origin = f"\nComes with `{brought[name]}`.\n" if name in brought else ""
        lines += ["", f"## `{name}`", *([origin.rstrip()] if origin else []), *_describe_command(command, name, root)]
    return "\n".join(lines) + "\n"


def _describe_command(command: click.Command, name: str, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent)
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield from ("", f"    {usage}", "", *_as_markdown(command.help or ""))
    records = [parameter.get_help_record(context) for parameter in command.params]
    options = [record for record in records if record and record[1]]  # arguments without one are in the usage
    if options:
        yield from ("", "| option | meaning |", "|---|---|")
        yield from (f"| `{_cell(names)}` | {_cell(_escape(meaning))} |" for names, meaning in options)
    if isinstance(command, click.Group):
        for inner_name in command.list_commands(context):
            inner = command.get_command(context, inner_name)
            assert inner is not None
            yield from ("", f"### `{name} {inner_name}`", *_describe_command(inner, inner_name, context))


def _as_markdown(text: str) -> Iterator[str]:
    """Yields the lines of a help text: paragraphs, and blocks that keep their lines."""
    for number, marked in enumerate(inspect.cleandoc(text).split("\n\n")):
        if number:
            yield ""
        paragraph = marked.removeprefix(f"{_FILLED}\n")
        if paragraph != marked and not paragraph.startswith("Exit codes:"):
            yield from ("```text", *paragraph.splitlines(), "```")
        else:
            yield _escape(" ".join(paragraph.split()))


def _escape(text: str) -> str:
    return re.sub(r"([*<>])", r"\\\1", text)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


# --- hooks and names ------------------------------------------------------------------------------------


def hooks_page() -> str:
    """Lists the hooks that a plugin may implement."""
    lines = [
        "# Hooks",
        "",
        "Generated from `core/src/learnrelay/hookspecs.py` by `make docs`. [How to write a plugin](plugins.md) shows",
        "them at work.",
        "",
        *_docstring(hookspecs),
    ]
    for name, function in vars(hookspecs).items():
        if hasattr(function, f"{PROJECT}_spec"):
            lines += ["", f"## `{name}`", "", "```python", _signature(name, function), "```", "", *_docstring(function)]
    return "\n".join(lines) + "\n"


def api_page() -> str:
    """Lists the names of the core that plugins and programs may import."""
    lines = [
        "# Python API",
        "",
        "Generated from the docstrings by `make docs`: all that a plugin, or a program that embeds a relay, may import",
        "of the core. What is not here may change with any release. Each module's names are those that it defines.",
    ]
    for path in PUBLIC:
        module = importlib.import_module(path) if path.split(".")[-1][0].islower() else None
        if module is None:
            name = path.rpartition(".")[2]
            value = getattr(importlib.import_module(path.rpartition(".")[0]), name)
            lines += ["", f"## `{path}`", "", *_docstring(value)]
            continue
        lines += ["", f"## `{path}`", "", *_docstring(module), "", "| name | what it is |", "|---|---|"]
        lines += [f"| `{name}` | {_cell(_first_line(value))} |" for name, value in _list_names(module)]
    relay = importlib.import_module("learnrelay").Relay
    lines += ["", "## `learnrelay.Relay`, method by method"]
    for name, member in vars(relay).items():
        if not name.startswith("_") and callable(function := getattr(relay, name)):
            prefix = "@classmethod\n" if isinstance(member, classmethod) else ""
            signature = f"{prefix}{_signature(name, function)}"
            lines += ["", f"### `{name}`", "", "```python", signature, "```", "", *_docstring(function)]
    return "\n".join(lines) + "\n"


def _list_names(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Yields the public names of a module that have a docstring, in the order of its ``__all__`` or of the source."""
    for name in getattr(module, "__all__", vars(module)):
        value = getattr(module, name)
        origin = str(getattr(value, "__module__", ""))
        is_ours = origin.startswith(PROJECT) if hasattr(module, "__all__") else origin == module.__name__
        if is_ours and not name.startswith("_") and name not in NOT_FOR_PLUGINS and callable(value):
            yield name, value


def _signature(name: str, function: Any) -> str:
    """Writes a signature, one parameter a line where it is long."""
    signature = inspect.signature(function)
    text = f"def {name}{signature}"
    if len(text) > 88:  # more than a page shows without scrolling
        parameters = "".join(f"    {parameter},\n" for parameter in signature.parameters.values())
        ending = "" if signature.return_annotation is signature.empty else f" -> {signature.return_annotation!r}"
        text = f"def {name}(\n{parameters}){ending}"
    return re.sub(r"(: |-> )'([^'\n]*)'", r"\1\2", text)  # annotations are texts


def _docstring(value: Any) -> Iterator[str]:
    """Yields the lines of a docstring as Markdown; examples are code."""
    is_code = False
    for line in (inspect.getdoc(value) or "").replace("``", "`").splitlines():
        if line.startswith((">>>", "...")) != is_code:
            is_code = not is_code
            yield "```pycon" if is_code else "```"
        yield re.sub(r" {2,}#", "  #", line) if is_code else line  # as ruff formats it
    if is_code:
        yield "```"


def _first_line(value: Any) -> str:
    return " ".join((inspect.getdoc(value) or "").split("\n\n")[0].split()).replace("``", "`")
