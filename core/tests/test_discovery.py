"""Plugins as third parties publish them: really installed, found without being imported, told by state and reason."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from installation import Installation
from learnrelay.plugins.discovery import PluginInfo, PluginState, idle_globs, optional_families, select, select_source
from relay_files import relay_toml

FAMILY = "from learnrelay import Family\nfamily = Family('plain.{name}')\n"


def states(installation: Installation, config: str) -> dict[str, Any]:
    path = installation.directory / "relay.toml"
    path.write_text(config, encoding="utf-8")
    done = installation.run("plugins", "--config", path, "--json")
    plugins = {
        (plugin["name"], plugin["distribution"]): (plugin["state"], plugin["reason"])
        for plugin in json.loads(done.stdout)
    }
    assert done.returncode == 1, done.stderr.decode()
    return plugins


def install_plain_standard(installation: Installation) -> None:
    """Installs a standard by name only: without one, its families are unavailable. It is never loaded."""
    installation.install("acme-plain", {"learnrelay.standards.v1": {"plain": "acme_plain:plugin"}}, "")


@pytest.mark.slow
def test_each_plugin_has_a_state_and_a_reason(installation: Installation) -> None:
    families = "learnrelay.families.v1"
    install_plain_standard(installation)
    bad = {
        "acme-raises": "raise RuntimeError('not today')",
        "acme-asserts": "assert False",
        "acme-imports": "import no_such_module",
        "acme-hookless": "family = object()",
    }
    for name, source in bad.items():
        installation.install(name, {families: {f"plain.{name}": name.replace("-", "_") + ":family"}}, source)
    installation.install(
        "acme-sleeper", {families: {"plain.sleeper": "acme_sleeper:family"}}, "raise SystemExit('imported')"
    )
    installation.install("acme-future", {"learnrelay.families.v9": {"plain.future": "acme_future:family"}}, "")
    for name in ("acme-one", "acme-two"):
        points = {families: {"plain.twin": name.replace("-", "_") + ":family"}}
        installation.install(name, points, FAMILY.format(name="twin"))
    installation.install("acme-good", {families: {"plain.good": "acme_good:family"}}, FAMILY.format(name="good"))
    quiet = {"plain.quiet": "acme_quiet:family", "plain.rare": "acme_quiet:rare"}
    names = "family, rare = Family('plain.quiet'), Family('plain.rare')"
    installation.install(
        "acme-quiet", {"learnrelay.optional_families.v1": quiet}, f"from learnrelay import Family\n{names}\n"
    )
    enabled = [*(f"plain.{name}" for name in bad), "plain.good", "plain.future", "plain.twin", "plain.god"]
    enabled += ["plain.rare", "plain.[q]*"]
    plugins = states(installation, f"[plugins]\nenabled = {json.dumps(enabled)}\n")
    assert plugins["plain.good", "acme-good"] == ("active", "")
    assert plugins["plain.sleeper", "acme-sleeper"] == ("disabled", "not enabled")
    off = "off by default: its exact name in [plugins] enabled enables it"
    assert plugins["plain.quiet", "acme-quiet"] == ("disabled", off)
    assert plugins["plain.rare", "acme-quiet"] == ("active", "")
    assert plugins["plain.acme-raises", "acme-raises"] == ("failed", "cannot be imported: RuntimeError")
    assert plugins["plain.acme-asserts", "acme-asserts"] == ("failed", "cannot be imported: AssertionError")
    state, reason = plugins["plain.acme-imports", "acme-imports"]
    assert (state, "no_such_module" in reason) == ("failed", True)
    assert plugins["plain.acme-hookless", "acme-hookless"] == ("failed", "implements no hook")
    assert plugins["plain.future", "acme-future"] == ("incompatible", "made for contract v9, this core has v1")
    assert plugins["plain.twin", "acme-one"][0] == plugins["plain.twin", "acme-two"][0] == "conflicting"
    assert plugins["plain.twin", "acme-one"][1] == "the same name comes from acme-two 1.0 too"
    assert plugins["plain.god", ""][0] == "missing"
    assert "did you mean plain.good?" in plugins["plain.god", ""][1]


def test_a_broken_plugin_stops_the_start_with_one_clear_message_each(installation: Installation) -> None:
    families = "learnrelay.families.v1"
    install_plain_standard(installation)
    installation.install(
        "acme-raises", {families: {"plain.raises": "acme_raises:family"}}, "raise RuntimeError('ada_l')"
    )
    config = installation.directory / "relay.toml"
    config.write_text(relay_toml(["plain.raises"]))
    done = installation.run("check", "--config", config, SECRET="Kd7wq2Lmz9Xv4bTn")
    message = done.stderr.decode()
    assert done.returncode == 2
    assert "plugin plain.raises (acme_raises:family) of acme-raises 1.0: cannot be imported: RuntimeError" in message
    assert "take plain.raises out of [plugins] enabled" in message
    assert "ada_l" not in message
    assert "Traceback" not in message


def test_a_misspelt_group_of_entry_points_is_named(installation: Installation) -> None:
    installation.install("acme-poll", {"learnrelay.familes.v1": {"plain.poll": "acme_poll:family"}}, "")
    warning = (
        'acme-poll: no entry point of the group "learnrelay.familes.v1" is used; did you mean "learnrelay.families.v1"?'
    )
    assert f"warning: {warning}\n" in installation.run("plugins").stderr.decode()
    config = installation.directory / "relay.toml"
    config.write_text(relay_toml([], delivery={"database": "sqlite:///outbox.db"}))
    checked = installation.run("check", "--config", config, SECRET="Kd7wq2Lmz9Xv4bTn", COLUMNS="300")
    assert warning in (checked.stdout + checked.stderr).decode()


def test_what_a_broken_uninstall_has_left_stops_nothing(installation: Installation) -> None:
    left = installation.site / "acme_gone-1.0.dist-info"  # without METADATA, and so without a name
    left.mkdir(parents=True)
    (left / "entry_points.txt").write_text("[learnrelay.filters.v1]\nacme_gone = acme_gone:plugin\n", encoding="utf-8")
    done = installation.run("plugins", "--json")
    assert done.returncode == 0, done.stderr.decode()
    (gone,) = [plugin for plugin in json.loads(done.stdout) if plugin["name"] == "acme_gone"]
    assert (gone["state"], gone["distribution"]) == ("disabled", "an unknown distribution")


def test_an_entry_point_with_another_name_than_its_family_is_an_error(installation: Installation) -> None:
    install_plain_standard(installation)
    points = {"learnrelay.families.v1": {"plain.wrongname": "acme_poll:family"}}
    installation.install("acme-poll", points, FAMILY.format(name="wrong_name"))
    config = installation.directory / "relay.toml"
    config.write_text(relay_toml(["plain.wrongname"]))
    done = installation.run("check", "--config", config, SECRET="Kd7wq2Lmz9Xv4bTn")
    assert done.returncode == 2
    cause = "plugin plain.wrongname of acme-poll 1.0: its family is named plain.wrong_name; give both the same name"
    assert cause in done.stderr.decode()


BROKEN = """
from learnrelay import Family, Fields, Parts, Platform

family = Family("xapi.broken")


@family.maps("acme.*", reads=Fields)
def answered(fields: Fields, platform: Platform) -> Parts:
    return {}
"""


@pytest.mark.parametrize("command", [["transform", "--standard", "xapi"], ["explain"]], ids=" ".join)
def test_without_a_file_a_broken_family_is_passed_over(installation: Installation, command: list[str]) -> None:
    installation.install("acme-broken", {"learnrelay.families.v1": {"xapi.broken": "acme_broken:family"}}, BROKEN)
    line = b'{"name": "acme.new", "timestamp": "2026-03-02T09:00:00+00:00", "data": {}, "context": {"user_id": 7}}'
    done = installation.run(*command, "-", stdin=line)
    message = done.stderr.decode()
    assert "warning: xapi.broken of acme-broken 1.0 is left out: xapi.broken:answered maps 'acme.*'" in message
    assert "not mapped" in done.stdout.decode() + message


@pytest.mark.slow
def test_installed_moments_ago_is_seen(installation: Installation, plain_installation: Installation) -> None:
    before = installation.run("plugins", "--json")
    assert "plain.good" not in before.stdout.decode()
    points = {"learnrelay.families.v1": {"plain.good": "acme_good:family"}}
    installation.install("acme-good", points, FAMILY.format(name="good"))
    assert "plain.good" in installation.run("plugins", "--json").stdout.decode()
    assert "plain.watching" in plain_installation.run("plugins", "--events").stdout.decode()


def info(name: str, kind: str, distribution: str, state: PluginState = PluginState.DISABLED) -> PluginInfo:
    return PluginInfo(name, kind, distribution, "1", state)


TWO_PLATFORMS = [
    info("canvas", "sources", "acme-canvas"), info("campus", "sources", "acme-campus"),
    info("plain", "standards", "acme-plain"), info("plain.canvas_quiz", "families", "acme-canvas"),
    info("plain.campus_quiz", "families", "acme-campus"), info("plain.poll", "families", "acme-poll"),
]  # fmt: skip


def test_a_glob_enables_the_families_of_the_platform_and_those_of_none() -> None:
    canvas = select_source(TWO_PLATFORMS, "canvas")

    def families(*enabled: str) -> list[str]:
        return [plugin.name for plugin in select(TWO_PLATFORMS, enabled, canvas) if plugin.kind == "families"]

    assert families("plain.*") == ["plain.canvas_quiz", "plain.poll"]
    assert families("plain.campus_quiz") == ["plain.campus_quiz"], "who names it wants it"
    assert idle_globs(TWO_PLATFORMS, ["plain.campus_*"], canvas) == [
        '"plain.campus_*" enables nothing: for events of campus'
    ]
    assert len(select(TWO_PLATFORMS, ["plain.*"])) == 4, "of every platform, where none is chosen"


def test_a_family_that_is_off_by_default_is_enabled_by_its_exact_name_and_by_no_glob() -> None:
    quiet = replace(info("plain.quiet", "families", "acme-quiet"), optional=True, reason="off by default")
    plugins = [info("plain", "standards", "acme-plain"), info("plain.poll", "families", "acme-poll"), quiet]

    def enabled_by(*enabled: str) -> list[str]:
        return [plugin.name for plugin in select(plugins, enabled)]

    assert enabled_by("*") == enabled_by("plain", "plain.*") == ["plain", "plain.poll"]
    assert enabled_by("plain.quiet") == ["plain", "plain.quiet"]
    assert enabled_by("plain.*", "plain.quiet") == ["plain", "plain.poll", "plain.quiet"]
    assert optional_families(plugins) == ["plain.quiet"]
    assert idle_globs(plugins, ["plain.q*"]) == ['"plain.q*" enables nothing: off by default']
    assert idle_globs(plugins, ["plain.quiet", "plain.*"]) == []


def test_one_of_several_sources_is_named_in_the_file_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEARNRELAY_SOURCE", raising=False)
    with pytest.raises(ValueError, match=r"several are installed \(canvas, campus\).*LEARNRELAY_SOURCE"):
        select_source(TWO_PLATFORMS, None)
    monkeypatch.setenv("LEARNRELAY_SOURCE", "campus")
    assert select_source(TWO_PLATFORMS, None).name == "campus"
    assert select_source(TWO_PLATFORMS, "canvas").name == "canvas"
    assert select_source(TWO_PLATFORMS[:1], None).name == "canvas", "the only one needs no name"
