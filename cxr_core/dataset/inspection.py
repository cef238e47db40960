"""`inspect` on the command line: what a labelled folder holds, as text or JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cxr_core.dataset import Dataset, source_separability, summarise
from cxr_core.labels import CLASSES

SCHEMA: Final = "cxr-inspection/1"
_WHY: Final = {
    "patient": "same patient",
    "copy": "same bytes",
    "near_duplicate": "same exposure",
}


def inspection_object(dataset: Dataset) -> dict[str, Any]:
    """Return what `inspect --json` prints.

    Args:
        dataset: A scanned folder.

    Returns:
        JSON-ready object of schema `cxr-inspection/1`: the summary that may be published, and
        below it what names files.
    """
    summary = summarise(dataset)
    return {
        "schema": SCHEMA,
        "folder": str(dataset.folder),
        "summary": summary,
        "source_separability": source_separability(summary["n_by_source"]),
        "duplicates": [
            {
                "files": [dataset.file_name(i), dataset.file_name(j)],
                "why": "copy" if _is_copy(dataset, i, j) else "near_duplicate",
            }
            for i, j in dataset.duplicates
        ],
        "leaks": [
            {"split_a": a.split_a, "file_a": a.file_a, "split_b": a.split_b, "file_b": a.file_b}
            | {"why": a.why}
            for a in dataset.leaks
        ],
        "unreadable": [{"file": e.file, "message": e.message} for e in dataset.unreadable],
        "ignored_folders": list(dataset.ignored),
    }


def inspection_lines(dataset: Dataset) -> Iterator[str]:
    """Yield what `inspect` prints for people.

    Args:
        dataset: A scanned folder.

    Yields:
        Lines without line ends.
    """
    summary = summarise(dataset)
    splits = summary["n_by_split"]
    yield f"{summary['n_films']:,} films, digest {summary['digest'][:12]}"
    yield ""
    yield from _table("films by split", splits)
    yield ""
    yield from _table("films by source", summary["n_by_source"])
    yield from _confounding(summary["n_by_source"])
    yield ""
    for title, kind in (("largest / count", "max"), ("n / (k * count)", "inverse")):
        weights = {split: found[kind] for split, found in summary["class_weights"].items()}
        yield from _table(f"class weights, {title}", weights)
        yield ""
    sizes = summary["sizes"]
    common = ", ".join(f"{s['width_px']} by {s['height_px']} ({s['n']:,})" for s in sizes["common"])
    yield f"sizes in pixels: {sizes['n_distinct']:,} different; {common}"
    means = "  ".join(
        f"{name} {v:.3f}" for name, v in summary["intensity"]["mean_by_class"].items()
    )
    yield f"mean brightness, 0 black to 1 white: {means}"
    patients = ", ".join(f"{split} {n:,}" for split, n in summary["n_patients"].items())
    n_unknown = sum(summary["n_without_patient"].values())
    unknown = f"; {n_unknown:,} films of unknown patients" if n_unknown else ""
    yield f"patients, told by {summary['patients_from']}: {patients}{unknown}"
    yield ""
    yield from _pairs(dataset)
    for folder in dataset.ignored:
        yield f"not a class, left out: {folder}"
    for entry in dataset.unreadable:
        yield f"unreadable: {entry.file}: {entry.message}"


def _table(title: str, rows: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Yield a table with a column a class."""
    width = max(len(title), *(len(name) for name in rows))
    yield f"{title:<{width}}" + "".join(f"{label:>12}" for label in CLASSES)
    for name, row in rows.items():
        cells = (row[label] for label in CLASSES)
        texts = (f"{cell:,}" if isinstance(cell, int) else f"{cell:.4f}" for cell in cells)
        yield f"{name:<{width}}" + "".join(f"{text:>12}" for text in texts)


def _confounding(n_by_source: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Yield what the source alone tells of the class."""
    found = source_separability(n_by_source)
    if found is None:
        yield "source: not stated, so nobody can tell whether it gives the class away"
        return
    for label, value in found.items():
        warning = "  <- class and source are confounded" if value == 1 else ""
        yield f"source alone tells {label} from the rest: balanced accuracy {value:.3f}{warning}"


def _pairs(dataset: Dataset) -> Iterator[str]:
    """Yield duplicates and leaks with their files."""
    yield f"duplicates: {len(dataset.duplicates)} pairs"
    for i, j in dataset.duplicates:
        a, b = dataset.films[i], dataset.films[j]
        kind = _WHY["copy" if _is_copy(dataset, i, j) else "near_duplicate"]
        labels = "" if a.label == b.label else "  <- two classes"
        yield f"  {kind}: {dataset.file_name(i)}  {dataset.file_name(j)}{labels}"
    yield f"leaks between splits: {len(dataset.leaks)}"
    for leak in dataset.leaks:
        yield f"  {_WHY[leak.why]}: {leak.file_a}  {leak.file_b}"


def _is_copy(dataset: Dataset, i: int, j: int) -> bool:
    """Tell whether two films have the same bytes."""
    return dataset.films[i].sha256 == dataset.films[j].sha256
