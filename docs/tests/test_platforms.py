"""Core and standards name no platform: what Open edX writes is known in its own package only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEUTRAL = ("core/src", "plugins/xapi/src", "plugins/caliper/src")
PLATFORM = re.compile(r"edx|course-v1|block-v1|xblock|event_type|retired__user", re.IGNORECASE)
VOCABULARY = "w3id.org/xapi/openedx"


def files(folder: str) -> Iterator[Path]:
    """Yields the source files below a folder."""
    for file in sorted((ROOT / folder).rglob("*")):
        if file.suffix in (".py", ".txt", ".json") and "__pycache__" not in file.parts:
            yield file


def lines_with(pattern: re.Pattern[str], folder: str) -> list[str]:
    """Returns the lines of a folder's sources that a pattern is found in."""
    return [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in files(folder)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


@pytest.mark.parametrize("folder", NEUTRAL)
def test_core_and_standards_name_no_platform(folder: str) -> None:
    assert len(list(files(folder))) > 10
    assert lines_with(PLATFORM, folder) == []


def test_the_platform_s_vocabulary_stands_in_its_own_package() -> None:
    pattern = re.compile(re.escape(VOCABULARY))
    sources = [folder.relative_to(ROOT).as_posix() for folder in ROOT.glob("**/src") if ".venv" not in folder.parts]
    elsewhere = [folder for folder in sources if folder != "plugins/openedx/src" and not folder.startswith("examples/")]
    assert {"core/src", "plugins/xapi/src", "contract_tests/src"} <= set(elsewhere)
    assert [line for folder in elsewhere for line in lines_with(pattern, folder)] == []
    assert lines_with(pattern, "plugins/openedx/src")


def test_the_platform_is_found_where_it_is_named() -> None:
    assert len(lines_with(PLATFORM, "plugins/openedx/src")) > 100
