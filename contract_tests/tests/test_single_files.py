"""Plugins in single files are checked like installed ones, with the settings that stand beside them."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from installed_plugins import ZOO, format_findings

from learnrelay_contract_tests.runner import FAILED, PASSED, PluginReport, UnknownPluginError, check_plugins

FILTER = '''
"""Skips events whose mode is that of the settings."""

from learnrelay import Fields, Skip, hookimpl, optional
from learnrelay.config.fields import Section, TextList
from learnrelay.kinds import text


class Settings(Section):
    modes = TextList(load_default=("audit",))


settings_schema = Settings


class Mode(Fields):
    mode = optional("data.mode", kind=text, example=("verified", "audit"))


@hookimpl(reads=Mode)
def filter_event(fields, settings):
    is_first = settings["modes"].index("audit") == 0
    return Skip("its mode is not reported") if is_first and fields.mode == "audit" else None
'''


def report_on(file: Path, *only: str) -> list[PluginReport]:
    """Checks a file in a process of its own."""
    with ProcessPoolExecutor(1, get_context("fork")) as pool:
        return pool.submit(check_plugins, (), files=[file], only=only, quick=True, jobs=1).result().plugins


def test_a_file_is_checked_with_the_settings_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "consent.py"
    file.write_text(FILTER)
    (report,) = report_on(file, "stage.filter", "source.privacy", "versions.lock")
    results = {result.check: result for result in report.results if result.status != "not requested"}
    assert {result.status for result in results.values()} == {PASSED, "nothing to check"}, format_findings(report)
    assert (report.plugin, report.distribution, len(report.version)) == ("consent", "consent.py", 12)
    (tmp_path / "contract.toml").write_text('[[settings.consent]]\nmodes = ["audit", "honor"]\n\n'
                                            '[[settings.consent]]\nmodes = ["honor"]\n')  # fmt: skip
    (report,) = report_on(file, "stage.filter")
    (result,) = [result for result in report.results if result.status == FAILED]
    assert [finding.message.partition(": ")[0] for finding in result.findings] == ['with modes = ["honor"]']


def test_a_file_that_cannot_be_imported_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "consent.py"
    file.write_text("1 / 0\n")
    with pytest.raises(UnknownPluginError, match=r"ZeroDivisionError at \w+/consent.py:1"):
        check_plugins((), files=[file])


@pytest.mark.slow
def test_a_family_in_a_file_passes_as_an_installed_one(tmp_path: Path) -> None:
    file = tmp_path / "zoo.py"
    file.write_text((ZOO / "good" / "family_with_settings.py").read_text())
    (report,) = report_on(file)
    assert report.plugin == "carrier.zoo"
    assert report.passed, format_findings(report)


SOURCE = '''
"""Reads the events of Campus, an invented platform, and maps one of them."""

from learnrelay import Facts, Family, Fields, Shape, Source, UserRef, Who, hookimpl, optional, required
from learnrelay.kinds import identifier, moment, text


class CampusFacts(Facts):
    moment = required("timestamp", kind=moment)
    time_text = required("timestamp", kind=text)
    user_id = optional("context.person", kind=identifier, reason="the identity provider makes a pseudonym of it")
    course_id = optional("context.course", kind=text)

    who_reads = ("user_id",)

    @staticmethod
    def who(user_id):
        return None if user_id is None else Who(UserRef(user_id))


class CampusSource(Source):
    name = "campus"
    shape = Shape(name=("action",), timestamp=("at",), data=("details",), context="about", identifying=("person",))
    facts = CampusFacts


@hookimpl
def register_sources(register):
    register(CampusSource)


family = Family("carrier.campus")


class Page(Fields):
    page = required("data.page", kind=identifier)


@family.maps("page.read", reads=Page)
def page_read(page, platform):
    return {"object": platform.iri("pages", page.page)}
'''


def test_a_source_and_a_family_in_a_file_are_checked_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEARNRELAY_SOURCE", raising=False)
    file = tmp_path / "campus.py"
    file.write_text(SOURCE)
    reports = report_on(file, "privacy.memory")
    assert sorted(report.plugin for report in reports) == ["campus", "carrier.campus"]
    for report in reports:
        statuses = {result.check: result.status for result in report.results}
        assert statuses["privacy.memory"] == PASSED, format_findings(report)
