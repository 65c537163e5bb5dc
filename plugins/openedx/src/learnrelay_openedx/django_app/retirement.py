"""Forgets learners whom the platform retires.

The platform's signals say whom; a Celery task of the platform removes what waits here and has consumers erase the
learner that can. A retirement of the platform never fails or waits for that: what cannot be done now is tried again,
and ``manage.py lms learnrelay forget-retired`` does it for all users whose retirement the platform has on record.
Until a user is forgotten, the id is in `open_retirements`. No message and no table of ours holds the name.
"""

from __future__ import annotations

import logging
import sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import partial
from importlib import import_module
from io import StringIO
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import Error as DjangoError
from django.db import transaction

from learnrelay import LearnrelayError

from ..source import OpenedxSource
from .open_retirements import (
    NOT_QUEUED,
    REPEAT,
    list_abandoned,
    list_users,
    note_failure,
    note_forgotten,
    note_queued,
    note_retirement,
)

log = logging.getLogger(__name__)

SIGNALS = "openedx.core.djangoapps.user_api.accounts.signals"
RETIREMENTS = ("USER_RETIRE_LMS_MISC", "USER_RETIRE_LMS_CRITICAL")
"""Both, because not every site sends the first, and after it the learner's last statements may come. The user has the
original name in both."""

LEFT = "something was left"


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
    """Notes a user, and queues the task when that is committed: it may run at once. Raises nothing."""
    if config_path() is None:
        return
    note_retirement(user.id)
    try:
        transaction.on_commit(partial(queue_task, user.id))
    except DjangoError as error:  # of a transaction that is spoilt, which the platform rolls back
        log.error("a retired learner is not forgotten yet (%s); %s does it", type(error).__name__, REPEAT)


def queue_task(user_id: int) -> None:
    """Queues the task that forgets a user, and those that are not tried any more. Raises nothing."""
    from .tasks import forget_retired  # imports Celery

    for queued_id in (user_id, *(other for other in list_abandoned() if other != user_id)):
        try:
            forget_retired.apply_async([queued_id], argsrepr="(…)", retry=False)
        except (
            Exception
        ) as error:  # of the broker; the platform's retirement goes on, and waits for one attempt at most
            log.error("a retired learner is not forgotten yet: %s (%s); %s", NOT_QUEUED, type(error).__name__, _CURE)
            note_failure(queued_id, NOT_QUEUED)
            return
        if queued_id != user_id:
            note_queued(queued_id)


_CURE = f"the next retirement tries again, and so does {REPEAT}"


def config_path() -> str | None:
    """Returns the path of the operator's file; None where the app is off."""
    path = getattr(settings, "LEARNRELAY_CONFIG", None)
    return str(path) if path and getattr(settings, "LEARNRELAY_ENABLED", True) else None


def run_forget(path: str, user_id: int, username: str | None) -> tuple[bool, str]:
    """Runs ``learnrelay forget`` for a user. Returns whether nothing was left, and what it printed.

    Raises LearnrelayError.
    """
    from learnrelay.cli.forget import command

    printed = StringIO()
    name = [] if username is None else ["--username", username]
    arguments = ["--config", path, "--user-id", str(user_id), *name, "--yes"]
    with redirect_stdout(printed), redirect_stderr(printed):
        try:
            command.main(arguments, "forget", standalone_mode=False)
        except SystemExit as end:
            return not end.code, printed.getvalue()
    return True, printed.getvalue()


def find_username(user_id: int) -> str | None:
    """Returns the name that a user has or had; None where the platform does not know it any more.

    Raises django.db.Error.
    """
    with suppress(LookupError):  # another platform
        statuses = apps.get_model("user_api", "UserRetirementStatus").objects.filter(user_id=user_id)
        if name := statuses.values_list("original_username", flat=True).first():
            return str(name)
    name = get_user_model().objects.filter(id=user_id).values_list("username", flat=True).first()
    prefix = getattr(settings, "RETIRED_USERNAME_PREFIX", OpenedxSource.retired_prefix)
    return None if name is None or name.startswith(prefix) else str(name)


def forget_all_retired(path: str) -> int:
    """Forgets the users whose retirement the platform has on record and has begun, and all that are noted here.

    Prints what is left of whom. Returns the exit code. A user who has only asked for it can go back.
    """
    statuses = apps.get_model("user_api", "UserRetirementStatus").objects.exclude(current_state__state_name="PENDING")
    users = dict.fromkeys([*statuses.order_by("user_id").values_list("user_id", flat=True), *list_users()])
    left = 0
    for user_id in users:
        if (username := find_username(user_id)) is None:
            print(f"user {user_id}: the platform has no name any more; forgotten is what has the id", file=sys.stderr)
        try:
            is_complete, printed = run_forget(path, user_id, username)
            reason = LEFT
        except LearnrelayError as error:
            is_complete, printed = False, str(error)
            reason = printed
        if is_complete:
            note_forgotten(user_id)
        else:
            left += 1
            note_failure(user_id, reason)
            print(f"user {user_id}: {printed}", file=sys.stderr)
    print(f"{len(users) - left:,} users forgotten, {left:,} not")
    return 1 if left else 0
