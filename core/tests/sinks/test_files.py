"""The sink files: a file for each batch, complete or not there; a repeat writes the same file."""

from __future__ import annotations

import gzip
import json
import os
import stat
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zstandard

from delivery.consumer import PlainStandard
from learnrelay import SerializedStatement
from learnrelay.config import BatchLimits, Destination
from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.core_sinks.files import FilesSection, FilesSink
from learnrelay.delivery import EmbeddedEngine
from learnrelay.errors import SinkError
from learnrelay.outbox import Outbox, OutgoingStatement
from learnrelay.sinks import Batch, Verdict

UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "zstd": lambda content: zstandard.ZstdDecompressor().decompressobj().decompress(content),
    "none": bytes,
}
SUFFIX = {"gzip": ".jsonl.gz", "zstd": ".jsonl.zst", "none": ".jsonl"}


def make_sink(folder: str | Path, **keys: Any) -> FilesSink:
    settings = FilesSection().load({"folder": str(folder), **keys})
    sink = FilesSink(settings, PlainStandard(), Destination("one", "plain", "all", "files", settings))
    sink.open()
    return sink


def batch(batch_id: str, ids: list[str], filling: str = "") -> Batch:
    contents = [SerializedStatement(i, json.dumps({"id": i, "text": f"ß {filling}"}).encode()) for i in ids]
    return Batch(contents, batch_id, datetime.now(UTC))


@pytest.mark.parametrize("compress", ["gzip", "zstd", "none"])
def test_a_batch_is_a_file_of_its_own(tmp_path: Path, compress: str) -> None:
    folder = tmp_path / "new" / "files"
    sink = make_sink(folder, compress=compress)
    for name in ("b-1", "b-2"):
        assert sink.send(batch(name, [f"{name}/{n}" for n in range(500)], "x" * 900)).verdict is Verdict.STORED
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == [f"b-1{SUFFIX[compress]}", f"b-2{SUFFIX[compress]}"]
    rows = UNPACK[compress](files[0].read_bytes()).splitlines()
    assert [json.loads(row)["id"] for row in rows] == [f"b-1/{n}" for n in range(500)]
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("compress", ["gzip", "zstd", "none"])
def test_a_repeat_writes_the_same_bytes_under_the_same_name(tmp_path: Path, compress: str) -> None:
    ids = [f"s{n}" for n in range(2000)]
    for _ in range(2):
        make_sink(tmp_path, compress=compress).send(batch("b", ids, "y" * 500))
        (file,) = tmp_path.iterdir()
        content = file.read_bytes()
    make_sink(tmp_path, compress=compress).send(batch("b", ids, "y" * 500))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [content]


def test_no_reader_sees_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fails at the end of a file that replaces another one."""
    sink = make_sink(tmp_path, compress="none")
    sink.send(batch("b", ["s1"]))
    with monkeypatch.context() as failing:
        failing.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        answer = sink.send(batch("b", ["s1", "s2"]))
    assert (answer.verdict, answer.reached) == (Verdict.RETRY, False)
    assert answer.reason == f"{tmp_path / 'b.jsonl'}: No space left on device"
    assert [json.loads(row)["id"] for row in (tmp_path / "b.jsonl").read_text().splitlines()] == ["s1"]
    left = [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert len(left) == 1, "under a name that begins with a dot"
    make_sink(tmp_path)
    assert left[0].exists(), "another worker may be writing it"
    os.utime(left[0], (time.time() - 7200,) * 2)
    make_sink(tmp_path)
    assert not left[0].exists()
    assert sink.send(batch("b", ["s1", "s2"])).verdict is Verdict.STORED


def test_a_folder_that_cannot_be_written_keeps_the_statements(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SinkError, match="file/folder"):
        make_sink(tmp_path / "file" / "folder")
    sink = make_sink(tmp_path / "sound")
    assert sink.probe().is_sound
    (tmp_path / "sound").rmdir()
    (tmp_path / "sound").write_bytes(b"")
    answer = sink.send(batch("b", ["s1"]))
    assert (answer.verdict, answer.reached) == (Verdict.RETRY, False)


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "zstandard", None)
    with pytest.raises(SinkError, match=r"pip install 'learnrelay\[zstd\]'"):
        make_sink(tmp_path, compress="zstd")


def test_an_address_with_credentials_is_refused() -> None:
    (reason,) = FilesSection().validate({"folder": "sftp://relay:Kd7wq2Lmz9Xv4bTn@files.example.org/x"})["folder"]
    assert "credentials" in reason and "Kd7wq2Lmz9Xv4bTn" not in reason


def test_a_relay_writes_files_by_size_and_time(tmp_path: Path) -> None:
    outbox = Outbox.open(Delivery(database=Secret(f"sqlite:///{tmp_path}/outbox.db")))
    ids = [f"s{n}" for n in range(250)]
    outbox.put([OutgoingStatement("plain", i, "e", b'{"id":"%s"}' % i.encode(), ("one",)) for i in ids])
    settings = FilesSection().load({"folder": str(tmp_path / "out")})
    destination = Destination("one", "plain", "all", "files", settings, batch=BatchLimits(100, 0.3))
    engine = EmbeddedEngine(outbox, {"one": destination}, lambda to: FilesSink(to.settings, PlainStandard(), to))
    engine.start()
    assert engine.drained(20.0)
    engine.stop()
    outbox.close()
    files = [gzip.decompress(file.read_bytes()).splitlines() for file in sorted((tmp_path / "out").iterdir())]
    assert [len(rows) for rows in sorted(files, key=len)] == [50, 100, 100]
    assert Counter(json.loads(row)["id"] for rows in files for row in rows) == Counter(ids)


@pytest.mark.slow
def test_an_object_store_gets_each_file_in_one_put(s3: Any) -> None:
    sink = make_sink("s3://out/statements/here")
    assert sink.probe().is_sound
    for _ in range(2):
        assert sink.send(batch("b-1", ["s1", "s2"])).verdict is Verdict.STORED
    (stored,) = s3.list_objects_v2(Bucket="out")["Contents"]
    assert stored["Key"] == "statements/here/b-1.jsonl.gz"
    content = s3.get_object(Bucket="out", Key=stored["Key"])["Body"].read()
    assert [json.loads(row)["id"] for row in gzip.decompress(content).splitlines()] == ["s1", "s2"]
    assert sink._storage._file_system.config_kwargs["read_timeout"] == sink.destination.timeout  # type: ignore[attr-defined]
    with pytest.raises(SinkError, match="not-there"):
        make_sink("s3://not-there/statements")
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["logs", "out"], "none was created"
