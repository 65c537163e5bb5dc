"""Plots as SVG: bars, and a line over a growing quantity. Nothing but text is needed for that."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

_WIDTH, _BAR, _LEFT = 720, 22, 230
_STYLE = "font-family: sans-serif; font-size: 12px; fill: currentColor"
_COLOUR = "#3d7ea6"


def bars(values: Mapping[str, float], unit: str) -> str:
    """Draws a bar for each value, with its number."""
    most = max(values.values())
    scale = (_WIDTH - _LEFT - 160) / most
    parts = []
    for row, (name, value) in enumerate(values.items()):
        y = row * (_BAR + 6)
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 15}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<rect x="{_LEFT}" y="{y}" width="{value * scale:.1f}" height="{_BAR}" fill="{_COLOUR}"/>')
        parts.append(f'<text x="{_LEFT + value * scale + 6:.1f}" y="{y + 15}">{value:,.0f} {escape(unit)}</text>')
    return _svg(parts, len(values) * (_BAR + 6))


def lines(series: Mapping[str, Mapping[str, float]], unit: str) -> str:
    """Draws a small plot for each series: its values over the sizes, evenly spaced, from zero on."""
    width, height, gap = 210, 110, 30
    parts = []
    for number, (name, values) in enumerate(series.items()):
        left, top = (number % 3) * (width + gap), (number // 3) * (height + 60) + 20
        most = max(values.values()) * 1.15
        step = width / max(len(values) - 1, 1)
        points = [(left + at * step, top + height * (1 - value / most)) for at, value in enumerate(values.values())]
        parts.append(f'<text x="{left}" y="{top - 6}" font-weight="bold">{escape(name)}</text>')
        parts.append(
            f'<path d="M{left} {top}V{top + height}H{left + width}" fill="none" stroke="currentColor" opacity=".4"/>'
        )
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{_COLOUR}" stroke-width="2"/>')
        for (x, y), (size, value) in zip(points, values.items(), strict=True):
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{_COLOUR}"/>')
            parts.append(f'<text x="{x:.1f}" y="{y - 7:.1f}" text-anchor="middle" font-size="10">{value:.3g}</text>')
            parts.append(f'<text x="{x:.1f}" y="{top + height + 14}" text-anchor="middle">{escape(size)}</text>')
    rows = -(-len(series) // 3)
    parts.append(f'<text x="{_WIDTH - 4}" y="{rows * 170 - 4}" text-anchor="end">{escape(unit)}</text>')
    return _svg(parts, rows * 170)


def _svg(parts: list[str], height: int) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-12 0 {_WIDTH + 24} {height}" style="{_STYLE}">\n'
        f"{body}\n</svg>\n"
    )
