"""What a signed-in learner can send makes a process grow by little, in both standards and with scopes."""

from __future__ import annotations

import subprocess
import sys

import pytest

ATTACK = """
import json, resource, sys
from pathlib import Path
from learnrelay.assembly.assemble import assemble_from
from learnrelay.pipeline.run import Pipeline

destinations = {
    f"{standard}{number}": {
        "standard": standard, "url": "https://lrs.example.org", "scope": scope,
        "pseudonyms": "own" if number else "standard",
    }
    for standard in ("xapi", "caliper")
    for number, scope in enumerate([{"org": "Harbour"}, {"course": "Harbour+SAIL"}])
}
destinations["acme"] = {
    "standard": "xapi", "url": "https://lrs.example.org",
    "scope": {"enterprise": "7c2d6b2f-59d6-4f5b-9a3e-1b1c0f0e6a11"},
}
assembly = assemble_from({
    "platform": {"root_url": "https://learn.example.org", "source": "openedx"},
    "plugins": {"enabled": ["*"]},
    "identity": {"provider": "keyed", "secret": "Kd7wq2Lmz9Xv4bTn"},
    "destinations": destinations,
}, Path("test"))
pipeline = Pipeline(assembly.plan)
NAMES = ("play_video", "problem_check", "edx.forum.thread.created", "edx.course.enrollment.activated",
         "edx.ui.lms.link_clicked", "edx.bookmark.added")
DATA = ("id", "usage_key", "module_id", "block_id", "component_usage_id", "problem_id", "course_id", "enterprise_uuid",
        "username", "title", "target_url", "current_url", "code", "category_id", "bookmark_id", "mode")

def event(number, size, letter):
    def text(leaf):
        return f"{leaf}{number}" + letter * size
    course = f"course-v1:Harbour+SAIL{number}+" + letter * size
    return json.dumps({
        "name": NAMES[number % len(NAMES)], "time": "2026-03-02T10:00:00+00:00", "event_source": "browser",
        "username": text("u"), "session": text("s"), "page": "https://learn.example.org/" + text("p"),
        "context": {"course_id": course, "org_id": "Harbour", "user_id": number, "enterprise_uuid": text("e"),
                    "username": text("n"), "session": text("t"), "path": text("q"),
                    "module": {"usage_key": f"block-v1:Harbour+SAIL{number}+" + text("m") + "+type@x+block@y"}},
        "event": {**{leaf: text(leaf) for leaf in DATA}, "attempts": 1, "duration": number, "user_id": number},
    }, ensure_ascii=False).encode()

def send(events, size, letter):
    for number in range(events):
        pipeline.process(assembly.source.event_from_line(event(number, size, letter)))

def rss():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

send(12, 10, "a")
send(6, 200_000 // 28, "a")
before = rss()
for arguments in json.loads(sys.argv[1]):
    send(*arguments)
    print((rss() - before) // 2**20, flush=True)
"""


def growth(*attacks: tuple[int, int, str]) -> list[int]:
    """Sends (events, characters of each leaf, letter) in a process of its own; returns its growth in MiB."""
    arguments = str([list(attack) for attack in attacks]).replace("'", '"')
    done = subprocess.run(
        [sys.executable, "-c", ATTACK, arguments], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return [int(line) for line in done.stdout.split()]


@pytest.mark.slow
def test_hostile_events_make_a_process_grow_by_at_most_32_mb() -> None:
    long_leaves, short_leaves = (400, 45_000 // 28, "a"), (2_000, 150, "z")
    grown = growth(long_leaves, (40, 900_000 // 28, "a"), short_leaves, (800, 300, "学"))
    assert max(grown) <= 32, grown
