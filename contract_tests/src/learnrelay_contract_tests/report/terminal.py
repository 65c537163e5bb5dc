"""The report for people, on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from ..runner import FAILED, GAP, NOT_RUN, NOTHING, PASSED, WARNED, Report, Verdict

STYLES = {PASSED: "green", FAILED: "bold red", WARNED: "yellow", GAP: "yellow", NOTHING: "dim", NOT_RUN: "bold red"}
MOST = 6
"""Findings of a check that are shown; the others are counted."""


def show(verdict: Verdict, console: Console, everything: bool = False) -> None:
    """One plugin: a line if all is well, else each check that is not, with what it found."""
    word = "[green]passed[/]" if verdict.passed else "[bold red]FAILED[/]"
    ran = sum(result.status in (PASSED, FAILED, WARNED, GAP) for result in verdict.results)
    console.print(
        f"{word} [bold]{escape(verdict.plugin)}[/] ({escape(verdict.distribution)} {verdict.version}): "
        f"{ran} checks, {verdict.events} events, {verdict.seconds:.1f} s"
    )
    for result in verdict.results:
        told = result.status in (FAILED, WARNED, GAP, NOT_RUN) and result.reason != "not asked for"
        if not told and not everything:
            continue
        reason = f" ({escape(result.reason)})" if result.reason else ""
        console.print(f"  [{STYLES[result.status]}]{result.status}[/] {result.check}{reason}: {escape(result.proves)}")
        for finding in result.findings[:MOST]:
            where = f"[bold]{escape(finding.event)}[/]: " if finding.event else ""
            place = f" [{escape(finding.path)}]" if finding.path and finding.path not in finding.message else ""
            console.print(f"    - {where}{escape(finding.message)}{escape(place)}", soft_wrap=True)
        if len(result.findings) > MOST:
            console.print(f"    … and {len(result.findings) - MOST} more")
        for note in result.notes[:MOST] if everything or result.status == GAP else ():
            where = f"{escape(note.event)}: " if note.event else ""
            console.print(f"    [dim]· {where}{escape(note.message)}[/]", soft_wrap=True)


def summary(report: Report, console: Console) -> None:
    """The last line."""
    good = sum(verdict.passed for verdict in report.verdicts)
    word = "[green]all passed[/]" if report.passed else f"[bold red]{len(report.verdicts) - good} failed[/]"
    console.print(f"{len(report.verdicts)} plugins, {word}, {report.seconds:.1f} s")
