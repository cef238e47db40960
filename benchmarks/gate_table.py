"""The refusal table: of every set of films, how many the gate refuses; as data and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from benchmarks.gate_reads import Seen
from benchmarks.gate_scores import told_apart
from cxr_core.array import IntArray
from cxr_core.evaluate.metrics import wilson
from cxr_core.labels import CLASS_TITLES, CLASSES, system_title
from cxr_core.trust.gate import Gate, GateScores
from cxr_core.trust.gate_input import LAYOUT

INTERVAL: Final = "95 % Wilson intervals; films of one patient count as if independent."
TITLES: Final = {
    True: "How unlike the training films a film is, in what the networks compute of it and in "
    "where it is dense",
    False: "How unlike the training films a film is, in what the networks compute of it",
}
WORDS: Final = (
    "Mahalanobis distance to the nearest class of training films, and what their principal axes "
    "leave out, in the square roots of the pooled features of {members}{layout}; geometric mean."
)
Sets = Mapping[str, tuple[str, Seen]]


def refusal_table(
    gate: Gate,
    kinds: Mapping[str, Sets],
    test: Seen,
    adults: Seen,
    *,
    without_layout: Gate,
) -> dict[str, Any]:
    """Measure a gate on test films and on the sets that decided nothing.

    Args:
        gate: The gate.
        kinds: `near`, `far` and `other` to key to words and what was seen of a set.
        test: Test films.
        adults: Adults without COVID-19.
        without_layout: A gate on features alone, for the comparison.

    Returns:
        JSON-ready values: `score`, `lead`, `thresholds`, `n_reference`, `interval`, `sets` (each
        key, title, kind, n, refused, auroc, refused_by_features), `far` (all far sets as one),
        `adults`, and `misread`: class to the test films that the lead system names wrongly, `n`,
        and `n_refused` of them.
    """
    tested = _judge(gate, test)
    y_true = test.reads.y_true
    rows = [
        _row(
            name,
            f"Test films, {CLASS_TITLES[name]}",
            "test",
            _take(test, y_true == k),
            gate,
            without_layout,
            None,
        )
        for k, name in enumerate(CLASSES)
    ]
    rows.append(
        _row("adults", "Adults without COVID-19", "near", adults, gate, without_layout, tested)
    )
    for kind, sets in kinds.items():
        for key, (title, seen) in sets.items():
            rows.append(_row(key, title, kind, seen, gate, without_layout, tested))
    far = [_judge(gate, seen) for _, seen in kinds["far"].values()]
    ratios = np.concatenate([found.ratio for found in far])
    return {
        "score": _about(gate),
        "lead": gate.lead,
        "thresholds": {name: limit.to_dict() for name, limit in gate.limits.items()},
        "n_reference": gate.n_reference,
        "interval": INTERVAL,
        "sets": rows,
        "far": {
            "n_sets": len(far),
            "n": len(ratios),
            "refused": wilson(int((ratios > 1).sum()), len(ratios)).to_dict(),
            "auroc": told_apart(ratios, tested.ratio),
        },
        "adults": _adults(_judge(gate, adults), gate),
        "misread": _misread(tested, y_true),
    }


def lines(table: Mapping[str, Any]) -> list[str]:
    """Return one variant's measurements as Markdown.

    Args:
        table: Of `refusal_table`, with `cost_ms` and perhaps `candidates`.

    Returns:
        Lines: limits, the refusal table and, where it was made, the comparison of scores.
    """
    far, score = table["far"], table["score"]
    limits = ", ".join(
        f"{CLASS_TITLES[name]} {limit['value'] or float('nan'):.2f} (n = {limit['n']}, "
        f"{limit['rule']})"
        for name, limit in table["thresholds"].items()
    )
    found = [
        f"{score['title']}. {score['words']} Distances are to {table['n_reference']:,} films; "
        f"{table['cost_ms']:.2f} ms a film, {score['n_bytes'] / 1e3:.0f} kB stored. "
        f"Limits of {system_title(table['lead'])}: {limits}.",
        "",
        "| set | n | refused | AUROC | refused by features alone |",
        "|---|---:|---|---:|---:|",
        *(_line(row) for row in table["sets"]),
        f"| **all {far['n_sets']} far sets** | {far['n']:,} | {_share(far['refused'])} | "
        f"{_auroc(far['auroc'])} | |",
        "",
        f"Test films that {system_title(table['lead'])} names wrongly, and refused of them: "
        + ", ".join(
            f"{CLASS_TITLES[name]} {found['n_refused']} of {found['n']}"
            for name, found in table["misread"].items()
        )
        + ".",
    ]
    if "candidates" in table:
        found += [
            "",
            f"The best of each kind of {len(table['candidates'])} scores, on other pictures and on "
            "unseen films:",
            "",
            "| score | AUROC | lowest set | refused | unseen refused, by class |",
            "|---|---:|---|---:|---|",
            *(_candidate(row) for row in _best_of_kind(table["candidates"])),
        ]
    return found


def _row(
    key: str,
    title: str,
    kind: str,
    seen: Seen,
    gate: Gate,
    without_layout: Gate,
    tested: GateScores | None,
) -> dict[str, Any]:
    """Measure one set; AUROC only where it is to be told from test films."""
    found = _judge(gate, seen)
    features = _judge(without_layout, seen)
    return {
        "key": key,
        "title": title,
        "kind": kind,
        "n": len(seen),
        "refused": wilson(int(found.is_refused.sum()), len(seen)).to_dict(),
        "auroc": None if tested is None else told_apart(found.ratio, tested.ratio),
        "refused_by_features": wilson(int(features.is_refused.sum()), len(seen)).to_dict(),
    }


def _judge(gate: Gate, seen: Seen) -> GateScores:
    """Judge the films of a set."""
    return gate.of_reads(seen.reads, seen.layout)


def _take(seen: Seen, rows: Any) -> Seen:
    """Return some of the films."""
    return Seen(seen.reads.take(rows), seen.layout[rows])


def _about(gate: Gate) -> dict[str, Any]:
    """Say what the gate's score is."""
    members = [
        system_title(key.removeprefix("pooled/")) for key in gate.spaces if key.startswith("pooled")
    ]
    words = WORDS.format(
        members=" and of ".join(members),
        layout=", and in a 6 by 6 thumbnail of the film" if gate.needs_layout else "",
    )
    return {
        "title": TITLES[LAYOUT in gate.spaces],
        "words": words,
        "n_bytes": int(sum(array.nbytes for array in gate.arrays().values())),
    }


def _adults(found: GateScores, gate: Gate) -> dict[str, Any]:
    """Count adults without COVID-19 that pass and are called COVID-19 all the same."""
    is_covid = found.called == CLASSES.index("COVID19")
    return {
        "n": len(found.score),
        "n_refused": int(found.is_refused.sum()),
        "n_passed_called_COVID19": int((is_covid & ~found.is_refused).sum()),
        "system": gate.lead,
    }


def _misread(tested: GateScores, y_true: IntArray) -> dict[str, dict[str, int]]:
    """Count test films that the lead system names wrongly, and those of them that are refused."""
    found = {}
    for k, name in enumerate(CLASSES):
        is_misread = (y_true == k) & (tested.called != k)
        n_refused = int((is_misread & tested.is_refused).sum())
        found[name] = {"n": int(is_misread.sum()), "n_refused": n_refused}
    return found


def _line(row: Mapping[str, Any]) -> str:
    """Return one line of the refusal table."""
    return (
        f"| {row['title']} | {row['n']} | {_share(row['refused'])} | {_auroc(row['auroc'])} | "
        f"{row['refused_by_features']['n_hits']} |"
    )


def _best_of_kind(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the first row of each kind."""
    found: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        found.setdefault(row["kind"], row)
    return list(found.values())


def _candidate(row: Mapping[str, Any]) -> str:
    """Return one line of the comparison."""
    unseen = ", ".join(str(found["n_hits"]) for found in row["unseen_refused"].values())
    lowest = row["lowest"]
    return (
        f"| {row['title']} | {row['auroc']:.4f} | {lowest['auroc']:.4f} ({lowest['title']}) | "
        f"{100 * row['refused']['value']:.1f} % | {unseen} |"
    )


def _share(share: Mapping[str, Any]) -> str:
    """Return counts and a share with its interval."""
    return (
        f"{share['n_hits']}: {100 * share['value']:.1f} % ({100 * share['low']:.1f} to "
        f"{100 * share['high']:.1f})"
    )


def _auroc(value: float | None) -> str:
    """Return an AUROC, or nothing where a set is not told from itself."""
    return "" if value is None else f"{value:.4f}"
