"""Plugins as third parties publish them: really installed, found without being imported, told by state and reason."""

from __future__ import annotations

import json
from typing import Any

from installation import Installation

FAMILY = "from learnrelay import Family\nfamily = Family('plain.{name}')\n"


def states(installation: Installation, config: str) -> dict[str, Any]:
    path = installation.directory / "relay.toml"
    path.write_text(config, encoding="utf-8")
    done = installation.run("plugins", "--config", path, "--json")
    told = {(one["name"], one["distribution"]): (one["state"], one["reason"]) for one in json.loads(done.stdout)}
    assert done.returncode == 1, done.stderr.decode()
    return told


def test_each_plugin_has_a_state_and_a_reason(installation: Installation) -> None:
    families = "learnrelay.families.v1"
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
    enabled = [*(f"plain.{name}" for name in bad), "plain.good", "plain.future", "plain.twin", "plain.god"]
    told = states(installation, f"[plugins]\nenabled = {json.dumps(enabled)}\n")
    assert told["plain.good", "acme-good"] == ("active", "")
    assert told["plain.sleeper", "acme-sleeper"] == ("disabled", "not enabled")
    assert told["plain.acme-raises", "acme-raises"] == ("failed", "cannot be imported: RuntimeError")
    assert told["plain.acme-asserts", "acme-asserts"] == ("failed", "cannot be imported: AssertionError")
    state, reason = told["plain.acme-imports", "acme-imports"]
    assert (state, "no_such_module" in reason) == ("failed", True)
    assert told["plain.acme-hookless", "acme-hookless"] == ("failed", "implements no hook")
    assert told["plain.future", "acme-future"] == ("incompatible", "made for contract v9, this core speaks v1")
    assert told["plain.twin", "acme-one"][0] == told["plain.twin", "acme-two"][0] == "conflicting"
    assert told["plain.twin", "acme-one"][1] == "the same name comes from acme-two 1.0 too"
    assert told["plain.god", ""][0] == "missing"
    assert "did you mean plain.good?" in told["plain.god", ""][1]


def test_a_broken_plugin_stops_the_start_with_one_clear_message_each(installation: Installation) -> None:
    families = "learnrelay.families.v1"
    installation.install(
        "acme-raises", {families: {"plain.raises": "acme_raises:family"}}, "raise RuntimeError('ada_l')"
    )
    config = installation.directory / "relay.toml"
    config.write_text(
        '[platform]\nroot_url = "https://learn.example.org"\n[plugins]\nenabled = ["plain.raises"]\n'
        '[identity]\nprovider = "keyed"\nsecret = "env:SECRET"\n'
    )
    done = installation.run("check", "--config", config, SECRET="s" * 32)
    message = done.stderr.decode()
    assert done.returncode == 2
    assert "plugin plain.raises (acme_raises:family) of acme-raises 1.0: cannot be imported: RuntimeError" in message
    assert "take plain.raises out of [plugins] enabled" in message
    assert "ada_l" not in message
    assert "Traceback" not in message


def test_installed_moments_ago_is_seen(installation: Installation, plain_installation: Installation) -> None:
    before = installation.run("plugins", "--json")
    assert "plain.good" not in before.stdout.decode()
    points = {"learnrelay.families.v1": {"plain.good": "acme_good:family"}}
    installation.install("acme-good", points, FAMILY.format(name="good"))
    assert "plain.good" in installation.run("plugins", "--json").stdout.decode()
    assert "plain.watching" in plain_installation.run("plugins", "--events").stdout.decode()
