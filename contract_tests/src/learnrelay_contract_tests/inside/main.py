"""Runs the fork server: imports the core once, and forks a plugin's process for each request.

In such a process requests come in and answers go out on two pipes: JSON objects with four bytes of length before them.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson

if __name__ == "__main__":  # imports from this file's package, whatever a plugin has installed under its name
    sys.path.insert(0, str(Path(__file__).parents[2]))
from learnrelay_contract_tests.inside.operations import OPERATIONS
from learnrelay_contract_tests.inside.pipeline_runner import PipelineRunner


def _requests(source: Any) -> Iterator[dict[str, Any]]:
    while head := source.read(4):
        yield orjson.loads(source.read(int.from_bytes(head, "big")))


def _hide_harness() -> list[ModuleType]:
    """Removes this script and its modules from view; the caller keeps the returned modules alive."""
    del sys.path[0]
    sys.argv[:] = ["learnrelay", "worker"]
    names = [name for name in sys.modules if name == "__main__" or name.startswith("learnrelay_contract_tests")]
    ours = [sys.modules.pop(name) for name in names]
    sys.modules["__main__"] = other = ModuleType("__main__")
    other.__file__ = str(Path(sys.executable).parent / "learnrelay")
    return ours


def run_fork_server(control: socket.socket) -> None:
    """Forks for each number 0 that comes with descriptors, and kills the child that any other number names.

    The answer is the id of the process. Nothing of a plugin is ever imported here.
    """
    gc.freeze()
    while True:
        message, descriptors, *_ = socket.recv_fds(control, 4, 3)
        if not message:
            return
        if child := int.from_bytes(message, "big"):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        else:
            child = os.fork()
            if not child:
                control.close()
                for output in (1, 2):
                    os.dup2(descriptors[2], output)
                serve(*descriptors[:2])
                os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)
        control.send(child.to_bytes(4, "big"))


def _adopt_environment(directory: str, environment: dict[str, str]) -> None:
    """Sets up the process as the interpreter would, had it been started there with this environment."""
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.path[:0] = environment["PYTHONPATH"].split(os.pathsep)


def serve(source_fd: int, target_fd: int) -> None:
    """Answers requests until the pipe closes."""
    with os.fdopen(source_fd, "rb") as source, os.fdopen(target_fd, "wb") as target:
        runner: PipelineRunner | None = None
        for request in _requests(source):
            operation, arguments = request["do"], request.get("with", {})
            try:
                if operation == "start":
                    _adopt_environment(arguments.pop("directory"), arguments.pop("environment"))
                    runner, answer = PipelineRunner(**arguments), None
                else:
                    assert runner is not None
                    operation_function = OPERATIONS.get(operation)
                    answer = (
                        operation_function(runner.assembly, **arguments)
                        if operation_function
                        else getattr(runner, operation)(**arguments)
                    )
                response = orjson.dumps({"answer": answer})
            except BaseException as error:
                response = orjson.dumps({"raised": f"{type(error).__name__} in {operation}"})
            target.write(len(response).to_bytes(4, "big") + response)
            target.flush()


if __name__ == "__main__":
    control = socket.socket(fileno=int(sys.argv[1]))
    kept = _hide_harness()
    run_fork_server(control)
