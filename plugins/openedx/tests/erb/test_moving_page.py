"""docs/moving-from-erb.md shows the tables that the command reads, and names keys that exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from learnrelay.config.destination_schema import DestinationSection
from learnrelay.config.schema import CoreSections
from learnrelay.core_sinks.http import HttpSink
from learnrelay_openedx.erb.setting_counterparts import COUNTERPARTS, ROUTER_COUNTERPARTS, Counterpart, list_rows
from learnrelay_xapi.standard import XapiSettings

PAGE = Path(__file__).parents[4] / "docs" / "moving-from-erb.md"


@pytest.mark.parametrize(("first", "counterparts"), [("setting", COUNTERPARTS), ("field", ROUTER_COUNTERPARTS)])
def test_the_page_has_the_tables(first: str, counterparts: dict[str, Counterpart]) -> None:
    table = "\n".join(list_rows(first, counterparts))
    assert f"\n{table}\n\n" in PAGE.read_text("utf-8"), f"put this into {PAGE.name}:\n{table}"


def test_the_keys_of_learnrelay_exist() -> None:
    keys = {row.ours for table in (COUNTERPARTS, ROUTER_COUNTERPARTS) for row in table.values() if row.ours}
    of_destinations = {*DestinationSection().fields, *HttpSink.settings_schema().fields}
    sections = CoreSections().fields
    for key in sorted(keys):
        section, _, rest = key.partition(".")
        if section == "destinations":
            assert rest.removeprefix("NAME.") in of_destinations, key
        elif section == "xapi":
            assert rest in XapiSettings().fields, key
        else:
            assert rest in sections[section].section().fields, key


def test_settings_that_are_read_have_a_type() -> None:
    carried = {name for name, row in COUNTERPARTS.items() if row.ours and row.expected is None}
    assert carried == set()
