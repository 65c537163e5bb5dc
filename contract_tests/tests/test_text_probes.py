"""Kinds that take values out of a text are found; those that take the text are not."""

from __future__ import annotations

import ast
import base64
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from xml.etree import ElementTree

import pytest

from learnrelay import optional
from learnrelay.kinds import structure, text
from learnrelay_contract_tests.inside.text_probes import takes_from_text


def of_json(value: Any) -> Any:
    try:
        return json.loads(value)["shoe_size"]
    except (ValueError, TypeError, KeyError):
        return None


def of_a_form(value: Any) -> Any:
    return parse_qs(value).get("email", [None])[0]


def of_an_address(value: Any) -> Any:
    return parse_qs(urlsplit(value).query).get("username", [None])[0]


def of_a_token(value: Any) -> Any:
    body = value.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["sub"]


def by_expression(value: Any) -> Any:
    match = re.search(r'"email": "?([^",]+)', value)
    return match[1] if match else None


def of_a_cookie(value: Any) -> Any:
    return dict(part.split("=") for part in value.split("; "))["user_name"]


def of_lines(value: Any) -> Any:
    return dict(line.split(": ", 1) for line in value.splitlines())["email"]


def of_xml(value: Any) -> Any:
    return ElementTree.fromstring(value).findtext("shoe_size")


def of_attributes(value: Any) -> Any:
    return ElementTree.fromstring(value).get("email")


def of_a_literal(value: Any) -> Any:
    return ast.literal_eval(value)["user"]


def several(value: Any) -> Any:
    parsed = json.loads(value)
    return [parsed["user"]["first_name"], parsed["user"]["last_name"]]


def of_a_part(value: Any) -> Any:
    return json.loads(value)["trial"]["shoe_size"]


def of_a_part_of_a_part(value: Any) -> Any:
    return json.loads(value)["trial"]["made"]["shoe_size"]


def of_json_in_json(value: Any) -> Any:
    return json.loads(json.loads(value)["made"])["shoe_size"]


def of_json_in_a_form(value: Any) -> Any:
    return json.loads(parse_qs(value)["trial"][0])["email"]


def of_what_php_writes(value: Any) -> Any:
    return re.search(r's:9:"shoe_size";(?:s:\d+:"([^"]*)"|i:(\d+));', value)[1]  # type: ignore[index]


NAMES_IN_SOURCE = ["shoe_size", "made", "a sentence", "trial"]


@pytest.mark.parametrize(
    "kind",
    [of_json, of_a_form, of_an_address, of_a_token, by_expression, several, of_a_cookie, of_lines, of_xml,
     of_attributes, of_a_literal, of_a_part, of_a_part_of_a_part, of_json_in_json, of_json_in_a_form,
     of_what_php_writes],
)  # fmt: skip
def test_a_kind_that_takes_values_out_of_a_text_is_found(kind: Callable[[Any], Any]) -> None:
    assert takes_from_text(optional("data.note", kind=kind), NAMES_IN_SOURCE)


def of_one_version(value: Any) -> Any:
    parsed = json.loads(value)
    return parsed["pages"][0]["pupil"] if parsed["version"] == 2 else None


def by_place(value: Any) -> Any:
    return json.loads(value)[2]["years"]


def of_the_state_of_a_form(value: Any) -> Any:
    read = parse_qs(value)
    return json.loads(read["state"][0])["a"]["pupil"] if read["form"] == ["answers"] else None


def of_one_page(value: Any) -> Any:
    address = urlsplit(value)
    return parse_qs(address.query)["who"][0].upper() if address.path == "/marks.php" else None


@pytest.mark.parametrize(
    ("kind", "example"),
    [
        (of_one_version, '{"version": 2, "pages": [{"pupil": "a", "mark": 1.5}]}'),
        (by_place, '["a", 1, {"years": 41, "town": "b"}, 4]'),
        (of_the_state_of_a_form, "form=answers&state=%7B%22a%22%3A+%7B%22pupil%22%3A+%22x%22%7D%7D"),
        (of_one_page, "https://learn.example.org/marks.php?id=3&who=x"),
    ],
)
def test_a_kind_that_reads_its_own_form_alone_is_found_by_its_example(kind: Any, example: str) -> None:
    assert takes_from_text(optional("data.note", kind=kind, example=example), [])


@pytest.mark.parametrize(
    "example",
    ['{"a": {"b": [1, "x"]}, "c": 2}', '["a", 1]', "a=1&b=2", "/marks.php?id=3&who=x", "https://[harbour/?id=3"],
)
@pytest.mark.parametrize(
    "kind",
    [text, str.upper, lambda value: value[:300], json.loads, quote, lambda value: urlsplit(value).path or None,
     lambda value: value.rpartition(":")[2], lambda value: value.split("=")[1]],
)  # fmt: skip
def test_a_kind_that_takes_the_whole_of_its_example_is_not(kind: Any, example: str) -> None:
    assert not takes_from_text(optional("data.note", kind=kind, example=example), NAMES_IN_SOURCE)


@pytest.mark.parametrize(
    "kind",
    [
        text, structure, str.upper, len, lambda value: value[:300], lambda value: value[-50:], str.split, json.loads,
        lambda value: value.rpartition("/")[2], lambda value: value.rpartition(":")[2],
        lambda value: value.split("=")[1], quote, lambda value: re.sub("[^a-z0-9]+", "_", value.lower()),
        lambda value: urlsplit(value).path or None,
    ],
)  # fmt: skip
def test_a_kind_that_takes_the_text_is_not(kind: Callable[[Any], Any]) -> None:
    assert not takes_from_text(optional("data.note", kind=kind, example="https://learn.example.org/?a=1"), [])
