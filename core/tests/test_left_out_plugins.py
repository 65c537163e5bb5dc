"""What a relay does with plugins that do not load: `[plugins] on_error`, and those that nobody asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import click
import pytest
from click.testing import CliRunner

from distributions import installed_in, write_distribution
from learnrelay import ConfigurationError
from learnrelay.assembly.assemble import assemble
from learnrelay.cli import COMMANDS, cli
from learnrelay.plugins.discovery import KINDS, PluginState
from relay_files import relay_toml

FAMILY = """
from learnrelay import Family, Fields, required
from learnrelay_xapi.vocabulary import INTERACTED

family = Family("xapi.{name}")


class Poll(Fields):
    id = required("data.poll_id")


@family.maps("acme.{name}", reads=Poll, {constants})
def interacted(poll, platform):
    return {{"object": {{"id": platform.iri("poll", str(poll.id))}}}}
"""
ENRICHER = """
from learnrelay import hookimpl


@hookimpl
def enrich_statement(fields, standard):
    return None
"""
BROKEN = "raise RuntimeError('ada_l')\n"
FAMILIES, ENRICHERS, FILTERS = "learnrelay.families.v1", "learnrelay.enrichers.v1", "learnrelay.filters.v1"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Returns a directory of installed distributions, with one sound family."""
    monkeypatch.setenv("SECRET", "Kd7wq2Lmz9Xv4bTn")
    directory = tmp_path / "site"
    source = FAMILY.format(name="acme_sound", constants="verb=INTERACTED")
    write_distribution(directory, "acme-sound", {FAMILIES: {"xapi.acme_sound": "acme_sound:family"}}, source)
    with installed_in(directory):
        yield directory


def write_config(
    site: Path,
    *plugins: str,
    on_error: str = "skip",
    files: tuple[str, ...] = (),
    destination: Mapping[str, object] = MappingProxyType({}),
    **sections: Mapping[str, object],
) -> Path:
    path = site.parent / "relay.toml"
    main = {"standard": "xapi", **(destination or {"url": "https://lrs.example.org/statements"})}
    delivery = {"database": f"sqlite:///{site.parent}/outbox.db"}
    text = relay_toml(plugins, {"main": main}, files, delivery=delivery, **sections)
    path.write_text(text.replace("[plugins]\n", f'[plugins]\non_error = "{on_error}"\n'), encoding="utf-8")
    return path


MISTAKES: dict[str, tuple[dict[str, dict[str, str]], str, str]] = {
    "a family that cannot be imported": (
        {FAMILIES: {"xapi.acme_bad": "acme_bad:family"}}, BROKEN, "cannot be imported: RuntimeError"
    ),
    "a family with a misspelt constant": (
        {FAMILIES: {"xapi.acme_bad": "acme_bad:family"}}, FAMILY.format(name="acme_bad", constants="verbs=INTERACTED"),
        'unknown constant verbs; did you mean "verb"?',
    ),
    "a family for another core": (
        {"learnrelay.families.v9": {"xapi.acme_bad": "acme_bad:family"}}, "", "made for contract v9, this core has v1"
    ),
    "an enricher that cannot be imported": (
        {ENRICHERS: {"acme_bad": "acme_bad"}}, BROKEN, "cannot be imported: RuntimeError"
    ),
    "an enricher without a hook": ({ENRICHERS: {"acme_bad": "acme_bad"}}, "x = 1\n", "implements no hook"),
}  # fmt: skip


@pytest.mark.parametrize(("points", "source", "cause"), MISTAKES.values(), ids=list(MISTAKES))
def test_skip_leaves_out_a_family_or_an_enricher_that_does_not_load(
    points: dict[str, dict[str, str]], source: str, cause: str, site: Path
) -> None:
    write_distribution(site, "acme-bad", points, source)
    (name,) = next(iter(points.values()))
    prefer = {"plugins.prefer": {"xapi:acme.acme_bad": name}} if name.startswith("xapi.") else {}
    config = write_config(site, "xapi.acme_sound", name, **prefer)
    assembly = assemble(config)
    assert [event for _, event in assembly.table] == ["acme.acme_sound"]
    (left_out,) = [info for info in assembly.plugins if info.state is PluginState.FAILED]
    assert left_out.name == name
    assert cause in left_out.reason
    (warning,) = [warning for warning in assembly.config.warnings if "on_error" in warning]
    assert warning.startswith(f"plugins.on_error: {name} of acme-bad 1.0 is left out: ")
    assert "ada_l" not in warning
    with pytest.raises(ConfigurationError):
        assemble(write_config(site, "xapi.acme_sound", name, on_error="stop", **prefer))


def test_check_plugins_and_status_show_what_is_left_out(site: Path) -> None:
    write_distribution(
        site, "acme-bad", {FAMILIES: {"xapi.acme_bad": "acme_bad:family"}},
        FAMILY.format(name="acme_bad", constants="verbs=INTERACTED"),
    )  # fmt: skip
    config = write_config(site, "xapi.acme_sound", "xapi.acme_bad")
    cause = "unknown constant verbs"
    checked = CliRunner().invoke(cli, ["check", "--config", str(config)])
    assert checked.exit_code == 0, checked.output
    assert f"plugins.on_error: xapi.acme_bad of acme-bad 1.0 is left out: {cause}" in checked.stderr
    listed = json.loads(CliRunner().invoke(cli, ["plugins", "--config", str(config), "--json"]).stdout)
    (row,) = [row for row in listed if row["name"] == "xapi.acme_bad"]
    assert row["state"] == "failed"
    assert row["reason"].startswith(f"left out: {cause}")
    CliRunner().invoke(cli, ["migrate", "--config", str(config)])
    shown = CliRunner().invoke(cli, ["status", "--config", str(config)])
    assert f"left out: xapi.acme_bad, because it does not load: {cause}" in shown.stdout
    as_json = json.loads(CliRunner().invoke(cli, ["status", "--config", str(config), "--json"]).stdout)
    assert as_json["(left out)"]["xapi.acme_bad"].startswith(cause)


NAMED_BY: dict[str, dict[str, Mapping[str, object]]] = {
    "filters": {}, "routers": {}, "standards": {},
    "resolvers": {"courses": {"provider": "acme_bad"}},
    "sources": {"platform": {"source": "acme_bad"}},
    "inputs": {"inputs.main": {"input": "acme_bad"}},
    "sinks": {"destination": {"sink": "acme_bad"}},
    "auth": {"destination": {"url": "https://lrs.example.org/statements", "auth": {"scheme": "acme_bad"}}},
}  # fmt: skip
"""Kind of a plugin → the keys that name it, beside ``[plugins] enabled``."""


@pytest.mark.parametrize("kind", NAMED_BY)
def test_what_decides_or_delivers_always_stops_the_relay(kind: str, site: Path) -> None:
    write_distribution(site, "acme-bad", {f"learnrelay.{kind}.v1": {"acme_bad": "acme_bad"}}, BROKEN)
    with pytest.raises(ConfigurationError, match="cannot be imported: RuntimeError"):
        assemble(write_config(site, "xapi.acme_sound", "acme_bad", **NAMED_BY[kind]))


def test_skip_is_refused_where_it_could_leave_out_what_decides_who_receives(site: Path) -> None:
    source = f"{ENRICHER}\n\n@hookimpl\ndef route_event(fields, destination):\n    return None\n"
    write_distribution(site, "acme-both", {ENRICHERS: {"acme_both": "acme_both"}}, source)
    with pytest.raises(ConfigurationError, match=r"on_error: .skip. might leave out route_event of acme-both 1\.0"):
        assemble(write_config(site, "xapi.acme_sound", "acme_both"))
    assemble(write_config(site, "xapi.acme_sound", "acme_both", on_error="stop"))


@pytest.mark.parametrize("source", [BROKEN, FAMILY.format(name="polls", constants="verbs=INTERACTED")])
def test_a_single_file_always_stops_the_relay(source: str, site: Path) -> None:
    (site.parent / "polls.py").write_text(source, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"polls.py"):
        assemble(write_config(site, "xapi.acme_sound", files=("polls.py",)))


# --- plugins that nobody asked for -------------------------------------------------------------------------

EVENT = (
    '{"name": "acme.acme_sound", "timestamp": "2026-03-02T09:00:00+00:00", "data": {"poll_id": 1}, '
    '"context": {"user_id": 7}}\n'
)
INIT = "--source openedx --root-url https://learn.example.org --language en --standard xapi --sink files --folder out"
COMMAND_LINES = {
    "backup": "--config {config} {folder}/copy.db",
    "check": "--config {config}",
    "diff": "{config} {config} {log}",
    "explain": "{log}",
    "failed": "list --config {config}",
    "follow": "--config {config} --once {log}",
    "forget": "--config {config} --user-id 7 --yes",
    "init": f"{{folder}}/new.toml {INIT}",
    "keys": "platform",
    "migrate": "--config {config}",
    "new-plugin": "acme-new --for xapi",
    "object": "--config {config} --user-id 7",
    "plugins": "--events",
    "privacy": "--config {config}",
    "pseudonyms": "--config {config} --output {folder}/pseudonyms.csv {folder}/users.csv",
    "replay": "--config {config} --dry-run --processes 1 {log}",
    "resume": "--config {config} main",
    "status": "--config {config}",
    "tap": "--config {config} --for 0.1s",
    "transform": "--standard xapi {log}",
    "void": "--config {config} main",
    "worker": "--config {config} --until-empty",
}
ENDS_OTHERWISE = {"init": 1, "tap": 1, "void": 2}
"""Command → its exit code, where that is not 0. ``init`` writes a glob, and names the family that breaks it."""
LOADS_ALL = {"explain", "init", "keys", "plugins", "transform"}
"""Commands that look into installed plugins without being asked to; each says what it leaves out."""


def write_broken_plugins(site: Path) -> None:
    """Installs a broken plugin of each kind, a sound family of a broken standard, and a broken command."""
    for kind in KINDS:
        name = "xapi.acme_bad" if kind == "families" else "acme_bad"
        source = f"open({str(site / 'imported')!r}, 'w').close()\n" + (
            "raise SystemExit" if kind == "sinks" else BROKEN
        )
        write_distribution(site, f"acme-bad-{kind}", {f"learnrelay.{kind}.v1": {name: f"acme_bad_{kind}"}}, source)
    points = {
        FAMILIES: {"acme_bad.poll": "acme_poll:family"},
        "learnrelay.commands": {"acme-bad": "acme_bad_sinks:run"},
    }
    write_distribution(site, "acme-poll", points, "from learnrelay import Family\nfamily = Family('acme_bad.poll')\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_broken_plugin_that_nobody_asked_for_stops_no_command(
    command: str, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = site.parent
    config = write_config(site, "xapi.acme_sound", destination={"sink": "log"}, identity={
        "secret": "env:SECRET", "objections": str(folder / "objections.list")
    })  # fmt: skip
    (folder / "objections.list").touch(0o600)
    CliRunner().invoke(cli, ["migrate", "--config", str(config)])
    write_broken_plugins(site)
    (folder / "events.jsonl").write_text(EVENT, encoding="utf-8")
    (folder / "users.csv").write_text("user_id\n7\n", encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(site))  # for processes of commands
    words = COMMAND_LINES[command].format(config=config, folder=folder, log=folder / "events.jsonl").split()
    done = CliRunner().invoke(cli, [command, *words], standalone_mode=False)
    code = 2 if isinstance(done.exception, click.ClickException) else done.exit_code
    assert code == ENDS_OTHERWISE.get(command, 0), (done.output, done.exception)
    assert (site / "imported").exists() is (command in LOADS_ALL)
    assert "xapi.acme_bad" in done.stderr or command not in LOADS_ALL
    assert re.search("acme.sound", done.stdout) or command not in {"explain", "plugins", "transform"}


def test_help_imports_no_plugin(site: Path) -> None:
    write_broken_plugins(site)
    done = CliRunner().invoke(cli, ["--help"])
    assert done.exit_code == 0
    assert "acme-bad" in done.stdout
    assert not (site / "imported").exists()


def test_a_broken_standard_that_somebody_asked_for_is_named(site: Path) -> None:
    write_broken_plugins(site)
    done = CliRunner().invoke(cli, ["transform", "--standard", "acme_bad"], input=EVENT)
    assert isinstance(done.exception, ConfigurationError)
    assert "acme_bad (acme_bad_standards) of acme-bad-standards 1.0: cannot be imported" in str(done.exception)
