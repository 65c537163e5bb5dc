"""Shows what consumers refused, by reason and event, and retries or drops it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from learnrelay.outbox import DeadLetterFilter, DeadLetters
from learnrelay.outbox.dead_letters import DeadLetter, DeadLetterGroup
from learnrelay.privacy.explanation import outline_statement

from .forms import read_page
from .pages import PAGE_SIZE, Page, PageError, Redirect, ShownRelay, Visit, log, paginate

_CONFLICT = {"dead": False, "conflict": True}
"""Value of ``kind`` in a form → `DeadLetterFilter.conflict`."""


@dataclass(frozen=True, slots=True)
class LetterSelection:
    """Holds which dead letters an action is about, as forms send it; what is empty is no condition.

    ``group``: key of a `DeadLetterGroup`. ``until``: seconds since 1970; what came later was not on the page.
    """

    destination: str = ""
    kind: str = ""
    group: str = ""
    statement_id: str = ""
    until: str = ""

    @classmethod
    def of(cls, values: Mapping[str, str]) -> LetterSelection:
        """Reads it from a form, or from the query of an address."""
        names = ("destination", "kind", "group", "statement_id", "until")
        return cls(**{name: values.get(name, "") for name in names})

    def criteria(self, letters: DeadLetters, now: float) -> DeadLetterFilter:
        """Returns the conditions. Raises PageError for a group that has no letter any more."""
        if self.kind not in ("", *_CONFLICT):
            raise PageError(400, "There is no such kind.")
        criteria = DeadLetterFilter(
            destination=self.destination, statement_id=self.statement_id, conflict=_CONFLICT.get(self.kind)
        )
        if self.group:
            group = letters.find_group(self.group)
            if group is None:
                raise PageError(404, "There are no such dead letters any more.")
            criteria = group.criteria()
        try:
            age = now - float(self.until) if self.until else 0.0
        except ValueError:
            raise PageError(400, "This is no time.") from None
        return replace(criteria, older_than=max(age, 0.0))


def show_groups(relay: ShownRelay, visit: Visit) -> Page:
    """Shows the groups of dead letters and conflicts."""
    letters, page = relay.outbox.dead_letters, read_page(visit.query)
    selection = LetterSelection.of({name: visit.query.get(name, "") for name in ("destination", "kind")})
    now = relay.outbox.clock()
    criteria = selection.criteria(letters, now)
    groups = letters.list_groups(criteria)
    pages = paginate(len(groups), page, {"destination": selection.destination, "kind": selection.kind})
    begin = (pages["page"] - 1) * PAGE_SIZE
    return Page("dead_letters.html", {
        "groups": groups[begin : begin + PAGE_SIZE], "selection": selection, "total": sum(g.number for g in groups),
        "destinations": sorted(relay.outbox.status(tuple(relay.assembly.config.destinations))),
        "pages": pages, "until": now,
    })  # fmt: skip


def show_group(relay: ShownRelay, visit: Visit) -> Page:
    """Shows the dead letters of a group."""
    letters = relay.outbox.dead_letters
    group = letters.find_group(visit.path["group"])
    if group is None:
        raise PageError(404, "There are no such dead letters any more.")
    pages = paginate(group.number, read_page(visit.query), {})
    rows = letters.list(group.criteria(), PAGE_SIZE, (pages["page"] - 1) * PAGE_SIZE)
    return Page("dead_letter_group.html", {
        "group": group, "letters": rows, "pages": pages, "until": relay.outbox.clock(),
        "config_path": relay.assembly.config.path,
    })  # fmt: skip


def show_statement(relay: ShownRelay, visit: Visit) -> Page:
    """Shows a refused statement: its keys and the constants of its mapping; what comes from the event is hidden."""
    letters = relay.outbox.dead_letters
    selection = LetterSelection.of({name: visit.query.get(name, "") for name in ("destination", "statement_id")})
    rows = letters.list(selection.criteria(letters, relay.outbox.clock()), 1) if selection.statement_id else []
    payload = letters.payload(selection.statement_id) if rows else None
    if payload is None:
        raise PageError(404, "There is no such dead letter any more.")
    with relay.lock:
        outline = outline_statement(relay.assembly, payload, rows[0].event_name, rows[0].standard)
    return Page("statement.html", {
        "letter": rows[0], "outline": outline, "config_path": relay.assembly.config.path,
        "group": _find_group_key(letters, rows[0]),
    })  # fmt: skip


def _find_group_key(letters: DeadLetters, letter: DeadLetter) -> str:
    criteria = DeadLetterFilter(
        letter.destination, letter.standard, letter.event_name, conflict=letter.conflict, cause=letter.cause
    )
    return next((group.key for group in letters.list_groups(criteria)), "")


def retry_letters(relay: ShownRelay, visit: Visit) -> Redirect:
    """Puts dead letters back into their queues."""
    letters = relay.outbox.dead_letters
    criteria = LetterSelection.of(visit.form).criteria(letters, relay.outbox.clock())
    number = letters.retry(criteria)
    log.info("%s put %s back: %s", visit.session.name, _in_words(number, criteria), _place_in_words(criteria))
    visit.session.tell("done", f"{_in_words(number, criteria)} {_be(number)} put back into the queue.")
    return Redirect("/letters")


def confirm_drop(relay: ShownRelay, visit: Visit) -> Page:
    """Asks before dead letters are deleted."""
    letters, now = relay.outbox.dead_letters, relay.outbox.clock()
    selection = LetterSelection.of({**visit.query, "until": ""})
    group: DeadLetterGroup | None = letters.find_group(selection.group) if selection.group else None
    number = letters.count(selection.criteria(letters, now))
    if not number:
        raise PageError(404, "There are no such dead letters any more.")
    return Page("drop.html", {"selection": selection, "group": group, "number": number, "until": now})


def drop_letters(relay: ShownRelay, visit: Visit) -> Redirect:
    """Deletes dead letters."""
    letters = relay.outbox.dead_letters
    criteria = LetterSelection.of(visit.form).criteria(letters, relay.outbox.clock())
    number = letters.drop(criteria)
    log.info("%s dropped %s: %s", visit.session.name, _in_words(number, criteria), _place_in_words(criteria))
    visit.session.tell("done", f"{_in_words(number, criteria)} {_be(number)} deleted.")
    return Redirect("/letters")


_WORDS = {
    False: ("dead letter", "dead letters"),
    True: ("conflict", "conflicts"),
    None: ("refused statement", "refused statements"),
}
"""`DeadLetterFilter.conflict` → one, and several."""


def _in_words(number: int, criteria: DeadLetterFilter) -> str:
    return f"{number:,} {_WORDS[criteria.conflict][number != 1]}"


def _place_in_words(criteria: DeadLetterFilter) -> str:
    """Says for the log what an action was about, without a word of a consumer."""
    event = f", event {criteria.event_name}" if criteria.event_name else ""
    statement = f", id {criteria.statement_id}" if criteria.statement_id else ""
    return f"{criteria.destination or 'all destinations'}{event}{statement}"


def _be(number: int) -> str:
    return "is" if number == 1 else "are"
