"""What makes rows of Moodle's log hard to read: each trap is a test."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from learnrelay import ConfigurationError, Skip, UnreadableEventError
from learnrelay.assembly.assemble import Assembly
from learnrelay.pipeline.run import Outcome, OutcomeState, Pipeline
from learnrelay_moodle import learners
from learnrelay_moodle.grades import FROM_ACTIVITIES, FROM_GRADEBOOK
from learnrelay_moodle.rows import COLUMNS
from moodle_goldens import LEARNERS, line_of

MIRA, TOMAS, OKAFOR = (learner[0] for learner in LEARNERS)
PSEUDONYM = {user_id: pseudonym for user_id, _, pseudonym in LEARNERS}

Tell = Callable[..., Outcome]


def row(name: str = r"\mod_quiz\event\course_module_viewed", **columns: Any) -> dict[str, Any]:
    """Returns a whole row, with all columns of the table."""
    plain: dict[str, Any] = dict.fromkeys(COLUMNS)
    plain |= {
        "id": 480_001, "eventname": name, "component": "mod_quiz", "action": "viewed", "target": "course_module",
        "objecttable": "quiz", "objectid": 22, "crud": "r", "edulevel": 2, "contextid": 1716, "contextlevel": 70,
        "contextinstanceid": 516, "userid": int(MIRA), "courseid": 7, "anonymous": 0, "other": "null",
        "timecreated": 1_772_445_600, "origin": "web", "ip": "192.0.2.10",
    }  # fmt: skip
    return plain | columns


def teller(assembly: Assembly) -> Tell:
    """Returns a function that gives the outcome of a row in xAPI."""
    pipeline = Pipeline(assembly.plan)

    def outcome_of(name: str = r"\mod_quiz\event\course_module_viewed", **columns: Any) -> Outcome:
        return pipeline.process(assembly.source.event_from_line(line_of(row(name, **columns))))[0]

    return outcome_of


@pytest.fixture(scope="session")
def tell(assembly: Assembly) -> Tell:
    """Returns the outcome of a row in xAPI, with default settings."""
    return teller(assembly)


def learner_in(outcome: Outcome) -> str:
    """Returns the pseudonym of the learner whom a statement is about."""
    name: str = outcome.statements[0].parsed["actor"]["account"]["name"]
    return name


def reason_of(outcome: Outcome) -> str:
    """Returns why a row is skipped."""
    assert outcome.state is OutcomeState.SKIPPED, outcome
    return outcome.reason


# --- 1: two encodings, and loose types ------------------------------------------------------------------

ANSWERED = r"\mod_forum\event\post_created"
ENCODINGS = [
    '{"discussionid":240,"forumid":29,"forumtype":"general"}',
    '{"forumtype":"general","discussionid":"240","forumid":"29"}',
    'a:3:{s:12:"discussionid";i:240;s:7:"forumid";i:29;s:9:"forumtype";s:7:"general";}',
    'a:3:{s:12:"discussionid";s:3:"240";s:9:"forumtype";s:7:"general";s:7:"forumid";s:2:"29";}',
    'O:8:"stdClass":1:{s:12:"discussionid";i:240;}',
]


def test_both_encodings_of_other_say_the_same(tell: Tell) -> None:
    outcomes = [tell(ANSWERED, objectid=objectid, other=other) for other in ENCODINGS for objectid in (1801, "1801")]
    assert len({outcome.statements[0].content for outcome in outcomes}) == 1


@pytest.mark.parametrize("nothing", [None, "", "null", "N;", "[]", "a:0:{}", "{", 'a:1:{s:2:"x";', '"text"', "7"])
def test_other_may_say_nothing(tell: Tell, nothing: str | None) -> None:
    assert tell(other=nothing).statements
    failed = tell(ANSWERED, other=nothing)
    assert failed.error is not None
    assert failed.error.path == "data.discussionid"


def test_no_object_of_a_class_is_made(tell: Tell) -> None:
    for other in ('O:7:"learner":1:{s:12:"discussionid";i:240;}', 'C:7:"learner":2:{a}', 'a:1:{s:1:"a";R:1;}'):
        assert tell(ANSWERED, other=other).state is OutcomeState.FAILED


# --- 2: acting as somebody else -------------------------------------------------------------------------


def test_who_is_acted_is_not_told(tell: Tell) -> None:
    assert reason_of(tell(realuserid=int(OKAFOR))) == learners.ACTING_AS.reason
    assert reason_of(tell(realuserid=OKAFOR)) == learners.ACTING_AS.reason
    for nobody in (None, 0, "0", ""):
        assert tell(realuserid=nobody).statements


# --- 3: guests and nobody -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "reason"),
    [(1, learners.GUEST), ("1", learners.GUEST), (0, learners.NOT_SIGNED_IN), (None, learners.NOT_SIGNED_IN),
     (-1, learners.THE_SYSTEM), ("-1", learners.THE_SYSTEM)],
)  # fmt: skip
def test_guests_nobody_and_the_system_are_no_learners(tell: Tell, user: Any, reason: Any) -> None:
    assert reason_of(tell(userid=user)) == reason.reason


def test_cron_is_no_learner_but_tells_of_learners(tell: Tell) -> None:
    assert reason_of(tell(userid=2, origin="cli")) == learners.CRON.reason
    completed = tell(
        r"\core\event\course_completed", userid=2, relateduserid=int(MIRA), origin="cli", contextinstanceid=7
    )
    assert learner_in(completed) == PSEUDONYM[MIRA]
    assert reason_of(tell(r"\core\event\course_completed", userid=2, origin="cli")) == learners.NOT_NAMED.reason


def test_an_administrator_at_a_browser_is_a_person(assemble: Callable[..., Assembly]) -> None:
    keyed = assemble(identity={"provider": "keyed", "secret": "Kd7wq2Lmz9Xv4bTn"})
    (outcome, *_) = Pipeline(keyed.plan).process(keyed.source.event_from_line(line_of(row(userid=2))))
    assert outcome.statements


def test_the_guest_account_and_the_administrators_are_settings(assemble: Callable[..., Assembly]) -> None:
    tell = teller(assemble(moodle={"guest": MIRA, "administrators": ["2", TOMAS]}))
    assert reason_of(tell()) == learners.GUEST.reason
    assert reason_of(tell(userid=int(TOMAS), origin="cli")) == learners.CRON.reason


# --- 4: anonymous is only a flag ------------------------------------------------------------------------


def test_anonymous_rows_are_not_told(tell: Tell) -> None:
    feedback = {"other": '{"cmid":516,"instanceid":7,"anonymous":1}', "relateduserid": int(MIRA)}
    for flag in (1, "1", True):
        given = tell(r"\mod_feedback\event\response_submitted", anonymous=flag, **feedback)
        assert reason_of(given) == learners.ANONYMOUS.reason


# --- 5: deleted users -----------------------------------------------------------------------------------


def test_a_deleted_user_is_no_event_of_learning(tell: Tell) -> None:
    deleted = tell(r"\core\event\user_deleted", other='{"username":"mira","email":"mira@example.org"}')
    assert deleted.state is OutcomeState.NOT_MAPPED


def test_an_unknown_learner_is_skipped(tell: Tell) -> None:
    assert reason_of(tell(userid=99)) == "the identity provider does not know the learner"


# --- 6: backup, restore ---------------------------------------------------------------------------------


def test_what_a_restore_writes_is_not_told(tell: Tell, assembly: Assembly) -> None:
    assert reason_of(tell(origin="restore")) == learners.RESTORED.reason
    assert reason_of(tell(origin=None)) == learners.RESTORED.reason, "an old row, inserted anew"
    no_origin = {key: value for key, value in row().items() if key != "origin"}
    (outcome, *_) = Pipeline(assembly.plan).process(assembly.source.event_from_line(line_of(no_origin)))
    assert outcome.statements, "an export without the column"


@pytest.mark.parametrize("lost", [-31337, "-31338"])
def test_what_a_restore_has_lost_is_not_told(tell: Tell, lost: Any) -> None:
    assert reason_of(tell(ANSWERED, objectid=lost, other=ENCODINGS[0])) == learners.LOST.reason
    other = json.dumps({"discussionid": lost, "forumid": 29})
    assert reason_of(tell(ANSWERED, objectid=1801, other=other)) == learners.LOST.reason


# --- 7: course 1 is the site ----------------------------------------------------------------------------


def test_the_front_page_is_no_course(tell: Tell) -> None:
    front_page = tell(r"\core\event\course_viewed", courseid=1, contextinstanceid=1, contextlevel=50)
    assert reason_of(front_page) == "the front page is no course"
    for courseid in (1, "1", 0, None):
        assert "contextActivities" not in tell(courseid=courseid).statements[0].parsed["context"]


def test_a_destination_may_stand_for_a_course(assemble: Callable[..., Assembly]) -> None:
    scope = {"standard": "xapi", "url": "https://lrs.example.org", "scope": {"course": ["7", "9"]}}
    relay = assemble(
        plugins={"enabled": ["xapi.*", "enterprise_filter"]}, destinations={"harbour": scope}
    )  # fmt: skip
    pipeline = Pipeline(relay.plan)
    for courseid, receivers in ((7, ("harbour",)), ("9", ("harbour",)), (8, ()), (1, ()), (0, ()), ([7], ())):
        (outcome,) = pipeline.process(relay.source.event_from_line(line_of(row(courseid=courseid))))
        assert tuple(outcome.destinations) == receivers, courseid
    for wanted in ("harbour", "1"):
        with pytest.raises(ConfigurationError):
            assemble(
                plugins={"enabled": ["xapi.*", "enterprise_filter"]},
                destinations={"harbour": {**scope, "scope": {"course": wanted}}},
            )


# --- 8: time --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [1_772_445_600, "1772445600"])
def test_time_is_seconds_in_utc(tell: Tell, seconds: Any) -> None:
    assert tell(timecreated=seconds).statements[0].parsed["timestamp"] == "2026-03-02T10:00:00+00:00"


@pytest.mark.parametrize("seconds", [None, "", 0, -5, "2/03/26, 10:00", 10**15, 1.5, True])
def test_what_is_no_time_fails(tell: Tell, seconds: Any) -> None:
    failed = tell(timecreated=seconds)
    assert failed.error is not None
    assert failed.error.path == "timestamp"


# --- 9: which id it is ----------------------------------------------------------------------------------


def test_an_activity_is_addressed_by_its_course_module(tell: Tell) -> None:
    activity = tell(objectid=22).statements[0].parsed["object"]["id"]
    assert activity == "https://learn.example.org/mod/quiz/view.php?id=516"


def test_an_attempt_is_no_address(tell: Tell) -> None:
    started = tell(r"\mod_quiz\event\attempt_started", objectid=902, relateduserid=int(MIRA)).statements[0].parsed
    assert "902" not in started["object"]["id"]
    assert started["context"]["extensions"]["http://id.tincanapi.com/extension/attempt-id"] == "902"


def test_what_learners_made_is_a_digest_where_a_destination_has_its_own_pseudonyms(
    assemble: Callable[..., Assembly],
) -> None:
    own = assemble(
        identity={"provider": "keyed", "secret": "Kd7wq2Lmz9Xv4bTn"},
        destinations={
            "south": {
                "standard": "xapi", "url": "https://lrs.example.org", "scope": "all", "pseudonyms": "own",
            }
        },
    )  # fmt: skip
    raw = row(r"\mod_forum\event\discussion_viewed", objectid=240)
    outcome = next(
        outcome for outcome in Pipeline(own.plan).process(own.source.event_from_line(line_of(raw))) if outcome.own
    )
    assert outcome.statements[0].parsed["object"]["id"].endswith("?d=240")
    assert "240" not in outcome.own["south"][0].parsed["object"]["id"]


# --- 10: events of plugins, and events that are not what they seem --------------------------------------


def test_unknown_events_are_skipped_by_name(tell: Tell) -> None:
    for name in (r"\mod_acme\event\attempt_submitted", r"\core\event\course_module_viewed", "Quiz attempt submitted"):
        assert tell(name).state is OutcomeState.NOT_MAPPED


@pytest.mark.parametrize(
    "name",
    [r"\mod_quiz\event\course_module_viewed", r"mod_quiz\event\course_module_viewed",
     r"\\mod_quiz\\event\\course_module_viewed"],
)  # fmt: skip
def test_names_have_one_form(tell: Tell, name: str) -> None:
    assert tell(name).event == r"\mod_quiz\event\course_module_viewed"
    assert tell(name).statements


# --- who of a row is the learner ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "columns", "learner"),
    [
        (r"\mod_assign\event\submission_graded", {"userid": int(OKAFOR), "relateduserid": int(MIRA)}, MIRA),
        (r"\mod_assign\event\assessable_submitted", {"userid": int(OKAFOR), "relateduserid": int(MIRA)}, MIRA),
        (r"\mod_assign\event\assessable_submitted", {"userid": int(MIRA)}, MIRA),
        (r"\mod_forum\event\post_deleted", {"userid": int(OKAFOR), "relateduserid": int(MIRA)}, OKAFOR),
        (r"\mod_wiki\event\page_viewed", {"userid": int(TOMAS), "relateduserid": int(MIRA)}, TOMAS),
        (r"\mod_workshop\event\submission_assessed", {"userid": int(TOMAS), "relateduserid": int(MIRA)}, TOMAS),
    ],
)
def test_the_event_tells_who_is_the_learner(tell: Tell, name: str, columns: dict[str, Any], learner: str) -> None:
    other = '{"discussionid":240,"submissionid":160}'
    assert learner_in(tell(name, other=other, **columns)) == PSEUDONYM[learner]


@pytest.mark.parametrize("name", sorted(learners.OWN_WORK_ONLY))
def test_staff_who_read_the_work_of_a_learner_are_not_told(tell: Tell, name: str) -> None:
    assert learner_in(tell(name, relateduserid=int(MIRA))) == PSEUDONYM[MIRA]
    assert reason_of(tell(name, userid=int(OKAFOR), relateduserid=int(MIRA))) == learners.WORK_OF_OTHERS.reason


# --- one source of grades -------------------------------------------------------------------------------


def test_a_grade_is_told_once(tell: Tell, assemble: Callable[..., Assembly]) -> None:
    of_user = {"userid": -1, "relateduserid": int(MIRA), "other": '{"itemid":77,"finalgrade":"17.50000"}'}
    by_gradebook = teller(assemble(moodle={"grades": "gradebook"}))

    def gradebook(tell: Tell, **item: Any) -> Outcome:
        return tell(r"\core\event\user_graded", **of_user, **item)

    quiz = {"grade_itemtype": "mod", "grade_itemmodule": "quiz", "grade_cmid": 516}
    only_there: list[dict[str, Any]] = [
        {"grade_itemtype": "course"},
        {"grade_itemtype": "mod", "grade_itemmodule": "h5pactivity", "grade_cmid": 511},
    ]
    activity = {"userid": int(OKAFOR), "relateduserid": int(MIRA)}
    assert reason_of(gradebook(tell, **quiz)) == FROM_ACTIVITIES.reason
    assert tell(r"\mod_quiz\event\attempt_graded", **activity).statements
    assert gradebook(by_gradebook, **quiz).statements
    assert reason_of(by_gradebook(r"\mod_quiz\event\attempt_graded", **activity)) == FROM_GRADEBOOK.reason
    for teller_of_it in (tell, by_gradebook):
        assert all(gradebook(teller_of_it, **item).statements for item in only_there), "no activity tells these"
        assert teller_of_it().statements


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"grades": "gradebok"}, 'moodle.grades: expected one of "activities", "gradebook"; did you mean "gradebook"?'),
        ({"guests": "1"}, "moodle.guests: unknown key"),
        ({"guest": "guest"}, "moodle.guest: expected ids of Moodle's table user"),
        ({"guest": 1}, "moodle.guest: expected text in quotes, found a number"),
        ({"administrators": ["2", "admin"]}, "moodle.administrators: expected ids of Moodle's table user"),
    ],
)
def test_a_wrong_setting_is_found_at_start_up(
    assemble: Callable[..., Assembly], section: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        assemble(moodle=section)
    assert words in str(raised.value)


# --- nothing of a row reaches an error ------------------------------------------------------------------


def test_errors_hold_no_value(assembly: Assembly) -> None:
    for line in (b'{"userid": "mira"}', b'{"eventname": 7}', b'1,"mira', b"id,eventname,mira", b"mira"):
        with pytest.raises(UnreadableEventError) as raised:
            assembly.source.event_from_line(line)
        assert "mira" not in str(raised.value)


# --- the page -------------------------------------------------------------------------------------------


def test_the_page_lists_every_reason() -> None:
    page = (Path(__file__).parents[3] / "docs" / "moodle.md").read_text("utf-8")
    reasons = [skip.reason for skip in vars(learners).values() if isinstance(skip, Skip)]
    assert len(reasons) > 9
    assert [reason for reason in [*reasons, FROM_ACTIVITIES.reason] if f"| {reason} |" not in page] == []


def test_the_example_log_shows_what_is_told_and_what_is_skipped(assembly: Assembly) -> None:
    pipeline = Pipeline(assembly.plan)
    log = (Path(__file__).parents[3] / "examples" / "moodle.jsonl").read_bytes().splitlines()
    outcomes = [pipeline.process(assembly.source.event_from_line(line)) for line in log]
    states = Counter(outcome.state for (outcome, *_) in outcomes)
    assert states[OutcomeState.TRANSFORMED] >= 90
    assert states[OutcomeState.SKIPPED] >= 15
    assert states[OutcomeState.FAILED] == 0
