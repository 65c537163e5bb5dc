"""Implements ``learnrelay compare``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from learnrelay import LearnrelayError
from learnrelay.reading.lines import Line, open_log, read_lines

if TYPE_CHECKING:
    from .statement_comparison import ComparedStream, StreamComparison

LONGEST_LINE = 2**24
"""Bytes of a line; a line may hold many statements."""

_HEADINGS = {
    "form": "in another form",
    "correction": "corrected, see docs/xapi-corrections.md and docs/caliper-departures.md",
    "difference": "different",
    "only ours": "only in ours",
    "only theirs": "only in theirs",
}


@click.command()
@click.argument("ours", nargs=1)
@click.argument("theirs", nargs=1)
@click.option(
    "--ignore", "ignored", multiple=True, metavar="PATH",
    help="Path within the statement, as listed, or a glob: left out; repeatable.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Output as JSON instead of lines.")
def compare(ours: str, theirs: str, ignored: tuple[str, ...], as_json: bool) -> None:
    r"""Compare our statements with those of event-routing-backends (ERB), by meaning.

    OURS and THEIRS are files with xAPI statements or Caliper events, one a line, or arrays or envelopes of them, plain,
    gzip or zstd; ``-`` is standard input. Lines of the logs that ERB writes (xapi_tracking, caliper_tracking) work too.
    Statements of the same instant, and in xAPI of the same verb, are paired: by their ids, and those that are left by
    likeness.

    Differences are counted by kind: in form alone; corrections of ERB that are documented, by name; others, by path.
    Nothing that statements say is printed. Both streams are written into temporary files (TMPDIR), unpacked; two of
    64 parts are in memory at a time.

    \b
    Exit codes: 0 the same, but for form and documented corrections; 1 there are other differences; 2 usage, or a line
    holds no statement.

    \b
    Examples:
      learnrelay compare ours.jsonl theirs.jsonl.gz
      learnrelay compare ours.jsonl lms.log --ignore actor.account.name
    """
    try:
        from .statement_comparison import ComparedStream, StreamComparison
    except ImportError:
        raise click.ClickException("statements are compared with: pip install 'learnrelay-openedx[erb]'") from None
    if ours == theirs == "-":
        raise click.UsageError("only one of the two can be standard input")
    comparison = StreamComparison(ComparedStream(ours), ComparedStream(theirs), ignored)
    try:
        with ExitStack() as stack:
            comparison.compare(_read(ours, stack), _read(theirs, stack))
    except OSError as error:
        raise click.ClickException(f"{error.filename or 'temporary files'}: {error.strerror}") from None
    except LearnrelayError as error:
        raise click.ClickException(str(error)) from None
    _print(comparison, as_json)
    sys.exit(2 if comparison.ours.unreadable or comparison.theirs.unreadable else 0 if comparison.is_equivalent else 1)


def _read(name: str, stack: ExitStack) -> Iterable[Line]:
    stream = stack.enter_context(closing(open_log(name)))
    return read_lines(stream, "standard input" if name == "-" else name, LONGEST_LINE)


def _print(comparison: StreamComparison, as_json: bool) -> None:
    from learnrelay.cli.output import print_json, print_line

    report = describe(comparison)
    if as_json:
        print_json(report)
        return
    for line in in_words(report):
        print_line(line)


def describe(comparison: StreamComparison) -> dict[str, Any]:
    """Describes a comparison in JSON types."""
    kinds = list(_HEADINGS)
    rows = sorted(comparison.rows.items(), key=lambda item: (kinds.index(item[0].kind), -item[1], item[0]))
    return {
        "ours": _describe_stream(comparison.ours),
        "theirs": _describe_stream(comparison.theirs),
        "pairs": {
            "same": comparison.same,
            "in_another_form": comparison.in_form,
            "corrected": comparison.corrected,
            "different": comparison.different,
        },
        "differences": [{**row._asdict(), "statements": count} for row, count in rows],
    }


def _describe_stream(stream: ComparedStream) -> dict[str, Any]:
    return {
        "name": stream.name,
        "statements": stream.statements,
        "repeated": stream.repeated,
        "unreadable": stream.unreadable,
        "first_unreadable": stream.first_unreadable or None,
    }


def in_words(report: dict[str, Any]) -> Iterator[str]:
    """Describes a report, a kind of difference after the other."""
    for kind, rows in groupby(report["differences"], key=lambda row: row["kind"]):
        yield f"{_HEADINGS[kind]}:"
        for row in rows:
            yield f"{row['statements']:>9,}  {row['verb']}  {row['what']}".rstrip()
        yield ""
    for name in ("ours", "theirs"):
        yield from _stream_in_words(name, report[name])
    pairs = report["pairs"]
    yield (
        f"pairs: {pairs['same']:,} are the same, {pairs['in_another_form']:,} differ in form, "
        f"{pairs['corrected']:,} are corrected, {pairs['different']:,} differ"
    )


def _stream_in_words(name: str, stream: dict[str, Any]) -> Iterator[str]:
    repeated = f", {stream['repeated']:,} of them repeated" if stream["repeated"] else ""
    yield f"{name}: {stream['statements']:,} statements{repeated}"
    if stream["unreadable"]:
        first = stream["first_unreadable"]
        yield f"{name}: {stream['unreadable']:,} lines hold no xAPI statement or Caliper event, first {first}"
