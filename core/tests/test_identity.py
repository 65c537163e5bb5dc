"""Who a learner is in the outputs: providers, spaces, retired and unknown users, and destinations that cannot join."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnrelay import Facts, IdentityProvider, Learner, Platform, Transformer, UserRef
from learnrelay.assembly.assemble import assemble_from
from learnrelay.config.models import Destination
from learnrelay.config.secrets import Secret
from learnrelay.errors import ConfigurationError
from learnrelay.kinds import uuid
from learnrelay.lookups.courses import NoCourses
from learnrelay.lookups.identity import KeyedIdentity, TableIdentity, read_table
from learnrelay.outbox.outgoing import outgoing_statements
from learnrelay.pipeline.outcome_counts import OutcomeCounts
from learnrelay.pipeline.plan import compile_plan, transform_table
from learnrelay.pipeline.routing import Check, DestinationRules
from learnrelay.pipeline.run import Outcome, OutcomeState, Pipeline
from openedx_events import SOURCE, event_from_mapping
from plain import PlainStandard, event, registry_of

SECRET = Secret("Kd7wq2Lmz9Xv4bTn")
TABLE = "user_id,username,external_id,email\n4711,ada,A-1,ada@mail.example\n,bob,B-2,\n4712,,C-3,\n"


def keyed(pseudonyms: str = "per-standard", secret: Secret = SECRET) -> KeyedIdentity:
    return KeyedIdentity({"secret": secret, "pseudonyms": pseudonyms, "retired_prefix": SOURCE.retired_prefix})


@pytest.fixture
def table(tmp_path: Path) -> TableIdentity:
    path = tmp_path / "people.csv"
    path.write_text(TABLE, encoding="utf-8")
    return TableIdentity({"path": str(path), "secret": SECRET, "retired_prefix": SOURCE.retired_prefix})


@given(user_id=st.integers(0, 10**6), other=st.integers(0, 10**6), key=st.text(min_size=16, max_size=20))
def test_keyed_pseudonyms(user_id: int, other: int, key: str) -> None:
    def pseudonym(number: int, space: str = "xapi", **more: Any) -> str:
        return keyed(**more).learner(UserRef(str(number), "ada"), space).pseudonym  # type: ignore[union-attr]

    assert pseudonym(user_id) == pseudonym(user_id), "the same on every host and at every time"
    assert (pseudonym(user_id) == pseudonym(other)) is (user_id == other)
    assert pseudonym(user_id) == keyed().learner(UserRef(str(user_id), "another name"), "xapi").pseudonym  # type: ignore[union-attr]
    assert uuid(pseudonym(user_id)) == pseudonym(user_id)
    spaces = ["xapi", "caliper", "xapi/one", "xapi/two"]
    assert len({pseudonym(user_id, space) for space in spaces}) == 4
    assert len({pseudonym(user_id, space, pseudonyms="shared") for space in spaces}) == 3, "own spaces stay apart"
    assert pseudonym(user_id, secret=Secret(key)) != pseudonym(user_id)
    assert pseudonym(user_id) != keyed().digest(str(user_id), "xapi")


def test_table(table: TableIdentity) -> None:
    assert table.learner(UserRef("4711", None), "xapi") == Learner("A-1", "ada@mail.example")
    assert table.learner(UserRef(None, "ada"), "caliper") == Learner("A-1", "ada@mail.example")
    assert table.learner(UserRef("9", "bob"), "xapi") == Learner("B-2")
    own = [table.learner(UserRef("4711"), f"xapi/{name}") for name in ("one", "two")]
    assert own[0] != own[1]
    assert all(learner is not None and learner.email is None and uuid(learner.pseudonym) for learner in own)
    assert table.own_spaces() is None


@pytest.mark.parametrize("user", [UserRef("4711", "retired__user_0a1b"), UserRef(None, "retired__user_0a1b")])
def test_a_retired_user_is_no_learner(user: UserRef, table: TableIdentity) -> None:
    assert keyed().learner(user, "xapi") is None
    assert table.learner(user, "xapi") is None
    renamed = KeyedIdentity({"secret": SECRET, "pseudonyms": "shared", "retired_prefix": "gone_"})
    assert renamed.learner(UserRef("4711", "gone_1"), "xapi") is None
    assert renamed.learner(user, "xapi") is not None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("user_id,username\n1,ada\n", "no column external_id"),
        ("user_id,username,external_id\n1,ada,\n", "line 2 needs external_id"),
        ("user_id,username,external_id\n,,x\n", "line 2 needs external_id, and user_id or username"),
        ("user_id,username,external_id\n1,ada,x\n1,bob,y\n", "line 3: the same user_id as in line 2"),
        ("user_id,username,external_id\n1,ada,x\n2,ada,y\n", "line 3: the same username as in line 2"),
    ],
)
def test_an_error_in_a_table_names_the_line_and_no_value(content: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=reason) as caught:
        read_table(str(path))
    assert "ada" not in str(caught.value)


# --- a destination with pseudonyms of its own -----------------------------------------------------------


class OfContent(PlainStandard):
    """Ids depend on all that is said, as those of a standard should."""

    def composer(self, transformer: Transformer, platform: Platform, event: str) -> Any:
        compose = super().composer(transformer, platform, event)

        def with_id(facts: Facts, pseudonym: str, parts: Any) -> Any:
            statements = compose(facts, pseudonym, parts)
            return [{**statement, "id": f"{statement['id']} of {statement['who']}"} for statement in statements]

        return with_id


def saying(reason: str | None) -> Check:
    return lambda body: reason


def outcome_for(
    identity: IdentityProvider, raw: dict[str, Any], allowed: str = "all", standard: type[PlainStandard] = OfContent
) -> Outcome:
    registry = registry_of()
    mapped, _ = transform_table(registry, {}, "")
    standards = {"plain": standard({"style": "short"})}
    root = "https://learn.example.org"
    gates = []
    for name, pseudonyms in (("main", "standard"), ("copy", "standard"), ("one", "own"), ("two", "own")):
        destination = Destination(name, "plain", "all", pseudonyms=pseudonyms)  # type: ignore[arg-type]
        reason = None if allowed in ("all", name) else "not this one"
        gates.append(DestinationRules(destination, (("here", saying(reason)),)))
    own = {name: Platform(root, SOURCE, identity, NoCourses({}), f"plain/{name}", own=True) for name in ("one", "two")}
    platforms = {"plain": Platform(root, SOURCE, identity, NoCourses({}), "plain")}
    plan = compile_plan(registry, mapped, standards, platforms, {"plain": gates}, {"plain": own})
    (outcome,) = Pipeline(plan).process(event_from_mapping(raw))
    return outcome


def test_two_consumers_cannot_join_their_data() -> None:
    outcome = outcome_for(keyed("shared"), event())
    assert outcome.destinations == ("main", "copy")
    assert outcome.own.keys() == {"one", "two"}
    whos = [
        statement.parsed["who"] for statement in (outcome.statements[0], outcome.own["one"][0], outcome.own["two"][0])
    ]
    assert len(set(whos)) == 3
    rest = [
        {k: v for k, v in statement.parsed.items() if k not in ("id", "who")}
        for statement in (outcome.statements[0], outcome.own["one"][0])
    ]
    assert rest[0] == rest[1]
    parcels = outgoing_statements(outcome, None)
    assert [parcel.destinations for parcel in parcels] == [("main", "copy"), ("one",), ("two",)]
    assert len({parcel.payload for parcel in parcels}) == 3
    tally = OutcomeCounts.of(["plain"])
    tally.count([outcome])
    assert (tally.standards["plain"].transformed, tally.standards["plain"].statements) == (1, 1)


def test_ids_that_do_not_depend_on_the_learner_are_no_ids_of_its_own() -> None:
    outcome = outcome_for(keyed(), event(), standard=PlainStandard)
    assert (outcome.destinations, outcome.own) == (("main", "copy"), {})
    assert "do not depend on the learner" in outcome.denied["one"]
    assert [parcel.destinations for parcel in outgoing_statements(outcome, None)] == [("main", "copy")]


def test_only_who_may_have_it_gets_its_own() -> None:
    outcome = outcome_for(keyed(), event(), allowed="two")
    assert outcome.destinations == ()
    assert outcome.own.keys() == {"two"}
    assert outcome.denied.keys() == {"main", "copy", "one"}
    assert [parcel.destinations for parcel in outgoing_statements(outcome, None)] == [("two",)]


def test_own_pseudonyms_come_without_e_mail_address(table: TableIdentity) -> None:
    class Addresses(IdentityProvider):
        name = "addresses"

        def learner(self, user: UserRef, space: str) -> Learner:
            return Learner(space, "ada@mail.example")

        def digest(self, value: str, space: str) -> str:
            return value

    platform = Platform("https://learn.example.org", SOURCE, Addresses(), NoCourses({}), "plain/one", own=True)
    assert platform.learner(UserRef("1")) == Learner("plain/one", None)


def test_unknown_and_retired_users_are_countable_skips(table: TableIdentity) -> None:
    for identity, raw in [
        (table, event(user_id=9)),
        (keyed(), event(username="retired__user_0a1b")),
        (table, event(username="retired__user_0a1b")),
    ]:
        outcome = outcome_for(identity, raw)
        assert (outcome.state, outcome.own, outcome.destinations) == (OutcomeState.SKIPPED, {}, ())
        assert outcome.reason


def test_staff_who_act_for_a_learner_yield_the_learner() -> None:
    acting = outcome_for(keyed(), event(data={"video": "v", "user_id": 9}, user_id=1, username="staff"))
    learner = outcome_for(keyed(), event(user_id=9, username="learner"))
    assert acting.statements[0].parsed["who"] == learner.statements[0].parsed["who"]
    unreadable = outcome_for(keyed(), event(data={"video": "v", "user_id": [9]}, user_id=1, username="staff"))
    assert (unreadable.state, unreadable.statements, unreadable.own) == (OutcomeState.FAILED, (), {})


def test_a_table_without_secret_has_no_own_spaces(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(TABLE, encoding="utf-8")
    raw: dict[str, Any] = {
        "platform": {"root_url": "https://learn.example.org"},
        "plugins": {"enabled": []},
        "identity": {"provider": "table", "path": "people.csv"},
        "destinations": {
            "one": {"standard": "plain", "url": "https://one.example", "scope": "all", "pseudonyms": "own"},
        },
    }
    with pytest.raises(ConfigurationError) as caught:
        assemble_from(raw, tmp_path / "relay.toml")
    assert "needs a secret under [identity]" in str(caught.value)
    raw["identity"]["secret"] = "Kd7wq2Lmz9Xv4bTn"
    with pytest.raises(ConfigurationError) as caught:
        assemble_from(raw, tmp_path / "relay.toml")
    assert "needs a secret" not in str(caught.value)
