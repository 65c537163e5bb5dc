"""Lectures, watched in the browser and in the app."""

from __future__ import annotations

from typing import Any

from campus.visit import SECOND, Json, Visit


def watch(visit: Visit) -> None:
    """Watches a lecture in the browser: with pauses, jumps, captions, at another speed, to the end or not."""
    video, rng = visit.unit.block, visit.rng
    base: Json = {"id": video.id, "code": video.code, "duration": video.duration}
    visit.browser("load_video", base if rng.random() < 0.9 else {"id": video.id, "code": video.code})
    visit.wait(1, 5)
    position = 0.0
    visit.browser("play_video", {**base, "currentTime": 0})
    for _ in range(rng.randint(1, 4)):
        watched = min(rng.uniform(15, 160), video.duration - position)
        position = round(position + watched, 3)
        visit.wait(watched, watched + 1)
        action = rng.random()
        if action < 0.3:
            new = round(rng.uniform(0, video.duration), 2)
            visit.browser("seek_video", {**base, "old_time": position, "new_time": new, "type": "onSlideSeek"})
            position = new
        elif action < 0.45:
            speeds = {"old_speed": "1.0", "new_speed": rng.choice(("0.75", "1.25", "1.50"))}
            visit.browser("speed_change_video", {**base, "current_time": position, **speeds})
        elif action < 0.75:
            on, off = rng.choice(
                (
                    ("show_transcript", "hide_transcript"),
                    ("edx.video.closed_captions.shown", "edx.video.closed_captions.hidden"),
                    ("video_show_cc_menu", "video_hide_cc_menu"),
                    ("edx.video.language_menu.shown", "edx.video.language_menu.hidden"),
                )
            )
            visit.browser(on, {**base, "current_time": position})
            visit.wait(2, 9)
            visit.browser(off, {**base, "current_time": position})
        else:
            visit.browser("pause_video", {**base, "currentTime": position})
            visit.wait(3, 90)
            visit.browser("play_video", {**base, "currentTime": position})
    if rng.random() < 0.6:
        visit.wait(video.duration - position, video.duration - position + 1)
        visit.browser("complete_video", base)
        visit.browser("stop_video", {**base, "currentTime": video.duration})
        visit.complete(1.0)
    else:
        visit.browser("pause_video", {**base, "currentTime": position})
        visit.complete(0.5)
    visit.wait(2, 10)


def watch_on_phone(visit: Visit) -> None:
    """Watches the week's lecture in the app; an offline phone sends its events late, some before others."""
    week = visit.unit.sequence
    visit.unit = next(unit for unit in visit.course.units if unit.sequence is week and unit.block.kind == "video")
    video, rng = visit.unit.block, visit.rng
    offline = rng.randrange(600, 20_000) * SECOND if rng.random() < 0.4 else 0
    base: Json = {"id": video.id, "code": "mobile", "duration": video.duration}

    def send(what: str, legacy: str, **more: Any) -> None:
        visit.mobile(f"edx.video.{what}", {**base, **more}, legacy, offline + rng.randrange(40 * SECOND))
        visit.wait(3, 60)

    send("loaded", "load_video")
    send("played", "play_video", currentTime=0)
    send("transcript.shown", "show_transcript", current_time=12.5)
    send(
        "position.changed",
        "seek_video",
        old_time=52.418,
        new_time=42.418,
        type="skip",
        requested_skip_interval=-10,
    )
    send("transcript.hidden", "hide_transcript", current_time=61)
    send("paused", "pause_video", currentTime=round(rng.uniform(70, 110), 3))
    if rng.random() < 0.5:
        send("played", "play_video", currentTime=110)
        send("completed", "complete_video")
        send("stopped", "stop_video", currentTime=video.duration)
