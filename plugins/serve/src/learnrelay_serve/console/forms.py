"""Reads what a browser sends: forms of bounded size, numbers of pages."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from learnrelay.reading.lines import LONGEST_LINE

LONGEST_FORM = 4 * LONGEST_LINE
"""Bytes of a form: an event's characters take up to three each."""
LONGEST_LOGIN = 4096
"""Bytes of a form from whom nobody knows yet."""
_MOST_FIELDS = 20
_PATIENCE = 30.0  # seconds for a whole form


class FormError(Exception):
    """Reports a form that is not taken, with the status of the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


async def read_form(request: Request, limit: int = LONGEST_FORM) -> dict[str, str]:
    """Reads a form in the packing of browsers. Raises FormError."""
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise FormError(415, "The forms of the console are application/x-www-form-urlencoded.")
    pieces, size = [], 0
    try:
        async with asyncio.timeout(_PATIENCE):
            async for piece in request.stream():
                size += len(piece)
                if size > limit:
                    raise FormError(413, f"This form may have {limit:,} bytes.")
                pieces.append(piece)
    except TimeoutError:
        raise FormError(408, "The form came too slowly.") from None
    except ClientDisconnect:
        raise FormError(400, "The form is cut short.") from None
    try:
        text = b"".join(pieces).decode("ascii")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise FormError(400, "This is no form.") from None


def read_page(values: Mapping[str, str]) -> int:
    """Reads the number of a page, from 1; 1 for anything else."""
    given = values.get("page", "")
    return max(1, int(given)) if given.isascii() and given.isdecimal() and len(given) < 7 else 1
