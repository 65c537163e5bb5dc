"""Follows logs that grow, are rotated, and are replaced while nobody looks."""

from __future__ import annotations

import glob
import logging
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..config.fields import BASE, OneOf, Section, TextList, described
from ..errors import UnreadableEventError
from ..inputs import Input, InputBatch, Position
from ..logs import ThrottledLogger
from ..probes import ProbeResult
from .growing_log import GrowingLog, LogPosition, ShrunkError, read_head

log = logging.getLogger("learnrelay.inputs")
log_throttled = ThrottledLogger(log)

_POLL = 0.05  # seconds between two looks at logs that do not grow
_SEARCH_SHARE = 20  # one part in so many of the time goes into looking for new files
_WAIT = 30.0  # seconds without a new line after which nobody writes to a renamed log any more
_REST_AFTER = 60.0  # seconds without a new line after which a log is closed until it changes
_MOST_SIBLINGS = 1000  # files of a folder that are looked at to find a log again

_File = tuple[int, int]
"""Device and inode."""


class Paths(TextList):
    """Accepts names and globs of files, relative to the operator's file, and makes them absolute."""

    form = "list of paths, or globs"

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        texts = super()._deserialize(value, attr, data, **kwargs)
        return tuple(os.path.abspath(BASE.get() / text) for text in texts)  # noqa: PTH100  # removes .., keeps links


class FilesSettings(Section):
    """Validates the keys of an input ``files``."""

    paths = Paths(
        required=True,
        metadata=described(
            "logs to read, by name or glob, with those that rotation has renamed or packed",
            '["/var/log/tracking/tracking.log*"]',
        ),
    )
    begin = OneOf(
        ["start", "end"],
        load_default="start",
        metadata=described("where to begin in logs that are there when it starts for the first time", '"end"'),
    )


class FilesInput(Input):
    """Reads the lines of logs while they grow.

    A log that is renamed is read to its end before the new one, and one that is copied and emptied (copytruncate) is
    read on in its copy. The same holds for logs that were rotated while nobody looked, several times or packed.
    """

    name = "files"
    settings_schema = FilesSettings

    def __init__(self, settings: Mapping[str, Any], key: bytes) -> None:
        super().__init__(settings, key)
        self._logs: list[GrowingLog] = []  # open, in the order of reading
        self._resting: list[LogPosition] = []  # read to their ends, and closed until they change
        self._files: dict[_File, tuple[Path, int]] = {}  # that are asked for → path, time of the last change
        self._copies: set[_File] = set()  # those of them that have the content of a log that is open or resting
        self._search_at = 0.0

    # --- the interface of an input --------------------------------------------------------------------------

    def open(self, position: Position | None) -> None:
        """Finds the logs, and of those that were read before the place to read on."""
        self._logs, self._resting = [], []
        stored = [] if position is None else [LogPosition(**values) for values in position["logs"]]
        if position is not None and position["key"] != self.digest(b""):
            # With another secret the digests say nothing: device and inode must do.
            stored = [replace(entry, head="", headed=0) for entry in stored]
        for pattern in self.settings["paths"]:
            if not _names_of(pattern):
                log.warning("%s: there is no such file yet; waiting for it", pattern)
        self._search(stored, begins_at_end=position is None and self.settings["begin"] == "end")

    def read(self, timeout: float) -> InputBatch | None:
        """Returns the next lines of one of the logs, older logs first."""
        deadline = time.monotonic() + timeout
        while True:
            if time.monotonic() >= self._search_at:
                self._search()
            if (batch := self._read_first()) is not None:
                return batch
            if not self._search_at and time.monotonic() < deadline:
                continue  # a log was emptied: it, and its copy, are to be read
            if time.monotonic() + _POLL > deadline:
                time.sleep(max(0.0, deadline - time.monotonic()))
                return None
            time.sleep(_POLL)

    def close(self) -> None:
        """Closes the files."""
        for entry in self._logs:
            entry.close()
        self._logs = []

    def probe(self) -> ProbeResult:
        """Opens each log for a moment. One that is not there yet is waited for. Raises OSError for others."""
        missing: list[str] = []
        number = size = 0
        for pattern in self.settings["paths"]:
            names = _names_of(pattern)
            if not names:
                _check_searchable(pattern)
                missing.append(pattern)
            for name in names:
                GrowingLog(Path(name), LogPosition(name), self.digest).close()
                number, size = number + 1, size + Path(name).stat().st_size
        waiting = f"; not there yet: {', '.join(missing)}" if missing else ""
        return ProbeResult(True, f"{number:,} file{'s' * (number != 1)}, {size:,} bytes{waiting}")

    def lag(self) -> int:
        """Returns the bytes that are still to be read."""
        return sum(entry.lag() for entry in self._logs)

    def _read_first(self) -> InputBatch | None:
        """Reads the first log that has grown."""
        for entry in list(self._logs):
            try:
                events, offsets = entry.read()
            except ShrunkError:
                self._begin_again(entry)
                return None
            except OSError as error:
                if not entry.is_packed:
                    raise  # the core opens the input again
                log.error("%s: %s", entry.position.path, error.strerror)
                events, offsets = (
                    [UnreadableEventError("the file cannot be read on from here")],
                    [entry.position.offset],
                )
                self._put_to_rest(entry)
            if not events and entry.position.is_left and (entry.is_packed or time.monotonic() - entry.grew_at > _WAIT):
                events, offsets = entry.finish()
                self._put_to_rest(entry)
            if events:
                return InputBatch(events, _Positions(self._positions(), entry.position.file, offsets))
        return None

    def _positions(self) -> dict[str, Any]:
        entries = [*self._resting, *(entry.position for entry in self._logs)]
        return {"key": self.digest(b""), "logs": [asdict(entry) for entry in entries]}

    # --- finding logs ---------------------------------------------------------------------------------------

    def _search(self, stored: Sequence[LogPosition] = (), *, begins_at_end: bool = False) -> None:
        """Opens new files and changed ones, and those of ``stored`` positions. Puts idle ones to rest."""
        started = time.monotonic()
        self._files = self._list_files()
        self._copies &= self._files.keys()
        self._find_idle()
        self._resting += [entry for entry in stored if entry.is_over]
        changed = [entry for entry in self._resting if self._files.get(entry.file, (None, 0))[1] != entry.changed]
        self._resting = [entry for entry in self._resting if entry not in changed]
        lost = [*(entry for entry in stored if not entry.is_over), *changed]
        known = {entry.file for entry in self._resting} | {entry.position.file for entry in self._logs}
        for file, (path, _) in self._files.items():
            if file not in known:
                self._take_up(file, path, lost, begins_at_end=begins_at_end)
        since = [(entry, self._take_up_elsewhere(entry)) for entry in lost]
        for entry, moved in since:
            if not entry.is_left and entry in stored:
                # Of several logs in a folder, the older ones may have been removed when they had been read.
                if moved is None and all(entry.changed >= other.changed for other in stored):
                    log.warning("%s: what followed byte %d is not found under any name", entry.path, entry.offset)
                self._take_up_later(entry, entry.changed if moved is None else moved)
        self._logs.sort(key=lambda entry: (not entry.position.is_left, entry.position.changed))
        self._search_at = time.monotonic() + max(_POLL, _SEARCH_SHARE * (time.monotonic() - started))

    def _list_files(self) -> dict[_File, tuple[Path, int]]:
        """Returns the files that are asked for, oldest first: device and inode → path, time of the last change."""
        files = []
        for pattern in self.settings["paths"]:
            for path in map(Path, _names_of(pattern)):
                with suppress(FileNotFoundError):
                    about = path.stat()
                    files.append((about.st_mtime_ns, (about.st_dev, about.st_ino), path))
        return {file: (path, changed) for changed, file, path in sorted(files, key=lambda entry: entry[0])}

    def _find_idle(self) -> None:
        """Notices which of the open logs have another name now, and which have not grown for long."""
        for entry in list(self._logs):
            entry.position.is_left = entry.position.is_left or entry.position.file not in self._files
            if not entry.position.is_left and entry.is_at_end and time.monotonic() - entry.grew_at > _REST_AFTER:
                self._put_to_rest(entry)

    def _take_up(self, file: _File, path: Path, lost: list[LogPosition], *, begins_at_end: bool) -> None:
        """Opens a file that is not open yet: where it was left, at its beginning, or not at all if it is a copy."""
        head = read_head(path)
        same = next((entry for entry in lost if entry.file == file and self._is_continued(entry, path, head)), None)
        if same is None and head:
            original = next((entry for entry in self._logs if self._has_head(entry.position, head)), None)
            if original is not None and not original.is_unchanged():
                self._begin_again(original, path)
                return
            if original is not None or any(self._has_head(entry, head) for entry in self._resting):
                self._copies.add(file)
                return
            same = next((entry for entry in lost if self._has_head(entry, head)), None)
        if same is not None:
            lost.remove(same)
            self._open(path, same)
        else:
            self._open(path, LogPosition(str(path), offset=_end_of_lines(path) if begins_at_end else 0))

    def _take_up_elsewhere(self, entry: LogPosition) -> int | None:
        """Reads on where a rotated log is now. Returns when that was changed last; None where it is not found."""
        siblings = [sibling for sibling in _list_siblings(Path(entry.path)) if sibling[1] not in self._files]
        matches = [sibling for sibling in siblings if self._matches(entry, sibling[1], sibling[2])]
        for changed, _, path in sorted(matches, key=lambda sibling: sibling[1] != entry.file)[:1]:
            self._open_left(path, replace(entry))
            return changed
        return None

    def _matches(self, entry: LogPosition, file: _File, path: Path) -> bool:
        """Tells whether a file is the log that was read, or a copy of it."""
        if file == entry.file:
            return self._is_continued(entry, path, read_head(path))
        return path.name.startswith(_stem(Path(entry.path))) and self._has_head(entry, read_head(path))

    def _take_up_later(self, entry: LogPosition, since: int) -> None:
        """Reads the logs that had the name of a log after it, and were rotated too."""
        opened = {reading.position.file for reading in self._logs}
        for changed, file, path in _list_siblings(Path(entry.path)):
            is_rotated = path.name.startswith(Path(entry.path).name) and changed > since
            if not is_rotated or file in opened or file in self._files:
                continue
            head = read_head(path)
            if head and not any(self._has_head(reading.position, head) for reading in self._logs):
                self._open_left(path, LogPosition(str(path)))

    def _is_continued(self, entry: LogPosition, path: Path, head: bytes) -> bool:
        """Tells whether a file with the same inode is still the log that was read."""
        return self._has_head(entry, head) if entry.headed else path.stat().st_size >= entry.offset

    def _has_head(self, entry: LogPosition, head: bytes) -> bool:
        return 0 < entry.headed <= len(head) and self.digest(head[: entry.headed]) == entry.head

    def _open(self, path: Path, position: LogPosition) -> GrowingLog | None:
        try:
            entry = GrowingLog(path, position, self.digest)
        except OSError as error:
            log_throttled(f"{path}: {error.strerror or type(error).__name__}")
            return None
        self._logs.append(entry)
        return entry

    def _open_left(self, path: Path, position: LogPosition) -> None:
        position.is_left = True
        if self._open(path, position) is not None:
            log.info("%s: reading the rest of a rotated log, from byte %d on", path, position.offset)

    # --- the end of a log -----------------------------------------------------------------------------------

    def _begin_again(self, entry: GrowingLog, copy: Path | None = None) -> None:
        """Follows a log that was emptied: the rest of its former content is in a copy, if there is one."""
        before = entry.position
        self._remove(entry)
        self._search_at = 0.0
        if entry.position.is_left:
            return
        if copy is None:
            siblings = [sibling for sibling in _list_siblings(Path(before.path)) if sibling[1] != before.file]
            copy = next((path for _, file, path in siblings if self._matches(before, file, path)), None)
        self._open(Path(before.path), LogPosition(before.path))
        if copy is not None:
            self._open_left(copy, replace(before))
        elif before.headed:
            log.warning("%s: was emptied, and no copy of it is found: its last lines may be lost", before.path)

    def _put_to_rest(self, entry: GrowingLog) -> None:
        """Closes a log. It is remembered while it, or a copy, lies where logs are looked for."""
        self._remove(entry)
        entry.position.is_over = entry.is_packed
        if entry.position.file in self._files:
            self._resting.append(entry.position)
            return
        for file in self._copies:
            path = self._files[file][0]
            if self._has_head(entry.position, read_head(path)):
                device, inode = file
                self._resting.append(replace(entry.position, path=str(path), device=device, inode=inode))

    def _remove(self, entry: GrowingLog) -> None:
        entry.close()
        self._logs.remove(entry)


class _Positions(Sequence[Position]):
    """Makes the position behind a line when it is asked for. ``before``: of all logs; ``offsets``: in ``file``."""

    def __init__(self, before: dict[str, Any], file: _File, offsets: list[int]) -> None:
        self._before = before
        self._file = file
        self._offsets = offsets

    def __len__(self) -> int:
        return len(self._offsets)

    def __getitem__(self, number: Any) -> Position:
        logs = [
            {**entry, "offset": self._offsets[number]} if (entry["device"], entry["inode"]) == self._file else entry
            for entry in self._before["logs"]
        ]
        return {**self._before, "logs": logs}


def _names_of(pattern: str) -> list[str]:
    """Returns the file of this name, or the files that match, without folders, and without names that JSON has not."""
    if Path(pattern).exists():
        return [pattern]
    names = glob.glob(pattern, recursive=True)  # noqa: PTH207  # absolute ones
    return [name for name in names if not Path(name).is_dir() and name.isprintable()]


def _check_searchable(pattern: str) -> None:
    """Checks that a file of this name would be seen. Raises OSError for a folder that this user may not search."""
    folder = Path(pattern).parent
    while glob.has_magic(str(folder)) or not folder.exists():  # raises PermissionError within such a folder
        folder = folder.parent
    os.scandir(folder).close()


def _stem(path: Path) -> str:
    """Returns what the names of rotated logs begin with: the log's name up to its first dot."""
    return path.name.lstrip(".").partition(".")[0]


def _list_siblings(path: Path) -> list[tuple[int, _File, Path]]:
    """Lists (time of the last change, device and inode, path) of the files of a log's folder, oldest first.

    Of a folder with very many files, those come first whose names begin like the log's.
    """
    siblings = []
    with suppress(OSError):
        entries = sorted(os.scandir(path.parent), key=lambda entry: not entry.name.startswith(_stem(path)))
        for entry in entries[:_MOST_SIBLINGS]:
            with suppress(OSError):
                if entry.is_file() and entry.name.isprintable():
                    about = entry.stat()
                    siblings.append((about.st_mtime_ns, (about.st_dev, about.st_ino), Path(entry.path)))
    return sorted(siblings)


def _end_of_lines(path: Path) -> int:
    """Returns the offset behind the last whole line of a plain file, 0 where it cannot be read."""
    with suppress(OSError), path.open("rb") as raw:
        size = raw.seek(0, os.SEEK_END)
        raw.seek(max(0, size - 2**20))
        return size - len(raw.read().rpartition(b"\n")[2])
    return 0
