"""Implements ``learnrelay object``, which keeps the list of learners about whom nothing is said any more."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..assembly.assemble import Assembly, assemble
from ..lookups.identity import TableIdentity
from ..lookups.objections import Objections
from ..providers import UserRef
from . import config_option


@click.command()
@config_option(required=True)
@click.option("--user-id", help="User id of the learner on the platform.")
@click.option("--username", help="Login name of the learner.")
@click.option("--remove", is_flag=True, help="Take the learner off the list.")
@click.option("--list", "listed", is_flag=True, help="Show the list, or whether the learner is on it.")
def command(config_path: str, user_id: str | None, username: str | None, remove: bool, listed: bool) -> None:
    r"""Keep the list of learners who objected: about them nothing is said any more.

    Their events are skipped with the reason "the learner objected": live, deferred, in replays and by transform. Give
    both --user-id and --username where you know them, for some events have only one of the two. The list is the file
    [identity] objections; it holds keyed digests, no names. Relays that run notice a change within a second. What
    waits already is removed by: learnrelay forget --and-object.

    \b
    Exit codes: 0 done; 1 --list or --remove and the learner is not on the list; 2 usage or configuration.
    """
    user = UserRef(*((value or "").strip() or None for value in (user_id, username)))
    if remove and listed:
        raise click.UsageError("--remove goes without --list")
    if user == UserRef() and not listed:
        raise click.UsageError("expected --user-id, --username or both, or --list")
    assembly = assemble(Path(config_path))
    refuse_two_learners(assembly, user)
    objections = objections_of(assembly, config_path)
    if listed:
        entries = objections.entries if user == UserRef() else objections.find(user)
        for entry in entries:
            click.echo(f"{entry.since}  {min(entry.digests)}")
        click.echo(f"{len(entries):,} on the list {objections.path}", err=True)
        sys.exit(0 if entries or user == UserRef() else 1)
    if remove:
        removed = objections.remove(user)
        click.echo("taken off the list" if removed else "is not on the list")
        if bool(user.user_id) != bool(user.username):
            other, option = ("name", "--username") if user.user_id else ("id", "--user-id")
            click.echo(f"if the learner was added by {other} too, give {option} as well", err=True)
        sys.exit(0 if removed else 1)
    is_new = objections.add(user)
    click.echo("added to the list" if is_new else "is on the list already")
    if is_new and bool(user.user_id) != bool(user.username) and not isinstance(assembly.identity, TableIdentity):
        given, option = ("id", "--username") if user.user_id else ("name", "--user-id")
        click.echo(f"events without the user's {given} may not be recognised: give {option} too", err=True)


def refuse_two_learners(assembly: Assembly, user: UserRef) -> None:
    """Raises UsageError where the id and the name were typed of two learners, as far as the provider can tell."""
    if isinstance(assembly.identity, TableIdentity) and assembly.identity.are_two_learners(user):
        raise click.UsageError("--user-id and --username are those of two learners in the table; nothing was changed")


def objections_of(assembly: Assembly, config_path: str) -> Objections:
    """Returns the configured list. Raises UsageError where there is none."""
    if assembly.objections is None:
        raise click.UsageError(
            f'{config_path} names no list of objections. Write objections = "objections.txt" under [identity], and '
            "make the file: install -m 600 /dev/null objections.txt"
        )
    return assembly.objections
