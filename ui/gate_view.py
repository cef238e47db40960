"""The refusal table as sentences and rows: what the gate let pass and what it refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from cxr_core.labels import CLASS_TITLES

KIND_TITLES: Final = MappingProxyType(
    {
        "test": "Test films: should pass",
        "near": "Chest films with small changes: should pass",
        "far": "No upright frontal chest film: should be refused",
        "other": "Other films, measured as they are",
    }
)
"""Kind of a set to what is expected of it."""

STATES: Final = (
    "**Passed** means that the networks see nothing unusual in the film. It never means that the "
    "reading is right.",
    "**Refused** means that the film is unlike the chest films that the models were fitted to. Its "
    "scores are still shown, marked, and should not be believed.",
    "**Not run** means that nothing was checked: this bundle has no gate, or a score could not be "
    "computed.",
)
NOT_MEASURED: Final = (
    "The refusal gate of this bundle was not measured, so no film is refused. Publish the bundle "
    "again with `python -m train evidence` to fit the gate and fill this table."
)


def share_text(share: Mapping[str, Any]) -> str:
    """Write a share with its counts and interval.

    Args:
        share: {value, low, high, n_hits, n}.

    Returns:
        For example `2 of 85, 2.4 % (0.6 to 8.2)`.
    """
    if share["value"] is None:
        return "none measured"
    return (
        f"{share['n_hits']:,} of {share['n']:,}, {100 * share['value']:.1f} % "
        f"({100 * share['low']:.1f} to {100 * share['high']:.1f})"
    )


def auroc_text(value: float | None) -> str:
    """Write how well a set is told from test films; three digits, never rounded up to one.

    Args:
        value: In [0, 1], or `None` where it is not defined.

    Returns:
        For example `0.998`, or a dash.
    """
    if value is None:
        return "\N{EN DASH}"
    return f"{min(value, 0.9999) if value < 1 else 1.0:.4f}"


def set_rows(sets: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the refusal table.

    Args:
        sets: `sets` of a `cxr-gate/1` object.

    Returns:
        Column title to value, one row a set.
    """
    return [
        {
            "Set": found["title"],
            "What is expected": KIND_TITLES[found["kind"]],
            "n": found["n"],
            "Refused (95 % interval)": share_text(found["refused"]),
            "Told from test films (AUROC)": auroc_text(found["auroc"]),
        }
        for found in sets
    ]


def candidate_rows(candidates: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the comparison of scores.

    Args:
        candidates: `candidates` of a `cxr-gate/1` object.

    Returns:
        Column title to value, one row a score.
    """
    return [
        {
            "Score": found["title"],
            "AUROC, far pictures": auroc_text(found["auroc"]),
            "Lowest AUROC of a set": auroc_text(found["lowest"]["auroc"]),
            "of": found["lowest"]["title"],
            "Far pictures refused": f"{100 * found['refused']['value']:.1f} %",
        }
        for found in candidates
    ]


def class_lines(table: Mapping[str, Any]) -> dict[str, str]:
    """Return what was wrongly refused of each class.

    Args:
        table: A `cxr-gate/1` object.

    Returns:
        Class title to counts with interval.
    """
    return {
        CLASS_TITLES[found["key"]]: share_text(found["refused"])
        for found in table["sets"]
        if found["kind"] == "test"
    }


def source_sentence(table: Mapping[str, Any]) -> str | None:
    """Say in words that the gate does not see where a film comes from.

    Args:
        table: A `cxr-gate/1` object.

    Returns:
        One or two sentences; `None` where adults without COVID-19 were not measured.
    """
    adults = table.get("adults")
    if adults is None:
        return None
    passed = adults["n"] - adults["n_refused"]
    return (
        f"**The gate does not see the source of a film.** Of {adults['n']} films of adults without "
        f"COVID-19, from the publications that the COVID-19 films come from, {passed} passed, and "
        f"{adults['n_passed_called_COVID19']} of those that passed are called COVID-19 by "
        f"{adults['system_title']}. A film that passes can still be read by its source."
    )
