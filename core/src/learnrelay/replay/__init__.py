"""Replays logs of any length: runs them through the pipeline, to the destinations or into files.

The log itself is the durable store, so statements go to the destinations without an outbox in between. Finished chunks
are stored in a checkpoint; a chunk is finished when all its statements are stored.
"""

from ..errors import ReplayError
from .checkpoint import Checkpoint
from .log_files import LogFile, find_logs
from .runner import ReplayRunner
from .selection import EventSelection
from .spec import FileOutputOptions, ReplaySpec
from .units import Shard

__all__ = [
    "Checkpoint",
    "EventSelection",
    "FileOutputOptions",
    "LogFile",
    "ReplayError",
    "ReplayRunner",
    "ReplaySpec",
    "Shard",
    "find_logs",
]
