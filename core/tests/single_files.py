"""Plugins in single files, for tests: a standard that makes a row of an event, and what it takes to assemble them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from learnrelay.assembly.assemble import Assembly, assemble_from
from learnrelay.errors import ConfigurationError
from learnrelay.pipeline.run import Pipeline

ROWS = """
import marshmallow
from learnrelay import Judgement, Request, Standard, hookimpl, judge_status
from learnrelay.config.fields import OneOf, Section


class RowsSettings(Section):
    style = OneOf(["short", "long"], load_default="short")


class RowSchema(marshmallow.Schema):
    id = marshmallow.fields.String(required=True)

    class Meta:
        unknown = marshmallow.INCLUDE


class Rows(Standard):
    name = "rows"
    settings_schema = RowsSettings

    def framer(self, platform):
        return lambda learner, who, course_id, session: learner.pseudonym

    def composer(self, transformer, platform, event):
        def compose(facts, frame, parts):
            row = {"id": f"{facts.time_text}/{event}/{frame}", "event": event, "who": frame}
            return [{**row, **transformer.constants, **parts}]

        return compose

    def encode(self, batch, now):
        return Request(b"\\n".join(batch))

    def judge(self, answer):
        return Judgement(judge_status(answer.status))

    def learners(self, statement):
        return [statement["who"]]

    def schema(self):
        return RowSchema()


@hookimpl
def register_standards(register):
    register(Rows)
"""

POLLS = '''
from learnrelay import Family, Fields, required
from learnrelay.config.fields import Section, WholeNumber


class PollSettings(Section):
    scale = WholeNumber(1, 10, load_default=5)


family = Family("rows.polls", settings_schema=PollSettings)


class Answer(Fields):
    question = required("data.question")


@family.maps("poll.answered", reads=Answer)
def answered(answer, platform, settings):
    """The learner answers a poll."""
    return {"question": answer.question, "scale": settings["scale"]}
'''


def configuration(folder: Path, files: Mapping[str, str], **sections: Mapping[str, Any]) -> dict[str, Any]:
    """Writes plugin files into a folder, and returns a parsed operator's file that names them."""
    for name, source in files.items():
        (folder / name).write_text(source, encoding="utf-8")
    return {
        "platform": {"root_url": "https://learn.example.org", "source": "openedx"},
        "plugins": {"files": list(files)},
        "identity": {"provider": "keyed", "secret": "Kd7wq2Lmz9Xv4bTn"},
        **sections,
    }


def assemble_files(folder: Path, files: Mapping[str, str], **sections: Mapping[str, Any]) -> Assembly:
    """Assembles plugin files. Raises ConfigurationError."""
    return assemble_from(configuration(folder, files, **sections), folder / "relay.toml")


def problems_of(folder: Path, files: Mapping[str, str], **sections: Mapping[str, Any]) -> dict[str, str]:
    """Returns the problems of plugin files: key → reason."""
    try:
        assemble_files(folder, files, **sections)
    except ConfigurationError as error:
        return {problem.key: problem.reason for problem in error.problems}
    return {}


def raw_event(name: str = "poll.answered", data: Any = None, **context: Any) -> dict[str, Any]:
    """Returns a raw event in the in-process shape."""
    return {
        "name": name,
        "timestamp": "2026-03-02T09:00:00+00:00",
        "data": {"question": "q1"} if data is None else data,
        "context": {"user_id": 7, **context},
    }


def statements_of(assembly: Assembly, event: Mapping[str, Any], standard: str = "rows") -> list[dict[str, Any]]:
    """Returns the statements of an event in a standard, without ids."""
    outcomes = Pipeline(assembly.plan).process(assembly.source.event_from_mapping(event))
    statements = [statement.parsed for of in outcomes if of.standard == standard for statement in of.statements]
    return [{key: value for key, value in statement.items() if key not in ("id", "who")} for statement in statements]
