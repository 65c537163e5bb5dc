"""Sends an alert once when a destination fails and once when it has recovered, on each channel independently.

The alerts that each channel was sent are stored in the outbox, so that several processes send an alert once, and a
restart does not send it again.
"""

from __future__ import annotations

import json
import logging
import socket
import subprocess
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import get_ident

import requests
from requests.utils import get_auth_from_url

from ..config.models import Alerts, Retry
from ..config.secrets import Secret
from ..core_auth.constant import BasicAuth
from ..core_sinks.http_client import Client
from ..errors import DeliveryError, OutboxError
from ..outbox.database import Transaction
from ..outbox.history import record_history
from ..outbox.looks import claim_check, read_unattended
from ..outbox.outbox import Outbox, Status
from ..outbox.queue import DEFERRED, SPOOL
from ..outbox.spool_reader import SpoolStatus
from ..outbox.time_limits import remaining_time, time_limit
from ..standards import Request
from .backoff import Backoff

log = logging.getLogger("learnrelay.delivery")

_CLEAR_RATIO = 0.8  # an alert is cleared below this part of its threshold, so that it does not flutter
_REFUSAL_STANDS = 900.0  # seconds after the last event that was not stored
INTAKE = "(intake)"  # in the place of a destination
_TIMEOUT = 10.0  # seconds for a webhook or a command, unless the caller has less
_UNDOING = 0.2  # seconds that a caller with little time keeps to take back an alert that a channel did not take
_LOOK = 0.25  # seconds for the look of a process that emits
_RETRY = Retry(backoff=30.0, ceiling=3600.0)  # of a channel that fails

AlertMessage = Mapping[str, str]
"""``destination``, ``condition``, ``state`` (raised or cleared) and ``message``."""


class AlertChannel:
    """Sends alerts to the log, a webhook or a command; pauses while it fails."""

    def __init__(self, name: str, send: Callable[[AlertMessage], None]) -> None:
        self.name = name
        self.send = send
        self.paused_until = 0.0  # seconds since 1970
        self._failures = 0
        self._backoff = Backoff(_RETRY)

    def record_failure(self, now: float) -> None:
        """Pauses the channel, longer with each failure in a row."""
        self._failures += 1
        self.paused_until = now + self._backoff.wait(self._failures)

    def record_success(self) -> None:
        """Ends a row of failures."""
        self._failures = 0


_LOG = "log"


def make_channels(alerts: Alerts) -> list[AlertChannel]:
    """Makes the channels: the log, and those that the configuration file names."""
    channels = [AlertChannel(_LOG, _send_to_log)]
    if (webhook := alerts.webhook) is not None:
        channels.append(AlertChannel("webhook", lambda message: _send_to_webhook(webhook, message)))
    if command := alerts.command:
        channels.append(AlertChannel("command", lambda message: _run_command(command, message)))
    return channels


def _send_to_log(message: AlertMessage) -> None:
    level = logging.ERROR if message["state"] == "raised" else logging.WARNING
    log.log(level, "alert %s: %s", message["state"], message["message"])


def _send_to_webhook(webhook: Secret, message: AlertMessage) -> None:
    """Posts a message as to a destination: in bounded time, with no credentials but those in the address."""
    address = webhook.reveal()
    username, password = get_auth_from_url(address)
    auth = BasicAuth({"username": username, "password": Secret(password, webhook.source)}) if username else None
    client = Client(address, _channel_timeout(), auth)
    try:
        with _without_request_log():
            answer = client.post(Request(json.dumps(message).encode(), {"Content-Type": "application/json"}))
    finally:
        client.close()
    if not 200 <= answer.status < 300:
        raise requests.HTTPError


def _run_command(command: tuple[str, ...], message: AlertMessage) -> None:
    words = json.dumps(message).encode()
    subprocess.run(command, input=words, timeout=_channel_timeout(), check=True)  # noqa: S603  # operator's


def _channel_timeout() -> float:
    return max(_UNDOING, min(_TIMEOUT, remaining_time() - _UNDOING))


def find_conditions(
    status: Status, limits: Alerts, now: float, standing: Container[str] = ()
) -> Iterator[tuple[str, str]]:
    """Yields the conditions that hold at ``now``, each with its message; ``standing`` ones clear at a lower value."""
    failing = now - status.failing_since if status.failing_since else 0.0
    unattended = None if status.orphaned else status.unattended
    if status.halted:
        yield "halted", f"halted: {status.paused}"
    values: tuple[tuple[str, float | None, float | None, str], ...] = (
        (
            "unattended",
            unattended,
            limits.unattended,
            _say_unattended(unattended or 0.0),
        ),
        ("unavailable", 0.0 if status.halted else failing, limits.unavailable, f"unavailable: {status.paused}"),
        ("waiting", status.waiting, limits.waiting, f"{status.waiting} statements wait"),
        ("age", status.oldest_age, limits.age, f"the oldest statement waits for {status.oldest_age or 0:.0f} s"),
        ("dead", status.dead, limits.dead, f"{status.dead} dead letters"),
    )
    for condition, value, limit, message in values:
        if limit is not None and value and value >= limit * (_CLEAR_RATIO if condition in standing else 1.0):
            yield condition, message


def _say_unattended(seconds: float) -> str:
    return f"nobody has delivered for {seconds:.0f} s: is a worker up?"


def find_refusals(refusals: Mapping[str, tuple[int, float]], now: float) -> Iterator[tuple[str, str]]:
    """Yields a condition with its message for each reason why events were not stored of late.

    ``refusals``: reason → number of events, and when the last one was not stored.
    """
    for reason, (number, latest) in refusals.items():
        if latest > now - _REFUSAL_STANDS:
            yield f"not stored: {reason}", f"{number:,} events were not stored since the outbox was made: {reason}"


def find_spool_conditions(spool: SpoolStatus, limits: Alerts) -> Iterator[tuple[str, str]]:
    """Yields the conditions of this machine's spool, each with its message."""
    age = spool.oldest_age or 0.0
    if limits.unattended is not None and age >= limits.unattended:
        yield "unattended", f"nobody has taken in the spool of this machine for {age:.0f} s: is a worker up here?"
    if spool.damaged:
        yield "damaged", f"{spool.damaged:,} damaged files are kept in the folder of the spool"


class AlertMonitor:
    """Compares the status of the destinations and of this machine's spool with the thresholds of ``delivery.alerts``.

    ``destinations``: those of the configuration file.
    """

    def __init__(self, outbox: Outbox, destinations: Iterable[str] = ()) -> None:
        self._outbox = outbox
        self._destinations = tuple(destinations)
        self._alerts = outbox.settings.alerts
        self._channels = make_channels(self._alerts)
        self._spool = f"{SPOOL} of {socket.gethostname()}"  # each machine has its own, and they share the alerts

    def check(self) -> None:
        """Raises new alerts and clears those that are over. A channel that fails is tried again later.

        Raises OutboxError.
        """
        standing_alerts = self._read_alerts()
        now = self._outbox.clock()
        for status in self._outbox.status(self._destinations).values():
            standing = self._standing(status.destination, standing_alerts)
            conditions = find_conditions(status, self._alerts, now, standing[_LOG])
            self._compare(status.destination, standing, dict(conditions))
        refusals = dict(find_refusals(self._outbox.read_refusals(), now))
        self._compare(INTAKE, self._standing(INTAKE, standing_alerts), refusals)
        of_spool = dict(find_spool_conditions(self._outbox.read_spool_status(), self._alerts))
        self._compare(self._spool, self._standing(self._spool, standing_alerts), of_spool)

    def check_unattended(self, interval: float) -> None:
        """Raises the alerts that nobody delivers, and clears none: for processes that emit and deliver nothing.

        One process of all sends them, once in ``interval`` seconds, within the `time_limit` of the caller. Raises
        OutboxError.
        """
        limit = self._alerts.unattended
        if limit is None:
            return
        with time_limit(_LOOK):
            unattended = read_unattended(self._outbox, self._destinations, limit)
            of_spool = find_spool_conditions(self._outbox.read_spool_status(), self._alerts)
        conditions = [(name, "unattended", _say_unattended(seconds)) for name, seconds in unattended.items()]
        conditions += [(self._spool, condition, text) for condition, text in of_spool]
        if not conditions:
            return
        standing = self._read_alerts()
        new = [
            (channel, *what)
            for channel in self._channels  # the log first, which takes no time
            for what in conditions
            if (*what[:2], channel.name) not in standing
        ]
        if new and claim_check(self._outbox, interval):
            for channel, name, condition, text in new:
                self._change(channel, name, condition, text, raised=True)

    def _standing(self, name: str, standing_alerts: set[tuple[str, str, str]]) -> dict[str, set[str]]:
        standing: dict[str, set[str]] = {channel.name: set() for channel in self._channels}
        for destination, condition, channel_name in standing_alerts:
            if destination == name and channel_name in standing:
                standing[channel_name].add(condition)
        return standing

    def _compare(self, name: str, standing: Mapping[str, set[str]], messages: Mapping[str, str]) -> None:
        for channel in self._channels:
            known = standing[channel.name]
            for condition in messages.keys() - known:
                self._change(channel, name, condition, messages[condition], raised=True)
            for condition in known - messages.keys():
                self._change(channel, name, condition, "recovered", raised=False)

    def _read_alerts(self) -> set[tuple[str, str, str]]:
        with self._outbox.database.transaction(write=False) as transaction:
            return {(name, condition, channel) for name, condition, channel in transaction.execute(_SELECT)}

    def _change(self, channel: AlertChannel, destination: str, condition: str, text: str, *, raised: bool) -> None:
        if channel.paused_until > self._outbox.clock() or remaining_time() < 2 * _UNDOING:
            return
        row = {"destination": destination, "condition": condition, "channel": channel.name}
        with self._outbox.database.transaction() as transaction:
            if not self._write(transaction, row, raised=raised):
                return  # another process has sent it
        message = {
            "destination": destination,
            "condition": condition,
            "state": "raised" if raised else "cleared",
            "message": f"learnrelay: destination {destination}: {text if raised else f'{condition}: {text}'}",
        }
        try:
            channel.send(message)
        except (OSError, subprocess.SubprocessError, DeliveryError) as error:
            channel.record_failure(self._outbox.clock())
            # Not the error's text: a webhook's address is a secret.
            log.error(
                "alert of %s, %s %s: not delivered by %s (%s), tried again later",
                destination, condition, message["state"], channel.name, type(error).__name__,
            )  # fmt: skip
            with self._outbox.database.transaction() as transaction:
                self._write(transaction, row, raised=not raised)
        else:
            channel.record_success()

    def _write(self, transaction: Transaction, row: Mapping[str, str], *, raised: bool) -> int:
        if raised:
            return transaction.change(_INSERT, since=self._outbox.clock(), **row)
        return transaction.change(_DELETE, **row)


@contextmanager
def _without_request_log() -> Iterator[None]:
    """Keeps urllib3 from logging the address of a request at DEBUG: a webhook's is a secret."""
    here = get_ident()

    def is_of_another_thread(record: logging.LogRecord) -> bool:
        return record.thread != here

    logger = logging.getLogger("urllib3.connectionpool")
    logger.addFilter(is_of_another_thread)
    try:
        yield
    finally:
        logger.removeFilter(is_of_another_thread)


_SELECT = "SELECT destination, condition, channel FROM learnrelay_alert"
_INSERT = """INSERT INTO learnrelay_alert (destination, condition, channel, since)
    VALUES (:destination, :condition, :channel, :since)
    ON CONFLICT (destination, condition, channel) DO NOTHING"""
_DELETE = """DELETE FROM learnrelay_alert
    WHERE destination = :destination AND condition = :condition AND channel = :channel"""


def warn_about_orphans(outbox: Outbox, destinations: Iterable[str]) -> None:
    """Warns of statements that wait for a destination which is no longer in the file. Raises nothing."""
    try:
        with outbox.database.transaction(write=False) as transaction:
            waiting = transaction.execute(
                """SELECT destination, SUM(waiting) FROM learnrelay_delivery_counter
                GROUP BY destination HAVING SUM(waiting) > 0"""
            )
    except OutboxError:
        return  # the drains log it
    known = {*destinations, DEFERRED}
    for name, number in waiting:
        if name not in known:
            log.warning(
                "destination %s: not in the file, but %d statement(s) wait for it; unless a worker with another file "
                "delivers to it, put it back, or give them up with learnrelay failed abandon",
                name,
                number,
            )


def run_maintenance(outbox: Outbox, monitor: AlertMonitor) -> None:
    """Checks the alerts, drops expired dead letters and takes the sample of the last minutes. Raises nothing."""
    try:
        monitor.check()
        record_history(outbox)
        if dropped := outbox.dead_letters.expire():
            log.warning("retention: %d old dead letter(s) dropped", dropped)
    except OutboxError as error:  # the drains log it, once
        log.debug("alerts and retention: %s", error)
