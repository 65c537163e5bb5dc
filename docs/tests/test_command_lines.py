"""Command lines that the documentation shows can be typed: their commands and options are there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

import click
import pytest

from learnrelay.cli import cli

ROOT = Path(__file__).parents[2]
GENERATED = {"commands.md"}
PAGES = [
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/*/README.md"), *ROOT.glob("deploy/**/*")]
    if path.is_file() and path.name not in GENERATED and "adr" not in path.parts
]
SHOWN = re.compile(r"(?<![\w./\[-])learnrelay((?: +(?!learnrelay )[^\s`|;&<>#]+)+)")


def command_lines(text: str) -> Iterator[list[str]]:
    """Yields the words behind ``learnrelay`` of lines of code: those in blocks, indented ones, and spans of a text."""
    joined = re.sub(r"\\\n\s*", " ", text)
    spans = [*re.findall(r"`([^`\n]+)`", joined), *re.findall(r"^(?: {4}|\t)(.+)$", joined, re.MULTILINE)]
    for block in re.findall(r"```(?:console|sh|bash|shell|)\n(.*?)```", joined, re.DOTALL):
        spans += block.splitlines()
    for span in spans:
        for match in SHOWN.finditer(span):
            yield match[1].split()


def fault_of(words: list[str]) -> str:
    """Returns what a command line has that the command does not know; empty for a sound one."""
    command: click.Command = cli
    context = click.Context(cli, info_name="learnrelay")
    for word in words:
        name = word.partition("=")[0].strip("[](),.:'\"")
        if isinstance(command, click.Group) and not name.startswith("-"):
            if not re.fullmatch(r"[a-z][a-z-]+", name):
                return ""  # a placeholder, a sentence
            inner = command.get_command(context, name)
            if inner is None:  # a sentence that begins with the name, or a slip
                near = get_close_matches(name, command.list_commands(context), 1, cutoff=0.8)
                return f"there is no command {name}" if near else ""
            command, context = inner, click.Context(inner, info_name=name, parent=context)
        elif re.fullmatch(r"--?[a-z][\w-]*", name):
            known = {option for parameter in command.get_params(context) for option in parameter.opts}
            known |= {option for parameter in command.get_params(context) for option in parameter.secondary_opts}
            if word.startswith("--preserve-env"):  # of sudo, for a user of our name
                return ""
            if name not in known and not re.fullmatch(r"-v+", name):
                return f"{context.command_path} has no {name}"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_command_line_can_be_typed(page: Path) -> None:
    try:
        text = page.read_text("utf-8")
    except UnicodeDecodeError:  # a picture
        return
    faults = {f"learnrelay {' '.join(words)}": fault_of(words) for words in command_lines(text)}
    assert {line: fault for line, fault in faults.items() if fault} == {}
