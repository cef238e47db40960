"""How the variants of a bundle were trained, as sections of its model card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cxr_core.bundle import BackboneEntry
from cxr_core.checklist.subject import Subject
from cxr_core.evaluate.figure_text import films_text
from cxr_core.provenance import NOT_RECORDED
from train.card.table import class_table, joined, table, title_of


def networks(subjects: Sequence[Subject]) -> str:
    """Say where the weights of the networks come from.

    Args:
        subjects: The variants, in the bundle's order.

    Returns:
        A part of *Model details*.
    """
    entries = {entry.network: entry for entry in subjects[0].bundle.backbones.values()}
    found: dict[tuple[str, str], tuple[BackboneEntry, list[str]]] = {}
    for subject in subjects:
        for member in subject.entry.members.values():
            key = (member.backbone, member.weights_origin)
            found.setdefault(key, (entries[member.network], []))[1].append(f"`{subject.variant}`")
    listed = "\n".join(
        f"- {title_of(name)} ({', '.join(variants)}): {origin}; {entry.compression}."
        for (name, origin), (entry, variants) in found.items()
    )
    own = [title_of(name) for (name, _), (entry, _) in found.items() if entry.is_own]
    note = ""
    if own:
        note = (
            f"{', '.join(dict.fromkeys(own))} learnt from chest films of the training folder, "
            "less those carved for validation and calibration. What started from random weights "
            "may do better from public ones; train again with `--backbone-weights NAME=imagenet`."
        )
    return joined(["### Networks", listed, note])


def recipe(subject: Subject) -> str:
    """Say how the heads of a variant were trained.

    Args:
        subject: The variant.

    Returns:
        A part of *Model details*.
    """
    training = subject.entry.training
    is_default = subject.variant == subject.bundle.default_variant
    command = training.get("command")
    typed = f"Command:\n\n```\n{command}\n```" if command else f"Command: {NOT_RECORDED}."
    lines = [_system_line(name, record) for name, record in subject.runs.items()]
    return joined(
        [
            f"### Variant `{subject.variant}`{', the default' if is_default else ''}",
            f"{subject.entry.title}.",
            f"Preset `{training.get('preset', NOT_RECORDED)}`, seed "
            f"{training.get('seed', NOT_RECORDED)}. {typed}",
            "\n".join(lines),
        ]
    )


def training_data(subject: Subject) -> str:
    """Say which films a variant was trained on.

    Args:
        subject: The variant.

    Returns:
        A part of *Training data*; what is not recorded is said.
    """
    data = subject.data
    heading = f"### Films of `{subject.variant}`"
    if not data:
        return joined([heading, "Which films it was trained on is not recorded in this bundle."])
    lines = [
        heading,
        class_table("part", data["n_by_part"], patients=data["n_patients_by_part"]),
        f"{data['n_leaks']} training films share a patient or an exposure with held-out films; "
        f"{data['n_dropped']} were left out. Patients were told by {data['patients_from']}. Data "
        f"digest `{data['digest'][:16]}`. No film is in the bundle.",
    ]
    sets = subject.entry.training.get("sets", {})
    if "added" in sets:
        lines.append(_added(subject, sets["added"]))
    elif subject.config.get("extra_weight"):
        lines.append("How many films were added to training is not recorded in this bundle.")
    lines += [
        f"{n_shared(found, 'train')} of the {found['n']} films of `{name}` show a patient of the "
        "training films."
        for name, found in sets.items()
        if name != "added" and n_shared(found, "train")
    ]
    return joined(lines)


def evaluation_data(subjects: Sequence[Subject]) -> str:
    """List the sets of films that the variants were measured on.

    Args:
        subjects: The variants, the default one first.

    Returns:
        The body of *Evaluation data*.
    """
    rows = []
    for subject in subjects:
        for title, found in subject.sets.items():
            digest = found.get("films_digest")
            rows.append(
                [
                    title,
                    f"`{subject.variant}`",
                    films_text(found),
                    found.get("patients_from", "as in training"),
                    f"`{digest[:16]}`" if digest else NOT_RECORDED,
                ]
            )
    if not rows:
        return "Nothing was measured."
    header = ["set", "variant", "films", "patients told by", "films digest"]
    return table(header, rows, is_right=False)


def _added(subject: Subject, found: Mapping[str, Any]) -> str:
    """Say which films were added, and how figures on them were made."""
    config = subject.config
    return (
        f"{found['n']} films of {found['n_patients']} patients were added to training, each "
        f"with the weight of {config['extra_weight']:g} training films. Figures on them come "
        f"from {config['folds']}-fold cross-validation over their patients; the published "
        f"heads were fitted to all of them{exceptions(found, subject.data)}."
    )


def exceptions(added: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """Say which added and which training films were not fitted because of shared patients.

    Args:
        added: What the run recorded of the added films.
        data: What the run recorded of the training films.

    Returns:
        The end of a sentence; empty where there is no exception.
    """
    n_tested, n_left_out = n_shared(added, "test"), data.get("n_left_out_for_added", 0)
    text = f" but {n_tested} of patients in the test films" if n_tested else ""
    if n_left_out:
        text += f"; {n_left_out} training films of the added films' patients were left out"
    return text


def n_shared(found: Mapping[str, Any], split: str) -> int:
    """Return how many films of a set show a patient of a split; older runs do not tell."""
    return int(found.get("n_of_patients_in", {}).get(split, 0))


def _system_line(name: str, system: Mapping[str, Any]) -> str:
    """Describe the fit of one system in one line."""
    text = (
        f"- {title_of(name)}: {system['n_parameters']:,} trained parameters, {system['n_epochs']} "
        f"epochs, the weights of epoch {system['chosen_epoch']} kept, steered by "
        f"{_with_article(system['chosen_by'])}"
    )
    if "against_mean" not in system:
        return f"{text}."
    gain = system["against_mean"]["accuracy"]
    low = gain["low"] if gain["low"] is not None else 0.0
    beats = "beats" if low > 0 else "does not beat"
    return (
        f"{text}; fitted to {system['n_fitted']:,} films (`{system['fitted_to']}`). It {beats} the "
        f"plain mean of the members in test accuracy: difference {gain['value']:+.4f} "
        f"({_end(gain['low'])} to {_end(gain['high'])}), n = {system['test']['n']:,}."
    )


def _with_article(text: str) -> str:
    """Put an article before what lacks one."""
    return text if text.startswith(("a ", "the ")) else f"the {text}"


def _end(value: float | None) -> str:
    """Return an end of an interval."""
    return "not defined" if value is None else f"{value:+.4f}"
