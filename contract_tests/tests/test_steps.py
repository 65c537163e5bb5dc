"""Step-by-step tracing: code that no sample reaches, and calls of clock and chance."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from installed_plugins import check_installed, environment, format_findings, install

from learnrelay_contract_tests.runner import FAILED, PASSED, WARNED, CheckResult

PLUGIN = """
import datetime, os, random, secrets, time, uuid

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import moment, number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    when = required("timestamp", kind=moment)
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    asked = [
{expressions}
    ]
    return {{"object": platform.iri("poll", poll.id), "choice": poll.choice, "asked": asked is not None}}
"""
ASKED = (
    "datetime.datetime.now().date()", "datetime.date.today()", "poll.when.today()", "time.strftime('%Y')",
    "time.time()", "time.localtime().tm_year", "os.times()", "time.perf_counter_ns()", "uuid.uuid1()", "uuid.uuid4()",
    "secrets.token_hex(4)", "random.SystemRandom().random()", "random.choice('ab')", "os.urandom(2)", "id(poll)",
    "hash(poll.id)",
)  # fmt: skip
NOT_ASKED = (
    "time.strftime('%Y', time.gmtime(0))", "datetime.datetime.fromtimestamp(0, datetime.UTC)",
    "uuid.uuid5(uuid.NAMESPACE_URL, poll.id)", "random.Random(7).random()", "{poll.id: 1, frozenset(poll.id): 2}",
    "datetime.datetime.strptime('2026', '%Y')",
)  # fmt: skip


def result_of(source: str, check: str, directory: Path) -> CheckResult:
    report = check_installed(str(directory), install(source, directory), only=[check])
    return next(result for result in report.results if result.check == check)


def plugin_that_asks(expressions: Sequence[str]) -> str:
    """Writes a plugin that has each expression on a line of its own, the first on line 19."""
    return PLUGIN.format(expressions="\n".join(f"        {expression}," for expression in expressions))


def test_the_clock_and_chance_are_heard_even_where_they_change_nothing(tmp_path: Path) -> None:
    result = result_of(plugin_that_asks(ASKED), "behaviour.deterministic", tmp_path)
    assert result.status == FAILED
    for line, expression in enumerate(ASKED, 19):
        assert any(f"acme_zoo/__init__.py:{line}" in finding.message for finding in result.findings), expression


def test_what_only_computes_is_not_heard(tmp_path: Path) -> None:
    result = result_of(plugin_that_asks(NOT_ASKED), "behaviour.deterministic", tmp_path)
    assert result.status == PASSED, result.findings


UNREACHED = """
from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import count, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    turn = optional("data.turn", kind=count)


def never():
    return 1


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    parts = {"object": platform.iri("poll", poll.id)}
    if len(poll.id) == 4711:
        parts["more"] = poll.turn
    parts["turn"] = poll.turn if poll.turn is None or poll.turn >= 0 else 0
    return parts
"""


@pytest.mark.slow
def test_code_that_no_sample_reaches_is_named(tmp_path: Path) -> None:
    name = install(UNREACHED, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "learnrelay_contract_tests", name, "--json", "--html", "report.html"],
        cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=False,
    )  # fmt: skip
    (plugin,) = json.loads(done.stdout)["plugins"]
    (check,) = [check for check in plugin["checks"] if check["check"] == "samples.lines"]
    assert check["status"] == WARNED
    places = {(finding["path"], finding["message"].partition(":")[0]) for finding in check["findings"]}
    assert places == {
        ("acme_zoo/__init__.py:13", "never is never called"),
        ("acme_zoo/__init__.py:21", 'no sample reaches `parts["more"] = poll.turn`'),
        ("acme_zoo/__init__.py:22", "`poll.turn >= 0` decides the same way with every sample"),
    }
    assert done.returncode == 0, "a new check warns: " + done.stderr
    for report in (done.stderr, (tmp_path / "report.html").read_text()):
        assert "__init__.py:21" in report.replace("\n", "")
        assert "warned" in report


def test_a_plugin_that_is_reached_everywhere_has_no_finding(tmp_path: Path) -> None:
    source = UNREACHED.replace("def never():\n    return 1\n", "").replace("len(poll.id) == 4711", 'poll.id == "rare"')
    source = source.replace(" or poll.turn >= 0", " or poll.turn > 0")
    report = check_installed(str(tmp_path), install(source, tmp_path), only=["samples.lines"])
    (result,) = [result for result in report.results if result.check == "samples.lines"]
    assert result.status == PASSED, format_findings(report)
