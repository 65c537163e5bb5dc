"""How the platform writes down what happens: the visit of a person, and the records it leaves in every shape."""

from __future__ import annotations

import json
import random
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from campus.courses import COURSES, HOST, Course
from campus.people import PHONES, Person, people

Json = dict[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000  # times are whole microseconds since EPOCH


class Cell(NamedTuple):
    """Holds what tells events apart when deliveries are predicted; as it stands on the line."""

    name: str
    source: str  # browser, mobile, server, task
    course_id: str
    org_id: str
    enterprise: str  # "" also when absent
    user: bool  # whether the line says whose act it is
    questions: int  # of a problem_check graded by the server, else 0


class Record(NamedTuple):
    """Holds a line and what the manifest needs to know of it; ordered by arrival in microseconds since EPOCH."""

    arrival: int
    number: int
    line: bytes
    cell: Cell
    username: str


@dataclass(slots=True)
class Study:
    """Records how far one learner has come in one course."""

    mode: str = ""  # "": not enrolled
    left: bool = False
    position: int = 0
    passed: bool = False
    best: Counter[str] = field(default_factory=Counter)  # points by problem
    attempts: Counter[str] = field(default_factory=Counter)


class Post(NamedTuple):
    id: str
    title: str
    author: str
    body: str
    responses: deque[tuple[str, str, str]]  # id, author, body


class Platform:
    """Holds the state that visits share."""

    def __init__(self, seed: int, learners: int) -> None:
        self.rng = random.Random(f"{seed}/events")
        self.learners, self.staff, self.visitors = people(seed, learners)
        self.studies: dict[tuple[str, str], Study] = {}
        self.visits: Counter[str] = Counter()
        self.posts: dict[str, deque[Post]] = {course.id: deque(maxlen=6) for course in COURSES}
        self.records = 0

    def study(self, person: Person, course: Course) -> Study:
        return self.studies.setdefault((person.username, course.id), Study())


class Visit:
    """Keeps the clock of one person in one course from log-in to log-out, and writes events in every shape."""

    def __init__(self, platform: Platform, person: Person, course: Course, start: int) -> None:
        self.platform, self.rng, self.person, self.course, self.now = platform, platform.rng, person, course, start
        self.records: list[Record] = []
        self.study = platform.study(person, course)
        self.unit = course.units[self.study.position]
        self.context: Json = {"course_id": course.id, "org_id": course.org, "user_id": person.user_id}
        if person.client_id:
            self.context["client_id"] = person.client_id
        if person.enterprise is not None:
            self.context["enterprise_uuid"] = person.enterprise
        self.who = who(person, self.rng.choice(person.sessions))

    def wait(self, low: float, high: float) -> None:
        """Lets between `low` and `high` seconds pass."""
        self.now += int((low + (high - low) * self.rng.random()) * SECOND)

    def iso(self) -> str:
        return (EPOCH + timedelta(microseconds=self.now)).isoformat()

    def browser(self, name: str, payload: Any, event_type: str = "", *, nameless: bool = False) -> None:
        """Writes an event of the page's scripts: the payload travels as text, in old records without a `name`."""
        context = {**self.context, "path": "/event"}
        self._write(name, payload, "browser", context, self._request(), self.unit.page, event_type, nameless=nameless)

    def server(self, name: str, payload: Json | str, path: str, about: Person | None = None) -> None:
        """Writes an event of the server's own code, inside the request for `path`; staff act `about` a learner."""
        self._write(name, payload, "server", {**self.context, "path": path}, self._request(), None, about=about)

    def handler(self, name: str, payload: Json, handler: str, questions: int = 0) -> None:
        """Writes an event of the block runtime."""
        block = self.unit.block
        context = {**self.context, "path": block.path + handler, "asides": {}, "course_user_tags": {}}
        context["module"] = {"display_name": block.title, "usage_key": block.key}
        self._write(name, payload, "server", context, self._request(), "x_module", questions=questions)

    def request(self, path: str, **post: str) -> None:
        """Writes the implicit event of a request: its name is the path, its payload the form that was sent."""
        form = {key: [value] for key, value in post.items()}
        self.server(path, json.dumps({"GET": {}, "POST": form})[:512], path)

    def task(self, name: str, payload: Json) -> None:
        """Writes an event of a background task: the learner stands in the payload alone."""
        context = {"course_id": self.course.id, "org_id": self.course.org}
        self._write(name, payload, "task", context, dict.fromkeys((*self.who, "referer"), ""), None)

    def mobile(self, name: str, payload: Json, legacy: str, delay: int) -> None:
        """Writes an event of the mobile app, which arrives `delay` microseconds late, when the phone is online."""
        maker, model, kind, system, version = self.person.phone or PHONES[0]
        arrival = self.now + delay
        context = {
            **self.context,
            "path": "/segmentio/event",
            "component": "videoplayer",
            "received_at": _zulu(arrival),
            "application": {"name": "org.example.learn", "version": "5.1.0"},
            "client": {
                "network": {"wifi": delay < 60 * SECOND, "cellular": False},
                "locale": self.person.language[:2],
                "device": {"manufacturer": maker, "model": model, "type": kind, "id": self.person.device_id},
                "os": {"name": system, "version": version},
                "app": {"version": "5.1.0", "build": "510"},
            },
        }
        client = {**self.who, "session": "", "ip": "", "agent": self.person.phone_agent, "referer": ""}
        self._write(name, payload, "mobile", context, client, self.unit.page, legacy, arrival)

    def complete(self, completion: float) -> None:
        """Notes how much of the unit's block is done."""
        block, course = self.unit.block, self.course
        payload: Json = {"course_id": course.id, "context_key": course.id, "user_id": self.person.user_id}
        payload |= {"block_id": block.key, "block_type": block.kind, "completion": completion, "is_new": True}
        self.server("edx.completion.block_completion.changed", payload, f"{block.path}publish_completion")

    def _request(self) -> Json:
        return {**self.who, "referer": self.unit.referer}

    def _write(
        self,
        name: str,
        payload: Any,
        source: str,
        context: Json,
        client: Json,
        page: str | None,
        event_type: str = "",
        arrival: int = 0,
        *,
        about: Person | None = None,
        questions: int = 0,
        nameless: bool = False,
    ) -> None:
        self.wait(0.0002, 0.004)  # no two events of a person share a moment
        arrival = arrival or self.now
        time = _zulu(self.now) if source == "mobile" else self.iso()
        shape = self.rng.random()
        head = ""
        if shape < 0.012:  # as handed to a processor inside the platform
            inner = context if source == "task" else {**context, **client}
            if page:
                inner |= {"event_source": source, "page": page}
            event = {"name": name, "data": payload, "context": inner, "timestamp": time}
        else:
            if source in {"browser", "mobile"} and isinstance(payload, dict):
                payload = json.dumps(payload)
            event = {"name": name, "context": context, **client, "event": payload, "time": time}
            event |= {"event_type": event_type or name, "page": page}
            event["event_source"] = "server" if source == "task" else source
            if nameless:
                del event["name"]
            if shape < 0.86:
                head = log_prefix(_zulu(arrival), context.get("user_id"), client["ip"])
        person = about or self.person
        known = person.user_id is not None
        cell = Cell(
            name,
            source,
            context["course_id"],
            context["org_id"],
            context.get("enterprise_uuid", ""),
            known,
            questions,
        )
        self.platform.records += 1
        line = f"{head}{json.dumps(event)}\n".encode()
        self.records.append(Record(arrival, self.platform.records, line, cell, person.username))


def _zulu(moment: int) -> str:
    text = (EPOCH + timedelta(microseconds=moment)).isoformat(timespec="milliseconds")
    return f"{text[:23]}Z"


def log_prefix(time: str, user_id: int | None, ip: str) -> str:
    """Returns what the platform's logger puts before the object; `time` is ISO 8601 with a fraction."""
    stamp = f"{time[:10]} {time[11:19]},{time[20:23]}"
    return f"{stamp} INFO 17 [tracking] [user {user_id}] [ip {ip or None}] logger.py:41 - "


def who(person: Person, session: str) -> Json:
    """Returns what every request tells of its user, in the root of a log line."""
    return {
        "username": person.username,
        "session": session,
        "ip": person.ip,
        "agent": person.agent,
        "host": HOST,
        "accept_language": person.language,
    }
