"""Each key of the operator's file is described, by an example that works, and editors learn the same."""

from __future__ import annotations

import copy
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from marshmallow import Schema, ValidationError, fields

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))

from generate import registry  # noqa: E402
from learnrelay.assembly.core_plugins import CORE_AUTH_SCHEMES  # noqa: E402
from learnrelay.assembly.file_reference import FileSection, list_sections, make_file_schema  # noqa: E402
from learnrelay.auth import AUTH_SCHEMES  # noqa: E402
from learnrelay.config.fields import BASE, SecretText, Section, Table, Text, described  # noqa: E402
from learnrelay.config.keys import list_keys  # noqa: E402

REGISTRY = registry()
SECTIONS = list_sections(REGISTRY)
SCHEMA = make_file_schema(REGISTRY)
SECRET = "a8Kx2mQ9vT4rL7wZ1pB6nC3y"
ADDRESSES = {
    "LEARNRELAY_DATABASE": "postgresql://relay@db.example.org/relay",
    "LEARNRELAY_BROKER": "redis://broker.example.org/0",
    "MOODLE_DATABASE": "mysql+pymysql://moodle@db.example.org/moodle",
    "LMS_DATABASE": "mysql+pymysql://lms@db.example.org/openedx",
}


@pytest.mark.parametrize("section", SECTIONS, ids=[section.heading for section in SECTIONS])
def test_each_key_says_what_it_is(section: FileSection) -> None:
    assert section.about
    for key in section.list_keys():
        assert key.meaning, f"{key.path} of {section.heading}: give its field metadata=described(…)"
        assert key.example, key.path
        assert key.form, key.path
        assert bool(key.default) is not key.is_required, key.path


def fields_of(schema: type[Schema]) -> Iterator[tuple[str, fields.Field[Any]]]:
    for name, field in schema().fields.items():
        if isinstance(field, Table):
            yield from fields_of(field.section)
        if field.metadata.get("example"):
            yield name, field


@pytest.mark.parametrize("section", SECTIONS, ids=[section.heading for section in SECTIONS])
def test_each_example_is_a_value_that_the_key_takes(
    section: FileSection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ssl.SSLContext.load_cert_chain", lambda *_, **__: None)
    monkeypatch.setattr("ssl.SSLContext.load_verify_locations", lambda *_, **__: None)
    (tmp_path / "plugins").mkdir()
    for name in ("ca.pem", "relay.pem", "relay.key", "plugins/acme.py", "api.key"):
        (tmp_path / name).write_text(SECRET)
    for name in ("courses.csv", "identities.csv"):
        shutil.copy(ROOT / "examples" / name, tmp_path)
    tokens = (BASE.set(tmp_path), AUTH_SCHEMES.set(CORE_AUTH_SCHEMES))
    try:
        for name, field in fields_of(section.schema):
            example = field.metadata["example"]
            for variable in re.findall(r"env:(\w+)", example):
                monkeypatch.setenv(variable, ADDRESSES.get(variable, SECRET))
            field.deserialize(tomllib.loads(f"{name} = {example}")[name], name)
    finally:
        BASE.reset(tokens[0])
        AUTH_SCHEMES.reset(tokens[1])


def files() -> Iterator[Any]:
    for path in [*ROOT.glob("examples/*.toml"), *ROOT.glob("deploy/**/*.toml")]:
        yield pytest.param(path.read_text("utf-8"), id=path.name)
    for page in ("README.md", "docs/configuration.md"):
        for number, block in enumerate(re.findall(r"```toml\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)):
            if "[platform]" in block:
                yield pytest.param(block, id=f"{page}-{number}")


@pytest.mark.parametrize("text", list(files()))
def test_an_editor_finds_nothing_wrong_in_a_file_that_is_right(text: str) -> None:
    assert [error.message for error in Draft7Validator(SCHEMA).iter_errors(tomllib.loads(text))] == []


RIGHT = tomllib.loads("""
[platform]
root_url = "https://lms.example.org"
source = "openedx"
[plugins]
enabled = ["xapi.*"]
[identity]
provider = "keyed"
secret = "env:SECRET"
objections = "list"
[xapi]
version = "2.0"
[xapi.forum]
texts = true
[delivery]
wait = "1s"
[delivery.alerts]
age = "2h"
[destinations.a]
standard = "xapi"
url = "https://lrs.example.org/"
scope = { org = "A" }
auth = { scheme = "basic", username = "u", password = "env:P" }
batch = { size = 7 }
[destinations.b]
standard = "caliper"
sink = "files"
scope = "all"
folder = "f"
[inputs.web]
input = "http"
tokens.lms = { token = "env:T", rate = 5 }
[[tests]]
name = "t"
event = {}
destinations = []
""")


def test_every_kind_of_table_is_allowed() -> None:
    assert [error.message for error in Draft7Validator(SCHEMA).iter_errors(RIGHT)] == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("platform.root_ulr", "https://x.org"),
        ("plugins.enabled", "xapi.*"),
        ("identity.path", "x"),
        ("identity.provider", "kyed"),
        ("xapi.version", "3"),
        ("xapi.forum.text", True),
        ("delivery.wait", 5),
        ("delivery.alerts.age", "2 hours"),
        ("delivery.spool_limit", 5),
        ("destinations.a.folder", "f"),
        ("destinations.a.batch.size", 0),
        ("destinations.a.auth.token", "env:T"),
        ("destinations.a.auth.scheme", "basik"),
        ("destinations.a.scope", "everybody"),
        ("destinations.b.url", "https://lrs.example.org/"),
        ("destinations.b.sink", "file"),
        ("inputs.web.tokens.lms.rate", "5"),
        ("inputs.web.paths", ["log"]),
        ("nothing.at", 1),
    ],
)
def test_an_editor_finds_what_check_would_find(place: str, value: object) -> None:
    file: dict[str, Any] = copy.deepcopy(RIGHT)
    *tables, key = place.split(".")
    table = file
    for name in tables:
        table = table.setdefault(name, {})
    table[key] = value
    assert not Draft7Validator(SCHEMA).is_valid(file)


@pytest.mark.parametrize("place", ["platform", "identity", "destinations.a.url", "destinations.b.folder", "tests.name"])
def test_an_editor_finds_what_is_missing(place: str) -> None:
    file: dict[str, Any] = copy.deepcopy(RIGHT)
    *tables, key = place.split(".")
    table: Any = file
    for name in tables:
        table = table[name][0] if name == "tests" else table[name]
    del table[key]
    assert not Draft7Validator(SCHEMA).is_valid(file)


def test_fields_of_marshmallow_are_described_by_their_type() -> None:
    class Inner(Section):
        secret = SecretText(required=True, metadata=described("key of the door", '"env:DOOR"'))

    class Acme(Section):
        size = fields.Integer(load_default=3)
        names = fields.List(fields.String(), load_default=list)
        mode = Text(load_default="a")
        inner = Table(Inner)

    keys = {key.path: key for key in list_keys(Acme, "acme")}
    assert [(key.path, key.form, key.default, key.is_required) for key in keys.values()] == [
        ("acme.size", "whole number", "`3`", False),
        ("acme.names", "list", "`[]`", False),
        ("acme.mode", "text", '`"a"`', False),
        ("acme.inner.secret", "secret, by reference", "", True),
    ]
    assert keys["acme.inner.secret"].meaning == "key of the door"
    with pytest.raises(ValidationError):
        Acme().load({"inner": {}})
