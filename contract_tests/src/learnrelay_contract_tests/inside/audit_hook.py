"""Reports what a plugin's code does besides computing, by the interpreter's audit events (PEP 578)."""

from __future__ import annotations

import _thread
import os
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

HERE = str(Path(__file__).parent) + os.sep

STACK = "walks the call stack"
NETWORK = "uses the network"
FILES = "uses files or the operating system"
WATCHED = {
    "open": FILES, "os.": FILES, "shutil.": FILES, "tempfile.": FILES, "glob.": FILES, "pathlib.": FILES,
    "fcntl.": FILES, "mmap.": FILES, "sqlite3.": FILES, "syslog.": FILES,
    "socket.": NETWORK, "urllib.": NETWORK, "http.": NETWORK, "ftplib.": NETWORK, "smtplib.": NETWORK,
    "subprocess.": "starts a process", "pty.": "starts a process", "webbrowser.": "starts a process",
    "sys._getframe": STACK, "sys._current_frames": STACK, "sys._current_exceptions": STACK, "object.__getattr__": STACK,
    "gc.": "searches the memory", "ctypes.": "reads memory",
    "sys.settrace": "watches the interpreter", "sys.setprofile": "watches the interpreter",
    "sys.addaudithook": "watches the interpreter", "sys.monitoring": "watches the interpreter",
    "object.__setattr__": "changes functions or classes", "object.__delattr__": "changes functions or classes",
    "pickle.find_class": "runs made-up code", "marshal.": "runs made-up code", "code.__new__": "runs made-up code",
    "exec": "runs made-up code", "compile": "runs made-up code", "builtins.input": "reads the terminal",
    "time.sleep": "sleeps", "signal.": "changes the process", "_thread.start": "starts a thread",
}  # fmt: skip
"""Audit events (prefix → what the plugin does, in words)."""

AT_IMPORT = {FILES, NETWORK, STACK, "starts a process", "searches the memory", "reads memory",
             "watches the interpreter", "starts a thread", "sleeps", "changes the process"}  # fmt: skip
BLOCKED = ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostby",
           "subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn",
           "os.kill", "os.remove", "os.rmdir", "os.rename", "shutil.rmtree")  # fmt: skip
FRAME_ATTRIBUTES = {"tb_frame", "gi_frame", "cr_frame", "ag_frame"}


class AuditHook:
    """Notes what a plugin's code does besides computing. An audit hook cannot be removed."""

    def __init__(self, roots: list[str]) -> None:
        import learnrelay

        self.roots = tuple(roots)
        self.core = str(Path(learnrelay.__file__).parent) + os.sep
        self.stdlib = str(Path(os.__file__).parent) + os.sep
        self.phase = ""
        self.actions: dict[tuple[str, str, str], None] = {}
        self._busy = threading.local()
        sys.addaudithook(self.handle)
        if sys.version_info < (3, 12):  # which tells nothing of a thread's start
            self._report_threads()

    def _report_threads(self) -> None:
        start = _thread.start_new_thread

        def start_new_thread(*arguments: Any) -> int:
            self.handle("_thread.start_new_thread", arguments)
            return start(*arguments)

        _thread.start_new_thread = threading._start_new_thread = start_new_thread  # type: ignore[attr-defined]

    def handle(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Handles an audit event of the interpreter."""
        if not self.phase or event == "import" or getattr(self._busy, "now", False):
            return
        what = next((words for prefix, words in WATCHED.items() if event.startswith(prefix)), None)
        if what is None or (self.phase == "import" and what not in AT_IMPORT):
            return
        if self.phase == "import" and event == "open" and self.is_own_data(arguments):
            return
        if event.startswith("object.__getattr__") and arguments[-1] not in FRAME_ATTRIBUTES:
            return
        self._busy.now = True
        try:
            frame = sys._getframe(1)
            place = self.find_caller(frame.f_back if frame.f_code.co_filename == __file__ else frame, event)
        finally:
            self._busy.now = False
        if place is not None:
            self.actions.setdefault((self.phase, what, f"{event} at {place}"))
            if event.startswith(BLOCKED):
                raise PermissionError(f"{what}: the contract forbids it")

    def is_own_data(self, arguments: tuple[Any, ...]) -> bool:
        """Tells whether a file of the plugin's own package is opened for reading."""
        path, mode = str(arguments[0]), arguments[1] or "r"
        return path.startswith(self.roots) and not set(str(mode)) & set("wax+")

    def find_caller(self, frame: FrameType | None, event: str) -> str | None:
        """Returns the plugin's file and line that caused an event; None if the core or an import did."""
        first = True
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith("<frozen importlib"):
                return None
            if file.startswith(self.stdlib) and "site-packages" not in file:
                borrowed = Path(file).name in ("inspect.py", "traceback.py", "gc.py", "pdb.py", "bdb.py")
                if first and event in ("sys._getframe", "object.__getattr__", "exec", "compile") and not borrowed:
                    return None  # collections, enum, typing, logging look at their caller
                frame, first = frame.f_back, False
                continue
            if file.startswith((self.core, "<extractor of ")):
                return None
            if file.startswith(HERE):
                return None
            if self.phase == "event" or file.startswith(self.roots):
                place = f"{Path(file).name}:{frame.f_lineno}"
                return place if self.phase == "event" or self.is_importing(frame) else None
            frame, first = frame.f_back, False
        return None

    def is_importing(self, frame: FrameType | None) -> bool:
        """Tells whether a module is being imported; else the core has called, to configure or register something."""
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith("<frozen importlib"):
                return True
            if file.startswith(self.core):
                return False
            frame = frame.f_back
        return False
