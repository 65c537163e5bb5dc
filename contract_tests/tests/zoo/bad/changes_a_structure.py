"""A filter that takes something out of the object it may read.

Caught by: behaviour.source-unchanged

Entry point: learnrelay.filters.v1 zoo
"""

from learnrelay import Fields, hookimpl, optional
from learnrelay.kinds import structure


class Form(Fields):
    form = optional("data.form", kind=structure, reason="the form as a whole is what the filter looks at")


@hookimpl(reads=Form)
def filter_event(fields):
    if isinstance(fields.form, dict):
        fields.form.clear()
    return
