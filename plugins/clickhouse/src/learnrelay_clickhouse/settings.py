"""Defines the keys of a destination whose sink is ``clickhouse``."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import ValidationError

from learnrelay.config.fields import OneOf, Text, described
from learnrelay.sinks import HttpSection

ASPECTS, WIDE = "aspects", "wide"


class TableName(Text):
    """Reads ``database.table``: names that need no quotes in SQL."""

    form = "database and table"

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not re.fullmatch(r"[A-Za-z_]\w*\.[A-Za-z_]\w*", text, re.ASCII):
            raise ValidationError('expected a database and a table such as "openedx.xapi_events_all"')
        return text


class ClickHouseSection(HttpSection):
    """Validates where the table is, beside how HTTP is spoken with the server.

    ``layout``: the columns of the table; both layouts get the same three values of a statement.
    """

    table = TableName(
        required=True,
        metadata=described("database and table that the statements are inserted into", '"openedx.xapi_events_all"'),
    )
    layout = OneOf(
        [ASPECTS, WIDE],
        load_default=ASPECTS,
        metadata=described("columns of the table: those that Aspects reads, or more", '"wide"'),
    )
