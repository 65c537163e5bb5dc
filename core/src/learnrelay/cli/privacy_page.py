"""Renders the data map as one HTML page that needs no network. Scripts only filter it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby

from .. import __version__
from ..assembly.assemble import Assembly
from ..assembly.warnings import list_notices
from ..privacy.access_words import describe_match, describe_scope
from ..privacy.data_map import Row

_STYLE = """
:root { color-scheme: light dark; --line: #8885; --direct: #c0392b; --indirect: #b9770e; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line); }
thead th { position: sticky; top: 0; background: Canvas; }
code { font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
ul { list-style: none; margin: 0; padding: 0; }
.direct { color: var(--direct); font-weight: 600; }
.indirect { color: var(--indirect); font-weight: 600; }
.form, .why { opacity: .7; }
form { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1rem 0; }
input, select { font: inherit; }
tr[hidden] { display: none; }
@media print { form { display: none; } thead th { position: static; } }
"""

_SCRIPT = """
const form = document.forms[0], count = form.querySelector("output");
const rows = [...document.querySelectorAll("#map tbody tr")];
function filter() {
  const text = form.text.value.toLowerCase(); let shown = 0;
  for (const row of rows) {
    row.hidden = (form.standard.value && row.dataset.standard !== form.standard.value)
      || (form.grade.value && row.dataset.grade !== form.grade.value)
      || (form.destination.value && !row.dataset.destinations.split(" ").includes(form.destination.value))
      || (form.out.checked && !row.dataset.out) || !row.textContent.toLowerCase().includes(text);
    shown += !row.hidden;
  }
  count.value = shown + " of " + rows.length;
}
form.hidden = false;
form.addEventListener("input", filter);
form.addEventListener("submit", event => event.preventDefault());
filter();
"""


def render_page(assembly: Assembly, rows: Sequence[Row]) -> str:
    """Renders the page. All text from configuration and plugins is escaped, and no resource is loaded."""
    return "\n".join([
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Data map</title>',
        """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; """
        """script-src 'unsafe-inline'">""",
        '<meta name="viewport" content="width=device-width">',
        f"<style>{_STYLE}</style></head><body>",
        "<h1>Data map</h1>",
        f"<p>Which field of which learning event of <code>{escape(assembly.config.root_url)}</code> reaches which "
        f"output, in what form, and which destinations may get it. Derived by learnrelay {__version__} by "
        "running the mappings. No mapping, filter, enricher or rule reads a field that is not listed.</p>",
        *_notices(assembly),
        *_destinations(assembly),
        "<h2>Flows</h2>",
        '<form hidden><label>Search <input name="text" type="search"></label>',
        _select("standard", "Standard", sorted({row.standard for row in rows})),
        _select("grade", "Personal data", ["direct", "indirect", "none"]),
        _select("destination", "Destination", sorted(assembly.config.destinations)),
        '<label><input type="checkbox" name="out"> only what is put out</label><output></output></form>',
        '<table id="map"><thead><tr><th>Event<th>Standard<th>Source field<th>Personal data<th>Comes out as'
        "<th>Who may get it</tr></thead><tbody>",
        *_rows(rows),
        "</tbody></table>",
        "<h2>Terms</h2><dl><dt>direct<dd>names a person or reaches one<dt>indirect<dd>is linkable to a person, or is "
        "a person's free text<dt>value<dd>the value itself, or a part of it<dt>pseudonym<dd>the learner's pseudonym, "
        "which only the operator can resolve<dt>digest<dd>keyed digest; not reversible<dt>derived<dd>computed from it, "
        "such as ids and shares<dt>decides<dd>whether the output is there, or which of a few constants it is</dl>",
        f"<script>{_SCRIPT}</script></body></html>",
    ])  # fmt: skip


def _notices(assembly: Assembly) -> Iterator[str]:
    if notices := list_notices(assembly.standards):
        yield "<h2>Beyond pseudonyms</h2><ul>"
        yield from (f'<li class="direct">{escape(notice)}</li>' for notice in notices)
        yield "</ul>"


def _destinations(assembly: Assembly) -> Iterator[str]:
    yield "<h2>Destinations</h2><table><thead><tr>"
    yield "<th>Name<th>Standard<th>Address<th>Stands for<th>Match<th>Pseudonyms</tr></thead>"
    for destination in assembly.config.destinations.values():
        cells = [
            destination.name,
            destination.standard,
            destination.address,
            describe_scope(destination.scope),
            describe_match(destination.match),
            destination.pseudonyms,
        ]
        yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
    yield "</table>"


def _select(name: str, label: str, choices: Iterable[str]) -> str:
    options = "".join(f"<option>{escape(choice)}</option>" for choice in choices)
    return f'<label>{label} <select name="{name}"><option value="">all</option>{options}</select></label>'


def _rows(rows: Sequence[Row]) -> Iterator[str]:
    for _, group in groupby(rows, key=lambda row: (row.event, row.standard, row.source, row.destinations)):
        flows = list(group)
        first = flows[0]
        outputs = "".join(
            f'<li><code>{escape(row.output)}</code> <span class="form">{row.form.words}</span></li>'
            for row in flows
            if row.form
        )
        why = f'<div class="why">{escape(first.reason)}</div>' if first.reason else ""
        destinations = "".join(f"<li>{escape(str(destination))}</li>" for destination in first.destinations)
        names = " ".join(destination.name for destination in first.destinations)
        grade = first.grade.value
        yield (
            f'<tr data-standard="{escape(first.standard)}" data-grade="{grade}" data-destinations="{escape(names)}" '
            f'data-out="{"1" if outputs else ""}"><td><code>{escape(first.event)}</code><td>{escape(first.standard)}'
            f'<td><code>{escape(first.source)}</code>{why}<td class="{grade}">{grade}'
            f"<td>{f'<ul>{outputs}</ul>' if outputs else 'nowhere'}"
            f"<td><ul>{destinations or '<li>nobody</li>'}</ul></tr>"
        )
