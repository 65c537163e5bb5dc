"""Names that promise personal data, and near relatives of them."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

PERSONAL = (
    "username", "user_name", "uname", "usr", "tel", "authored_by", "user_id", "userid", "user", "login", "email",
    "e_mail", "mail", "mbox", "email_address",
    "first_name", "last_name", "full_name", "given_name", "family_name", "middle_name", "surname", "nickname",
    "real_name", "maiden_name", "author", "author_name", "learner_name", "student_name", "student_id", "learner_id",
    "student", "learner", "person_id", "employee_id", "external_id", "sso_id", "lti_user_id",
    "ip", "ip_address", "remote_addr", "client_ip", "host_ip", "mac_address", "device_id", "user_agent", "agent",
    "session", "session_id", "session_key", "cookie", "csrf_token", "token", "password", "secret", "api_key",
    "dob", "adress", "date_of_birth", "birth_date", "birthday", "year_of_birth", "age", "gender", "sex", "ethnicity",
    "religion",
    "nationality", "country", "city", "state_or_province", "zip_code", "postal_code", "postcode", "street", "address",
    "mailing_address", "home_address", "location", "latitude", "longitude", "geo", "phone", "phone_number", "mobile",
    "telephone", "fax", "ssn", "social_security_number", "national_id", "passport", "passport_number", "tax_id",
    "credit_card", "card_number", "iban", "bank_account", "goals", "bio", "level_of_education", "profile",
    "profile_image", "photo", "picture", "avatar", "signature", "disability", "accommodation", "language_proficiencies",
    "social_links", "answer", "answers", "student_answer", "student_response", "essay", "body",
)  # fmt: skip
"""Compared without case and punctuation, by tokens, and by likeness."""

NO_ALARM = frozenset({"usage", "page", "target", "message", "image", "language", "locate", "allocation", "bode"})
"""Words that only look like one of them."""

_TOKENS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_STRONG = frozenset({
    "email", "mail", "username", "phone", "password", "birth", "birthday", "dob", "adress", "gender", "surname",
    "ssn", "passport",
    "ip", "mbox", "nickname", "author", "iban", "postcode", "zip", "latitude", "longitude", "cookie", "telephone",
})  # fmt: skip
"""Tokens that give a name away wherever they stand in it."""

_KNOWN = {re.sub("[^a-z0-9]", "", name): name for name in reversed(PERSONAL)}
LIKENESS = 0.84


def tokens(name: str) -> list[str]:
    """Words of a name in any style: ``userName``, ``user-name``, ``USER_NAME``."""
    return [token.lower() for token in _TOKENS.findall(name)]


def resembles(name: str) -> str | None:
    """The personal name that a name is, contains or resembles; None for a harmless one.

    >>> resembles("ip_addr"), resembles("eMail"), resembles("user-name"), resembles("dob"), resembles("course_id")
    ('ip_address', 'email', 'username', 'dob', None)
    """
    words = tokens(name)
    together = "".join(words)
    if together in _KNOWN:
        return _KNOWN[together]
    if together in NO_ALARM or len(together) < 3:
        return None
    candidates = [together, together.rstrip("s"), re.sub(r"\d+$", "", together)]
    for candidate in candidates:
        if candidate in _KNOWN:
            return _KNOWN[candidate]
    best, score = "", 0.0
    for known, told in _KNOWN.items():
        if min(len(known), len(together)) < 6 or abs(len(known) - len(together)) > 5:
            continue
        likeness = SequenceMatcher(None, known, together).ratio()
        starts = known.startswith(together) or together.startswith(known)
        likeness = max(likeness, 0.9 if starts else 0.0)
        if likeness > score:
            best, score = told, likeness
    if score >= LIKENESS and not set(words) & NO_ALARM:
        return best
    for word in words:
        if word in _STRONG:
            return next((told for told in PERSONAL if word in tokens(told)), word)
    return None
