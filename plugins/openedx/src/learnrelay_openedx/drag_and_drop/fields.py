"""Drag and drop: items that are put into zones. Labels are the course author's."""

from __future__ import annotations

from learnrelay import Fields, Skip, optional, required
from learnrelay.kinds import boolean, identifier, text


class BlockFields(Fields):
    """Declares the block."""

    block_id = required("context.module.usage_key", kind=text)


class DragAndDropFields(BlockFields):
    """Declares the block, with its title."""

    title = optional("context.module.display_name", kind=text)


class DropFields(DragAndDropFields):
    """Declares an item, counted from 0, and the zone in which it was dropped: their labels, or their ids."""

    item_id = required("data.item_id", kind=identifier, example=(0, 3))
    item = optional("data.item", kind=text)
    zone = optional(
        "data.location", "data.location_id", kind=identifier, reason="a zone of the board, as its author calls it",
        example=("Deck of the boat", "item bank"),
    )  # fmt: skip
    correct = optional("data.is_correct", kind=boolean)


def drop_in_words(drop: DropFields) -> str:
    """The item and its zone, as xAPI writes what is matched.

    >>> drop_in_words(DropFields(block_id="b", item_id="1", item="Mast", zone="Deck"))
    'Mast[.]Deck'
    """
    return f"{drop.item or drop.item_id}[.]{drop.zone or ''}"


_BANK = ("item bank", "-1")
"""How the block names the bank and its id, in each language."""

IN_THE_BANK = Skip("the item goes back to the bank, from which it came: nothing is answered")


def is_in_bank(drop: DropFields) -> bool:
    """Tells whether a learner takes an item out of its zone, which boards that are handed in as a whole allow."""
    return drop.zone in _BANK
