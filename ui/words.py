"""Sentences that more than one place shows, typed once so that tests can pin them."""

from __future__ import annotations

import re
from typing import Final

RESEARCH_USE: Final = (
    "**Research use only.** Not a medical device. Not for diagnosis, treatment or reassurance."
)

WHERE_FILMS_GO: Final = (
    "Films stay in the memory of the computer that runs this page. They are never written to disk "
    "and never sent elsewhere, and they are dropped when the session ends or with the button "
    "**Clear my films**."
)

WHERE_RESULTS_GO: Final = (
    "Results, with a picture of the film, go to the DICOM server when you press **Store both now** "
    "below a film, and never before."
)

FOLDERS_CLOSED: Final = (
    "Folders of the computer that runs this page cannot be named here: whoever runs it has not "
    "allowed any."
)

HEATMAP_CAPTION: Final = (
    "A heatmap shows what moved the score, not where disease is. Unless one scale is chosen for "
    "all, each map has its own, and colours of two maps cannot be compared."
)

SYNTHETIC_NOTE: Final = "Drawn by a program; no person was imaged."

GATE_NOT_RUN: Final = "Refusal gate: not run in this bundle."
GATE_PASSED: Final = "Refusal gate: passed."
GATE_REFUSED: Final = (
    "Refusal gate: refused. The film is unlike those the models were trained on; the numbers below "
    "are shown, and should not be believed."
)

PASSED_MEANS: Final = (
    "The film looks enough like the training films for the scores to mean something. It does not "
    "say that they are right, and it cannot tell disease from the source of the film."
)
SET_MEANS: Final = (
    "Classes that cannot be excluded: made to hold the right class of nine in ten films of each "
    "class, as measured on films kept apart. Several classes: the score does not decide between "
    "them. None: the film is like none of the three."
)
NO_CLASS: Final = "none, like no class"
"""What stands for a prediction set without a class."""

CALIBRATED: Final = (
    "Probabilities are calibrated on films of the same sources as the training films."
)
NOT_CALIBRATED: Final = "Probabilities are not calibrated."


NBSP: Final = "\N{NO-BREAK SPACE}"


def unbroken(text: str) -> str:
    """Keep a figure in one line; a break may come before its bracket alone.

    Args:
        text: For example `58 of 60 (97%, 89% to 99%)`.

    Returns:
        The same with spaces at which no line ends.
    """
    text = re.sub(r" (of|to) ", rf"{NBSP}\1{NBSP}", text)
    return re.sub(r", (?=\d)", f",{NBSP}", text)
