"""Writes the report as JSON and JUnit."""

from __future__ import annotations

from html import escape
from xml.sax.saxutils import quoteattr

import orjson

from ..runner import FAILED, NOT_REQUESTED, NOT_RUN, NOTHING, CheckResult, Report, as_data
from .explanations import link_to


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
                words = f"{_findings_text(result) or result.reason or result.status}\nWhy: {link_to(result.check)}"
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
