"""The sink clickhouse against the engine of ClickHouse: what is stored, how often, and what its errors mean."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from learnrelay import SerializedStatement
from learnrelay.cli import cli
from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.errors import SinkError
from learnrelay.outbox import Outbox, OutgoingStatement
from learnrelay.sinks import Batch, SinkAnswer, Verdict
from learnrelay_clickhouse.sink import ClickHouseSink
from learnrelay_contract_tests.sink_checks import SinkUnderTest, check_sink

from .conftest import PASSWORD, Server, make_sink

pytestmark = pytest.mark.slow
RAW = "openedx.xapi_events_all"
COURSE = {"id": "https://learn.example.org/c/1", "definition": {"type": "http://adlnet.gov/expapi/activities/course"}}

# Made as Aspects 6 does, before anybody ran `learnrelay clickhouse init`: a table parsed by a view, and behind it one
# that counts by a plain sum, for which the engine forgives nothing.
ASPECTS = (
    "CREATE DATABASE IF NOT EXISTS openedx",
    "CREATE DATABASE IF NOT EXISTS reporting",
    f"CREATE TABLE {RAW} (event_id UUID, emission_time DateTime64(6), event String) ENGINE = ReplacingMergeTree "
    "PRIMARY KEY (emission_time) ORDER BY (emission_time, event_id)",
    "CREATE TABLE reporting.parsed (event_id UUID, emission_time DateTime64(6), actor_id String, verb_id String) "
    "ENGINE = MergeTree ORDER BY (verb_id, emission_time, event_id)",
    "CREATE MATERIALIZED VIEW reporting.`parsed mv` TO reporting.parsed AS SELECT event_id, emission_time, "
    "JSONExtractString(event, 'actor', 'account', 'name') AS actor_id, "
    f"JSONExtractString(event, 'verb', 'id') AS verb_id FROM {RAW}",
    "CREATE MATERIALIZED VIEW reporting.sums ENGINE = SummingMergeTree ORDER BY verb_id AS "
    "SELECT verb_id, count() AS number FROM reporting.parsed GROUP BY verb_id",
)
COUNTS = (
    f"SELECT (SELECT count() FROM {RAW}), (SELECT count() FROM {RAW} FINAL), "
    "(SELECT count() FROM reporting.parsed), (SELECT sum(number) FROM reporting.sums)"
)


def statement(learner: str = "ann", text: str = "", at: str = "2026-03-02T09:00:00.123456Z") -> SerializedStatement:
    event_id = str(uuid.uuid4())
    content = {
        "id": event_id,
        "actor": {"account": {"homePage": "https://learn.example.org", "name": learner}},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/answered"},
        "object": {"id": "https://learn.example.org/q/1", "definition": {"type": "http://adlnet.gov/question"}},
        "result": {"success": True, "score": {"scaled": 0.5}, "response": text},
        "context": {"contextActivities": {"parent": [COURSE]}},
        "timestamp": at,
    }
    return SerializedStatement(event_id, json.dumps(content, ensure_ascii=False).encode())


def batch(statements: list[SerializedStatement], batch_id: str = "") -> Batch:
    return Batch(statements, batch_id or uuid.uuid4().hex, datetime.now(UTC))


def counts(server: Server) -> tuple[int, ...]:
    ((*numbers,),) = server.rows(COUNTS)
    return tuple(numbers)


def write_config(folder: Path, server: Server, **keys: object) -> Path:
    lines = [
        '[platform]\nroot_url = "https://learn.example.org"',
        '[plugins]\nenabled = ["xapi.video"]',
        '[identity]\nprovider = "keyed"\nsecret = "env:SECRET"',
        f'[delivery]\ndatabase = "sqlite:///{folder}/outbox.db"\nlease = "3s"',
        '[destinations.aspects]\nstandard = "xapi"\nscope = "all"\nsink = "clickhouse"',
        f'url = "{server.url}"\ntable = "{RAW}"\ntimeout = "2s"',
        'auth = { scheme = "basic", username = "relay", password = "env:CLICKHOUSE_PASSWORD" }',
        'batch = { size = 50, interval = "250ms" }\nretry = { attempts = 100, backoff = "250ms", ceiling = "250ms" }',
        *(f"{key} = {json.dumps(value)}" for key, value in keys.items()),
    ]
    path = folder / "relay.toml"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def config(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SECRET", "Vb3xq8Rtz5Lk2mWn7Yc4Hd9Pf6Js1Gu0")
    monkeypatch.setenv("CLICKHOUSE_PASSWORD", PASSWORD)
    return write_config(tmp_path, server)


@pytest.fixture
def aspects(server: Server, config: Path) -> Path:
    """Makes Aspects' tables anew, and runs `init` over them."""
    server.run("DROP DATABASE IF EXISTS openedx", "DROP DATABASE IF EXISTS reporting", *ASPECTS)
    done = CliRunner().invoke(cli, ["clickhouse", "init", "-c", str(config)])
    assert done.exit_code == 0, done.output
    return config


def test_init_lets_all_tables_remember_batches_and_can_run_again(aspects: Path, sink: ClickHouseSink) -> None:
    again = CliRunner().invoke(cli, ["clickhouse", "init", "-c", str(aspects)])
    assert (again.exit_code, again.output) == (0, f"aspects: {RAW} is there\n")
    assert sink.probe().reason == RAW


def test_without_init_the_probe_says_what_is_counted_twice(aspects: Path, server: Server, sink: ClickHouseSink) -> None:
    server.run("ALTER TABLE reporting.parsed RESET SETTING non_replicated_deduplication_window")
    probe = sink.probe()
    assert probe.is_sound
    assert "in reporting.parsed: run `learnrelay clickhouse init`" in probe.reason


def test_a_repeated_batch_counts_once_in_the_table_and_in_those_derived_from_it(
    aspects: Path, server: Server, sink: ClickHouseSink
) -> None:
    months = [f"2026-{month:02}-02T09:00:00Z" for month in range(1, 13)]
    first, second = (batch([statement(at=at) for at in months]) for _ in range(2))
    for each in (first, second, first, second, first):
        assert sink.send(each) == SinkAnswer(Verdict.STORED)
    assert counts(server) == (24, 24, 24, 24)


def test_a_repeat_from_which_forget_took_a_statement_counts_once(
    aspects: Path, server: Server, sink: ClickHouseSink
) -> None:
    """Its content is another, so the id of the batch alone says that it is the same."""
    sent = [statement() for _ in range(3)]
    for members in (sent, sent[1:]):
        assert sink.send(batch(members, "same")).verdict is Verdict.STORED
    assert counts(server) == (3, 3, 3, 3)


def test_the_promises_of_every_sink(aspects: Path, server: Server) -> None:
    auth = {"scheme": "basic", "username": "relay", "password": PASSWORD}
    check_sink(
        SinkUnderTest(
            ClickHouseSink,
            settings={"url": server.url, "table": RAW, "auth": auth},
            read_stored=lambda: server.rows(f"SELECT toString(event_id), event FROM {RAW}"),
            failing=[
                {"url": "http://127.0.0.1:1"},
                {"auth": {**auth, "password": "Xz8vu3Qwe6Rt1yUi"}},
                {"table": "openedx.missing"},
            ],
            standard=make_sink(server.url).standard,
        )
    )
    in_table, final, parsed, summed = counts(server)
    assert in_table == final == parsed == summed, "none is counted twice in what is derived from the table"


def test_other_company_is_replaced_in_the_table_itself(aspects: Path, server: Server, sink: ClickHouseSink) -> None:
    """After the window, or from another relay, the key of the table is left."""
    statements = [statement() for _ in range(10)]
    sink.send(batch(statements))
    sink.send(batch([*statements[5:], statement()]))
    assert counts(server)[1] == 11


def test_rows_are_as_those_of_ralph(aspects: Path, server: Server, sink: ClickHouseSink) -> None:
    hostile = "\x00\t\n\\' {} `--` \u2028 \U0001f600 ) FORMAT Native"
    sent = statement(text=hostile, at="2026-03-02T10:30:00.1+01:00")
    assert sink.send(batch([sent])).verdict is Verdict.STORED
    ((event_id, moment, event),) = server.rows(f"SELECT * FROM {RAW}")
    assert (str(event_id), moment) == (sent.id, datetime(2026, 3, 2, 9, 30, 0, 100_000))
    assert event.encode() == sent.content


def test_the_wide_table_computes_its_columns(server: Server, config: Path) -> None:
    write_config(config.parent, server, layout="wide")
    config.write_text(config.read_text().replace(RAW, "learning.statements"))
    shown = CliRunner().invoke(cli, ["clickhouse", "init", "-c", str(config), "--print"])
    assert "CREATE TABLE IF NOT EXISTS learning.statements" in shown.output
    assert CliRunner().invoke(cli, ["clickhouse", "init", "-c", str(config)]).exit_code == 0
    sink = make_sink(server.url, table="learning.statements", layout="wide")
    sink.open()
    of_caliper = {
        "id": f"urn:uuid:{uuid.uuid4()}", "actor": {"id": "urn:bob"}, "action": "Viewed",
        "eventTime": "2026-03-02T09:00:00Z",
        "object": {"id": "urn:page", "type": "Page"}, "group": {"id": "urn:course"},
    }  # fmt: skip
    caliper = SerializedStatement(str(of_caliper["id"]), json.dumps(of_caliper).encode())
    for _ in range(2):
        assert sink.send(batch([statement(text="yes"), caliper], "one")).verdict is Verdict.STORED
    sink.close()
    rows = server.rows("SELECT * EXCEPT (event_id, emission_time, event) FROM learning.statements ORDER BY actor")
    verb, question = "http://adlnet.gov/expapi/verbs/answered", "http://adlnet.gov/question"
    assert rows == [
        ("ann", verb, "https://learn.example.org/q/1", question, COURSE["id"], True, 0.5, "yes"),
        ("urn:bob", "Viewed", "urn:page", "Page", "urn:course", None, None, ""),
    ]


def test_an_erased_learner_is_gone_also_from_derived_tables(
    aspects: Path, server: Server, sink: ClickHouseSink
) -> None:
    sent = [statement("ann"), statement("bob", text="ann"), statement("o'\u00e9\\"), statement("ann")]
    sink.send(batch(sent))
    assert sink.erase(["ann"]) == 2
    assert sink.erase(["o'\u00e9\\"]) == 1
    assert sink.erase(["nobody"]) == 0
    assert server.rows(f"SELECT toString(event_id) FROM {RAW}") == [(sent[1].id,)]
    assert server.rows("SELECT actor_id FROM reporting.parsed") == [("bob",)]


@pytest.mark.parametrize(
    ("broken", "verdict", "words"),
    [
        (["DROP TABLE openedx.xapi_events_all"], Verdict.HALTED, "is missing, or one that its views need: run"),
        (["DROP DATABASE openedx"], Verdict.HALTED, "run `learnrelay clickhouse init`"),
        (["ALTER TABLE openedx.xapi_events_all DROP COLUMN event"], Verdict.HALTED, "other columns"),
        (
            ["ALTER TABLE openedx.xapi_events_all ADD CONSTRAINT short CHECK length(event) < 10"],
            Verdict.REFUSED,
            "a value cannot be stored",
        ),
        (
            [
                "CREATE TABLE reporting.n (n Int16) ENGINE = MergeTree ORDER BY n",
                f"CREATE MATERIALIZED VIEW reporting.n_mv TO reporting.n AS "
                f"SELECT CAST(JSONExtractString(event, 'result', 'response') AS Int16) AS n FROM {RAW}",
            ],
            Verdict.REFUSED,
            "a value cannot be stored",
        ),
        *(
            (
                [
                    f"CREATE TABLE reporting.n (n {kind}) ENGINE = MergeTree ORDER BY n",
                    f"CREATE MATERIALIZED VIEW reporting.n_mv TO reporting.n AS "
                    f"SELECT CAST(JSONExtractString(event, 'nothing') AS {kind}) AS n FROM {RAW}",
                ],
                Verdict.REFUSED,
                "a value cannot be stored",
            )
            for kind in ("Bool", "Int16", "Decimal32(2)", "UUID", "Date")
        ),
        (
            ["ALTER TABLE openedx.xapi_events_all MODIFY SETTING parts_to_throw_insert = 1, parts_to_delay_insert = 1"],
            Verdict.RETRY,
            "too many parts",
        ),
    ],
)
def test_what_errors_mean(
    aspects: Path, server: Server, sink: ClickHouseSink, broken: list[str], verdict: Verdict, words: str
) -> None:
    if verdict is Verdict.RETRY:
        server.run("SYSTEM STOP MERGES")
        sink.send(batch([statement()]))
    if "COLUMN" in broken[0]:
        server.run("DROP VIEW reporting.`parsed mv`")
    server.run(*broken)
    answer = sink.send(batch([statement("Margarethe", text="Margarethe's answer")]))
    assert (answer.verdict, answer.answered) == (verdict, True)
    assert words in answer.reason
    assert "Margarethe" not in answer.reason
    assert PASSWORD not in answer.reason + repr(answer)


def evaluated(result: object, extensions: object) -> SerializedStatement:
    """Returns a statement that the models of Aspects take for an answer to a problem."""
    base = statement()
    content = json.loads(base.content)
    content["verb"] = {"id": "https://w3id.org/xapi/acrossx/verbs/evaluated"}
    content["object"]["definition"]["extensions"] = extensions
    content["result"] = result
    return SerializedStatement(base.id, json.dumps(content).encode())


def played(extensions: object) -> SerializedStatement:
    """Returns a statement about a video."""
    base = statement()
    content = json.loads(base.content)
    content["verb"] = {"id": "https://w3id.org/xapi/video/verbs/played"}
    content["object"]["id"] = "https://learn.example.org/xblock/block-v1:A+B+C+type@video+block@d"
    content["result"] = {"extensions": extensions}
    return SerializedStatement(base.id, json.dumps(content).encode())


def test_what_a_model_of_aspects_cannot_read_holds_up_nobody(
    aspects: Path, server: Server, sink: ClickHouseSink
) -> None:
    """Its models cast what answers and videos have; a single value that cannot be cast would fail the whole insert."""
    attempt, time = "http://id.tincanapi.com/extension/attempt-id", "https://w3id.org/xapi/video/extensions/time"
    server.run(
        "CREATE TABLE reporting.answers (event_id UUID, success Bool, attempts Int16) ENGINE = MergeTree "
        "ORDER BY event_id SETTINGS non_replicated_deduplication_window = 100",
        f"""CREATE MATERIALIZED VIEW reporting.answers_mv TO reporting.answers AS SELECT event_id,
        CAST(JSON_VALUE(event, '$.result.success') AS Bool) AS success,
        CAST(JSON_VALUE(event, '$.object.definition.extensions."{attempt}"') AS Int16) AS attempts
        FROM {RAW} WHERE JSONExtractString(event, 'verb', 'id') LIKE '%/evaluated'""",
        "CREATE TABLE reporting.plays (event_id UUID, position Decimal32(2)) ENGINE = MergeTree "
        "ORDER BY event_id SETTINGS non_replicated_deduplication_window = 100",
        f"""CREATE MATERIALIZED VIEW reporting.plays_mv TO reporting.plays AS SELECT event_id,
        CAST(if(JSON_VALUE(event, '$.result.extensions."{time}"') = '', '0',
        JSON_VALUE(event, '$.result.extensions."{time}"')) AS Decimal32(2)) AS position
        FROM {RAW} WHERE JSONExtractString(event, 'verb', 'id') LIKE '%/played'""",
    )
    answers = [evaluated({"success": False}, {attempt: 3}), evaluated({"success": True}, {attempt: "4"})]
    others = [
        evaluated({"score": {"raw": 3}}, {}), evaluated({"success": True}, {}), evaluated({}, {attempt: 1}),
        evaluated(None, None), evaluated({"success": "yes!"}, {attempt: 1}),
        evaluated({"success": True}, {attempt: 1.5}), evaluated({"success": True}, {attempt: True}),
    ]  # fmt: skip
    plays = [played({time: 12.5}), played({}), played({time: 9_999_999}), played({time: -1}), played(["later"])]
    far = [played({time: 1e7}), played({time: "soon"}), played({time: True})]
    sent = batch([statement(), *others, *answers, *plays, *far])
    number = len(sent.statements)
    for _ in range(2):
        assert sink.send(sent).verdict is Verdict.STORED
        assert counts(server) == (number, number, number, number)
        stored = server.rows("SELECT count(), sum(attempts), sum(success) FROM reporting.answers")
        assert stored == [(2, 7, 1)]
        assert server.rows("SELECT count() FROM reporting.plays") == [(len(plays),)]
    assert sink.send(batch(others)).verdict is Verdict.STORED, "also where nothing else is in the batch"


def test_statements_that_make_no_row_are_refused_by_name(aspects: Path, server: Server, sink: ClickHouseSink) -> None:
    good, upper = statement(), SerializedStatement(str(uuid.uuid4()).upper(), b'{"timestamp":"2026-03-02T09:00:00Z"}')
    timeless = SerializedStatement(str(uuid.uuid4()), b'{"timestamp":"2026-03-02T09:00:00"}')
    answer = sink.send(batch([good, upper, timeless]))
    assert answer.verdict is Verdict.REFUSED
    assert answer.refused.keys() == {upper.id, timeless.id}
    assert counts(server)[0] == 0, "nothing was sent, so that the others can be sent under another id"


def test_a_wrong_password_halts_and_is_shown_nowhere(server: Server) -> None:
    auth = {"scheme": "basic", "username": "relay", "password": "Xz8vu3Qwe6Rt1yUi"}
    sink = make_sink(server.url, auth=auth)
    with pytest.raises(SinkError, match="the credentials are refused") as caught:
        sink.open()
    assert "Xz8vu3Qwe6Rt1yUi" not in repr(caught.value)


def test_a_silent_server_is_left_in_time_and_the_repeat_counts_once(aspects: Path, server: Server) -> None:
    sink = make_sink(server.url, timeout=1.0)
    sink.open()
    server.order("be silent")
    began = time.monotonic()
    sent = batch([statement()])
    answer = sink.send(sent)
    assert time.monotonic() - began < 1.9
    assert (answer.verdict, answer.answered, answer.reached) == (Verdict.RETRY, False, True)
    while counts(server)[0] == 0:  # the insert that nobody waits for any more
        time.sleep(0.1)
    assert sink.send(sent).verdict is Verdict.STORED
    assert counts(server) == (1, 1, 1, 1)
    sink.close()


def test_kills_of_worker_and_server_lose_nothing_and_count_nothing_twice(
    aspects: Path, server: Server, tmp_path: Path
) -> None:
    """The worker dies at any moment, the server right before and right after inserts, and leases end meanwhile."""
    outbox = Outbox.open(Delivery(database=Secret(f"sqlite:///{tmp_path}/outbox.db")))
    statements = [statement(f"learner {number}") for number in range(600)]
    rng = random.Random(7)
    command = [sys.executable, "-m", "learnrelay", "worker", "--config", str(aspects)]
    for number in range(3):  # each has statements of its own: a fast worker leaves none of those before
        new = statements[200 * number : 200 * (number + 1)]
        outbox.put([OutgoingStatement("xapi", each.id, "event", each.content, ("aspects",)) for each in new])
        server.order(("die after", "die before")[number % 2])
        worker = subprocess.Popen(command, env={**os.environ}, stderr=subprocess.DEVNULL)
        server.restart_when_dead()
        time.sleep(rng.random() * 0.5)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    survivor = subprocess.Popen(command, env={**os.environ}, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while any(each.waiting for each in outbox.status().values()) and time.monotonic() < end:
        time.sleep(0.1)
    survivor.kill()
    survivor.wait()
    (status,) = outbox.status().values()
    outbox.close()
    assert (status.waiting, status.delivered) == (0, 600)
    assert counts(server) == (600, 600, 600, 600)
