"""Implements the sink ``files``: a file of JSON lines for each batch, in a folder or an object store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError

from ..config.fields import BASE, OneOf, Section, Text, described
from ..errors import LearnrelayError, SinkError, StorageError
from ..sinks import Batch, ProbeResult, Repeats, Sink, SinkAnswer
from ..standards import Verdict
from ..storage.statement_files import (
    BUFFER_SIZE,
    SUFFIX,
    StatementFile,
    check_storage,
    compressor_factory,
    errors_at,
    open_storage,
)
from ..storage.stores import is_url
from .json_lines import as_line

_ABANDONED = 3600.0  # seconds after which a temporary file is one of a worker that was killed


class FolderUrl(Text):
    """Reads the path of a folder, relative to the operator's file, or a URL that fsspec can write."""

    form = "path of a folder, or address"

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not is_url(text):
            return str((BASE.get() / text).absolute())
        if re.search(r"[^/]*:[^/]*@", urlsplit(text).netloc):
            raise ValidationError("an address must not hold credentials; give them to fsspec by its configuration")
        return text


class FilesSection(Section):
    """Validates the keys of the sink ``files``."""

    folder = FolderUrl(
        required=True,
        metadata=described("folder for the files, or an address that fsspec can write", '"s3://archive/statements"'),
    )
    compress = OneOf(
        ["gzip", "zstd", "none"], load_default="gzip", metadata=described("how the files are compressed", '"zstd"')
    )


class FilesSink(Sink):
    """Writes a file for each batch, named by its id: a batch that is sent again replaces its own file."""

    name = "files"
    settings_schema = FilesSection
    repeats = Repeats.BY_BATCH

    @classmethod
    def describe(cls, settings: Mapping[str, Any]) -> str:
        """Names the folder or URL."""
        return f"files in {settings['folder']}"

    def open(self) -> None:
        """Creates the folder, or checks that the store is there, and finds what compresses. Raises SinkError."""
        try:
            check_storage(self.settings["folder"])
            self._storage = open_storage(self.settings["folder"], self.destination.timeout)
            self._new_compressor = compressor_factory(self.settings["compress"])
            with errors_at(self.settings["folder"]):
                self._storage.remove_temporaries("*", _ABANDONED)
        except LearnrelayError as error:
            raise SinkError(str(error)) from None

    def send(self, batch: Batch) -> SinkAnswer:
        """Writes the file. Where that fails, no statement is at fault."""
        name = batch.id + SUFFIX[self.settings["compress"]]
        file = StatementFile(self._storage, name, self._new_compressor())
        try:
            for statement in batch.statements:
                file.buffer += as_line(statement.content)
                file.buffer += b"\n"
                if len(file.buffer) > BUFFER_SIZE:
                    file.write()
            file.finish()
        except StorageError as error:
            file.abandon()
            return SinkAnswer(Verdict.RETRY, str(error), reached=False, answered=False)
        return SinkAnswer(Verdict.STORED)

    def probe(self) -> ProbeResult:
        """Finds nothing more: opening it has shown all that can be seen without a file."""
        return ProbeResult(True, self.settings["folder"])
