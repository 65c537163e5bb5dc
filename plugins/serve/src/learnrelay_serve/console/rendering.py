"""Renders the pages: all texts are escaped, also what a terminal or a browser would obey instead of showing it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from learnrelay import __version__
from learnrelay.logs import escape
from learnrelay.outbox.rates import describe_rate
from learnrelay.times import describe_span

FOLDER = Path(__file__).parent


def make_environment() -> Environment:
    """Makes the environment of the templates."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_show,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "span": describe_span,
        "rate": describe_rate,
        "moment": _format_moment,
        "number": "{:,}".format,
        "query": _query,
        "json": _indent,
    }
    environment.globals |= {"version": __version__, "zip_same": lambda values: [(value, value) for value in values]}
    return environment


def _show(value: Any) -> Any:
    """Replaces control characters in a text; what templates write themselves has none."""
    return escape(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _format_moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _query(values: Mapping[str, Any], **changed: Any) -> str:
    """Writes the query of an address, without what is empty."""
    return urlencode({key: value for key, value in {**values, **changed}.items() if value not in ("", None)})


def _indent(value: Any) -> list[str]:
    """Writes JSON as lines: a line break in a text would be escaped."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode().splitlines()
