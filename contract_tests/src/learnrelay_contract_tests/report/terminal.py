"""Prints the report on a terminal."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.markup import escape

from ..runner import FAILED, GAP, LOADING, NOT_REQUESTED, NOT_RUN, NOTHING, PASSED, WARNED, PluginReport, Report
from .explanations import link_to

STYLES = {PASSED: "green", FAILED: "bold red", WARNED: "yellow", GAP: "yellow", NOTHING: "dim", NOT_RUN: "bold red"}
MAX_FINDINGS = 6
"""Findings of a check that are shown; the others are counted."""


def print_plugin(plugin: PluginReport, console: Console, everything: bool = False) -> None:
    """Prints one plugin: a line, and each check that did not pass with its findings (all if ``everything``)."""
    word = "[green]passed[/]" if plugin.is_sound else "[bold red]FAILED[/]"
    ran = sum(result.status in (PASSED, FAILED, WARNED, GAP) for result in plugin.results)
    console.print(
        f"{word} [bold]{escape(plugin.plugin)}[/] ({escape(plugin.distribution)} {plugin.version}): "
        f"{ran} {'checks' if plugin.is_complete else f'of {len(plugin.results)} checks'}, "
        f"{_number(plugin.events, 'event')}, {plugin.seconds:.1f} s"
    )
    for result in plugin.results:
        has_rivals = result.check == LOADING and bool(result.notes)
        is_shown = everything or has_rivals or result.status in (FAILED, WARNED, GAP)
        if not is_shown or result.status == NOT_REQUESTED:
            continue
        reason = f" ({escape(result.reason)})" if result.reason else ""
        time = f" [dim]{result.seconds:.2f} s[/]" if everything else ""
        console.print(
            f"  [{STYLES[result.status]}]{result.status}[/] {result.check}{time}{reason}: {escape(result.proves)}"
        )
        for finding in result.findings[:MAX_FINDINGS]:
            where = f"[bold]{escape(finding.event)}[/]: " if finding.event else ""
            place = f" [{escape(finding.path)}]" if finding.path and finding.path not in finding.message else ""
            console.print(f"    - {where}{escape(finding.message)}{escape(place)}", soft_wrap=True)
        if len(result.findings) > MAX_FINDINGS:
            console.print(f"    … and {len(result.findings) - MAX_FINDINGS} more")
        if result.status in (FAILED, WARNED):
            console.print(f"    why: {link_to(result.check)}", soft_wrap=True)
        for note in result.notes[:MAX_FINDINGS] if everything or has_rivals or result.status == GAP else ():
            where = f"{escape(note.event)}: " if note.event else ""
            console.print(f"    [dim]· {where}{escape(note.message)}[/]", soft_wrap=True)
    not_run = Counter(result.reason for result in plugin.results if result.status == NOT_RUN)
    for reason, number in not_run.items() if not everything else ():
        console.print(f"  [{STYLES[NOT_RUN]}]{NOT_RUN}[/] {number} other checks ({escape(reason)})")


def print_summary(report: Report, console: Console) -> None:
    """Prints the last line."""
    good = sum(plugin.is_sound for plugin in report.plugins)
    word = "[green]all passed[/]" if report.is_sound else f"[bold red]{len(report.plugins) - good} failed[/]"
    console.print(f"{_number(len(report.plugins), 'plugin')}, {word}, {report.seconds:.1f} s")
    if not all(plugin.is_complete for plugin in report.plugins):
        console.print("[yellow]This is no verdict on the contract: not all of its checks ran.[/]")


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
