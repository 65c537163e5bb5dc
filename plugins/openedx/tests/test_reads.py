"""No mapping reads what it does not put out, by the flows that the package ships."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import learnrelay_openedx
from learnrelay.assembly.assemble import assemble_from
from learnrelay.fields import declared_paths
from learnrelay.privacy.data_map import trace_flows, trace_frames
from learnrelay.privacy.shipped_flows import FILE, FRAMES, Frame, ShippedFlows, read_entries
from learnrelay.privacy.tracing import Form
from learnrelay_contract_tests.inside.flow_writer import assemble_families
from learnrelay_openedx.source import OpenedxSource

ENTRIES = read_entries(Path(learnrelay_openedx.__file__).with_name(FILE))
FACTS = {path.removesuffix(".**") for _, path, _ in declared_paths(OpenedxSource.facts)}
DECIDING = {
    "forum data.search_type",  # whether it is a search for people, which is skipped
    "textbook data.type",  # whether it is a step, of which the page that is loaded tells too
    "open_assessment data.parts.*.option",  # old events name the option alone: then there are no points
}


def test_no_field_is_read_in_vain() -> None:
    idle = {
        f"{key.rpartition('.')[2]} {path}"
        for key, entry in ENTRIES.items()
        for table in entry["flows"]
        for path, outputs in table.items()
        if not outputs and path not in FACTS
    }
    assert idle - DECIDING == set()
    assert len(ENTRIES) > 40


def test_digits_that_are_in_an_id_by_chance_do_not_show() -> None:
    """Ids depend on the platform's address: with each, other digits of a page's number are in them."""
    flows = []
    for number in range(6):
        platform = {"root_url": f"https://{number}.example.org", "source": "openedx"}
        raw = {
            "platform": platform,
            "plugins": {"enabled": ["xapi.textbook"]},
            "identity": {"provider": "keyed", "secret": "6c1f0b7e94d2a853c7e0f1b29a4d5e68"},
        }
        assembly = assemble_from(raw, Path("relay.toml"))
        flows.append(trace_flows(assembly, "textbook.pdf.thumbnail.navigated", "xapi", Frame())["data.page"]["id"])
    assert flows == [Form.DERIVED] * 6


@pytest.mark.nightly
def test_shipped_flows_are_those_of_the_code() -> None:
    """Each is traced again; `make flows` writes them."""
    families = sorted({key.split(" ", 1)[1] for key in ENTRIES})
    assembly = assemble_families("openedx", families)
    shipped = {frame: ShippedFlows(assembly, frame) for frame, _ in FRAMES}
    kept = [(frame, own) for frame, own in FRAMES if any(frame_has(frame, own, entry) for entry in ENTRIES.values())]
    for frame, name, flows in trace_frames(assembly, kept, os.cpu_count() or 1):
        assert shipped[frame].find(name) == flows, f"{name}: run make flows"


def frame_has(frame: Frame, own: bool, entry: dict[str, Any]) -> bool:
    return any(key.startswith(f"{frame} {'own' if own else 'shared'} ") for key in entry["of"])
