"""Runs ``learnrelay`` in forks of a process that has imported it: an interpreter's start costs more than most commands.

Each command is a process with arguments, environment, directory, input and outputs of its own, as from a shell.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).parent / "learnrelay"
_STREAMS = ("stdin", "stdout", "stderr")


def run_command(
    arguments: Sequence[object], environment: Mapping[str, str], directory: Path, stdin: bytes = b"", timeout: int = 300
) -> subprocess.CompletedProcess[bytes]:
    """Runs a command to its end. Raises subprocess.TimeoutExpired after ``timeout`` seconds."""
    argv = [str(COMMAND), *map(str, arguments)]
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, stream) for stream in _STREAMS]
        for path, content in zip(paths, (stdin, b"", b""), strict=True):
            path.write_bytes(content)
        command = {
            "argv": argv,
            "environment": dict(environment),
            "directory": str(directory),
            "streams": list(map(str, paths)),
            "timeout": timeout,
        }
        server = _start_server()
        assert server.stdin and server.stdout
        server.stdin.write(json.dumps(command).encode() + b"\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        out, err = (path.read_bytes() for path in paths[1:])
    if code == -signal.SIGALRM:
        raise subprocess.TimeoutExpired(argv, timeout, out, err)
    return subprocess.CompletedProcess(argv, code, out, err)


@cache
def _start_server() -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    server = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    atexit.register(server.kill)
    return server


def _serve() -> None:
    """Answers each line of the input, a command, with the exit code. Returns in the process that is to run one."""
    from learnrelay.cli import COMMANDS

    for name in (*COMMANDS, "output"):
        importlib.import_module(f"learnrelay.cli.{name.replace('-', '_')}")
    for name in ("outbox.statistics", "delivery.drain", "relay", "standards"):
        importlib.import_module(f"learnrelay.{name}")
    gc.freeze()
    for line in sys.stdin.buffer:
        process = os.fork()
        if process == 0:
            _become(json.loads(line))
            return
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
    os._exit(0)


def _become(command: dict[str, Any]) -> None:
    """Makes this process one that a shell would have started."""
    for number, (stream, path) in enumerate(zip(_STREAMS, command["streams"], strict=True)):
        opened = os.open(path, os.O_RDWR)
        os.dup2(opened, number)
        os.close(opened)
        setattr(sys, stream, open(number, "w" if number else "r", encoding="utf-8", errors="surrogateescape"))  # noqa: PTH123, SIM115
    os.environ.clear()
    os.environ.update(command["environment"])
    os.chdir(command["directory"])
    sys.argv = command["argv"]
    installed = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:1] = [str(COMMAND.parent), *installed]
    signal.alarm(command["timeout"])


if __name__ == "__main__":
    _serve()
    from learnrelay.cli import main

    sys.exit(main())
