"""The data map is the same from the cache as without it, and nothing of other code or settings is taken from there."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from installation import Installation
from learnrelay.assembly.assemble import assemble
from learnrelay.privacy.data_map import Row, derive_data_map
from learnrelay.privacy.flow_cache import FlowCache
from relay_files import relay_toml

PLUGIN = """
from learnrelay import Family, Fields, optional
from learnrelay.kinds import text

class Poll(Fields):
    choice = optional("data.choice", kind=text)
    remark = optional("data.remark", kind=text)

family = Family("plain.polls")

@family.maps("poll.answered", reads=Poll, did="answer")
def answered(poll, platform):
    \"\"\"The learner answers.\"\"\"
    return {"what": poll.choice}
"""
DESTINATIONS = {
    "main": {"url": "https://main.example.org"},
    "own": {"url": "https://own.example.org", "pseudonyms": "own"},
}


class Site:
    """Runs ``learnrelay privacy`` with a plugin in a single file."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        self._installation = installation
        self.folder = folder
        self.plugin = folder / "polls.py"
        self.plugin.write_text(PLUGIN)
        self.cache = folder / "cache/learnrelay/flows"
        self.configure()

    def configure(self, **tables: Any) -> None:
        text = relay_toml(["plain.watching"], DESTINATIONS, files=["polls.py"], **tables)
        (self.folder / "relay.toml").write_text(text)

    def flows(self, *arguments: str) -> list[dict[str, Any]]:
        done = self._installation.run(
            "privacy", "--config", self.folder / "relay.toml", "--json", *arguments,
            SECRET="Kd7wq2Lmz9Xv4bTn", XDG_CACHE_HOME=str(self.folder / "cache"),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        flows: list[dict[str, Any]] = json.loads(done.stdout)["flows"]
        return flows

    def files(self) -> list[Path]:
        return sorted(self.cache.iterdir())


@pytest.fixture
def site(plain_installation: Installation, tmp_path: Path) -> Site:
    return Site(plain_installation, tmp_path)


def outputs_of(flows: list[dict[str, Any]], source: str) -> set[str]:
    return {flow["output"] for flow in flows if flow["source"] == source and flow["event"] == "poll.answered"}


def test_the_second_map_is_the_first_and_comes_from_the_cache(site: Site) -> None:
    first = site.flows()
    (file,) = site.files()
    assert site.flows() == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(site.cache.stat().st_mode) == 0o700
    assert "Kd7wq2Lmz9Xv4bTn" not in file.read_text()

    kept = json.loads(file.read_text())
    key = next(key for key in kept if "poll.answered" in key and "shared" in key)
    kept[key]["data.choice"] = {"elsewhere": 7}
    file.write_text(json.dumps(kept))
    assert "elsewhere" in outputs_of(site.flows(), "data.choice"), "it was not read"


def test_a_part_of_the_events_is_kept_beside_the_others(site: Site) -> None:
    whole = site.flows()
    site.cache.joinpath(site.files()[0].name).unlink()
    part = site.flows("--event", "poll.answered")
    assert part == [flow for flow in whole if flow["event"] == "poll.answered"]
    assert site.flows() == whole
    assert len(site.files()) == 1


@pytest.mark.slow
def test_other_code_and_other_settings_are_derived_anew(site: Site) -> None:
    assert outputs_of(site.flows(), "data.remark") == {""}
    site.plugin.write_text(PLUGIN.replace("poll.choice}", "poll.remark}"))
    changed = site.flows()
    assert outputs_of(changed, "data.remark") == {"what"}
    assert outputs_of(changed, "data.choice") == {""}
    site.plugin.write_text(PLUGIN)
    assert outputs_of(site.flows(), "data.choice") == {"what"}
    number = len(site.files())
    site.configure(plain={"style": "long"})
    site.flows()
    assert len(site.files()) == number + 1
    for language in ("de", "fr", "pt", "it", "es", "ar", "he", "ja"):
        site.configure(platform={"language": language})
        site.flows("--event", "poll.answered")
    assert len(site.files()) == 8


UNREADABLE = ["", "no JSON", "[1]", '{"a": 1}', "\x00"]


@pytest.mark.parametrize(
    "content", ['{"a": {"b": {"c": 99}}}', *[pytest.param(content, marks=pytest.mark.slow) for content in UNREADABLE]]
)
def test_a_file_that_cannot_be_read_changes_nothing(site: Site, content: str) -> None:
    first = site.flows()
    (file,) = site.files()
    file.write_text(content)
    assert site.flows() == first
    assert json.loads(file.read_text())


def test_a_folder_that_cannot_be_made_changes_nothing(site: Site) -> None:
    first = site.flows()
    for file in site.files():
        file.unlink()
    site.cache.rmdir()
    site.cache.write_text("a file")
    assert site.flows() == first


@pytest.mark.slow
def test_the_whole_map_is_equal_row_by_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "Kd7wq2Lmz9Xv4bTn")
    destinations = {
        "lrs": {"standard": "xapi", "url": "https://lrs.example.org/"},
        "own": {"standard": "xapi", "url": "https://own.example.org/", "pseudonyms": "own"},
    }
    config = tmp_path / "relay.toml"
    config.write_text(relay_toml(["xapi.video", "xapi.enrollment"], destinations, platform={"source": "openedx"}))
    assembly = assemble(config)
    without = derive_data_map(assembly, processes=os.cpu_count() or 1)

    def from_cache() -> list[Row]:
        return derive_data_map(assembly, cache=FlowCache(assembly, tmp_path / "flows"), processes=2)

    assert from_cache() == without
    assert from_cache() == without
    assert len(without) > 100
