"""Shortcut audit: could a high score on these films come from something other than disease?"""

from __future__ import annotations

import streamlit as st

from cxr_core.errors import CxrError
from ui.audit_view import adults_lines, bundle_audit
from ui.components.audit_film import film_panel
from ui.components.audit_own import own_panel
from ui.components.audit_panel import (
    adults_panel,
    changes_panel,
    chart_panel,
    covered_panel,
    leak_panel,
    source_panel,
)
from ui.frame import models, page, show_error

QUESTION = (
    "If a classifier that cannot see disease does nearly as well as the systems, a high score on "
    "these films is no sign that the systems see disease. Each row below is such a classifier, "
    "beside the systems on the same films."
)
NOTHING = (
    "**This bundle was not audited.** `python -m cxr_core inspect FOLDER --audit audit.json` makes "
    "an audit; below you can try changes on a film and audit a folder of your own."
)


def main() -> None:
    """Draw the page."""
    page("Shortcut audit")
    predictor = models()
    bundle, variant = predictor.bundle, predictor.variant
    try:
        audit = bundle_audit(bundle)
    except CxrError as err:
        show_error("What the bundle tells of its audit is unusable.", str(err), err.hint)
        return
    adults_panel(adults_lines(bundle.evaluation(variant), audit, variant))
    panels = {
        "A film of yours": lambda: film_panel(predictor),
        "A folder of yours": lambda: own_panel(predictor),
    }
    if audit is None:
        st.markdown(NOTHING)
    else:
        st.markdown(QUESTION)
        chart_panel(audit, variant, key="audit")
        panels = {
            "Lungs removed": lambda: covered_panel(audit, variant, key="audit"),
            "Source": lambda: source_panel(audit, variant),
            "Copies and leaks": lambda: leak_panel(audit, key="audit"),
            "Small changes": lambda: changes_panel(audit, variant, key="audit"),
            **panels,
        }
    tabs = st.tabs(list(panels), on_change="rerun", key="audit-tab")
    for draw, tab in zip(panels.values(), tabs, strict=True):
        if tab.open:
            with tab:
                draw()


main()
