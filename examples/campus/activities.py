"""What people do on the platform, one function for each activity; each writes its events through the visit."""

from __future__ import annotations

from collections.abc import Callable

from campus.courses import COURSES, HOST
from campus.forum import discuss
from campus.people import CONFIDENCES, Person, new_uuid
from campus.problems import PASS_MARK, answer, judge
from campus.video import watch, watch_on_phone
from campus.visit import SECOND, Json, Platform, Visit

LINKS = ("https://handbook.example.org/study-skills", "mailto:helpdesk@example.org")


def log_in(visit: Visit) -> None:
    """Registers at the first visit, signs in at later ones, sometimes changes the account."""
    person, first = visit.person, not visit.platform.visits[visit.person.username]
    if first:
        form = {"name": person.name, "username": person.username, "email": person.email}
        visit.request("/api/user/v2/account/registration/", **form, password="********")
    else:
        form = {"email_or_username": person.email, "password": "********"}
        visit.request("/api/user/v2/account/login_session/", **form)
    visit.wait(1, 6)
    if visit.rng.random() < 0.15:
        path = f"/api/user/v1/accounts/{person.username}"
        change = {"setting": "name", "old": person.username, "new": person.name, "truncated": []}
        account = {"user_id": person.user_id, "table": "auth_userprofile"}
        visit.server("edx.user.settings.changed", {**account, **change}, path)
        visit.wait(4, 20)
    visit.platform.visits[person.username] += 1


def enrol(visit: Visit) -> None:
    """Joins the course, or changes the track of an enrolment."""
    study, rng = visit.study, visit.rng
    if study.left or (study.mode and (study.mode == "verified" or rng.random() > 0.3)):
        return
    name = "edx.course.enrollment.mode_changed" if study.mode else "edx.course.enrollment.activated"
    study.mode = "verified" if study.mode else rng.choice(("audit", "audit", "honor", "verified"))
    _enrolment(visit, name, visit.person, "/change_enrollment")


def withdraw(visit: Visit) -> None:
    """Leaves the course for good."""
    _enrolment(visit, "edx.course.enrollment.deactivated", visit.person, "/change_enrollment")
    visit.study.mode, visit.study.left = "", True


def _enrolment(visit: Visit, name: str, learner: Person, path: str) -> None:
    mode = visit.platform.study(learner, visit.course).mode
    payload = {"course_id": visit.course.id, "user_id": learner.user_id, "mode": mode}
    visit.server(name, payload, path, learner)
    visit.wait(2, 15)


def open_course(visit: Visit) -> None:
    """Looks at the course home and at the pages around it."""
    rng, course = visit.rng, visit.course
    home = f"https://{HOST}/courses/{course.id}/course/"
    visit.request(f"/courses/{course.id}/{rng.choice(('progress', 'course/', 'courseware'))}")
    visit.wait(3, 30)
    if rng.random() < 0.5:
        target = rng.choice((*LINKS, visit.unit.page))
        visit.browser("edx.ui.lms.link_clicked", {"current_url": home, "target_url": target})
        visit.wait(2, 20)
    if rng.random() < 0.6:
        place = {"current_url": home, "target_url": visit.unit.page, "target_name": visit.unit.week}
        visit.browser("edx.ui.lms.outline.selected", {**place, "widget_placement": "accordion"})
        visit.wait(2, 8)
    if rng.random() < 0.3:
        visit.browser("edx.course.tool.accessed", {"tool_name": "edx.updates"})


def navigate(visit: Visit) -> None:
    """Moves to another tab: mostly the next one, past the last one into the next week."""
    study, rng, units, old = visit.study, visit.rng, visit.course.units, visit.unit
    name, legacy, step = "edx.ui.lms.sequence.next_selected", "seq_next", 1
    chance = rng.random()
    if chance < 0.12 and old.tab > 1:
        name, legacy, step = "edx.ui.lms.sequence.previous_selected", "seq_prev", -1
    elif chance < 0.24 and old.tab < 3:
        name, legacy, step = "edx.ui.lms.sequence.tab_selected", "seq_goto", 2
    study.position = (study.position + step) % len(units)
    new = units[study.position]
    tabs = {"old": old.tab, "new": new.tab} if new.sequence is old.sequence else {}
    if visit.course.old and tabs:
        visit.browser(legacy, {"id": old.sequence.key, **tabs}, nameless=True)
    else:
        payload = {"id": old.sequence.key, "current_tab": old.tab, "tab_count": 4, "widget_placement": "top"}
        target = {"target_tab": new.tab} if step == 2 else {}
        visit.browser(name, {**payload, **tabs, **target}, legacy)
    if not tabs:
        place = {"current_url": old.page, "target_url": new.page, "target_name": new.week}
        outline = {"id": None, **place, "widget_placement": "top"}
        visit.browser("edx.ui.lms.sequence.outline.selected", outline)
        visit.wait(1, 4)
        jump = {"id": new.vertical.key, "current_id": old.vertical.key, "target_name": new.vertical.title}
        visit.browser("edx.ui.lms.jump_nav.selected", {**jump, "widget_placement": "breadcrumb"})
    visit.unit = new
    visit.wait(2, 12)


def read(visit: Visit) -> None:
    """Reads a text: with a bookmark, a note, a page of the book."""
    rng, unit, person = visit.rng, visit.unit, visit.person
    visit.complete(1.0)
    visit.wait(20, 200)
    if rng.random() < 0.5:
        key = unit.vertical.key
        mark = {
            "bookmark_id": f"{person.username},{key}",
            "component_usage_id": key,
            "component_type": "vertical",
        }
        mark["course_id"] = visit.course.id
        visit.server("edx.bookmark.added", mark, "/api/bookmarks/v1/bookmarks/")
        visit.wait(2, 30)
        visit.browser("edx.bookmark.accessed", mark)
    if rng.random() < 0.5:
        note = {
            "component_usage_id": unit.block.key,
            "note_id": f"n-{rng.randrange(10**6)}",
            "highlighted_content": unit.block.title,
            "note_text": rng.choice(CONFIDENCES),
            "tags": [],
            "truncated": [],
        }
        visit.browser("edx.course.student_notes.added", note)
    if rng.random() < 0.5:
        chapter = f"/static/{visit.course.org}_reader.pdf"
        page = {"type": "gotopage", "chapter": chapter, "new": rng.randint(2, 80)}
        visit.browser("textbook.pdf.page.loaded", page, "book")
    visit.wait(5, 60)


def write_essay(visit: Visit) -> None:
    """Drafts an open response and hands it in."""
    draft = {"saved_response": {"parts": [{"text": visit.rng.choice(CONFIDENCES)}]}}
    visit.handler("openassessmentblock.save_submission", draft, "publish_event")
    visit.wait(60, 600)
    text = " ".join(visit.rng.sample(CONFIDENCES, 2))
    essay = {
        "answer": {"parts": [{"text": text}]},
        "attempt_number": 1,
        "submission_uuid": new_uuid(visit.rng),
        "created_at": visit.iso(),
        "submitted_at": visit.iso(),
    }
    visit.handler("openassessmentblock.create_submission", essay, "publish_event")
    visit.wait(5, 20)


def sit_exam(visit: Visit) -> None:
    """Takes a timed, practice or proctored exam from creating the attempt to handing it in."""
    if not visit.course.exams:
        return
    rng = visit.rng
    kind, subsection = rng.choice(visit.course.exams)
    number = rng.randrange(1_000, 9_999)
    payload: Json = {
        "exam_id": 70 + len(kind),
        "exam_content_id": subsection.key,
        "exam_name": subsection.title,
        "exam_default_time_limit_mins": 60,
        "exam_is_proctored": kind != "timed",
        "exam_is_practice_exam": kind == "practice",
        "exam_is_active": True,
        "attempt_id": number,
        "attempt_user_id": visit.person.user_id,
        "attempt_code": new_uuid(rng).upper(),
        "attempt_allowed_time_limit_mins": 60,
        "attempt_started_at": None,
        "attempt_completed_at": None,
        "attempt_event_elapsed_time_secs": None,
    }
    started = visit.now
    for status in ("created", "started", "ready_to_submit", "submitted"):
        payload["attempt_status"] = status
        if status == "started":
            started, payload["attempt_started_at"] = visit.now, visit.iso()
        if status == "submitted":
            payload["attempt_completed_at"] = visit.iso()
        if status != "created":
            payload["attempt_event_elapsed_time_secs"] = (visit.now - started) / SECOND
        path = f"/api/edx_proctoring/v1/proctored_exam/attempt/{number}"
        visit.server(f"edx.special_exam.{kind}.attempt.{status}", payload, path)
        visit.wait(20, 900)


def help_learner(visit: Visit) -> None:
    """Makes a member of the staff look at the list, enrol a learner or change the track, and correct a score."""
    rng, course, learner = visit.rng, visit.course, visit.rng.choice(visit.platform.learners)
    office = f"/courses/{course.id}/instructor"
    study = visit.platform.study(learner, course)
    visit.server("list-students", {"course": course.id}, office)
    visit.wait(10, 60)
    name = "edx.course.enrollment.mode_changed" if study.mode else "edx.course.enrollment.activated"
    study.mode = "verified" if study.mode else "honor"
    _enrolment(visit, name, learner, f"{office}/api/students_update_enrollment")
    problem = rng.choice([unit.block for unit in course.units if unit.block.questions])
    override = {
        "course_id": course.id,
        "problem_id": problem.key,
        "user_id": str(learner.user_id),
        "instructor_id": str(visit.person.user_id),
        "new_weighted_earned": 0,
        "new_weighted_possible": len(problem.questions),
        "only_if_higher": False,
        "event_transaction_id": new_uuid(rng),
    }
    path = f"{office}/api/override_problem_score"
    visit.server("edx.grades.problem.score_overridden", override, path, learner)
    study.best[problem.key] = 0
    if study.passed and sum(study.best.values()) < PASS_MARK * course.possible:
        study.passed = False
        judge(visit, ("now_failed",), learner, path)


def look_around(visit: Visit) -> None:
    """Reads about a course and plays the public lecture, without signing in."""
    visit.request(f"/courses/{visit.course.id}/about")
    visit.wait(5, 50)
    here = f"https://{HOST}/courses/{visit.course.id}/about"
    visit.browser("edx.ui.lms.link_clicked", {"current_url": here, "target_url": visit.unit.page})
    video = visit.unit.block
    visit.wait(5, 50)
    payload = {"id": video.id, "code": video.code, "duration": video.duration, "currentTime": 0}
    visit.browser("play_video", payload)
    visit.wait(20, 90)
    visit.browser("page_close", {})


ACTIVITIES: dict[str, Callable[[Visit], None]] = {
    "video": watch,
    "problem": answer,
    "html": read,
    "openassessment": write_essay,
}


def learn(visit: Visit) -> None:
    """Plays an evening of a learner."""
    rng, number = visit.rng, visit.platform.visits[visit.person.username]
    log_in(visit)
    enrol(visit)
    if number and rng.random() < 0.02:
        withdraw(visit)
        return
    open_course(visit)
    for _ in range(rng.randint(2, 5)):
        ACTIVITIES[visit.unit.block.kind](visit)
        navigate(visit)
    if rng.random() < 0.6:
        discuss(visit)
        discuss(visit)
    if number and rng.random() < 0.35:
        sit_exam(visit)
    visit.browser("page_close", {}, nameless=rng.random() < 0.3)


def begin_visit(platform: Platform, start: int) -> Visit:
    """Begins the visit of somebody: mostly a learner, in one of the two courses that suit."""
    rng, chance = platform.rng, platform.rng.random()
    if chance < 0.03:
        visit = Visit(platform, rng.choice(platform.visitors), rng.choice(COURSES), start)
        look_around(visit)
    elif chance < 0.1:
        visit = Visit(platform, rng.choice(platform.staff), rng.choice(COURSES), start)
        help_learner(visit)
    else:
        index = rng.randrange(len(platform.learners))
        person, choice = platform.learners[index], index + (rng.random() < 0.2)
        course = COURSES[choice % len(COURSES)]
        if platform.study(person, course).left:
            course = COURSES[(choice + 1) % len(COURSES)]
        visit = Visit(platform, person, course, start)
        if person.phone and visit.study.mode and rng.random() < 0.4:
            watch_on_phone(visit)
        else:
            learn(visit)
    return visit
