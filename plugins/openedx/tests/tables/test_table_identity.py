"""The identity provider ``openedx``: external ids, retired learners, addresses, and names that only look alike."""

from __future__ import annotations

import logging
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from delivery.proxy import Proxy
from learnrelay import Unavailable, UserRef
from learnrelay.lookups.identity import KeyedIdentity, KeyedSettings
from learnrelay.providers import CORE_SPACE

from .conftest import run_all_in_lms, run_in_lms
from .lms_tables import SECRET, LmsTables

XAPI = "0b6a3f5e-8d1c-4c55-9f0a-2f3c8a7e1d07"
CALIPER = "5f3e9c1a-77b2-4d0e-8a41-c3d5e6f70808"
TOMAS = "00000000-0000-4000-8000-000000000008"
LTI = "9a8b7c6d-1e2f-4a3b-8c4d-5e6f7a8b9c09"
SALTS = ["abc", "123"]  # of lms_site
KEYED = KeyedIdentity(KeyedSettings().load({"secret": SECRET}))


@pytest.fixture
def mira(lms: LmsTables) -> LmsTables:
    """Returns the tables with a learner who has all three external ids."""
    lms.add_user(7, "Mira", "mira@learn.example.org", xapi=XAPI, caliper=CALIPER, lti=LTI)
    return lms


def name_of(lms: LmsTables, user: UserRef, space: str = "xapi", **settings: Any) -> str | None:
    learner = lms.identity(**settings).learner(user, space)
    return None if learner is None else learner.pseudonym


# --- external ids ---------------------------------------------------------------------------------------


def test_each_standard_has_its_type_of_external_ids(mira: LmsTables) -> None:
    for user in (UserRef("7"), UserRef(None, "Mira"), UserRef("7", "Mira")):
        assert name_of(mira, user, "xapi") == XAPI
        assert name_of(mira, user, "caliper") == CALIPER


def test_other_spaces_have_keyed_hashes_of_the_id(mira: LmsTables) -> None:
    for space in ("plain", "xapi/main", "caliper/main", CORE_SPACE):
        names = {name_of(mira, user, space) for user in (UserRef("7"), UserRef(None, "Mira"), UserRef("7", "Mira"))}
        assert names == {KEYED.learner_or_retired(UserRef("7"), space).pseudonym}


def test_a_platform_before_palm_has_lti_ids_only(mira: LmsTables) -> None:
    mira.execute(
        "DELETE FROM external_user_ids_externalid WHERE external_id_type_id IN"
        " (SELECT id FROM external_user_ids_externalidtype WHERE name <> 'lti')"
    )
    assert name_of(mira, UserRef("7")) is None, "since Palm a missing id is a missing id"
    mira.execute("DELETE FROM external_user_ids_externalidtype WHERE name = 'caliper'")
    assert name_of(mira, UserRef("7")) is None
    mira.execute("DELETE FROM external_user_ids_externalidtype WHERE name = 'xapi'")
    assert name_of(mira, UserRef("7"), "xapi") == name_of(mira, UserRef("7"), "caliper") == LTI


def test_a_learner_without_an_external_id(lms: LmsTables) -> None:
    lms.add_user(8, "tomas", caliper=CALIPER)
    assert name_of(lms, UserRef("8")) is None
    keyed = name_of(lms, UserRef("8"), missing_ids="keyed")
    assert keyed == name_of(lms, UserRef(None, "tomas"), missing_ids="keyed") is not None
    assert name_of(lms, UserRef("8"), "caliper", missing_ids="keyed") == CALIPER
    assert lms.external_ids() == [(8, "caliper", CALIPER)]


def test_missing_ids_are_created_once(lms: LmsTables) -> None:
    if not lms.is_mysql:
        with pytest.raises(Exception, match="only read"):
            lms.identity(missing_ids="create")
        return
    lms.add_user(8, "tomas")
    names = set()
    threads = [
        threading.Thread(target=lambda: names.add(name_of(lms, UserRef("8"), missing_ids="create"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ((user_id, type_name, external_id),) = lms.external_ids()
    assert (user_id, type_name, names) == (8, "xapi", {external_id})
    ((copied, kind),) = lms.execute("SELECT external_user_id, history_type FROM external_user_ids_historicalexternalid")
    assert (str(copied).replace("-", ""), kind) == (external_id.replace("-", ""), "+")
    assert name_of(lms, UserRef("8"), "xapi/main", missing_ids="create") not in (None, external_id)
    assert len(lms.external_ids()) == 1, "a space of a destination needs none"


def test_nothing_is_created_for_those_who_are_only_looked_for(lms: LmsTables) -> None:
    if not lms.is_mysql:
        pytest.skip("a copy of the tables is only read")
    lms.add_user(8, "tomas")
    lms.add_user(9, "retired__user_0a1b")
    identity = lms.identity(missing_ids="create")
    assert identity.learner_or_retired(UserRef("8"), "xapi") is None
    assert identity.possible_learners(UserRef("8"), "xapi") != []
    assert identity.learner(UserRef("9"), "xapi") is None
    assert identity.learner(UserRef("404"), "xapi") is None
    assert lms.external_ids() == []


# --- who is meant ---------------------------------------------------------------------------------------

ODD_NAMES = (
    "mira", "MIRA", "Mira ", " Mira", "Mirá", "Mira\0", "Mira\u200b", "Ｍｉｒａ", "Mira'", 'Mira"', "%", "Mir_", "M%",
    "%(username)s", ":username", "Mira' OR '1'='1", "Mira\\", "", " ", "\0", "\ud7ff", "\udc80", "M\U0001f600ra",
    "x" * 150, "x" * 3000, "'; DROP TABLE auth_user; --",
)  # fmt: skip


def test_names_that_only_look_alike_are_unknown(mira: LmsTables) -> None:
    identity = mira.identity(missing_ids="keyed", retired_salts=["abc"])
    for name in ODD_NAMES:
        assert identity.learner(UserRef(None, name), "xapi") is None, ascii(name)
        assert identity.learner_or_retired(UserRef(None, name), "xapi") is None, ascii(name)
        assert list(identity.possible_learners(UserRef(None, name), "xapi")) == [], ascii(name)
    assert name_of(mira, UserRef("7")) == XAPI


def test_odd_names_are_found_exactly(lms: LmsTables) -> None:
    names = ("Zoë", "a%b", "a.b+c@d_e-f", "O'Hara", "a:b", "Ада", "%(user_id)s", "7", "a\\b")
    for user_id, name in enumerate(names, 11):
        lms.add_user(user_id, name)
    identity = lms.identity()
    for user_id, name in enumerate(names, 11):
        by_name, by_id = (identity.learner(user, "plain") for user in (UserRef(None, name), UserRef(str(user_id))))
        assert by_name == by_id is not None, name


def test_ids_that_only_look_alike_are_unknown(mira: LmsTables) -> None:
    identity = mira.identity(missing_ids="keyed")
    for user_id in ("07", "+7", " 7", "7 ", "7.0", "٧", "0", "-7", "", "7e0", "9" * 12, "9" * 400, "0x7"):
        assert identity.learner(UserRef(user_id, "Mira"), "xapi") is None, user_id


def test_a_name_that_is_a_number_is_no_id(mira: LmsTables) -> None:
    assert name_of(mira, UserRef(None, "7"), missing_ids="keyed") is None


def test_renamed_deleted_and_unknown_learners(mira: LmsTables) -> None:
    mira.rename(7, "mira.o")
    assert name_of(mira, UserRef("7", "Mira")) == XAPI, "the id counts"
    assert name_of(mira, UserRef(None, "mira.o")) == XAPI
    assert name_of(mira, UserRef(None, "Mira")) is None
    mira.add_user(12, "Mira", xapi="00000000-0000-4000-8000-000000000012")
    assert name_of(mira, UserRef("7", "Mira")) == XAPI, "another has the former name"
    assert name_of(mira, UserRef("404", "Mira"), missing_ids="keyed") is None, "deleted: the name is another's"
    assert list(mira.identity().possible_learners(UserRef("404"), "xapi")) == []


# --- retired learners -----------------------------------------------------------------------------------


def hashed(name: str, salt: str) -> str:
    return "retired__user_" + sha1((salt + name.lower()).encode()).hexdigest()


def test_learners_who_asked_to_be_retired_are_named_no_more(mira: LmsTables) -> None:
    mira.ask_to_retire(7)
    identity = mira.identity()
    for user in (UserRef("7"), UserRef(None, "Mira")):
        assert identity.learner(user, "xapi") is None
        assert identity.learner_or_retired(user, "xapi").pseudonym == XAPI
    mira.execute("DELETE FROM user_api_userretirementrequest")  # cancelled
    mira.execute("DELETE FROM user_api_userretirementstatus")
    assert name_of(mira, UserRef("7")) == XAPI


def test_retired_learners_are_found_to_be_forgotten_by_id_and_by_both_names(mira: LmsTables) -> None:
    mira.ask_to_retire(7)
    mira.rename(7, hashed("Mira", "123"))
    identity = mira.identity(retired_salts=SALTS)
    keyed = KEYED.learner_or_retired(UserRef("7"), "xapi").pseudonym
    users = (UserRef("7"), UserRef("7", "Mira"), UserRef(None, "Mira"), UserRef(None, hashed("Mira", "123")))
    for cleaned_up in (False, True):
        for user in users:
            assert identity.learner(user, "xapi") is None
            assert identity.learner_or_retired(user, "xapi").pseudonym == XAPI, cleaned_up
            named = [learner.pseudonym for learner in identity.possible_learners(user, "xapi")]
            assert named == [keyed, XAPI, LTI]
        mira.execute("DELETE FROM user_api_userretirementstatus")
    assert identity.learner_or_retired(UserRef(None, "Ada"), "xapi") is None
    assert identity.learner_or_retired(UserRef(None, "MIRA"), "xapi") is not None, "the hash is of small letters"
    assert mira.identity().learner_or_retired(UserRef(None, "Mira"), "xapi") is None, "without the salts"


def test_events_that_have_the_retired_name(mira: LmsTables) -> None:
    assert name_of(mira, UserRef("7", hashed("Mira", "abc"))) is None
    assert name_of(mira, UserRef("7", "gone-1"), retired_prefix="gone-") is None
    assert name_of(mira, UserRef("7", hashed("Mira", "abc")), retired_prefix="gone-") == XAPI


# --- addresses ------------------------------------------------------------------------------------------


def test_addresses_are_read_only_where_the_operator_asks(mira: LmsTables) -> None:
    mira.add_user(8, "tomas", "", xapi=TOMAS)
    assert mira.identity().learner(UserRef("7"), "xapi").email is None
    assert not mira.identity().knows_addresses()
    asked = mira.identity(emails=True)
    assert asked.knows_addresses()
    assert asked.learner(UserRef("7"), "xapi").email == "mira@learn.example.org"
    assert asked.learner(UserRef("8"), "xapi").email is None
    assert "mira" not in repr(asked.learner(UserRef("7"), "xapi")).lower()


# --- courses --------------------------------------------------------------------------------------------


def test_titles_and_languages_of_courses(lms: LmsTables) -> None:
    rows = {
        "course-v1:Harbour+SAIL101+2026": ("Sailing für Anfänger", "de"),
        "course-v1:Harbour+SAIL101+2027": ("  ", "zh_HANS"),
        "ccx-v1:Harbour+SAIL101+2026+ccx@1": (None, None),
        "Harbour/SAIL/2013": ("Sailing\U0001f600", 'e"n'),
    }
    for course_id, row in rows.items():
        lms.add_course(course_id, *row)
    courses = lms.courses()
    answers = {course_id: (courses.title(course_id), courses.language(course_id)) for course_id in rows}
    assert list(answers.values()) == [
        ("Sailing für Anfänger", "de"), (None, "zh-HANS"), (None, None), ("Sailing\U0001f600", None),
    ]  # fmt: skip
    assert all(map(courses.knows, rows))
    for other in ("course-v1:harbour+SAIL101+2026", "course-v1:Harbour+SAIL101+2026 ", "", "%", "\udc80", "x" * 3000):
        assert (courses.title(other), courses.language(other), courses.knows(other)) == (None, None, False)


# --- in the LMS -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_same_answers_in_the_lms(mira: LmsTables) -> None:
    mira.add_user(8, "tomas", "tomas@learn.example.org", xapi=TOMAS)
    mira.ask_to_retire(8)
    mira.rename(8, hashed("tomas", "123"))
    mira.execute("DELETE FROM user_api_userretirementstatus")
    mira.add_course("course-v1:Harbour+SAIL101+2026", "Sailing", "de")
    users = [["7", None], [None, "Mira"], [None, "mira "], [None, "%(username)s"], ["8", None], [None, "tomas"]]
    course_id = "course-v1:Harbour+SAIL101+2026"
    learners, with_retired, course, other = run_all_in_lms(
        mira.url,
        ("ask", {"users": users, "emails": True}),
        ("ask", {"users": users, "emails": True, "method": "learner_or_retired"}),
        ("describe_course", {"course_id": course_id}),
        ("describe_course", {"course_id": course_id.lower()}),
    )
    named, gone = [XAPI, "mira@learn.example.org"], [TOMAS, "tomas@learn.example.org"]
    assert learners == [named, named, None, None, None, None]
    assert with_retired == [named, named, None, None, gone, gone]
    assert (course, other) == (["Sailing", "de", True], [None, None, False])


@pytest.mark.slow
@pytest.mark.parametrize("made", ["mariadb"], indirect=True)
class TestRequests:
    @pytest.mark.parametrize("by_address", [False, True])
    def test_an_id_that_was_made_in_a_request_stays_when_it_fails(self, lms: LmsTables, by_address: bool) -> None:
        lms.add_user(8, "tomas")
        database = {"database": lms.url} if by_address else {}
        named = run_in_lms(lms.url, "create_in_failed_request", user_id="8", **database)
        assert lms.external_ids() == [(8, "xapi", named)]
        assert len(lms.execute("SELECT 1 FROM external_user_ids_historicalexternalid")) == 1, "by the platform's model"

    def test_a_request_sees_what_it_has_written(self, lms: LmsTables) -> None:
        assert run_in_lms(lms.url, "see_own_request", username="newcomer") is True

    def test_the_address_of_its_own_database_is_as_good(self, lms: LmsTables) -> None:
        """As in a file that the LMS shares with a worker outside of it; an own connection would not see the request."""
        assert run_in_lms(lms.url, "see_own_request", username="newcomer", database=lms.url) is True
        elsewhere = lms.url.replace("127.0.0.1", "localhost")
        assert run_in_lms(lms.url, "see_own_request", username="latecomer", database=elsewhere) is False

    def test_a_row_that_the_request_holds_is_not_waited_for(self, lms: LmsTables) -> None:
        lms.add_user(8, "tomas")
        raised, seconds = run_in_lms(lms.url, "create_for_held_row", user_id="8")
        assert (raised, seconds < 4) == ("Unavailable", True)
        assert lms.external_ids() == []

    def test_a_process_without_the_model(self, lms: LmsTables) -> None:
        lms.add_user(8, "tomas")
        assert run_in_lms(lms.url, "ask_without_models", user_id="8") == ["Unavailable", None]
        assert run_in_lms(lms.url, "ask_without_models", user_id="8", database=lms.url) == [None, None]
        assert [(user_id, kind) for user_id, kind, _ in lms.external_ids()] == [(8, "xapi")]

    def test_a_transaction_that_is_broken(self, mira: LmsTables) -> None:
        raised, _ = run_in_lms(mira.url, "ask_in_broken_transaction", user_id="7")
        assert raised in (None, "Unavailable")

    def test_a_frozen_server(self, mira: LmsTables) -> None:
        proxy = Proxy.before(mira.url)
        proxy.frozen.set()
        raised, seconds = run_in_lms(behind(proxy, mira.url), "ask_bounded", user_id="7", timeout="1s")
        proxy.close()
        assert (raised, seconds < 5) == ("Unavailable", True)


# --- a database that does not answer --------------------------------------------------------------------


def behind(proxy: Proxy, url: str) -> str:
    return make_url(url).set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)


@contextmanager
def unavailable(bound: float = 3.0) -> Iterator[None]:
    started = time.monotonic()
    with pytest.raises(Unavailable):
        yield
    assert time.monotonic() - started < bound


@pytest.fixture
def proxy(mira: LmsTables) -> Iterator[Proxy]:
    proxy = Proxy.before(mira.url)
    yield proxy
    proxy.close()


@pytest.mark.parametrize("made", ["mysql"], indirect=True)
class TestBounds:
    def test_frozen_in_use_and_from_the_start(self, mira: LmsTables, proxy: Proxy) -> None:
        identity = mira.identity(database=behind(proxy, mira.url), timeout="300ms")
        assert identity.learner(UserRef("7"), "xapi").pseudonym == XAPI
        proxy.frozen.set()
        for _ in range(2):  # on the connection that worked, and on a new one
            with unavailable():
                identity.learner(UserRef("7"), "xapi")
        proxy.frozen.clear()
        assert identity.learner(UserRef("7"), "xapi").pseudonym == XAPI

    def test_a_connection_that_the_server_closed_is_renewed(self, mira: LmsTables) -> None:
        identity = mira.identity()
        identity.learner(UserRef("7"), "xapi")
        ours = mira.execute(
            "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
        )
        for (number,) in ours:
            mira.execute(f"KILL {number}")
        assert identity.learner(UserRef("7"), "xapi").pseudonym == XAPI

    def test_nobody_listens(self, mira: LmsTables) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as listener:
            port = listener.getsockname()[1]
        url = make_url(mira.url).set(host="127.0.0.1", port=port).render_as_string(hide_password=False)
        with unavailable():
            mira.identity(database=url).learner(UserRef("7"), "xapi")
        with unavailable():
            mira.courses(database=url).title("course-v1:Harbour+SAIL101+2026")

    def test_a_held_row_is_not_waited_for(self, mira: LmsTables) -> None:
        mira.add_user(8, "tomas")
        with mira.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE auth_user SET first_name = 'T' WHERE id = 8")
            with unavailable():
                mira.identity(missing_ids="create").learner(UserRef("8"), "xapi")
        assert mira.identity(missing_ids="create").learner(UserRef("8"), "xapi") is not None

    def test_threads_and_forks_share_no_connection(self, mira: LmsTables) -> None:
        identity = mira.identity()
        assert identity.learner(UserRef("7"), "xapi").pseudonym == XAPI
        child = os.fork()
        if child == 0:
            named = identity.learner(UserRef("7"), "xapi")
            os._exit(0 if named is not None and named.pseudonym == XAPI else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert identity.learner(UserRef("7"), "xapi").pseudonym == XAPI

    def test_what_the_operator_reads_holds_no_secret_and_no_value(
        self, mira: LmsTables, caplog: pytest.LogCaptureFixture
    ) -> None:
        user = f"u{os.getpid()}"
        mira.execute(f"CREATE USER {user} IDENTIFIED BY 'hunter2-of-the-tests'")
        mira.execute(f"GRANT SELECT ON auth_user TO {user}")
        url = make_url(mira.url).set(username=user, password="hunter2-of-the-tests", host="127.0.0.1")
        wrong = url.set(password="hunter3-of-the-tests")
        caplog.set_level(logging.DEBUG)
        for address in (url, wrong):
            identity = mira.identity(database=address.render_as_string(hide_password=False))
            with pytest.raises(Unavailable):
                identity.learner(UserRef(None, "Mira"), "xapi")
        mira.execute(f"DROP USER {user}")
        assert "the user may not do that: docs/openedx-tables.md lists the grants (1142)" in caplog.text
        assert "refuses the credentials (1045)" in caplog.text
        for secret in ("hunter", "Mira", "SELECT", user):
            assert secret not in caplog.text

    def test_the_grants_of_the_documentation_suffice(self, mira: LmsTables) -> None:
        page = Path(__file__).parents[4] / "docs" / "openedx-tables.md"
        (block,) = re.findall(r"```sql\n(.+?)```", page.read_text("utf-8"), re.DOTALL)
        user, name = f"relay{os.getpid()}", make_url(mira.url).database
        create, *grants = [re.sub(r"\bTO relay\b", f"TO {user}", line) for line in block.split("\n")]
        of_looking, _, of_creating = "\n".join(grants).replace("openedx.", f"{name}.").partition("\n\n")
        mira.execute(create.replace("relay", user).replace("…", "of-the-tests"))
        database = make_url(mira.url).set(username=user, password="of-the-tests", host="127.0.0.1")
        settings = {"database": database.render_as_string(hide_password=False), "missing_ids": "create"}
        mira.add_user(8, "tomas")
        mira.add_course("course-v1:Harbour+SAIL101+2026", "Sailing", "de")
        try:
            for grant in of_looking.splitlines():
                mira.execute(grant)
            assert mira.identity(**settings).learner(UserRef("7"), "xapi").pseudonym == XAPI
            assert mira.identity(**settings).learner_or_retired(UserRef(None, "gone"), "xapi") is None
            assert mira.courses(database=settings["database"]).title("course-v1:Harbour+SAIL101+2026") == "Sailing"
            for refused in ({**settings, "emails": True}, settings):
                with pytest.raises(Unavailable):
                    mira.identity(**refused).learner(UserRef("8"), "xapi")
            for grant in of_creating.splitlines():
                mira.execute(grant)
            assert mira.identity(**settings).learner(UserRef("8"), "xapi") is not None
        finally:
            mira.execute(f"DROP USER {user}")

    def test_it_writes_nothing(self, mira: LmsTables) -> None:
        from learnrelay_openedx.tables.database import open_database
        from learnrelay_openedx.tables.database_settings import DatabaseSettings

        database = open_database(DatabaseSettings().load({"database": mira.url}))
        with pytest.raises(Unavailable):
            database.query("UPDATE auth_user SET first_name = 'x'", {})
