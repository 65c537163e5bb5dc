"""Completion: how much of a block a learner has done."""

from __future__ import annotations

from ..fields import Fields, required
from ..kinds import number, text


class BlockCompletionFields(Fields):
    """A block, and the share of it that is done, from 0 to 1."""

    block_id = required("data.block_id", kind=text)
    completion = required("data.completion", kind=number)


def percent_done(block: BlockCompletionFields) -> float | None:
    """The share as 0 to 100; None for what is no share."""
    return block.completion * 100.0 if 0 <= block.completion <= 1 else None


def is_done(block: BlockCompletionFields) -> bool:
    """Whether the block is done."""
    return block.completion == 1
