"""A standard of the tests' own: one small JSON object a statement. Nothing in the core's tests needs another one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import marshmallow
import orjson

from learnrelay import (
    Answer,
    Facts,
    Family,
    Fields,
    Judgement,
    Parts,
    Platform,
    Request,
    Standard,
    Statement,
    Transformer,
    hookimpl,
    judge_status,
    optional,
    required,
)
from learnrelay.assembly.core_plugins import IDENTITY_PROVIDERS
from learnrelay.config.fields import OneOf, Section
from learnrelay.config.secrets import Secret
from learnrelay.frames import MakeFrame
from learnrelay.kinds import number, text
from learnrelay.lookups.courses import NoCourses
from learnrelay.pipeline.plan import Plan, compile_plan, transform_table
from learnrelay.pipeline.routing import DestinationRules
from learnrelay.plugins.discovery import PluginInfo, PluginState
from learnrelay.plugins.registry import Registry, collect
from learnrelay_openedx.source import OpenedxSource


class PlainSettings(Section):
    style = OneOf(["short", "long"], load_default="short")


class PlainStatement(marshmallow.Schema):
    class Meta:
        unknown = marshmallow.INCLUDE

    id = marshmallow.fields.String(required=True)
    who = marshmallow.fields.String(required=True)


class PlainStandard(Standard):
    name = "plain"
    settings_schema = PlainSettings

    def framer(self, platform: Platform) -> MakeFrame:
        return lambda learner, _who, _course_id, _session: learner.pseudonym

    def composer(self, transformer: Transformer, platform: Platform, event: str) -> Any:
        def compose(facts: Facts, pseudonym: str, parts: Parts | list[Parts]) -> Any:
            several = parts if isinstance(parts, list) else [parts]
            return [
                {
                    "id": f"{facts.moment.isoformat()}/{n}",
                    "who": pseudonym,
                    **transformer.constants,
                    **entry,
                }
                for n, entry in enumerate(several)
            ]

        return compose

    def encode(self, batch: Sequence[bytes], now: datetime) -> Request:
        return Request(b"[" + b",".join(batch) + b"]", {"Content-Type": "application/json"})

    def judge(self, answer: Answer) -> Judgement:
        return Judgement(judge_status(answer.status), f"HTTP {answer.status}")

    def learners(self, statement: Statement) -> Iterable[str]:
        return [statement["who"]]

    def schema(self) -> marshmallow.Schema:
        return PlainStatement()


class WatchFields(Fields):
    video = required("data.video", kind=text)
    at = optional("data.at", "data.position", kind=number)


family = Family("plain.watching")


@family.maps("watched", "watched.old", reads=WatchFields, did="watch")
def watched(fields: WatchFields, platform: Platform) -> Parts:
    """The learner watches a video."""
    return {"what": fields.video, "at": fields.at}


class PlainPlugin:
    @hookimpl
    def register_standards(self, register: Any) -> None:
        register(PlainStandard)


def info(name: str, kind: str = "families", distribution: str = "tests") -> PluginInfo:
    return PluginInfo(name, kind, distribution, "1", PluginState.ACTIVE)


def registry_of(*plugins: tuple[str, str, Any]) -> Registry:
    """Registers the plain standard and family, and further (name, kind, plugin)."""
    own = [(info("plain", "standards"), PlainPlugin()), (info("plain.watching"), family)]
    return collect([*own, *((info(name, kind), plugin) for name, kind, plugin in plugins)])


def plan_of(
    registry: Registry, rules: list[DestinationRules] | None = None, prefer: dict[str, str] | None = None
) -> Plan:
    table, problems = transform_table(registry, prefer or {}, "relay.toml")
    assert not problems, problems
    keyed: Any = IDENTITY_PROVIDERS["keyed"]
    identity = keyed({"secret": Secret("Kd7wq2Lmz9Xv4bTn"), "pseudonyms": "per-standard"})
    platform = Platform("https://learn.example.org", OpenedxSource(), identity, NoCourses({}), "plain")
    standards = {name: standard({"style": "short"}) for name, standard in registry.standards.items()}
    return compile_plan(registry, table, standards, dict.fromkeys(standards, platform), {"plain": rules or []})


def event(name: str = "watched", data: Any = None, **context: Any) -> dict[str, Any]:
    """Returns a raw event in the in-process shape."""
    return {
        "name": name,
        "timestamp": "2026-03-02T09:00:00.250000+00:00",
        "data": {"video": "v1", "at": 3, "secret": "hush"} if data is None else data,
        "context": {"user_id": 4711, "course_id": "course-v1:Harbour+SAIL+2026", **context},
    }


def line(raw: dict[str, Any]) -> bytes:
    return orjson.dumps(raw) + b"\n"


PLAIN_SOURCE = Path(__file__)
