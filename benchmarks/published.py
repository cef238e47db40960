"""What the published bundle measured of itself: one table for each variant, as README quotes it.

    python -m benchmarks.published [--bundle DIR]

Test figures with 95 % intervals of 2,000 resamples of whole patients; of films that do not show
COVID-19, how many are called COVID-19, with Wilson's interval. Then, where the bundle holds them,
raw beside calibrated probabilities, and which systems are told apart from the most accurate one.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.cells import share
from benchmarks.seeds import FIGURES, TITLES
from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.evaluate.table import comparison_lines
from cxr_core.labels import system_title

TEST: Final = "test"
CALIBRATED_FIGURES: Final = {"log_loss": "log loss", "brier": "Brier score"}
"""Figures that calibration changes."""


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.published")
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    bundle = Bundle.load(parser.parse_args(argv).bundle)
    for variant in bundle.variants:
        print(f"\nVariant {variant}\n")
        print("\n".join(table(bundle, variant)))
        lines = calibration_lines(bundle, variant)
        if lines:
            print("\n" + "\n".join(lines))


def table(bundle: Bundle, variant: str) -> list[str]:
    """Return one variant's figures as the lines of a Markdown table.

    Args:
        bundle: A bundle that was measured on a set named `test`.
        variant: Name of the variant.

    Returns:
        Header, rule and one line a system and baseline.

    Raises:
        ValueError: If the variant was not measured on its test films.
    """
    sets = (bundle.evaluation(variant) or {"sets": {}})["sets"]
    if TEST not in sets:
        msg = f"`bundle` must be measured on {TEST}. Received: variant={variant!r}, {list(sets)}"
        raise ValueError(msg)
    others = {name: found for name, found in sets.items() if not found["n_by_class"]["COVID19"]}
    header = [f"test films, n = {sets[TEST]['n_films']:,}", *FIGURES.values()]
    header += [f"{name}, n = {found['n_films']}: called COVID-19" for name, found in others.items()]
    listed = {**sets[TEST]["systems"], **sets[TEST]["baselines"]}
    rows = [
        [
            TITLES.get(name) or system_title(name),
            *(share([result["figures"][key]]) for key in FIGURES),
            *(_called(found, name) for found in others.values()),
        ]
        for name, result in listed.items()
    ]
    rule = ["---"] * len(header)
    return ["| " + " | ".join(row) + " |" for row in (header, rule, *rows)]


def calibration_lines(bundle: Bundle, variant: str) -> list[str]:
    """Return raw beside calibrated figures as a Markdown table, and what is told apart.

    Args:
        bundle: The bundle.
        variant: Name of the variant.

    Returns:
        Lines; none where the variant's calibrated probabilities were not measured.
    """
    test = (bundle.evaluation(variant) or {"sets": {}})["sets"].get(TEST, {})
    systems = {k: s for k, s in test.get("systems", {}).items() if "calibrated" in s}
    if not systems:
        return []
    columns = [
        (f"{title}, {kind}", key, figure)
        for figure, title in CALIBRATED_FIGURES.items()
        for kind, key in (("raw", "figures"), ("calibrated", "calibrated"))
    ]
    header = [f"test films, n = {test['n_films']:,}", *(title for title, _, _ in columns)]
    rows = [
        [system_title(name), *(share([found[key][figure]]) for _, key, figure in columns)]
        for name, found in systems.items()
    ]
    rule = ["---"] * len(header)
    lines = ["| " + " | ".join(row) + " |" for row in (header, rule, *rows)]
    return [*lines, "", *comparison_lines(test)]


def _called(found: Mapping[str, Any], name: str) -> str:
    """Return how many films of a set a system or baseline calls COVID-19."""
    result = {**found["systems"], **found["baselines"]}.get(name)
    if result is None:
        return "not measured"
    called = result["called"]["COVID19"]
    return f"{called['n_hits']} ({called['low']:.2f} to {called['high']:.2f})"


if __name__ == "__main__":
    main()
