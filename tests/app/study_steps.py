"""What a reader does on the page Reader study, and what the page shows."""

from __future__ import annotations

import json

from ui.components.study_overview import BEGIN
from ui.components.study_setup import MAKE


def text(at):
    return "\n".join(part.value for part in (*at.markdown, *at.caption, *at.text, *at.warning))


def button(at, label):
    return next(found for found in at.button if found.label == label)


def labels(at):
    return [found.label for found in at.button]


def viewer(at):
    return json.loads(at.get("bidi_component")[0].proto.json)[0]


def make(at, films, place="", **changes):
    """Fill the form and make a study."""
    at.run()
    at.text_input(key="study-films").set_value(str(films))
    at.text_input(key="study-new-place").set_value(str(place))
    for key, value in changes.items():
        kind = at.radio if key == "arm" else at.checkbox
        kind(key=f"study-{key}").set_value(value).run()
    button(at, MAKE).click().run()
    assert not at.exception
    return at


def begin(at, code="r1"):
    at.text_input(key="study-code").set_value(code)
    button(at, BEGIN).click().run()
    assert not at.exception
    return at


def answer(at, asked, choice="NORMAL", confidence=3, **changes):
    """Answer as the browser does."""
    value = {
        "token": asked["token"],
        "choice": choice,
        "confidence": confidence,
        "seen_ms": 2500.4,
        "hidden_ms": 0,
        "n_loads": 1,
        **changes,
    }
    asked["on_answer"](value)
    at.run()
    assert not at.exception
    return at
