"""The model card of a bundle, written from the bundle alone and nothing typed.

Nine sections after Mitchell and others 2019, doi:10.1145/3287560.3287596, and before them what
speaks against every figure. The card cannot hold the digest of the bundle, of which it is a part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cxr_core.bundle import AUDIT, CARD, DATA_CARD, GATE, Bundle, seal
from cxr_core.checklist import facts_data, facts_model, facts_result
from cxr_core.checklist.subject import Subject
from cxr_core.labels import CLASS_TITLES
from cxr_core.provenance import NOT_RECORDED, chain
from train.card.data_card import write_data_card
from train.card.result import confounding, quantitative
from train.card.table import joined, table
from train.card.training import evaluation_data, networks, recipe, training_data

RESEARCH_USE: Final = (
    "**Research use only.** Not a medical device, not for any decision about a patient."
)
_INTENDED_USE: Final = (
    "Comparing classifiers and their heatmaps side by side, teaching how a model can be right for "
    "the wrong reason, testing audits; by people who know chest films or such models. Not for "
    "diagnosis, triage or screening; not for films of other ages, views or machines than those it "
    "was trained on."
)
_FACTORS: Final = (
    "What may change a score besides disease: the source of the film, the age of the patient, the "
    "view, the machine and its settings, tubes, lines and letters on the film, sex and origin of "
    "the patient. Source and age go with the class in these films, so no figure tells them from "
    "disease."
)
_ETHICS: Final = (
    "- The films are of patients, many of them children, who were imaged for their care. Others "
    "published the films; whether each patient agreed is not known here. No film is in the bundle.",
    "- Some licences exclude commercial use; the data card counts them as far as they are known.",
    "- A score looks surer than it is. It may be believed before the film was looked at; the "
    "dashboard shows no verdict colours and says beside each score what speaks against it.",
    "- Sex and origin of the patients are not recorded, so whether some are served worse cannot be "
    "measured. That it was not measured does not mean that all are served alike.",
)
_CAVEATS: Final = (
    '- Normal means "neither of the other two", never "clear". COVID-19 is itself a pneumonia; '
    "three exclusive classes do not describe what films show.",
    "- A heatmap says what moved the score, not where disease is.",
    "- Good figures at another hospital would not show either that disease is recognised: the same "
    "shortcuts may hold there (DeGrave and others 2021, doi:10.1038/s42256-021-00338-7).",
    "- Before quoting a figure, audit the films: who was imaged where, and what a classifier that "
    "sees no lungs makes of them.",
)


def write_card(bundle: Bundle) -> str:
    """Return the model card as Markdown.

    Args:
        bundle: A verified bundle; files of it that are absent leave their part out, and the caveats
            say so.

    Returns:
        The text.
    """
    listed = [Subject(bundle, name) for name in bundle.variants]
    ordered = sorted(listed, key=lambda subject: subject.variant != bundle.default_variant)
    parts = [
        f"# Model card: {bundle.name} {bundle.version}",
        RESEARCH_USE,
        confounding(listed),
        _details(listed, ordered),
        f"## Intended use\n\n{_INTENDED_USE}",
        _factors(ordered[0]),
        _metrics(ordered[0]),
        f"## Evaluation data\n\n{evaluation_data(ordered)}",
        joined(["## Training data", *(training_data(each) for each in ordered), _SEE_DATA_CARD]),
        quantitative(ordered),
        joined(["## Ethical considerations", "\n".join(_ETHICS)]),
        _caveats(ordered),
        _provenance(bundle),
    ]
    return joined(parts) + "\n"


_SEE_DATA_CARD: Final = f"Sources, licences, copies and leaks: `{DATA_CARD}`."


def seal_with_cards(folder: Path, manifest: Mapping[str, Any]) -> Bundle:
    """Write both cards into a bundle's folder, hash every file and load the bundle.

    Args:
        folder: Holds the files of the bundle and nothing else; older cards are replaced.
        manifest: As for `cxr_core.bundle.seal`.

    Returns:
        The verified bundle.

    Raises:
        SpecMismatchError: If the manifest contradicts itself or the files.
    """
    bundle = seal(folder, manifest)
    (folder / CARD).write_text(write_card(bundle), "utf-8")
    (folder / DATA_CARD).write_text(write_data_card(bundle), "utf-8")
    return seal(folder, manifest)


def _details(listed: Sequence[Subject], ordered: Sequence[Subject]) -> str:
    """Say what the models are, where their weights come from and how heads were trained."""
    bundle, default = listed[0].bundle, ordered[0]
    variants = "\n".join(
        f"- `{each.variant}`{' (default)' if each is default else ''}: {each.entry.title}"
        for each in listed
    )
    return joined(
        [
            "## Model details",
            f"{facts_model.technology(default)} {facts_model.output(default)}",
            f"Name and version: {bundle.name} {bundle.version}, created {bundle.created}. Code: "
            "Apache licence. Weights: no licence of their own is stated. Makers and whom to ask: "
            "not stated in the bundle.",
            f"Heads trained by {len(listed)} recipe{'s' if len(listed) > 1 else ''} on shared "
            f"networks:\n\n{variants}",
            f"Input: {facts_model.preprocessing(default)}",
            networks(listed),
            *(recipe(each) for each in ordered),
        ]
    )


def _factors(subject: Subject) -> str:
    """Say what may change a score, and for which of it figures are given."""
    groups = (subject.test or {}).get("subgroups") or {}
    measured = ", ".join(name.replace("_", " ") for name in groups.get("groups", {}))
    unknown = ", ".join(name.replace("_", " ") for name in groups.get("not_stated", []))
    given = (
        f"Figures are given by {measured}." if measured else "No figure by any of them is given."
    )
    if unknown:
        given += f" Not told of any test film: {unknown}."
    why = "Sex and origin of the patient and the machine are not recorded."
    return joined(["## Factors", _FACTORS, f"{given} {why}"])


def _metrics(subject: Subject) -> str:
    """Say what was measured, how intervals were made and how a class is decided on."""
    named = facts_result.metrics(subject)
    return joined(
        [
            "## Metrics",
            f"Measured: {named}" if named else "Nothing was measured.",
            facts_result.uncertainty(subject),
            _commonest(subject),
            "The class of the highest probability is named. No threshold was tuned, on any films.",
            facts_model.calibration(subject) or "Probabilities are not calibrated.",
        ]
    )


def _commonest(subject: Subject) -> str:
    """Say how many test films are of the commonest class; empty where nothing was measured."""
    counts = (subject.test or {"n_by_class": {}})["n_by_class"]
    if not counts:
        return ""
    name = max(counts, key=lambda label: counts[label])
    total = sum(counts.values())
    return (
        f"{counts[name]:,} of {total:,} test films ({counts[name] / total:.0%}) are of the class "
        f"{CLASS_TITLES[name]}: a system that names it always has that accuracy. So recall of each "
        "class stands beside accuracy."
    )


def _caveats(subjects: Sequence[Subject]) -> str:
    """Name known defects, what was not measured, and what to do."""
    bundle = subjects[0].bundle
    defects = [
        f"Known defects of the recipe of `{each.variant}`:\n\n"
        + "\n".join(f"- {defect}" for defect in each.config["defects"])
        for each in subjects
        if each.config.get("defects")
    ]
    missing = {
        "calibration and prediction sets": all(each.trust for each in subjects),
        f"the refusal gate (`{GATE}`)": bundle.gate_table() is not None,
        f"classifiers that must not work (`{AUDIT}`)": bundle.audit() is not None,
        "checks of the heatmaps": any(each.entry.map_checks_path for each in subjects),
        "figures by source, view and age": "subgroups" in (subjects[0].test or {}),
    }
    absent = [name for name, is_there in missing.items() if not is_there]
    return joined(
        [
            "## Caveats and recommendations",
            "\n".join(_CAVEATS),
            *defects,
            f"Not in this bundle: {', '.join(absent)}." if absent else "",
            facts_data.source_and_class(subjects[0]),
        ]
    )


def _provenance(bundle: Bundle) -> str:
    """List films, commands, revisions and versions behind the figures."""
    rows = [
        [
            link.of if link.variant not in bundle.variants else f"{link.of}, `{link.variant}`",
            link.fact,
            f"`{link.value}`"
            if link.fact == "Command" and link.value != NOT_RECORDED
            else link.value,
            f"`{link.file}`",
        ]
        for link in chain(bundle)
        if link.of != "Bundle" and link.fact != "File digest"
    ]
    return joined(
        [
            "## Where every number comes from",
            "This card was written by a program from the files of the bundle. The bundle's digest "
            "covers every file, this card too, and stands beside it on screen and in every export.",
            table(["of", "what", "value", "file"], rows, is_right=False),
        ]
    )
