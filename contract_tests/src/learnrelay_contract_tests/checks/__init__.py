"""The checks: what each is called, what it proves, since when it is required, and how it finds out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..subject import Subject

FIRST = "0.1"
"""The harness's first minor release: its checks were required from the start."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: in which event (empty: in the plugin as a whole), where, and what, in words."""

    message: str
    event: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that the report shows and that is no fault."""

    message: str
    event: str = ""
    path: str = ""


class NotApplicableError(Exception):
    """The plugin has nothing that the check is about; the text says what it has not."""


Function = Callable[["Subject"], Iterable[Finding | Note]]


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    name: ``group.what``. proves: one sentence. since: minor release of the harness that brought it; in that
    release it only warns (those of the first release excepted). private: a privacy check, which knows no gap.
    """

    name: str
    proves: str
    function: Function
    since: str = FIRST
    private: bool = False

    def required_in(self, version: str) -> bool:
        """Whether the harness of this version fails over it, or only warns."""
        return self.since == FIRST or _minor(version) > _minor(self.since)


def _minor(version: str) -> tuple[int, int]:
    major, minor, *_ = (*version.split("."), "0")
    return int(major), int(minor)


ALL: dict[str, Check] = {}


def check(name: str, proves: str, *, since: str = FIRST, private: bool = False) -> Callable[[Function], Function]:
    """Add a check."""

    def add(function: Function) -> Function:
        ALL[name] = Check(name, proves, function, since, private)
        return function

    return add


def load_all() -> dict[str, Check]:
    """All checks, in the order in which they run."""
    from . import source, privacy, behaviour, stages, standard, providers, doors, versions  # noqa: F401, I001  # the order counts

    return ALL
