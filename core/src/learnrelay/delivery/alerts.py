"""Alerts: said once when a destination is not well, and once when it is well again, on each channel by itself.

What a channel was told stands in the outbox, so that several processes say it once, and a restart does not say it
again.
"""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING

import requests

from ..config.models import Alerts, Retry
from ..errors import OutboxError
from ..secrets import Secret
from .backoff import Backoff
from .outbox import Outbox, Status
from .queue import DEFERRED

if TYPE_CHECKING:
    from .database import Transaction

log = logging.getLogger("learnrelay.delivery")

_CALM = 0.8  # a figure is well again below this part of its threshold, so that it does not flutter
_PATIENCE = 10.0  # seconds for a webhook or a command
_RETRY = Retry(backoff=30.0, ceiling=3600.0)  # of a channel that fails

Message = Mapping[str, str]
"""What a channel is told: ``destination``, ``condition``, ``state`` (raised or cleared), ``message``."""


class Channel:
    """One way to tell somebody; pauses by itself while it fails."""

    def __init__(self, name: str, tell: Callable[[Message], None]) -> None:
        self.name = name
        self.tell = tell
        self.quiet_until = 0.0  # seconds since 1970
        self._failures = 0
        self._backoff = Backoff(_RETRY)

    def failed(self, now: float) -> None:
        """Not before a while."""
        self._failures += 1
        self.quiet_until = now + self._backoff.wait(self._failures)

    def worked(self) -> None:
        """The next failure is the first one again."""
        self._failures = 0


_LOG = "log"


def channels_of(alerts: Alerts) -> list[Channel]:
    """The log, and what the operator's file names."""
    channels = [Channel(_LOG, _to_log)]
    if (webhook := alerts.webhook) is not None:
        channels.append(Channel("webhook", lambda message: _to_webhook(webhook, message)))
    if command := alerts.command:
        channels.append(Channel("command", lambda message: _to_command(command, message)))
    return channels


def _to_log(message: Message) -> None:
    level = logging.ERROR if message["state"] == "raised" else logging.WARNING
    log.log(level, "alert %s: %s", message["state"], message["message"])


def _to_webhook(webhook: Secret, message: Message) -> None:
    with _unlogged():
        address = webhook.reveal()
        with requests.post(address, json=message, timeout=_PATIENCE, allow_redirects=False, stream=True) as answer:
            if not 200 <= answer.status_code < 300:
                raise requests.HTTPError


def _to_command(command: tuple[str, ...], message: Message) -> None:
    subprocess.run(command, input=json.dumps(message).encode(), timeout=_PATIENCE, check=True)  # noqa: S603  # operator's


class Watch:
    """Compares the outbox's figures with ``delivery.alerts``."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._alerts = outbox.settings.alerts
        self._channels = channels_of(self._alerts)

    def check(self) -> None:
        """Raise what is new, clear what is over. Raises OutboxError; a channel that fails is tried again later."""
        told = self._told()
        for status in self._outbox.status().values():
            name = status.destination
            known = {
                channel.name: {condition for one, condition, to in told if (one, to) == (name, channel.name)}
                for channel in self._channels
            }
            found = dict(self._conditions(status, known[_LOG]))
            for channel in self._channels:
                standing = known[channel.name]
                for condition in found.keys() - standing:
                    self._change(channel, name, condition, found[condition], raised=True)
                for condition in standing - found.keys():
                    self._change(channel, name, condition, "well again", raised=False)

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

    def _told(self) -> set[tuple[str, str, str]]:
        with self._outbox.database.transaction(write=False) as transaction:
            return {(name, condition, channel) for name, condition, channel in transaction.execute(_SELECT)}

    def _change(self, channel: Channel, destination: str, condition: str, words: str, *, raised: bool) -> None:
        if channel.quiet_until > self._outbox.clock():
            return
        row = {"destination": destination, "condition": condition, "channel": channel.name}
        with self._outbox.database.transaction() as transaction:
            if not self._write(transaction, row, raised=raised):
                return  # another process says it
        message = {
            "destination": destination,
            "condition": condition,
            "state": "raised" if raised else "cleared",
            "message": f"learnrelay: destination {destination}: {words if raised else f'{condition}: {words}'}",
        }
        try:
            channel.tell(message)
        except (OSError, subprocess.SubprocessError) as error:
            channel.failed(self._outbox.clock())
            # Not the error's text: a webhook's address is a secret.
            log.error(
                "alert of %s, %s %s: not delivered by %s (%s), tried again later",
                destination, condition, message["state"], channel.name, type(error).__name__,
            )  # fmt: skip
            with self._outbox.database.transaction() as transaction:
                self._write(transaction, row, raised=not raised)
        else:
            channel.worked()

    def _write(self, transaction: Transaction, row: Mapping[str, str], *, raised: bool) -> int:
        if raised:
            return transaction.change(_INSERT, since=self._outbox.clock(), **row)
        return transaction.change(_DELETE, **row)


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


_SELECT = "SELECT destination, condition, channel FROM learnrelay_alert"
_INSERT = """INSERT INTO learnrelay_alert (destination, condition, channel, since)
    VALUES (:destination, :condition, :channel, :since) ON CONFLICT DO NOTHING"""
_DELETE = """DELETE FROM learnrelay_alert
    WHERE destination = :destination AND condition = :condition AND channel = :channel"""


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
    """What is due once in a while: alerts, and the end of old dead letters. Raises nothing."""
    try:
        watch.check()
        if dropped := outbox.dead_letters.expire():
            log.warning("retention: %d old dead letter(s) dropped", dropped)
    except OutboxError as error:  # who delivers says it, once
        log.debug("alerts and retention: %s", error)
