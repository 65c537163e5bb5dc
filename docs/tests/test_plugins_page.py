"""The page for plugin authors: its code runs, and its commands are those that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from learnrelay import Doubt, MissingFieldError, Skip, kinds
from learnrelay.cli import cli
from learnrelay.fields import compile_extractor
from learnrelay.routing import ScopeRule

PAGE = (Path(__file__).parents[1] / "plugins.md").read_text(encoding="utf-8")


def code() -> dict[str, Any]:
    """The names that all blocks of the page define, one after the other."""
    names: dict[str, Any] = {"__name__": "page"}
    for source in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        exec(compile(source, "plugins.md", "exec", dont_inherit=True), names)
    return names


def test_its_code_does_what_it_says() -> None:
    page = code()
    assert [one.name for one in page["family"].transformers] == ["xapi.acme_poll:answered"]
    extract = {name: compile_extractor(page[name]) for name in ("AnswerFields", "ScoreFields", "TableFields")}
    assert extract["AnswerFields"]({"data": {"question_id": 3}}).question == "3"
    assert extract["ScoreFields"]({"data": {"percent": 50}}).share == 0.5
    rows = extract["TableFields"]({"data": {"rows": {"a": {"choice": "tea"}}}}).rows
    assert [(row.key, row.choice) for row in rows] == [("a", "tea")]
    try:
        extract["AnswerFields"]({"data": {}})
    except MissingFieldError as error:
        assert error.path == "data.question_id"
    seen = page["Seen"]
    assert page["filter_event"](seen(mode="audit")) == Skip("audit enrolments are not reported")
    assert page["enrich_statement"](seen(), "xapi") is None
    assert page["route_event"](seen(source="mobile"), None) == Skip("of unknown origin")
    rule = ScopeRule(page["DepartmentScope"](), "chemistry")
    assert rule.denial({"context": {"department": "chemistry"}}, {}) is None
    denial = rule.denial({"context": {}}, {})
    assert denial is not None
    assert denial.reason.endswith(Doubt.ABSENT.value)


def test_its_commands_kinds_and_options_exist() -> None:
    commands: list[tuple[str, str]] = re.findall(r"^ {4}learnrelay ([a-z-]+)([^#\n]*)", PAGE, flags=re.MULTILINE)
    assert {name for name, _ in commands} >= {"new-plugin", "contract-test", "transform", "plugins"}
    for name, rest in commands:
        command = cli.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None, name
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, name
    table = PAGE.partition("| kind (`learnrelay.kinds`)")[2].partition("\n\n")[0]
    named = {name for row in table.splitlines()[2:] for name in re.findall(r"`([a-z_]+)`", row.split("|")[1])}
    takers = {
        name
        for name, one in vars(kinds).items()
        if not name.startswith("_") and getattr(one, "__annotations__", {}).keys() == {"value", "return"}
    }
    assert named == takers - {"scalar"}
