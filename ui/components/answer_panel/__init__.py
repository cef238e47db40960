"""The question to a reader of a study, in a component that takes the time in the browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import streamlit as st

from cxr_core.errors import StudyError
from cxr_core.reader_study import Given
from cxr_core.reader_study.design import CANNOT_SAY, CHOICE_TITLES, CONFIDENCES

KEYS: Final = {"COVID19": "c", "NORMAL": "n", "PNEUMONIA": "u", CANNOT_SAY: "x"}
"""Choice to its key; letters that the viewer does not use."""

QUESTION: Final = "What does this film look like to you?"
CONFIDENCE_QUESTION: Final = "How sure are you?"
SAVE: Final = "Save and go on"
WAITING: Final = "The film is on its way."
SAVING: Final = "Saving …"
LATE: Final = "Not confirmed yet. Press again; it is counted once."

_HERE: Final = Path(__file__).parent
_MOUNT = st.components.v2.component(
    "cxr_answer",
    html=(_HERE / "answer.html").read_text(encoding="utf-8"),
    css=(_HERE / "answer.css").read_text(encoding="utf-8"),
    js=(_HERE / "answer.js").read_text(encoding="utf-8"),
)


def answer_panel(
    *,
    token: str,
    viewer_key: str,
    said: str,
    problem: str,
    attempt: int,
    on_answer: Callable[[Mapping[str, Any]], None],
) -> None:
    """Ask one question.

    Args:
        token: Names the question; the time taken and what was pressed belong to it.
        viewer_key: Key of the viewer with the film; the time begins when it has painted it.
        said: What the reader said before, or an empty text.
        problem: Why the last answer was not taken, or an empty text.
        attempt: A number that grows with every answer that was not taken.
        on_answer: Called with what the browser sent, `token` among it, before the page runs again;
            `given_of` checks it.
    """
    key = "study-answer"

    def answered() -> None:
        value = st.session_state[key]["answer"]
        if value:
            on_answer(value)

    asked = {
        "token": token,
        "viewer_key": viewer_key,
        "said": said,
        "problem": problem,
        "attempt": attempt,
        "question": QUESTION,
        "confidence_question": CONFIDENCE_QUESTION,
        "save": SAVE,
        "waiting": WAITING,
        "saving": SAVING,
        "late": LATE,
        "without_confidence": CANNOT_SAY,
        "choices": [
            {"value": name, "title": title, "key": KEYS[name]}
            for name, title in CHOICE_TITLES.items()
        ],
        "confidences": [
            {"value": str(level), "title": title, "key": str(level)}
            for level, title in CONFIDENCES.items()
        ],
    }
    _MOUNT(
        key=key,
        data=[asked],  # Streamlit looks for tables in a bare dict, and loads pandas to do so
        on_answer_change=answered,
    )


def given_of(value: Mapping[str, Any]) -> Given:
    """Return the answer that the browser sent.

    Args:
        value: As sent; not trusted.

    Raises:
        StudyError: If it is none.
    """
    try:
        return Given(
            str(value["choice"]),
            value["confidence"],
            time_s=round(float(value["seen_ms"]) / 1000, 3),
            hidden_s=round(float(value["hidden_ms"]) / 1000, 3),
            n_loads=int(value["n_loads"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as err:
        msg = "`answer` must have a choice, a confidence and times. Received: something else"
        raise StudyError(msg, hint="Load the page again and answer once more.") from err
