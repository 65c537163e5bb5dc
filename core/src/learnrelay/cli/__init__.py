"""Provides the command line, `learnrelay`. A command is imported when it runs, so that ``--help`` is quick."""

from __future__ import annotations

import ast
import importlib
import logging
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from .. import __version__
from ..errors import ConfigurationError, LearnrelayError, OutboxVersionError
from ..hookspecs import CONTRACT, PLUGIN_COMMANDS
from ..logs import EscapingFormatter, escape, escape_lines

_Command = TypeVar("_Command", bound=Callable[..., Any])

COMMANDS = (
    "backup", "check", "diff", "explain", "failed", "follow", "forget", "init", "keys", "migrate", "new-plugin",
    "object", "plugins", "privacy", "pseudonyms", "replay", "resume", "status", "tap", "transform", "void", "worker",
)  # fmt: skip
"""Names of the core's commands. Each is the function ``command`` in the module of its name."""

BROUGHT_BY = {
    "clickhouse": "learnrelay-clickhouse",
    "console": "learnrelay-serve",
    "contract-test": "learnrelay-contract-tests",
    "lint": "learnrelay-contract-tests",
    "serve": "learnrelay-serve",
}
"""Command → the package of this project that brings it."""

PLACEHOLDER_ROOT_URL = "https://platform.example.org"
"""Root of the addresses in statements that are made without a configuration file."""


class LazyGroup(click.Group):
    """Knows its commands by name, and imports a command when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*COMMANDS, *entry_points(group=PLUGIN_COMMANDS).names})

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in COMMANDS:
            command: click.Command = importlib.import_module(_module_of(name)).command
            return _with_paragraphs(command)
        points = {point.value: point for point in entry_points(group=PLUGIN_COMMANDS, name=name)}
        if len(points) > 1:
            origins = ", ".join(sorted(point.dist.name if point.dist else point.value for point in points.values()))
            raise click.UsageError(f"several packages bring the command {name}: {origins}; uninstall all but one")
        for point in points.values():
            plugin_command: click.Command = point.load()
            return _with_paragraphs(plugin_command)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and args[0] not in (known := self.list_commands(ctx)):
            if args[0] in BROUGHT_BY:
                raise click.UsageError(f"{args[0]} comes with another package: pip install {BROUGHT_BY[args[0]]}")
            if near := get_close_matches(args[0], known, 1):
                raise click.UsageError(f"No such command '{args[0]}'; did you mean {near[0]}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_help_lines().items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        names = ", ".join(list_standards()) or "none; install the package of one with pip"
        formatter.write_paragraph()
        formatter.write_text(f"Standards installed: {names}")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Completes the name of a command without importing any."""
        lines = {name: line for name, line in sorted(_help_lines().items()) if name.startswith(incomplete)}
        if lines and not incomplete.startswith("-"):
            return [CompletionItem(name, help=line) for name, line in lines.items()]
        return super().shell_complete(ctx, incomplete)


def _module_of(command: str) -> str:
    return f"{__name__}.{command.replace('-', '_')}"


def _help_lines() -> dict[str, str]:
    """Maps each command to the first line of its docstring, read from the source; no command is imported."""
    lines = {point.name: _plugin_line(point) for point in entry_points(group=PLUGIN_COMMANDS)}
    return lines | {name: _first_line(_module_of(name), "command") for name in COMMANDS}


def _plugin_line(point: EntryPoint) -> str:
    origin = f"(from {point.dist.name})" if point.dist else ""
    return f"{_first_line(point.module, point.attr)} {origin}".strip()


def _first_line(module: str, function: str) -> str:
    """Reads the first line of a function's docstring; empty where there is no source or no such function in it."""
    try:
        spec = find_spec(module)
        source = Path(spec.origin).read_bytes() if spec and spec.origin else b""
    except (ImportError, OSError):
        return ""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    return ""


def list_standards() -> list[str]:
    """Names the installed standards. Imports none of them."""
    return sorted(entry_points(group=f"learnrelay.standards.v{CONTRACT}").names)


def complete_standards(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Completes an option that takes a standard."""
    return [name for name in list_standards() if name.startswith(incomplete)]


def _with_paragraphs(command: click.Command) -> click.Command:
    r"""Turns ``\b`` in a raw docstring into click's mark for a paragraph that is not to be filled."""
    if command.help:
        command.help = command.help.replace("\\b\n", "\b\n")
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        _with_paragraphs(inner)
    return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="learnrelay")
@click.option("-v", "--verbose", count=True, help="Log level: -v for information, -vv for every skip and absent field.")
def cli(verbose: int) -> None:
    r"""Turn tracking events of a learning platform into statements of a standard, and deliver them.

    \b
    Examples:
      learnrelay transform --standard NAME tracking.log     turn a log into statements
      learnrelay plugins                                    list the installed plugins
      learnrelay check --config relay.toml                  check the configuration file

    Exit codes: 0 success; 1 something failed; 2 usage or configuration.
    """
    level = {0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(EscapingFormatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    if not verbose:  # the commands record and count the events that fail
        logging.getLogger("learnrelay.pipeline").setLevel(logging.ERROR)
    for noisy in ("urllib3", "stevedore", "requests", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))


_with_paragraphs(cli)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line. Prints a `LearnrelayError` as a message, and exits with its code, without a traceback.

    ``arguments``: for who embeds it in a program of its own, instead of those of the process.
    """
    try:
        cli.main(arguments, "learnrelay" if arguments is not None else None, standalone_mode=False)
    except click.ClickException as error:
        vars(error)["message"] = escape_lines(error.message)  # click declares it as final
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except ConfigurationError as error:
        for problem in error.problems:
            click.echo(escape(f"error: {problem}"), err=True)
        sys.exit(2)
    except LearnrelayError as error:
        click.echo(escape_lines(f"error: {error}"), err=True)
        sys.exit(2 if isinstance(error, OutboxVersionError) else 1)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone
        sys.exit(1)
    except OSError as error:  # a file that cannot be written, a full disk
        if not error.strerror:
            raise
        where = f"{error.filename}: " if error.filename else ""
        click.echo(escape(f"error: {where}{error.strerror}"), err=True)
        sys.exit(2 if error.filename else 1)


def config_option(required: bool = False) -> Callable[[_Command], _Command]:
    """Adds the option ``--config FILE``, or LEARNRELAY_CONFIG."""
    return click.option(
        "-c",
        "--config",
        "config_path",
        type=click.Path(dir_okay=False),
        envvar="LEARNRELAY_CONFIG",
        show_envvar=True,
        required=required,
        help="Configuration file (TOML).",
    )


def source_option() -> Callable[[_Command], _Command]:
    """Adds the option ``--source NAME``, or LEARNRELAY_SOURCE, for commands that work without a file."""
    return click.option(
        "--source",
        metavar="NAME",
        envvar="LEARNRELAY_SOURCE",
        show_envvar=True,
        help="Source of the events, without --config, where several are installed.",
    )


plugin_option = click.option(
    "--plugin",
    "plugin_files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="Single-file plugin to use in addition; repeatable.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Output as JSON instead of a table.")
