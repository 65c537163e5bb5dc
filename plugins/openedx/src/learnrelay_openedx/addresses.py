"""Addresses in outputs: those of blocks under the platform's root, and those that people typed or followed.

What somebody typed or followed may name them, or open a door: a profile, a certificate, an invitation. Of the
platform's own addresses those of some known forms pass, of other sites what looks like nobody's, and no other scheme.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote, urljoin, urlsplit

from learnrelay import InvalidFieldError, Platform, Skip

from .keys import LONGEST_NAMED, decoded


def block_iri(platform: Platform, usage_key: str, *suffix: str) -> str:
    """Returns the address of a block, or of something that belongs to one (its answer, a hint)."""
    return platform.iri("xblock", usage_key, *suffix)


def certificate_iri(platform: Platform, certificate_id: str) -> str:
    """Returns the address of a certificate, by a digest: under its id everybody reads the learner's name."""
    return platform.iri("certificates", platform.digest(certificate_id))


def team_iri(platform: Platform, team_id: str) -> str:
    """Returns the address of a team, by a digest: the id of a team begins with the name that learners gave it."""
    return platform.iri("teams", platform.digest(team_id))


NO_BLOCK = Skip("the event names no block")
"""Skips lines of a block that name it nowhere, as some old ones do."""


# --- addresses of people's making -----------------------------------------------------------------------

NO_PAGE = "the link leads to no page of the web"

_BLANK = "".join(map(chr, range(33)))
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_HOST = re.compile(r"(?:[^\W_](?:[\w-]*[^\W_])?\.)*[^\W_](?:[\w-]*[^\W_])?|[0-9a-f:.]*:[0-9a-f:.]*")

_NOT_IN_AN_IRI = re.compile(
    r"%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~!$'()*+,:@/%\xa0-\u167f\u1681-\u1fff\u2010-\u2027\u2030-\u205e\u2060-\u2fff"
    r"\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\uffef]"
)

NAME_FORM = r"[\w~-][\w.~-]*"
_NEW_COURSE = rf"(?:course|ccx)-v1:{NAME_FORM}(?:\+[\w.~@-]+){{2,3}}"
COURSE_FORM = rf"(?:{_NEW_COURSE}|{NAME_FORM}/{NAME_FORM}/{NAME_FORM})"
_BLOCK = (
    rf"(?:(?:ccx-)?block-v1:{NAME_FORM}(?:\+[\w.~@-]+){{2,3}}\+type@[\w-]+\+block@{NAME_FORM}"
    rf"|lib-block-v1:{NAME_FORM}\+{NAME_FORM}\+type@[\w-]+\+block@{NAME_FORM}"
    rf"|i4x:/{{1,2}}{NAME_FORM}/{NAME_FORM}/[\w-]+/{NAME_FORM})"
)
_KNOWN_PATHS = re.compile(
    rf"""/(?:
      courses/{COURSE_FORM}(?:/(?:
          about|bookmarks|course|course/updates|course_wiki|courseware(?:/{NAME_FORM}){{0,2}}(?:/\d{{1,3}})?|dates|discussion/forum
        | edxnotes|info|jump_to/{_BLOCK}|jump_to_id/{NAME_FORM}|outline|progress|syllabus|teams|wiki|xblock/{_BLOCK}
        | (?:pdf|html)?book/\d{{1,3}}(?:/chapter/\d{{1,3}})?(?:/\d{{1,4}})?)?)?
    | (?:learning/)?course/{_NEW_COURSE}(?:/(?:home|dates|progress|discussion|{_BLOCK}(?:/{_BLOCK})?)?)?
    | xblock/{_BLOCK}
    | videos/{_BLOCK}
    | (?:ccx-)?asset-v1:{NAME_FORM}(?:\+[\w.~@-]+){{2,3}}\+type@asset\+block@[\w.~@+,()-]+
    | c4x/{NAME_FORM}/{NAME_FORM}/asset/[\w~@+,()-][\w.~@+,()-]*
    | about|accessibility|blog|contact|copyright|courses|dashboard|donate|embargo|explore_courses|faq|help|honor|jobs
    | learning|login|news|press|privacy|register|search|sitemap|support/contact_us|tos
    )?/?""",
    re.VERBOSE,
)
"""Paths of the platform that pass: pages of courses, blocks, files of course authors, and static pages."""

_LONGEST_SEGMENT = 255
_UNSAFE_SEGMENT = re.compile(
    r"""[@\\/?#;&=\x00-\x1f\x7f] | %[0-9A-Fa-f]{2}          # an e-mail address or @name, parameters
      | ^\.\.?$ | ^~                                       # another folder, the home of a user
      | \d{6} | (?:\d[ .()-]?){9}                          # numbers of people, of telephones
      | (?i:[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}          # UUIDs
      | (?=[0-9a-f]*\d)[0-9a-f]{12} | ^eyj                 # digests, tokens
      | (?=[a-z]*\d)[a-z0-9]{16})
      | (?=[A-Za-z\d]*[a-z])(?=[A-Za-z\d]*[A-Z])(?=[A-Za-z\d]*\d[A-Za-z])[A-Za-z\d]{6}
      | (?=[A-Za-z]*[A-Z]{2})(?=[A-Za-z]*[a-z][A-Z])[A-Za-z]{16}
    """,
    re.VERBOSE,
)
_BEFORE_A_PERSON = frozenset({
    "account", "accounts", "activate", "assertions", "author", "authors", "badge", "badges", "certificate",
    "certificates", "confirm", "home", "in", "invitation", "invitations", "invite", "join", "joinchat", "learner",
    "learners", "login", "meetup_join", "member", "members", "password_reset", "password_reset_confirm", "people",
    "person", "profile", "profiles", "progress", "reset", "s", "session", "sessions", "share", "shared", "student",
    "students", "submission_history",
    "token", "tokens", "u", "unsubscribe", "user", "users", "verify",
})  # fmt: skip


def page_address(
    platform: Platform, address: str, page: str | None = None, *, declared: str = "data.target_url"
) -> str | None:
    """Returns of an address what may be published, as an absolute IRI; None for what is no page of the web.

    A relative address starts at ``page``, or else at the platform's root; for others the page does not matter. Raises
    InvalidFieldError for a web address that cannot be one; ``declared`` is the path of the field that it names.

    In the pseudonym space of one destination, another site's address is a digest: it may be one that a single learner
    has, by which two destinations could be joined.
    """
    if len(address) > LONGEST_NAMED:
        raise InvalidFieldError("too long for an address of a page", path=declared)
    try:
        address = address.strip(_BLANK)
        absolute = address if _has_scheme(address) else urljoin(_base_of(platform, page), address)
        if not _is_web(absolute):
            return None
        parts = urlsplit(absolute)
        host = unicodedata.normalize("NFKC", parts.hostname or "").lower().rstrip(".")
        port = parts.port
    except ValueError:  # such as an unfinished IPv6 host, a port that is no number
        raise InvalidFieldError("not an address of a page", path=declared) from None
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise InvalidFieldError("not an address of a page", path=declared)
    origin = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{'' if port is None else f':{port}'}"
    if _is_own(platform, host):
        path = decoded(parts.path)
        published = origin + (_in_iri(path) if _KNOWN_PATHS.fullmatch(path) else "/")
        if _origin(absolute) == _origin(platform.root_url):
            return published
    else:
        published = origin + _nobodys_part(parts.path)
    return platform.iri("link", platform.digest(published)) if platform.own else published


def _base_of(platform: Platform, page: str | None) -> str:
    """Returns where a relative address starts. Raises ValueError for a page that cannot be one."""
    base = urljoin(f"{platform.root_url}/", (page or "")[:LONGEST_NAMED].strip(_BLANK))
    return base if _is_web(base) else platform.root_url


def is_known_page(platform: Platform, address: str) -> bool:
    """Tells whether what was published is a page of the platform itself, so that a title of the page is its title."""
    parts = urlsplit(address)
    return _is_own(platform, parts.hostname or "") and bool(_KNOWN_PATHS.fullmatch(decoded(parts.path).rstrip("/")))


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _is_own(platform: Platform, host: str) -> bool:
    own = urlsplit(platform.root_url).hostname
    return host == own or host.endswith(f".{own}")


def _has_scheme(address: str) -> bool:
    return _SCHEME.match(address) is not None


def _is_web(address: str) -> bool:
    return urlsplit(address).scheme in ("http", "https")


def _nobodys_part(path: str) -> str:
    """Returns the folders of a path up to the first that may name or admit somebody."""
    kept: list[str] = []
    person_follows = False
    for segment in path.partition(";")[0].split("/")[1:]:
        plain = unicodedata.normalize("NFKC", decoded(segment))
        if (person_follows and plain) or len(plain) > _LONGEST_SEGMENT or _UNSAFE_SEGMENT.search(plain):
            return "/".join(["", *kept, ""])
        person_follows = person_follows or plain.lower().replace("-", "_") in _BEFORE_A_PERSON
        kept.append(_in_iri(segment))
    return "/".join(["", *(kept or [""])])


def _in_iri(path: str) -> str:
    return _NOT_IN_AN_IRI.sub(lambda match: quote(match[0], safe="", errors="replace"), path)
