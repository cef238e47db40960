"""Which films and which system the Performance page speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core.errors import CxrError
from cxr_core.labels import system_title
from ui.evidence import Evidence, evidence_of, kept_own, own_evidence, read_sets
from ui.frame import show_error
from ui.performance_view import set_lines, set_title

if TYPE_CHECKING:
    from cxr_core.predict import Predictor

SET_KEY: Final = "performance-set"
SYSTEM_KEY: Final = "performance-system"
_NEXT_KEY: Final = "performance-set-next"
OWN: Final = "own-folder"
"""Option of the set picker for the reader's folder; no set of a bundle is named so."""


def chosen_evidence(predictor: Predictor) -> Evidence | None:
    """Ask which films to speak of, and say which they are.

    Args:
        predictor: The models in use.

    Returns:
        What is known of them, or `None` where nothing is.
    """
    if _NEXT_KEY in st.session_state:
        st.session_state[SET_KEY] = st.session_state.pop(_NEXT_KEY)
    own = kept_own(predictor)
    options = [*read_sets(predictor.bundle, predictor.variant), *([OWN] if own else [])]
    if not options:
        return None
    if st.session_state.get(SET_KEY) not in options:
        st.session_state.pop(SET_KEY, None)
    chosen = st.selectbox(
        "Films",
        options,
        format_func=lambda name: (
            f"Your folder: {own[0]}" if name == OWN and own else set_title(name)
        ),
        key=SET_KEY,
        persist_state="session",
        width=520,
    )
    try:
        if chosen == OWN and own is not None:
            evidence = own_evidence(predictor, *own)
        else:
            evidence = evidence_of(predictor, chosen or options[0])
    except CxrError as err:
        show_error("What the bundle tells of these films is unusable.", str(err), err.hint)
        return None
    st.markdown(" ".join(set_lines(evidence.evaluation)))
    return evidence


def show_next(name: str) -> None:
    """Let the set picker show a set from the next run on; a drawn widget cannot be changed.

    Args:
        name: One of its options.
    """
    st.session_state[_NEXT_KEY] = name


def chosen_system(evidence: Evidence, key: str) -> str:
    """Ask which system to speak of; the choice holds in every part of the page.

    Args:
        evidence: The films.
        key: Part of the page, for the widget.

    Returns:
        Name of the system; the last one, the ensemble of dense layers, at first.
    """
    systems = evidence.systems
    held = st.session_state.get(SYSTEM_KEY)
    chosen = st.segmented_control(
        "System",
        systems,
        default=held if held in systems else systems[-1],
        required=True,
        format_func=system_title,
        key=f"{key}-system",
    )
    st.session_state[SYSTEM_KEY] = chosen
    return str(chosen)
