"""What the refusal gate lets pass and refuses, beside the scores that it could have been made of.

    python -m benchmarks.gate --data DIR --external DIR --reads DIR [--bundle DIR]
        [--variants NAME ...] [--without-layout] [--out gate.json]

The gate is fitted to the films that the models were fitted to; its limits come from films that
nothing was fitted to (`val` and `calibration`). Scores are compared on one half of the far
pictures, and the refusal table is made with the other half and test films (which once led to a
change; BENCHMARKS.md says which).
Photographs come from scikit-image and scikit-learn; medical pictures of other kinds from the
package pydicom-data, where it is installed. What the networks say is kept in the folder of reads,
outside the repository. Shares with Wilson's 95 % interval; AUROC against the test films by how far
each film is beyond the limit of the class that it is called.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import timeit
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.far_chest import FAR, NEAR
from benchmarks.far_pictures import CHOICE, FINAL
from benchmarks.gate_reads import (
    ADULTS,
    Readers,
    Seen,
    join,
    load,
    parts_of,
    pictures,
    read_parts,
    read_pictures,
)
from benchmarks.gate_scores import Chest, compare
from benchmarks.gate_table import lines, refusal_table
from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.schema import GATE_TABLE
from cxr_core.trust.film_layout import film_layout
from cxr_core.trust.gate import Gate
from cxr_core.trust.gate_fit import fit_gate
from train.parts import CALIBRATION, FIT, TEST, VALIDATION, scan_extra

COMMAND: Final = "python -m benchmarks.gate --data DIR --external DIR --reads DIR --out gate.json"
OTHERS: Final = ("synthetic", "adult_film")
"""Sets that are measured without an expectation."""


def main(argv: Sequence[str] | None = None) -> None:
    """Read what has not been read, print the tables and write them.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--external", type=Path, required=True)
    parser.add_argument("--reads", type=Path, required=True, help="outside the repository")
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    parser.add_argument("--variants", nargs="+", metavar="NAME", help="all if left out")
    parser.add_argument("--without-layout", action="store_true", help="features alone")
    parser.add_argument("--no-candidates", action="store_true", help="the refusal table alone")
    parser.add_argument("--out", type=Path, metavar="FILE")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    bundle = Bundle.load(arguments.bundle)
    variants = arguments.variants or list(bundle.variants)
    titles = read_all(bundle, variants, arguments)
    tables = {}
    for variant in variants:
        tables[variant] = measure(variant, titles, arguments)
        print(f"\nVariant {variant}, bundle {bundle.version}, {bundle.digest[:12]}\n")
        print("\n".join(lines(tables[variant])), flush=True)
    if arguments.out:
        about = {"name": bundle.name, "version": bundle.version, "digest": bundle.digest}
        content = {"schema": GATE_TABLE, "bundle": about, "variants": tables}
        arguments.out.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def read_all(
    bundle: Bundle, variants: Sequence[str], arguments: argparse.Namespace
) -> dict[str, dict[str, str]]:
    """Read chest films and pictures with every variant, those that were not read before.

    Args:
        bundle: The bundle.
        variants: Names of variants.
        arguments: Where the films are, and where reads are kept.

    Returns:
        Half to key of a set to its words.
    """
    readers = Readers(bundle, variants)
    parts = dict(parts_of(bundle, arguments.data))
    adults = scan_extra(arguments.external, ADULTS).films
    read_parts(readers, {**parts, ADULTS: adults}, arguments.reads / "parts")
    return {
        half: read_pictures(readers, pictures(half, parts), arguments.reads / half)
        for half in (CHOICE, FINAL)
    }


def measure(
    variant: str, titles: Mapping[str, Mapping[str, str]], arguments: argparse.Namespace
) -> dict[str, Any]:
    """Fit and measure the gate of one variant.

    Args:
        variant: Its name.
        titles: From `read_all`.
        arguments: Where reads are kept, and whether the gate looks at the layout.

    Returns:
        JSON-ready values of one variant, see `benchmarks.gate_table.refusal_table`.
    """
    folder = arguments.reads
    parts = {
        part: load(folder / "parts" / variant / f"{part}.npz")
        for part in (FIT, VALIDATION, CALIBRATION, TEST, ADULTS)
    }
    unseen = join(parts[VALIDATION], parts[CALIBRATION])
    gates = {}
    for has_layout in (True, False):
        layouts = (parts[FIT].layout, unseen.layout) if has_layout else None
        gates[has_layout] = fit_gate(parts[FIT].reads, unseen.reads, layouts=layouts)
    halves = {
        half: {
            key: (title, load(folder / half / variant / f"{key}.npz"))
            for key, title in found.items()
        }
        for half, found in titles.items()
    }
    gate = gates[not arguments.without_layout]
    table = refusal_table(
        gate,
        _kinds(halves[FINAL]),
        parts[TEST],
        parts[ADULTS],
        without_layout=gates[False],
    )
    table["command"] = COMMAND
    table["cost_ms"] = cost_ms(gate, parts[TEST])
    if not arguments.no_candidates:
        chest = Chest(parts[FIT], unseen, gate.lead)
        table["candidates"] = compare(chest, _kinds(halves[CHOICE])["far"])
    return table


def _kinds(
    sets: Mapping[str, tuple[str, Seen]],
) -> dict[str, dict[str, tuple[str, Seen]]]:
    """Deal sets to `far`, `near` and `other`; changed chest films after all other far pictures."""
    kinds: dict[str, dict[str, tuple[str, Seen]]] = {"near": {}, "far": {}, "other": {}}
    for key in sorted(sets, key=lambda key: key in FAR):
        kind = "near" if key in NEAR else "other" if key in OTHERS else "far"
        kinds[kind][key] = sets[key]
    return kinds


def cost_ms(gate: Gate, seen: Seen, *, n_runs: int = 300) -> float:
    """Return what judging one film costs, its layout at 1,024 px included if the gate needs it.

    Args:
        gate: The gate.
        seen: At least one film.
        n_runs: Films judged in each of five rounds, of which the fastest counts.

    Returns:
        Milliseconds a film.
    """
    reads = seen.reads.take(np.arange(1))
    image = np.random.default_rng(0).random((1024, 1024), dtype=np.float32)

    def judge() -> None:
        layout = film_layout(image) if gate.needs_layout else None
        gate.score(reads.pooled, reads.hidden, reads.logits, layout)

    return min(timeit.repeat(judge, number=n_runs, repeat=5)) / n_runs * 1e3


if __name__ == "__main__":
    main()
