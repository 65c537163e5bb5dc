"""Forgets learners whom the platform retires.

The platform's signals say whom; a Celery task of the platform removes what waits here and has consumers erase the
learner that can. A retirement of the platform never fails or waits for that: what cannot be done now is tried again,
and ``manage.py lms learnrelay forget-retired`` does it for all users whose retirement the platform has on record.
"""

from __future__ import annotations

import logging
import sys
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from io import StringIO
from typing import Any

from django.apps import apps
from django.conf import settings

from learnrelay import LearnrelayError

log = logging.getLogger(__name__)

SIGNALS = "openedx.core.djangoapps.user_api.accounts.signals"
RETIREMENTS = ("USER_RETIRE_LMS_MISC", "USER_RETIRE_LMS_CRITICAL")
"""Both, because not every site sends the first, and after it the learner's last statements may come. The user has the
original name in both."""

_unqueued: list[tuple[int, str]] = []
"""Id and name of learners whose task the broker did not take from this process."""


def connect() -> None:
    """Listens to the platform's retirements; outside of a platform there are none."""
    try:
        signals = import_module(SIGNALS)
    except ImportError as error:
        log.info("retirements are not listened to: %s", error)
        return
    for name in RETIREMENTS:
        if (signal := getattr(signals, name, None)) is None:
            log.error("retirements: this platform has no signal %s; run manage.py lms learnrelay forget-retired", name)
        else:
            signal.connect(forget_learner, dispatch_uid=f"{__name__}.{name}")


def forget_learner(sender: Any, user: Any, **_: Any) -> None:
    """Queues the task that forgets a user, and those that could not be queued before. Raises nothing."""
    if config_path() is None:
        return
    from .tasks import forget_retired  # imports Celery

    if (learner := (user.id, user.username)) not in _unqueued:
        _unqueued.append(learner)
    try:
        while _unqueued:
            forget_retired.apply_async(_unqueued[-1], argsrepr="(…)", retry=False)
            _unqueued.pop()
    except Exception as error:  # of the broker; the platform's retirement goes on, and waits for one attempt at most
        log.error(
            "a retired learner is not forgotten yet, the broker did not take the task (%s); %d wait in this process. "
            "The next retirement tries again, and so does manage.py lms learnrelay forget-retired",
            type(error).__name__, len(_unqueued),
        )  # fmt: skip


def config_path() -> str | None:
    """Returns the path of the operator's file; None where the app is off."""
    path = getattr(settings, "LEARNRELAY_CONFIG", None)
    return str(path) if path and getattr(settings, "LEARNRELAY_ENABLED", True) else None


def run_forget(path: str, user_id: int, username: str) -> tuple[bool, str]:
    """Runs ``learnrelay forget`` for a user. Returns whether nothing was left, and what it printed.

    Raises LearnrelayError.
    """
    from learnrelay.cli.forget import command

    printed = StringIO()
    arguments = ["--config", path, "--user-id", str(user_id), "--username", username, "--yes"]
    with redirect_stdout(printed), redirect_stderr(printed):
        try:
            command.main(arguments, "forget", standalone_mode=False)
        except SystemExit as end:
            return not end.code, printed.getvalue()
    return True, printed.getvalue()


def forget_all_retired(path: str) -> int:
    """Forgets all users whose retirement the platform has on record and has begun. Returns the exit code.

    Prints what is left of whom. A user who has only asked for it can go back.
    """
    statuses = apps.get_model("user_api", "UserRetirementStatus").objects.exclude(current_state__state_name="PENDING")
    users = list(statuses.order_by("user_id").values_list("user_id", "original_username"))
    left = 0
    for user_id, username in users:
        try:
            is_complete, printed = run_forget(path, user_id, username)
        except LearnrelayError as error:
            is_complete, printed = False, str(error)
        if not is_complete:
            left += 1
            print(f"user {user_id}: {printed}", file=sys.stderr)
    print(f"{len(users) - left:,} users forgotten, {left:,} not")
    return 1 if left else 0
