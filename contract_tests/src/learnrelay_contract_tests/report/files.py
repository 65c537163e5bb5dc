"""Writes the report as JSON, JUnit and HTML."""

from __future__ import annotations

from html import escape
from xml.sax.saxutils import quoteattr

import orjson

from ..runner import FAILED, NOT_REQUESTED, NOT_RUN, NOTHING, CheckResult, Report, as_data


def format_json(report: Report) -> bytes:
    """Writes the whole report as JSON."""
    return orjson.dumps(as_data(report), option=orjson.OPT_INDENT_2)


def _findings_text(result: CheckResult) -> str:
    return "\n".join(
        ": ".join(part for part in (finding.event, finding.path, finding.message) if part)
        for finding in result.findings
    )


def format_junit(report: Report) -> str:
    """Writes one test suite for each plugin and one test case for each check."""
    suites = []
    for plugin in report.plugins:
        cases = []
        requested = [result for result in plugin.results if result.status != NOT_REQUESTED]
        for result in requested:
            inner = ""
            if result.status in (FAILED, NOT_RUN):
                words = _findings_text(result) or result.reason or result.status
                inner = f"<failure message={quoteattr(words.splitlines()[0])}>{escape(words)}</failure>"
            elif result.status == NOTHING:
                inner = f"<skipped message={quoteattr(result.reason)}/>"
            elif result.findings:
                words = f"{result.status}: {result.reason}\n{_findings_text(result)}"
                inner = f"<system-out>{escape(words)}</system-out>"
            cases.append(
                f"<testcase classname={quoteattr(plugin.plugin)} name={quoteattr(result.check)} "
                f'time="{result.seconds:.3f}">{inner}</testcase>'
            )
        failed = sum(result.status in (FAILED, NOT_RUN) for result in requested)
        skipped = sum(result.status == NOTHING for result in requested)
        suites.append(
            f'<testsuite name={quoteattr(plugin.plugin)} tests="{len(cases)}" failures="{failed}" '
            f'skipped="{skipped}" errors="0" time="{plugin.seconds:.3f}">{"".join(cases)}</testsuite>'
        )
    return f'<?xml version="1.0" encoding="utf-8"?>\n<testsuites>{"".join(suites)}</testsuites>\n'


_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c1c1c;background:#fff}
table{border-collapse:collapse;width:100%}
th{text-align:left;padding:.8rem .6rem .2rem}td{border-top:1px solid #ddd;padding:.4rem .6rem;vertical-align:top}
.s{white-space:nowrap;font-weight:600}.passed{color:#17683a}.failed,.not{color:#a11212}.warned,.gap{color:#855800}
.nothing{color:#666}small{color:#555}ul{margin:.3rem 0;padding-left:1.2rem}code{background:#f3f3f3;padding:0 .2em}
"""


def format_html(report: Report) -> str:
    """Writes one page to attach to a release, without scripts or external resources."""
    data = as_data(report)
    parts = []
    for plugin in data["plugins"]:
        rows = "".join(
            f'<tr><th colspan="2">{words}</th></tr>{"".join(map(_format_row, checks))}'
            for words, checks in (
                (
                    "The contract: mistakes",
                    _of_contract(plugin["checks"]),
                ),
                ("The audit: code that means harm, as far as Python shows it", _of_audit(plugin["checks"])),
            )
            if checks
        )
        word = "passed" if plugin["passed"] else "failed"
        parts.append(
            f"<h2>{escape(plugin['plugin'])} "
            f"<small>{escape(plugin['distribution'])} {escape(plugin['version'])}</small>: "
            f'<span class="{word}">{word}</span></h2><p>{plugin["events"]} events, {plugin["seconds"]} s</p>'
            f"<table>{rows}</table>"
        )
    word = "passed" if data["passed"] else "failed"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Contract report: {word}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f'<h1>Contract report: <span class="{word}">{word}</span></h1>'
        f"<p>Harness {escape(data['harness'])}. Each check is listed with what it proves, each gap with its reason.</p>"
        f"{''.join(parts)}</html>\n"
    )


def _of_contract(checks: list[dict[str, object]]) -> list[dict[str, object]]:
    return [check for check in checks if not str(check["check"]).startswith("audit.")]


def _of_audit(checks: list[dict[str, object]]) -> list[dict[str, object]]:
    return [check for check in checks if str(check["check"]).startswith("audit.")]


def _format_row(check: dict[str, object]) -> str:
    lists = ""
    for kind in ("findings", "notes"):
        entries = check[kind]
        assert isinstance(entries, list)
        items = "".join(
            f"<li>{escape(': '.join(part for part in (entry['event'], entry['path'], entry['message']) if part))}</li>"
            for entry in entries[:40]
        )
        lists += f"<ul>{items}</ul>" if items else ""
    status = str(check["status"])
    reason = f"<p>{escape(str(check['reason']))}</p>" if check["reason"] else ""
    return (
        f'<tr><td class="s {status.split(maxsplit=1)[0]}">{escape(status)}</td>'
        f"<td><code>{escape(str(check['check']))}</code><br>"
        f"{escape(str(check['proves']))}{reason}{lists}</td></tr>"
    )
