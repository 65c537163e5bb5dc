"""The command line, `learnrelay`. Each command is imported when it is used, so that ``--help`` is quick."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from .. import __version__
from ..errors import ConfigurationError, LearnrelayError
from ..hookspecs import CONTRACT

_Command = TypeVar("_Command", bound=Callable[..., Any])

COMMANDS = {
    "check": "Check the operator's file, the plugins it enables and, with --connect, its destinations.",
    "explain": "Show, stage by stage, what becomes of one event, and why.",
    "failed": "List, show, retry or drop the statements that a consumer will not take.",
    "forget": "Remove what is still stored about a learner.",
    "new-plugin": "Write a plugin package of your own that passes the contract tests.",
    "plugins": "Show what is installed, enabled and mapped.",
    "privacy": "Show which source field reaches which output field, and who gets it: the data map.",
    "replay": "Run whole logs through the pipeline, to the destinations or into files.",
    "status": "Show what waits for which destination, and since when.",
    "transform": "Turn events into statements, on standard output or in a file.",
    "worker": "Deliver what waits in the outbox.",
}
"""Name → first line of the help; the command itself is ``command`` in the module of its name."""


BROUGHT_BY = {"contract-test": "learnrelay-contract-tests", "lint": "learnrelay-contract-tests"}
"""Commands of another package of ours, for the message that says what to install."""

PLUGIN_COMMANDS = "learnrelay.commands"
"""Entry-point group of commands that other packages bring; each names a click command."""


class _Lazy(click.Group):
    """A group that knows its commands by name and imports one when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*COMMANDS, *entry_points(group=PLUGIN_COMMANDS).names})

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in COMMANDS:
            command: click.Command = importlib.import_module(f".{name.replace('-', '_')}", __name__).command
            return _laid_out(command)
        points = {point.value: point for point in entry_points(group=PLUGIN_COMMANDS, name=name)}
        if len(points) > 1:
            origins = ", ".join(sorted(point.dist.name if point.dist else point.value for point in points.values()))
            raise click.UsageError(f"several packages bring the command {name}: {origins}; uninstall all but one")
        for point in points.values():
            brought: click.Command = point.load()
            return _laid_out(brought)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args and args[0] not in known:
            if args[0] in BROUGHT_BY:
                raise click.UsageError(f"{args[0]} comes with another package: pip install {BROUGHT_BY[args[0]]}")
            if near := get_close_matches(args[0], known, 1):
                raise click.UsageError(f"No such command '{args[0]}'; did you mean {near[0]}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        brought = {
            point.name: f"(from {point.dist.name})" if point.dist else ""
            for point in entry_points(group=PLUGIN_COMMANDS)
        }
        with formatter.section("Commands"):
            formatter.write_dl(sorted({**brought, **COMMANDS}.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        names = ", ".join(standards()) or "none; install the package of one with pip"
        formatter.write_paragraph()
        formatter.write_text(f"Standards installed: {names}")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands, without importing them."""
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        if names and not incomplete.startswith("-"):
            return [CompletionItem(name, help=COMMANDS.get(name)) for name in names]
        return super().shell_complete(ctx, incomplete)


def standards() -> list[str]:
    """Names of the installed standards. Imports none of them."""
    return sorted(entry_points(group=f"learnrelay.standards.v{CONTRACT}").names)


def complete_standards(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Completion of an option that takes a standard."""
    return [name for name in standards() if name.startswith(incomplete)]


def _laid_out(command: click.Command) -> click.Command:
    r"""A command whose raw docstring marks paragraphs to be left as they are with ``\b``, as click wants the mark."""
    if command.help:
        command.help = command.help.replace("\\b\n", "\b\n")
    return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="learnrelay")
@click.option("-v", "--verbose", count=True, help="Say more: -v informs, -vv explains every skip and absent field.")
def cli(verbose: int) -> None:
    r"""Turn tracking events of a learning platform into the standards that other systems read, and deliver them.

    \b
    Try:
      learnrelay transform --standard NAME tracking.log     what would be said of my events?
      learnrelay plugins                                    what can be said at all?
      learnrelay check --config relay.toml                  is my configuration sound?

    Exit codes: 0 all went well; 1 something failed; 2 usage or configuration.
    """
    level = {0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG)
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    if not verbose:  # the commands record and count the events that fail
        logging.getLogger("learnrelay.pipeline").setLevel(logging.ERROR)
    for noisy in ("urllib3", "stevedore", "requests", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))


_laid_out(cli)


def main() -> None:
    """Entry point: errors of ours become messages and exit codes, never tracebacks."""
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except ConfigurationError as error:
        for problem in error.problems:
            click.echo(f"error: {problem}", err=True)
        sys.exit(2)
    except LearnrelayError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()  # who reads our output has gone: nothing to say, and nobody to say it to
        sys.exit(1)
    except OSError as error:  # a file that a command was told to write, a full disk
        if not error.strerror:
            raise
        click.echo(f"error: {f'{error.filename}: ' if error.filename else ''}{error.strerror}", err=True)
        sys.exit(2 if error.filename else 1)


def config_option(required: bool = False) -> Callable[[_Command], _Command]:
    """``--config FILE``, or LEARNRELAY_CONFIG."""
    return click.option(
        "-c",
        "--config",
        "config_path",
        type=click.Path(dir_okay=False),
        envvar="LEARNRELAY_CONFIG",
        show_envvar=True,
        required=required,
        help="The operator's file.",
    )


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
