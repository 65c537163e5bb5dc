"""Implements the sink ``clickhouse``: one insert for each batch, which the server knows when it comes again."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from learnrelay import Standard, hookimpl
from learnrelay.config.models import Destination
from learnrelay.config.secrets import find_secrets
from learnrelay.errors import AuthError, SinkError
from learnrelay.sinks import Batch, ProbeResult, Repeats, Sink, SinkAnswer, Verdict

from .aspects_models import is_readable
from .rows import COLUMNS, TYPES, make_columns
from .settings import ASPECTS, ClickHouseSection
from .tables import TableInfo, find_derived_tables, read_table

if TYPE_CHECKING:
    from .connection import Connection, ServerError

INIT = "run `learnrelay clickhouse init`"
_HALTS = {
    16: f"the table has other columns: {INIT} for a new one, or set layout",
    60: f"the table {{table}} is missing, or one that its views need: {INIT}",
    81: f"the database of {{table}} is missing: {INIT}",
    164: "the user may only read",
    192: "there is no such user",
    193: "the credentials are refused",
    497: "the user has no right to insert into {table}, or to read what its views read",
    516: "the credentials are refused",
}
"""ClickHouse's error → what the operator has to change."""
_WAITS = {
    159: "it took too long",
    202: "it has too many queries",
    241: "it is out of memory",
    242: "the table is read-only",
    243: "its disk is full",
    252: "too many parts: use larger batches",
    319: "it is not known whether the insert was stored",
}
"""ClickHouse's error → why the batch has to wait. Those that are in none of the tables are waited for as well."""
_REFUSALS = frozenset({6, 26, 27, 38, 41, 53, 69, 70, 72, 117, 131, 321, 349, 376, 395, 407, 467, 469})
"""ClickHouse's errors about a value that cannot be read, converted or stored."""
_ENDED_EARLY = 32
_IN_A_FUNCTION = "while executing 'FUNCTION"
"""What distinguishes an empty value that is cast from a request that was cut off: both ended early."""
_WITHOUT_FAILING_VIEWS = {"materialized_views_ignore_errors": 1}
_HTTP_HALTS = frozenset({301, 302, 303, 307, 308, 401, 403, 404})
_TOO_LARGE = 413
_IDS_AT_ONCE = 2_000  # of a statement that deletes: a query has at most 256 KiB
_NEEDLES = 200  # of one search: ClickHouse takes 255


class ClickHouseSink(Sink):
    """Inserts batches into a table, by HTTP. Each thread that sends has one of its own."""

    name = "clickhouse"
    takes_voids = False  # they have no time, which a row needs
    settings_schema = ClickHouseSection
    repeats = Repeats.BY_BATCH

    @classmethod
    def describe(cls, settings: Mapping[str, Any]) -> str:
        """Names the table and the server."""
        return f"table {settings['table']} at {settings['url']}"

    @classmethod
    def warnings(cls, settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Warns where TLS does not protect what is sent."""
        if settings["verify"] is False:
            yield "verify_tls", "certificates are not checked"
        if settings["url"].startswith("http://") and any(find_secrets(settings)):
            yield "url", "credentials travel without TLS"

    @classmethod
    def problems(cls, settings: Mapping[str, Any], standard: Standard) -> Iterator[tuple[str, str]]:
        """Refuses statements that Aspects cannot read."""
        if settings["layout"] == ASPECTS and standard.name != "xapi":
            yield "layout", f'Aspects reads xAPI, not {standard.name}: set layout = "wide"'

    def __init__(self, settings: Mapping[str, Any], standard: Standard, destination: Destination) -> None:
        """Keeps the settings. Nothing is opened or imported yet."""
        super().__init__(settings, standard, destination)
        self._connection: Connection | None = None
        self._is_readable = is_readable if settings["layout"] == ASPECTS else _is_any

    def open(self) -> None:
        """Connects, and asks the server for its version. Raises SinkError."""
        from .connection import Connection, ServerError

        connection = Connection(self.settings, self.destination.timeout)
        try:
            connection.connect()
        except (ServerError, AuthError) as error:
            connection.close()
            raise SinkError(self._explain(error)) from None
        self._connection = connection

    def send(self, batch: Batch) -> SinkAnswer:
        """Inserts a batch, those apart that a model of Aspects cannot read.

        Statements that make no row are refused, before anything is sent.
        """
        from .connection import ServerError

        readable, others, refused = make_columns(batch.statements, self._is_readable)
        if refused:
            reason = next(iter(refused.values()))
            return SinkAnswer(Verdict.REFUSED, f"a statement makes no row: {reason}", reached=True, refused=refused)
        table = self.settings["table"]
        try:
            if readable.ids:
                self._open_connection.insert(table, COLUMNS, TYPES, readable.values(), batch.id)
            if others.ids:
                self._open_connection.insert(
                    table, COLUMNS, TYPES, others.values(), batch.id and f"{batch.id}-apart", _WITHOUT_FAILING_VIEWS
                )
        except AuthError as error:
            verdict = Verdict.HALTED if error.is_refusal else Verdict.RETRY
            return SinkAnswer(verdict, error.reason, "", error.retry_after, reached=False, answered=False)
        except ServerError as error:
            return SinkAnswer(
                self._judge(error),
                self._explain(error),
                error.text,
                reached=error.sent,
                answered=bool(error.code or error.status),
                status=error.status,
            )
        return SinkAnswer(Verdict.STORED)

    def probe(self) -> ProbeResult:
        """Checks table and rights by an insert of no rows, and which derived tables count repeats twice."""
        from .connection import ServerError

        connection, name = self._open_connection, self.settings["table"]
        try:
            connection.command(
                f"INSERT INTO {name} ({', '.join(COLUMNS)}) SELECT generateUUIDv4(), now64(6), '' WHERE 0"
            )
            table = self._read_table()
            forgetful = (
                [] if table is None else [each for each in self._list_tables(table) if not each.remembers_batches]
            )
        except (ServerError, AuthError) as error:
            return ProbeResult(False, self._explain(error))
        if not forgetful:
            return ProbeResult(True, name)
        names = ", ".join(f"{each.database}.{each.name}" for each in forgetful)
        return ProbeResult(True, f"{name}; a batch that is repeated is stored twice, until merged, in {names}: {INIT}")

    def erase(self, names: Collection[str]) -> int | None:
        """Deletes the rows of a learner, there and in derived tables that have the id of the statement.

        Returns when the server has rewritten them. The statements are read to see whom they name. Raises SinkError.
        """
        from .connection import ServerError

        try:
            table = self._read_table()
            if table is None:
                return 0
            ids = sorted(self._find_statements(names))
            tables = [each for each in self._list_tables(table) if "event_id" in each.columns]
            for start in range(0, len(ids), _IDS_AT_ONCE):
                words = ", ".join(f"'{each}'" for each in ids[start : start + _IDS_AT_ONCE])
                for each in reversed(tables):  # the table itself last: from it the ids are found again
                    self._open_connection.command(
                        f"ALTER TABLE {each.quoted} DELETE WHERE toString(event_id) IN ({words})",
                        {"mutations_sync": 2},
                    )
        except (ServerError, AuthError) as error:
            raise SinkError(self._explain(error)) from None
        return len(ids)

    def close(self) -> None:
        """Closes the connections."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def _open_connection(self) -> Connection:
        if self._connection is None:
            raise SinkError("the sink is not open")
        return self._connection

    def _read_table(self) -> TableInfo | None:
        return read_table(self._open_connection, *self.settings["table"].split("."))

    def _list_tables(self, table: TableInfo) -> list[TableInfo]:
        return [table, *find_derived_tables(self._open_connection, table)]

    def _find_statements(self, names: Collection[str]) -> set[str]:
        """Returns the ids of the statements that name one of the names as a learner."""
        forms = sorted({json.dumps(name, ensure_ascii=flag)[1:-1] for name in names for flag in (True, False)})
        wanted, ids = set(names), set[str]()
        for start in range(0, len(forms), _NEEDLES):
            rows = self._open_connection.query(
                f"SELECT toString(event_id), event FROM {self.settings['table']} "  # noqa: S608  # a checked name
                "WHERE multiSearchAny(event, {words:Array(String)})",
                {"words": forms[start : start + _NEEDLES]},
            )
            ids |= {key for key, event in rows if wanted.intersection(self.standard.learners(json.loads(event)))}
        return ids

    def _judge(self, error: ServerError) -> Verdict:
        if error.code in _HALTS or error.status in _HTTP_HALTS:
            return Verdict.HALTED
        if _is_about_a_value(error):
            return Verdict.REFUSED
        return Verdict.TOO_LARGE if error.status == _TOO_LARGE else Verdict.RETRY

    def _explain(self, error: ServerError | AuthError) -> str:
        """Returns what is wrong in words of ours."""
        code = getattr(error, "code", 0)
        words = _HALTS.get(code) or _WAITS.get(code) or ("a value cannot be stored" if _is_about_a_value(error) else "")
        return f"{words.format(table=self.settings['table'])} ({error})" if words else str(error)


def _is_any(_: Any) -> bool:
    return True


def _is_about_a_value(error: ServerError | AuthError) -> bool:
    code = getattr(error, "code", 0)
    return code in _REFUSALS or (code == _ENDED_EARLY and _IN_A_FUNCTION in getattr(error, "text", ""))


@hookimpl
def register_sinks(register: Callable[[type[Sink]], None]) -> None:
    """Contributes the sink."""
    register(ClickHouseSink)
