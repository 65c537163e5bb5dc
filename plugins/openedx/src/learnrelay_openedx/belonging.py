"""Declares how events prove to whom they belong: the course, its organisation, the learner's enterprise.

The course key proves course and organisation, ``context.org_id`` the organisation; what else an event names (blocks,
libraries, assets, pages of courses) proves nothing, but must not contradict them. The kinds of what proves are strict:
a list in the place of a key must spoil the proof, and not go unseen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urljoin

from learnrelay import (
    UNREADABLE_COURSE,
    CourseEvidence,
    CourseProof,
    CourseRef,
    EnterpriseProof,
    Fields,
    each,
    entry_key,
    optional,
)
from learnrelay.caching import cached
from learnrelay.kinds import Invalid, identifier, strict_identifier, strict_text, structure, text

from .keys import LONGEST_NAMED, decoded, html_prefix, parse_course
from .origins import OriginFields, is_from_client

_NO_KEY = re.compile(r"[^\w.~:+@/-]")
_CCX_RUN = re.compile(r"[^+]+\+ccx@\d+")
_ORG = re.compile(r"[\w.~:-]+")
_KEY = re.compile(
    r"""(?:(ccx|lib|library)-)?(?:block|asset)-v1:(?P<whole>[^/\s?&#]+?)
          (?:\+branch@[^+\s/]+)?(?:\+version@[^+\s/]+)?\+type@
        | (?P<course>(?:course|ccx|library)-v1:[^/\s?&#]+)
        | (?:i4x:(?://|;_;_)|/?c4x/)(?P<org>[^/;\s:+]+)(?:/|;_)(?P<number>[^/;\s:+]+)(?:/|;_)
        | (?<![\w-])l(?:ib|b):(?P<owner>[^:/\s]+):[^:/\s]+
        | /courses?/(?P<old>[^/\s:+]+/[^/\s:+]+/[^/\s:+?#]+)""",
    re.VERBOSE,
)
_LIKE_A_KEY = re.compile(
    r"(?:course|ccx|library|block|asset)-v\d|i4x[:-]|c4x/"
    r"|(?<![\w-])(?:lib|lb|lct|lib-collection|slashes|location):",
    re.IGNORECASE,
)
_OLD_COURSE = re.compile(r"[^/\s:+]+/[^/\s:+]+/[^/\s:+]+")
_QUESTION = re.compile(r"[\w.~:-]+")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u2060\ufeff]")
_KIND = {None: "course", "ccx": "ccx", "lib": "library", "library": "library"}


@cached
def course_of(key: str) -> CourseRef:
    """Returns what a course key names: the platform's own rules for keys are a little stricter than ours."""
    parsed = None if _NO_KEY.search(key) else parse_course(key)
    if parsed is None or (parsed.kind == "course" and "+" in parsed.run):
        return UNREADABLE_COURSE
    if parsed.kind == "ccx" and _CCX_RUN.fullmatch(parsed.run) is None:
        return UNREADABLE_COURSE
    return CourseRef(parsed.org, "" if parsed.kind == "library" else f"{parsed.org}+{parsed.course}", key)


def course_of_org(org: str) -> CourseRef:
    """Returns an organisation alone."""
    return CourseRef(org) if _ORG.fullmatch(org) else UNREADABLE_COURSE


def courses_in(text: str, proofs: tuple[CourseRef, ...] = ()) -> Iterator[CourseRef]:
    """Yields the courses that an id or an address names: of each key of a course, block, library or asset in it.

    Keys of old blocks are without a run; as ids of the page (``i4x-Org-Course-…``) they can only be compared with the
    courses that are proved. What only looks like a key spoils the proof.
    """
    if len(text) > LONGEST_NAMED:
        yield UNREADABLE_COURSE
        return
    plain = decoded(text)
    if _UNSEEN.search(plain.strip()):  # an address loses them before it is read (urlsplit), and so would a key
        yield UNREADABLE_COURSE
        return
    for proof in proofs:
        plain = plain.removeprefix(html_prefix(proof.org, proof.course.partition("+")[2]))
    if _OLD_COURSE.fullmatch(plain):
        yield course_of(plain)
    rest = plain
    for match in _KEY.finditer(plain):
        rest = rest.replace(match[0], " ", 1)
        if match["whole"]:
            yield course_of(f"{_KIND[match[1]]}-v1:{match['whole']}")
        elif match["course"]:
            yield course_of(match["course"])
        elif match["org"]:
            yield CourseRef(match["org"], f"{match['org']}+{match['number']}")
        elif match["owner"]:
            yield CourseRef(match["owner"], "", match[0])
        else:
            yield course_of(match["old"])
    if _LIKE_A_KEY.search(rest) or (plain != plain.strip() and _LIKE_A_KEY.search(plain)):
        yield UNREADABLE_COURSE


def courses_in_question(key: str, proofs: tuple[CourseRef, ...]) -> Iterator[CourseRef]:
    """Yields the courses that the key of a question names; it spoils the proof if it is not of the platform's form.

    The platform makes it of the id of a block, which has no slash or plus: they would lead into another course.
    """
    if len(key) <= LONGEST_NAMED and _QUESTION.fullmatch(decoded(key)):
        yield from courses_in(key, proofs)
    else:
        yield UNREADABLE_COURSE


_WHERE = "the keys of courses in it are compared; the scope puts nothing out"


class EntryFields(Fields):
    """Declares the id of a question within a submission."""

    key = entry_key()


class ComponentKeyFields(Fields):
    """Declares the key of a component within a block of a library."""

    usage_key = optional("usage_key", kind=text)


class CourseFields(OriginFields):
    """Declares where an event names its course and organisation, and all else that has one of its own."""

    in_context = optional("context.course_id", kind=strict_text)
    in_data = optional("data.course_id", kind=strict_text)
    org = optional("context.org_id", kind=strict_text)
    module = optional("context.module.usage_key", kind=text)
    id = optional("data.id", kind=text)
    problem_id = optional("data.problem_id", kind=text)
    module_id = optional("data.module_id", kind=text)
    block_id = optional("data.block_id", kind=text)
    usage_key = optional("data.usage_key", kind=text)
    component_id = optional("data.component_usage_id", kind=text)
    exam_id = optional("data.exam_content_id", kind=text)
    item_id = optional("data.item_id", kind=text)
    thread_id = optional("data.discussion.id", kind=text)
    response_id = optional("data.response.id", kind=text)
    location_id = optional("data.location_id", kind=text, reason=_WHERE)
    location = optional("data.location", kind=text, reason=_WHERE)
    host_id = optional("data.host_component_id", kind=text)
    courserun_key = optional("data.courserun_key", kind=text)
    note_id = optional("data.note_id", kind=identifier)
    cohort_id = optional("data.cohort_id", kind=identifier)
    exploration_id = optional("data.exploration_id", kind=text)
    target_id = optional("data.target_id", kind=text)
    target_url = optional("data.target_url", kind=text, reason=_WHERE)
    launch_url = optional("data.launch_url", kind=text, reason=_WHERE)
    url = optional("data.url", kind=text, reason=_WHERE)
    chapter = optional("data.chapter", kind=text, reason=_WHERE)
    bumper_id = optional("data.bumper_id", kind=text, reason=_WHERE)
    result_link = optional("data.result_link", kind=text, reason=_WHERE)
    current_url = optional("data.current_url", kind=text, reason=_WHERE)
    path = optional("context.path", kind=text, reason=_WHERE)
    page = optional("context.page", kind=text, reason=_WHERE)
    referer = optional("context.referer", kind=text, reason=_WHERE)
    questions = each("data.submission", EntryFields)
    added = each("data.added", ComponentKeyFields)
    removed = each("data.removed", ComponentKeyFields)
    answers = optional("data.answers", kind=structure, reason="the keys of questions in it are compared, no answer")


def course_evidence(fields: CourseFields) -> CourseEvidence:
    """Returns the courses that an event names, and those of all else that it names.

    Of the page before (``context.referer``) only a client's event puts something out.
    """
    from_client = is_from_client(fields.sender, fields.request)
    named = (
        fields.module, fields.id, fields.problem_id, fields.module_id, fields.block_id, fields.usage_key,
        fields.component_id, fields.exam_id, fields.item_id, fields.thread_id, fields.response_id, fields.location_id,
        fields.location, fields.host_id, fields.courserun_key, fields.url, fields.chapter,
        fields.bumper_id, fields.result_link, fields.note_id, fields.cohort_id, fields.exploration_id,
        *[component.usage_key for component in (*fields.added, *fields.removed)],
        fields.target_id, fields.target_url, fields.launch_url, fields.current_url, fields.path, fields.page,
        _joined(fields.current_url or fields.page, fields.target_url),
        fields.referer if from_client else None,
    )  # fmt: skip
    questions = (*[question.key for question in fields.questions], *_keys(fields.answers))
    return _evidence(
        (fields.in_context, fields.in_data, fields.org, from_client, tuple(filter(None, named)), questions)
    )


def _keys(answers: Any) -> Iterable[str]:
    """Returns the keys of the questions that have an answer; none where the answers are no object."""
    return answers if isinstance(answers, dict) else ()


def _joined(page: str | None, address: str | None) -> str | None:
    """Returns the address that a relative one leads to: parts of a key may stand in both."""
    try:
        return urljoin(page[:LONGEST_NAMED].strip(), address) if page and address else None
    except ValueError:
        return None


@cached
def _evidence(key_texts: tuple[Any, Any, Any, bool, tuple[str, ...], tuple[str, ...]]) -> CourseEvidence:
    in_context, in_data, org, from_client, named, questions = key_texts
    first, second = (
        () if key is None else (UNREADABLE_COURSE if isinstance(key, Invalid) else course_of(key),)
        for key in (in_context, in_data)
    )
    proofs = first if from_client else first + second
    if org is not None:
        proofs += (UNREADABLE_COURSE if isinstance(org, Invalid) else course_of_org(org),)
    mentions = [course for text in named for course in courses_in(text, proofs)]
    mentions += [course for key in questions for course in courses_in_question(key, proofs)]
    return CourseEvidence(proofs, first + second, (*(second if from_client else ()), *mentions))


COURSE_PROOF = CourseProof(CourseFields, course_evidence, course_of_org, course_of)

_WHOSE = "compared only, reaches no output"
_WHO = "compared only, to see whether the enterprise is that of the learner or of staff; reaches no output"


class EnterpriseFields(OriginFields):
    """Declares where events name the enterprise; the one in the context is that of the signed-in user."""

    in_context = optional("context.enterprise_uuid", kind=strict_text, reason=_WHOSE)
    in_data = optional("data.enterprise_uuid", kind=strict_text, reason=_WHOSE)
    user_id = optional("context.user_id", kind=identifier, reason=_WHO)
    username = optional("context.username", kind=text, reason=_WHO)
    subject_id = optional("data.user_id", "data.attempt_user_id", kind=strict_identifier, reason=_WHO)
    subject_name = optional("data.username", kind=strict_text, reason=_WHO)


def speaks_of_another(fields: EnterpriseFields) -> bool:
    """Tells whether the payload's user is, or may be, another than the signed-in one; False where nobody is."""
    for subject, signed_in in ((fields.subject_id, fields.user_id), (fields.subject_name, fields.username)):
        if subject is not None and signed_in is not None:
            return subject != signed_in
    is_named = fields.subject_id is not None or fields.subject_name is not None
    return is_named and (fields.user_id is not None or fields.username is not None)


def is_of_the_server(fields: OriginFields) -> bool:
    """Tells whether the payload is the server's."""
    return not is_from_client(fields.sender, fields.request)


ENTERPRISE_PROOF = EnterpriseProof(EnterpriseFields, speaks_of_another, is_of_the_server)
