"""What a bundle tells of its films, one sentence or two a question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cxr_core.checklist.subject import Subject
from cxr_core.dataset import NOT_STATED, source_separability
from cxr_core.dataset.source import SOURCES
from cxr_core.evaluate.figure_text import counts_text, films_text
from cxr_core.labels import CLASS_TITLES

PART_TITLES: Final = {
    "fit": "fitted to",
    "val": "steering",
    "calibration": "calibration",
    "test": "test",
}

PATIENTS_FROM: Final = {
    "manifest": "patients are those of the data set's manifest",
    "DICOM headers": "patients are told by patient ID and issuer in the DICOM headers",
    "file names": "patients are told by file names",
    "none": "patients are not known, so every film counts as one",
}
"""`patients_from` of a summary to what it means."""

CHILDREN: Final = frozenset({"kermany-2018"})
"""Collections of children alone."""

STEERING: Final = {
    "carved": " Steering films were carved from the training films, patient by patient.",
    "test": " The test films steered training, so test figures are optimistic.",
}
"""Setting `validation` of a run to what it means."""


def is_known_mixture(dataset: Mapping[str, Any]) -> bool:
    """Tell whether a set is of the public kind in which the source gives COVID-19 away.

    Args:
        dataset: `Bundle.dataset`, empty where nothing is told.

    Returns:
        True where COVID-19 films are of the collections cut from publications and sharing pages,
        and the others are the children of Kermany's collection.
    """
    counts: Mapping[str, Mapping[str, int]] = dataset.get("n_by_source") or {}
    own = {name for name, row in counts.items() if row["COVID19"]}
    others = {name for name, row in counts.items() if row["NORMAL"] or row["PNEUMONIA"]}
    return bool(own) and own <= set(SOURCES) - CHILDREN and others == CHILDREN


def sources(subject: Subject) -> str | None:
    """Name the collections with their films."""
    counts = subject.dataset.get("n_by_source")
    if not counts:
        return None
    lines = []
    for name, row in counts.items():
        known = SOURCES.get(name)
        people = f"; {known.people}; {known.reference}" if known else "; nothing is known of it"
        lines.append(f"{name} ({counts_text(row)}{people})")
    return f"{'. '.join(lines)}."


def label_sources(subject: Subject) -> str | None:
    """Say who gave the films of each collection their classes."""
    known = [(n, SOURCES[n]) for n in subject.dataset.get("n_by_source", {}) if n in SOURCES]
    return "; ".join(f"{name}: {source.labels}" for name, source in known) + "." if known else None


def licenses(subject: Subject) -> str | None:
    """Count the films of each collection by licence."""
    counts = subject.dataset.get("n_by_source_and_license")
    if not counts:
        return None
    lines = [
        f"{name}: " + ", ".join(f"{words} {n:,}" for words, n in row.items())
        for name, row in counts.items()
    ]
    return f"Films by licence, {'; '.join(lines)}. No film is in the bundle."


def source_and_class(subject: Subject) -> str | None:
    """Say how well the source alone gives the class away."""
    found = source_separability(subject.dataset.get("n_by_source") or {})
    if not found:
        return None
    shares = ", ".join(f"{CLASS_TITLES[label]} {value:.2f}" for label, value in found.items())
    return (
        f"The source alone, without any pixel, tells a class from the rest with a balanced "
        f"accuracy of {shares} (0.5 is chance)."
    )


def partition(subject: Subject) -> str | None:
    """Say how many films are in which part."""
    parts: Mapping[str, Mapping[str, int]] = subject.data.get("n_by_part", {})
    if not parts:
        return None
    patients = subject.data.get("n_patients_by_part", {})
    lines = [
        f"{PART_TITLES.get(part, part)}: {sum(row.values()):,} films of "
        f"{patients.get(part, 0):,} patients ({counts_text(row)})"
        for part, row in parts.items()
    ]
    steering = STEERING.get(subject.config.get("validation", ""), "")
    return f"{'; '.join(lines)}.{steering}"


def disjoint(subject: Subject) -> str | None:
    """Say at which level parts are apart, and what leaks."""
    data = subject.data
    if "n_leaks" not in data:
        return None
    return (
        f"By patient; {PATIENTS_FROM.get(data.get('patients_from', ''), PATIENTS_FROM['none'])}. "
        f"{data['n_leaks']} training films share a patient or an exposure with held-out films; "
        f"{data.get('n_dropped', 0)} of these were left out."
    )


def exclusions(subject: Subject) -> str | None:
    """Say which films were left out and why."""
    data = subject.data
    if "n_unreadable" not in data:
        return None
    return (
        f"Left out: {data['n_unreadable']} that could not be read, {data.get('n_dropped', 0)} that "
        f"share a patient or an exposure with held-out films, "
        f"{data.get('n_left_out_for_added', 0)} of patients who are among added films."
    )


def missing(subject: Subject) -> str | None:
    """Say what is missing of films and how it was handled."""
    dataset = subject.dataset
    if "n_unreadable" not in dataset:
        return None
    unknown = ", ".join(f"{name} {n:,}" for name, n in dataset["n_without_patient"].items())
    n_files = dataset["n_films"] + dataset["n_unreadable"]
    return (
        f"{dataset['n_unreadable']} of {n_files:,} files could not be read and were left out. "
        f"Films of no known patient: {unknown or 'none'}; each counts as a patient of its own. "
        "Nothing was imputed."
    )


def participants(subject: Subject) -> str | None:
    """Say how many films and patients went where."""
    dataset = subject.dataset
    if "n_films" not in dataset:
        return None
    lines = [
        f"{split}: {sum(row.values()):,} films of {dataset['n_patients'].get(split, 0):,} patients "
        f"({counts_text(row)})"
        for split, row in dataset["n_by_split"].items()
    ]
    return (
        f"{dataset['n_films']:,} films of {dataset['n_patients_all']:,} patients, "
        f"{dataset['n_unreadable']} files unreadable; {'; '.join(lines)}."
    )


def characteristics(subject: Subject) -> str | None:
    """Tell what is known of the people and films, by class."""
    dataset = subject.dataset
    lines = [
        f"{title}: "
        + "; ".join(
            f"{name} {counts_text(row)}" for name, row in dataset[key].items() if name != NOT_STATED
        )
        for key, title in (
            ("n_by_source", "by source"),
            ("n_by_subtype", "by kind of pneumonia"),
            ("n_by_view", "by view"),
        )
        if any(name != NOT_STATED for name in dataset.get(key, {}))
    ]
    return f"{'. '.join(lines)}." if lines else None


def training_against_test(subject: Subject) -> str | None:
    """Compare the sources of training and held-out films."""
    splits = subject.dataset.get("n_by_split_and_source", {})
    if len(splits) < 2:
        return None
    lines = [
        f"{split}: " + ", ".join(f"{name} {sum(row.values()):,}" for name, row in rows.items())
        for split, rows in splits.items()
    ]
    first, *others = (set(rows) for rows in splits.values())
    same = "the same collections" if all(own <= first for own in others) else "other collections"
    return f"Films by source, {'; '.join(lines)}: held-out films come from {same}."


def added(subject: Subject) -> str | None:
    """Say which films of other sources were added to training."""
    found = subject.entry.training.get("sets", {}).get("added")
    if not found:
        return None
    return (
        f"{found['n']:,} films of {found['n_patients']:,} patients were added to training, each "
        f"with the weight of {subject.config.get('extra_weight', 1):g} training films."
    )


def internal_test(subject: Subject) -> str | None:
    """Say on which films of the same sources the models were tested."""
    test = subject.test
    if test is None:
        return None
    known = PATIENTS_FROM.get(test.get("patients_from", ""), PATIENTS_FROM["none"])
    return f"Test films: {films_text(test)}; {known}."
