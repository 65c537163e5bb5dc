"""Traces calls of plugins, for their authors: names, durations and types, never a value.

With ``LEARNRELAY_TRACE_PLUGINS=1`` in the environment of a relay, the logger ``learnrelay.trace`` logs each call.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from functools import update_wrapper
from typing import Any, TypeVar

VARIABLE = "LEARNRELAY_TRACE_PLUGINS"

_Traced = TypeVar("_Traced", bound=Callable[..., Any])

log = logging.getLogger("learnrelay.trace")


def traced(hook: str, plugin: str, function: _Traced) -> _Traced:
    """Returns the function; where calls are to be traced, one that logs each of them."""
    if os.environ.get(VARIABLE, "") in ("", "0"):
        return function
    log.setLevel(logging.INFO)

    def call(*arguments: Any, **more: Any) -> Any:
        started = time.perf_counter()
        ending = "ended"
        try:
            result = function(*arguments, **more)
            ending = f"returned {type(result).__name__}"
            return result
        except Exception as error:
            ending = f"raised {type(error).__name__}"
            raise
        finally:
            log.info("%s of %s: %.3f ms, %s", hook, plugin, (time.perf_counter() - started) * 1000, ending)

    return update_wrapper(call, function)  # type: ignore[return-value]
