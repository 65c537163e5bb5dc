"""Holds the task that forgets a retired learner; the platform's Celery workers find it by the name of this module."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task

from learnrelay import LearnrelayError

from .open_retirements import REPEAT, note_failure, note_forgotten
from .retirement import LEFT, config_path, find_username, run_forget

log = logging.getLogger(__name__)

ATTEMPTS = 8
FIRST_PAUSE, LONGEST_PAUSE = 60, 1800
"""Seconds between attempts: twice as long each time, up to the longest. Redis hands on what waits for an hour."""


@shared_task(  # type: ignore[untyped-decorator]  # Celery has no types
    bind=True, name="learnrelay.forget_retired", acks_late=True, ignore_result=True, max_retries=ATTEMPTS - 1
)
def forget_retired(task: Any, user_id: int) -> None:
    """Forgets a user, and tries again later where something is away or is left.

    The broker gets the id alone: the name is looked up here.
    """
    if (path := config_path()) is None:
        return
    try:
        is_complete, _ = run_forget(path, user_id, find_username(user_id))
        reason = "" if is_complete else LEFT
    except LearnrelayError as error:
        reason = str(error)
    except Exception as error:  # of a plugin, or of the platform's database
        reason = type(error).__name__
    if not reason:
        note_forgotten(user_id)
        return
    note_failure(user_id, reason)
    if task.request.retries >= task.max_retries:
        log.error("a retired learner is not forgotten after %d attempts (%s): %s", ATTEMPTS, reason, _CURE)
        return
    log.warning("a retired learner is not forgotten yet (%s); it is tried again", reason)
    pause = min(FIRST_PAUSE * 2**task.request.retries, LONGEST_PAUSE)
    raise task.retry(countdown=pause, argsrepr="(…)")


_CURE = f"the next retirement tries again, and {REPEAT} says what is left"
