"""The data card of a bundle: which films it was trained on, and what nobody knows of them.

Sections after Gebru and others 2021, "Datasheets for datasets", doi:10.1145/3458723. Counts are of
`dataset.json` and of the manifest; what is said of a collection is what its publication says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cxr_core.bundle import DATASET, Bundle
from cxr_core.checklist import facts_data
from cxr_core.checklist.subject import Subject
from cxr_core.dataset import NOT_STATED
from cxr_core.dataset.source import SOURCES
from cxr_core.evaluate.figure_text import films_text
from cxr_core.labels import CLASS_TITLES
from cxr_core.provenance import NOT_RECORDED
from train.card.table import class_table, joined, table

_NO_DATASET: Final = (
    f"This bundle has no `{DATASET}`, so nothing more is told of its films. `python -m train` "
    "writes one with every run."
)
_MOTIVATION: Final = (
    "Others collected the films, each collection for a purpose of its own. Here they are put "
    "together as public data sets of this kind are, with the fault that these have, so that the "
    "fault can be measured. Who paid for the collections is not recorded here."
)
_COLLECTION: Final = (
    "No film was taken for this. How patients were chosen, which machines were used and whether "
    "patients agreed is for the collections to say; where they do not, it is not known. Dates of "
    "films are not recorded."
)
_USES: Final = (
    "- For: comparing classifiers, measuring how much of a figure is the source of a film, testing "
    "audits.",
    "- Not for: a claim that disease is recognised; a claim about adults with and without "
    "pneumonia, or about children with COVID-19, of whom there is none or nearly none here.",
)
_MAINTENANCE: Final = (
    "The bundle holds digests of the films and no film. Another data set has another data digest, "
    "and calibration that was fitted to other models is refused. A correction by a collection "
    "comes in only when the models are trained and published again."
)


def write_data_card(bundle: Bundle) -> str:
    """Return the data card as Markdown.

    Args:
        bundle: A verified bundle.

    Returns:
        The text; what the bundle does not tell is said to be unknown.
    """
    names = sorted(bundle.variants, key=lambda name: name != bundle.default_variant)
    subjects = [Subject(bundle, name) for name in names]
    first = subjects[0]
    dataset = first.dataset
    digest = dataset.get("digest", NOT_RECORDED)
    return (
        joined(
            [
                f"# Data card: films of {bundle.name} {bundle.version}",
                f"Written by a program from the files of the bundle. Data digest `{digest}`.",
                _confounding(first),
                f"## Motivation\n\n{_MOTIVATION}",
                _composition(dataset),
                _sources(dataset),
                f"## Collection process\n\n{_COLLECTION}",
                _preparation(first),
                _division(subjects),
                _beside(subjects),
                joined(["## Uses", "\n".join(_USES)]),
                _distribution(dataset),
                f"## Maintenance\n\n{_MAINTENANCE}",
                _unknown(dataset),
            ]
        )
        + "\n"
    )


def _confounding(subject: Subject) -> str:
    """State first that the source gives the class away."""
    return joined(
        [
            "## Read this before any figure",
            facts_data.source_and_class(subject)
            or "Sources are not recorded, so nobody can tell whether they give the class away.",
            "Children of one hospital stand for Normal and Pneumonia, adults from publications for "
            "COVID-19: whatever tells those apart, tells the classes apart. No figure measured on "
            "these films alone can separate the two."
            if facts_data.is_known_mixture(subject.dataset)
            else "",
        ]
    )


def _composition(dataset: Mapping[str, Any]) -> str:
    """Count films, patients, copies and leaks."""
    if not dataset:
        return joined(["## Composition", _NO_DATASET])
    n_copies, leaks = dataset["n_duplicates"], dataset["n_leaks"]
    lines = [
        "## Composition",
        f"One item is one frontal film with one class. {dataset['n_films']:,} films of "
        f"{dataset['n_patients_all']:,} patients; {dataset['n_unreadable']} files could not be "
        f"read; {facts_data.PATIENTS_FROM[dataset['patients_from']]}.",
        class_table("split", dataset["n_by_split"], patients=dataset["n_patients"]),
        _counted("By source", dataset.get("n_by_source")),
        _counted("By kind of pneumonia", dataset.get("n_by_subtype")),
        _counted("By view", dataset.get("n_by_view")),
        f"Pairs of films with the same bytes: {n_copies['copy']}; of the same exposure in other "
        f"bytes: {n_copies['near_duplicate']}; pairs of two classes among them: "
        f"{n_copies['two_classes']}.",
        f"Between splits: {leaks['patient']} films of a patient of an earlier split, "
        f"{leaks['copy']} copies, {leaks['near_duplicate']} of the same exposure.",
        _appearance(dataset),
    ]
    return joined(lines)


def _counted(title: str, rows: Mapping[str, Mapping[str, int]] | None) -> str:
    """Return counts under a title; empty where nothing is stated of any film."""
    if not rows or set(rows) == {NOT_STATED}:
        return ""
    return joined([f"### {title}", class_table(title.removeprefix("By "), rows)])


def _appearance(dataset: Mapping[str, Any]) -> str:
    """Say what size and brightness give away."""
    common = ", ".join(
        f"{each['width_px']} by {each['height_px']} ({each['n']:,} films)"
        for each in dataset["sizes"]["common"]
    )
    means = ", ".join(
        f"{CLASS_TITLES[label]} {value:.3f}"
        for label, value in dataset["intensity"]["mean_by_class"].items()
    )
    n_sizes = dataset["sizes"]["n_distinct"]
    return (
        f"Sizes in pixels: {n_sizes} different, the commonest {common}. Mean brightness, 0 black "
        f"to 1 white: {means}."
    )


def _sources(dataset: Mapping[str, Any]) -> str:
    """Say what the collections' publications tell of them."""
    names = [name for name in dataset.get("n_by_source", {}) if name != NOT_STATED]
    if not names:
        return joined(["## Sources", "Not recorded."])
    parts = []
    for name in names:
        known = SOURCES.get(name)
        if known is None:
            parts.append(f"**{name}**: nothing is known of it here.")
            continue
        parts.append(
            f"**{name}**: {known.title}.\n\n- Who was imaged: {known.people}\n- Who gave the "
            f"classes: {known.labels}\n- Licence, as the collection says: {known.license}\n- "
            f"Where that is written: {known.reference}"
        )
    note = "As their publications tell; nothing of it was checked against the films."
    return joined(["## Sources", note, *parts])


def _preparation(subject: Subject) -> str:
    """Say what was done to films before training."""
    common = subject.dataset.get("sizes", {}).get("common", [])
    is_uniform = len(common) == 1 and subject.dataset["sizes"]["n_distinct"] == 1
    return joined(
        [
            "## Preparation and labels",
            "All films have one size, so they were resampled before they came here. Size is no "
            "cue; what resampling took away is gone."
            if is_uniform
            else "",
            facts_data.exclusions(subject),
            "Classes are those that the collections gave. No film was read again for this work.",
        ]
    )


def _division(subjects: Sequence[Subject]) -> str:
    """Count the films of each part, a variant each."""
    parts = [
        joined(
            [
                f"### `{each.variant}`",
                class_table(
                    "part", each.data["n_by_part"], patients=each.data["n_patients_by_part"]
                ),
                facts_data.disjoint(each),
                facts_data.added(each),
            ]
        )
        for each in subjects
        if each.data
    ]
    text = (
        "Fit: heads were fitted to them. Val: they steered training. Calibration: kept apart for "
        "temperatures, prediction sets and refusal. Test: judged only, unless a recipe's known "
        "defects say otherwise."
    )
    return joined(["## How films were divided", *([text, *parts] if parts else [NOT_RECORDED])])


def _beside(subjects: Sequence[Subject]) -> str:
    """List the sets that models were measured on besides the test films."""
    rows = [
        [title, f"`{each.variant}`", films_text(found)]
        for each in subjects
        for title, found in each.other_sets.items()
    ]
    if not rows:
        return ""
    note = (
        "None of them shows COVID-19: what is called COVID-19 among them was called so for another "
        "reason than that disease."
    )
    header = ["set", "variant", "films"]
    return joined(["## Films beside these", note, table(header, rows, is_right=False)])


def _distribution(dataset: Mapping[str, Any]) -> str:
    """Count licences, as far as they are known."""
    counts = dataset.get("n_by_source_and_license")
    lines = [
        "## Distribution",
        "No film is in the bundle or in the repository. Films are had from their collections, "
        "under their licences.",
    ]
    if not counts:
        return joined([*lines, "Licences film by film are not recorded in this bundle."])
    rows = [[source, words, f"{n:,}"] for source, row in counts.items() for words, n in row.items()]
    return joined([*lines, table(["source", "licence, as worded there", "films"], rows, n_left=2)])


def _unknown(dataset: Mapping[str, Any]) -> str:
    """Name what nobody knows of the films."""
    always = [
        "age, sex and origin of the patients, film by film",
        "machine, exposure and settings",
        "dates",
        "how each diagnosis was made; for COVID-19, whether a laboratory test was positive",
        "consent, and approval by an ethics committee",
        "whom the films represent",
    ]
    for key, words in (
        ("n_by_source", "source"),
        ("n_by_view", "view"),
        ("n_by_source_and_license", "licence"),
    ):
        n = _not_stated(dataset, key)
        if n is None:
            always.append(f"{words} of every film")
        elif n:
            always.append(f"{words} of {n:,} of {dataset['n_films']:,} films")
    n = sum(dataset.get("n_without_patient", {}).values())
    if n:
        always.append(f"the patient of {n:,} films")
    return joined(["## What is not known", "\n".join(f"- {line}" for line in always)])


def _not_stated(dataset: Mapping[str, Any], key: str) -> int | None:
    """Return how many films a property is not stated of; `None` where nobody counted."""
    rows = dataset.get(key)
    if rows is None:
        return None
    if key == "n_by_source_and_license":
        return sum(int(row.get(NOT_STATED, 0)) for row in rows.values())
    return sum(int(n) for n in rows.get(NOT_STATED, {}).values())
