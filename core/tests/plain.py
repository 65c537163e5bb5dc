"""A standard of the tests' own: one small JSON object a statement. Nothing in the core's tests needs another one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import marshmallow
import orjson

from learnrelay import (
    Answer,
    Family,
    Fields,
    Judgement,
    Request,
    Said,
    Site,
    Skip,
    Standard,
    Transformer,
    hookimpl,
    judge_status,
    optional,
    required,
)  # fmt: skip
from learnrelay.assembly import IDENTITY_PROVIDERS
from learnrelay.config.fields import OneOf, Section
from learnrelay.kinds import number, text
from learnrelay.openedx.common import NOBODY, Common, learner_of
from learnrelay.plugins.discovery import PluginInfo, State
from learnrelay.plugins.plan import Gate, Plan, compile_plan, transform_table
from learnrelay.plugins.registry import Registry, collect
from learnrelay.resolvers.courses import NoCourses
from learnrelay.secrets import Secret


class PlainSettings(Section):
    style = OneOf(["short", "long"], load_default="short")


class PlainStatement(marshmallow.Schema):
    class Meta:
        unknown = marshmallow.INCLUDE

    id = marshmallow.fields.String(required=True)
    who = marshmallow.fields.String(required=True)


class PlainStandard(Standard):
    name = "plain"
    common = Common
    settings_schema = PlainSettings

    def composer(self, transformer: Transformer, site: Site) -> Any:
        def compose(common: Common, said: Said) -> Any:
            user = learner_of(common)
            learner = site.learner(user) if user else None
            if learner is None:
                return Skip(NOBODY)
            several = said if isinstance(said, list) else [said]
            return [
                {
                    "id": f"{common.moment.isoformat()}/{n}",
                    "who": learner.pseudonym,
                    **transformer.constants,
                    **one,
                }
                for n, one in enumerate(several)
            ]

        return compose

    def encode(self, batch: Sequence[bytes], now: datetime) -> Request:
        return Request(b"[" + b",".join(batch) + b"]", {"Content-Type": "application/json"})

    def judge(self, answer: Answer) -> Judgement:
        return Judgement(judge_status(answer.status), f"HTTP {answer.status}")

    def schema(self) -> marshmallow.Schema:
        return PlainStatement()


class WatchFields(Fields):
    video = required("data.video", kind=text)
    at = optional("data.at", "data.position", kind=number)


family = Family("plain.watching")


@family.maps("watched", "watched.old", reads=WatchFields, did="watch")
def watched(fields: WatchFields, site: Site) -> Said:
    """The learner watches a video."""
    return {"what": fields.video, "at": fields.at}


class PlainPlugin:
    @hookimpl
    def register_standards(self, register: Any) -> None:
        register(PlainStandard)


def info(name: str, kind: str = "families", distribution: str = "tests") -> PluginInfo:
    return PluginInfo(name, kind, distribution, "1", State.ACTIVE)


def registry_of(*plugins: tuple[str, str, Any]) -> Registry:
    """Plain standard and family, and further (name, kind, plugin)."""
    own = [(info("plain", "standards"), PlainPlugin()), (info("plain.watching"), family)]
    return collect([*own, *((info(name, kind), plugin) for name, kind, plugin in plugins)])


def plan_of(registry: Registry, gates: list[Gate] | None = None, prefer: dict[str, str] | None = None) -> Plan:
    table, problems = transform_table(registry, prefer or {}, "relay.toml")
    assert not problems, problems
    keyed: Any = IDENTITY_PROVIDERS["keyed"]
    identity = keyed({"secret": Secret("s" * 32), "pseudonyms": "per-standard"})
    site = Site("https://learn.example.org", identity, NoCourses({}), "plain")
    standards = {name: standard({"style": "short"}) for name, standard in registry.standards.items()}
    return compile_plan(registry, table, standards, dict.fromkeys(standards, site), {"plain": gates or []})


def event(name: str = "watched", data: Any = None, **context: Any) -> dict[str, Any]:
    """A raw event in the in-process shape."""
    return {
        "name": name,
        "timestamp": "2026-03-02T09:00:00.250000+00:00",
        "data": {"video": "v1", "at": 3, "secret": "hush"} if data is None else data,
        "context": {"user_id": 4711, "course_id": "course-v1:Harbour+SAIL+2026", **context},
    }


def line(raw: dict[str, Any]) -> bytes:
    return orjson.dumps(raw) + b"\n"


PLAIN_SOURCE = Path(__file__)
