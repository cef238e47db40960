"""What the page says of a data set: sentences and table rows from its summary, nothing drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from cxr_core.dataset import NOT_STATED, check_summary, source_separability
from cxr_core.evaluate.figure_text import percent
from cxr_core.labels import CLASS_TITLES, CLASSES

if TYPE_CHECKING:
    from cxr_core.bundle import Bundle
    from cxr_core.dataset import Dataset

SPLIT_TITLES: Final = {"train": "Training", "val": "Validation", "test": "Test"}
LEAK_TITLES: Final = {
    "patient": "Other films of the same patient",
    "copy": "Copies, byte for byte",
    "near_duplicate": "Same exposure in other bytes",
}
NO_SOURCE: Final = (
    "**Sources are not stated**, so nobody can tell whether they give the class away. A "
    "`manifest.csv` with the columns `path` and `source` would tell."
)
WEIGHTS_MEANING: Final = (
    "**Largest / count** gives the largest class weight 1 and raises the others, so the loss grows "
    "as a whole and the learning rate acts stronger. **n / (k · count)**, with n films and k "
    "classes, averages 1 over the films, so the loss keeps its scale. Both make every class count "
    "alike in sum; neither makes new films of a rare class."
)
LIKELY_SHORTCUT: Final = 0.8
"""Balanced accuracy of the source alone from which the page speaks of a shortcut."""


def bundle_summary(bundle: Bundle) -> dict[str, Any] | None:
    """Return what a bundle tells of its films.

    Args:
        bundle: The bundle in use.

    Returns:
        A checked summary, or `None` where the bundle tells nothing.

    Raises:
        SpecMismatchError: If its summary is of another schema.
    """
    read = getattr(bundle, "dataset", None)
    content = read() if callable(read) else None
    return None if content is None else check_summary(content)


def confounding_lines(n_by_source: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return a sentence for each class that its sources give away.

    Args:
        n_by_source: Source to class to number of films.

    Returns:
        Markdown; empty where the sources give no class away. Names of sources are escaped.
    """
    found = source_separability(n_by_source)
    if found is None:
        return [NO_SOURCE]
    lines = []
    for label, value in found.items():
        title = CLASS_TITLES[label]
        if value == 1:
            own = [n for n, row in n_by_source.items() if row[label] and n != NOT_STATED]
            sources = " and ".join(part for part in (", ".join(own[:-1]), own[-1]) if part)
            lines.append(
                f"**Class and source are confounded: {title}.** Every {title} film comes from "
                f"{_plain(sources)}, and no film of another class does. The source alone tells "
                f"{title} from the rest without an error, so a model can score well by "
                "recognising where a film comes from, and disease need not play a part. No figure "
                "measured on these films can tell the two apart."
            )
        elif value >= LIKELY_SHORTCUT:
            lines.append(
                f"**Class and source go together: {title}.** The source alone tells {title} from "
                f"the rest with a balanced accuracy of {percent(value)}, where 50% is chance. A "
                "model can gain as much by recognising where a film comes from."
            )
    return lines


def facts(summary: Mapping[str, Any]) -> dict[str, str]:
    """Return the figures that stand at the top of the page.

    Args:
        summary: Of schema `cxr-dataset/1`.

    Returns:
        Title to text.
    """
    n_patients = summary["n_patients_all"]
    n_duplicates = sum(summary["n_duplicates"].get(k, 0) for k in ("copy", "near_duplicate"))
    return {
        "Films": f"{summary['n_films']:,}",
        "Patients": f"{n_patients:,}" if summary["patients_from"] != "none" else "not known",
        "Pairs of copies": f"{n_duplicates:,}",
        "Leaks between splits": f"{sum(summary['n_leaks'].values()):,}",
    }


def split_rows(summary: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return one row per split.

    Args:
        summary: Of schema `cxr-dataset/1`.

    Returns:
        Column title to text, in the order of splits.
    """
    return [
        {
            "Split": SPLIT_TITLES.get(split, split),
            **{CLASS_TITLES[label]: f"{row[label]:,}" for label in CLASSES},
            "Patients": f"{summary['n_patients'][split]:,}",
        }
        for split, row in summary["n_by_split"].items()
    ]


def balance_rows(summary: Mapping[str, Any]) -> list[dict[str, str | int]]:
    """Return one row per split and source.

    Args:
        summary: Of schema `cxr-dataset/1`.

    Returns:
        Column title to value, in the order of splits.
    """
    return [
        {
            "Split": SPLIT_TITLES.get(split, split),
            "Source": source,
            **{CLASS_TITLES[label]: row[label] for label in CLASSES},
            "All": sum(row.values()),
        }
        for split, sources in summary["n_by_split_and_source"].items()
        for source, row in sources.items()
    ]


def source_rows(summary: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return one row per class: how well the source alone tells it from the rest.

    Args:
        summary: Of schema `cxr-dataset/1`.

    Returns:
        Column title to text; empty where no source is stated.
    """
    found = source_separability(summary["n_by_source"]) or {}
    return [
        {"Class": CLASS_TITLES[label], "Told by the source alone": percent(value, 1)}
        for label, value in found.items()
    ]


def weight_rows(summary: Mapping[str, Any], split: str) -> list[dict[str, str]]:
    """Return one row per class with both weights.

    Args:
        summary: Of schema `cxr-dataset/1`.
        split: One of its splits.

    Returns:
        Column title to text.
    """
    counts, weights = summary["n_by_split"][split], summary["class_weights"][split]
    return [
        {
            "Class": CLASS_TITLES[label],
            "Films": f"{counts[label]:,}",
            "Share": f"{counts[label] / sum(counts.values()):.1%}",
            "Largest / count": f"{weights['max'][label]:.3f}",
            "n / (k · count)": f"{weights['inverse'][label]:.3f}",
        }
        for label in CLASSES
    ]


def leak_rows(summary: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return one row per kind of pair: how many there are, and how many cross a split.

    Args:
        summary: Of schema `cxr-dataset/1`.

    Returns:
        Column title to text.
    """
    pairs, leaks = summary["n_duplicates"], summary["n_leaks"]
    return [
        {
            "": title,
            "Inside a split": f"{pairs[kind] - leaks[kind]:,}" if kind in pairs else "allowed",
            "Between splits": f"{leaks[kind]:,}",
        }
        for kind, title in LEAK_TITLES.items()
    ]


def leak_sentence(summary: Mapping[str, Any]) -> str:
    """Say what the leaks mean.

    Args:
        summary: Of schema `cxr-dataset/1`.

    Returns:
        Markdown.
    """
    n_leaks = sum(summary["n_leaks"].values())
    text = {
        0: "**No leak was found.**",
        1: "**1 leak:** one film is known from another split. A figure measured on it is too good.",
    }.get(
        n_leaks,
        f"**{n_leaks:,} leaks:** these films are known from another split. Figures measured on "
        "them are too good.",
    )
    if len(summary["n_by_split"]) == 1:
        text = "**There is only one split**, so nothing can leak."
    told = {
        "manifest": "Patients are told by the manifest.",
        "DICOM headers": "Patients are told by patient ID and issuer in the DICOM headers.",
        "file names": "Patients are told by the file names (those of the Kermany set).",
        "none": "Patients are not known, so other films of the same patient cannot be found.",
    }
    n_two = summary["n_duplicates"].get("two_classes", 0)
    contradiction = (
        f" **{n_two:,} {'pair shows' if n_two == 1 else 'pairs show'} the same exposure under two "
        "classes**: at least one of the labels is wrong."
        if n_two
        else ""
    )
    return f"{text} {told.get(summary['patients_from'], '')}{contradiction}"


def size_sentence(summary: Mapping[str, Any]) -> str:
    """Say which sizes the films have.

    Args:
        summary: Of schema `cxr-dataset/1`.

    Returns:
        One or two sentences.
    """
    sizes = summary["sizes"]
    common = sizes["common"][0]
    size = f"{common['width_px']:,} by {common['height_px']:,} pixels"
    if sizes["n_distinct"] == 1:
        return f"All films have {size}, so the stored size gives no class away."
    return (
        f"{sizes['n_distinct']:,} different sizes; the commonest is {size} "
        f"({common['n'] / summary['n_films']:.0%} of the films)."
    )


def file_rows(dataset: Dataset) -> list[dict[str, str]]:
    """Return one row per pair of copies and per leak, with file names.

    Args:
        dataset: A folder that the reader named.

    Returns:
        Column title to text; leaks first.
    """
    rows = [
        {
            "What": LEAK_TITLES[leak.why],
            "Between splits": "yes",
            "File": leak.file_a,
            "Other file": leak.file_b,
        }
        for leak in dataset.leaks
    ]
    for i, j in dataset.duplicates:
        a, b = dataset.films[i], dataset.films[j]
        if a.split == b.split:
            rows.append(
                {
                    "What": LEAK_TITLES["copy" if a.sha256 == b.sha256 else "near_duplicate"],
                    "Between splits": "no",
                    "File": dataset.file_name(i),
                    "Other file": dataset.file_name(j),
                }
            )
    return rows


def _plain(text: str) -> str:
    """Escape Markdown in text that is not ours."""
    from ui.frame import plain

    return plain(text)
