"""The main job in one minute: a tracking log goes to three consumers, one of which goes down and comes back.

    make demo

Two learning record stores and a Caliper endpoint (the reference receivers: real HTTP servers) run in this process;
everything they get comes over the network. At the end the numbers must agree, or the exit code is 1.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.json import JSON
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

import make_log
from learnrelay import Relay, UserRef
from learnrelay.outbox import Status
from learnrelay.pipeline.outcome_counts import OutcomeCounts
from learnrelay.pipeline.run import OutcomeState
from learnrelay.reading.lines import open_log, read_lines
from learnrelay_contract_tests.endpoints import CaliperEndpoint, Misbehaviour, ReferenceEndpoint, ReferenceLrs

HERE = Path(__file__).parent
LOG = HERE / "tracking.log"
ORG = "HarbourTech"
EXAMPLE_EVENT = "play_video"


class Proof:
    """Collects what must be true at the end, one line each."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.failed = 0

    def that(self, claim: str, true: bool, detail: str = "") -> None:
        """Prints a claim and whether it holds."""
        self.failed += not true
        mark = "[green]proved[/]" if true else "[bold red]FAILED[/]"
        self.console.print(f"  {mark}  {claim}", f"[dim]{detail}[/]" if detail else "")


def main() -> int:
    logging.getLogger("learnrelay").setLevel(logging.CRITICAL)  # the report tells it all, once
    console = Console(width=None if sys.stdout.isatty() else 130)
    started = time.monotonic()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="learnrelay-demo-")))
        receivers = start_receivers(stack)
        relay = stack.enter_context(open_relay(directory, receivers))
        console.rule("[bold]learnrelay demo")
        console.print(f"{LOG.name}: {LOG.stat().st_size / 1e6:.1f} MB; consumers: {', '.join(receivers)}\n")
        run = Run(relay, receivers, directory / "outbox.db")
        run.replay(console)
        run.finish(console)
        return report(run, console, started)


def start_receivers(stack: ExitStack) -> dict[str, ReferenceEndpoint]:
    """Starts the three consumers, each with credentials of its own."""
    os.environ["DEMO_LRS_PASSWORD"] = secrets.token_urlsafe(24)
    os.environ["DEMO_CALIPER_TOKEN"] = secrets.token_urlsafe(24)
    password = os.environ["DEMO_LRS_PASSWORD"]
    return {
        "campus_lrs": stack.enter_context(ReferenceLrs(username="relay", password=password)),
        "brineworks_lrs": stack.enter_context(ReferenceLrs(username="relay", password=password)),
        "partner_analytics": stack.enter_context(CaliperEndpoint(token=os.environ["DEMO_CALIPER_TOKEN"])),
    }


def open_relay(directory: Path, receivers: dict[str, ReferenceEndpoint]) -> Relay:
    """Writes the operator's file with the addresses of this run, and opens it."""
    os.environ["DEMO_IDENTITY_SECRET"] = secrets.token_hex(32)
    os.environ["DEMO_DATABASE"] = f"sqlite:///{directory / 'outbox.db'}"
    text = (HERE / "demo.toml").read_text(encoding="utf-8")
    values = {name: receiver.url for name, receiver in receivers.items()}
    for name, value in {**values, "enterprise": make_log.ENTERPRISE_BRINEWORKS, "org": ORG}.items():
        text = text.replace(f"@{name}@", value)
    (directory / "courses.csv").write_bytes((HERE / "courses.csv").read_bytes())
    (directory / "relay.toml").write_text(text, encoding="utf-8")
    return Relay.from_file(directory / "relay.toml")


class Run:
    """Holds one replay of the log, with what was expected and what was seen on the way."""

    def __init__(self, relay: Relay, receivers: dict[str, ReferenceEndpoint], database: Path) -> None:
        self.relay = relay
        self.receivers = receivers
        self.database = database
        self.tally = OutcomeCounts.of(sorted(relay.assembly.standards))
        self.expected: dict[str, set[str]] = {name: set() for name in receivers}
        self.verbs: dict[str, Counter[str]] = {name: Counter() for name in self.tally.standards}
        self.example: tuple[bytes, list[dict[str, Any]]] | None = None
        self.waiting_at_worst = 0
        self.leaks: set[str] = set()

    def replay(self, console: Console) -> None:
        """Emits every line; the university's LRS dies after a third and is back after two thirds."""
        campus = self.receivers["campus_lrs"]
        lines = list(read_lines(open_log(str(LOG)), LOG.name))
        down, back = len(lines) // 3, 2 * len(lines) // 3
        self.receivers["partner_analytics"].misbehave(Misbehaviour(status=429, retry_after=1), times=1)
        with progress(console) as bar:
            task = bar.add_task("reading the log", total=len(lines))
            for number, line in enumerate(lines):
                if number == down:
                    campus.kill()
                    bar.console.print(f"  line {number:,}: campus_lrs goes down; the log is read on")
                if number == back:
                    self.waiting_at_worst = self.relay.outbox.status(["campus_lrs"])["campus_lrs"].waiting
                    self.search(self.stored())
                    campus.start()
                    campus.misbehave(Misbehaviour(status=503, retry_after=1), times=1)
                    waiting = f"{self.waiting_at_worst:,} statements waited for it on disk"
                    bar.console.print(f"  line {number:,}: campus_lrs is back; {waiting}")
                self.take(line.content)
                bar.update(task, completed=number + 1)

    def take(self, line: bytes) -> None:
        """Emits one line and notes what has to arrive where."""
        outcomes = self.relay.emit(line)
        if len(outcomes) == 1 and not outcomes[0].event:
            self.tally.count_unreadable(outcomes[0].reason)
            return
        self.tally.count(outcomes)
        for outcome in outcomes:
            for statement in outcome.statements:
                self.verbs[outcome.standard][in_words(statement.parsed)] += 1
            for name in outcome.destinations:
                self.expected[name].update(statement.id for statement in outcome.statements)
        if (
            self.example is None
            and outcomes[0].event == EXAMPLE_EVENT
            and outcomes[0].state is OutcomeState.TRANSFORMED
        ):
            self.example = line, [outcome.statements[0].parsed for outcome in outcomes]

    def finish(self, console: Console) -> None:
        """Waits for the rest to arrive."""
        total = sum(map(len, self.expected.values()))
        with progress(console) as bar:
            task = bar.add_task("delivering the rest", total=total)
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                arrived = sum(len(receiver.statements) for receiver in self.receivers.values())
                bar.update(task, completed=arrived)
                waiting = sum(counts.waiting for counts in self.relay.outbox.status(tuple(self.receivers)).values())
                if arrived >= total and not waiting:
                    break
                time.sleep(0.05)

    def stored(self) -> Iterable[bytes]:
        """Returns all bytes that the outbox holds on disk."""
        return (file.read_bytes() for file in self.database.parent.glob(self.database.name + "*"))

    def search(self, contents: Iterable[bytes]) -> None:
        """Remembers which personal values of the log stand in what was stored or sent."""
        for content in contents:
            self.leaks |= personal_values_in(content)


def personal_values_in(content: bytes) -> set[str]:
    """Returns the personal values of the log that are found, as they are or as JSON would escape them."""
    return {
        value for value in make_log.PERSONAL if value.encode() in content or json.dumps(value)[1:-1].encode() in content
    }


def report(run: Run, console: Console, started: float) -> int:
    """Prints the summary, and returns whether it is as it should be."""
    status = run.relay.outbox.status(tuple(run.receivers))
    show_example(run, console)
    console.rule("[bold]what became of the log")
    table = Table(box=None, header_style="bold")
    table.add_column("")
    for name in run.tally.standards:
        table.add_column(name, justify="right")
    for label, cells in outcome_rows(run.tally):
        table.add_row(label, *cells)
    console.print(table)
    for standard, counts in run.verbs.items():
        counted = ", ".join(f"{word} {count:,}" for word, count in counts.most_common())
        console.print(f"\n[bold]{standard} statements:[/] {counted}")
    console.print()
    console.rule("[bold]what arrived")
    table = Table(
        "consumer", "scope", "expected", "delivered", "sent in vain", "stored twice", box=None, header_style="bold"
    )
    for name, receiver in run.receivers.items():
        scope = run.relay.assembly.config.destinations[name].scope
        scope_text = scope if isinstance(scope, str) else ", ".join(scope)
        delivered = status[name]
        twice = receiver.conflicts
        table.add_row(
            name,
            scope_text,
            *(f"{n:,}" for n in (len(run.expected[name]), len(receiver.statements), delivered.retried, twice)),
        )
    console.print(table)
    console.print()
    proof = Proof(console)
    prove(run, proof, status)
    seconds = time.monotonic() - started
    console.print(f"\n{'All proved' if not proof.failed else 'NOT all proved'} in {seconds:.0f} s.\n")
    return 1 if proof.failed else 0


def prove(run: Run, proof: Proof, status: dict[str, Status]) -> None:
    """Checks the claims of the README against what the receivers and the disk hold."""
    proof.console.rule("[bold]what is proved")
    manifest = make_log.Manifest()
    same = b"".join(make_log.generate(manifest=manifest)) == LOG.read_bytes()
    proof.that("every line is accounted for", same and run.tally.lines == manifest.lines, f"{manifest.lines:,} lines")
    for tally in run.tally.standards.values():
        assert tally.events + run.tally.unreadable.total() == run.tally.lines
    for name, receiver in run.receivers.items():
        got = set(receiver.statements)
        lost, surplus = len(run.expected[name] - got), len(got - run.expected[name])
        proof.that(
            f"{name}: delivered = expected", not lost and not surplus, f"{len(got):,}, lost {lost}, surplus {surplus}"
        )
    dead = sum(counts.dead for counts in status.values())
    waiting = sum(counts.waiting for counts in status.values())
    refused = sum(receiver.rejected for receiver in run.receivers.values())
    proof.that("nothing is lost", not dead and not waiting, f"dead letters {dead}, still waiting {waiting}")
    conflicts = sum(receiver.conflicts for receiver in run.receivers.values())
    proof.that("nothing is stored twice, and every statement was valid", not conflicts and not refused)
    proof.that("a consumer that is down costs nothing", run.waiting_at_worst > 0, f"{run.waiting_at_worst:,} waited")
    proof.that("brineworks_lrs got only its own people", own_people(run))
    proof.that(f"partner_analytics got only courses of {ORG}", own_courses(run))
    run.search(json.dumps(receiver.statements, ensure_ascii=False).encode() for receiver in run.receivers.values())
    run.search(run.stored())
    in_the_log = len(personal_values_in(LOG.read_bytes()))
    kinds = ", ".join(make_log.personal())
    proof.that(
        "no personal value of the log is at any receiver, or was in the database",
        not run.leaks and in_the_log > 200,
        f"the same search finds {in_the_log} in the log: {kinds}",
    )


def own_people(run: Run) -> bool:
    """Tells whether all actors at the enterprise's LRS are learners of that enterprise."""
    platform = next(
        mapping.shared.platform
        for mappings in run.relay.assembly.plan.mappings.values()
        for mapping in mappings
        if mapping.standard == "xapi"
    )
    theirs = set()
    for line in LOG.read_bytes().splitlines():
        if make_log.ENTERPRISE_BRINEWORKS.encode() in line and (start := line.find(b'"user_id": ')) >= 0:
            user_id = line[start + 11 :].split(b",")[0].split(b"}")[0].strip(b'" ').decode()
            learner = platform.learner(UserRef(user_id))
            theirs.add(learner.pseudonym if learner else "")
    actors = {
        statement["actor"]["account"]["name"] for statement in run.receivers["brineworks_lrs"].statements.values()
    }
    return bool(actors) and actors <= theirs


def own_courses(run: Run) -> bool:
    """Tells whether the events at the partner's endpoint name the partner's courses, and nobody else's."""
    texts = [json.dumps(statement) for statement in run.receivers["partner_analytics"].statements.values()]
    others = [course.id for course in make_log.COURSES if ORG not in course.id]
    return bool(texts) and all(ORG in text and not any(other in text for other in others) for text in texts)


def show_example(run: Run, console: Console) -> None:
    """Prints one event, and the statements made of it."""
    assert run.example is not None
    line, statements = run.example
    console.rule("[bold]one event, before")
    console.print(line.decode().strip(), style="dim", markup=False, highlight=False)
    for statement in statements:
        console.rule(f"[bold]after: {'a Caliper event' if '@context' in statement else 'an xAPI statement'}")
        console.print(JSON(json.dumps(statement)))


def outcome_rows(tally: OutcomeCounts) -> Iterable[tuple[str, list[str]]]:
    """Returns the tally as rows of a table."""
    each = list(tally.standards.values())

    def row(label: str, value: Callable[[Any], int]) -> tuple[str, list[str]]:
        return label, [f"{value(counts):,}" if value(counts) else "" for counts in each]

    yield "lines read", [f"{tally.lines:,}"] * len(each)
    yield row("transformed", lambda counts: counts.transformed)
    yield row("  statements", lambda counts: counts.statements)
    yield row("not mapped by any transformer", lambda counts: counts.not_mapped)
    for reason in sorted({reason for counts in each for reason in counts.skipped}):
        yield row(f"skipped: {reason}", lambda counts, reason=reason: counts.skipped[reason])  # type: ignore[misc]
    for reason in sorted({reason for counts in each for reason in counts.failed}):
        yield row(f"failed: {reason}", lambda counts, reason=reason: counts.failed[reason])  # type: ignore[misc]
    for reason, count in tally.unreadable.most_common():
        yield f"failed: {reason}", [f"{count:,}"] * len(each)


def in_words(statement: dict[str, Any]) -> str:
    """Returns the verb or action of a statement."""
    return str(statement["verb"]["display"]["en"] if "verb" in statement else statement["action"])


def progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
