"""``learnrelay check``: is the operator's file sound?"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..assembly import Assembly, assemble
from ..errors import ConfigurationError
from . import config_option, json_option
from .output import print_json, print_table


@click.command()
@config_option(required=True)
@click.option(
    "--connect", is_flag=True, help="Also ask each destination whether it is there and takes our credentials."
)
@json_option
def command(config_path: str, connect: bool, as_json: bool) -> None:
    """Check the operator's file, the plugins it enables and their settings; all mistakes at once.

    Exit codes: 0 sound; 1 a destination does not answer as it should (--connect); 2 the file or a plugin is at fault.
    """
    try:
        assembly = assemble(Path(config_path))
    except ConfigurationError as error:
        if as_json:
            print_json({"problems": [{"file": p.file, "key": p.key, "reason": p.reason} for p in error.problems]})
            sys.exit(2)
        raise
    answers = [_ask(assembly, name) for name in assembly.config.destinations] if connect else []
    if as_json:
        print_json({
            "problems": [],
            "warnings": list(assembly.config.warnings),
            "destinations": [{"name": name, "sound": sound, "reason": reason} for name, sound, reason in answers],
        })  # fmt: skip
    else:
        for warning in assembly.config.warnings:
            click.echo(f"warning: {config_path}: {warning}", err=True)
        _print(assembly)
        if answers:
            print_table(["destination", "answers", ""], ((n, "yes" if s else "NO", r) for n, s, r in answers))
    if not all(sound for _, sound, _ in answers):
        sys.exit(1)


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
