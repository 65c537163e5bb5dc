"""Writes the report for people, to read or to print: an HTML page and Markdown, with the same contents.

The verdict and what failed stand first, then for each plugin what it does, and all checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any

from ..runner import FAILED, GAP, NOT_REQUESTED, NOT_RUN, NOTHING, PASSED, WARNED, Report, as_data

Data = dict[str, Any]

MAX_FINDINGS = 40
ORDER = (FAILED, NOT_RUN, WARNED, GAP, PASSED)
"""Statuses in the order in which checks are listed; the others are summed up in a line."""

DID_NOT_LOAD = "the plugin did not load"
HOOKS = {
    "filter_event": "Filter",
    "enrich_statement": "Enricher",
    "route_event": "Router",
}

_STYLE = """
:root{color-scheme:light dark;--good:light-dark(#17683a,#7fd6a2);--bad:light-dark(#a11212,#ff9c94);
--fair:light-dark(#7a4f00,#f0c060);--line:light-dark(#d5d5d5,#4a4a4a);--soft:light-dark(#f4f4f4,#262626);
--quiet:light-dark(#595959,#b0b0b0)}
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere;
background:light-dark(#fff,#171717);color:light-dark(#1c1c1c,#ececec)}
h1,h2,h3{line-height:1.25}h2{margin-top:2.5rem;border-top:1px solid var(--line);padding-top:1rem}
table{border-collapse:collapse;width:100%}
th,td{border-top:1px solid var(--line);padding:.4rem .6rem;vertical-align:top;text-align:left}
th{font-weight:600}thead th{border-top:0}td.status{overflow-wrap:normal}
.verdict{border-left:.4rem solid;padding:.6rem 1rem;background:var(--soft)}
.verdict p{margin:0;color:light-dark(#1c1c1c,#ececec)}
.verdict p:first-child{font-size:1.25rem;font-weight:600;color:inherit}
.passed{color:var(--good)}.failed,.not{color:var(--bad)}.warned,.gap,.direct,.indirect{color:var(--fair)}
.nothing,.none,small,.meta{color:var(--quiet)}.status{font-weight:600;white-space:nowrap}
a{color:light-dark(#0b57a4,#8fc1ff)}ul{margin:.3rem 0;padding-left:1.2rem}
code{font:.9em ui-monospace,monospace;background:var(--soft);padding:0 .2em}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.2rem 1rem}dd{margin:0}
@media (max-width:40rem){table,tbody,tr,td,th{display:block;border-top:0;padding:.15rem 0}thead{display:none}
tr{border-top:1px solid var(--line);padding:.4rem 0}dl{grid-template-columns:minmax(0,1fr)}dt{color:var(--quiet)}}
@media print{:root{color-scheme:light}body{font-size:10.5pt;max-width:none;margin:0}h2,h3{break-after:avoid}
tr,li,.verdict{break-inside:avoid}thead{display:table-header-group}a{color:inherit}
.verdict,code{print-color-adjust:exact}}
"""


def format_html(report: Report) -> str:
    """Writes one page to attach to a release, without scripts or external resources."""
    data = as_data(report)
    word, verdict, remarks = _judge(data)
    failures = "".join(_html_failures(plugin) for plugin in data["plugins"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Contract report: {word}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<style>{_STYLE}</style></head><body><h1>Contract report</h1>"
        f'<div class="verdict {word.split()[0]}"><p>{escape(verdict)}</p>'
        f"{''.join(f'<p>{escape(remark)}</p>' for remark in remarks)}</div>"
        f"{f'<h2>What failed</h2>{failures}' if failures else ''}"
        f"{''.join(_html_plugin(plugin) for plugin in data['plugins'])}"
        f"</body></html>\n"
    )


def format_markdown(report: Report) -> str:
    """Writes the same as Markdown, such as for the summary of a job."""
    data = as_data(report)
    _, verdict, remarks = _judge(data)
    lines = ["# Contract report", "", f"**{_plain(verdict)}**", ""]
    lines += [f"- {_plain(remark)}" for remark in remarks]
    failures = [line for plugin in data["plugins"] for line in _markdown_failures(plugin)]
    lines += ["", "## What failed", *failures] if failures else []
    for plugin in data["plugins"]:
        lines += ["", *_markdown_plugin(plugin)]
    return "\n".join(lines) + "\n"


# --- the verdict ------------------------------------------------------------------------------------------


def _judge(data: Data) -> tuple[str, str, list[str]]:
    """Returns the status of the whole, the verdict in words, and when and by what it was given."""
    plugins: list[Data] = data["plugins"]
    bad = [plugin["plugin"] for plugin in plugins if not plugin["sound"]]
    if bad:
        word, verdict = FAILED, f"Failed: {', '.join(bad)}"
    elif data["passed"]:
        names = f"{plugins[0]['plugin']} keeps" if len(plugins) == 1 else f"All {len(plugins)} plugins keep"
        word, verdict = PASSED, f"Passed: {names} the contract"
    else:
        word, verdict = "warned", "No verdict: what ran has passed, but not all checks of the contract ran"
    by = f"learnrelay {data['learnrelay']}, learnrelay-contract-tests {data['harness']}, Python {data['python']}"
    return word, verdict, [f"{data['date'].replace('T', ' ').replace('+00:00', ' UTC')}, {data['seconds']} s", by]


def _failed(plugin: Data) -> tuple[list[Data], int]:
    """Returns the checks that failed, and how many others did not run because the plugin did not load."""
    checks = [check for check in plugin["checks"] if check["status"] in (FAILED, NOT_RUN)]
    unloaded = [check for check in checks if check["reason"] == DID_NOT_LOAD]
    return [check for check in checks if check not in unloaded], len(unloaded)


def _entry(entry: Data) -> str:
    path = "" if entry["path"] in entry["message"] else entry["path"]
    return ": ".join(part for part in (entry["event"], path, entry["message"]) if part)


def _facts(plugin: Data) -> Iterator[tuple[str, str]]:
    """Yields what is known of the release: names and values."""
    summary = plugin["summary"]
    yield "Distribution", f"{plugin['distribution']} {plugin['version']}"
    if summary.get("beside"):
        yield "Checked with", ", ".join(f"{name} {number}" for name, number in sorted(summary["beside"].items()))
    if summary:
        yield "Wheel", f"SHA-256 {summary['wheel']}" if summary["wheel"] else "not installed from a wheel file"
    if summary.get("source"):
        yield "Source files", f"SHA-256 {summary['source']}"
    yield "Events", f"{plugin['events']}, checked in {plugin['seconds']} s"


def _title(part: Data) -> str:
    """Returns the words for a mapped event, a stage or a scope."""
    if part["what"] == "scope":
        return f"Scope {part['name']}"
    return HOOKS.get(part["name"], str(part["name"]))


def _output(output: Data) -> str:
    types = "/".join(output["types"])
    return f"{types}{'' if output['always'] else ', not always'}"


def _ordered(checks: Sequence[Data], *, is_audit: bool) -> list[Data]:
    own = [check for check in checks if check["check"].startswith("audit.") == is_audit]
    return sorted((check for check in own if check["status"] in ORDER), key=lambda check: ORDER.index(check["status"]))


def _named(checks: Iterable[Data], status: str) -> list[str]:
    return [check["check"] for check in checks if check["status"] == status]


_BESIDES = "Besides time, learner, course and session, which every standard asks the source for:"
PARTS = (("The contract: mistakes", False), ("The audit: code that means harm, as far as Python shows it", True))

# --- HTML -------------------------------------------------------------------------------------------------


def _html_failures(plugin: Data) -> str:
    checks, unloaded = _failed(plugin)
    if not checks and not unloaded:
        return ""
    items = "".join(
        f"<li><code>{escape(check['check'])}</code> {escape(check['proves'])} {_html_entries(check, 'findings')}"
        f'{_html_reason(check)}<a href="{escape(check["explained"])}">Why it fails</a></li>'
        for check in checks
    )
    if unloaded:
        items += f"<li>{unloaded} other checks did not run: {DID_NOT_LOAD}</li>"
    return f"<h3>{escape(plugin['plugin'])}</h3><ul>{items}</ul>"


def _html_entries(check: Data, kind: str) -> str:
    entries = check[kind]
    items = "".join(f"<li>{escape(_entry(entry))}</li>" for entry in entries[:MAX_FINDINGS])
    if len(entries) > MAX_FINDINGS:
        items += f"<li>… and {len(entries) - MAX_FINDINGS} more</li>"
    return f"<ul>{items}</ul>" if items else ""


def _html_reason(check: Data) -> str:
    return f"<p>{escape(check['reason'])}</p>" if check["reason"] else ""


def _html_plugin(plugin: Data) -> str:
    word = PASSED if plugin["passed"] else FAILED if not plugin["sound"] else WARNED
    shown = {PASSED: "passed", FAILED: "failed", WARNED: "not all checks ran"}[word]
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in _facts(plugin))
    return (
        f'<h2>{escape(plugin["plugin"])} <span class="{word}">{shown}</span></h2><dl>{facts}</dl>'
        f"{_html_reads(plugin['summary'].get('reads', []))}{_html_checks(plugin['checks'])}"
    )


def _html_reads(parts: Sequence[Data]) -> str:
    if not parts:
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(_title(part))}</code></td><td>{_html_fields(part['fields'])}</td>"
        f"<td>{_html_outputs(part['outputs'])}</td></tr>"
        for part in parts
    )
    return (
        f"<h3>What it does</h3><p>{_BESIDES}</p><table><thead><tr><th>Event or stage</th>"
        f"<th>Reads, and how personal that is</th><th>Puts out</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _html_fields(fields: Sequence[Data]) -> str:
    items = "".join(
        f'<li><code>{escape(field["path"])}</code> <span class="{field["grade"]}">{_grade(field)}</span>'
        f"{_html_note(field['reason'])}</li>"
        for field in fields
    )
    return f"<ul>{items}</ul>" if items else '<span class="none">nothing of the event</span>'


def _html_note(text: str) -> str:
    return f" <small>{escape(text)}</small>" if text else ""


def _grade(field: Data) -> str:
    grade = "not personal" if field["grade"] == "none" else f"{field['grade']}ly personal"
    return f"{grade}{'' if field['required'] else ', optional'}"


def _html_outputs(outputs: Sequence[Data]) -> str:
    items = "".join(
        f"<li><code>{escape(output['path'])}</code> <small>{escape(output['constant'] or _output(output))}</small></li>"
        for output in outputs
    )
    return f"<ul>{items}</ul>" if items else ""


def _html_checks(checks: Sequence[Data]) -> str:
    parts = []
    for title, is_audit in PARTS:
        if rows := "".join(map(_html_check, _ordered(checks, is_audit=is_audit))):
            head = "<thead><tr><th>Status</th><th>Check, and what it proves</th></tr></thead>"
            parts.append(f"<h3>{title}</h3><table>{head}<tbody>{rows}</tbody></table>")
    for words, status in (("Nothing to check", NOTHING), ("Not requested", NOT_REQUESTED)):
        if names := _named(checks, status):
            parts.append(f'<p class="meta">{words}: {", ".join(f"<code>{escape(name)}</code>" for name in names)}</p>')
    return "".join(parts)


def _html_check(check: Data) -> str:
    return (
        f'<tr><td class="status {check["status"].split()[0]}">{escape(check["status"])}</td>'
        f"<td><code>{escape(check['check'])}</code> {escape(check['proves'])}{_html_reason(check)}"
        f"{_html_entries(check, 'findings')}{_html_entries(check, 'notes')}</td></tr>"
    )


# --- Markdown ---------------------------------------------------------------------------------------------


def _plain(text: str) -> str:
    """Escapes text, so that it is shown as it is, on one line."""
    escaped = "".join(f"\\{letter}" if letter in "\\`*_[]|~#!" else letter for letter in " ".join(text.split()))
    return escape(escaped, quote=False)


def _code(text: str) -> str:
    """Writes text as code, which may hold backticks and stand in a table."""
    return f"<code>{_plain(text)}</code>"


def _markdown_failures(plugin: Data) -> Iterator[str]:
    checks, unloaded = _failed(plugin)
    if checks or unloaded:
        yield from ("", f"### {_plain(plugin['plugin'])}", "")
    for check in checks:
        yield f"- **{_plain(check['check'])}** {_plain(check['proves'])} [Why it fails]({check['explained']})"
        yield from _markdown_entries(check)
    if unloaded:
        yield f"- {unloaded} other checks did not run: {DID_NOT_LOAD}"


def _markdown_entries(check: Data) -> Iterator[str]:
    if check["reason"]:
        yield f"    - {_plain(check['reason'])}"
    for entry in check["findings"][:MAX_FINDINGS]:
        yield f"    - {_plain(_entry(entry))}"
    if len(check["findings"]) > MAX_FINDINGS:
        yield f"    - … and {len(check['findings']) - MAX_FINDINGS} more"


def _markdown_plugin(plugin: Data) -> Iterator[str]:
    word = "passed" if plugin["passed"] else "failed" if not plugin["sound"] else "not all checks ran"
    yield from (f"## {_plain(plugin['plugin'])}: {word}", "", "| | |", "|---|---|")
    yield from (f"| {name} | {_plain(value)} |" for name, value in _facts(plugin))
    if reads := plugin["summary"].get("reads", []):
        yield from (
            "",
            "### What it does",
            "",
            _BESIDES,
            "",
            "| event or stage | reads, and how personal that is | puts out |",
        )
        yield "|---|---|---|"
        for part in reads:
            fields = "<br>".join(
                f"{_code(field['path'])} {': '.join(filter(None, (_grade(field), _plain(field['reason']))))}"
                for field in part["fields"]
            )
            outputs = "<br>".join(
                f"{_code(output['path'])} {_plain(output['constant'] or _output(output))}" for output in part["outputs"]
            )
            yield f"| {_code(_title(part))} | {fields or 'nothing of the event'} | {outputs} |"
    for title, is_audit in PARTS:
        if checks := _ordered(plugin["checks"], is_audit=is_audit):
            yield from ("", f"### {title}", "", "| status | check | proves |", "|---|---|---|")
            for check in checks:
                reason = f" ({_plain(check['reason'])})" if check["reason"] else ""
                yield f"| {check['status']} | {_code(check['check'])} | {_plain(check['proves'])}{reason} |"
    for words, status in (("Nothing to check", NOTHING), ("Not requested", NOT_REQUESTED)):
        if names := _named(plugin["checks"], status):
            yield from ("", f"{words}: {', '.join(map(_code, names))}")
