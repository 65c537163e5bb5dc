"""Formats lengths of time as text, for statements and for people."""

from __future__ import annotations

LONGEST = 10**9
"""Maximum seconds (30 years) of a position or length."""


def iso_duration(value: float | None) -> str | None:
    """Formats a length as ISO 8601 duration with at most three decimals; None for none.

    >>> iso_duration(195), iso_duration(1368.7657), iso_duration(3661.5), iso_duration(0)
    ('PT3M15S', 'PT22M48.766S', 'PT1H1M1.5S', 'PT0S')
    """
    if value is None or not 0 <= value < LONGEST:
        return None
    minutes, rest = divmod(round(value * 1000), 60_000)
    text = "PT"
    if minutes >= 60:
        hours, minutes = divmod(minutes, 60)
        text = f"PT{hours}H"
    if minutes:
        text = f"{text}{minutes}M"
    if not rest:
        return text if value >= 1 else "PT0S"
    whole, fraction = divmod(rest, 1000)
    return f"{text}{whole}.{fraction:03d}".rstrip("0") + "S" if fraction else f"{text}{whole}S"


def describe_span(seconds: float | None) -> str:
    """Formats seconds for people; empty for none.

    >>> describe_span(0.0123), describe_span(3.44), describe_span(1020), describe_span(18_720), describe_span(267_840)
    ('12.3 ms', '3.44 s', '17 min', '5.2 h', '3.1 d')
    """
    if seconds is None:
        return ""
    for unit, length in (("d", 86_400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds * 1000:.3g} ms"
