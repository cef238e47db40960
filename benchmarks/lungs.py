"""How well the lungs are found, and how much of the systems' maps lies in them.

    python -m benchmarks.lungs --data DIR --masks MASKS [--lungs DIR] [--bundle DIR]
        [--variant NAME] [--only dice|share] [--sheets FOLDER]

Dice on the test masks, beside that of one shape for all films (the mean of the training masks).
Then, for every test film and system, the map of the class that the system names by the default
method: its share in the lungs, and that over the lungs' share of the film. Means with 95 %
intervals of 1,000 resamples of whole patients. Films whose mask is not plausible are counted and
left out of the second table. With `--sheets` the outlines of 50 children's films, drawn by chance,
are written to a folder to be looked at; films must never be written into the repository.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.cells import share
from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.dataset import find_split
from cxr_core.dataset.film import class_paths
from cxr_core.evaluate.bootstrap import mean_interval
from cxr_core.evaluate.mask_overlap import dice
from cxr_core.evaluate.patients import patient_keys
from cxr_core.io import read_path
from cxr_core.labels import CLASS_TITLES, system_title
from cxr_core.lungs import DEFAULT_LUNGS, LungSegmenter, LungShare, lung_share
from cxr_core.predict import Predictor
from cxr_core.preprocess import PreprocessSpec, resize
from train.lungs.films import find_pairs

POOR: Final = 0.9
N_CHILDREN: Final = 50
CHILDREN: Final = ("NORMAL", "PNEUMONIA")
_SHEET_COLUMNS, _SHEET_ROWS, _TILE = 5, 5, 320


def main(argv: Sequence[str] | None = None) -> None:
    """Print both tables.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lungs")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--masks", type=Path, required=True)
    parser.add_argument("--lungs", type=Path, default=DEFAULT_LUNGS)
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    parser.add_argument("--variant", help="the bundle's default if left out")
    parser.add_argument("--only", choices=("dice", "share"))
    parser.add_argument("--sheets", type=Path, metavar="FOLDER", help="outside the repository")
    arguments = parser.parse_args(argv)
    segmenter = LungSegmenter.load(arguments.lungs)
    print(f"lung network {segmenter.record['digest'][:12]}")
    if arguments.sheets:
        write_sheets(segmenter, arguments.data, arguments.sheets)
        return
    if arguments.only != "share":
        print("\n".join(dice_table(segmenter, arguments.data, arguments.masks)))
    if arguments.only != "dice":
        bundle = Bundle.load(arguments.bundle)
        predictor = Predictor(bundle, variant=arguments.variant)
        print(f"\nbundle {bundle.version}, {bundle.digest[:12]}, variant {predictor.variant}\n")
        print("\n".join(share_table(segmenter, predictor, arguments.data)))


def dice_table(segmenter: LungSegmenter, data: Path, masks: Path) -> list[str]:
    """Measure Dice on the test masks.

    Args:
        segmenter: The published network.
        data: Holds `test/`.
        masks: Holds `train/` and `test/`.

    Returns:
        Lines of a Markdown table, and what the notes said.
    """
    pairs = find_pairs(data, masks, "test")
    patients, _ = patient_keys(find_split(data, "test"), [film for film, _ in pairs])
    found = [segmenter.segment(read_path(film)) for film, _ in pairs]
    truths = [_mask(mask, found[0].mask.shape) for _, mask in pairs]
    training = [_mask(m, found[0].mask.shape) for _, m in find_pairs(data, masks, "train")]
    fixed = np.mean(training, axis=0) >= 0.5
    rows = {
        "the network": [dice(own.mask, truth) for own, truth in zip(found, truths, strict=True)],
        "one shape for all: mean of the training masks": [dice(fixed, truth) for truth in truths],
    }
    lines = [
        f"| {len(pairs)} test films of {len(set(patients))} patients | Dice, mean | median | "
        f"least | below {POOR} |",
        "|---|---|---:|---:|---:|",
    ]
    for name, values in rows.items():
        lines.append(
            f"| {name} | {share([mean_interval(values, patients)], 4)} | {np.median(values):.4f} | "
            f"{min(values):.4f} | {sum(value < POOR for value in values)} |"
        )
    notes = Counter(note.code for own in found for note in own.notes)
    return [*lines, "", f"masks with notes: {_counted(notes)}"]


def share_table(segmenter: LungSegmenter, predictor: Predictor, data: Path) -> list[str]:
    """Measure how much of the systems' maps lies in the lungs, on every test film.

    Args:
        segmenter: The published network.
        predictor: The systems.
        data: Holds `test/<CLASS>/`.

    Returns:
        Lines of a Markdown table, and what was left out.
    """
    folder = find_split(data, "test")
    labelled = class_paths(folder)
    patients, _ = patient_keys(folder, [path for _, path in labelled])
    notes: Counter[str] = Counter()
    films: Counter[str] = Counter()
    shares: dict[tuple[str, str], list[tuple[Hashable, LungShare]]] = {}
    for number, ((label, path), patient) in enumerate(zip(labelled, patients, strict=True), 1):
        radiograph = read_path(path)
        lungs = segmenter.segment(radiograph)
        films[label] += 1
        notes.update(f"{label} {note.code}" for note in lungs.notes)
        if lungs.is_plausible:
            reading = predictor.read(radiograph)
            for name, system in reading.systems.items():
                cam = predictor.explain(reading, name, system.label)
                own = lung_share(cam.grid, lungs)
                shares.setdefault((label, name), []).append((patient, own))
        if number % 100 == 0:
            sys.stderr.write(f"{number} of {len(labelled)} films\n")
    lines = [
        "| class of the film | system | films | share of the map in the lungs | lungs' share of "
        "the film | enrichment | films with enrichment below 1 |",
        "|---|---|---:|---|---:|---|---:|",
    ]
    lines += [_share_row(label, name, films[label], own) for (label, name), own in shares.items()]
    return [*lines, "", f"masks with notes, left out: {_counted(notes)}"]


def _share_row(
    label: str, name: str, n_films: int, found: Sequence[tuple[Hashable, LungShare]]
) -> str:
    """Return one line of the table of shares."""
    defined = [(patient, own) for patient, own in found if own.share is not None]
    patients = [patient for patient, _ in defined]
    values = {
        key: [float(getattr(own, key)) for _, own in defined]
        for key in ("share", "area_share", "enrichment")
    }
    cells = {key: mean_interval(numbers, patients) for key, numbers in values.items()}
    n_outside = sum(value < 1 for value in values["enrichment"])
    return (
        f"| {CLASS_TITLES[label]} | {system_title(name)} | {len(defined)} of {n_films} | "
        f"{share([cells['share']])} | {cells['area_share']['value']:.3f} | "
        f"{share([cells['enrichment']], 2)} | {n_outside} |"
    )


def write_sheets(segmenter: LungSegmenter, data: Path, out: Path) -> None:
    """Draw the outlines of children's films on contact sheets, to be looked at.

    Args:
        segmenter: The published network.
        data: Holds `test/NORMAL/` and `test/PNEUMONIA/`, children's films in the public set.
        out: Folder for the sheets.
    """
    import cv2

    paths = [path for label, path in class_paths(find_split(data, "test")) if label in CHILDREN]
    chosen = np.random.default_rng(0).choice(len(paths), N_CHILDREN, replace=False)
    tiles = []
    for number, index in enumerate(chosen):
        radiograph = read_path(paths[index])
        found = segmenter.segment(radiograph)
        image = resize(radiograph.image, PreprocessSpec(_TILE, _TILE))
        tile = np.repeat(np.round(image * 255).astype(np.uint8)[:, :, None], 3, axis=2)
        for polygon in found.polygons:
            points = np.round(np.array(polygon) * _TILE).astype(np.int32)
            cv2.polylines(tile, [points], True, (0, 220, 255), 1, cv2.LINE_AA)  # noqa: FBT003
        text = f"{number} {' '.join(note.code for note in found.notes)}"
        cv2.putText(tile, text, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 255, 0), 1)
        tiles.append(tile)
    out.mkdir(parents=True, exist_ok=True)
    per_sheet = _SHEET_COLUMNS * _SHEET_ROWS
    for start in range(0, len(tiles), per_sheet):
        own = tiles[start : start + per_sheet]
        rows = [own[i : i + _SHEET_COLUMNS] for i in range(0, len(own), _SHEET_COLUMNS)]
        sheet = np.vstack([np.hstack(row) for row in rows])
        cv2.imwrite(str(out / f"children-{start // per_sheet}.png"), sheet)
    print(f"{len(tiles)} films, {out}")


def _mask(path: Path, shape: tuple[int, ...]) -> Any:
    """Read a mask at the network's size."""
    spec = PreprocessSpec(*shape, resampling="nearest")
    return resize(read_path(path).image, spec) > 0.5


def _counted(notes: Counter[str]) -> str:
    """Return how often each note was given."""
    return ", ".join(f"{code} {count}" for code, count in sorted(notes.items())) or "none"


if __name__ == "__main__":
    main()
