"""The same systems on parts of the films: by source, view, subtype and age."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core.evaluate.subgroup import MIN_FILMS
from cxr_core.labels import system_title
from ui.components.performance_choice import chosen_system
from ui.components.performance_figures import OLD_FIGURES
from ui.performance_comparison_view import GROUPING_TITLES, group_lines, group_rows

if TYPE_CHECKING:
    from ui.evidence import Evidence

GROUPS_NOTE: Final = (
    f"Too few: under {MIN_FILMS} films, whose interval would hold nearly everything. Intervals: "
    "95%, Wilson's, with films of one patient counted for what they are worth. A group that holds "
    "one class only shows how that class is called; its accuracy is that class's share found."
)


def groups_panel(evidence: Evidence) -> None:
    """Draw one table a grouping.

    Args:
        evidence: The films.
    """
    evaluation = evidence.evaluation
    if "subgroups" not in evaluation:
        st.markdown(OLD_FIGURES)
        return
    system = chosen_system(evidence, "groups")
    for grouping in evaluation["subgroups"]["groups"]:
        st.subheader(f"By {GROUPING_TITLES[grouping].lower()}", anchor=False)
        st.table(
            group_rows(evaluation, grouping, system),
            hide_index=True,
            border="horizontal",
            alt=f"{system_title(system)} by {GROUPING_TITLES[grouping].lower()}",
        )
    for line in group_lines(evaluation):
        st.markdown(line)
    if evaluation["subgroups"]["groups"]:
        st.caption(GROUPS_NOTE)
