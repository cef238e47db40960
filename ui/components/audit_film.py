"""Small changes to one film of the session: a button, a bar, a way to stop, and curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import streamlit as st

from cxr_core.audit.probe import PROBE_BY_NAME, Probe, ProbeCurve, probe_film
from cxr_core.audit.systems_reader import SystemsReader
from cxr_core.errors import CxrError
from cxr_core.io import read
from cxr_core.labels import CLASS_TITLES, CLASSES, system_title
from ui import model_cache, reading_cache, state
from ui.audit_changes import change_title, level_text
from ui.components.audit_charts import curve_figure
from ui.components.chart import NO_BAR
from ui.components.film_choice import film_choice, no_film
from ui.components.progress import stoppable
from ui.frame import show_error
from ui.kept import Kept

if TYPE_CHECKING:
    from cxr_core.predict import Predictor
    from ui.state import Film

TRY: Final = "Try the changes"
EMPTY: Final = (
    "**No film yet.** Add films on the page *Read films*, or pick a sample here. The five systems "
    "then read it with a marker pasted in, a black border, cut closer, turned, blurred and more, "
    "and you see where an answer flips."
)
_PICTURE_PX: Final = 224
_WORKING_PX: Final = 896
Curves = Sequence[ProbeCurve]

_CURVES: Final = Kept[Curves]("audit-film-curves", 16)


def film_panel(predictor: Predictor) -> None:
    """Let the reader try the changes on a film of the session.

    Args:
        predictor: The models in use.
    """
    films = state.films()
    if not films:
        no_film(EMPTY)
        return
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        film = film_choice(films)
        if len(films) == 1:
            st.text(film.label)
    made_by = model_cache.models_key(predictor)
    found = _CURVES.find(film.digest, made_by)
    asked = right.button(TRY, icon=":material/tune:", width="stretch")
    if asked and found is None:
        found = _run(predictor, film)
        if found is not None:
            _CURVES.put(film.digest, made_by, found)
    if found is not None:
        _show(film, found, _temperatures(predictor))


def _run(predictor: Predictor, film: Film) -> Curves | None:
    """Read the film and its changed copies with a bar."""
    reader = SystemsReader({predictor.variant: predictor})
    try:
        image = read(film.data, name=film.name).image
        with stoppable("Reading changed films", key="audit-film-stop") as tell:
            found = probe_film(reader, image, on_step=tell)
    except CxrError as err:
        show_error("This film could not be read.", str(err), err.hint)
        return None
    return found[predictor.variant]


def _temperatures(predictor: Predictor) -> dict[str, float]:
    """Return what each system's logits are divided by, as the reader has chosen."""
    trust = predictor.trust_model
    if trust is None or reading_cache.shows_raw():
        return {}
    return {name: temperature.value for name, temperature in trust.calibration.items()}


def _show(film: Film, curves: Curves, temperatures: Mapping[str, float]) -> None:
    """Draw the sentences, one chart and its table."""
    names = [curve.name for curve in curves]
    st.table(
        flip_points(curves), hide_index=True, border="horizontal", alt="Where each answer flips"
    )
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    name = left.selectbox(
        "Change",
        names,
        index=_first_flipped(curves),
        format_func=lambda each: PROBE_BY_NAME[each].title,
        key="audit-film-change",
    )
    curve, probe = curves[names.index(name)], PROBE_BY_NAME[name]
    label = right.selectbox(
        "Probability of",
        CLASSES,
        index=_commonest(curve, probe.unchanged),
        format_func=lambda each: CLASS_TITLES[each],
        key="audit-film-class",
    )
    st.plotly_chart(
        curve_figure(curve, probe, CLASSES.index(label), temperatures),
        config=NO_BAR,
        key="audit-film-chart",
        alt=f"Probability of {CLASS_TITLES[label]} under: {probe.title}",
    )
    st.caption(probe.explanation)
    pictures = changed_pictures(film, probe)
    for column, level, picture in zip(
        st.columns(len(pictures)), probe.levels, pictures, strict=True
    ):
        column.image(picture, width="stretch", caption=level_text(probe, level))
    with st.expander("The curves as a table"):
        st.dataframe(
            curve_rows(curve, temperatures),
            hide_index=True,
            column_config={
                title: st.column_config.NumberColumn(format="%.3f")
                for title in CLASS_TITLES.values()
            },
            alt="Probabilities of every system at every level",
        )


def changed_pictures(film: Film, probe: Probe) -> list[bytes]:
    """Draw the changed copies of a film small, about as the networks are shown them.

    Args:
        film: A film that can be read.
        probe: The changes.

    Returns:
        One PNG a level. Nothing is kept: films are dropped when the reader says so.
    """
    import cv2

    image = read(film.data, name=film.name).image
    shrink = min(1.0, _WORKING_PX / max(image.shape))
    size = tuple(max(1, round(side * shrink)) for side in image.shape[::-1])
    working = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)
    pictures = []
    for level in probe.levels:
        small = cv2.resize(
            probe.apply(working, level), (_PICTURE_PX, _PICTURE_PX), interpolation=cv2.INTER_AREA
        )
        _, data = cv2.imencode(".png", (small * 255 + 0.5).astype("uint8"))
        pictures.append(bytes(data))
    return pictures


def flip_points(curves: Curves) -> list[dict[str, str]]:
    """Return, for each change, the level at which each system's answer first flips.

    Args:
        curves: One a probe.

    Returns:
        Column title to text.
    """
    rows = []
    for curve in curves:
        probe = PROBE_BY_NAME[curve.name]
        row = {"Change": change_title(probe)}
        for system in curve.logits:
            level = curve.first_flip(system, probe.unchanged)
            row[system_title(system)] = (
                "stays" if level is None else f"flips at {level_text(probe, level)}"
            )
        rows.append(row)
    return rows


def curve_rows(curve: ProbeCurve, temperatures: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return one row a system and level.

    Args:
        curve: What the systems said.
        temperatures: System to what its logits are divided by.

    Returns:
        Column title to value.
    """
    probe = PROBE_BY_NAME[curve.name]
    rows = []
    for system in curve.logits:
        probs = curve.probs(system, temperature=temperatures.get(system, 1.0))
        rows += [
            {
                "System": system_title(system),
                "Level": level_text(probe, level),
                "Answer": CLASS_TITLES[CLASSES[int(own.argmax())]],
                **{CLASS_TITLES[label]: float(own[k]) for k, label in enumerate(CLASSES)},
            }
            for level, own in zip(curve.levels, probs, strict=True)
        ]
    return rows


def _first_flipped(curves: Curves) -> int:
    """Return the position of the first change that flips an answer; 0 where none does."""
    flips = (
        any(
            curve.first_flip(name, PROBE_BY_NAME[curve.name].unchanged) is not None
            for name in curve.logits
        )
        for curve in curves
    )
    return next((i for i, is_flipped in enumerate(flips) if is_flipped), 0)


def _commonest(curve: ProbeCurve, unchanged: float) -> int:
    """Return the class that most systems name on the film as it is."""
    start = curve.levels.index(unchanged)
    named = [int(logits[start].argmax()) for logits in curve.logits.values()]
    return max(set(named), key=lambda k: (named.count(k), -k))
