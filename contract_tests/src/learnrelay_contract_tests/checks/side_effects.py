"""Checks side effects: what the plugin's code does besides computing."""

from __future__ import annotations

from collections.abc import Iterable

from ..subject import Subject
from . import Finding, NotApplicableError, Note, check

MAY_DO_IO = {"resolvers", "auth", "sinks", "inputs"}
"""Kinds of plugins that are asked outside of events."""


@check(
    "privacy.side-doors",
    "The plugin uses no stack, memory search, file, network, process, thread or print while it handles events.",
    private=True,
)
def check_side_doors(subject: Subject) -> Iterable[Finding | Note]:
    """Reports the audit events (PEP 578) of all other checks, and what the plugin printed."""
    subject.run([])
    for process in (subject.process, subject.second_process[0]):
        subject.audit_findings.update(dict.fromkeys(tuple(action) for action in process.ask("audit_findings")))
    if {info.kind for info in subject.infos} <= MAY_DO_IO:
        raise NotApplicableError("a provider, an auth scheme or a sink may do I/O")
    for phase, what, place in subject.audit_findings:
        if phase == "event":
            yield Finding(f"the code {what} while it handles events ({place})", path=place.rpartition(" at ")[2])
    for text in dict.fromkeys((subject.process.read_output(), subject.second_process[0].read_output())):
        if text.strip():
            yield Finding("the plugin prints: standard output is reserved for statements, so use a logger")


@check(
    "audit.host",
    "The plugin changes nothing in the core, the standard library or the interpreter.",
    private=True,
)
def check_host_untouched(subject: Subject) -> Iterable[Finding | Note]:
    """Compares functions, classes, their code and tables with their state before the plugin was imported."""
    for name in subject.process.ask("host_changes"):
        yield Finding(f"the plugin has changed {name}")


@check("source.import", "Importing the plugin reads no file, opens no connection and starts no process or thread.")
def check_import(subject: Subject) -> Iterable[Finding | Note]:
    """Reports the audit events during the import of the plugin."""
    assert subject.process
    for phase, what, place in subject.audit_findings:
        if phase == "import":
            yield Finding(f"the code {what} at import ({place})", path=place.rpartition(" at ")[2])
