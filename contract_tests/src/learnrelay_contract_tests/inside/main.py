"""The script of the nursery: it imports the core once, and becomes a plugin's process each time it is asked to.

In such a process requests come in and answers go out on two pipes: JSON objects with four bytes of length before them.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson

if __name__ == "__main__":  # from where this file stands, whatever a plugin has installed under our name
    sys.path.insert(0, str(Path(__file__).parents[2]))
from learnrelay_contract_tests.inside.asked import OPERATIONS
from learnrelay_contract_tests.inside.worker import Worker


def _requests(source: Any) -> Iterator[dict[str, Any]]:
    while head := source.read(4):
        yield orjson.loads(source.read(int.from_bytes(head, "big")))


def _leave_no_trace() -> list[ModuleType]:
    """Take this script and its modules out of sight; whoever holds the answer keeps them alive."""
    del sys.path[0]
    sys.argv[:] = ["learnrelay", "worker"]
    names = [name for name in sys.modules if name == "__main__" or name.startswith("learnrelay_contract_tests")]
    ours = [sys.modules.pop(name) for name in names]
    sys.modules["__main__"] = other = ModuleType("__main__")
    other.__file__ = str(Path(sys.executable).parent / "learnrelay")
    return ours


def nursery(control: socket.socket) -> None:
    """Fork for each number 0 that comes with descriptors, and end the child that any other number names.

    The answer is the number of the process. Nothing of a plugin is ever imported here.
    """
    gc.freeze()
    while True:
        asked, descriptors, *_ = socket.recv_fds(control, 4, 3)
        if not asked:
            return
        if child := int.from_bytes(asked, "big"):
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


def _settle(directory: str, environment: dict[str, str]) -> None:
    """Become what the interpreter would have become, had it been started there with this environment."""
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = environment["PYTHONPATH"].split(os.pathsep)


def serve(source_fd: int, target_fd: int) -> None:
    """Answer requests until the pipe closes."""
    with os.fdopen(source_fd, "rb") as source, os.fdopen(target_fd, "wb") as target:
        worker: Worker | None = None
        for request in _requests(source):
            operation, arguments = request["do"], request.get("with", {})
            try:
                if operation == "start":
                    _settle(arguments.pop("directory"), arguments.pop("environment"))
                    worker, answer = Worker(**arguments), None
                else:
                    assert worker is not None
                    asked = OPERATIONS.get(operation)
                    answer = asked(worker.assembly, **arguments) if asked else getattr(worker, operation)(**arguments)
                told = orjson.dumps({"answer": answer})
            except BaseException as error:
                told = orjson.dumps({"raised": f"{type(error).__name__} in {operation}"})
            target.write(len(told).to_bytes(4, "big") + told)
            target.flush()


if __name__ == "__main__":
    control = socket.socket(fileno=int(sys.argv[1]))
    kept = _leave_no_trace()
    nursery(control)
