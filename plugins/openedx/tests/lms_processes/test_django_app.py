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
    assert campus.manage("makemigrations", "--check", "learnrelay").returncode == 0
    assert campus.manage("migrate", "--run-syncdb").returncode == 0
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
    away = {"CAMPUS_BROKER": "redis://127.0.0.1:9/0"}
    assert campus.manage("migrate", "--run-syncdb").returncode == 0
    done = campus.run(
        f"""{RETIRE}
import time
from django.db import transaction
from openedx.core.djangoapps.user_api.models import RetirementState, UserRetirementStatus
for user_id, name, state in ((7, "mira", "COMPLETE"), (8, "ravi", "PENDING")):
    UserRetirementStatus.objects.create(
        user=User.objects.create(id=user_id, username=f"retired__user_{{user_id}}"), original_username=name,
        current_state=RetirementState.objects.create(state_name=state))
started = time.monotonic()
with transaction.atomic():
    signals.USER_RETIRE_LMS_MISC.send(sender=None, user=user)
    signals.USER_RETIRE_LMS_CRITICAL.send(sender=None, user=user)
assert time.monotonic() - started < 30
try:
    with transaction.atomic():
        signals.USER_RETIRE_LMS_MISC.send(sender=None, user=User(id=9, username="noor"))
        raise ValueError  # the platform's retirement fails
except ValueError:
    pass
""",
        **away,
    )
    assert done.returncode == 0, done.stderr
    assert "a retired learner is not forgotten yet: the broker did not take the task" in done.stderr
    assert campus.enrolments() == [7, 8]
    for command in ("check", "status"):
        shown = campus.manage("learnrelay", command)
        assert shown.returncode == 0
        assert "warning: retirements: 1 retired user is not forgotten, the first since 2" in shown.stderr
        assert (
            ": the broker did not take the task; repeat it with manage.py lms learnrelay forget-retired" in shown.stderr
        )
        assert "mira" not in shown.stdout + shown.stderr
    retired = campus.manage("learnrelay", "forget-retired")
    assert (retired.returncode, retired.stdout) == (0, "1 users forgotten, 0 not\n"), retired.stderr
    assert campus.enrolments() == [8]
    assert "retirements" not in campus.manage("learnrelay", "check").stderr


def test_a_task_that_fails_is_on_record_and_the_next_retirement_queues_it_again(campus: CampusSite) -> None:
    eager = "CELERY_TASK_ALWAYS_EAGER = True\n"
    campus.patch(eager)
    assert campus.manage("migrate", "--run-syncdb").returncode == 0
    whole = campus.config.read_text("utf-8")
    done = campus.run(f"""{RETIRE}
from learnrelay_openedx.django_app import tasks
tasks.forget_retired.max_retries = 0
User.objects.create(id=7, username="mira")
open({str(campus.config)!r}, "w").write("[platform")
signals.USER_RETIRE_LMS_MISC.send(sender=None, user=user)
from django.core.management import call_command
call_command("learnrelay", "forget-retired")
""")
    assert "a retired learner is not forgotten after 8 attempts" in done.stderr
    assert "learnrelay ended with 1" in done.stderr and "0 users forgotten, 1 not" in done.stdout
    shown = campus.manage("learnrelay", "check").stderr
    assert ", last tried 2" in shown and "not valid TOML" in shown.partition("warning: retirements: 1 retired")[2]

    campus.config.write_text(whole, "utf-8")
    done = campus.run("""
from learnrelay_openedx.django_app.open_retirements import NOT_QUEUED, note_failure
from learnrelay_openedx.django_app.retirement import forget_learner
from django.contrib.auth.models import User
note_failure(7, NOT_QUEUED)
User.objects.create(id=8, username="ravi")
forget_learner(None, User(id=8))
""")
    assert (done.returncode, campus.enrolments()) == (0, []), done.stderr
    assert "retirements" not in campus.manage("learnrelay", "check").stderr


def test_the_next_retirement_queues_those_again_whose_task_is_gone(campus: CampusSite) -> None:
    """Given up after all attempts, or lost with the broker; a task that still waits is left alone."""
    campus.patch("CELERY_TASK_ALWAYS_EAGER = True\n")
    assert campus.manage("migrate", "--run-syncdb").returncode == 0
    done = campus.run("""
from datetime import timedelta
from django.contrib.auth.models import User
from django.utils import timezone
from learnrelay_openedx.django_app import retirement, tasks
from learnrelay_openedx.django_app.models import OpenRetirement
hour = timedelta(hours=1, minutes=5)
now = timezone.now()
for user_id, since, tried_at in ((1, 2 * hour, hour), (2, hour, None), (3, 2 * hour, hour / 3), (4, hour / 3, None)):
    OpenRetirement.objects.create(
        user_id=user_id, since=now - since, tried_at=tried_at and now - tried_at, reason="x" if tried_at else "")
queued = []
tasks.forget_retired.apply_async = lambda arguments, **_: queued.append(arguments[0])
for user_id in (8, 9):
    retirement.forget_learner(None, User.objects.create(id=user_id, username=f"user{user_id}"))
print(queued)
""")
    assert (done.returncode, done.stdout) == (0, "[8, 1, 2, 9]\n"), done.stderr


def test_a_platform_without_the_table_retires_all_the_same_and_check_names_the_cure(campus: CampusSite) -> None:
    campus.patch("CELERY_TASK_ALWAYS_EAGER = True\n")
    assert campus.manage("migrate", "--run-syncdb").returncode == 0
    assert campus.manage("migrate", "learnrelay", "zero").returncode == 0
    done = campus.run(f"""{RETIRE}
from django.db import transaction
with transaction.atomic():
    User.objects.create(id=7, username="mira")
    signals.USER_RETIRE_LMS_CRITICAL.send(sender=None, user=user)
assert User.objects.get().username == "mira"
""")
    assert (done.returncode, campus.enrolments()) == (0, [8]), done.stderr
    assert "retirements are not recorded (OperationalError)" in done.stderr
    checked = campus.manage("learnrelay", "check")
    assert (checked.returncode, "manage.py lms migrate learnrelay" in checked.stderr) == (0, True)


def test_addresses_of_sites_are_written_from_the_site_configurations_and_compared(campus: CampusSite) -> None:
    assert campus.manage("migrate", "--run-syncdb").returncode == 0
    done = campus.run("""
from openedx.core.djangoapps.site_configuration.models import SiteConfiguration
campus, harbour = "https://campus.example.org", "https://harbour.example.org"
for enabled, values in (
    (True, {"LMS_ROOT_URL": f"{harbour}/", "course_org_filter": ["Harbour", "Reef"]}),
    (True, {"LMS_ROOT_URL": campus, "course_org_filter": "Campus"}),
    (True, {"LMS_ROOT_URL": "https://late.example.org", "course_org_filter": "Reef"}),
    (True, {"LMS_ROOT_URL": "https://alone.example.org"}),
    (True, {"PLATFORM_NAME": "no address"}), (True, {}),
    (False, {"LMS_ROOT_URL": "https://off.example.org", "course_org_filter": "Off"}),
):
    SiteConfiguration.objects.create(enabled=enabled, site_values=values)
""")
    assert done.returncode == 0, done.stderr
    checked = campus.manage("learnrelay", "check").stderr
    assert "platform.sites differs from the platform's site configurations for Harbour, Reef;" in checked
    written = campus.manage("learnrelay", "sites")
    section = '[platform.sites]\n"Harbour" = "https://harbour.example.org"\n"Reef" = "https://harbour.example.org"\n'
    assert (written.returncode, written.stdout) == (1, section)
    assert "site configuration 3: Reef has another LMS_ROOT_URL in an earlier one" in written.stderr
    assert "site configuration 4 has LMS_ROOT_URL and no course_org_filter" in written.stderr
    campus.config.write_text(campus.config.read_text("utf-8") + section, "utf-8")
    checked = campus.manage("learnrelay", "check")
    assert (checked.returncode, "platform.sites differs" in checked.stderr) == (0, False)
