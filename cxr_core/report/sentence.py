"""What a report says in words; every sentence is made of something that was measured."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from cxr_core.evaluate.figure_text import counts_text, ends_text, number_text, percent
from cxr_core.explain.cam import METHODS
from cxr_core.labels import CLASS_NOTES, CLASS_TITLES, system_title
from cxr_core.report.picture import OUTLINE_SHARE

if TYPE_CHECKING:
    from cxr_core.bundle.caution import Caution
    from cxr_core.predict import Trust
    from cxr_core.report.about import About
    from cxr_core.report.content import FilmPage, LungFacts
    from cxr_core.report.picture import MapPicture

RESEARCH_USE: Final = (
    "Research use only. Not a medical device. Not for diagnosis, treatment or reassurance."
)
REFUSED: Final = "REFUSED: DO NOT BELIEVE THE SCORES ON THIS PAGE"
REFUSED_WHY: Final = (
    "Unlike the films that the models were trained on. The scores are shown so that nothing is "
    "hidden; they say nothing of this film."
)
NO_CAUTION: Final = (
    "Not measured: this bundle does not tell how often films without COVID-19 from other sources "
    "are called COVID-19."
)
NORMAL_MEANS: Final = f"{CLASS_TITLES['NORMAL']}: {CLASS_NOTES['NORMAL']}."
TEMPERATURE_MEANS: Final = (
    "T: temperature, what a system's scores are divided by to calibrate them; 1 leaves them as "
    "they are, below 1 makes them surer, above 1 less sure."
)


def gate_words(trust: Trust) -> str:
    """Say what the refusal gate made of the film.

    Args:
        trust: The reading's trust notes.

    Returns:
        Two or three sentences.
    """
    measured = ""
    if trust.ood_score is not None and trust.ood_threshold is not None:
        measured = (
            f" Distance from the training films {trust.ood_score:.3g}, limit "
            f"{trust.ood_threshold:.3g}."
        )
    if trust.ood_verdict == "refused":
        return f"Refused: the film is unlike those the models were trained on.{measured}"
    if trust.ood_verdict == "passed":
        return (
            "Passed: the film is enough like the training films for the scores to mean something. "
            "That does not say that they are right, and the gate cannot tell disease from the "
            f"source of a film.{measured}"
        )
    return "Not run: nothing checked whether this film is like those the models were trained on."


def agreement_words(page: FilmPage) -> str:
    """Say which class the systems name.

    Args:
        page: The film.

    Returns:
        One or two sentences.
    """
    n = len(page.scores)
    label, n_for = page.votes
    if n == 1:
        return f"One system read the film: {CLASS_TITLES[label]}. There is nothing to agree with."
    if n_for == n:
        return (
            f"All {n} systems score {CLASS_TITLES[label]} highest. They learnt from the same films "
            "and can be wrong together."
        )
    votes = Counter(row.label for row in page.scores).most_common()
    parts = ", ".join(f"{CLASS_TITLES[name]} by {count}" for name, count in votes)
    return f"The {n} systems differ ({n_for / n:.0%} agree). Scored highest: {parts}."


def set_words(trust: Trust) -> str:
    """Say which classes cannot be excluded.

    Args:
        trust: The reading's trust notes.

    Returns:
        One or two sentences.
    """
    if trust.prediction_set is None:
        return "Not worked out: these models have no calibrated set of classes."
    level = f"{trust.set_level or 0:.0%}"
    made = f"Made to hold the right class of {level} of films like the training films, by class."
    if not trust.prediction_set:
        return f"No class at all: the film is like none of the three. {made}"
    titles = ", ".join(CLASS_TITLES[name] for name in trust.prediction_set)
    return f"{titles}. {made}"


def lung_words(lungs: LungFacts | None, trust: Trust) -> str:
    """Say how much of each system's map lies in the lungs.

    Args:
        lungs: The lungs, or `None` where nobody looked.
        trust: The reading's trust notes.

    Returns:
        One to three sentences.
    """
    if lungs is None:
        return "Not measured."
    if lungs.notes:
        return " ".join(["Not measured.", *(note.message for note in lungs.notes)])
    if not trust.lung_share:
        return "Not measured: no map has a part that speaks for its class."
    said = ", ".join(f"{system_title(name)} {percent(s)}" for name, s in trust.lung_share.items())
    less = [
        system_title(name) for name, share in trust.lung_share.items() if share < lungs.area_share
    ]
    warned = f" Less than such a map: {', '.join(less)}." if less else ""
    return (
        f"{said}; a map that is the same everywhere has {lungs.area_share:.0%}, the part of the "
        f"film that the lungs cover as a network of their own draws them.{warned} More does not "
        "show that a model looks at disease: lungs tell the source of a film as well."
    )


def calibration_words(page: FilmPage, about: About) -> str:
    """Say whether the probabilities are calibrated, and on which films.

    Args:
        page: The film.
        about: The models.

    Returns:
        One to four sentences.
    """
    if about.is_raw:
        why = "as asked for" if about.calibration else "these models have no calibration"
        return f"Raw probabilities, not calibrated: {why}."
    used = {row.system: about.calibration.get(row.system) for row in page.scores}
    films = dict.fromkeys(
        f"{t.n:,} films of {t.n_patients:,} patients ({counts_text(t.n_by_class)})"
        for t in used.values()
        if t is not None
    )
    words = [
        f"Calibrated on {'; '.join(films)} of the same sources as the training films: on films of "
        "other sources 0.9 need not mean nine of ten."
    ]
    if about.is_twin:
        words.append(
            "The temperatures are borrowed from a twin, the same recipe without these films."
        )
    raw = [system_title(name) for name, found in used.items() if found is None]
    if raw:
        words.append(f"Not calibrated: {', '.join(raw)}.")
    kept = [system_title(name) for name, found in used.items() if found is not None and found.note]
    if kept:
        words.append(f"Left at 1 because no other helps: {', '.join(kept)}.")
    return " ".join(words)


def caution_words(caution: Caution) -> str:
    """Say how many films without COVID-19 are called COVID-19.

    Args:
        caution: What was measured.

    Returns:
        Two sentences.
    """
    called = caution.called.items()
    said = ", ".join(f"{system_title(name)} {c['n_hits']} ({ends_text(c)})" for name, c in called)
    return (
        f"Of {caution.n_films:,} {caution.title}, these models call COVID-19: {said}; 95% "
        "intervals. A high score may be the source of the film, not disease."
    )


def map_words(found: MapPicture) -> str:
    """Say what a map shows.

    Args:
        found: The map.

    Returns:
        Sentences for a caption.
    """
    about = METHODS[found.method]
    subject = "" if found.class_name is None else f" for {CLASS_TITLES[found.class_name]}"
    words = [
        f"What moved the score of {system_title(found.system)}{subject}, not where disease is: "
        f"{about.title}, in units of the score before it becomes a probability (logit, "
        f"{number_text(found.score)})."
    ]
    if found.outline:
        words.append(f"Outlined: cells of {OUTLINE_SHARE:.0%} and more of the largest value.")
    return " ".join([*words, *found.notes])
