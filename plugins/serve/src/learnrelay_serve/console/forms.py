"""Reads what a browser sends: forms of bounded size, numbers of pages."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from learnrelay.reading.lines import LONGEST_LINE

LONGEST_FORM = 4 * LONGEST_LINE
"""Bytes of a form: an event's characters take up to three each."""
_MOST_FIELDS = 20


class FormError(Exception):
    """Reports a form that is not taken, with the status of the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


async def read_form(request: Request) -> dict[str, str]:
    """Reads a form in the packing of browsers. Raises FormError."""
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise FormError(415, "a form of this console is application/x-www-form-urlencoded")
    pieces, size = [], 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > LONGEST_FORM:
                raise FormError(413, f"a form may have {LONGEST_FORM:,} bytes")
            pieces.append(piece)
    except ClientDisconnect:
        raise FormError(400, "the form is cut short") from None
    try:
        text = b"".join(pieces).decode("ascii")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise FormError(400, "this is no form") from None


def read_page(values: Mapping[str, str]) -> int:
    """Reads the number of a page, from 1; 1 for anything else."""
    given = values.get("page", "")
    return max(1, int(given)) if given.isascii() and given.isdecimal() and len(given) < 7 else 1
