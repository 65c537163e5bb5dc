"""Flows that come with a package are believed where they were traced from what is here, and nowhere else."""

from __future__ import annotations

import gzip
import json
import logging
import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from learnrelay.assembly.assemble import Assembly, assemble_from
from learnrelay.privacy import shipped_flows
from learnrelay.privacy.data_map import Row, derive_data_map, trace_frames
from learnrelay.privacy.flow_cache import FlowCache
from learnrelay.privacy.shipped_flows import FILE, FlowName, Frame, ShippedFlows, make_entry, write_entries

FAMILY = """
from learnrelay import Family, Fields, optional
from learnrelay.kinds import text
from .words import word


class Poll(Fields):
    choice = optional("data.choice", kind=text)
    remark = optional("data.remark", kind=text)


family = Family("xapi.polls")


@family.maps("poll.answered", reads=Poll, verb=word)
def answered(poll, platform):
    \"\"\"The learner answers.\"\"\"
    return {"object": {"id": platform.iri("poll")}, "result": {"response": poll.choice}}
"""
WORDS = """
from learnrelay_xapi.vocabulary import Verb

word = Verb("http://adlnet.gov/expapi/verbs/answered", "answered")
"""
FILES = ["polls_of_acme/__init__.py", "polls_of_acme/words.py", "polls_of_acme/xapi.py"]
NAME = FlowName("xapi", "xapi.polls", False, "poll.answered")


class Site:
    """Has a family that is installed, and an assembly of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "polls_of_acme"
        self.package.mkdir()
        for name, source in (("__init__", ""), ("words", WORDS), ("xapi", FAMILY)):
            (self.package / f"{name}.py").write_text(source)
        info = folder / "acme_polls-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-polls\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[learnrelay.families.v1]\nxapi.polls = polls_of_acme.xapi:family\n")

    def assemble(self, root_url: str = "https://lms.example.org", **tables: Any) -> Assembly:
        for cached in (shipped_flows._digest_of_package, shipped_flows._digest_of_file):
            cached.cache_clear()
        raw: dict[str, Any] = {
            "platform": {"root_url": root_url, "source": "openedx"},
            "plugins": {"enabled": ["xapi.polls"]},
            "identity": {"provider": "keyed", "secret": "Kd7wq2Lmz9Xv4bTnKd7wq2Lmz9Xv4bTn"},
            **tables,
        }
        return assemble_from(raw, self.folder / "relay.toml")

    def ship(self) -> None:
        assembly = self.assemble()
        frames = [(Frame(), False), (Frame(), True)]
        flows = {(frame, name.own, name.event): flows for frame, name, flows in trace_frames(assembly, frames)}
        entry = make_entry(assembly, "xapi", "xapi.polls", FILES, flows)
        write_entries(self.package / FILE, {"xapi xapi.polls": entry})

    def entries(self) -> dict[str, Any]:
        entries: dict[str, Any] = json.loads(gzip.decompress((self.package / FILE).read_bytes()))
        return entries

    def overwrite(self, entries: Any) -> None:
        (self.package / FILE).write_bytes(gzip.compress(json.dumps(entries).encode()))

    def rows(self, **settings: Any) -> list[Row]:
        assembly = self.assemble(**settings)
        return derive_data_map(assembly, cache=FlowCache(assembly, self.folder / "cache"))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.syspath_prepend(tmp_path)
    yield Site(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "polls_of_acme"]:
        del sys.modules[name]


def find(assembly: Assembly) -> Any:
    return ShippedFlows(assembly).find(NAME)


def test_shipped_flows_are_those_that_are_traced(site: Site) -> None:
    traced = site.rows()
    shutil.rmtree(site.folder / "cache")
    site.ship()
    assert find(site.assemble()) is not None
    assert site.rows() == traced
    assert not (site.folder / "cache").exists(), "nothing had to be traced and kept"
    elsewhere = site.rows(root_url="https://other.example.org")
    assert elsewhere == derive_data_map(site.assemble("https://other.example.org"))


def test_the_same_flows_are_the_same_bytes(site: Site) -> None:
    site.ship()
    first = (site.package / FILE).read_bytes()
    site.ship()
    assert (site.package / FILE).read_bytes() == first


@pytest.mark.parametrize("name", ["words", "xapi"])
def test_flows_of_other_code_are_not_believed(site: Site, name: str) -> None:
    site.ship()
    with (site.package / f"{name}.py").open("a") as file:
        file.write("\n# changed\n")
    assert find(site.assemble()) is None


def test_flows_of_another_core_standard_or_source_are_not_believed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.ship()
    assembly = site.assemble()
    packages = ("learnrelay", "learnrelay_xapi", "learnrelay_openedx")
    digests = {name: shipped_flows._digest_of_package(name) for name in packages}
    for changed in packages:
        monkeypatch.setattr(shipped_flows, "_digest_of_package", {**digests, changed: "another"}.__getitem__)
        assert find(assembly) is None
    monkeypatch.setattr(shipped_flows, "_digest_of_package", digests.__getitem__)
    assert find(assembly) is not None


def test_flows_of_other_settings_and_providers_are_not_believed(site: Site, tmp_path: Path) -> None:
    site.ship()
    assert find(site.assemble(xapi={"version": "2.0"})) is None
    (tmp_path / "courses.csv").write_text("course_id,title\n")
    assert find(site.assemble(courses={"provider": "table", "path": str(tmp_path / "courses.csv")})) is None


def test_what_somebody_has_edited_is_not_believed(site: Site) -> None:
    site.ship()
    good = site.entries()
    for change in (
        {"flows": []},
        {"files": FILES[:2]},
        {"of": {}},
        {"seal": "0" * 40},
        {"flows": [{source: {} for source in table} for table in good["xapi xapi.polls"]["flows"]]},
    ):
        site.overwrite({"xapi xapi.polls": {**good["xapi xapi.polls"], **change}})
        assert find(site.assemble()) is None
    for content in (b"", b"no gzip", gzip.compress(b"[1]"), gzip.compress(b'{"xapi xapi.polls": 3}')):
        (site.package / FILE).write_bytes(content)
        assert find(site.assemble()) is None


def test_flows_that_are_forged_with_a_seal_are_found(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Its author could make the seal, so that one mapping is traced each time."""
    traced = site.rows()
    shutil.rmtree(site.folder / "cache")
    assembly = site.assemble()
    nothing = {source: {} for source in find_sources(traced)}
    frames = {(Frame(), own, "poll.answered"): nothing for own in (False, True)}
    forged = make_entry(assembly, "xapi", "xapi.polls", FILES, frames)  # type: ignore[arg-type]
    write_entries(site.package / FILE, {"xapi xapi.polls": forged})
    assert find(site.assemble()) == nothing
    with caplog.at_level(logging.WARNING):
        assert site.rows() == traced
    assert "not those of its code" in caplog.text


def find_sources(rows: list[Row]) -> list[str]:
    return sorted({row.source for row in rows})


def test_rooms_above_are_those_of_the_layers() -> None:
    """What tracing may not import needs no digest."""
    root = Path(__file__).parents[2]
    contracts = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["id"] == "layers"]
    above = {room.strip() for layer in layers[: layers.index("privacy")] for room in layer.split("|")}
    assert above == shipped_flows.ROOMS_ABOVE
