"""Keeps in the platform's database which retired users are not forgotten yet, and why.

Nothing here raises or spoils a transaction of the platform: where the table cannot be written, that is logged.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import Error as DjangoError
from django.db import transaction
from django.db.models import Count, Max, Min, Q
from django.utils import timezone

from .models import LONGEST_REASON, OpenRetirement

log = logging.getLogger(__name__)

REPEAT = "manage.py lms learnrelay forget-retired"
MIGRATE = "manage.py lms migrate learnrelay"
NOT_QUEUED = "the broker did not take the task"
"""Reason of those who are queued again with the next retirement."""
NOT_TRIED = "its task has not run yet"

LONGEST_SILENCE = timedelta(hours=1)
"""Twice the longest pause between two attempts: after it a task has given up, or is gone with its broker."""

MOST_AT_ONCE = 100
"""Users that one retirement queues again: it waits for the broker meanwhile."""


def note_retirement(user_id: int) -> None:
    """Notes that a user is to be forgotten, in the transaction that is open."""
    with _unharmed_platform():
        OpenRetirement.objects.get_or_create(user_id=user_id, defaults={"since": timezone.now()})


def note_failure(user_id: int, reason: str) -> None:
    """Notes why a user could not be forgotten."""
    now = timezone.now()
    failure = {"tried_at": now, "reason": reason[:LONGEST_REASON]}
    with _unharmed_platform():
        if not OpenRetirement.objects.filter(user_id=user_id).update(**failure):
            OpenRetirement.objects.create(user_id=user_id, since=now, **failure)


def note_queued(user_id: int) -> None:
    """Notes that the broker has taken a task again, which counts as an attempt until the next one."""
    with _unharmed_platform():
        rows = OpenRetirement.objects.filter(user_id=user_id)
        rows.filter(reason=NOT_QUEUED).update(reason="")  # unless it has run already
        rows.update(tried_at=timezone.now())


def note_forgotten(user_id: int) -> None:
    """Notes that nothing is left to do for a user."""
    with _unharmed_platform():
        OpenRetirement.objects.filter(user_id=user_id).delete()


def list_users() -> Sequence[int]:
    """Lists the ids of those who are not forgotten, oldest first."""
    users: list[int] = []
    with _unharmed_platform():
        users += OpenRetirement.objects.order_by("since").values_list("user_id", flat=True)
    return users


def list_abandoned() -> Sequence[int]:
    """Lists the ids of those for whom no task waits any more, oldest first, and not too many."""
    until = timezone.now() - LONGEST_SILENCE
    is_silent = Q(tried_at__lt=until) | Q(tried_at=None, since__lt=until)
    users: list[int] = []
    with _unharmed_platform():
        rows = OpenRetirement.objects.filter(Q(reason=NOT_QUEUED) | is_silent).order_by("since")
        users += rows.values_list("user_id", flat=True)[:MOST_AT_ONCE]
    return users


def list_warnings() -> Iterator[str]:
    """Yields how many users are not forgotten, for each reason, and how to repeat it; no name, and no id."""
    try:
        rows = list(
            OpenRetirement.objects.values_list("reason")
            .annotate(Count("user_id"), Min("since"), Max("tried_at"))
            .order_by("reason")
        )
    except DjangoError as error:
        yield f"retirements: the platform's database does not say what is open ({type(error).__name__}): {MIGRATE}"
        return
    for reason, number, since, tried_at in rows:
        users = "1 retired user is" if number == 1 else f"{number:,} retired users are"
        tried = f", last tried {_minute(tried_at)}" if tried_at else ""
        yield (
            f"retirements: {users} not forgotten, the first since {_minute(since)}{tried}: {reason or NOT_TRIED}; "
            f"repeat it with {REPEAT}"
        )


def _minute(moment: datetime) -> str:
    return f"{moment:%F %R} UTC"


@contextmanager
def _unharmed_platform() -> Iterator[None]:
    """Rolls back what fails in the block alone, and logs it."""
    try:
        with transaction.atomic():
            yield
    except DjangoError as error:
        log.error("retirements are not recorded (%s): is the table there? %s", type(error).__name__, MIGRATE)
