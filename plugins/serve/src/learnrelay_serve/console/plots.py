"""Draws the course of a day as lines: what waited, how many statements a second were delivered, and how late."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from learnrelay.outbox.history import SAMPLES, HistorySample, compute_latencies, compute_rates
from learnrelay.outbox.rates import describe_rate
from learnrelay.times import describe_span

HEIGHT = 40
"""Units of a plot from its lowest to its highest value; its width is `SAMPLES`."""


class Plot(NamedTuple):
    """Holds a plot in words and as lines of points; there is a gap where there is no sample."""

    name: str
    most: str
    lines: list[str]


def draw_day(samples: Sequence[HistorySample], newest: int) -> list[Plot]:
    """Draws the samples up to the interval ``newest``; nothing where there are fewer than two."""
    if len(samples) < 2:
        return []
    waiting = [(sample.number, float(sample.waiting)) for sample in samples]
    plots = [_draw("waiting", waiting, newest, "{:,.0f}".format)]
    if rates := compute_rates(samples):
        plots.append(_draw("rate", rates, newest, describe_rate))
    for name, part in (("p50", 0.5), ("p99", 0.99)):
        if latencies := compute_latencies(samples, part):
            plots.append(_draw(name, latencies, newest, describe_span))
    return plots


def _draw(name: str, values: Sequence[tuple[int, float]], newest: int, describe: Callable[[float], str]) -> Plot:
    most = max(value for _, value in values)
    lines: list[list[str]] = []
    last = None
    for number, value in values:
        x, y = number - newest + SAMPLES - 1, HEIGHT - HEIGHT * (value / most if most else 0)
        if number - 1 != last:
            lines.append([f"{x - 1},{y:.1f}"])  # a single sample is a line too
        lines[-1].append(f"{x},{y:.1f}")
        last = number
    return Plot(name, describe(most), [" ".join(line) for line in lines])
