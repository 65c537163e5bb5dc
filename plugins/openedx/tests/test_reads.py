"""No mapping reads what it does not put out, by the flows that the package ships."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

import learnrelay_openedx
from learnrelay.assembly.assemble import assemble_from
from learnrelay.fields import declared_paths
from learnrelay.privacy.data_map import trace_flows, trace_frames, trace_sample
from learnrelay.privacy.shipped_flows import FILE, FRAMES, Frame, ShippedFlows, read_entries
from learnrelay.privacy.tracing import Form
from learnrelay_contract_tests.inside.flow_writer import assemble_families
from learnrelay_openedx.courses import COURSE_FOUND
from learnrelay_openedx.source import OpenedxSource

ENTRIES = read_entries(Path(learnrelay_openedx.__file__).with_name(FILE))
FACTS = {path.removesuffix(".**") for _, path, _ in declared_paths(OpenedxSource.facts)}
OF_A_SAMPLE = re.compile(r"\d{3}|mk\d")
DECIDING = {
    "forum data.search_type",  # whether it is a search for people, which is skipped
    "textbook data.type",  # whether it is a step, of which the page that is loaded tells too
    "open_assessment data.parts.*.option",  # old events name the option alone: then there are no points
    "page_views data.GET._",  # whether a program asks, for whom no page is opened
    "page_views data.GET.ajax",
    "page_views data|json.GET.ajax",
    "page_views data.GET.view",  # whether the learning front end shows a unit
    "page_views data.GET.show_title",
    "course_home data.is_masquerading",  # whether staff acts as a learner, which is skipped
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


def test_the_map_knows_where_each_output_comes_from() -> None:
    """Save constants: the address of the platform, versions."""
    assembly = assemble_families("openedx", sorted({key.split(" ", 1)[1] for key in ENTRIES}))
    root = assembly.config.root_url
    shared = f"{Frame()} shared "
    unknown = set()
    for key, entry in ENTRIES.items():
        standard, family = key.split(" ", 1)
        for name, number in entry["of"].items():
            if name.startswith(shared):
                known = {output for outputs in entry["flows"][number].values() for output in outputs}
                sample = trace_sample(assembly, name.removeprefix(shared), standard)
                assert sample, f"{family} {name}: no sample of this event is mapped"
                for output in sample.keys() - known:
                    values = [str(value).replace(root, "") for value in sample[output]]
                    if any(map(OF_A_SAMPLE.search, values)):
                        unknown.add(f"{family} {output} {values}")
    assert unknown == set()


def traced(number: int, family: str, event: str) -> dict[str, Any]:
    """Traces a mapping on one of several platforms: ids depend on its address."""
    raw = {
        "platform": {"root_url": f"https://{number}.example.org", "source": "openedx"},
        "plugins": {"enabled": [family]},
        "identity": {"provider": "keyed", "secret": "6c1f0b7e94d2a853c7e0f1b29a4d5e68"},
    }
    flows = trace_flows(assemble_from(raw, Path("relay.toml")), event, family.partition(".")[0], Frame())
    root = raw["platform"]["root_url"]
    return {
        path: {output.replace(root, ""): form for output, form in outputs.items()} for path, outputs in flows.items()
    }


def test_digits_that_are_in_an_id_by_chance_do_not_show() -> None:
    event = "textbook.pdf.thumbnail.navigated"
    assert [traced(number, "xapi.textbook", event)["data.page"]["id"] for number in range(6)] == [Form.DERIVED] * 6


def test_the_map_is_the_same_on_each_platform_and_knows_each_place_of_the_course() -> None:
    """The id of a video is needed, and is one of the places where the course is found."""
    first, *others = [traced(number, "caliper.video", "complete_video") for number in range(5)]
    assert all(other == first for other in others)
    for path in COURSE_FOUND:
        assert first[path].get("group.id") is Form.VALUE, path


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
