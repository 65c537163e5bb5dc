"""Runs a pipeline for `learnrelay diff`: lines of a log on standard input, their statements on standard output.

The Python of the environment that is compared runs this file, with the learnrelay of that environment, which may be
another release. So it imports few names of it, and none of this package.

Arguments: the configuration file, and the destination whose statements are compared (empty: the statements that any
destination may have). Input and output are frames: four bytes with the length, then the content. The first frame of the
output is a JSON object that describes the environment. Then each request is answered:

- ``l`` and lines of a log: for each line a frame with a JSON array of ``[standard, event, reason, [[id, statement],
  …]]``, one entry for each outcome. The reason says why there are no statements. Where events are glued together in a
  line, null stands between the outcomes of one and those of the next.
- ``c`` and JSON ``[event, standard]``: a frame with a JSON object; its ``constants`` are output path → texts that the
  mapping itself says, the same for all learners.

A JSON object with ``error`` is the last frame.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any


def write_frame(stream: IO[bytes], content: bytes) -> None:
    """Writes a frame."""
    stream.write(len(content).to_bytes(4, "big") + content)


def read_frame(stream: IO[bytes]) -> bytes | None:
    """Reads a frame; None at the end of the stream, also in the middle of a frame."""
    head = stream.read(4)
    content = stream.read(int.from_bytes(head, "big")) if len(head) == 4 else b""
    return content if len(head) == 4 and len(content) == int.from_bytes(head, "big") else None


class PipelineServer:
    """Answers the requests of a comparison."""

    def __init__(self, config: str, destination: str) -> None:
        """Assembles the configuration file. Raises what its learnrelay raises, ImportError and ValueError."""
        import orjson

        from learnrelay.assembly import assemble
        from learnrelay.pipeline.run import Pipeline

        self._assembly = assemble(Path(config))
        if destination and destination not in self._assembly.config.destinations:
            raise ValueError(f"{config} has no destination {destination}")
        self._destination = destination
        self._fragment, self._dumps = orjson.Fragment, orjson.dumps
        self._pipeline = Pipeline(self._assembly.plan)

    def describe(self) -> dict[str, Any]:
        """Describes the environment: its release, the names of mapped events, the versions that statements name."""
        import learnrelay

        plan = self._assembly.plan
        return {
            "learnrelay": learnrelay.__version__,
            "events": list(plan.mappings),
            "origins": sorted({mapping.transformer.origin for mapping in plan.list_mappings()}),
        }

    def answer(self, request: bytes) -> Iterator[bytes]:
        """Yields the answers to a request."""
        if request[:1] == b"c":
            yield self._dumps({"constants": self._list_constants(*json.loads(request[1:]))})
        else:
            for line in request[1:].split(b"\n"):
                yield self._dumps(self._process(line))

    def _process(self, line: bytes) -> Any:
        """Returns the outcomes of a line, or an object with ``error`` when a provider does not answer."""
        from learnrelay.errors import EventError

        try:
            event = self._assembly.source.event_from_line(line)
        except EventError as error:
            pieces = getattr(error, "lines", None)  # of events glued together; a release before 0.1.0 has none
            return self._process_pieces(pieces) if pieces else [["", "", f"unreadable: {error.reason}", []]]
        answer = []
        for outcome in self._pipeline.process(event):
            if type(outcome.error).__name__ == "ProviderUnavailableError":
                return {"error": outcome.reason}
            statements = [[item.id, self._fragment(item.content)] for item in self._statements(outcome)]
            answer.append([outcome.standard, outcome.event, self._reason(outcome), statements])
        return answer

    def _process_pieces(self, pieces: Iterable[bytes]) -> Any:
        """Returns the outcomes of several events, or an object with ``error`` when a provider does not answer."""
        answers: list[Any] = []
        for piece in pieces:
            answer = self._process(piece)
            if isinstance(answer, dict):
                return answer
            answers += [None, *answer] if answers else answer
        return answers

    def _statements(self, outcome: Any) -> Any:
        if not self._destination:
            return outcome.statements
        if self._destination in outcome.own:
            return outcome.own[self._destination]
        return outcome.statements if self._destination in outcome.destinations else ()

    def _reason(self, outcome: Any) -> str:
        if self._destination in outcome.denied:
            return f"denied: {outcome.denied[self._destination]}"
        state = outcome.state.value
        if state in ("transformed", "not mapped"):
            return "" if state == "transformed" else state
        path = outcome.error.path if outcome.error is not None else ""
        return ": ".join(part for part in (state, path, outcome.reason) if part)

    def _list_constants(self, event: str, standard: str) -> dict[str, list[str]]:
        """Returns what the mapping of an event itself says; nothing where that cannot be derived."""
        try:
            from learnrelay.privacy.data_map import trace_sample

            leaves = trace_sample(self._assembly, event, standard)
        except Exception:  # of a plugin, or of another release: then more values are hidden
            return {}
        return {path: [value for value in values if isinstance(value, str)] for path, values in leaves.items()}


def start(config: str, destination: str) -> PipelineServer | str:
    """Makes the server; where that fails, returns the reason."""
    try:
        from learnrelay.errors import LearnrelayError

        try:
            server = PipelineServer(config, destination)
            server.describe()
        except (LearnrelayError, ValueError) as error:
            return str(error)
    except (ImportError, AttributeError) as error:
        return f"its learnrelay cannot be compared: {error}"
    except Exception as error:
        return f"assembling {config} raised {type(error).__name__}"
    return server


def main(config: str, destination: str) -> None:
    """Answers requests until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command ends this process
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # it has ended
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a plugin prints is no answer
    logging.getLogger("learnrelay.pipeline").setLevel(logging.ERROR)  # events that fail are part of the answer
    server = start(config, destination)
    first = {"error": server} if isinstance(server, str) else server.describe()
    write_frame(output, json.dumps(first).encode())
    output.flush()
    if isinstance(server, str):
        sys.exit(1)
    while (request := read_frame(sys.stdin.buffer)) is not None:
        for answer in server.answer(request):
            write_frame(output, answer)
        output.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
