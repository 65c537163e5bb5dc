"""No event reaches a destination whose scope it does not prove, whatever it says and whatever else is enabled."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import learnrelay_enterprise_filter as plugin
from learnrelay import Fields, Scope, Skip, hookimpl, optional
from learnrelay.assembly.access_rules import AccessRuleCompiler
from learnrelay.kinds import structure
from learnrelay.pipeline.plan import transform_table
from openedx_events import SOURCE, event_from_mapping
from plain import event, registry_of

from .tenants import ACME, BLOCK, ELSEWHERE, RUN, UMBRA, pipeline_for


def decision(scope: Any, raw: dict[str, Any]) -> str:
    """Returns ``yes``, or the reason of the denial."""
    (outcome,) = pipeline_for({"there": scope}).process(event_from_mapping(raw))
    assert outcome.statements
    return "yes" if outcome.destinations else outcome.denied["there"]


def event_of(course_id: Any = RUN, data: dict[str, Any] | None = None, **context: Any) -> dict[str, Any]:
    return event(data={"video": "v1", **(data or {})}, course_id=course_id, **{"username": "ada", **context})


NONE = "the event names none"
BAD = "what the event names cannot be read"
CONTRADICTS = "the event names several that contradict each other"
OTHER = "the event belongs to another"
UNPROVEN = "what the event names is no proof"
KEPT = "the event belongs to it"
EVENT_KEPT = "the event is kept from it"


@pytest.mark.parametrize(
    ("scope", "raw", "answer"),
    [
        # enterprises
        ({"enterprise": ACME}, event_of(enterprise_uuid=ACME), "yes"),
        ({"enterprise": ACME.upper()}, event_of(enterprise_uuid=ACME.replace("-", "")), "yes"),
        ({"enterprise": [UMBRA, ACME]}, event_of(enterprise_uuid=ACME), "yes"),
        ({"enterprise": ACME}, event_of(data={"enterprise_uuid": ACME}), "yes"),
        ({"enterprise": ACME}, event_of(data={"enterprise_uuid": ACME}, enterprise_uuid=ACME.upper()), "yes"),
        ({"enterprise": ACME}, event_of(data={"enterprise_uuid": UMBRA}, enterprise_uuid=ACME), CONTRADICTS),
        ({"enterprise": ACME}, event_of(enterprise_uuid=UMBRA), OTHER),
        ({"enterprise": ACME}, event_of(), NONE),
        ({"enterprise": ACME}, event_of(enterprise_uuid=""), NONE),
        ({"enterprise": ACME}, event_of(enterprise_uuid=None), NONE),
        ({"enterprise": ACME}, event_of(enterprise_uuid=[ACME]), BAD),
        ({"enterprise": ACME}, event_of(enterprise_uuid={"uuid": ACME}), BAD),
        ({"enterprise": ACME}, event_of(enterprise_uuid=True), BAD),
        ({"enterprise": ACME}, event_of(enterprise_uuid=f" {ACME}"), BAD),
        ({"enterprise": ACME}, event_of(enterprise_uuid=f"{ACME}\n"), BAD),
        ({"enterprise": ACME}, event_of(enterprise_uuid=f"{{{ACME}}}"), BAD),
        ({"enterprise": ACME}, event_of(enterprise_uuid=f"urn:uuid:{ACME}"), BAD),
        ({"enterprise": ACME}, event_of(enterprise_uuid=ACME[:-1]), BAD),
        ({"enterprise": ACME}, event_of(enterprise_uuid=ACME + "0"), BAD),
        ({"enterprise": ACME}, event_of(enterprise_uuid=ACME.replace("5", "５")), BAD),
        ({"enterprise": ACME}, event_of(data={"enterprise_uuid": ["x"]}, enterprise_uuid=ACME), BAD),
        # staff of one enterprise act for the learner of another
        ({"enterprise": ACME}, event_of(data={"user_id": 4711}, enterprise_uuid=ACME), "yes"),
        ({"enterprise": ACME}, event_of(data={"user_id": "4711"}, enterprise_uuid=ACME), "yes"),
        ({"enterprise": ACME}, event_of(data={"user_id": 4712}, enterprise_uuid=ACME), UNPROVEN),
        ({"enterprise": ACME}, event_of(data={"username": "bob"}, enterprise_uuid=ACME), UNPROVEN),
        ({"enterprise": ACME}, event_of(data={"user_id": 4712, "enterprise_uuid": ACME}), "yes"),
        ({"enterprise": ACME}, event_of(data={"user_id": 4712}, enterprise_uuid=ACME, user_id=None), UNPROVEN),
        ({"enterprise": ACME}, event_of(data={"username": "ada"}, enterprise_uuid=ACME, username=None), UNPROVEN),
        # university partners
        ({"org": "Harbour"}, event_of(), "yes"),
        ({"org": "Harbour"}, event_of(org_id="Harbour"), "yes"),
        ({"org": ["Lagoon", "Harbour"]}, event_of(org_id="Harbour"), "yes"),
        ({"org": "Harbour"}, event_of("Harbour/SAIL/2026"), "yes"),
        ({"org": "Harbour"}, event_of("ccx-v1:Harbour+SAIL+2026+ccx@7"), "yes"),
        ({"org": "Harbour"}, event_of("library-v1:Harbour+BOOKS"), "yes"),
        ({"org": "Harbour"}, event_of("", org_id="Harbour"), "yes"),
        ({"org": "Harbour"}, event_of(None, {"course_id": RUN}), "yes"),
        ({"org": "Harbour"}, event_of(data={"problem_id": BLOCK}, module={"usage_key": BLOCK}), "yes"),
        ({"org": "Harbour"}, event_of(data={"id": "v1"}), "yes"),
        ({"org": "Harbour"}, event_of(None), NONE),
        ({"org": "Harbour"}, event_of("", org_id=""), NONE),
        ({"org": "Harbour"}, event_of(None, {"problem_id": BLOCK}), UNPROVEN),
        ({"org": "Harbour"}, event_of("course-v1:Lagoon+SAIL+2026"), OTHER),
        ({"org": "Harbour"}, event_of(org_id="Lagoon"), CONTRADICTS),
        ({"org": "Lagoon"}, event_of(org_id="Lagoon"), CONTRADICTS),
        ({"org": "Harbour"}, event_of(data={"course_id": "course-v1:Lagoon+X+1"}), CONTRADICTS),
        ({"org": "Harbour"}, event_of(data={"course_id": "course-v1:Harbour+X+1"}), CONTRADICTS),
        ({"org": "Harbour"}, event_of(data={"problem_id": BLOCK.replace("Harbour", "Lagoon")}), CONTRADICTS),
        ({"org": "Harbour"}, event_of(module={"usage_key": "i4x://Lagoon/X/problem/1"}), CONTRADICTS),
        ({"org": "Harbour"}, event_of(data={"problem_id": BLOCK, "usage_key": ELSEWHERE}), CONTRADICTS),
        ({"org": "Harbour"}, event_of(data={"problem_id": f" {ELSEWHERE}"}), BAD),
        ({"org": "Harbour"}, event_of(data={"id": ELSEWHERE.upper()}), BAD),
        ({"org": "Harbour"}, event_of(data={"block_id": "block-v1:Lagoon"}), BAD),
        ({"org": "Harbour"}, event_of("ccx-v1:Harbour+SAIL+2026"), BAD),
        ({"org": "Harbour"}, event_of("ccx-v1:Harbour+SAIL+2026+ccx@x"), BAD),
        ({"org": "Harbour"}, event_of("Harbour"), BAD),
        ({"org": "Harbour"}, event_of("course-v1:Harbour+SAIL"), BAD),
        ({"org": "Harbour"}, event_of("course-v1:Harbour+SAIL+2026+more"), BAD),
        ({"org": "Harbour"}, event_of("x course-v1:Harbour+SAIL+2026"), BAD),
        ({"org": "Harbour"}, event_of(" course-v1:Harbour+SAIL+2026"), BAD),
        ({"org": "Harbour"}, event_of("course-v1:Harbour+SAIL+2026\n"), BAD),
        ({"org": "Harbour"}, event_of("course-v1:Harbour\u200b+SAIL+2026"), BAD),
        ({"org": "Harbour"}, event_of([RUN]), BAD),
        ({"org": "Harbour"}, event_of(7), BAD),
        ({"org": "Harbour"}, event_of(org_id=["Harbour"]), BAD),
        ({"org": "Harbour"}, event_of("", org_id=" Harbour"), BAD),
        ({"org": "Harbour"}, event_of("course-v1:harbour+SAIL+2026"), OTHER),
        ({"org": "Harbour"}, event_of("course-v1:HarbourX+SAIL+2026"), OTHER),
        ({"org": "Harbour"}, event_of("course-v1:XHarbour+SAIL+2026"), OTHER),
        ({"org": "Harbour"}, event_of("course-v1:Harbou+SAIL+2026"), OTHER),
        ({"org": "Harbour"}, event_of("course-v1:Hаrbour+SAIL+2026"), OTHER),  # a Cyrillic a
        ({"org": "1"}, event_of("", org_id=1), BAD),
        # courses and runs
        ({"course": "Harbour+SAIL"}, event_of(), "yes"),
        ({"course": "Harbour/SAIL"}, event_of("Harbour/SAIL/2026"), "yes"),
        ({"course": "Harbour+SAIL"}, event_of("ccx-v1:Harbour+SAIL+2026+ccx@7"), "yes"),
        ({"course": RUN}, event_of(), "yes"),
        ({"course": [RUN, "Lagoon+X"]}, event_of("course-v1:Lagoon+X+9"), "yes"),
        ({"course": RUN}, event_of("course-v1:Harbour+SAIL+2027"), OTHER),
        ({"course": RUN}, event_of("course-v1:Harbour+SAIL+20261"), OTHER),
        ({"course": RUN}, event_of("ccx-v1:Harbour+SAIL+2026+ccx@7"), OTHER),
        ({"course": "Harbour+SAIL"}, event_of("course-v1:Harbour+SAILS+2026"), OTHER),
        ({"course": "Harbour+SAIL"}, event_of("course-v1:Harbour+sail+2026"), OTHER),
        ({"course": "Harbour+SAIL"}, event_of("library-v1:Harbour+SAIL"), OTHER),
        ({"course": "Harbour+SAIL"}, event_of("", org_id="Harbour"), NONE),
        ({"course": RUN}, event_of(data={"problem_id": BLOCK.replace("2026", "2025")}), CONTRADICTS),
        ({"course": RUN}, event_of(data={"problem_id": BLOCK, "id": BLOCK.replace("2026", "2025")}), CONTRADICTS),
        ({"course": "Harbour+SAIL"}, event_of("Harbour/SAIL/1", {"id": "i4x://Harbour/SAIL/problem/1"}), "yes"),
        ({"course": "Harbour+SAIL"}, event_of("Harbour/SAIL/1", {"id": "i4x://Harbour/X/problem/1"}), CONTRADICTS),
        # both; events and families of the core; denials win
        ({"enterprise": ACME, "org": "Harbour"}, event_of(enterprise_uuid=ACME), "yes"),
        ({"enterprise": ACME, "org": "Harbour"}, event_of(), NONE),
        ({"enterprise": ACME, "org": "Lagoon"}, event_of(enterprise_uuid=ACME), OTHER),
        ({"org": "Harbour", "event": "watched"}, event_of(), "yes"),
        ({"org": "Harbour", "event": "watched.old"}, event_of(), "the event is not among those that it may have"),
        ({"org": "Harbour", "family": "plain.watching"}, event_of(), "yes"),
        ({"org": "Lagoon", "family": "plain.watching"}, event_of(), OTHER),
        ({"org": "Harbour", "deny": {"course": RUN}}, event_of(), KEPT),
        ({"org": "Harbour", "deny": {"course": "Harbour+SAIL"}}, event_of(), KEPT),
        ({"org": "Harbour", "deny": {"course": "Harbour+KNOTS"}}, event_of(), "yes"),
        ({"org": "Harbour", "deny": {"course": "Harbour+X", "event": "watched"}}, event_of(), EVENT_KEPT),
        ({"org": "Harbour", "deny": {"org": "Harbour"}}, event_of(), KEPT),
        ({"org": "Harbour", "deny": {"enterprise": UMBRA}}, event_of(), "yes"),
        ({"org": "Harbour", "deny": {"enterprise": UMBRA}}, event_of(enterprise_uuid=ACME), "yes"),
        ({"org": "Harbour", "deny": {"enterprise": UMBRA}}, event_of(enterprise_uuid=UMBRA), KEPT),
        ({"org": "Harbour", "deny": {"enterprise": UMBRA}}, event_of(enterprise_uuid=f" {UMBRA}"), BAD),
        ({"all": True}, event_of(None), "yes"),
        ({"all": True, "deny": {"org": "Lagoon"}}, event_of(None), "yes"),
        ({"all": True, "deny": {"org": "Lagoon"}}, event_of(), "yes"),
        ({"all": True, "deny": {"org": "Lagoon"}}, event_of("course-v1:Lagoon+X+1"), KEPT),
        ({"all": True, "deny": {"org": "Lagoon"}}, event_of(org_id="Lagoon"), CONTRADICTS),
        ({"all": True, "deny": {"org": "Lagoon"}}, event_of(None, {"block_id": "i4x://Lagoon/X/html/1"}), UNPROVEN),
        ({"all": True, "deny": {"course": "Lagoon+X"}}, event_of("", org_id="Lagoon"), "yes"),
        ({"all": True, "deny": {"course": "Lagoon+X"}}, event_of("course-v1:Lagoon+X"), BAD),
        ({"all": True, "deny": {"family": "plain.watching"}}, event_of(), "the family is kept from it"),
    ],
)  # fmt: skip
def test_who_may_have_what(scope: Any, raw: dict[str, Any], answer: str) -> None:
    actual = decision(scope, raw)
    assert actual == answer or actual.endswith(f": {answer}")


@pytest.mark.parametrize(
    ("scope", "key", "reason"),
    [
        ({"enterprise": "acme"}, "scope.enterprise", "UUID"),
        ({"enterprise": []}, "scope.enterprise", "expected"),
        ({"enterprise": 7}, "scope.enterprise", "expected"),
        ({"enterprise": [ACME, ""]}, "scope.enterprise", "expected"),
        ({"org": "Har bour"}, "scope.org", "organisation"),
        ({"org": " Harbour"}, "scope.org", "without blanks"),
        ({"org": "Harbour*"}, "scope.org", "organisation"),
        ({"org": "glob:Harbour"}, "scope.org", "organisation"),
        ({"org": RUN}, "scope.org", "organisation"),
        ({"course": "SAIL"}, "scope.course", "Harbour+SAIL"),
        ({"course": "course-v1:Harbour+SAIL"}, "scope.course", "Harbour+SAIL"),
        ({"course": "library-v1:Harbour+SAIL"}, "scope.course", "Harbour+SAIL"),
        ({"ogr": "Harbour"}, "scope.ogr", 'did you mean "org"'),
        ({"org": "Harbour", "deny": {"ogr": "x"}}, "scope.deny.ogr", 'did you mean "org"'),
        ({"deny": {"org": "Harbour"}}, "scope", "denies, but allows nobody"),
        ({"org": "Harbour", "deny": {}}, "scope.deny", "expected a table"),
        ({"org": "Harbour", "deny": "Lagoon"}, "scope.deny", "expected a table"),
        ({"all": True, "org": "Harbour"}, "scope.all", "contradicts org"),
        ({"all": False}, "scope.all", "expected true"),
        ({"org": "Harbour", "event": "wached"}, "scope.event", 'did you mean "watched"'),
        ({"all": True, "deny": {"family": "plain.watchin"}}, "scope.deny.family", 'did you mean "plain.watching"'),
    ],
)
def test_a_scope_that_makes_no_sense_is_a_configuration_error(scope: Any, key: str, reason: str) -> None:
    registry = registry_of(("enterprise_filter", "routers", plugin))
    table, _ = transform_table(registry, {}, "")
    problems = dict(AccessRuleCompiler(registry, SOURCE, table, []).compile_rules("plain", scope, {}).problems)
    assert reason in problems[key], problems


# --- tenants crossed ------------------------------------------------------------------------------------

ORGS = ["Harbour", "Harbour2", "Lagoon"]
TENANTS = [ACME, UMBRA]


def confused(name: str) -> st.SearchStrategy[Any]:
    """Returns a name, or something that a careless comparison would take for it."""
    alike = name.replace("a", "а").replace("o", "ο")  # Cyrillic, Greek
    return st.sampled_from([
        name, name, name, name + "X", "X" + name, name[:-1], name.lower(), name.upper(), f" {name}", f"{name} ",
        f"{name}\n", f"{name}\x00", f"{name}\u200b", alike, unicodedata.normalize("NFKC", name.replace("a", "ａ")),
        [name], {"id": name}, 1, True, None, "", "*", ".*",
    ])  # fmt: skip


orgs = st.sampled_from(ORGS).flatmap(confused)
tenants = st.sampled_from(TENANTS).flatmap(confused)
courses = st.builds(
    lambda form, org, course: form.format(org=org, course=course),
    st.sampled_from([
        "course-v1:{org}+{course}+1", "{org}/{course}/1", "ccx-v1:{org}+{course}+1+ccx@2", "library-v1:{org}+{course}",
        "{org}", "course-v1:{org}", "course-v1:x+{org}+1", "{org}+{course}+1", "COURSE-V1:{org}+{course}+1",
    ]),
    orgs, st.sampled_from(["A", "B"]),
) | st.sampled_from([None, "", 7, [RUN]])  # fmt: skip
events = st.fixed_dictionaries(
    {},
    optional={
        "context.course_id": courses, "context.org_id": orgs, "data.course_id": courses,
        "context.enterprise_uuid": tenants, "data.enterprise_uuid": tenants,
        "data.problem_id": st.sampled_from([BLOCK, BLOCK.replace("Harbour", "Lagoon"), "p1"]),
        "data.user_id": st.sampled_from([4711, "4711", 4712]),
    },
)  # fmt: skip


class Everything(Fields):
    """Declares what no plugin should ask for: the event's own objects."""

    context = optional("context", kind=structure)
    data = optional("data", kind=structure)


class Meddler:
    """Alters whatever it can reach, in every stage, and votes for everyone."""

    @staticmethod
    def _meddle(fields: Everything) -> None:
        context: Any = fields.context
        data: Any = fields.data
        context.update(enterprise_uuid=ACME, org_id="Harbour", course_id=RUN)
        data.update(enterprise_uuid=ACME, course_id=RUN)

    @hookimpl(reads=Everything)
    def filter_event(self, fields: Everything) -> None:
        self._meddle(fields)

    @hookimpl(reads=Everything)
    def enrich_statement(self, fields: Everything) -> dict[str, Any]:
        self._meddle(fields)
        return {"destinations": "all"}

    @hookimpl(reads=Everything)
    def route_event(self, fields: Everything) -> None:
        self._meddle(fields)


SCOPES: dict[str, Any] = {
    **{f"org {org}": {"org": org} for org in ORGS},
    **{f"enterprise {tenant}": {"enterprise": tenant} for tenant in TENANTS},
    "course": {"course": "Harbour+A"},
    "both": {"org": ["Harbour", "Lagoon"], "enterprise": ACME},
    "but": {"org": ["Harbour", "Lagoon"], "deny": {"enterprise": UMBRA, "course": "Lagoon+B"}},
}
WITH_MEDDLERS = pipeline_for(SCOPES, Meddler(), Meddler())
ALONE = pipeline_for(SCOPES)


def org_of(key: str) -> str:
    """Returns the organisation of a course key, taken apart with the simplest means."""
    prefix, colon, rest = key.partition(":")
    if not colon:
        return key.partition("/")[0] if key.count("/") == 2 else "?"
    parts = rest.split("+")
    wanted = {"course-v1": 3, "ccx-v1": 4, "library-v1": 2}.get(prefix)
    return parts[0] if len(parts) == wanted else "?"


@settings(max_examples=600)
@given(values=events)
def test_no_event_reaches_whom_it_does_not_prove_to_belong_to(values: dict[str, Any]) -> None:
    raw = event(data={"video": "v1"}, course_id=None)
    for path, value in values.items():
        part, key = path.split(".")
        raw[part][key] = value
    (outcome,) = ALONE.process(event_from_mapping(raw))
    (meddled,) = WITH_MEDDLERS.process(event_from_mapping(raw))
    assert meddled.destinations == outcome.destinations
    allowed = set(outcome.destinations)
    assert allowed | outcome.denied.keys() == SCOPES.keys()

    # what the event says, taken at its word: nothing may be allowed that is not in here, letter by letter
    keys = [values[path] for path in ("context.course_id", "data.course_id") if values.get(path)]
    orgs_named = [org_of(key) if isinstance(key, str) else "?" for key in keys]
    orgs_named += [values["context.org_id"]] if values.get("context.org_id") else []
    tenants_named = [values[path] for path in ("context.enterprise_uuid", "data.enterprise_uuid") if values.get(path)]
    for org in ORGS:
        if f"org {org}" in allowed:
            assert orgs_named
            assert all(named == org for named in orgs_named)
            assert (
                "data.problem_id" not in values or org in values["data.problem_id"] or values["data.problem_id"] == "p1"
            )
    for tenant in TENANTS:
        if f"enterprise {tenant}" in allowed:
            assert tenants_named
            assert all(isinstance(named, str) and named.lower() == tenant for named in tenants_named)
            assert values.get("data.enterprise_uuid") or str(values.get("data.user_id", 4711)) == "4711"
    assert ("both" in allowed) == bool({"org Harbour", "org Lagoon"} & allowed and f"enterprise {ACME}" in allowed)
    if "course" in allowed:
        assert "org Harbour" in allowed
        assert keys
        assert all("A" in key.replace("Harbour", "") for key in keys)
    if "but" in allowed:
        assert {"org Harbour", "org Lagoon"} & allowed
        assert UMBRA not in [named.lower() for named in tenants_named if isinstance(named, str)]
        assert not any("Lagoon" in key and "B" in key for key in keys if not key.startswith("library-v1:"))


@pytest.mark.parametrize(
    "owners", [lambda self, fields: 1 / 0, lambda self, fields: "Harbour", lambda self, fields: (),
               lambda self, fields: None, lambda self, fields: True],
)  # fmt: skip
@pytest.mark.parametrize("denies", [False, True])
def test_a_scope_that_fails_denies(owners: Any, denies: bool, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Scope):
        key = "broken"
        reads = Everything

        def wanted(self, value: str) -> str:
            return value

        def owners(self, fields: Any) -> Any:
            return owners(self, fields)

    class BrokenPlugin:
        @hookimpl
        def register_scopes(self, register: Any) -> None:
            register(Broken)

    scope: Any = {"all": True, "deny": {"broken": "x"}} if denies else {"broken": "H"}
    (outcome,) = pipeline_for({"there": scope}, BrokenPlugin()).process(event_from_mapping(event_of()))
    assert outcome.destinations == ()
    assert outcome.denied == {"there": f"{'deny' if denies else 'scope'} broken: the check failed"}
    assert "ada" not in caplog.text


@pytest.mark.parametrize("answer", [Skip("no"), False, "yes", 1, 1.5, {}])
def test_a_router_that_answers_anything_but_none_denies(answer: Any) -> None:
    class Router:
        @hookimpl
        def route_event(self) -> Any:
            return answer

    (outcome,) = pipeline_for({"there": {"org": "Harbour"}}, Router()).process(event_from_mapping(event_of()))
    assert outcome.destinations == ()
