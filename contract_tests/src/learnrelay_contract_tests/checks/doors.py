"""The side doors: everything that a plugin's code did while it was judged besides computing."""

from __future__ import annotations

from collections.abc import Iterable

from ..subject import Subject
from . import Finding, NotApplicableError, Note, check

PROVIDERS = {"resolvers"}


@check(
    "privacy.side-doors",
    "No stack, no memory search, no file, no network, no process, no thread, no print, while events are handled.",
    private=True,
)
def side_doors(subject: Subject) -> Iterable[Finding | Note]:
    """What the interpreter itself reported (PEP 578) while all other checks ran."""
    subject.run([])
    for process in (subject.process, subject.witness[0]):
        subject.heard.update(dict.fromkeys(tuple(one) for one in process.ask("heard")))
    if {info.kind for info in subject.infos} <= PROVIDERS:
        raise NotApplicableError("a resolver may look things up")
    for phase, what, place in subject.heard:
        if phase == "event":
            yield Finding(f"{what} ({place})", path=place.rpartition(" at ")[2])
    for text in dict.fromkeys((subject.process.output(), subject.witness[0].output())):
        if text.strip():
            yield Finding("it prints while it works: standard output belongs to statements, and nobody reads the rest")


@check(
    "privacy.host-untouched",
    "The core, the standard library and the interpreter are after all events what they were before the plugin came.",
    private=True,
)
def host_untouched(subject: Subject) -> Iterable[Finding | Note]:
    """Compares functions, classes, their code and tables with what they were before the plugin was imported."""
    for name in subject.process.ask("untouched"):
        yield Finding(f"it has changed {name}")


@check("source.import", "Importing the plugin reads no file, opens no connection, starts nothing.")
def at_import(subject: Subject) -> Iterable[Finding | Note]:
    """What the interpreter reported while the plugin was imported."""
    assert subject.process
    for phase, what, place in subject.heard:
        if phase == "import":
            yield Finding(f"{what} at import ({place})", path=place.rpartition(" at ")[2])
