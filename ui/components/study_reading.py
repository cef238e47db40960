"""One question to a reader: the film at the centre, the answer beside it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from cxr_core.errors import CxrError
from cxr_core.explain.cam import DEFAULT_METHOD
from cxr_core.labels import CLASSES, system_title
from cxr_core.predict import Trust
from cxr_core.reader_study.design import AIDED
from ui import reader_study
from ui.components.answer_panel import answer_panel, given_of
from ui.components.caution import caution_lines
from ui.components.film_card import trust_line
from ui.components.viewer import Panel, viewer_grid
from ui.components.viewer.colour import colour_tables
from ui.frame import show_error
from ui.reader_study_view import said_line, task_line
from ui.words import CALIBRATED, HEATMAP_CAPTION, NOT_CALIBRATED

if TYPE_CHECKING:
    from cxr_core.batch import Record
    from cxr_core.predict import Predictor
    from cxr_core.reader_study.design import Aid
    from cxr_core.reader_study.plan import Task
    from cxr_core.reader_study.study import Standing
    from ui.study_desk import Desk

PAUSE: Final = "Pause"
TO_OVERVIEW: Final = "To the overview"
BACK: Final = "Change the answer before"
ALONE_TITLE: Final = "The film alone"
DONE: Final = "**All films are answered. Thank you.** Nothing more is needed from this reader."


def study_reading(desk: Desk, predictor: Predictor) -> None:
    """Draw the question whose turn it is.

    Args:
        desk: The open study, with a reader.
        predictor: The models in use, for heatmaps.
    """
    standing = desk.study.standing(desk.reader or "")
    task = standing.next if desk.changing is None else standing.plan[desk.changing]
    _head(desk, standing, task)
    if task is None:
        st.markdown(DONE)
        return
    if desk.changing is None and standing.opens_at is not None:
        st.markdown(
            f"**The first session is done. Thank you.** The second one opens "
            f"{standing.opens_at:%Y-%m-%d %H:%M} UTC; type the same code then."
        )
        return
    known = standing.journal.latest.get(task.index)
    revision = 0 if known is None else known.revision + 1
    token = reader_study.question(desk, task, revision)
    viewer_key = f"study-{desk.study.digest[:8]}-{desk.reader}-{task.session}-{task.position}"
    film, panel = st.columns([7, 3], gap="medium")
    with film:
        try:
            _film(desk, task, predictor, viewer_key)
        except CxrError as err:
            show_error("This film cannot be shown.", str(err), err.hint)
            return
    with panel:
        notes = _notes(desk, task, predictor) if task.condition == AIDED else ()
        for note in notes[:1]:
            st.markdown(note)
        answer_panel(
            token=token,
            viewer_key=viewer_key,
            said=said_line(known or standing.journal.latest.get(_alone_index(standing, task))),
            problem=_problem(desk),
            attempt=desk.attempt,
            on_answer=partial(_take, desk, task, revision, token),
        )
        for note in notes[1:]:
            st.markdown(note)


def _take(desk: Desk, task: Task, revision: int, token: str, value: Mapping[str, Any]) -> None:
    """Write an answer, if it is to the question that was asked."""
    try:
        given = given_of(value)
    except CxrError as err:
        desk.refuse(err)
        return
    if value.get("token") == token:
        desk.take(task, revision, given)


def _head(desk: Desk, standing: Standing, task: Task | None) -> None:
    """Draw how far the reader is, and the ways out."""
    n_all, n_done = len(standing.plan), standing.n_done
    with st.container(horizontal=True, vertical_alignment="center"):
        words = f"Reader {desk.reader}"
        if task is not None:
            words += f" · {task_line(desk.study.design, task, len(desk.study.films))}"
            words += " · changing the answer" if desk.changing is not None else ""
        st.progress(n_done / n_all, text=words, width="stretch")
        before = standing.before(task) if desk.study.design.can_go_back else None
        if before is not None:
            st.button(BACK, icon=":material/undo:", on_click=_change, args=(desk, before.index))
        label, icon = (PAUSE, "pause") if task is not None else (TO_OVERVIEW, "arrow_back")
        st.button(label, icon=f":material/{icon}:", on_click=desk.pause, key="study-pause")


def _change(desk: Desk, index: int) -> None:
    """Ask an earlier question again."""
    desk.changing, desk.problem = index, None


def _film(desk: Desk, task: Task, predictor: Predictor, viewer_key: str) -> None:
    """Draw the film, alone or beside what the system says."""
    panel = Panel(ALONE_TITLE, "", "", DEFAULT_METHOD, None)
    aid = desk.study.design.aid
    if task.condition == AIDED and aid is not None:
        panel = _panel(desk, aid, desk.study.records[task.digest], task.digest, predictor)
    is_bare = panel.map is None
    viewer_grid(
        desk.pixels(task.digest),
        [panel],
        colour_tables=colour_tables(),
        label=f"{task.position + 1} of the study",
        key=viewer_key,
        is_bare=is_bare,
        has_digit_keys=False,
    )
    if not is_bare:
        st.caption(HEATMAP_CAPTION)


def _panel(desk: Desk, aid: Aid, record: Record, digest: str, predictor: Predictor) -> Panel:
    """Return what the system says of the film."""
    probs = record.probs(aid.system) or ()
    return Panel(
        title=system_title(aid.system),
        system=aid.system,
        class_name=record.label(aid.system) or "",
        method=DEFAULT_METHOD,
        map=desk.map(digest, predictor) if aid.has_heatmap else None,
        probs=dict(zip(CLASSES, probs, strict=True)),
    )


def _notes(desk: Desk, task: Task, predictor: Predictor) -> tuple[str, ...]:
    """Return the trust notes where they are part of the aid: of this film, then of the system."""
    aid, record = desk.study.design.aid, desk.study.records.get(task.digest)
    if aid is None or record is None or not aid.has_trust_notes:
        return ()
    models = desk.study.models or {}
    is_calibrated = models.get("calibrated", {}).get(aid.system)
    of_system = [CALIBRATED if is_calibrated else NOT_CALIBRATED]
    if models.get("bundle", {}).get("digest") == predictor.bundle.digest:
        of_system += caution_lines(predictor.bundle, models["variant"])
    return (f":small[{trust_line(_trust(record))}]", *(f":small[{line}]" for line in of_system))


def _trust(record: Record) -> Trust:
    """Return the trust notes of a record."""
    gate: Mapping[str, Any] = record.trust.get("out_of_distribution", {})
    held = record.trust.get("prediction_set")
    return Trust(
        ood_verdict=gate.get("verdict", "not_run"),
        agreement=record.trust.get("agreement"),
        prediction_set=None if held is None else tuple(held),
        set_level=record.trust.get("prediction_set_level"),
    )


def _alone_index(standing: Standing, task: Task) -> int:
    """Return the index of the question to the same film alone, in the same session; else -1."""
    same = [
        each.index
        for each in standing.plan[: task.index]
        if each.digest == task.digest and each.session == task.session
    ]
    return same[-1] if same else -1


def _problem(desk: Desk) -> str:
    """Say why the last answer was not taken."""
    return "" if desk.problem is None else f"{desk.problem.message} {desk.problem.hint}"
