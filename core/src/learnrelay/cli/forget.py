"""Implements ``learnrelay forget``, which removes a learner's statements from the outbox."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any, cast

import click

from ..assembly.assemble import Assembly, assemble, load_standard
from ..config.secrets import Secret, read_secret
from ..errors import SinkError
from ..lookups.guards import GuardedIdentity
from ..lookups.identity import TableIdentity, identity_id
from ..lookups.objections import RELOAD_INTERVAL
from ..outbox import Outbox
from ..outbox.deferred import deferred_reasons
from ..outbox.erasure import LearnerSearch, delete_statements, identity_periods, stored_standards
from ..outbox.queue import DEFERRED
from ..platform import Platform
from ..providers import IdentityProvider, Learner, UserRef
from ..sinks import Sink
from ..standards import Standard
from . import config_option
from .object import objections_of, refuse_two_learners
from .output import confirm_or_exit

HANDFUL = 100
"""Statements that are removed without a question."""

_NO_LIMIT = 2**53  # deliveries

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@click.command()
@config_option(required=True)
@click.option("--user-id", help="User id of the learner on the platform.")
@click.option("--username", help="Login name of the learner.")
@click.option("--pseudonym", "pseudonyms", multiple=True, help="Pseudonym of the learner in the outputs; repeatable.")
@click.option(
    "--former-secret", "references", multiple=True, metavar="env:NAME|file:PATH",
    help="Former secret of [identity], under which statements may have been stored; repeatable.",
)  # fmt: skip
@click.option("--and-object", is_flag=True, help="Add the learner to the list of objections as well.")
@click.option("--yes", is_flag=True, help="No confirmation prompt.")
def command(
    config_path: str, user_id: str | None, username: str | None, pseudonyms: tuple[str, ...],
    references: tuple[str, ...], and_object: bool, yes: bool,
) -> None:  # fmt: skip
    r"""Remove a learner's waiting statements and dead letters, for all destinations.

    Retired users are found as well, and so are statements for destinations and standards that are no longer in the
    file. Where a destination's sink can erase, the consumer's statements are erased too. Otherwise they must be removed
    there; the pseudonyms that it knows are printed for that, each with the standard, or standard/destination, that
    names the learner so.

    Events that come later become statements again, and so do logs that are replayed, unless the learner objects
    (--and-object).

    \b
    Exit codes: 0 all was removed; 1 something was left, which is named; 2 usage, configuration, or no confirmation.
    """
    user_id, username = ((value or "").strip() or None for value in (user_id, username))
    pseudonyms = tuple(word.lower() if _UUID.fullmatch(word) else word for word in pseudonyms)
    if not (user_id or username or pseudonyms):
        raise click.UsageError("expected --user-id, --username or --pseudonym")
    if and_object and not (user_id or username):
        raise click.UsageError("--and-object needs --user-id, --username or both")
    assembly = _without_limit(assemble(Path(config_path)))
    refuse_two_learners(assembly, UserRef(user_id, username))
    objections = objections_of(assembly, config_path) if and_object else None
    formers = [former_identity(assembly, reference, "--former-secret") for reference in references]
    from ..relay import Relay

    with Relay(assembly) as relay:
        left = relay.process_deferred()  # a sealed event names its learner only as a statement
        learner = _KnownLearner(assembly, relay.outbox, [assembly.identity, *formers])
        for user in {UserRef(user_id, username), UserRef(user_id), UserRef(None, username)} - {UserRef()}:
            learner.add_user(user)
        known = bool(learner.spaces) or not (user_id or username)
        for pseudonym in pseudonyms:
            learner.add_pseudonym(pseudonym)
        search = learner.search()
        _refuse_strangers(pseudonyms, learner, search)
        _confirm(learner, search, pseudonyms, yes)
        if objections is not None:
            added = objections.add(UserRef(user_id, username))
            click.echo("added to the list of objections" if added else "is on the list of objections already")
            time.sleep(RELOAD_INTERVAL)  # so that relays that run do not store more meanwhile
            left = relay.process_deferred()
            search = learner.search()
        removed = delete_statements(relay.outbox, search.keys)
        relay.outbox.erase_taken_spool()
        for pseudonym, spaces in sorted(learner.shown(search).items()):
            number = len(learner.keys_of(search, pseudonym))
            click.echo(f"{pseudonym} ({', '.join(spaces)}): {number:,} statements removed")
        for pseudonym in pseudonyms:
            if not learner.keys_of(search, pseudonym):
                click.echo(f"{pseudonym}: no statement in the outbox names this learner", err=True)
        shortcomings = list(_shortcomings(search, learner, left, relay.outbox, of_user=bool(user_id or username)))
        shortcomings += _erase_at_consumers(assembly, learner)
        if remains := relay.outbox.database.erase_free_space():
            click.echo(remains, err=True)
    if not known:
        shortcomings.append(
            "the identity provider does not know this learner. If it once did, use --pseudonym with the name of the "
            "learner in the outputs (with the table: the external id)"
        )
    elif username and not user_id and not removed:
        shortcomings.append("events with the user's id may have another pseudonym for the learner: use --user-id")
    elif bool(user_id) != bool(username) and not isinstance(assembly.identity, TableIdentity):
        given, other = ("id", "--username") if user_id else ("name", "--user-id")
        click.echo(
            f"events without the user's {given} may have another pseudonym for the learner: give {other} too", err=True
        )
    for shortcoming in shortcomings:
        click.echo(shortcoming, err=True)
    sys.exit(1 if shortcomings else 0)


def _without_limit(assembly: Assembly) -> Assembly:
    """Gives the outbox room for all that is spooled and deferred, so that it is searched."""
    delivery = replace(assembly.config.delivery, limit=_NO_LIMIT)
    return replace(assembly, config=replace(assembly.config, delivery=delivery))


def with_secret(assembly: Assembly, secret: Secret, option: str) -> IdentityProvider:
    """Returns the identity provider of the file with another secret. Raises UsageError where it has none."""
    settings = assembly.config.identity.settings
    if not settings.get("secret"):
        raise click.UsageError(f"{option}: the identity provider {assembly.identity.name} has no secret")
    provider = cast("Any", type(assembly.identity))
    return cast("IdentityProvider", provider({**settings, "secret": secret}))


def former_identity(assembly: Assembly, reference: str, option: str) -> IdentityProvider:
    """Returns the identity provider with a secret that it had; nobody asks any more whether it was a good one."""
    try:
        secret = read_secret(reference, Path())
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None
    return with_secret(assembly, secret, option)


@dataclass(slots=True)
class _KnownLearner:
    """Collects the pseudonyms of a learner in all spaces that the outbox may hold statements of, and their names.

    ``spaces``: pseudonym → the spaces where it is the learner's, with those of the present file under ``configured``.
    ``names``: standard → name in its statements → pseudonym.
    """

    assembly: Assembly
    outbox: Outbox
    identities: Sequence[IdentityProvider]
    standards: dict[str, Standard] = field(default_factory=dict)
    spaces: dict[str, list[str]] = field(default_factory=dict)
    configured: dict[str, list[str]] = field(default_factory=dict)
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    guarded: Sequence[IdentityProvider] = ()

    def __post_init__(self) -> None:
        """Guards the providers, and loads the standards of the file and of stored statements."""
        self.guarded = [GuardedIdentity(identity.name, identity) for identity in self.identities]
        stored = stored_standards(self.outbox)
        loaded = {name: self.assembly.standards.get(name) or load_standard(name) for name in stored}
        self.standards = {**self.assembly.standards, **{name: of for name, of in loaded.items() if of is not None}}

    def platforms(self) -> Iterator[Platform]:
        """Yields a platform for each space: of each standard, and of each destination that the outbox ever had."""
        root_url, source, courses = self.assembly.config.root_url, self.assembly.source, self.assembly.courses
        identity = self.guarded[0]
        destinations = self.outbox.status(self.assembly.config.destinations).keys() - {DEFERRED}
        for standard in self.standards:
            for space in (standard, *(f"{standard}/{name}" for name in sorted(destinations))):
                yield Platform(root_url, source, identity, courses, space, own=space != standard)

    def _learners(self, user: UserRef, platform: Platform) -> Iterator[Learner]:
        """Yields a user as the identity provider names them in the space of a platform, or once did."""
        for identity in self.guarded:
            for learner in identity.possible_learners(user, platform.space):
                yield Learner(learner.pseudonym) if platform.own else learner

    def add_user(self, user: UserRef) -> None:
        """Adds the pseudonyms of a user."""
        present = {platform.space for platform in list_platforms(self.assembly)}
        for platform in self.platforms():
            for learner in self._learners(user, platform):
                self._add(learner, platform)
            if platform.space in present and (now := platform.learner_or_retired(user)) is not None:
                _append(self.configured, now.pseudonym, platform.space)

    def add_pseudonym(self, pseudonym: str) -> None:
        """Adds a pseudonym that was typed."""
        for platform in self.platforms():
            if not platform.own:
                self._add(Learner(pseudonym), platform)

    def _add(self, learner: Learner, platform: Platform) -> None:
        standard = platform.space.partition("/")[0]
        _append(self.spaces, learner.pseudonym, platform.space)
        for name in self.standards[standard].names(learner, platform):
            self.names.setdefault(standard, {})[name] = learner.pseudonym

    def search(self) -> LearnerSearch:
        """Searches the outbox for statements with these names."""
        learners = {name: standard.learners for name, standard in self.standards.items()}
        search = LearnerSearch(learners, self.names, users=self._names_of_users())
        search.run(self.outbox)
        return search

    def _names_of_users(self) -> dict[str, set[str]] | None:
        """Returns the names of all users of an identity table by standard; None with another provider."""
        if not isinstance(self.assembly.identity, TableIdentity):
            return None
        names: dict[str, set[str]] = {}
        for platform, user in product(self.platforms(), self.assembly.identity.users()):
            standard = platform.space.partition("/")[0]
            for learner in self._learners(user, platform):
                names.setdefault(standard, set()).update(self.standards[standard].names(learner, platform))
        return names

    def keys_of(self, search: LearnerSearch, pseudonym: str) -> set[int]:
        """Returns the keys of the statements that bear a pseudonym."""
        return {
            key
            for (standard, name), keys in search.matches.items()
            if self.names[standard][name] == pseudonym
            for key in keys
        }

    def shown(self, search: LearnerSearch) -> dict[str, list[str]]:
        """Returns the pseudonyms that consumers know by the present file, and those of statements, with their spaces.

        A pseudonym of an earlier file has the standards of its statements for spaces.
        """
        shown = {pseudonym: list(spaces) for pseudonym, spaces in self.configured.items()}
        for standard, name in sorted(search.matches):
            pseudonym = self.names[standard][name]
            if pseudonym not in self.configured:
                for space in self.spaces[pseudonym]:
                    if space.partition("/")[0] == standard:
                        _append(shown, pseudonym, space)
        return shown


def _append(lists: dict[str, list[str]], key: str, value: str) -> None:
    if value not in lists.setdefault(key, []):
        lists[key].append(value)


def list_platforms(assembly: Assembly) -> list[Platform]:
    """Lists the platform of each pseudonym space of the present file once."""
    mappings = assembly.plan.list_mappings()
    spaces = [composing.platform for mapping in mappings for composing in (mapping.shared, *mapping.own.values())]
    return list({platform.space: platform for platform in spaces}.values())


def _refuse_strangers(pseudonyms: Sequence[str], learner: _KnownLearner, search: LearnerSearch) -> None:
    """Refuses words that identify nobody: that have not the form of a pseudonym and stand in no statement as one."""
    for pseudonym in pseudonyms:
        if not _UUID.fullmatch(pseudonym) and not learner.keys_of(search, pseudonym):
            raise click.BadParameter(
                f"no statement in the outbox names a learner {pseudonym}; nothing was removed",
                param_hint="--pseudonym",
            )


def _confirm(learner: _KnownLearner, search: LearnerSearch, typed: Sequence[str], yes: bool) -> None:
    """Asks before many statements, or those of a pseudonym that was typed, are removed; exits unless confirmed."""
    numbers = {pseudonym: len(learner.keys_of(search, pseudonym)) for pseudonym in learner.spaces}
    total = len(search.keys)
    if yes or not (total > HANDFUL or any(numbers.get(pseudonym) for pseudonym in typed)):
        return
    listed = ", ".join(f"{number:,} of {pseudonym}" for pseudonym, number in sorted(numbers.items()) if number)
    confirm_or_exit(f"remove {total:,} statements for good ({listed})?", "nothing was removed")


def _erase_at_consumers(assembly: Assembly, learner: _KnownLearner) -> Iterator[str]:
    """Has the sinks erase the learner that can, and yields what failed."""
    for name, destination in assembly.config.destinations.items():
        sink = assembly.make_sink(destination)
        names = learner.names.get(destination.standard)
        if not names or type(sink).erase is Sink.erase:
            continue
        try:
            sink.open()
            try:
                number = sink.erase(list(names))
            finally:
                sink.close()
        except Exception as error:  # a plugin's, or of a library that reaches a consumer
            reason = str(error) if isinstance(error, SinkError) else type(error).__name__
            yield f"{name}: the learner's statements were not erased there ({reason}): run it again"
        else:
            if number is not None:
                click.echo(f"{name}: {number:,} statements erased at the consumer")


def _shortcomings(
    search: LearnerSearch, learner: _KnownLearner, left: int, outbox: Outbox, *, of_user: bool
) -> Iterator[str]:
    """Yields what could not be searched, and what to do about it."""
    if damaged := outbox.read_spool_status().damaged:
        yield f"{damaged:,} damaged files in {outbox.spool.folder} could not be read to the end: delete them by hand"
    for reason, number in deferred_reasons(outbox).items() if left else ():
        why = reason or (
            "a worker holds them" if learner.assembly.config.delivery.key else "delivery.key, their key, is not set"
        )
        yield f"{number:,} deferred events could not be looked at: {why}; run it again when status shows none"
    for standard, number in search.unreadable.items():
        cure = "run it again" if standard in learner.standards else "install its package and run it again"
        yield f"{number:,} statements of the standard {standard} could not be read: {cure}"
    if not of_user:
        return
    known = {identity_id(identity) for identity in learner.identities} | {f"{learner.assembly.identity.name}:"}
    former = [period for period in identity_periods(outbox) if period.identity not in known]
    for period in former:
        under = "under another identity provider or secret" if period.identity else "by an older learnrelay"
        yield (
            f"{period.statements:,} statements were stored {under} ({_in_words(period.since, period.until)}): the "
            "learner's among them are found by --former-secret with the secret of that time, by a copy of the file "
            "with the [identity] of that time, or by --pseudonym"
        )
    if search.strangers and not former:
        yield (
            f"{search.strangers:,} statements name learners whom the table does not have: if the learner's external id "
            "or e-mail address was another, theirs are found by a copy of the file with the table of that time, or by "
            "--pseudonym with the former external id, or mailto:ADDRESS"
        )


def _in_words(since: float | None, until: float | None) -> str:
    ends: Mapping[str, float | None] = {"from": since, "until": until}
    return " ".join(f"{word} {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC" for word, at in ends.items() if at)
