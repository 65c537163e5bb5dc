"""The models of Aspects, as dbt makes them, on what the sink writes: their rows are those of event-routing-backends.

Needs ClickHouse's engine, the reference events, a clone of https://github.com/openedx/aspects-dbt in
LEARNRELAY_TEST_ASPECTS_DBT, and the program dbt with its adapter for ClickHouse (``pip install dbt-clickhouse``, in an
environment of its own) in LEARNRELAY_TEST_DBT. With `test_pairs`, which lists what is corrected in statements.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from learnrelay import SerializedStatement
from learnrelay.sinks import Batch, Verdict
from openedx_events import event_from_mapping
from services import reference_folder
from xapi.conftest import relay
from xapi.test_pairs import CORRECTIONS, EVERYONE, make_pipeline

from .conftest import PASSWORD, Server, make_sink

pytestmark = pytest.mark.slow

COMPARED = ("openedx", "reporting", "event_sink")
COURSE = re.compile(r"course-v1:[\w.~%:+-]+")
BLOCK = re.compile(r"block-v1:([\w.~%:-]+\+[\w.~%:-]+\+[\w.~%:-]+)\+type@\w+\+block@[\w-]+")
MOMENT, DUMP = "2026-01-01 00:00:00", uuid.UUID(int=1)
TABLES = (  # those that the migrations of Aspects make, as far as models read them
    "CREATE DATABASE openedx", "CREATE DATABASE event_sink", "CREATE DATABASE reporting",
    "CREATE FUNCTION get_org_from_course_url AS (url) -> nullIf(extract(url, 'course-v1:([^+]*)'), '')",
    "CREATE FUNCTION get_org_from_ccx_course_url AS (url) -> nullIf(extract(url, 'ccx-v1:([^+]*)'), '')",
    "CREATE TABLE openedx.xapi_events_all (event_id UUID, emission_time DateTime64(6), event String) "
    "ENGINE = ReplacingMergeTree PRIMARY KEY (emission_time) ORDER BY (emission_time, event_id)",
    "CREATE TABLE event_sink.course_overviews (org String, course_key String, display_name String, course_start String,"
    " course_end String, enrollment_start String, enrollment_end String, self_paced Bool, course_data_json String, "
    "created String, modified String, dump_id UUID, time_last_dumped String) ENGINE = MergeTree ORDER BY course_key",
    "CREATE TABLE event_sink.course_blocks (org String, course_key String, location String, display_name String, "
    "xblock_data_json String, order Int32, edited_on String, dump_id UUID, time_last_dumped String) "
    "ENGINE = MergeTree ORDER BY location",
    "CREATE TABLE event_sink.user_profile (id Int32, user_id Int32, name String, username String, email String, "
    "dump_id UUID, time_last_dumped String) ENGINE = ReplacingMergeTree ORDER BY (id, time_last_dumped)",
    "CREATE TABLE event_sink.external_id (external_user_id UUID, external_id_type String, username String, "
    "user_id Int32, dump_id UUID, time_last_dumped String) ENGINE = ReplacingMergeTree ORDER BY external_user_id",
    "CREATE TABLE event_sink.tag (id Int32, taxonomy Int32, parent Int32, value String, external_id String, "
    "lineage String, dump_id UUID, time_last_dumped String) ENGINE = MergeTree ORDER BY id",
    "CREATE TABLE event_sink.taxonomy (id Int32, name String, dump_id UUID, time_last_dumped String) "
    "ENGINE = MergeTree ORDER BY id",
    "CREATE TABLE event_sink.object_tag (id Int32, object_id String, taxonomy Int32, tag Int32, _value String, "
    "_export_id String, lineage String, dump_id UUID, time_last_dumped String) ENGINE = MergeTree ORDER BY id",
)  # fmt: skip


def project(folder: Path) -> Path:
    """Copies the models, without their tests, and lets dictionaries log in as the engine's only user."""
    if not (source := os.environ.get("LEARNRELAY_TEST_ASPECTS_DBT")) or "LEARNRELAY_TEST_DBT" not in os.environ:
        pytest.skip("LEARNRELAY_TEST_ASPECTS_DBT and LEARNRELAY_TEST_DBT are not set")
    for name in ("models", "macros"):
        shutil.copytree(Path(source) / name, folder / name)
    shutil.copy(Path(source) / "dbt_project.yml", folder)
    for file in (*folder.glob("models/*/schema.yml"), *folder.glob("models/*/unit_tests.y*ml")):
        file.unlink()
    for file in folder.glob("models/*/*.sql"):
        text = file.read_text("utf-8")
        file.write_text(text.replace('"host": "localhost",', '"user": "default", "password": "",'), "utf-8")
    return folder


class AspectsServer(Server):
    """A ClickHouse with the tables of Aspects, and the models that dbt makes."""

    def make_models(self, models: Path) -> None:
        """Makes them. Fails where dbt does."""
        self.run(*TABLES)
        output = {
            "type": "clickhouse", "schema": "reporting", "host": "127.0.0.1", "port": self.port, "user": "relay",
            "password": PASSWORD, "secure": False, "threads": 1,
        }  # fmt: skip
        profiles = self.folder / "profiles"
        profiles.mkdir()
        profile = {"aspects": {"target": "prod", "outputs": {"prod": output}}}
        (profiles / "profiles.yml").write_text(json.dumps(profile), "utf-8")
        dbt = os.environ["LEARNRELAY_TEST_DBT"]
        done = subprocess.run(
            [dbt, "run", "--profiles-dir", profiles, "--target-path", self.folder / "target"], cwd=models,
            env={**os.environ, "ASPECTS_XAPI_DATABASE": "openedx", "DO_NOT_TRACK": "1"},
            capture_output=True, text=True, check=False, timeout=900,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout

    def describe_courses(self, statements: str) -> None:
        """Fills what Aspects' own sinks fill: the courses and blocks that statements name, and the learner."""
        blocks = {match[0]: f"course-v1:{match[1]}" for match in BLOCK.finditer(statements)}
        courses = {*COURSE.findall(statements), *blocks.values()}
        rows = [(block, course, 1, 1, 1) for block, course in blocks.items()]
        for course in courses:
            stem = f"block{course.removeprefix('course')}+type"
            levels = {"chapter": (1, 0, 0), "sequential": (1, 1, 0), "vertical": (1, 1, 1)}
            rows += [(f"{stem}@{kind}+block@first", course, *place) for kind, place in levels.items()]
        client = self.connect()._client
        client.insert(
            "event_sink.course_overviews",
            [
                [org_of(c), c, f"Course {c}", "", "", "", "", False, "{}", MOMENT, MOMENT, DUMP, MOMENT]
                for c in sorted(courses)
            ],
        )
        client.insert(
            "event_sink.course_blocks",
            [
                [org_of(course), course, block, f"Block {number}", json.dumps(
                    {"section": section, "subsection": subsection, "unit": unit, "graded": True}
                ), number, MOMENT, DUMP, MOMENT]
                for number, (block, course, section, subsection, unit) in enumerate(sorted(rows))
            ],
        )  # fmt: skip
        client.insert("event_sink.user_profile", [[7, 7, "Mira", "mira", "mira@learn.example.org", DUMP, MOMENT]])
        client.insert("event_sink.external_id", [[uuid.UUID(EVERYONE), "xapi", "mira", 7, DUMP, MOMENT]])
        self.run("SYSTEM RELOAD DICTIONARIES")

    def models(self) -> dict[str, list[str]]:
        """Returns the rows of each model, without the JSON of statements."""
        rows: dict[str, list[str]] = {}
        for database, name, engine in self.rows(
            f"SELECT database, name, engine FROM system.tables WHERE database IN {COMPARED} AND name NOT LIKE '%\\_mv'"
        ):
            columns = self.rows(f"DESCRIBE {database}.{name}")
            chosen = ", ".join(
                f"finalizeAggregation({column})" if kind.startswith("AggregateFunction") else f"`{column}`"
                for column, kind, *_ in columns
                if column != "event"
            )
            final = "FINAL" if engine.endswith("MergeTree") and engine != "MergeTree" else ""
            rows[f"{database}.{name}"] = sorted(map(repr, self.rows(f"SELECT {chosen} FROM {database}.{name} {final}")))
        return rows


def org_of(course: str) -> str:
    return course.removeprefix("course-v1:").partition("+")[0]


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[AspectsServer, AspectsServer]]:
    """Yields a server for statements of ours, and one for those of event-routing-backends."""
    pytest.importorskip("chdb", reason="needs ClickHouse: pip install --group servers")
    (models := tmp_path / "project").mkdir()
    project(models)
    made = []
    for name in ("ours", "theirs"):
        (tmp_path / name).mkdir()
        made.append(AspectsServer(tmp_path / name))
    try:
        for server in made:
            server.make_models(models)
        yield made[0], made[1]
    finally:
        for server in made:
            server.kill()


def send(server: Server, statements: list[SerializedStatement]) -> Verdict:
    sink = make_sink(server.url, timeout=60.0)
    sink.open()
    answer = sink.send(Batch(statements, uuid.uuid4().hex, datetime.now(UTC)))
    sink.close()
    return answer.verdict


def test_models_have_the_rows_of_event_routing_backends(
    servers: tuple[AspectsServer, AspectsServer], tmp_path: Path
) -> None:
    pairs: Mapping[str, Any] = {
        file.stem: json.loads(file.read_text("utf-8"))
        for file in sorted((reference_folder() / "pairs" / "xapi").glob("*.json"))
    }
    pipeline = make_pipeline(dict(pairs), partial(relay, tmp_path), compatible_with="erb")
    ours: dict[bool, list[SerializedStatement]] = {True: [], False: []}
    theirs: list[SerializedStatement] = []
    for name, pair in pairs.items():
        (outcome,) = pipeline.process(event_from_mapping(pair["raw"]))
        ours[name in CORRECTIONS] += [SerializedStatement(each.id, each.content) for each in outcome.statements]
        expected = pair["expected"] if isinstance(pair["expected"], list) else [pair["expected"]]
        if name not in CORRECTIONS:
            theirs += [SerializedStatement(each["id"], json.dumps(each).encode()) for each in expected]
    text = b"\n".join(each.content for each in ours[False] + ours[True]).decode()
    for server, statements in zip(servers, (ours[False], theirs), strict=True):
        server.describe_courses(text)
        assert send(server, statements) is Verdict.STORED
    own, erb = (server.models() for server in servers)
    assert own == erb
    filled = {name for name, rows in own.items() if rows}
    assert {
        "openedx.enrollment_events", "openedx.grading_events", "openedx.navigation_events", "openedx.problem_events",
        "openedx.video_playback_events", "reporting.fact_enrollments", "reporting.dim_student_status",
    } <= filled  # fmt: skip
    assert send(servers[0], ours[True]) is Verdict.STORED, "and what is corrected can be read"
