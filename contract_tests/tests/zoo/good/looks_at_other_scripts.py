"""Uses names in other scripts, and values that resemble malformed ones."""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import scalars, text

family = Family("carrier.zoo")
ÉTIQUETTE = "étiquette"


class Sondage(Fields):
    numéro = required("data.numéro", kind=text, example="№ 17/ä %2F?#")
    étiquettes = optional("data.étiquettes", kind=scalars, example=(["ä", 3], ["\u2028"]))


@family.maps("zoo.sondage.répondu", reads=Sondage)
def répondu(sondage, platform):
    """Répondu."""
    return {"object": platform.iri("sondage", sondage.numéro), ÉTIQUETTE: sondage.étiquettes}
