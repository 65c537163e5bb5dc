"""Writes statements into a table, with a password that it shows to nobody.

Entry point: learnrelay.sinks.v1 acme_table
"""

from learnrelay import hookimpl
from learnrelay.config.fields import SecretText, Section, Text
from learnrelay.sinks import ProbeResult, Repeats, Sink, SinkAnswer, SinkError, Verdict


class Settings(Section):
    file = Text(required=True)
    password = SecretText(required=True)


class TableSink(Sink):
    name = "acme_table"
    settings_schema = Settings
    repeats = Repeats.BY_STATEMENT
    insert = "INSERT OR IGNORE"
    table = "statements (id TEXT PRIMARY KEY, content BLOB)"

    @classmethod
    def describe(cls, settings):
        return f"table statements in {settings['file']}"

    def open(self):
        import sqlite3

        try:
            self.database = sqlite3.connect(self.settings["file"], timeout=self.destination.timeout)
            self.database.execute(f"CREATE TABLE IF NOT EXISTS {self.table}")
        except sqlite3.Error as error:
            raise SinkError(f"the table cannot be opened ({error.sqlite_errorname})") from None

    def send(self, batch):
        rows = [(statement.id, statement.content) for statement in batch.statements]
        with self.database:
            self.database.executemany(f"{self.insert} INTO statements VALUES (?, ?)", rows)
        return SinkAnswer(Verdict.STORED)

    def probe(self):
        self.database.execute("SELECT COUNT(*) FROM statements")
        return ProbeResult(True, "the table is there")

    def close(self):
        self.database.close()


@hookimpl
def register_sinks(register):
    register(TableSink)
