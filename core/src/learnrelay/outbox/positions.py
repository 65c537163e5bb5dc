"""Keeps in the outbox how far each input has been stored, and which process reads it.

The position is written in the transaction that stores the statements, by the process that holds the input: one that
has lost it to another stores nothing.
"""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from ..errors import OutboxError
from .database import Transaction
from .store import Store

_HELD_BY_US: set[str] = set()
"""Tokens of the inputs that this process holds."""


class InputHeldError(OutboxError):
    """Reports that another process reads an input, or has taken it over."""


class InputPosition:
    """Holds an input for this process, and stores its position.

    The holder's name has host, process and the time at which that began: of a process of this host that is gone, the
    input is taken over at once, of any other after ``delivery.lease``.
    """

    def __init__(self, store: Store, name: str) -> None:
        self.name = name
        self._store = store
        self._token = f"{_machine()}/{os.getpid()}/{_start_of(os.getpid())}/{secrets.token_hex(4)}"
        self._renew_at = 0.0

    def claim(self) -> Any:
        """Takes the input and returns the stored position; None when there is none. Raises InputHeldError."""
        now = self._store.clock()
        with self._store.database.transaction() as transaction:
            transaction.change(
                """INSERT INTO learnrelay_input (input, position, holder, held_until, stored)
                VALUES (:input, '', '', 0, 0) ON CONFLICT (input) DO NOTHING""",
                input=self.name,
            )
            ((position, holder, held_until),) = transaction.execute(
                f"""SELECT position, holder, held_until FROM learnrelay_input WHERE input = :input
                {transaction.dialect.lock}""",  # noqa: S608
                input=self.name,
            )
            lease = self._store.settings.lease
            # A clock that was ahead must not keep the input for longer than a lease.
            if holder not in ("", self._token) and now < held_until <= now + lease + 1 and not _is_gone(holder):
                machine, process = holder.split("/")[:2]
                raise InputHeldError(f"input {self.name}: process {process} of {machine.partition(':')[0]} reads it")
            transaction.change(
                "UPDATE learnrelay_input SET holder = :token, held_until = :until WHERE input = :input",
                token=self._token,
                until=now + lease,
                input=self.name,
            )
        _HELD_BY_US.add(self._token)
        self._renew_at = self._store.elapsed() + lease / 3
        return orjson.loads(position) if position else None

    def write(self, transaction: Transaction, position: Any) -> None:
        """Writes the position in the caller's transaction. Raises InputHeldError; then all of that must be undone."""
        now = self._store.clock()
        self._change(
            transaction,
            "position = :position, stored = :now, held_until = :until",
            position=orjson.dumps(position).decode(),
            now=now,
            until=now + self._store.settings.lease,
        )
        self._renew_at = self._store.elapsed() + self._store.settings.lease / 3

    def renew_if_due(self) -> None:
        """Keeps the input while nothing comes. Raises InputHeldError, OutboxError."""
        if self._store.elapsed() < self._renew_at:
            return
        with self._store.database.transaction(durable=False) as transaction:
            until = self._store.clock() + self._store.settings.lease
            self._change(transaction, "held_until = :until", until=until)
        self._renew_at = self._store.elapsed() + self._store.settings.lease / 3

    def _change(self, transaction: Transaction, changes: str, **values: Any) -> None:
        changed = transaction.change(
            f"UPDATE learnrelay_input SET {changes} WHERE input = :input AND holder = :token",  # noqa: S608
            input=self.name,
            token=self._token,
            **values,
        )
        if not changed:
            raise InputHeldError(f"input {self.name}: another process has taken it over")

    def release(self) -> None:
        """Lets other processes read the input. Raises OutboxError."""
        _HELD_BY_US.discard(self._token)
        with self._store.database.transaction(durable=False) as transaction:
            transaction.change(
                "UPDATE learnrelay_input SET holder = '', held_until = 0 WHERE input = :input AND holder = :token",
                input=self.name,
                token=self._token,
            )


def _is_gone(holder: str) -> bool:
    """Tells whether a holder is a process of this host that has ended."""
    machine, process, started, _ = holder.split("/")
    if machine != _machine():
        return False
    if int(process) == os.getpid() and started == _start_of(os.getpid()):
        return holder not in _HELD_BY_US
    return _start_of(int(process)) != started


@cache
def _machine() -> str:
    """Names the host, and on Linux its namespace of processes: containers may have one host name."""
    with suppress(OSError):
        return f"{socket.gethostname()}:{Path('/proc/self/ns/pid').readlink().name}"
    return socket.gethostname()


def _start_of(process: int) -> str:
    """Returns when a process began, in the kernel's ticks; empty if it is gone, "?" where the kernel does not tell."""
    try:
        state, *values = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return "" if state in "ZX" else values[18]
    except (FileNotFoundError, ProcessLookupError):
        return "" if Path("/proc/self").exists() else "?"
    except OSError:
        return "?"


def read_positions(transaction: Transaction) -> list[tuple[str, Any, float]]:
    """Reads (input, position, when it was stored) of all inputs."""
    rows = transaction.execute("SELECT input, position, stored FROM learnrelay_input ORDER BY input")
    return [(name, orjson.loads(position) if position else None, stored) for name, position, stored in rows]
