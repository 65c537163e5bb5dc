"""The independent xAPI rules: what is valid passes, each fault is found and named by its path."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from changed_documents import REMOVED, changed

from learnrelay_contract_tests.endpoints import check_statement

AGENT: dict[str, Any] = {
    "objectType": "Agent",
    "account": {"homePage": "https://lms.example.org", "name": "k7f3"},
}
ACTIVITY = {"objectType": "Activity", "id": "https://lms.example.org/course/course-v1:Org+Intro+2026"}
UUID = "0f6d1c1e-7a39-5b86-9a44-1d7f3f3c9a52"
VOIDED = "http://adlnet.gov/expapi/verbs/voided"
ANSWERED = "http://adlnet.gov/expapi/verbs/answered"
INTERACTION = "http://adlnet.gov/expapi/activities/cmi.interaction"

# Uses every property that a statement of 1.0.3 can have.
RICH: dict[str, Any] = {
    "id": UUID,
    "version": "1.0.0",
    "timestamp": "2026-11-22T10:15:30.123+01:00",
    "stored": "2026-11-22T09:15:31Z",
    "authority": {"objectType": "Group", "member": [AGENT, {"mbox": "mailto:app@example.org"}]},
    "actor": {"name": "Ada", **AGENT},
    "verb": {"id": ANSWERED, "display": {"en": "answered", "de-CH": "hat beantwortet"}},
    "object": {
        **ACTIVITY,
        "definition": {
            "name": {"en-US": "Colours"},
            "description": {"zh-Hant": "顏色"},
            "type": INTERACTION,
            "moreInfo": "https://lms.example.org/help?topic=colours#choice",
            "interactionType": "choice",
            "choices": [{"id": "red", "description": {"en": "Red"}}, {"id": "blue"}],
            "correctResponsesPattern": ["red[,]blue"],
            "extensions": {"https://example.org/x/weight": None},
        },
    },
    "result": {
        "score": {"scaled": 0.5, "raw": 1, "min": 0, "max": 2},
        "success": False,
        "completion": True,
        "response": "red",
        "duration": "PT1M30.25S",
        "extensions": {"https://example.org/x/tries": [1, None, {"any": "thing"}]},
    },
    "context": {
        "registration": UUID,
        "instructor": {"objectType": "Group", "mbox": "mailto:staff@example.org", "member": [AGENT]},
        "team": {"objectType": "Group", "member": [AGENT]},
        "contextActivities": {
            "parent": ACTIVITY,
            "grouping": [ACTIVITY],
            "category": [{"id": "https://w3id.org/xapi/video"}],
            "other": [],
        },
        "revision": "7",
        "platform": "Example LMS",
        "language": "en-GB",
        "statement": {"objectType": "StatementRef", "id": UUID},
        "extensions": {"urn:example:tags": ["a"]},
    },
    "attachments": [
        {
            "usageType": "https://example.org/usage/certificate",
            "display": {"en": "Certificate"},
            "description": {"en": "As issued"},
            "contentType": "application/pdf; version=1.7",
            "length": 1024,
            "sha2": "a" * 64,
            "fileUrl": "https://lms.example.org/certificate.pdf",
        }
    ],
}
MINIMAL: dict[str, Any] = {
    "actor": AGENT,
    "verb": {"id": ANSWERED},
    "object": {"id": "https://lms.example.org/course/1"},
}
SUB = {"objectType": "SubStatement", **MINIMAL}
CONTEXT_AGENT = {"objectType": "contextAgent", "agent": AGENT, "relevantTypes": ["https://example.org/role"]}
CONTEXT_GROUP = {"objectType": "contextGroup", "group": RICH["context"]["team"]}


def interaction(kind: str, pattern: str = "any", **lists: Any) -> dict[str, Any]:
    definition = {"interactionType": kind, "correctResponsesPattern": [pattern], **lists}
    return changed(MINIMAL, "object definition", definition)


def ids(*names: str) -> list[dict[str, str]]:
    return [{"id": name} for name in names]


GOOD: list[dict[str, Any]] = [
    MINIMAL,
    RICH,
    *(changed(MINIMAL, "actor", actor) for actor in (
        {"mbox": "mailto:ada.lovelace+x@example.org"},
        {"mbox_sha1sum": "0123456789abcdef0123456789ABCDEF01234567", "name": ""},
        {"openid": "https://ada.example.org/"},
        {"objectType": "Group", "member": [AGENT, {"openid": "https://b.example.org/"}]},
        {"objectType": "Group", "account": AGENT["account"], "name": "Team"},
    )),
    *(changed(MINIMAL, "object", target) for target in (
        AGENT,
        {"objectType": "Group", "member": [AGENT]},
        {"objectType": "StatementRef", "id": UUID.upper()},
        SUB,
        {**SUB, "object": {"objectType": "StatementRef", "id": UUID}, "timestamp": "2026-01-01T00:00:00Z"},
        {"id": "urn:uuid:" + UUID},
        {"id": "block-v1:Org+Intro+2026+type@problem+block@1"},
        {"id": "https://例え.example/テスト?q=%E3%81%82"},
    )),
    {**MINIMAL, "verb": {"id": VOIDED}, "object": {"objectType": "StatementRef", "id": UUID}},
    *(changed(RICH, "result duration", text) for text in (
        "P1Y2M3DT4H5M6.789S", "P2W", "PT0.5H", "PT03M15S", "P0D",
    )),
    *(changed(RICH, "timestamp", text) for text in (
        "2024-02-29T23:59:59Z", "2026-11-22T10:15:30.123456789-05:30",
    )),
    *(changed(RICH, "context language", tag) for tag in (
        "de", "es-419", "sl-rozaj-biske", "x-klingon", "i-default",
    )),
    changed(RICH, "result score", {"scaled": -1}),
    changed(RICH, "result score", {"raw": -3.5, "max": 0}),
    changed(RICH, "verb display", {}),
    interaction("true-false", "false"),
    interaction("fill-in", "{lang=en}{case_matters=false}blue[,]red"),
    interaction("long-fill-in", "{lang=en}Because"),
    interaction("matching", "a[.]1[,]b[.]2", source=ids("a", "b"), target=ids("1", "2")),
    interaction("performance", "{order_matters=false}push[.]3[:]5[,]pull[.]hard", steps=ids("push", "pull")),
    interaction("sequencing", "b[,]a", choices=ids("a", "b")),
    interaction("likert", "l2", scale=ids("l1", "l2")),
    interaction("numeric", "3.5[:]4"),
    interaction("numeric", "[:]-1e3"),
    interaction("numeric", "4"),
    interaction("other", "(35.9,-78.8)"),
]  # fmt: skip

BAD: list[tuple[dict[str, Any], str]] = [
    ({**MINIMAL, "actor": {}}, "actor"),
    ({**MINIMAL, "Actor": AGENT}, "Actor"),
    ({**MINIMAL, "actor": {"name": "Ada"}}, "actor"),
    ({**MINIMAL, "actor": {**AGENT, "objectType": "agent"}}, "actor.objectType"),
    ({**MINIMAL, "actor": {"mbox": "mailto:a@example.org", "openid": "https://a.example.org"}}, "actor"),
    ({**MINIMAL, "actor": {"mbox": "ada@example.org"}}, "actor.mbox"),
    ({**MINIMAL, "actor": {"mbox": "mailto:ada"}}, "actor.mbox"),
    ({**MINIMAL, "actor": {"mbox": "mailto:ada lovelace@example.org"}}, "actor.mbox"),
    ({**MINIMAL, "actor": {"mbox_sha1sum": "0123456789abcdef"}}, "actor.mbox_sha1sum"),
    ({**MINIMAL, "actor": {"openid": "ada.example.org"}}, "actor.openid"),
    ({**MINIMAL, "actor": {**AGENT, "member": [AGENT]}}, "actor.member"),
    ({**MINIMAL, "actor": {"objectType": "Group"}}, "actor"),
    ({**MINIMAL, "actor": {"objectType": "Group", "member": []}}, "actor"),
    ({**MINIMAL, "actor": {"objectType": "Group", "member": AGENT}}, "actor.member"),
    ({**MINIMAL, "actor": {"objectType": "Group", "member": [{"objectType": "Group", "member": [AGENT]}]}},
     "actor.member[0].objectType"),
    ({**MINIMAL, "actor": {"objectType": "Group", "mbox": "mailto:a@b.org", "openid": "urn:x:y"}}, "actor"),
    (changed(RICH, "actor account homePage", "lms.example.org"), "actor.account.homePage"),
    (changed(RICH, "actor account homePage", REMOVED), "actor.account.homePage"),
    (changed(RICH, "actor account name", ""), "actor.account.name"),
    (changed(RICH, "actor account name", 17), "actor.account.name"),
    (changed(RICH, "actor name", ["Ada"]), "actor.name"),
    (changed(RICH, "authority", {"objectType": "Group", "member": [AGENT]}), "authority"),
    (changed(RICH, "id", UUID[:-1]), "id"),
    (changed(RICH, "id", UUID.replace("-", "")), "id"),
    (changed(RICH, "id", "urn:uuid:" + UUID), "id"),
    (changed(RICH, "id", ""), "id"),
    (changed(RICH, "version", "1.1.0"), "version"),
    (changed(RICH, "version", "1.0"), "version"),
    (changed(RICH, "version", 1.0), "version"),
    *((changed(RICH, "timestamp", text), "timestamp") for text in (
        "2026-11-22T10:15:30", "2026-11-22", "22.11.2026 10:15", "2026-02-30T10:15:30Z",
        "2026-11-22 10:15:30Z", "2026-11-22T25:15:30Z", "2026-11-22T10:15:30-00:00", 1763806530,
    )),
    (changed(RICH, "verb id", "answered"), "verb.id"),
    (changed(RICH, "verb id", "http://"), "verb.id"),
    (changed(RICH, "verb id", "http://example.org/a b"), "verb.id"),
    (changed(RICH, "verb id", "http://example.org/%zz"), "verb.id"),
    (changed(RICH, "verb display", {"english": "answered", "e": "x"}), "verb.display.e"),
    (changed(RICH, "verb display", {"en_US": "answered"}), "verb.display.en_US"),
    (changed(RICH, "verb display", {"en": None}), "verb.display.en"),
    (changed(RICH, "verb display", "answered"), "verb.display"),
    (changed(RICH, "object id", REMOVED), "object.id"),
    (changed(RICH, "object id", "course-1"), "object.id"),
    (changed(RICH, "object objectType", "activity"), "object.objectType"),
    (changed(RICH, "object objectType", "GroupActivity"), "object.objectType"),
    (changed(RICH, "object objectType", ["Activity"]), "object.objectType"),
    (changed(RICH, "object definition type", "problem"), "object.definition.type"),
    (changed(RICH, "object definition extensions", {"weight": 1}), "object.definition.extensions.weight"),
    (changed(RICH, "object definition interactionType", "multiple"), "object.definition.interactionType"),
    (changed(RICH, "object definition interactionType", REMOVED), "object.definition.interactionType"),
    (changed(RICH, "object definition choices 0 id", "light red"), "object.definition.choices[0].id"),
    (changed(RICH, "object definition choices 0 id", "blue"), "object.definition.choices"),
    (changed(RICH, "object definition choices 0", {"description": {}}), "object.definition.choices[0].id"),
    (changed(RICH, "object definition scale", ids("a")), "object.definition.scale"),
    (changed(RICH, "object definition correctResponsesPattern", "red"),
     "object.definition.correctResponsesPattern"),
    (interaction("choice", "green", choices=ids("red")), "object.definition.correctResponsesPattern[0]"),
    (interaction("true-false", "yes"), "object.definition.correctResponsesPattern[0]"),
    (interaction("numeric", "four"), "object.definition.correctResponsesPattern[0]"),
    (interaction("matching", "a[,]b"), "object.definition.correctResponsesPattern[0]"),
    (changed(MINIMAL, "object", {"objectType": "StatementRef", "id": "https://example.org/1"}), "object.id"),
    (changed(MINIMAL, "object", {"objectType": "StatementRef", "id": UUID, "definition": {}}),
     "object.definition"),
    (changed(MINIMAL, "object", {**SUB, "id": UUID}), "object.id"),
    (changed(MINIMAL, "object", {**SUB, "stored": "2026-01-01T00:00:00Z"}), "object.stored"),
    (changed(MINIMAL, "object", {**SUB, "authority": AGENT}), "object.authority"),
    (changed(MINIMAL, "object", {**SUB, "object": SUB}), "object.object.objectType"),
    (changed(MINIMAL, "object", {"objectType": "SubStatement", "actor": AGENT, "object": ACTIVITY}),
     "object.verb"),
    ({**MINIMAL, "verb": {"id": VOIDED}}, "object"),
    (changed(RICH, "result score scaled", 1.01), "result.score.scaled"),
    (changed(RICH, "result score scaled", "0.5"), "result.score.scaled"),
    (changed(RICH, "result score raw", 3), "result.score.raw"),
    (changed(RICH, "result score raw", -0.1), "result.score.raw"),
    (changed(RICH, "result score min", 2), "result.score.min"),
    (changed(RICH, "result score percent", 50), "result.score.percent"),
    (changed(RICH, "result success", "true"), "result.success"),
    (changed(RICH, "result completion", 1), "result.completion"),
    (changed(RICH, "result response", 4), "result.response"),
    *((changed(RICH, "result duration", text), "result.duration") for text in (
        "90", "P", "PT", "P1DT", "PT1.5H3M", "P1W2D", "PT-3S", "-PT3S", "pt3s", "PT3S ", 90,
    )),
    (changed(RICH, "result extensions", {"tries": 1}), "result.extensions.tries"),
    (changed(RICH, "context extensions", []), "context.extensions"),
    (changed(RICH, "context registration", "course-v1:Org+Intro+2026"), "context.registration"),
    (changed(RICH, "context team", AGENT), "context.team.objectType"),
    (changed(RICH, "context contextActivities parents", []), "context.contextActivities.parents"),
    (changed(RICH, "context contextActivities grouping 0", {"id": "x"}),
     "context.contextActivities.grouping[0].id"),
    (changed(RICH, "context contextActivities other", [None]), "context.contextActivities.other[0]"),
    (changed(RICH, "context language", "en_GB"), "context.language"),
    (changed(RICH, "context language", ""), "context.language"),
    (changed(RICH, "context statement", {"id": UUID}), "context.statement.objectType"),
    ({**MINIMAL, "object": AGENT, "context": {"platform": "x"}}, "context.platform"),
    (changed(MINIMAL, "object", {**SUB, "object": AGENT, "context": {"revision": "1"}}),
     "object.context.revision"),
    (changed(RICH, "attachments 0 sha2", "xyz"), "attachments[0].sha2"),
    (changed(RICH, "attachments 0 sha2", REMOVED), "attachments[0].sha2"),
    (changed(RICH, "attachments 0 length", 10.5), "attachments[0].length"),
    (changed(RICH, "attachments 0 contentType", "pdf"), "attachments[0].contentType"),
    (changed(RICH, "attachments", {}), "attachments"),
    *((changed(MINIMAL, key, REMOVED), key) for key in MINIMAL),
]  # fmt: skip


def places(value: Any, way: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yields each place of a document outside extensions: its path with blanks between, and what is there."""
    if way:
        yield " ".join(way), value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if key != "extensions":
            yield from places(item, (*way, str(key)))


def shown(path: str) -> str:
    """Returns the path as messages show it."""
    return re.sub(r" (\d+)(?= |$)", r"[\1]", path).replace(" ", ".")


def test_there_are_as_many_samples_as_promised() -> None:
    assert len(GOOD) >= 30
    assert len(BAD) >= 60


@pytest.mark.parametrize("version", ["1.0.3", "2.0.0"])
@pytest.mark.parametrize("statement", GOOD)
def test_valid_statements_have_no_problems(statement: dict[str, Any], version: str) -> None:
    assert check_statement(statement, version) == []


@pytest.mark.parametrize("version", ["1.0.3", "2.0.0"])
@pytest.mark.parametrize(("statement", "path"), BAD)
def test_each_fault_is_named_by_its_path(statement: dict[str, Any], path: str, version: str) -> None:
    assert path in [problem.split(": ")[0] for problem in check_statement(statement, version)]


@pytest.mark.parametrize("path", [path for path, _ in places(RICH)])
def test_null_is_refused_everywhere_but_in_extensions(path: str) -> None:
    problems = check_statement(changed(RICH, path, None))
    assert any(problem.startswith(f"{shown(path)}: ") for problem in problems)


@pytest.mark.parametrize("path", [path for path, value in places(RICH) if isinstance(value, dict)])
def test_an_unknown_property_is_refused_everywhere_but_in_extensions(path: str) -> None:
    problems = check_statement(changed(RICH, f"{path} no_such", "here"))
    assert any(problem.startswith(f"{shown(path)}.no_such: ") for problem in problems)


@pytest.mark.parametrize(("path", "value"), list(places(RICH)))
def test_a_value_of_another_json_type_is_refused(path: str, value: Any) -> None:
    wrongs: list[Any] = [[[]], {"": ""}, 7 if isinstance(value, str) else "text"]
    for wrong in wrongs:
        assert any(problem.startswith(shown(path)) for problem in check_statement(changed(RICH, path, wrong)))


@pytest.mark.parametrize(
    ("build", "in_1_0_3", "in_2_0"),
    [
        (lambda: changed(RICH, "context contextAgents", [CONTEXT_AGENT]), "context.contextAgents", None),
        (lambda: changed(RICH, "context contextGroups", [CONTEXT_GROUP]), "context.contextGroups", None),
        (
            lambda: changed(RICH, "context contextAgents", [{**CONTEXT_AGENT, "relevantTypes": []}]),
            "context.contextAgents",
            "context.contextAgents[0].relevantTypes",
        ),
        (
            lambda: changed(RICH, "context contextGroups", [{"objectType": "contextGroup"}]),
            "context.contextGroups",
            "context.contextGroups[0].group",
        ),
        (lambda: {**MINIMAL, "version": "2.0.0"}, "version", None),
        (lambda: {**MINIMAL, "timestamp": "2026-11-22T10:15:30+0100"}, None, "timestamp"),
        (lambda: {**MINIMAL, "timestamp": "2026-11-22T10:15:30+01"}, None, "timestamp"),
    ],
)
def test_the_versions_differ_only_where_the_standard_says(
    build: Callable[[], dict[str, Any]], in_1_0_3: str | None, in_2_0: str | None
) -> None:
    for version, path in (("1.0.3", in_1_0_3), ("2.0", in_2_0)):
        assert [problem.split(": ")[0] for problem in check_statement(build(), version)] == ([path] if path else [])


def test_problems_contain_no_values() -> None:
    secret = "Ada Lovelace <ada@example.org>"
    for path, value in places(RICH):
        if isinstance(value, str):
            assert not any(secret in problem for problem in check_statement(changed(RICH, path, secret)))


@pytest.mark.parametrize("not_a_statement", [None, [], "statement", 1, True])
def test_what_is_no_object_is_no_statement(not_a_statement: Any) -> None:
    assert check_statement(not_a_statement) == ["statement: must be an object"]


@pytest.mark.parametrize("version", ["", "1.1.0", "0.95", "3.0.0", "latest"])
def test_a_version_without_rules_is_an_error(version: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        check_statement(MINIMAL, version)
