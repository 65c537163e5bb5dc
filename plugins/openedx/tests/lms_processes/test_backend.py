"""The backend in one process of the platform: what is stored, what is refused, and that nobody notices trouble."""

from __future__ import annotations

import json
import threading

import pytest

from delivery.proxy import Proxy
from learnrelay.config.secrets import Secret
from learnrelay.outbox.statistics import Statistics
from services import mysql_database, postgres_schema

from .conftest import CampusSite

pytestmark = pytest.mark.slow

TRACE = "from campus_lms.events import enrol, tracker\nimport json, sys, time\n"


@pytest.mark.parametrize("place", ["tracking_logs", "both"])
def test_an_event_is_the_same_in_both_shapes(place: str, campus: CampusSite) -> None:
    nest = "EVENT_TRACKING_BACKENDS['tracking_logs']['OPTIONS']['backends']['ours'] = {}\n".format
    patches = {
        "tracking_logs": nest("EVENT_TRACKING_BACKENDS.pop('learnrelay')"),
        "both": nest("dict(EVENT_TRACKING_BACKENDS['learnrelay'])"),
    }
    campus.patch(patches[place])
    done = campus.run(TRACE + "enrol(1); enrol(2)\nprint(*[t.name for t in __import__('threading').enumerate()])")
    assert (done.returncode, done.stdout.strip()) == (0, "MainThread"), done.stderr
    assert campus.enrolments() == [1, 2]
    if place == "both":
        checked = campus.manage("learnrelay", "check")
        assert (checked.returncode, campus.take_in().duplicates) == (0, 2), checked.stderr
        assert "stored more than once, by learnrelay, tracking_logs.ours" in checked.stderr


def test_an_event_that_nobody_maps_costs_a_look_up_and_requests_to_pages_count_where_they_are_mapped(
    campus: CampusSite,
) -> None:
    campus.configure("xapi.enrollment", "xapi.page_views")
    campus.patch("del EVENT_TRACKING_BACKENDS['tracking_logs']")  # its logger cannot write all of this
    done = campus.run(f"""{TRACE}
enrol(1)
campus = "/courses/course-v1:Campus+N2+2026/progress"
class Unreadable:
    def __str__(self): raise RuntimeError("must not be read")
    def __deepcopy__(self, memo): return self
with tracker.get_tracker().context("c", {{"user_id": 7, "username": "mira", "event_source": "server"}}):
    tracker.emit(campus, "{{}}")
    for name in ("/api/user/v1", "/courses/course-v1:Campus+N2+2026/xblock/handler", "edx.unheard.of"):
        tracker.emit(name, {{"value": Unreadable()}})
    tracker.emit("edx.course.enrollment.activated", {{"value": Unreadable()}})
""")
    assert done.returncode == 0, done.stderr
    assert campus.enrolments() == [1, 2]
    assert "Unable to send" not in done.stderr and "must not be read" not in done.stderr
    assert "the event could not be processed: RuntimeError" in done.stderr
    with campus.open_outbox() as outbox:
        counted = Statistics.read(outbox).outcomes
        assert (counted["", "read", ""], counted["xapi", "not mapped", ""]) == (5, 3)
        assert outbox.read_refusals()["the event could not be processed"][0] == 1


def test_a_broken_file_stops_nothing_and_its_losses_are_counted_when_it_is_mended(campus: CampusSite) -> None:
    whole = campus.config.read_text()
    campus.config.write_text("[platform\n")
    (campus.directory / "whole.toml").write_text(whole)
    done = campus.run(f"""{TRACE}
import os, shutil
assert max(enrol(number) for number in range(1, 7)) < 5
shutil.copy("whole.toml", "relay.toml")
number = 6
while not os.path.exists("outbox.db"):
    time.sleep(0.2)
    number += 1
    enrol(number)
print(number)
""")
    assert done.returncode == 0, done.stderr
    assert "Unable to send" not in done.stderr
    lost = int(done.stdout) - 1
    assert "the next attempt is in 0.5 s; 1 events of this process were not stored so far" in done.stderr
    assert f"so far: {campus.config}: not valid TOML" in done.stderr
    assert f"the relay is started; {lost} events were not stored before" in done.stderr
    assert campus.enrolments() == [lost + 1]
    with campus.open_outbox() as outbox:
        assert outbox.read_refusals()["the relay could not be started"][0] == lost

    campus.config.write_text("[platform\n")
    checked = campus.manage("learnrelay", "check")
    assert (checked.returncode, "not valid TOML" in checked.stderr) == (2, True)


def test_an_outbox_that_cannot_be_written_stops_nothing(campus: CampusSite) -> None:
    (campus.directory / "file").touch()
    campus.configure(database=f"sqlite:///{campus.directory}/file/outbox.db")
    done = campus.run(f"{TRACE}enrol(1); assert enrol(2) < 0.1")
    assert (done.returncode, "events of this process were not stored" in done.stderr) == (0, True), done.stderr
    checked = campus.manage("learnrelay", "check")
    assert f"delivery.database: the file cannot be created: {campus.directory}/file is no folder" in checked.stderr

    campus.configure(database=f"sqlite:///{campus.directory}/file/outbox.db", full="spool")
    done = campus.run(f"{TRACE}enrol(3); enrol(4)")
    assert done.returncode == 0, done.stderr
    assert campus.take_in().accepted == 2


@pytest.mark.parametrize(("database", "begin"), [("postgres", "frozen"), ("mysql", "well")])
def test_a_request_goes_on_while_the_database_hangs(database: str, begin: str, campus: CampusSite) -> None:
    with postgres_schema() if database == "postgres" else mysql_database() as url:
        proxy = Proxy.before(url)
        try:
            address = url.replace(":5432/", f":{proxy.port}/").replace(":3306/", f":{proxy.port}/")
            campus.configure(database=address, full="spool")
            if begin == "frozen":
                proxy.frozen.set()
            script = threading.Thread(target=lambda: done.append(campus.run(f"""{TRACE}
enrol(0)
open("begun", "w").close()
while {begin == "well"} and not __import__("os").path.exists("frozen"): time.sleep(0.01)
print(json.dumps([enrol(n) for n in range(1, 8)]))
""")))  # fmt: skip
            done = []
            script.start()
            while begin == "well" and not (campus.directory / "begun").exists():
                assert script.is_alive(), done
                script.join(0.05)
            proxy.frozen.set()
            (campus.directory / "frozen").touch()
            script.join()
            assert done[0].returncode == 0, done[0].stderr
            waits = json.loads(done[0].stdout)
            assert max(waits) < 0.25 + 0.5 + 0.5 and sorted(waits)[3] < 0.2, (
                waits
            )  # once; counts have a limit of their own
            proxy.frozen.clear()
            assert campus.take_in(database=Secret(url)).accepted == 8
        finally:
            proxy.close()
