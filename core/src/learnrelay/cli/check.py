"""Implements ``learnrelay check``, which validates the configuration file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import click

from ..assembly.assemble import Assembly, assemble
from ..assembly.core_plugins import COURSE_PROVIDERS, IDENTITY_PROVIDERS
from ..config.fields import did_you_mean
from ..config.models import Config, Delivery, InputConfig
from ..errors import ConfigurationError, OutboxError, OutboxVersionError, Problem, ProviderError, SinkError, Unavailable
from ..lookups.guards import GuardedIdentity
from ..mapping import ANY_EVENT
from ..outbox import Outbox
from ..outbox.clocks import ServerClock
from ..outbox.database import PROBE_SIZE, Database, write_and_remove
from ..outbox.migrations import check_version, read_version
from ..outbox.status_words import UNATTENDED
from ..outbox.store import utc
from ..providers import CORE_SPACE, UserRef
from . import config_option, json_option
from .output import describe_settings, print_json, print_line, print_table, print_wrapped, show_settings
from .route_test_runner import RouteTestResult, run_route_tests

_PATIENCE = 10.0  # seconds for a broker


@click.command()
@config_option(required=True)
@click.option(
    "--connect",
    is_flag=True,
    help="Also check that database, broker, providers, inputs and destinations answer and accept the credentials.",
)
@json_option
def command(config_path: str, connect: bool, as_json: bool) -> None:
    r"""Check the configuration file, the plugins that it enables and their settings.

    Lists all mistakes at once. Then runs the tests of routes: those under [[tests]] in the file, and those in a file of
    its name beside it, relay.tests.toml. Their events are not stored or sent.

    \b
    Exit codes: 0 valid; 1 a test fails, or a server does not answer as it should (--connect); 2 the file or a plugin is
    at fault.
    """
    try:
        assembly = assemble(Path(config_path))
        tests = run_route_tests(assembly, Path(config_path))
        warnings = [
            *assembly.config.warnings,
            *_outbox_warnings(assembly.config.delivery, config_path, connect),
            *_spool_warnings(assembly.config.delivery),
            *_critical_warnings(assembly),
        ]
    except ConfigurationError as error:
        if as_json:
            print_json({"problems": [{"file": p.file, "key": p.key, "reason": p.reason} for p in error.problems]})
            sys.exit(2)
        raise
    answers = [_probe_destination(assembly, name) for name in assembly.config.destinations] if connect else []
    behind = list(_probe_services(assembly.config)) if connect else []
    providers = list(_probe_providers(assembly)) if connect else []
    inputs = [_probe_input(assembly, config) for config in assembly.config.inputs.values()] if connect else []
    if as_json:
        print_json({
            "problems": [],
            "warnings": warnings,
            "settings": {name: show_settings(of_plugin) for name, of_plugin in assembly.config.settings.items()},
            "delivery": [{"name": name, "sound": sound, "reason": reason} for name, sound, reason in behind],
            "providers": [{"name": name, "sound": sound, "reason": reason} for name, sound, reason in providers],
            "inputs": [{"name": name, "sound": sound, "reason": reason} for name, sound, reason in inputs],
            "destinations": [{"name": name, "sound": sound, "reason": reason} for name, sound, reason in answers],
            "tests": [{"file": t.file, "name": t.name, "differences": t.differences} for t in tests],
        })  # fmt: skip
    else:
        for warning in warnings:
            click.echo(f"warning: {config_path}: {warning}", err=True)
        _print(assembly)
        _print_tests(tests)
        for heading, results in (
            ("delivery", behind), ("provider", providers), ("input", inputs), ("destination", answers),
        ):  # fmt: skip
            if results:
                print_table([heading, "answers", ""], ((n, "yes" if s else "NO", r) for n, s, r in results))
    all_sound = all(sound for _, sound, _ in [*behind, *providers, *inputs, *answers])
    if not all_sound or any(test.differences for test in tests):
        sys.exit(1)


def _outbox_warnings(delivery: Delivery, config_path: str, connect: bool) -> Iterator[str]:
    """Yields warnings about the outbox. Raises ConfigurationError for what can be seen without asking a server.

    ``connect``: the database is asked later, and says then what is wrong with its tables.
    """
    try:
        database = Database(delivery.database, delivery.wait)
        if not connect and not database.has_server and database.exists:
            database.check_access()
            if read_version(database):
                check_version(database)
    except OutboxVersionError as error:
        yield f"delivery.database: {error}"
    except OutboxError as error:
        raise ConfigurationError([Problem(config_path, "delivery.database", str(error))]) from None
    for warning in filter(None, (database.check_permissions(), database.check_writable())):
        yield f"delivery.database: {warning}"
    database.close()


def _spool_warnings(delivery: Delivery) -> Iterator[str]:
    """Yields warnings about a spool that nobody takes in, or that does not outlive its container."""
    if not delivery.spools or delivery.spool is None:
        return
    if delivery.engine != "embedded":
        yield (
            f"delivery.spool: what is stored in {delivery.spool} waits until a worker that sees this folder takes it "
            "in: run one on each machine that emits"
        )
    is_container = Path("/.dockerenv").exists() or Path("/run/.containerenv").exists()
    if is_container and _existing(delivery.spool).stat().st_dev == Path("/").stat().st_dev:
        yield f"delivery.spool: {delivery.spool} is lost with this container: put it on a volume"


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _critical_warnings(assembly: Assembly) -> Iterator[str]:
    names = {name for (_, event), mapped in assembly.table.items() for name in (event, mapped.family)}
    for pattern in assembly.config.delivery.critical or ():
        if ANY_EVENT not in names and not any(fnmatchcase(name, pattern) for name in names):
            hint = did_you_mean(pattern, sorted(names))
            yield f'delivery.critical: "{pattern}" names no enabled event or family{hint}'


def _probe_providers(assembly: Assembly) -> Iterator[tuple[str, bool, str]]:
    """Yields for each provider of a plugin whether it answers. Nobody and no course need be known to it."""
    identity = GuardedIdentity(assembly.config.identity.name, assembly.identity)
    asked: Sequence[tuple[str, str, Mapping[str, type], Callable[[], object]]] = (
        (
            "identity", assembly.config.identity.name, IDENTITY_PROVIDERS,
            lambda: identity.learner_or_retired(UserRef("1"), CORE_SPACE),
        ),
        ("courses", assembly.config.courses.name, COURSE_PROVIDERS, lambda: assembly.courses.knows("course")),
    )  # fmt: skip
    for section, name, of_core, ask in asked:
        if name in of_core:
            continue
        try:
            ask()
        except ProviderError as error:
            yield section, False, error.reason
        else:
            yield section, True, name


def _probe_services(config: Config) -> Iterator[tuple[str, bool, str]]:
    """Yields (name, whether it answers, address or reason) for the database and the broker."""
    delivery = config.delivery
    database = Database(delivery.database, delivery.wait)
    try:
        database.check_access()
        is_new = not database.exists or not read_version(database)
        if not is_new:
            check_version(database)
            database.check_room()
        notes = filter(None, ("without tables yet" if is_new else "", database.check_durability()))
        yield "database", True, ", ".join([database.place, *notes])
        if not is_new:
            yield from _probe_workers(database, config)
    except OutboxError as error:
        yield "database", False, str(error)
    finally:
        database.close()
    if delivery.spools and delivery.spool is not None:
        try:
            write_and_remove(_existing(delivery.spool), PROBE_SIZE)
            yield "spool", True, str(delivery.spool)
        except OSError as error:
            yield "spool", False, f"{delivery.spool}: {error.strerror or type(error).__name__}"
    if delivery.engine != "celery":
        return
    try:
        from ..delivery.celery_engine import describe_broker_error, make_app

        with make_app(delivery).connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=_PATIENCE)
        yield "broker", True, ""
    except ImportError:
        yield "broker", False, 'its libraries are missing: pip install "learnrelay[celery]"'
    except Exception as error:  # any error of kombu's transports; their texts may hold the address
        yield "broker", False, describe_broker_error(error)


def _probe_workers(database: Database, config: Config) -> Iterator[tuple[str, bool, str]]:
    """Yields whether somebody delivers. Nothing for an outbox that is not there yet, or has no such tables."""
    try:
        outbox = Outbox(database, config.delivery, ServerClock(database) if database.has_server else time.time)
        statuses = [status for status in outbox.status(config.destinations).values() if not status.orphaned]
    except OutboxError:
        return
    unattended = max((status.unattended or 0.0 for status in statuses), default=0.0)
    if unattended >= UNATTENDED:
        yield "workers", False, f"nobody has delivered for {unattended / 60:,.0f} min, and statements wait"
    elif looks := [status.looked_at for status in statuses if status.looked_at]:
        yield "workers", True, f"the last one looked at {utc(max(looks)):%F %R} UTC"


_DELIVERED_BY = {
    "embedded": "delivers in each process that emits, and in learnrelay worker",
    "celery": "delivers in Celery workers",
    "none": "delivers nothing here: run learnrelay worker, or Celery workers, on the same database",
}


_TAKEN_IN_BY = {
    "embedded": "the process that emits, or learnrelay worker",
    "celery": "a Celery worker of this machine",
    "none": "learnrelay worker on this machine",
}


_HANGING = " " * 9  # under the first word after `plugins:`


def _print(assembly: Assembly) -> None:
    config = assembly.config
    active = [info.name for info in assembly.plugins if info.state.value == "active"]
    click.echo(f"{config.path}: valid")
    print_wrapped(f"plugins: {', '.join(sorted(active))}", "  ", _HANGING)
    for name, settings in sorted(config.settings.items()):
        print_line(f"  [{name}] {describe_settings(settings)}")
    others = "".join(f", {mapping.transformer.family} maps every other name" for mapping in assembly.plan.others)
    print_wrapped(
        f"events:  {len(assembly.plan.mappings)} names mapped, {len(assembly.table)} mappings{others}", "  ", _HANGING
    )
    print_wrapped(f"engine:  {config.delivery.engine}, {_DELIVERED_BY[config.delivery.engine]}", "  ", _HANGING)
    if config.delivery.spools:
        print_line(f"  spool:   {config.delivery.spool}, taken in by {_TAKEN_IN_BY[config.delivery.engine]}")
    for destination in config.destinations.values():
        scope = destination.scope if isinstance(destination.scope, str) else ", ".join(destination.scope)
        match = "".join(
            f", match: {path} = {' or '.join(map(str, values))}" for path, values in destination.match.items()
        )
        print_line(f"  {destination.name}: {destination.standard} to {destination.address} (scope: {scope}{match})")


def _print_tests(tests: Sequence[RouteTestResult]) -> None:
    failed = [test for test in tests if test.differences]
    if tests:
        click.echo(f"  tests:   {len(tests) - len(failed)} passed, {len(failed)} failed")
    for test in failed:
        print_line(f"FAILED {test.file}: {test.name}")
        for difference in test.differences:
            print_line(f"  {difference}")


def _probe_input(assembly: Assembly, config: InputConfig) -> tuple[str, bool, str]:
    """Returns (name, whether what it reads can be reached, what was found)."""
    try:
        result = assembly.make_input(config).probe()
    except ProviderError as error:
        return config.name, False, error.reason
    except Unavailable as error:
        return config.name, False, str(error) or "does not answer"
    except OSError as error:
        about = f"{error.filename}: " if isinstance(error.filename, str) else ""
        return config.name, False, f"{about}{error.strerror or type(error).__name__}"
    except Exception as error:  # a plugin's
        return config.name, False, f"the input {config.input} failed ({type(error).__name__})"
    return config.name, result.is_sound, result.reason


def _probe_destination(assembly: Assembly, name: str) -> tuple[str, bool, str]:
    """Returns (name, whether it can be used, what was found)."""
    sink = assembly.make_sink(assembly.config.destinations[name])
    try:
        sink.open()
        try:
            result = sink.probe()
        finally:
            sink.close()
    except SinkError as error:
        return name, False, str(error)
    except Exception as error:  # a plugin's
        return name, False, f"the sink {sink.name} failed ({type(error).__name__})"
    return name, result.is_sound, result.reason
