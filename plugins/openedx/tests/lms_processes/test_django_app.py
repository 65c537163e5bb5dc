"""The command line in ``manage.py``, and retirements."""

from __future__ import annotations

import pytest

from .conftest import CampusSite

pytestmark = pytest.mark.slow

RETIRE = """
from campus_lms.events import enrol
from openedx.core.djangoapps.user_api.accounts import signals
from django.contrib.auth.models import User
for user_id, name in ((7, "mira"), (8, "ravi")):
    enrol(user_id, user_id, name)
user = User(id=7, username="mira")
"""


def test_the_command_line_gets_all_arguments_and_the_file_of_the_settings(campus: CampusSite) -> None:
    version = campus.manage("learnrelay", "--version")
    assert (version.returncode, version.stdout.startswith("learnrelay, version")) == (0, True), version.stderr
    del campus.environment["LEARNRELAY_CONFIG"]
    campus.patch(f"LEARNRELAY_CONFIG = {str(campus.config)!r}")
    checked = campus.manage("learnrelay", "check")
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ("LEARNRELAY_ENABLED = False", "LEARNRELAY_ENABLED is False"),
        ("EVENT_TRACKING_BACKENDS = {}", "no backend is learnrelay_openedx.backend.RelayBackend"),
        ("EVENT_TRACKING_ENABLED = False", "the platform emits no events"),
    ],
)
def test_what_a_patch_has_turned_off_is_shown(patch: str, words: str, campus: CampusSite) -> None:
    campus.patch(patch)
    emit = "from campus_lms.events import enrol\nenrol(1)\n" if "TRACKING_ENABLED" not in patch else ""
    done = campus.run(f"{emit}from django.core.management import call_command\ncall_command('learnrelay', 'check')")
    assert words in done.stderr
    assert ("learnrelay ended with 2" in done.stderr) is ("ENABLED is False" not in words)
    assert not campus.outbox.exists()


def test_a_retirement_goes_on_whatever_is_away_and_is_made_good(campus: CampusSite) -> None:
    broker = "redis://127.0.0.1:9/0"
    done = campus.run(f"""{RETIRE}
import time
started = time.monotonic()
signals.USER_RETIRE_LMS_MISC.send(sender=None, user=user)
signals.USER_RETIRE_LMS_CRITICAL.send(sender=None, user=user)
assert time.monotonic() - started < 30
from openedx.core.djangoapps.user_api.models import RetirementState, UserRetirementStatus
from django.core.management import call_command
call_command("migrate", run_syncdb=True, verbosity=0)
for user_id, name, state in ((7, "mira", "COMPLETE"), (8, "ravi", "PENDING")):
    UserRetirementStatus.objects.create(
        user=User.objects.create(id=user_id, username=f"retired__user_{{user_id}}"), original_username=name,
        current_state=RetirementState.objects.create(state_name=state))
""", CAMPUS_BROKER=broker)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "a retired learner is not forgotten yet, the broker did not take the task" in done.stderr
    assert "; 1 wait in this process" in done.stderr and "; 2 wait" not in done.stderr
    assert campus.enrolments() == [7, 8]
    retired = campus.manage("learnrelay", "forget-retired")
    assert (retired.returncode, retired.stdout) == (0, "1 users forgotten, 0 not\n"), retired.stderr
    assert campus.enrolments() == [8]
