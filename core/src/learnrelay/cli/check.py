"""``learnrelay check``: is the operator's file sound?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import click

from ..assembly import Assembly, assemble
from ..config.fields import did_you_mean
from ..config.models import Delivery
from ..delivery.database import Database
from ..errors import ConfigurationError, OutboxError, Problem
from . import config_option, json_option
from .output import print_json, print_table

_PATIENCE = 10.0  # seconds for a broker


@click.command()
@config_option(required=True)
@click.option(
    "--connect",
    is_flag=True,
    help="Also ask database, broker and destinations whether they are there and take our credentials.",
)
@json_option
def command(config_path: str, connect: bool, as_json: bool) -> None:
    """Check the operator's file, the plugins it enables and their settings; all mistakes at once.

    Exit codes: 0 sound; 1 somebody does not answer as they should (--connect); 2 the file or a plugin is at fault.
    """
    try:
        assembly = assemble(Path(config_path))
        warnings = [
            *assembly.config.warnings,
            *_of_outbox(assembly.config.delivery, config_path),
            *_of_critical(assembly),
        ]
    except ConfigurationError as error:
        if as_json:
            print_json({"problems": [{"file": p.file, "key": p.key, "reason": p.reason} for p in error.problems]})
            sys.exit(2)
        raise
    answers = [_ask(assembly, name) for name in assembly.config.destinations] if connect else []
    behind = list(_ask_behind(assembly.config.delivery)) if connect else []
    if as_json:
        print_json({
            "problems": [],
            "warnings": warnings,
            "delivery": [{"name": name, "sound": sound, "reason": reason} for name, sound, reason in behind],
            "destinations": [{"name": name, "sound": sound, "reason": reason} for name, sound, reason in answers],
        })  # fmt: skip
    else:
        for warning in warnings:
            click.echo(f"warning: {config_path}: {warning}", err=True)
        _print(assembly)
        if behind:
            print_table(["delivery", "answers", ""], ((n, "yes" if s else "NO", r) for n, s, r in behind))
        if answers:
            print_table(["destination", "answers", ""], ((n, "yes" if s else "NO", r) for n, s, r in answers))
    if not all(sound for _, sound, _ in [*behind, *answers]):
        sys.exit(1)


def _of_outbox(delivery: Delivery, config_path: str) -> Iterator[str]:
    """Warnings. Raises ConfigurationError for what shows without asking a server."""
    try:
        database = Database(delivery.database, delivery.wait)
        if not database.postgres:
            database.look()
    except OutboxError as error:
        raise ConfigurationError([Problem(config_path, "delivery.database", str(error))]) from None
    if warning := database.exposure():
        yield f"delivery.database: {warning}"
    database.close()


def _of_critical(assembly: Assembly) -> Iterator[str]:
    names = {name for (_, event), mapped in assembly.table.items() for name in (event, mapped.family)}
    for pattern in assembly.config.delivery.critical or ():
        if not any(fnmatchcase(name, pattern) for name in names):
            hint = did_you_mean(pattern, sorted(names))
            yield f'delivery.critical: "{pattern}" names no enabled event or family{hint}'


def _ask_behind(delivery: Delivery) -> Iterator[tuple[str, bool, str]]:
    """Whether the database and the broker are there."""
    database = Database(delivery.database, delivery.wait)
    try:
        database.look()
        yield "database", True, database.name
    except OutboxError as error:
        yield "database", False, str(error)
    finally:
        database.close()
    if delivery.engine != "celery":
        return
    try:
        from ..delivery.celery_engine import make_app

        with make_app(delivery).connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=_PATIENCE)
        yield "broker", True, ""
    except ImportError:
        yield "broker", False, 'its libraries are missing: pip install "learnrelay[celery]"'
    except Exception as error:  # whatever kombu's transports raise; their texts may hold the address
        yield "broker", False, f"not reached ({type(error).__name__})"


def _print(assembly: Assembly) -> None:
    config = assembly.config
    active = [info.name for info in assembly.plugins if info.state.value == "active"]
    click.echo(f"{config.path}: sound")
    click.echo(f"  plugins: {', '.join(sorted(active))}")
    click.echo(f"  events:  {len(assembly.plan.steps)} names mapped, {len(assembly.table)} mappings")
    for destination in config.destinations.values():
        scope = destination.scope if isinstance(destination.scope, str) else ", ".join(destination.scope)
        click.echo(f"  {destination.name}: {destination.standard} to {destination.url} (scope: {scope})")


def _ask(assembly: Assembly, name: str) -> tuple[str, bool, str]:
    """Whether a destination is there: any answer but refused credentials or an unknown address will do."""
    from ..delivery.http import Client, NoAnswerError

    destination = assembly.config.destinations[name]
    client = Client(destination)
    try:
        answer = client.get(assembly.standards[destination.standard].probe())
    except NoAnswerError as error:
        return name, False, error.reason
    finally:
        client.close()
    reasons = {
        401: "the credentials are refused",
        403: "the credentials are refused",
        404: "there is nothing here",
    }
    sound = answer.status not in reasons and (answer.status < 500 or answer.status == 501)  # 501: it takes no GET
    return name, sound, reasons.get(answer.status, f"HTTP {answer.status}")
