"""`learnrelay keys` shows what the operator's file may hold."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


def keys(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "learnrelay", "keys", *arguments], capture_output=True, text=True, check=False
    )


def test_a_key_is_shown_with_all_that_is_known_of_it() -> None:
    done = keys("delivery.wait")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-3:] == [
        '  delivery.wait: time span, default: "5s"',
        "    how long emit() waits for the database, or for room in it, before it raises",
        '    wait = "250ms"',
    ]


def test_a_name_that_the_operator_chose_stands_for_any() -> None:
    assert keys("[destinations.partner]").stdout == keys("destinations.NAME").stdout


def test_all_fits_a_terminal_of_80_columns_but_examples() -> None:
    lines = keys().stdout.splitlines()
    assert [line for line in lines if len(line) > 80 and " = " not in line] == []
    assert any(line.startswith("[metrics]") for line in lines)


def test_programs_read_it_as_json() -> None:
    (section,) = json.loads(keys("metrics", "--json").stdout)
    assert section["section"] == "[metrics]"
    assert [key["path"] for key in section["keys"]] == ["metrics.listen"]


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        (["delivry.wait"], 'did you mean "delivery.wait"?'),
        (["alerts"], "there is delivery.alerts"),
        (["destinatons"], 'did you mean "destinations"?'),
        (["delivery", "--json-schema"], "leave PATH out"),
    ],
)
def test_what_is_not_there_is_named(arguments: list[str], cure: str) -> None:
    done = keys(*arguments)
    assert done.returncode == 2
    assert cure in done.stderr
    assert done.stdout == ""
