"""Implements ``learnrelay import-erb``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click
from marshmallow import ValidationError

from learnrelay import LearnrelayError
from learnrelay.config.fields import Url

from .operator_file import WrittenFile, write_file
from .router_rows import RouterRow, RouterSourceError, read_dump, select_current
from .site_settings import SiteSettingsError, read_settings


@click.command()
@click.argument("dump", metavar="[DUMP]", required=False, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--settings",
    "settings_file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="Settings of the LMS: .json, .yml, or lines KEY=VALUE. Others than ERB's are passed over.",
)
@click.option("--root-url", metavar="URL", help="Address of the LMS, where the settings have no LMS_ROOT_URL.")
@click.option(
    "--database",
    metavar="env:NAME",
    help="Database of the LMS, instead of a dump: the variable with its address for SQLAlchemy.",
)
@click.option(
    "--fernet-key",
    "keys",
    metavar="env:NAME",
    multiple=True,
    help="The variable with FERNET_KEYS of the LMS, else its SECRET_KEY; repeatable.",
)
def import_erb(
    dump: str | None, settings_file: str | None, root_url: str | None, database: str | None, keys: tuple[str, ...]
) -> None:  # fmt: skip
    r"""Write a configuration file for the routers of event-routing-backends (ERB).

    DUMP is what the LMS writes: manage.py lms dumpdata event_routing_backends.routerconfiguration --format json. It
    holds passwords: keep it as you keep those. The file goes to standard output, without secrets; the variables to
    set, and what could not be carried over, to standard error. No destination receives more than ERB sent there: a
    router that cannot be carried over as it was becomes a comment.

    \b
    Exit codes: 0 all routers that are enabled were carried over; 1 at least one of them was not; 2 usage, or something
    cannot be read.

    \b
    Examples:
      learnrelay import-erb routers.json --settings lms.yml > relay.toml
      learnrelay import-erb --database env:LMS_DATABASE --fernet-key env:FERNET_KEY --root-url https://lms.example.org
    """
    if (dump is None) == (database is None):
        raise click.UsageError("give a dump, or --database with --fernet-key")
    if (database is None) != (not keys):
        raise click.UsageError("--database and --fernet-key go together")
    try:
        import re2  # noqa: F401  # without it, no expression could be translated
    except ImportError:
        raise click.ClickException("expressions are checked with: pip install 'learnrelay-openedx[erb]'") from None
    try:
        settings = _read_settings(settings_file)
        address = _read_root_url(root_url, settings)
        rows = _read_rows(dump, database, keys)
    except LearnrelayError as error:
        raise click.ClickException(str(error)) from None
    current = select_current(rows)
    written = write_file(current, settings, address, len(rows) - len(current))
    click.echo(written.text, nl=False)
    _report(written)
    sys.exit(0 if written.is_complete else 1)


def _read_settings(file: str | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return read_settings(Path(file).read_text("utf-8-sig"), file)
    except UnicodeDecodeError:
        raise SiteSettingsError(f"{file}: is not UTF-8 text") from None


def _read_root_url(root_url: str | None, settings: dict[str, Any]) -> str:
    where = "--root-url" if root_url else "LMS_ROOT_URL"
    if not (value := root_url or settings.get("LMS_ROOT_URL")):
        raise click.UsageError("the address of the LMS is missing: --root-url, or LMS_ROOT_URL in --settings")
    try:
        address: str = Url().deserialize(value)
    except ValidationError as error:
        raise click.UsageError(f"{where}: {error.messages[0]}") from None
    return address.rstrip("/")


def _read_rows(dump: str | None, database: str | None, keys: tuple[str, ...]) -> list[RouterRow]:
    if database is None:
        assert dump is not None
        content = sys.stdin.buffer.read() if dump == "-" else Path(dump).read_bytes()
        return read_dump(content, "standard input" if dump == "-" else dump)
    from .router_table import read_table

    return read_table(_read_variable(database, "--database"), [_read_variable(key, "--fernet-key") for key in keys])


def _read_variable(reference: str, option: str) -> str:
    name = reference.removeprefix("env:")
    if name == reference:
        raise click.UsageError(f"{option}: expected env:NAME; others on this machine see command lines")
    if not (value := os.environ.get(name)):
        raise RouterSourceError(f"{option}: environment variable {name} is not set or empty")
    return value


def _report(written: WrittenFile) -> None:
    from learnrelay.cli.output import print_line

    print_line("Set these variables:", err=True)
    for variable, holds in written.secrets.items():
        print_line(f"  {variable}: {holds}", err=True)
    if written.needs_tables:
        print_line("Install what reads the LMS's tables: pip install 'learnrelay-openedx[tables]'", err=True)
    if written.needs_regex:
        print_line("Install what reads the expressions: pip install 'learnrelay[regex]'", err=True)
    for name, faults in written.inactive.items():
        print_line(f"{name} is a comment: {'; '.join(faults)}", err=True)
