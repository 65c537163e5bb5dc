"""Records each batch as a span of OpenTelemetry, if its API is installed and the process has set it up.

`learnrelay.delivery.telemetry` does so for a worker; a program that embeds a relay may have done so itself.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..sinks import Sink
from ..standards import Verdict

if TYPE_CHECKING:
    from .bisection import SendResult

try:
    from opentelemetry import trace
except ImportError:
    _tracer = None
else:
    _tracer = trace.get_tracer("learnrelay")


def record_batch(sink: Sink, size: int, seconds: float, result: SendResult) -> None:
    """Records a batch that has just been sent, without anything of its statements or of the consumer's words."""
    if _tracer is None:
        return
    end = time.time_ns()
    span = _tracer.start_span(
        f"send to {sink.destination.name}",
        kind=trace.SpanKind.CLIENT,
        start_time=end - round(seconds * 1e9),
        attributes={
            "learnrelay.destination": sink.destination.name,
            "learnrelay.standard": sink.destination.standard,
            "learnrelay.sink": sink.name,
            "learnrelay.statements": size,
            "learnrelay.verdict": result.verdict.name.lower(),
        },
    )
    if result.status:
        span.set_attribute("http.response.status_code", result.status)
    if result.verdict is not Verdict.STORED:
        span.set_status(trace.StatusCode.ERROR, result.reason)
    span.end(end)
