"""`learnrelay plugins` shows sources, and families without their standard, with the reason for their state."""

from __future__ import annotations

from pathlib import Path

import pytest

from installation import Installation
from relay_files import relay_toml

CONFIG = relay_toml(["absent.*"], identity={"secret": "Kd7wq2Lmz9Xv4bTn"})


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Returns a package with a family of a standard that is not installed."""
    made = Installation(tmp_path_factory.mktemp("half"))
    points = {"learnrelay.families.v1": {"absent.poll": "acme_half:family"}}
    made.install("acme-half", points, "raise RuntimeError('imported without its standard')")
    return made


def row(printed: bytes, name: str, kind: str = "") -> str:
    lines = [line for line in printed.decode().splitlines() if line.split()[:1] == [name]]
    (line,) = [line for line in lines if not kind or line.split()[1] == kind]
    return " ".join(line.split())


def test_a_source_is_active_when_it_is_the_platforms(installation: Installation, tmp_path: Path) -> None:
    config = tmp_path / "relay.toml"
    config.write_text(CONFIG)
    assert row(installation.run("plugins").stdout, "openedx", "source").endswith(
        " disabled [platform] source enables it"
    )
    assert row(installation.run("plugins", "--config", config).stdout, "openedx", "source").endswith(" active")


def test_a_family_without_its_standard_is_listed_with_the_package_to_install(installation: Installation) -> None:
    done = installation.run("plugins")
    reason = "unavailable the standard absent is not installed: pip install 'acme-half[absent]'"
    assert row(done.stdout, "absent.poll").endswith(reason)


@pytest.mark.parametrize("command", ["plugins", "check"])
def test_a_glob_that_enables_nothing_is_a_warning(installation: Installation, tmp_path: Path, command: str) -> None:
    config = tmp_path / "relay.toml"
    config.write_text(CONFIG)
    done = installation.run(command, "--config", config)
    assert done.returncode == 0, done.stderr.decode()
    warnings = [line for line in done.stderr.decode().splitlines() if "enables nothing" in line]
    reason = "the standard absent is not installed: pip install 'acme-half[absent]'"
    assert warnings == [f'warning: {config}: plugins.enabled: "absent.*" enables nothing: {reason}']
