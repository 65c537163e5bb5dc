"""`learnrelay init` writes a file that passes `learnrelay check`."""

from __future__ import annotations

import os
import pty
import re
import select
import stat
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "learnrelay"]
LRS = ("--sink", "http", "--url", "https://lrs.example.org/statements")
FILES = ("--sink", "files", "--folder", "out")
GIVEN = ("--source", "openedx", "--root-url", "https://lms.example.org", "--standard", "xapi")


def init(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "init", *arguments]
    environment = os.environ | variables
    return subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=environment
    )


def check(file: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "check", "--config", file], capture_output=True, text=True, check=False, env=os.environ | variables
    )


@pytest.mark.parametrize(
    ("answers", "variables"),
    [
        (FILES, {}),
        pytest.param(("--sink", "log"), {}, marks=pytest.mark.slow),
        pytest.param((*LRS, "--auth", "none"), {}, marks=pytest.mark.slow),
        ((*LRS, "--auth", "basic", "--username", "relay", "--secret", "env:LRS_PASSWORD"), {"LRS_PASSWORD": "x7"}),
        ((*LRS, "--auth", "bearer", "--secret", "file:token"), {}),
    ],
    ids=["files", "log", "no credentials", "basic", "bearer"],
)
def test_the_file_passes_check(answers: tuple[str, ...], variables: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0ken")
    done = init(tmp_path, *GIVEN, *answers, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert check(tmp_path / "relay.toml", **variables).returncode == 0
    secret = tmp_path / "relay.identity.secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert secret.read_text().strip() not in (tmp_path / "relay.toml").read_text() + done.stdout


def test_questions_are_asked_in_a_terminal(tmp_path: Path) -> None:
    answers = [
        (b"Learning platform", "openedx"),
        (b"Address of the platform", "lms.example.org"),  # it is asked again
        (b"Error: expected an address", None),
        (b"Address of the platform", ""),
        (b"Error: expected an answer that is not empty", None),
        (b"Address of the platform", "https://lms.example.org"),
        (b"Language", "pt-BR"),
        (b"Standard", "xapi"),
        (b"Where statements go", "http"),
        (b"Address of the consumer", "https://lrs.example.org/statements"),
        (b"Credentials", "basic"),
        (b"User name", "relay"),
        (b"Password", ""),
        (b"Error: expected an answer that is not empty", None),
        (b"Password", "geheim-7"),
    ]
    master, slave = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "init", "site.toml"], cwd=tmp_path, stdin=slave, stdout=slave, stderr=slave
    ) as asked:
        os.close(slave)
        shown = b""
        for question, answer in answers:
            rest = shown
            deadline = time.monotonic() + 30
            while question not in rest and time.monotonic() < deadline:
                if select.select([master], [], [], 1)[0]:
                    rest += os.read(master, 4096)
            assert question in rest, (question, rest)
            shown = rest[rest.index(question) + len(question) :]
            if answer is not None:
                os.write(master, f"{answer}\n".encode())
        assert asked.wait(30) == 0
    file = (tmp_path / "site.toml").read_text()
    assert "geheim-7" not in file
    assert tomllib.loads(file)["destinations"]["main"]["auth"]["password"] == "file:site.main.secret"
    assert (tmp_path / "site.main.secret").read_text().strip() == "geheim-7"
    assert stat.S_IMODE((tmp_path / "site.main.secret").stat().st_mode) == 0o600
    assert check(tmp_path / "site.toml").returncode == 0


def test_each_key_that_is_a_comment_can_be_made_active(tmp_path: Path) -> None:
    init(tmp_path, *GIVEN, *LRS, "--auth", "none")
    file = tmp_path / "relay.toml"
    text = file.read_text()
    commented = re.findall(r"^#[\w.]+ = .*$", text, re.MULTILINE)
    assert len(commented) > 30
    for line in commented:
        tomllib.loads(text.replace(line, line[1:]))
    everything = re.sub(r"^#(?=[\w.]+ = )", "", text, flags=re.MULTILINE)
    file.write_text(everything)
    assert "unknown key" not in check(file).stderr


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    assert init(tmp_path, *GIVEN, *FILES).returncode == 0
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    done = init(tmp_path, *GIVEN, *FILES)
    assert (done.returncode, "exists" in done.stderr) == (2, True)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / "relay.toml").unlink()
    assert init(tmp_path, *GIVEN, *FILES).returncode == 0
    assert (tmp_path / "relay.identity.secret").read_bytes() == before[tmp_path / "relay.identity.secret"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "there is no terminal to ask: give --source"),
        (["--source", "openedx"], "give --root-url"),
        (["--source", "opnedx"], "--source: expected one of"),
        (["--source", "openedx", "--root-url", "lms"], "--root-url: expected an address"),
        ([*GIVEN, *LRS, "--auth", "bearer"], "give --secret"),
    ],
)
def test_without_a_terminal_it_says_what_to_give(arguments: list[str], reason: str, tmp_path: Path) -> None:
    done = init(tmp_path, *arguments)
    assert done.returncode == 2
    assert reason in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--auth", "basic", "--username", "ann:b", "--secret", "env:PASSWORD"), "--username: must not hold a colon"),
        (("--auth", "bearer", "--secret", "t0ken-t0ken"), '--secret: expected "env:NAME" or "file:PATH"'),
    ],
)
def test_an_option_that_check_would_refuse_writes_nothing(
    arguments: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    done = init(tmp_path, *GIVEN, *LRS, *arguments, PASSWORD="x7")
    assert done.returncode == 2
    assert reason in done.stderr
    assert "t0ken" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_what_is_still_wrong_is_said(tmp_path: Path) -> None:
    done = init(tmp_path, *GIVEN, *LRS, "--auth", "bearer", "--secret", "env:NOT_SET_HERE")
    assert done.returncode == 1
    assert "NOT_SET_HERE" in done.stderr
    assert (tmp_path / "relay.toml").exists()


def test_check_lists_many_plugins_in_lines_of_80_columns(tmp_path: Path) -> None:
    assert init(tmp_path, *GIVEN, "--sink", "log").returncode == 0
    output = check(tmp_path / "relay.toml").stdout
    block = output.partition("  plugins:")[2].partition("  [")[0]
    lines = f"  plugins:{block}".splitlines()
    assert len(lines) > 3
    assert max(map(len, lines)) <= 80
    assert {"xapi.video", "xapi.open_assessment"} <= set(block.replace(",", " ").split())
