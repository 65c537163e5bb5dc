"""The command line, `learnrelay`. Each command is imported when it is used, so that ``--help`` is quick."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from .. import __version__
from ..errors import ConfigurationError, LearnrelayError

_Command = TypeVar("_Command", bound=Callable[..., Any])

COMMANDS = {
    "check": "Check the operator's file, the plugins it enables and, with --connect, its destinations.",
    "plugins": "Show what is installed, enabled and mapped.",
    "status": "Show what waits for which destination, and since when.",
    "transform": "Turn events into statements, on standard output or in a file.",
    "worker": "Deliver what waits in the outbox.",
}
"""Name → first line of the help; the command itself is ``command`` in the module of its name."""


class _Lazy(click.Group):
    """A group that knows its commands by name and imports one when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f".{name.replace('-', '_')}", __name__).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="learnrelay")
@click.option("-v", "--verbose", count=True, help="Say more: -v informs, -vv explains every skip and absent field.")
def cli(verbose: int) -> None:
    r"""Turn tracking events of a learning platform into xAPI, Caliper and other standards, and deliver them.

    \b
    Try:
      learnrelay transform --standard NAME tracking.log     what would be said of my events?
      learnrelay plugins                                    what can be said at all?
      learnrelay check --config relay.toml                  is my configuration sound?

    Exit codes: 0 all went well; 1 something failed; 2 usage or configuration.
    """
    level = {0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG)
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for noisy in ("urllib3", "stevedore", "requests", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))


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
