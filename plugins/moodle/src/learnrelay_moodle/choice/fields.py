"""Choices: a question of one page, with options."""

from __future__ import annotations

from learnrelay import Fields, optional, required

from ..column_kinds import row_id

_WHY = "what was chosen is what the statement tells"


class ChosenOptionFields(Fields):
    """Declares an option that is chosen, by its id; rows up to 3.1 may have a list, which is not read."""

    cmid = required("context.contextinstanceid", kind=row_id)
    option_id = optional("data.optionid", kind=row_id, reason=_WHY)
