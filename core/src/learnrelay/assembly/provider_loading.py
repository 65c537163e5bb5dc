"""Makes the providers that the operator's file names, and reads the list of objections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..config.fields import BASE, did_you_mean
from ..config.models import Provider
from ..config.schema import IdentitySection, ProviderSection
from ..errors import ObjectionsError, ProviderError
from ..lookups.objections import Objections
from ..providers import IdentityProvider
from .operator_file import OperatorFile


def load_provider(
    file: OperatorFile, key: str, known: Mapping[str, type[Any]], default: str | None
) -> tuple[Provider, Any] | None:
    """Makes the provider that the section ``key`` names, with its settings; None where that is a problem."""
    raw = file.raw.get(key, {"provider": default} if default else None)
    if raw is None:
        file.add_problem(key, f'is missing: name a provider, such as [{key}] provider = "{next(iter(known))}"')
        return None
    if not isinstance(raw, Mapping):
        file.add_problem(key, "expected a table")
        return None
    section = IdentitySection() if key == "identity" else ProviderSection()
    head, valid = file.load_table(section, {k: raw[k] for k in raw if k in section.fields}, key)
    name = head.get("provider")
    if not valid or name is None:
        return None
    if name not in known:
        hint = did_you_mean(name, list(known))
        file.add_problem(f"{key}.provider", f"no enabled plugin provides this; known: {', '.join(known)}{hint}")
        return None
    own = {k: value for k, value in raw.items() if k not in section.fields}
    settings, valid = file.load_table(known[name].settings_schema(), own, key, also=list(section.fields))
    return (Provider(name, settings), known[name](settings)) if valid else None


def load_objections(file: OperatorFile, identity: IdentityProvider) -> Objections | None:
    """Reads the list of learners who objected; no list, no objections. A list that cannot be read is a problem."""
    name = file.raw["identity"].get("objections")
    if name is None:
        return None
    at = "identity.objections"
    path = BASE.get() / name
    if not path.is_file():
        file.add_problem(
            at,
            f"there is no file {path}. Copy it from where learners object; if none has objected yet, make an empty "
            f"one: install -m 600 /dev/null {path}",
        )
        return None
    try:
        objections = Objections(path, identity)
    except (ObjectionsError, ProviderError) as error:  # without the list nothing may be said
        file.add_problem(at, str(error))
        return None
    if warning := objections.check_permissions():
        file.warnings.append(f"{at}: {warning} {path}")
    return objections
