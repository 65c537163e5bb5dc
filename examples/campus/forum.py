"""The forum of a course: threads, responses, comments."""

from __future__ import annotations

import random
from collections import deque

from campus.courses import HOST
from campus.people import CONFIDENCES
from campus.visit import Json, Post, Visit

TITLES = (
    "Where is the answer key?",
    "Study group on Thursdays",
    "A doubt about the second lecture",
    "Links worth keeping",
)


def discuss(visit: Visit) -> None:
    """Opens a thread, or takes part in one: reads, votes, answers, comments, reports, corrects."""
    rng, posts, person = visit.rng, visit.platform.posts[visit.course.id], visit.person
    if not posts or rng.random() < 0.3:
        post = Post(_post_id(rng), rng.choice(TITLES), person.username, _body(visit), deque(maxlen=4))
        posts.append(post)
        more = {
            "title": post.title,
            "title_truncated": False,
            "body": post.body,
            "truncated": False,
            "group_id": None,
        }
        more |= {
            "thread_type": rng.choice(("question", "discussion")),
            "anonymous": False,
            "anonymous_to_peers": False,
        }
        _forum(visit, post, "thread.created", post.id, {**more, "options": {"followed": True}}, "threads/")
        return
    post = rng.choice(posts)
    page, titled = (
        f"threads/{post.id}/",
        {"title": post.title, "title_truncated": False, "target_username": post.author},
    )
    _forum(visit, post, "thread.viewed", post.id, titled, page)
    text = {"body": post.body, "truncated": False, "content_type": "Post"}
    if post.author == person.username:
        what = rng.choice(("edited", "edited", "deleted"))
        _forum(visit, post, f"thread.{what}", post.id, {**titled, **text, "own_content": True}, page)
        if what == "deleted":
            posts.remove(post)
        return
    vote = {"vote_value": "up", "undo_vote": rng.random() < 0.2}
    if rng.random() < 0.5:
        _forum(visit, post, "thread.voted", post.id, {**vote, "target_username": post.author}, page)
    if rng.random() < 0.15:
        _forum(visit, post, "thread.reported", post.id, {**titled, **text}, page)
    if rng.random() < 0.5 or not post.responses:
        response = (_post_id(rng), person.username, _body(visit))
        post.responses.append(response)
        more = {
            "body": response[2],
            "truncated": False,
            "discussion": {"id": post.id},
            "options": {"followed": True},
        }
        _forum(visit, post, "response.created", response[0], more, "comments/")
        return
    parent, author, body = rng.choice(post.responses)
    page, more = f"comments/{parent}/", {"discussion": {"id": post.id}, "target_username": author}
    if author == person.username:
        _forum(visit, post, "response.edited", parent, {"content_type": "Response", "own_content": True}, page)
        return
    _forum(visit, post, "response.voted", parent, {**vote, **more}, page)
    if rng.random() < 0.25:
        _forum(visit, post, "response.reported", parent, {**more, "body": body, "content_type": "Response"}, page)
    comment = {
        "body": _body(visit),
        "truncated": False,
        "discussion": {"id": post.id},
        "response": {"id": parent},
    }
    _forum(visit, post, "comment.created", _post_id(rng), comment, "comments/")
    if rng.random() < 0.5:
        query = {"query": rng.choice(TITLES).split()[-1], "corrected_text": None, "group_id": None, "page": 1}
        path = f"/courses/{visit.course.id}/discussion/forum/search"
        visit.server("edx.forum.searched", {**query, "total_results": len(posts)}, path)


def _post_id(rng: random.Random) -> str:
    return f"{rng.getrandbits(96):024x}"


def _body(visit: Visit) -> str:
    return f"<p>{visit.rng.choice(CONFIDENCES)} {visit.person.name}</p>"


def _forum(visit: Visit, post: Post, what: str, item: str, more: Json, path: str) -> None:
    payload = {
        "id": item,
        "url": f"https://apps.{HOST}/discussions/{visit.course.id}/posts/{post.id}",
        "commentable_id": "course-talk",
        "category_id": "course-talk",
        "category_name": "Course talk",
        "user_course_roles": [],
        "user_forums_roles": ["Student"],
        **more,
    }
    visit.server(f"edx.forum.{what}", payload, f"/api/discussion/v1/{path}")
    visit.wait(5, 90)
