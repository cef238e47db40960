"""Calibration: does a score mean what it says, and which classes cannot be ruled out."""

from __future__ import annotations

import streamlit as st

from cxr_core.errors import CxrError
from cxr_core.labels import system_title
from ui.calibration_evidence import CalibrationEvidence, calibration_evidence
from ui.components.abstention import abstention_section
from ui.components.conformal_panel import conformal_section
from ui.components.gate_panel import gate_section
from ui.components.reliability import quality_section, reliability_section, warnings_section
from ui.frame import models, page, show_error
from ui.gate_view import table_of

NOTHING_KNOWN = (
    "**Nothing measured.** This variant has no calibration, or its bundle holds no reads of test "
    "films. Publish it again with `python -m train evidence`, or choose another variant in the "
    "sidebar."
)


def main() -> None:
    """Draw the page."""
    page("Calibration")
    predictor = models()
    model = predictor.trust_model
    try:
        evidence = calibration_evidence(predictor)
        gate_table = table_of(predictor.bundle.gate_table(), predictor.variant)
    except CxrError as err:
        show_error("What the bundle tells of its calibration is unusable.", str(err), err.hint)
        return
    if evidence is None:
        st.markdown(NOTHING_KNOWN)
    else:
        _sections(evidence)
    gate_section(gate_table, None if model is None else model.gate)


def _sections(evidence: CalibrationEvidence) -> None:
    """Draw what was measured of the scores."""
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
    warnings_section(evidence, system)
    reliability_section(evidence, system)
    quality_section(evidence)
    conformal_section(evidence, system)
    abstention_section(evidence, system)


main()
