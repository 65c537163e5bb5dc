"""Implements ``learnrelay init``, which writes an operator's file to begin with."""

from __future__ import annotations

import os
import secrets
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import orjson
from marshmallow import Schema, ValidationError, fields

from ..assembly.assemble import assemble
from ..assembly.core_plugins import CORE_AUTH_SCHEMES, CORE_SINKS, IDENTITY_PROVIDERS
from ..assembly.file_reference import name_plugins
from ..config.delivery_schema import DeliverySection
from ..config.destination_schema import DestinationSection
from ..config.keys import Key, list_keys
from ..config.schema import IdentitySection, PlatformSection, PluginsSection
from ..errors import ConfigurationError
from ..http_section import HttpSection
from ..plugins.discovery import installed
from ..private_files import open_private
from . import list_standards
from .output import print_line

_SINKS = {"http": "an address", "files": "files in a folder", "log": "lines of the log"}
_AUTH = {"none": "", "basic": "user name and password", "bearer": "a token"}
_SECRET_OF = {"basic": "password", "bearer": "token"}
_WIDTH = 100
_INPUTS = """\
# `learnrelay worker` delivers what the platform's processes emit. It can read events too, of a log for one:
# [inputs.log]
# input = "files"
# paths = ["/path/to/the.log"]
# `learnrelay keys inputs.NAME` shows what an input may have, `learnrelay keys` all other sections."""


@click.command()
@click.argument("target", default="relay.toml", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--source", metavar="NAME", help="Source of the events: the learning platform.")
@click.option("--root-url", metavar="URL", help="Address of the learning platform.")
@click.option("--language", metavar="TAG", help="Language of its texts.")
@click.option("--standard", metavar="NAME", help="Standard of the statements.")
@click.option("--sink", type=click.Choice([*_SINKS]), help="Where the statements go.")
@click.option("--url", metavar="URL", help="Address of the consumer, for the sink http.")
@click.option("--auth", type=click.Choice([*_AUTH]), help="Credentials for it.")
@click.option("--username", metavar="NAME", help="User name, for basic.")
@click.option("--secret", metavar="REFERENCE", help='Password or token, as "env:NAME" or "file:PATH".')
@click.option("--folder", metavar="PATH", help="Folder, for the sink files.")
def command(target: Path, **given: str | None) -> None:
    r"""Write an operator's file to begin with, TARGET (relay.toml), after a few questions.

    Options answer questions beforehand; without a terminal, all that matter must be given. Each key is explained in
    the file, and those that are not needed stand there as comments. The secret for pseudonyms, and a password that is
    typed, go into files of their own beside it, which only their owner can read.

    \b
    Example:
      learnrelay init --root-url https://lms.example.org --standard NAME --sink files --folder statements

    Exit codes: 0 the file passes `learnrelay check`; 1 it is written, and something in it is still wrong; 2 usage, or a
    file of this name exists.
    """
    if target.exists():
        raise click.UsageError(f"{target} exists; name another file, or remove it")
    if given["secret"] is not None and not given["secret"].startswith(("env:", "file:")):
        raise click.UsageError('--secret: expected "env:NAME" or "file:PATH"')
    sources = sorted({info.name for info in installed() if info.kind == "sources"})
    standards = list_standards()
    if not sources or not standards:
        raise click.UsageError(
            "no source or no standard is installed: install the packages of your platform and of a standard with pip"
        )
    questions = _Questions(given)
    source = questions.choose("source", "Learning platform", sources)
    root_url = questions.ask("root_url", "Address of the platform", PlatformSection, example="https://lms.example.org")
    language = questions.ask("language", "Language of its texts", PlatformSection, default="en")
    standard = questions.choose("standard", "Standard", standards)
    sink = questions.choose("sink", f"Where statements go ({_listed(_SINKS)})", [*_SINKS])
    destination: dict[str, Any] = {"standard": standard, "sink": sink, "scope": "all"}
    typed: str | None = None
    scheme = "none"
    secret_file = target.with_name(f"{target.stem}.main.secret")
    if sink == "http":
        destination["url"] = questions.ask("url", "Address of the consumer", HttpSection)
        scheme = questions.choose("auth", f"Credentials ({_listed(_AUTH)})", [*_AUTH])
        if scheme != "none":
            credentials = {"scheme": scheme}
            if scheme == "basic":
                section = CORE_AUTH_SCHEMES[scheme].settings_schema
                credentials["username"] = questions.ask("username", "User name", section)
            if given["secret"] is None:
                typed = questions.type_secret(_SECRET_OF[scheme])
            credentials[_SECRET_OF[scheme]] = given["secret"] or f"file:{secret_file.name}"
            destination["auth"] = credentials
    elif sink == "files":
        destination["folder"] = questions.ask(
            "folder", "Folder", CORE_SINKS[sink].settings_schema, default="statements"
        )
    key_file = target.with_name(f"{target.stem}.identity.secret")
    tables = [
        _table("[platform]", [PlatformSection], {"root_url": root_url, "source": source, "language": language}),
        _table("[plugins]", [PluginsSection], {"enabled": [f"{standard}.*"]}),
        _table(
            "[identity]",
            [IdentitySection, IDENTITY_PROVIDERS["keyed"].settings_schema],
            {"provider": "keyed", "secret": f"file:{key_file.name}"},
        ),
        _table("[destinations.main]", [DestinationSection, CORE_SINKS[sink].settings_schema], destination),
        _table("[delivery]", [DeliverySection], {}),
        _INPUTS,
    ]
    text = "\n\n".join(tables)
    for placeholder, name in name_plugins([source], [standard]).items():
        text = text.replace(placeholder, name)
    head = textwrap.wrap(
        "The operator's file of learnrelay. Lines that begin with # and a key are not active: they show its default, or"
        " an example. `learnrelay keys` shows all keys, `learnrelay check --config` what is wrong.",
        _WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
    )
    if not key_file.exists():  # never a second one: everybody would become a new person
        _write_secret(key_file, secrets.token_urlsafe(32))
    if typed is not None:
        _write_secret(secret_file, typed)
    with target.open("x", encoding="utf-8") as file:
        file.write("\n".join([*head, "", text, ""]))
    print_line(f"{target}: written")
    try:
        for warning in assemble(target).config.warnings:
            print_line(f"warning: {warning}", err=True)
    except ConfigurationError as error:
        for problem in error.problems:
            print_line(f"error: {problem}", err=True)
        sys.exit(1)
    print_line(f"{key_file}: the secret for pseudonyms; keep a copy, for with a new one everybody becomes a new person")
    if typed is not None:
        print_line(f"{secret_file}: the {_SECRET_OF[scheme]} for the consumer")
    print_line("")
    print_line("Next:")
    steps = {
        f"learnrelay check --config {target} --connect": "try the destination",
        f"learnrelay transform --config {target} FILE": "turn a log into statements",
        f"learnrelay worker --config {target}": "deliver what is emitted, and what [inputs] read",
    }
    for command_line, what in steps.items():
        print_line(f"  {command_line:{max(map(len, steps))}}  {what}")


class _Questions:
    """Asks what the options have not answered. Raises click.UsageError where there is no terminal."""

    def __init__(self, given: Mapping[str, str | None]) -> None:
        self._given = given

    def choose(self, name: str, question: str, choices: Sequence[str]) -> str:
        """Returns one of several; asks nothing where there is only one."""
        chosen = self._given[name]
        if chosen is not None:
            if chosen not in choices:
                raise click.UsageError(f"{_option(name)}: expected one of {', '.join(choices)}")
            return chosen
        if len(choices) == 1:
            return choices[0]
        self._need_terminal(name)
        answer: str = click.prompt(question, type=click.Choice(choices), default="", show_default=False, err=True)
        return answer

    def ask(
        self, name: str, question: str, section: type[Schema], *, default: str | None = None, example: str = ""
    ) -> str:
        """Returns a value that the key of this name in a section takes; asks again for another."""
        load = _loader(section().fields[name])
        given = self._given[name]
        if given is not None:
            try:
                return load(given)
            except click.UsageError as error:
                raise click.UsageError(f"{_option(name)}: {error.message}") from None
        if not sys.stdin.isatty() and default is not None:
            return default
        self._need_terminal(name)
        text = f"{question}, such as {example}" if example else question
        answer: str = click.prompt(text, default=default or "", show_default=bool(default), value_proc=load, err=True)
        return answer

    def type_secret(self, what: str) -> str:
        """Returns a secret that is typed without being shown."""
        self._need_terminal("secret")
        answer: str = click.prompt(
            what.capitalize(), default="", show_default=False, hide_input=True, value_proc=_refuse_blank, err=True
        )
        return answer

    @staticmethod
    def _need_terminal(name: str) -> None:
        if not sys.stdin.isatty():
            raise click.UsageError(f"there is no terminal to ask: give {_option(name)}")


def _loader(field: fields.Field[Any]) -> Callable[[str], str]:
    def load(text: str) -> str:
        _refuse_blank(text)
        try:
            field.deserialize(text)
        except ValidationError as error:
            raise click.UsageError("; ".join(map(str, error.messages))) from None
        return text

    return load


def _refuse_blank(text: str) -> str:
    """Returns an answer. Raises click.UsageError where it is none; click itself asks again without a word."""
    if not text.strip():
        raise click.UsageError("expected an answer that is not empty")
    return text


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _listed(choices: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {meaning}" for name, meaning in choices.items() if meaning)


def _table(heading: str, sections: Sequence[type[Schema]], values: Mapping[str, Any]) -> str:
    """Writes a table: its keys with their meaning, those without a value as comments."""
    keys = [key for section in sections for key in list_keys(section, "")]
    active = [line for key in keys if key.path in values for line in _lines_of(key, _toml(values[key.path]))]
    other = [line for key in keys if key.path.partition(".")[0] not in values for line in _lines_of(key, None)]
    return "\n".join([heading, *active, *other])


def _lines_of(key: Key, value: str | None) -> list[str]:
    """Explains a key, and sets it, or shows its default or an example as a comment."""
    shown = key.default.strip("`") if key.default.startswith("`") else key.example
    words = "" if key.default.startswith("`") or key.is_required else f"; by default {key.default}"
    about = textwrap.wrap((key.meaning + words).replace("`", ""), _WIDTH, initial_indent="# ", subsequent_indent="# ")
    return [*about, f"{key.path} = {value}" if value is not None else f"#{key.path} = {shown}"]


def _toml(value: Any) -> str:
    """Writes a text, a list of texts or a table of texts as TOML on one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_toml(inner)}" for name, inner in value.items()) + " }"
    return orjson.dumps(value).decode().replace("\x7f", "\\u007f")


def _write_secret(file: Path, secret: str) -> None:
    """Writes a new file that only its owner can read. Raises OSError."""
    with open_private(file, "x") as stream:
        stream.write(secret + os.linesep)
