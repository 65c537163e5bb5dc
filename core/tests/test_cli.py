"""The command line as somebody meets it who has never seen it: help that teaches, errors that say what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from installation import Installation
from learnrelay.cli import cli
from plain import event, line

COMMANDS = sorted(cli.list_commands(None))  # type: ignore[arg-type]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_teaches(plain_installation: Installation, command: str) -> None:
    done = plain_installation.run(*command.split(), "--help", COLUMNS="100")
    help_text = done.stdout.decode()
    assert done.returncode == 0
    assert "\\b" not in help_text, "a mark of the layout is shown"
    if not command:
        assert re.search(r"^    learnrelay plugins  ", help_text, re.MULTILINE), "an example is a line of its own"
        assert re.search(r"^Standards installed: .*\bplain\b", help_text, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("transfrom", "did you mean transform?"),
        ("transform --standard plain .", ".: is a directory; name the files in it"),
        ("transform --standard plain here.log --output no/where", "error: no/where: No such file or directory"),
        ("transform --standard plain here.log --errors no/where", "error: no/where: No such file or directory"),
        ("transform --standard plain --root-url nonsense here.log", 'expected an address such as "https://'),
        ("transform here.log", "expected --standard NAME ("),
    ],
)
def test_an_error_names_its_cure(plain_installation: Installation, arguments: str, reason: str) -> None:
    (plain_installation.directory / "here.log").write_bytes(line(event()))
    done = plain_installation.run(*arguments.split())
    assert (done.returncode, done.stdout) == (2, b"")
    assert reason in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_no_file_is_begun_when_another_cannot_be_read(plain_installation: Installation, tmp_path: Path) -> None:
    good = tmp_path / "good.log"
    good.write_bytes(line(event()))
    done = plain_installation.run("transform", "--standard", "plain", good, tmp_path / "none.log")
    assert (done.returncode, done.stdout) == (2, b"")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("learnrelay pr", ["privacy"]),
        ("learnrelay transform --standard pla", ["plain"]),
        ("learnrelay --ver", ["--verbose", "--version"]),
    ],
)
def test_the_shell_completes(plain_installation: Installation, typed: str, offered: list[str]) -> None:
    last = str(len(typed.split()) - 1)
    done = plain_installation.run(_LEARNRELAY_COMPLETE="bash_complete", COMP_WORDS=typed, COMP_CWORD=last)
    assert sorted(row.partition(",")[2] for row in done.stdout.decode().split()) == offered
