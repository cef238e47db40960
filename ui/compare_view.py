"""What the page Compare says of films and ensembles: rows and sentences, nothing drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cxr_core.comparison import compare, margin
from cxr_core.evaluate.figure_text import number_text
from cxr_core.labels import CLASS_TITLES, CLASSES, system_title
from ui.film_view import Summary
from ui.words import NO_CLASS

if TYPE_CHECKING:
    from cxr_core.comparison import EnsembleParts
    from ui.film_view import Score
    from ui.reading_cache import Failure

BIAS: Final = "Bias"
TOTAL: Final = "Score (logit)"
MEAN: Final = "Plain mean"


@dataclass(frozen=True)
class Bar:
    """One step of a waterfall.

    Attributes:
        title: What it stands for.
        value: What it adds to the logit; for the last bar the logit itself.
        note: How it comes about, in numbers.
        is_total: True for the last bar.
    """

    title: str
    value: float
    note: str
    is_total: bool = False


def strip_rows(films: Sequence[tuple[str, Summary | Failure]]) -> list[dict[str, Any]]:
    """Return one row a film: who says what, and how far the systems are apart.

    Args:
        films: Name and summary of each film, or why it could not be read.

    Returns:
        Column title to value; a film that could not be read has its name and the reason alone.
    """
    rows: list[dict[str, Any]] = []
    for label, shown in films:
        if not isinstance(shown, Summary):
            rows.append({"Film": label, "Note": "could not be read"})
            continue
        found = compare(_probs(shown.scores))
        apart = found.disagreement
        rows.append(
            {
                "Film": label,
                "Top classes": _votes(found.labels.values()),
                "Largest distance": apart.distance if apart else None,
                "Between": _between(apart.first, apart.second) if apart else "",
                "On": CLASS_TITLES[apart.class_name] if apart else "",
                "Entropy of the mean (bits)": found.mean_entropy,
                "Smallest margin": min(found.margins.values()),
                **_held(shown.trust.prediction_set),
                "Note": "refused by the gate" if shown.refused else "",
                **{
                    system_title(name): CLASS_TITLES[class_name]
                    for name, class_name in found.labels.items()
                },
            }
        )
    return rows


def score_rows(scores: Sequence[Score]) -> list[dict[str, Any]]:
    """Return probabilities, margin and entropy of each system, and of the plain mean.

    Args:
        scores: What each system says of one film.

    Returns:
        Column title to value.
    """
    found = compare(_probs(scores))
    rows = [
        {
            "System": system_title(score.system),
            **{CLASS_TITLES[name]: score.probs[name] for name in CLASSES},
            "Top class": CLASS_TITLES[score.label],
            "Margin": found.margins[score.system],
            "Entropy (bits)": found.entropies[score.system],
        }
        for score in scores
    ]
    rows.append(
        {
            "System": MEAN,
            **dict(zip(map(CLASS_TITLES.__getitem__, CLASSES), found.mean.tolist(), strict=True)),
            "Top class": CLASS_TITLES[CLASSES[int(found.mean.argmax())]],
            "Margin": margin(found.mean),
            "Entropy (bits)": found.mean_entropy,
        }
    )
    return rows


def beside_rows(scores: Sequence[Score], others: Sequence[Score]) -> list[dict[str, Any]]:
    """Return what two sets of models say of one film, system by system.

    Args:
        scores: What the models in use say.
        others: What the models beside them say.

    Returns:
        Column title to value, one row a system and class; a system that one of them does not have
        is `None` there.
    """
    here, there = ({score.system: score for score in each} for each in (scores, others))
    rows = []
    for name in dict.fromkeys([*here, *there]):
        for class_name in CLASSES:
            first = here[name].probs[class_name] if name in here else None
            second = there[name].probs[class_name] if name in there else None
            rows.append(
                {
                    "System": system_title(name),
                    "Class": CLASS_TITLES[class_name],
                    "In use": first,
                    "Beside": second,
                    "Difference": None if first is None or second is None else second - first,
                }
            )
    return rows


def matrix_rows(parts: EnsembleParts) -> list[dict[str, Any]]:
    """Return the trained matrix of `ensemble_probs` as a table.

    Args:
        parts: Its parts on any film.

    Returns:
        One row a member's probability, and one for the bias: the weights for each class.
    """
    rows = []
    weights = parts.weights if parts.weights is not None else np.zeros((0, len(CLASSES)))
    for (member, class_name), row in zip(parts.names, weights, strict=False):
        rows.append(
            {
                "Probability that": system_title(member),
                "gives to": CLASS_TITLES[class_name or CLASSES[0]],
                **_by_class(row),
            }
        )
    rows.append({"Probability that": BIAS, "gives to": "", **_by_class(parts.bias)})
    return rows


def waterfall(parts: EnsembleParts, class_name: str) -> list[Bar]:
    """Return how the logit of one class adds up.

    Args:
        parts: An ensemble's parts on one film.
        class_name: The class.

    Returns:
        The bias, one bar a part, and the logit.
    """
    index = CLASSES.index(class_name)
    bars = [Bar(BIAS, float(parts.bias[index]), "the same for every film")]
    for row, (member, source) in enumerate(parts.names):
        value = float(parts.parts[row, index])
        if source is None:
            title = system_title(member)
            note = f"{parts.inputs[row]:.0f} of its hidden units are active"
        else:
            weight = 0.0 if parts.weights is None else float(parts.weights[row, index])
            title = f"{system_title(member)}: {CLASS_TITLES[source]}"
            note = f"probability {parts.inputs[row]:.3f} times weight {weight:.3f}"
        bars.append(Bar(title, value, note))
    total = float(parts.logits[index])
    note = "the sum; the softmax of the three scores gives the probabilities"
    return [*bars, Bar(TOTAL, total, note, is_total=True)]


def strongest_sentence(parts: EnsembleParts, class_name: str) -> str:
    """Say which member moves the logit of a class most.

    Args:
        parts: An ensemble's parts on one film.
        class_name: The class.

    Returns:
        One Markdown sentence.
    """
    index = CLASSES.index(class_name)
    sums = {name: float(values[index]) for name, values in parts.by_member().items()}
    name = max(sums, key=lambda key: abs(sums[key]))
    direction = "towards" if sums[name] > 0 else "away from"
    return (
        f"**{system_title(name)}** moves this film most, {abs(sums[name]):.2f} {direction} "
        f"{CLASS_TITLES[class_name]}; the score is {number_text(float(parts.logits[index]))}."
    )


def _held(classes: Sequence[str] | None) -> dict[str, str]:
    """Return the classes that cannot be excluded under their heading, where that is known."""
    if classes is None:
        return {}
    return {"Cannot be excluded": ", ".join(map(CLASS_TITLES.__getitem__, classes)) or NO_CLASS}


def _votes(labels: Iterable[str]) -> str:
    """Count who names what, the commonest first."""
    counts = Counter(labels).most_common()
    return ", ".join(f"{CLASS_TITLES[name]} {count}" for name, count in counts)


def _between(first: str, second: str) -> str:
    """Name a pair of systems."""
    return f"{system_title(first)} and {system_title(second)}"


def _by_class(values: Sequence[float] | Any) -> dict[str, float]:
    """Return one value a class under its title."""
    return {CLASS_TITLES[name]: float(value) for name, value in zip(CLASSES, values, strict=True)}


def _probs(scores: Sequence[Score]) -> Mapping[str, Any]:
    """Return system name to probabilities in class order."""
    return {score.system: np.array([score.probs[name] for name in CLASSES]) for score in scores}
