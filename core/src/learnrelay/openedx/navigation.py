"""Navigation: links and outline entries that were followed, and the units of a subsection that were changed to."""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit

from ..errors import InvalidFieldError
from ..fields import Fields, optional, required
from ..kinds import count, text
from ..site import Site

# What may stand in an address as it is: an absolute IRI of RFC 3987 without private characters, which names something.
_CHARACTERS = r"A-Za-z0-9\-._~!$&'()*+,;=\xa0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef"
_NAME = rf"(?:[{_CHARACTERS}]++|%[0-9A-Fa-f]{{2}})*+"
_PATH = rf"(?:[{_CHARACTERS}:@/]++|%[0-9A-Fa-f]{{2}})*+"
_AUTHORITY = rf"//(?:\[[0-9A-Fa-f:.]+\]|{_NAME})(?::[0-9]*)?(?=/|\Z)"
_NO_PAGE = r"(?i:javascript|data):|(?i:https?):(?!//[^/:])"
_ADDRESS = re.compile(rf"(?!{_NO_PAGE})[A-Za-z][A-Za-z0-9+.\-]*:(?=/*[^/])(?:{_AUTHORITY}|(?!//)){_PATH}")
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_USER_INFO = re.compile(r"\A((?:[A-Za-z][A-Za-z0-9+.\-]*:)?//)[^/]*@(?=[^/])")
_PERSON = re.compile(
    r"((?<!:/)/u/|/forum/users/|/discussions/[^/]+/learners/|/user/v1/accounts/|/(?:certificates/user|progress)/(?=\d)).+",
    re.DOTALL,
)


class LinkFields(Fields):
    """A link, as it was written on a page, and that page."""

    target_url = required("data.target_url", kind=text)
    current_url = optional(
        "data.current_url", "context.page", "context.referer", kind=text,
        reason="a relative link starts at it; no more than `published` leaves is used",
    )  # fmt: skip


class OutlineFields(LinkFields):
    """An entry of the course outline."""

    target_name = optional("data.target_name", kind=text)


class SequenceFields(Fields):
    """A subsection with its units: the position that was left, from 1, and how many there are."""

    id = required("data.id", kind=text)
    current_tab = optional("data.current_tab", "data.old", kind=count)
    tab_count = optional("data.tab_count", kind=count)


class TabFields(SequenceFields):
    """The same with the position that was chosen."""

    target_tab = optional("data.target_tab", "data.new", kind=count)


def target_address(link: LinkFields, site: Site) -> str:
    """The link as an absolute IRI: a relative one starts at its page, or else at the platform's root.

    It has no more than `published` leaves; characters that an IRI cannot have are percent-encoded. Raises
    InvalidFieldError for what cannot be an address.
    """
    address = published(link.target_url.strip())
    if _ADDRESS.fullmatch(address):
        return address
    try:
        page = urljoin(f"{site.root_url}/", published(link.current_url or ""))
        address = published(_encoded(urljoin(page if page.startswith("http") else site.root_url, address)))
    except ValueError:  # such as an unfinished IPv6 host
        address = ""
    if not _ADDRESS.fullmatch(address):
        raise InvalidFieldError("not an address of a page", path="data.target_url")
    return address


def published(address: str) -> str:
    """An address without what may name a learner or open a door, which no pseudonym would cover.

    These are query and fragment (tokens, search words, e-mail addresses), user and password before the host, and
    the rest of a path of the platform that goes on with a user: ``/u/NAME``, ``/progress/ID``.
    """
    address = address.partition("#")[0].partition("?")[0]
    return _PERSON.sub(r"\1", _USER_INFO.sub(r"\1", address))


def _encoded(address: str) -> str:
    parts = urlsplit(_LONE_PERCENT.sub("%25", address))
    return parts._replace(path=quote(parts.path, safe="%/:@!$&'()*+,;=~")).geturl()
