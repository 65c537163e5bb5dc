"""Defines the rules for values and actors of xAPI, and the check that applies a table of rules to an object.

A rule gets the validation in progress, the value and its path, and adds problems to the validation.
``xapi_rules`` builds on them; callers use ``xapi_rules.check_statement``. Sections are those of
xAPI 1.0.3, part 2.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from learnrelay_contract_tests.endpoints.formats import (
    is_duration,
    is_iri,
    is_iso8601,
    is_language_tag,
    is_rfc3339,
    is_uuid,
)


class Validation(NamedTuple):
    """Holds a validation in progress: the problems so far, and whether the rules of 2.0 apply (else 1.0.3)."""

    problems: list[str]
    is_2_0: bool

    def wrong(self, path: str, reason: str) -> None:
        """Adds a problem. The reason never quotes a value, which may be personal."""
        self.problems.append(f"{path or 'statement'}: {reason}")


Rule = Callable[[Validation, Any, str], None]
Rules = Mapping[str, Rule]


def check_properties(
    validation: Validation, value: Any, path: str, rules: Rules, required: Collection[str] = ()
) -> bool:
    """Checks an object by its table of rules. Returns False if the value is no object."""
    if not isinstance(value, dict):
        validation.wrong(path, "must be an object")
        return False
    prefix = f"{path}." if path else ""
    for key, item in value.items():
        rule = rules.get(key)
        if rule is None:
            validation.wrong(prefix + key, "unknown property")
        elif item is None:
            validation.wrong(prefix + key, "must not be null")
        else:
            rule(validation, item, prefix + key)
    for key in required:
        if key not in value:
            validation.wrong(prefix + key, "is required")
    return True


# --- values -----------------------------------------------------------------------------------------


def text(form: Callable[[str], object], reason: str) -> Rule:
    """Builds a rule for text for which ``form`` returns something true."""

    def rule(validation: Validation, value: Any, path: str) -> None:
        if not isinstance(value, str):
            validation.wrong(path, "must be text")
        elif not form(value):
            validation.wrong(path, reason)

    return rule


def word(*allowed: str) -> Rule:
    """Builds a rule for one of these words, case-sensitive."""
    return text(frozenset(allowed).__contains__, f"must be {' or '.join(allowed)}")


def boolean(validation: Validation, value: Any, path: str) -> None:
    """Requires ``true`` or ``false``."""
    if not isinstance(value, bool):
        validation.wrong(path, "must be true or false")


def is_number(value: Any) -> bool:
    """Tells whether JSON writes the value as a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(validation: Validation, value: Any, path: str) -> None:
    """Requires a number."""
    if not is_number(value):
        validation.wrong(path, "must be a number")


def size(validation: Validation, value: Any, path: str) -> None:
    """Requires a length in octets."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        validation.wrong(path, "must be a whole number of octets")


def array(rule: Rule, at_least: int = 0) -> Rule:
    """Builds a rule for an array whose items each follow ``rule``."""

    def check_array(validation: Validation, value: Any, path: str) -> None:
        if not isinstance(value, list):
            validation.wrong(path, "must be an array")
            return
        if len(value) < at_least:
            validation.wrong(path, "must not be empty")
        for index, item in enumerate(value):
            rule(validation, item, f"{path}[{index}]")

    return check_array


def language_map(validation: Validation, value: Any, path: str) -> None:
    """Requires an object of language tag to text (section 4.2)."""
    if not isinstance(value, dict):
        validation.wrong(path, "must be a language map")
        return
    for tag, words in value.items():
        if not is_language_tag(tag):
            validation.wrong(f"{path}.{tag}", "key is no language tag (RFC 5646)")
        if not isinstance(words, str):
            validation.wrong(f"{path}.{tag}", "must be text")


def extensions(validation: Validation, value: Any, path: str) -> None:
    """Requires an object of IRI to any value, null included (section 4.1)."""
    if not isinstance(value, dict):
        validation.wrong(path, "must be an object")
        return
    for key in value:
        if not is_iri(key):
            validation.wrong(f"{path}.{key}", "key is no absolute IRI")


def timestamp(validation: Validation, value: Any, path: str) -> None:
    """Requires a time with offset, because a time without one is ambiguous (section 4.5)."""
    if not isinstance(value, str):
        validation.wrong(path, "must be text")
    elif not (is_rfc3339(value) if validation.is_2_0 else is_iso8601(value)):
        validation.wrong(path, f"must be a time with offset ({'RFC 3339' if validation.is_2_0 else 'ISO 8601'})")


def version(validation: Validation, value: Any, path: str) -> None:
    """Requires ``1.0.…``; under 2.0 also ``2.0.…`` (section 2.4.10)."""
    form = r"[12]\.0\.\d+[-+.\w]*" if validation.is_2_0 else r"1\.0\.\d+[-+.\w]*"
    if not isinstance(value, str) or not re.fullmatch(form, value):
        validation.wrong(path, "must be text that starts with 1.0." + (" or 2.0." if validation.is_2_0 else ""))


any_text = text(lambda _: True, "")
some_text = text(bool, "must not be empty")
iri = text(is_iri, "must be an absolute IRI")
uuid = text(is_uuid, "must be a UUID in canonical form")
duration = text(is_duration, "must be an ISO 8601 duration")
language = text(is_language_tag, "must be a language tag (RFC 5646)")


# --- actors (section 2.4.2) -------------------------------------------------------------------------


def _account(validation: Validation, value: Any, path: str) -> None:
    check_properties(validation, value, path, {"homePage": iri, "name": some_text}, ("homePage", "name"))


def _is_mailto(text: str) -> bool:
    return is_iri(text) and re.fullmatch(r"mailto:[^@/?#]+@[^@/?#]+", text) is not None


IDENTIFIERS: Rules = {
    "mbox": text(_is_mailto, "must be a mailto: IRI with one address"),
    "mbox_sha1sum": text(re.compile(r"[0-9a-fA-F]{40}").fullmatch, "must be 40 hexadecimal digits"),
    "openid": iri,
    "account": _account,
}


def agent(validation: Validation, value: Any, path: str) -> None:
    """Requires exactly one identifier."""
    if check_properties(validation, value, path, AGENT) and sum(key in value for key in IDENTIFIERS) != 1:
        validation.wrong(path, f"must have exactly one of {', '.join(IDENTIFIERS)}")


def group(validation: Validation, value: Any, path: str) -> None:
    """Requires one identifier, or members and no identifier."""
    if check_properties(validation, value, path, GROUP, ("objectType",)):
        identifiers = sum(key in value for key in IDENTIFIERS)
        if identifiers > 1:
            validation.wrong(path, f"must have at most one of {', '.join(IDENTIFIERS)}")
        elif not identifiers and not value.get("member"):
            validation.wrong(path, "must have members, because it is anonymous")


def actor(validation: Validation, value: Any, path: str) -> None:
    """Requires an Agent or a Group."""
    is_group = isinstance(value, dict) and value.get("objectType") == "Group"
    (group if is_group else agent)(validation, value, path)


def authority(validation: Validation, value: Any, path: str) -> None:
    """Requires an Agent or an anonymous Group of two (section 2.4.9)."""
    actor(validation, value, path)
    if isinstance(value, dict) and value.get("objectType") == "Group":
        members = value.get("member")
        if any(key in value for key in IDENTIFIERS) or not isinstance(members, list) or len(members) != 2:
            validation.wrong(path, "must be an Agent or an anonymous Group of two")


AGENT: Rules = {"objectType": word("Agent"), "name": any_text, **IDENTIFIERS}
GROUP: Rules = {"objectType": word("Group"), "name": any_text, "member": array(agent), **IDENTIFIERS}
