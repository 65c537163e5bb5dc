"""Problems: tries, hints, answers shown, and what they do to the grades."""

from __future__ import annotations

from urllib.parse import urlencode

from campus.courses import Block, Question
from campus.people import Person, new_uuid
from campus.visit import Json, Visit

PASS_MARK = 0.5
HINTS = ("Read the second slide once more.", "Begin with the smallest case.")


def answer(visit: Visit) -> None:
    """Tries a problem until it is right or patience ends."""
    problem, rng = visit.unit.block, visit.rng
    if rng.random() < 0.25:
        hint = {"module_id": problem.key, "hint_index": 0, "hint_len": len(HINTS), "hint_text": HINTS[0]}
        visit.handler("edx.problem.hint.demandhint_displayed", hint, "xmodule_handler/hint_button")
        visit.wait(5, 40)
    for _ in range(3):
        verdicts = [rng.random() < 0.65 for _ in problem.questions]
        answers = _answers(problem, verdicts)
        state: Json = {"seed": 1, "done": None, "correct_map": {}, "input_state": {}, "student_answers": {}}
        visit.wait(8, 90)
        if rng.random() < 0.15:
            visit.browser("problem_save", _form(answers))
            saved = {"problem_id": problem.key, "state": state, "answers": answers}
            visit.handler("save_problem_success", saved, "xmodule_handler/problem_save")
            visit.wait(4, 30)
        check(visit, verdicts, answers, state)
        if all(verdicts):
            break
        if len(problem.questions) == 1:
            give_feedback(visit, problem, answers)
        if rng.random() < 0.25:
            visit.browser("problem_show", {"problem": problem.key}, nameless=rng.random() < 0.4)
            visit.handler("showanswer", {"problem_id": problem.key}, "xmodule_handler/problem_show")
            break
        if rng.random() < 0.25:
            visit.browser("problem_reset", {"answers": _form(answers)})
            old = {**state, "done": True, "student_answers": answers}
            reset = {"problem_id": problem.key, "old_state": old, "new_state": state}
            visit.handler("reset_problem", reset, "xmodule_handler/problem_reset")


def check(visit: Visit, verdicts: list[bool], answers: Json, state: Json) -> None:
    """Plays one try, as browser and server each report it, and what it does to the grades."""
    problem, attempts, right = visit.unit.block, visit.study.attempts, sum(verdicts)
    attempts[problem.key] += 1
    inputs = _inputs(problem, verdicts)
    unset = {"npoints": None, "msg": "", "hint": "", "hintmode": None, "queuestate": None}
    payload = {
        "problem_id": problem.key,
        "state": state,
        "answers": answers,
        "attempts": attempts[problem.key],
        "correct_map": {name: {"correctness": "correct" if ok else "incorrect", **unset} for name, _, ok in inputs},
        "grade": right,
        "max_grade": len(verdicts),
        "submission": {
            name: {
                "question": question.text,
                "answer": (question.right if ok else question.wrong)[1],
                "response_type": question.response_type,
                "input_type": question.input_type,
                "correct": ok,
                "variant": "",
                "group_label": "",
            }
            for name, question, ok in inputs
        },
        "success": "correct" if all(verdicts) else "incorrect",
    }
    visit.browser("problem_check", _form(answers))
    visit.wait(0.1, 0.9)
    visit.handler("problem_check", payload, "xmodule_handler/problem_check", len(verdicts))
    visit.wait(0.1, 0.5)
    visit.browser("problem_graded", [_form(answers), f"<div class='problem'>{problem.title}</div>"])
    if attempts[problem.key] == 1:
        visit.complete(1.0)
    visit.study.best[problem.key] = max(right, visit.study.best[problem.key])
    grade(visit, right, len(verdicts))


def give_feedback(visit: Visit, problem: Block, answers: Json) -> None:
    """Lets the block explain a wrong answer."""
    (name, given), question = next(iter(answers.items())), problem.questions[0]
    payload = {
        "module_id": problem.key,
        "problem_part_id": name[:-2],
        "question_type": question.response_type,
        "trigger_type": "single",
        "correctness": False,
        "student_answer": [given],
        "hint_label": "Not yet:",
        "hints": [{"text": HINTS[1], "trigger": []}],
    }
    visit.handler("edx.problem.hint.feedback_displayed", payload, "publish_event")
    visit.wait(3, 25)


def grade(visit: Visit, earned: int, possible: int) -> None:
    """Enters the problem's score in the grades of subsection and course, in the request or in a task."""
    study, course, learner, unit = visit.study, visit.course, visit.person, visit.unit
    path = f"{unit.block.path}xmodule_handler/problem_check"
    common = {
        "course_id": course.id,
        "user_id": str(learner.user_id),
        "event_transaction_id": new_uuid(visit.rng),
        "event_transaction_type": "edx.grades.problem.submitted",
    }
    score = {"problem_id": unit.block.key, "weighted_earned": earned, "weighted_possible": possible}
    visit.server("edx.grades.problem.submitted", {**common, **score}, path)
    blocks = [other.block for other in course.units if other.sequence is unit.sequence]
    done, total = (
        sum(study.best[block.key] for block in blocks),
        sum(len(block.questions) for block in blocks),
    )
    percent = round(sum(study.best.values()) / course.possible, 2)
    subsection = {
        **common,
        "block_id": unit.sequence.key,
        "weighted_total_earned": done,
        "weighted_total_possible": total,
        "weighted_graded_earned": done,
        "weighted_graded_possible": total,
        "first_attempted": visit.iso().replace("T", " "),
        "subtree_edited_timestamp": "2026-08-20 08:00:00+00:00",
        "visible_blocks_hash": "tX4c0m7VJw1kq9Zr2bYe5NhLs8A=",
    }
    overall = {
        **common,
        "percent_grade": percent,
        "letter_grade": "Pass" if percent >= PASS_MARK else "",
        "course_edited_timestamp": "2026-08-20 08:00:00+00:00",
        "grading_policy_hash": "u8RkD3yWm0Qe7fHa1pVn6ZsXc2I=",
    }
    in_task = visit.rng.random() < 0.4
    for name, payload in (("subsection", subsection), ("course", overall)):
        visit.wait(0.05, 0.4)
        if in_task:
            visit.task(f"edx.grades.{name}.grade_calculated", payload)
        else:
            visit.server(f"edx.grades.{name}.grade_calculated", payload, path)
    if percent >= PASS_MARK and not study.passed:
        study.passed = True
        judge(visit, ("passed.first_time", "now_passed"), learner, path)


def judge(visit: Visit, names: tuple[str, ...], learner: Person, path: str) -> None:
    """Records that the course's grade crosses the pass mark."""
    for name in names:
        payload = {"course_id": visit.course.id, "user_id": learner.user_id}
        visit.server(f"edx.course.grade.{name}", payload, path, learner)


def _inputs(problem: Block, verdicts: list[bool]) -> list[tuple[str, Question, bool]]:
    return [
        (f"{problem.id}_{number}_1", question, verdict)
        for number, (question, verdict) in enumerate(zip(problem.questions, verdicts, strict=True), start=2)
    ]


def _answers(problem: Block, verdicts: list[bool]) -> Json:
    return {name: (question.right if ok else question.wrong)[0] for name, question, ok in _inputs(problem, verdicts)}


def _form(answers: Json) -> str:
    """Answers as the browser encodes them: lists under a name with brackets."""
    pairs = [(f"input_{name}{'[]' if isinstance(v, list) else ''}", v) for name, v in answers.items()]
    return urlencode(pairs, doseq=True)
