"""Alerts: said once when a destination is not well, and once when it is well again.

What is raised stands in the outbox, so that several processes say it once, and a restart does not say it again.
"""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING

import requests

from ..errors import OutboxError
from .outbox import Outbox, Status
from .queue import DEFERRED

if TYPE_CHECKING:
    from .database import Transaction

log = logging.getLogger("learnrelay.delivery")

_CALM = 0.8  # a figure is well again below this part of its threshold, so that it does not flutter
_PATIENCE = 10.0  # seconds for a webhook or a command


class Watch:
    """Compares the outbox's figures with ``delivery.alerts``."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._alerts = outbox.settings.alerts

    def check(self) -> None:
        """Raise what is new, clear what is over. Raises OutboxError; a webhook that fails is tried again next time."""
        raised = self._raised()
        for status in self._outbox.status().values():
            standing = {condition for name, condition in raised if name == status.destination}
            found = dict(self._conditions(status, standing))
            for condition in found.keys() - standing:
                self._change(status.destination, condition, found[condition], raised=True)
            for condition in standing - found.keys():
                self._change(status.destination, condition, "well again", raised=False)

    def _conditions(self, status: Status, standing: set[str]) -> Iterator[tuple[str, str]]:
        now = self._outbox.clock()
        limits = self._alerts
        failing = now - status.failing_since if status.failing_since else 0.0
        if status.halted:
            yield "halted", f"halted: {status.paused}"
        figures: tuple[tuple[str, float | None, float | None, str], ...] = (
            ("unavailable", 0.0 if status.halted else failing, limits.unavailable, f"unavailable: {status.paused}"),
            ("waiting", status.waiting, limits.waiting, f"{status.waiting} statements wait"),
            ("age", status.oldest_age, limits.age, f"the oldest statement waits for {status.oldest_age or 0:.0f} s"),
            ("dead", status.dead - status.conflicts, limits.dead, f"{status.dead - status.conflicts} dead letters"),
        )
        for condition, figure, limit, words in figures:
            if limit is not None and figure and figure >= limit * (_CALM if condition in standing else 1.0):
                yield condition, words

    def _raised(self) -> set[tuple[str, str]]:
        with self._outbox.database.transaction(write=False) as transaction:
            return {(name, condition) for name, condition in transaction.execute(_SELECT)}

    def _change(self, destination: str, condition: str, words: str, *, raised: bool) -> None:
        with self._outbox.database.transaction() as transaction:
            if not self._write(transaction, destination, condition, raised=raised):
                return  # another process says it
        try:
            self._tell(destination, condition, words, raised=raised)
        except (OSError, subprocess.SubprocessError) as error:
            # Not the error's text: a webhook's address is a secret.
            log.error("alert of %s: not delivered (%s), tried again", destination, type(error).__name__)
            with self._outbox.database.transaction() as transaction:
                self._write(transaction, destination, condition, raised=not raised)

    def _write(self, transaction: Transaction, destination: str, condition: str, *, raised: bool) -> int:
        names = {"destination": destination, "condition": condition}
        if raised:
            return transaction.change(_INSERT, since=self._outbox.clock(), **names)
        return transaction.change(_DELETE, **names)

    def _tell(self, destination: str, condition: str, words: str, *, raised: bool) -> None:
        message = {
            "destination": destination,
            "condition": condition,
            "state": "raised" if raised else "cleared",
            "message": f"learnrelay: destination {destination}: {words if raised else f'{condition}: {words}'}",
        }
        if self._alerts.webhook:
            with _unlogged():
                requests.post(
                    self._alerts.webhook.reveal(), json=message, timeout=_PATIENCE, allow_redirects=False
                ).raise_for_status()
        if self._alerts.command:
            line = json.dumps(message).encode()
            subprocess.run(self._alerts.command, input=line, timeout=_PATIENCE, check=True)  # noqa: S603  # operator's
        log.log(logging.ERROR if raised else logging.WARNING, "alert %s: %s", message["state"], message["message"])


@contextmanager
def _unlogged() -> Iterator[None]:
    """urllib3 logs the address of each request at DEBUG; that of a webhook is a secret."""
    here = get_ident()

    def of_another(record: logging.LogRecord) -> bool:
        return record.thread != here

    logger = logging.getLogger("urllib3.connectionpool")
    logger.addFilter(of_another)
    try:
        yield
    finally:
        logger.removeFilter(of_another)


_SELECT = "SELECT destination, condition FROM learnrelay_alert"
_INSERT = """INSERT INTO learnrelay_alert (destination, condition, since)
    VALUES (:destination, :condition, :since) ON CONFLICT DO NOTHING"""
_DELETE = "DELETE FROM learnrelay_alert WHERE destination = :destination AND condition = :condition"


def tell_of_orphans(outbox: Outbox, destinations: Iterable[str]) -> None:
    """Warn of what waits for a destination that is not in the file any more. Raises nothing."""
    try:
        with outbox.database.transaction(write=False) as transaction:
            waiting = transaction.execute(
                "SELECT destination, SUM(waiting) FROM learnrelay_tally GROUP BY destination HAVING SUM(waiting) > 0"
            )
    except OutboxError:
        return  # who delivers says it
    known = {*destinations, DEFERRED}
    for name, number in waiting:
        if name not in known:
            log.warning(
                "destination %s: not in the file, but %d statement(s) wait for it; put it back, or give them up with "
                "learnrelay failed abandon",
                name,
                number,
            )


def keep_house(outbox: Outbox, watch: Watch) -> None:
    """What is due once in a while: alerts, and the end of old dead letters. Logs what fails, raises nothing."""
    try:
        watch.check()
        if dropped := outbox.dead_letters.expire():
            log.warning("retention: %d old dead letter(s) dropped", dropped)
    except OutboxError as error:
        log.error("%s", error)
