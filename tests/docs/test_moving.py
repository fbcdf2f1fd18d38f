"""The moving picture: small, without a script, every scene of it seen once, and still for those who want no motion."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from tests.docs.moving import SCENES
from tests.docs.pages import ROOT

_SVG = "{http://www.w3.org/2000/svg}"


def test_the_moving_picture_is_small_and_shows_one_scene_at_a_time() -> None:
    text = (ROOT / "docs" / "pictures" / "moving.svg").read_text(encoding="utf-8")
    assert len(text.encode()) < 1_000_000
    picture = ET.fromstring(text)
    assert {element.tag.removeprefix(_SVG) for element in picture.iter()} == {
        "svg",
        "title",
        "rect",
        "style",
        "g",
        "text",
    }
    style = picture.findtext(f"{_SVG}style") or ""
    assert "prefers-reduced-motion" in style
    states = dict(re.findall(r"@keyframes (s\d+)\{((?:[^{}]*\{[^{}]*\})*)\}", style))
    letters = [
        (group.get("class") or "", text) for group in picture.iter(f"{_SVG}g") for text in group.iter(f"{_SVG}text")
    ]
    begins = 0.0
    for scene in SCENES:
        seen = [
            text.get("x", "") + "," + text.get("y", "") for name, text in letters if shown(states.get(name), begins)
        ]
        assert len(seen) > 50
        assert len(set(seen)) == len(seen), f"two texts at one place {begins} s after the beginning"
        begins += scene.shown_s


def shown(body: str | None, begins: float) -> bool:
    """Whether a part with these keyframes is seen just after ``begins``; without any it always is."""
    if body is None:
        return True
    state = "hidden"
    share = 100 * (begins + 0.01) / sum(scene.shown_s for scene in SCENES)
    for at, told in re.findall(r"([\d.]+)%\{visibility:(\w+)\}", body):
        state = told if float(at) <= share else state
    return state == "visible"
