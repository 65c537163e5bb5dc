"""Each check is explained on a page of the documentation, and each message about a check links to it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from installed_plugins import ZOO, install
from test_partial_runs import harness

from learnrelay_contract_tests.checks import load_all
from learnrelay_contract_tests.report.explanations import PAGE, anchor_of, link_to
from learnrelay_contract_tests.runner import LOADING

DOCS = Path(__file__).parents[2] / "docs"
EXPLANATIONS = (DOCS / "why-checks-fail.md").read_text("utf-8")


def test_each_check_has_a_section_and_each_section_a_check() -> None:
    sections = re.findall(r"^### `([\w.-]+)`\n\n(?=[A-Z*`-])", EXPLANATIONS, flags=re.MULTILINE)
    assert sorted(sections) == sorted([LOADING, *load_all()])
    assert len({anchor_of(name) for name in sections}) == len(sections)
    assert PAGE.rpartition("/")[2].removesuffix(".html") == "why-checks-fail"


def test_every_message_links_to_the_section(tmp_path: Path) -> None:
    name = install(ZOO / "bad" / "not_finite.py", tmp_path)
    done = harness("--check", "behaviour.valid", "--junit", "junit.xml", "--json", name, path=tmp_path)
    link = link_to("behaviour.valid")
    assert f"why: {link}\n" in done.stderr
    assert link in (tmp_path / "junit.xml").read_text("utf-8")
    assert {check["check"]: check["explained"] for check in json.loads(done.stdout)["plugins"][0]["checks"]} == {
        check: link_to(check) for check in (LOADING, *load_all())
    }
