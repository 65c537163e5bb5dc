"""Replay: logs of any length through the pipeline, to the destinations or into files, resumable and exact.

The log itself is the durable store, so statements go to the destinations without an outbox in between. What
is done is remembered chunk by chunk; a chunk is done when everything that came of it is where it should be.
"""

from .asked import Asked, Output, ReplayError
from .checkpoint import Checkpoint
from .conductor import Conductor, Watch
from .selection import Selection
from .sources import Source, find

__all__ = ["Asked", "Checkpoint", "Conductor", "Output", "ReplayError", "Selection", "Source", "Watch", "find"]
