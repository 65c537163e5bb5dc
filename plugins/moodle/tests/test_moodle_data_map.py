"""The data map of Moodle's events: who of a row is the learner, and what of it is published."""

from __future__ import annotations

import pytest

from learnrelay.assembly.assemble import Assembly
from learnrelay.privacy.data_map import derive_data_map


def flows(assembly: Assembly, name: str) -> dict[str, dict[str, str]]:
    """Returns source path → output path → form, of the statements in xAPI."""
    listed: dict[str, dict[str, str]] = {}
    for row in derive_data_map(assembly, [name]):
        if row.standard == "xapi" and row.form is not None:
            listed.setdefault(row.source, {})[row.output] = row.form.name.lower()
    return listed


@pytest.mark.parametrize(
    ("name", "learner", "other"),
    [
        (r"\mod_assign\event\submission_graded", "context.relateduserid", "context.userid"),
        (r"\mod_forum\event\post_deleted", "context.userid", "context.relateduserid"),
    ],
)
def test_the_learner_comes_from_the_column_of_the_event(
    assembly: Assembly, name: str, learner: str, other: str
) -> None:
    listed = flows(assembly, name)
    assert listed[learner]["actor.account.name"] == "pseudonym"
    assert "actor.account.name" not in listed.get(other, {})


def test_what_is_published_is_listed_and_nothing_of_people_s_texts(assembly: Assembly) -> None:
    written = flows(assembly, r"\mod_glossary\event\entry_created")
    assert "object.id" in written["context.objectid"]
    assert not {path for path in written if "concept" in path or path in ("context.ip", "context.realuserid")}


@pytest.mark.slow
def test_values_in_a_text_of_a_content_are_listed_one_by_one(assembly: Assembly) -> None:
    reported = flows(assembly, r"\mod_h5pactivity\event\statement_received")
    assert "object.id" in reported["data.object.id|query.subContentId"]
    assert not {path for path in reported if "response" in path}
