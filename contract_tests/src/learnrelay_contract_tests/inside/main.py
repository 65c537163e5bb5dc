"""The script of the process: requests come in and answers go out on two pipes.

Both are JSON objects with four bytes of length before them.
"""

from __future__ import annotations

import os
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


def main(source_fd: int, target_fd: int) -> None:
    """Serve requests until the pipe closes."""
    kept = _leave_no_trace()
    with os.fdopen(source_fd, "rb") as source, os.fdopen(target_fd, "wb") as target:
        worker: Worker | None = None
        for request in _requests(source):
            operation, arguments = request["do"], request.get("with", {})
            try:
                if operation == "start":
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
    del kept


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
