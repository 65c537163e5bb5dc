"""Implements ``learnrelay pseudonyms``, which lists the pseudonyms of known users, also under another secret."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from marshmallow import ValidationError

from ..assembly.assemble import Assembly, assemble
from ..config.fields import KeyText
from ..lookups.guards import GuardedIdentity
from ..private_files import open_private
from ..providers import IdentityProvider, UserRef
from . import config_option
from .forget import former_identity, list_platforms, with_secret

_USER_COLUMNS = ("user_id", "username")


@click.command()
@config_option(required=True)
@click.argument("users", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--output", type=click.Path(path_type=Path), required=True, help="New file (CSV), which only its owner may open."
)
@click.option(
    "--former-secret", "former", metavar="env:NAME|file:PATH",
    help="Secret of [identity] before that of the file: adds the column former.",
)  # fmt: skip
@click.option(
    "--new-secret", "new", metavar="env:NAME|file:PATH",
    help="Secret that [identity] is to have: adds the column new.",
)  # fmt: skip
def command(config_path: str, users: str, output: Path, former: str | None, new: str | None) -> None:
    r"""Write the pseudonyms of USERS, a CSV file with the columns user_id, username or both ("-" for standard input).

    Each row of the output names a user, a pseudonym space (a standard, or standard/destination for pseudonyms of its
    own), and the pseudonym there: under the secret of the file (present), and under another one (former, new). Whoever
    holds the output knows who every learner is.

    An event with a user's id may have another pseudonym than one with the name only; known_by says which it is. Where
    [identity] has a list of objections, objected says who is on it.

    \b
    Exit codes: 0 all users are listed; 1 the identity provider does not know some of them; 2 usage or configuration.
    """
    if former and new:
        raise click.UsageError("--former-secret goes without --new-secret")
    assembly = assemble(Path(config_path))
    identities = {"present": assembly.identity}
    if former:
        identities = {"former": former_identity(assembly, former, "--former-secret"), **identities}
    if new:
        identities["new"] = _new_identity(assembly, new)
    if output.exists():
        raise click.UsageError(f"{output}: exists already; nothing is replaced")
    references = list(_read_users(users))
    unknown = 0
    with open_private(output, "xb") as file, io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        objected = ["objected"] if assembly.objections else []
        writer.writerow([*_USER_COLUMNS, "known_by", "space", *identities, *objected])
        spaces = sorted(platform.space for platform in list_platforms(assembly))
        guarded = [GuardedIdentity(identity.name, identity) for identity in identities.values()]
        for user in references:
            rows = list(_list_pseudonyms(user, spaces, guarded))
            unknown += not rows
            mark = ["yes" if assembly.objections.includes(user) else ""] if assembly.objections else []
            writer.writerows([user.user_id, user.username, *row, *mark] for row in rows)
    click.echo(f"{output}: {len(references) - unknown:,} users in {len(spaces):,} pseudonym spaces")
    if unknown:
        click.echo(f"{unknown:,} users are left out: the identity provider does not know them", err=True)
    sys.exit(1 if unknown else 0)


def _new_identity(assembly: Assembly, reference: str) -> IdentityProvider:
    """Returns the identity provider with a secret that the file would accept."""
    try:
        secret = KeyText().deserialize(reference)
    except ValidationError as error:
        raise click.BadParameter(str(error.messages[0]), param_hint="--new-secret") from None
    return with_secret(assembly, secret, "--new-secret")


def _read_users(path: str) -> Iterator[UserRef]:
    """Yields the users of a CSV file. Raises UsageError with the line where a user has neither id nor name."""
    with click.open_file(path, encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if not {*_USER_COLUMNS} & {*(reader.fieldnames or ())}:
            raise click.UsageError(f"{path}: no column {' or '.join(_USER_COLUMNS)} in the first line")
        for row in reader:
            user_id, username = ((row.get(column) or "").strip() or None for column in _USER_COLUMNS)
            if not (user_id or username):
                raise click.UsageError(f"{path}:{reader.line_num}: neither user_id nor username")
            yield UserRef(user_id, username)


def _list_pseudonyms(
    user: UserRef, spaces: Sequence[str], identities: Sequence[IdentityProvider]
) -> Iterator[list[str]]:
    """Yields what an event with the id and one with the name only make of a user in each space: each row once."""
    references = {"id": UserRef(user.user_id, user.username), "name": UserRef(None, user.username)}
    seen = set()
    for space in spaces:
        for known_by, reference in references.items():
            if not (reference.user_id if known_by == "id" else reference.username):
                continue
            learners = [identity.learner_or_retired(reference, space) for identity in identities]
            pseudonyms = [learner.pseudonym if learner else "" for learner in learners]
            if any(pseudonyms) and (space, *pseudonyms) not in seen:
                seen.add((space, *pseudonyms))
                yield [known_by, space, *pseudonyms]
