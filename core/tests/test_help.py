"""The help of a command has one source, its docstring, and showing it imports no command."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from learnrelay.cli import COMMANDS, cli


def formatted_help() -> str:
    context = click.Context(cli, info_name="learnrelay", terminal_width=10_000, max_content_width=10_000)
    return cli.get_help(context)


@pytest.mark.parametrize("name", cli.list_commands(None))  # type: ignore[arg-type]
def test_the_list_shows_the_first_line_of_each_command(name: str) -> None:
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    assert command.help
    (row,) = [row for row in formatted_help().splitlines() if row.split()[:1] == [name]]
    line = row.strip().removeprefix(name).strip()
    first_line = command.help.splitlines()[0]
    assert line == first_line or line.startswith(f"{first_line} (from ")


def test_the_list_imports_no_command() -> None:
    script = (
        "import sys; from learnrelay.cli import cli; cli.main(['--help'], standalone_mode=False);"
        "print([name for name in sys.modules if name.startswith('learnrelay.cli.')"
        " or name == 'learnrelay_contract_tests.cli'], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert done.stderr == "[]\n"
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", cli.list_commands(None))  # type: ignore[arg-type]
def test_paragraphs_that_keep_their_lines_are_marked_for_click(name: str) -> None:
    commands = [cli.get_command(None, name)]  # type: ignore[arg-type]
    for command in commands:
        assert command is not None
        assert "\\b" not in (command.help or ""), f"{command.name} would print the mark"
        commands += command.commands.values() if isinstance(command, click.Group) else ()
