"""Calibration: does a score mean what it says, and which classes cannot be ruled out."""

from __future__ import annotations

import streamlit as st

from cxr_core.errors import CxrError
from cxr_core.labels import system_title
from ui.calibration_view import calibration_evidence, caution
from ui.components.abstention import abstention_section
from ui.components.conformal_panel import conformal_section
from ui.components.reliability import quality_section, reliability_section
from ui.frame import models, page, show_error

NOTHING_KNOWN = (
    "**Nothing measured.** This variant has no calibration, or its bundle holds no reads of test "
    "films. Publish it again with `python -m train evidence`, or choose another variant in the "
    "sidebar."
)


def main() -> None:
    """Draw the page."""
    page("Calibration")
    try:
        evidence = calibration_evidence(models())
    except CxrError as err:
        show_error("What the bundle tells of its calibration is unusable.", str(err), err.hint)
        return
    if evidence is None:
        st.markdown(NOTHING_KNOWN)
        return
    systems = evidence.test.systems
    chosen = st.pills(
        "System",
        systems,
        default=systems[-1],
        format_func=system_title,
        required=True,
        key=f"calibration-system-{'-'.join(systems)}",
        persist_state="session",
    )
    system = chosen or systems[-1]
    for line in caution(evidence, system):
        st.warning(line, icon=":material/visibility:")
    reliability_section(evidence, system)
    quality_section(evidence)
    conformal_section(evidence, system)
    abstention_section(evidence, system)


main()
