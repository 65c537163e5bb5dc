"""Has a kind of its own, and examples that it accepts."""

import re

from learnrelay import Family, Fields, required

family = Family("carrier.zoo")
_COLOUR = re.compile(r"#[0-9a-f]{6}")


def colour(value):
    return value if isinstance(value, str) and _COLOUR.fullmatch(value) else None


class Paint(Fields):
    colour = required("data.colour", kind=colour, example=("#00ff7f", "#123456"))


@family.maps("zoo.painted", reads=Paint)
def painted(paint, platform):
    """The learner paints."""
    return {"object": platform.iri("colour", paint.colour[1:])}
