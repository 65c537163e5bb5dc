"""Recognizes names of personal data in any spelling, on any platform, and grades them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from ..personal_data import Grade

DIRECT = (
    "username", "user_name", "uname", "usr", "tel", "authored_by", "user", "login", "email", "e_mail", "mail", "mbox",
    "email_address", "first_name", "last_name", "full_name", "given_name", "family_name", "middle_name", "surname",
    "nickname", "real_name", "maiden_name", "author", "author_name", "learner_name", "student_name", "student",
    "learner", "ip", "ip_address", "remote_addr", "client_ip", "host_ip", "adress", "street", "address",
    "mailing_address", "home_address", "phone", "phone_number", "mobile", "telephone", "fax", "ssn",
    "social_security_number", "national_id", "passport", "passport_number", "tax_id", "credit_card", "card_number",
    "iban", "bank_account", "profile", "profile_image", "photo", "photo_url", "avatar_url", "picture", "avatar",
    "signature", "social_links", "tel_no", "cell", "geo_ip", "vorname", "nachname", "benutzer", "benutzername",
    "prenom", "nom_de_famille", "apellido", "nombre", "correo",
)  # fmt: skip
"""Names of values that name a person, or reach one."""

INDIRECT = (
    "user_id", "userid", "student_id", "learner_id", "person_id", "employee_id", "external_id", "sso_id", "lti_user_id",
    "mac_address", "device_id", "user_agent", "agent", "referer", "referrer", "session", "session_id", "session_key",
    "cookie", "csrf_token", "token", "access_token", "auth_token", "refresh_token", "password", "secret", "api_key",
    "dob", "date_of_birth", "birth_date", "birthday", "year_of_birth", "age", "gender", "sex", "ethnicity", "religion",
    "nationality", "country", "country_code", "birthplace", "city", "state_or_province", "zip_code", "postal_code",
    "zip", "postcode", "location", "latitude", "geo", "goals", "bio", "level_of_education", "disability",
    "accommodation", "language_proficiencies", "lat", "lng", "lon", "longitude", "household", "salary", "race",
    "geburtsdatum", "answer", "answers", "student_answer", "student_response", "essay", "body", "client", "client_id",
)  # fmt: skip
"""Names of values that are linkable to a person, or are a person's free text."""

PERSONAL = (*DIRECT, *INDIRECT)
"""Compared without case and punctuation, by runs of words, and by likeness."""

NO_ALARM = frozenset({
    "usage", "page", "target", "message", "image", "language", "locate", "allocation", "bode", "altitude", "attitude",
    "stage", "package", "coverage", "average", "agenda",
})  # fmt: skip
"""Words that only look like one of them."""

FLAGS = frozenset({
    "count", "total", "number", "num", "taken", "verified", "confirmed", "enabled", "required", "allowed", "valid",
    "sent", "exists", "visible", "shown", "hidden", "partition", "partitions", "group", "groups", "limit", "max",
    "min", "format", "code", "type", "kind", "status", "weight", "score", "duration", "length", "size", "quota",
    "role", "roles", "mode", "view", "at", "until", "since",
})  # fmt: skip
"""Last words that turn a personal name into a property of it: a count, a kind, a flag, when it happened."""

STRONG = frozenset({
    "email", "mail", "username", "phone", "telephone", "password", "birth", "birthday", "dob", "adress", "gender",
    "surname", "ssn", "passport", "ip", "mbox", "nickname", "author", "iban", "postcode", "latitude", "longitude",
    "cookie", "firstname", "lastname", "fullname", "lat", "lng", "tel", "fax", "vorname", "nachname", "apellido",
    "prenom",
})  # fmt: skip
"""Words that make a name personal wherever they stand in it."""

PEOPLE = frozenset({
    "user", "users", "learner", "learners", "student", "students", "author", "owner", "person", "people", "member",
    "profile", "contact", "account", "creator", "sender", "recipient", "teacher", "instructor", "usernames",
})  # fmt: skip
"""Objects that are a person: their names and keys are personal."""

KEYS = frozenset({"id", "key", "uuid", "guid", "hash", "number", "pk"})
"""Last words by which a person can be found, not addressed."""

NAMING = KEYS | {"name", "handle", "login", "title"}

_KNOWN = {re.sub("[^a-z0-9]", "", name): name for name in reversed(PERSONAL)}
_RUNS = {key: name for key, name in _KNOWN.items() if "_" in name or key in STRONG}
LIKENESS = 0.84
LIKENESS_OF_A_WORD = 0.88

_TOKENS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def tokens(name: str) -> list[str]:
    """Splits a name in any style into words: ``userName``, ``user-name``, ``USER_NAME``."""
    return [token.lower() for token in _TOKENS.findall(name)]


@lru_cache(4096)  # of declared paths; the data map asks about each in every event
def of_path(path: str) -> str | None:
    """Returns the personal name that the last part of a source path resembles, alone or with its object.

    >>> of_path("data.author.name"), of_path("data.geo.lat"), of_path("data.users.*.score"), of_path("data.course.id")
    ('author_name', 'lat', None, None)
    """
    *outer, last = [part for part in path.split(".") if part != "*"] or [path]
    if personal := resembles(last):
        return personal
    for holder in outer[1:]:
        words = tokens(holder)
        if words[-1] in PEOPLE and NAMING.intersection(tokens(last)):
            return f"{words[-1]}_{tokens(last)[-1]}"
        for word in words:
            if word.removesuffix("s") in STRONG:
                return word
    return None


def grade_of_name(name: str) -> Grade:
    """Grades a name as `of_path` and `resembles` return it: one of `PERSONAL`, or a person with a word after it.

    >>> grade_of_name("author_name"), grade_of_name("author_uuid"), grade_of_name("country")
    (<Grade.DIRECT: 'direct'>, <Grade.INDIRECT: 'indirect'>, <Grade.INDIRECT: 'indirect'>)
    """
    if name in DIRECT:
        return Grade.DIRECT
    return Grade.INDIRECT if name in INDIRECT or tokens(name)[-1] in KEYS else Grade.DIRECT


def is_about(path: str) -> bool:
    """Tells whether a path names a property of something else: its count, kind or code."""
    words = tokens(path.rpartition(".")[2])
    return len(words) > 1 and words[-1] in FLAGS


def resembles(name: str) -> str | None:
    """Returns the personal name that a name equals, contains or resembles; None for a harmless name.

    >>> resembles("ip_addr"), resembles("eMail"), resembles("user-name"), resembles("dob"), resembles("course_id")
    ('ip', 'email', 'username', 'dob', None)
    """
    words = [word for word in tokens(name) if not word.isdigit()]
    together = "".join(words)
    for candidate in (together, together.removesuffix("s")):
        if candidate in _KNOWN:
            return _KNOWN[candidate]
    if not words or together in NO_ALARM or len(together) < 3 or (len(words) > 1 and words[-1] in FLAGS):
        return None
    return _run(words) or _likely(words, together)


def _run(words: Sequence[str]) -> str | None:
    """Finds a personal name among the words, the longest first: ``attempt_user_id``, ``owner_username``."""
    for size in range(len(words), 0, -1):
        for start in range(len(words) - size + 1):
            run = "".join(words[start : start + size])
            for candidate in (run, run.removesuffix("s")):
                if candidate in _RUNS:
                    return _RUNS[candidate]
                if size == 1 and candidate in STRONG:
                    return next((name for name in PERSONAL if candidate in tokens(name)), candidate)
    return None


def _likely(words: Sequence[str], together: str) -> str | None:
    """Finds a personal name that resembles the whole, or a personal word that resembles one of the words."""
    if set(words) & NO_ALARM:
        return None
    best, score = "", 0.0
    for known, name in _KNOWN.items():
        if min(len(known), len(together)) < 6 or abs(len(known) - len(together)) > 5:
            continue
        if words[0] in (f"{known}ed", f"{known}ing"):  # something that happened
            continue
        likeness = SequenceMatcher(None, known, together).ratio()
        if known.startswith(together) or together.startswith(known):
            likeness = max(likeness, 0.9)
        if likeness > score:
            best, score = name, likeness
    if score >= LIKENESS:
        return best
    for word in words:
        for strong in STRONG:
            near = min(len(word), len(strong)) >= 6 and SequenceMatcher(None, strong, word).ratio()
            if near and near >= LIKENESS_OF_A_WORD:
                return strong
    return None
