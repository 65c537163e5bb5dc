"""Plugins to measure with: stages that have nothing to object to, families of many events, the tests' standard.

`install` makes them an installed distribution like any other.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from learnrelay import Family, Fields, Skip, hookimpl, optional
from learnrelay.config.models import Destination
from plain import PlainPlugin, WatchFields, family, watched

STAGES, MANY = 10, (10, 100, 1000)


class Few(Fields):
    """Declares what each stage looks at."""

    org = optional("context.org_id")


class Filter:
    """Keeps everything."""

    @hookimpl(reads=Few)
    def filter_event(self, fields: Few) -> Skip | None:
        """Keeps every event."""
        return None


class Enricher:
    """Adds nothing."""

    @hookimpl(reads=Few)
    def enrich_statement(self, fields: Few, standard: str) -> None:
        """Adds nothing."""


class Router:
    """Denies nothing."""

    @hookimpl(reads=Few)
    def route_event(self, fields: Few, destination: Destination | None) -> Skip | None:
        """Denies nothing."""
        return None


def _many(number: int) -> Family:
    made = Family(f"plain.many{number}")
    for index in range(number):
        made.maps(f"other{number}.{index}", reads=WatchFields)(watched)
    return made


standard, watching = PlainPlugin(), family
filters = {f"filter{number}": Filter() for number in range(STAGES)}
enrichers = {f"enricher{number}": Enricher() for number in range(STAGES)}
routers = {f"router{number}": Router() for number in range(STAGES)}
families = {f"plain.many{number}": _many(number) for number in MANY}
_all: tuple[dict[str, object], ...] = ({**filters}, {**enrichers}, {**routers}, {**families})
globals().update({name.replace(".", "_"): plugin for kind in _all
                  for name, plugin in kind.items()})  # fmt: skip


def install(directory: Path) -> None:
    """Writes the distribution's metadata there, and lets this process see it."""
    groups: dict[str, Mapping[str, str | None]] = {
        "standards": {"plain": "standard"},
        "families": {"plain.watching": "watching", **{name: name.replace(".", "_") for name in families}},
        "filters": dict.fromkeys(filters),
        "enrichers": dict.fromkeys(enrichers),
        "routers": dict.fromkeys(routers),
    }
    info = directory / "acme_bench-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-bench\nVersion: 1.0\n", encoding="utf-8")
    points = "".join(
        f"[learnrelay.{group}.v1]\n"
        + "".join(f"{name} = {__name__}:{attribute or name}\n" for name, attribute in named.items())
        for group, named in groups.items()
    )
    (info / "entry_points.txt").write_text(points, encoding="utf-8")
    if str(directory) not in sys.path:
        sys.path.append(str(directory))
