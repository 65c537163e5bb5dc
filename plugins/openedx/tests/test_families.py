"""A family is one folder: fields declared once, and the same events in each standard."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from golden_files import ONE_STANDARD
from learnrelay.mapping import Transformer
from learnrelay.plugins.discovery import installed, load, optional_families, select
from learnrelay.plugins.registry import collect

STEPS = "CONTRIBUTING.md, Adding an event"
HERE = Path(__file__).parent
ROOT = HERE.parents[2]


@pytest.fixture(scope="module")
def mappings() -> list[Transformer]:
    """Lists all mappings of this package, in both standards."""
    plugins = installed()
    selected = select(plugins, ["*", *optional_families(plugins)])
    infos = [info for info in selected if info.distribution == "learnrelay-openedx"]
    return collect([(info, load(info)) for info in infos]).transformers


def test_fields_are_declared_once_for_both_standards(mappings: list[Transformer]) -> None:
    assert mappings
    for mapping in mappings:
        folder = f"learnrelay_openedx.{mapping.family.partition('.')[2]}"
        assert mapping.reads.__module__ == f"{folder}.fields", (
            f"{mapping.family} reads {mapping.reads.__qualname__} of {mapping.reads.__module__}: declare fields in "
            f"{folder.rpartition('.')[2]}/fields.py ({STEPS}, step 1)"
        )


def test_both_standards_map_the_same_events(mappings: list[Transformer]) -> None:
    standards: dict[tuple[str, str], set[str]] = defaultdict(set)
    for mapping in mappings:
        for event in mapping.events:
            standards[mapping.family.partition(".")[2], event].add(mapping.standard)
    for (family, event), mapped_in in standards.items():
        expected = {ONE_STANDARD[event]} if event in ONE_STANDARD else {"xapi", "caliper"}
        assert mapped_in <= expected
        missing = sorted(expected - mapped_in)
        assert not missing, f"{event} has no mapping in {family}/{' nor '.join(missing)}.py ({STEPS}, step 2)"


PAIRS = {
    "edx.video.loaded": "load_video",
    "edx.video.played": "play_video",
    "edx.video.paused": "pause_video",
    "edx.video.stopped": "stop_video",
    "edx.video.position.changed": "seek_video",
    "edx.video.seeked": "seek_video",
    "edx.video.transcript.shown": "show_transcript",
    "edx.video.transcript.hidden": "hide_transcript",
    "edx.video.language_menu.shown": "video_show_cc_menu",
    "edx.video.language_menu.hidden": "video_hide_cc_menu",
    "edx.ui.lms.sequence.next_selected": "seq_next",
    "edx.ui.lms.sequence.previous_selected": "seq_prev",
    "edx.ui.lms.sequence.tab_selected": "seq_goto",
}
"""``name`` → ``event_type`` of lines that the platform writes with both."""


def test_both_names_of_an_event_are_mapped(mappings: list[Transformer]) -> None:
    for standard in ("xapi", "caliper"):
        mapped = {event for mapping in mappings if mapping.standard == standard for event in mapping.events}
        assert mapped >= {*PAIRS, *PAIRS.values()}, standard


@pytest.mark.slow
def test_an_entry_with_title_and_event_is_filled_in(tmp_path: Path) -> None:
    """Runs the command of step 3 on a copy of one family's goldens, without what they give."""
    goldens = tmp_path / "plugins" / "openedx" / "tests"
    families = [file.parent.name for file in HERE.glob("*/xapi.json") if file.parent.name != "completion"]
    shutil.copytree(HERE, goldens, ignore=shutil.ignore_patterns(*families, "__pycache__"))
    shutil.copytree(ROOT / "plugins" / "caliper" / "tests", tmp_path / "plugins" / "caliper" / "tests")
    files = {file: file.read_text("utf-8") for file in goldens.glob("completion/*.json")}
    assert len(files) == 2
    for file, text in files.items():
        without = [{key: value for key, value in golden.items() if key != "gives"} for golden in json.loads(text)]
        file.write_text(json.dumps(without), "utf-8")
    modules = f"pythonpath={ROOT / 'core' / 'tests'} {goldens}"
    arguments = ["-c", ROOT / "pyproject.toml", "--rootdir", tmp_path, "-o", modules, "-p", "no:cacheprovider"]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, "-k", "test_goldens and completion", goldens],
        cwd=tmp_path,
        check=False,
        env={**os.environ, "LEARNRELAY_REGENERATE": "1"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout
    assert {file: file.read_text("utf-8") for file in files} == files, "byte for byte: a difference shows what changed"
