"""The refusal table as sentences and rows: what the gate let pass and what it refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isclose
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from cxr_core.errors import SpecMismatchError
from cxr_core.evaluate.figure_text import decimal, percent, share_text
from cxr_core.labels import CLASS_TITLES, system_title
from cxr_core.schema import GATE_TABLE

if TYPE_CHECKING:
    from cxr_core.trust.gate import Gate

_SAME: Final = 0.02
KIND_TITLES: Final = MappingProxyType(
    {
        "test": "Test films: should pass",
        "near": "Other chest films: should pass",
        "far": "No upright frontal chest film: should be refused",
        "other": "Other films, measured as they are",
    }
)
"""Kind of a set to what is expected of it."""

STATES: Final = (
    "**Passed** means that the film looks, to the networks, like the chest films that the models "
    "were fitted to. It never means that the reading is right.",
    "**Refused** means that the film is unlike the chest films that the models were fitted to. Its "
    "scores are still shown, marked, and should not be believed.",
    "**Not run** means that nothing was checked: the bundle has no gate, or there were too few "
    "films to set the limit of the class that the film is called.",
)
STALE: Final = (
    "The table was measured with other limits than those that films are judged by here. Measure it "
    "again with `python -m benchmarks.gate --out gate.json`."
)
NOT_MEASURED: Final = (
    "What the gate refuses was not measured for this variant. Measure it with "
    "`python -m benchmarks.gate --out gate.json` and publish the bundle again with "
    "`python -m train evidence`, or choose another variant in the sidebar."
)
CHOICE: Final = (
    "Every score below was measured on far pictures and chest films that are not in the refusal "
    "table. AUROC is the chance that a far picture lies further beyond its limit than a chest "
    "film does: 0.5 is chance, 1 is perfect."
)


def table_of(found: Mapping[str, Any] | None, variant: str) -> Mapping[str, Any] | None:
    """Return what was measured of one variant.

    Args:
        found: Parsed `gate.json`, or `None`.
        variant: Name of the variant.

    Returns:
        Its table, or `None` where it was not measured.

    Raises:
        SpecMismatchError: If the file is of another schema.
    """
    if found is None:
        return None
    if found.get("schema") != GATE_TABLE:
        msg = f"`gate.json` must be of schema {GATE_TABLE}. Received: {found.get('schema')}"
        raise SpecMismatchError(msg)
    table: Mapping[str, Any] | None = found["variants"].get(variant)
    return table


def is_stale(table: Mapping[str, Any], gate: Gate | None) -> bool:
    """Tell whether a table was measured with other limits than films are judged by.

    Args:
        table: Of a variant in a `cxr-gate/1` object.
        gate: The gate in use, or `None` where there is none.

    Returns:
        True where a limit is more than 2 % off, or only one of the two has it.
    """
    if gate is None:
        return False
    for name, measured in table["thresholds"].items():
        own, other = gate.limits[name].value, measured["value"]
        if (own is None) != (other is None):
            return True
        if own is not None and not isclose(own, other, rel_tol=_SAME):
            return True
    return False


def auroc_text(value: float | None) -> str:
    """Write how well a set is told from test films, never rounded up to one.

    Args:
        value: In [0, 1], or `None` where it is not defined.

    Returns:
        For example `0.998`, or a dash.
    """
    return "\N{EN DASH}" if value is None else decimal(value)


def set_rows(sets: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the refusal table.

    Args:
        sets: `sets` of a variant in a `cxr-gate/1` object.

    Returns:
        Column title to value, one row a set.
    """
    return [
        {
            "Set": found["title"],
            "What is expected": KIND_TITLES[found["kind"]],
            "n": found["n"],
            "Refused (95% interval)": share_text(found["refused"], digits=1),
            "Told from test films (AUROC)": auroc_text(found["auroc"]),
        }
        for found in sets
    ]


def candidate_rows(candidates: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the comparison of scores.

    Args:
        candidates: `candidates` of a variant in a `cxr-gate/1` object.

    Returns:
        Column title to value, one row a score.
    """
    return [
        {
            "Score": found["title"],
            "AUROC, far pictures": auroc_text(found["auroc"]),
            "Lowest AUROC of a set": auroc_text(found["lowest"]["auroc"]),
            "of": found["lowest"]["title"],
            "Far pictures refused": percent(found["refused"]["value"], 1),
        }
        for found in candidates
    ]


def limit_rows(thresholds: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the limits.

    Args:
        thresholds: `thresholds` of a variant in a `cxr-gate/1` object.

    Returns:
        Column title to value, one row a class.
    """
    return [
        {
            "Film is called": CLASS_TITLES[name],
            "Refused above": "no limit" if limit["value"] is None else f"{limit['value']:.2f}",
            "Films it comes from": limit["n"],
            "How": limit["rule"],
        }
        for name, limit in thresholds.items()
    ]


def summary_rows(table: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what was wrongly refused of each class, and what was rightly refused of the rest.

    Args:
        table: Of a variant in a `cxr-gate/1` object.

    Returns:
        Column title to words.
    """
    rows = [
        {
            "": f"{found['title']}: wrongly refused",
            "Refused": share_text(found["refused"], digits=1),
        }
        for found in table["sets"]
        if found["kind"] == "test"
    ]
    far = table["far"]
    title = f"Pictures of {far['n_sets']} kinds that are no upright frontal chest film: refused"
    return [*rows, {"": title, "Refused": share_text(far["refused"], digits=1)}]


def source_sentence(table: Mapping[str, Any]) -> str | None:
    """Say in words that the gate does not see where a film comes from.

    Args:
        table: Of a variant in a `cxr-gate/1` object.

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
        f"{adults['n_passed_called_COVID19']} of those are called COVID-19 by "
        f"{system_title(adults['system'])}. A film that passes can still be read by its source."
    )
