"""Defines what a check is, what it yields, and the table of all checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..subject import Subject

FIRST = "0.1"
"""The harness's first minor release: its checks are required from the start."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Describes one fault: in which event (empty: in the plugin as a whole), where, and what."""

    message: str
    event: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Describes something that the report shows and that is no fault."""

    message: str
    event: str = ""
    path: str = ""


class NotApplicableError(Exception):
    """Reports that a check does not apply to the plugin; the text names what the plugin lacks."""


CheckFunction = Callable[["Subject"], Iterable[Finding | Note]]


@dataclass(frozen=True, slots=True)
class Check:
    """Describes one check.

    name: ``group.what``. proves: one sentence. since: minor release of the harness that introduced it; in that
    release it only warns (except in the first release). private: a privacy check, which accepts no gap. each_setting:
    it runs again with each other setting of the plugin. quick: it runs with ``--quick``: it needs no process but the
    first. A check of the group ``audit`` looks for code that means harm; all others are the contract.
    """

    name: str
    proves: str
    function: CheckFunction
    since: str = FIRST
    private: bool = False
    each_setting: bool = False
    quick: bool = False

    @property
    def is_audit(self) -> bool:
        """Tells whether it belongs to the audit, and not to the contract."""
        return self.name.startswith("audit.")

    def run(self, subject: Subject) -> Iterable[Finding | Note]:
        """Yields the findings and notes on a plugin."""
        yield from self.function(subject)
        for words in subject.own_settings() if self.each_setting else ():
            for entry in self.function(subject):
                if isinstance(entry, Finding):
                    yield replace(entry, message=f"{words}: {entry.message}")

    def is_required_in(self, version: str) -> bool:
        """Tells whether a finding fails the plugin in this version of the harness; else it only warns."""
        return self.since == FIRST or _minor(version) > _minor(self.since)


def _minor(version: str) -> tuple[int, int]:
    major, minor, *_ = (*version.split("."), "0")
    return int(major), int(minor)


ALL: dict[str, Check] = {}


def check(
    name: str,
    proves: str,
    *,
    since: str = FIRST,
    private: bool = False,
    each_setting: bool = False,
    quick: bool = False,
) -> Callable[[CheckFunction], CheckFunction]:
    """Registers a check function."""

    def add(function: CheckFunction) -> CheckFunction:
        ALL[name] = Check(name, proves, function, since, private, each_setting, quick)
        return function

    return add


def load_all() -> dict[str, Check]:
    """Returns all checks by name, in the order in which they run."""
    from . import source, platform_source, privacy, behaviour, stages, standard, providers, auth, side_effects, versions  # noqa: F401, I001  # order of running

    return ALL
