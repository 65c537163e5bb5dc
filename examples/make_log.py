"""Write the tracking log of an invented Open edX platform, for the demo, the tests and the benchmarks.

    python examples/make_log.py > examples/tracking.log
    python examples/make_log.py --lines 2000000 --learners 5000 --output big.log --manifest big.json

The visits of all people are merged in order of arrival; some duplicates and garbage are added. Same
arguments, same bytes: all chance comes from `random.Random(seed)`, all time from `--start`. Only open visits
are held in memory. The `Manifest` counts what was planted, `PERSONAL` is what must never reach a receiver.
"""

from __future__ import annotations

import argparse
import csv
import heapq
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain, count, islice
from pathlib import Path

from campus.activities import begin_visit
from campus.courses import COURSES
from campus.people import CONFIDENCES, ENTERPRISE_BRINEWORKS, ENTERPRISE_ORCHARDLINE, Person, people
from campus.visit import EPOCH, SECOND, Cell, Json, Platform, Record, log_prefix, who

__all__ = [
    "COURSES", "ENTERPRISE_BRINEWORKS", "ENTERPRISE_ORCHARDLINE", "PERSONAL",
    "Cell", "Manifest", "generate", "personal",
]  # fmt: skip

LINES, SEED, LEARNERS, DAYS, GARBAGE_FRACTION = 2600, 458, 25, 14, 0.01
START = datetime(2026, 9, 7, tzinfo=UTC)
DUPLICATE_FRACTION = 0.004  # lines that stand a second time, as in the overlapping files of several hosts
RECORDS_PER_VISIT = 42  # measured mean: spaces the visits evenly over the days
DAY = 86_400 * SECOND


@dataclass(slots=True)
class Manifest:
    """Counts what `generate` has written so far: each line is an event, a duplicate of one, or garbage."""

    lines: int = 0
    duplicates: int = 0
    events: Counter[Cell] = field(default_factory=Counter)
    learners: Counter[str] = field(default_factory=Counter)
    garbage: Counter[str] = field(default_factory=Counter)

    def note(self, what: Record | str | None) -> None:
        """Counts a line: an event, garbage of the named kind, or (None) a duplicate."""
        self.lines += 1
        if isinstance(what, Record):
            self.events[what.cell] += 1
            self.learners[what.username] += 1
        elif what is None:
            self.duplicates += 1
        else:
            self.garbage[what] += 1

    def summary(self) -> Json:
        """Returns the counts as JSON; `learners` by whom an event is about ("": nobody known), staff included."""
        views: dict[str, Counter[str]] = {view: Counter() for view in ("events", "organisations", "enterprises")}
        for cell, number in self.events.items():
            views["events"][cell.name] += number
            views["organisations"][cell.org_id] += number
            views["enterprises"][cell.enterprise] += number
        views |= {"learners": self.learners, "garbage": self.garbage}
        counts = {title: dict(sorted(view.items())) for title, view in views.items()}
        return {"lines": self.lines, "duplicates": self.duplicates, **counts}


def generate(
    lines: int = LINES,
    seed: int = SEED,
    learners: int = LEARNERS,
    days: int = DAYS,
    garbage: float = GARBAGE_FRACTION,
    start: datetime = START,
    manifest: Manifest | None = None,
) -> Iterator[bytes]:
    """Yields exactly `lines` lines, each with its line end; `manifest` counts what has been taken so far."""
    manifest = Manifest() if manifest is None else manifest
    platform = Platform(seed, learners)
    first = int((start - EPOCH) / timedelta(microseconds=1))
    records = _arrivals(platform, lines, first, days * DAY)
    for line, what in islice(_with_noise(records, random.Random(f"{seed}/noise"), platform, garbage), lines):
        manifest.note(what)
        yield line


def _arrivals(platform: Platform, lines: int, first: int, span: int) -> Iterator[Record]:
    """Yields the records of all visits in order of arrival; visits begin evenly over `span` microseconds."""
    waiting: list[Record] = []
    planned, begin = 0, 0
    while planned < lines:
        day, part = divmod(begin, DAY)
        moment = first + day * DAY + DAY // 4 + part * 2 // 3  # people come between six and ten at night
        while waiting and waiting[0].arrival <= moment:
            yield heapq.heappop(waiting)
        for record in begin_visit(platform, moment).records:
            heapq.heappush(waiting, record)
            planned += 1
        gap = (span - begin) * min(1.0, RECORDS_PER_VISIT / max(lines - planned, 1))
        begin += int(gap * platform.rng.uniform(0.4, 1.6))
    while waiting:
        yield heapq.heappop(waiting)


def _with_noise(
    records: Iterator[Record], rng: random.Random, platform: Platform, garbage: float
) -> Iterator[tuple[bytes, Record | str | None]]:
    """Yields the records, some again a little later, with garbage of every kind in turn between them."""
    copies: list[tuple[int, bytes]] = []
    kinds = (list(GARBAGE)[number % len(GARBAGE)] for number in count())
    for number, record in enumerate(records):
        if rng.random() < garbage:
            kind = next(kinds)
            event = _sound_event(rng.choice(platform.learners), record.arrival)
            yield GARBAGE[kind](event, rng).replace(b"\n", b" ") + b"\n", kind
        yield record.line, record
        if rng.random() < DUPLICATE_FRACTION:
            heapq.heappush(copies, (number + rng.randint(2, 60), record.line))
        while copies and copies[0][0] <= number:
            yield heapq.heappop(copies)[1], None


# ---- garbage: no line of it may lead to a statement ------------------------------------------------------


def _sound_event(person: Person, moment: int) -> Json:
    """Makes a log line that would be mapped if nothing were done to it."""
    course = COURSES[0]
    unit = course.units[0]
    context = {"course_id": course.id, "org_id": course.org, "user_id": person.user_id, "path": "/event"}
    return {
        "name": "play_video",
        "context": context,
        **who(person, person.sessions[0]),
        "referer": unit.referer,
        "event": json.dumps({"id": unit.block.id, "code": "html5", "currentTime": 30, "duration": 312.4}),
        "time": (EPOCH + timedelta(microseconds=moment)).isoformat(),
        "event_type": "play_video",
        "page": unit.page,
        "event_source": "browser",
    }


def _encode(event: Json, without: tuple[str, ...] = (), /, **changes: object) -> bytes:
    """Returns the event spoilt, behind the prefix of the sound one."""
    spoilt = {key: value for key, value in (event | changes).items() if key not in without}
    prefix = log_prefix(event["time"], event["context"]["user_id"], event["ip"])
    return prefix.encode() + json.dumps(spoilt).encode()


def _nested(event: Json, rng: random.Random) -> bytes:
    depth = rng.randint(4_000, 6_000)
    return _encode(event, event="DEEP").replace(b'"DEEP"', b"[" * depth + b"]" * depth)


def _latin(event: Json, rng: random.Random) -> bytes:
    form = {"name": "/search", "event_type": "/search", "event": "Åse Kjærgård"}
    return json.dumps(event | form, ensure_ascii=False).encode("latin-1")


def _cut(event: Json, rng: random.Random) -> bytes:
    path, text = "/api/discussion/v1/comments/", " ".join(rng.choices(CONFIDENCES, k=12))
    payload = json.dumps({"GET": {}, "POST": {"raw_body": [text]}})[:512]
    return _encode(event, name=path, event_type=path, event=payload, event_source="server", page=None)


GARBAGE: dict[str, Callable[[Json, random.Random], bytes]] = {
    "binary": lambda event, rng: rng.randbytes(120).replace(b"{", b"(").replace(b"\r", b" "),
    "truncated": lambda event, rng: _encode(event)[: rng.randrange(150, 500)],
    "nul_bytes": lambda event, rng: _encode(event).replace(b"play_video", b"play\0\0\0video"),
    "json_array": lambda event, rng: json.dumps(["play_video", event["time"], None]).encode(),
    "plain_text": lambda event, rng: b"WARNING: disk of host lms-%d is nearly full" % rng.randint(1, 9),
    "wrong_encoding": _latin,
    "no_name": lambda event, rng: _encode(event, ("name", "event_type")),
    "no_timestamp": lambda event, rng: _encode(event, ("time",)),
    "nonsense_timestamp": lambda event, rng: _encode(event, time="the day before yesterday"),
    "missing_field": lambda event, rng: _encode(event, event='{"code": "html5"}'),
    "deep_nesting": _nested,
    "cut_payload": _cut,  # a sound request of no mapped name, its payload cut as the platform does
}


# ---- what the demo and the tests ask ---------------------------------------------------------------------


def personal(seed: int = SEED, learners: int = LEARNERS) -> dict[str, frozenset[str]]:
    """Lists every personal value that such a log can carry, by kind, as text to be searched for."""
    known = list(chain(*people(seed, learners)))
    values = {
        "user_id": (str(person.user_id) for person in known if person.user_id),
        "username": (person.username for person in known),
        "name": (person.name for person in known),
        "email": (person.email for person in known),
        "ip": (person.ip for person in known),
        "agent": (agent for person in known for agent in (person.agent, person.phone and person.phone_agent)),
        "session": (session for person in known for session in person.sessions),
        "client_id": (person.client_id for person in known),
        "device_id": (person.device_id for person in known if person.phone),
        "free_text": CONFIDENCES,
    }
    return {kind: frozenset(value for value in of_kind if value) for kind, of_kind in values.items()}


PERSONAL = frozenset(chain(*personal().values()))


def write_tables(directory: Path, seed: int, learners: int) -> None:
    """Writes `identities.csv` of everybody with an account, and `courses.csv`, as the relay's providers read them."""
    accounts = [person for person in chain(*people(seed, learners)) if person.user_id]
    rows = {
        "identities.csv": (
            ("user_id", "username", "external_id", "email"),
            *((person.user_id, person.username, person.external_id, person.email) for person in accounts),
        ),
        "courses.csv": (("course_id", "title"), *((course.id, course.title) for course in COURSES)),
    }
    for name, table in rows.items():
        with (directory / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(table)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the tracking log of an invented Open edX platform.")
    parser.add_argument("--lines", type=int, default=LINES, help="how many, garbage included (%(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="another seed is another log (%(default)s)")
    parser.add_argument("--learners", type=int, default=LEARNERS, help="(%(default)s)")
    parser.add_argument("--days", type=int, default=DAYS, help="over how long (%(default)s)")
    parser.add_argument("--garbage", type=float, default=GARBAGE_FRACTION, metavar="FRACTION", help="(%(default)s)")
    parser.add_argument("--start", type=_moment, default=START, metavar="ISO", help="(%(default)s)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="instead of standard output")
    parser.add_argument("--manifest", type=Path, metavar="FILE", help="write there, as JSON, what was planted")
    parser.add_argument("--tables", type=Path, metavar="DIR", help="write identities.csv and courses.csv there")
    args = parser.parse_args()
    manifest = Manifest()
    output = args.output.open("wb") if args.output else sys.stdout.buffer
    with output:
        output.writelines(generate(args.lines, args.seed, args.learners, args.days, args.garbage, args.start, manifest))
    if args.manifest:
        args.manifest.write_text(json.dumps(manifest.summary(), indent=1) + "\n", encoding="utf-8")
    if args.tables:
        write_tables(args.tables, args.seed, args.learners)


if __name__ == "__main__":
    main()
