"""The pages for contributors name what exists: files, make targets, tests, and all pages of the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ["CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "RELEASING.md"]


def read(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_links_and_make_targets_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), flags=re.MULTILINE))
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", read(page)):
        assert (ROOT / link).exists(), link
    for target in re.findall(r"make ([a-z-]+)", " ".join(re.findall(r"`([^`]+)`", read(page)))):
        assert target in targets, f"make {target}"


def test_an_event_is_added_in_five_steps_that_tests_ask_for() -> None:
    _, *steps = re.split(r"^### Step \d: ", read("CONTRIBUTING.md"), flags=re.MULTILINE)
    assert len(steps) == 5
    tests = "\n".join(path.read_text("utf-8") for path in ROOT.glob("*/**/tests/**/test_*.py"))
    tests += "\n".join(path.read_text("utf-8") for path in ROOT.glob("*/tests/test_*.py"))
    for number, step in enumerate(steps, 1):
        assert "| run | `" in step
        (test, message) = re.findall(r"asks for it \| `(\w+)[^`]*`[^:]*: \*(.+)\*", step)[0]
        assert f"def {test}(" in tests, test
        assert message.endswith(f"(CONTRIBUTING.md, Adding an event, step {number})")
        for file in re.findall(r"^--- a/(\S+)", step, flags=re.MULTILINE):
            assert (ROOT / file).is_file(), file


def test_the_index_leads_to_every_page() -> None:
    links = {(ROOT / "docs" / link).resolve() for link in re.findall(r"\]\(([^)#]+)", read("docs/README.md"))}
    assert {*ROOT.glob("docs/**/*.md")} - links == {ROOT / "docs" / "README.md"}
    assert all(link.exists() for link in links), [str(link) for link in links if not link.exists()]
