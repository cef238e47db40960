"""What a bundle tells of its models, one sentence or two a question."""

from __future__ import annotations

from typing import Final

from cxr_core.checklist.subject import Subject
from cxr_core.evaluate.figure_text import counts_text, figure_text
from cxr_core.labels import CLASS_TITLES, ENSEMBLES, system_title
from cxr_core.provenance import NOT_RECORDED

FITTED_TO: Final = {
    "train": "films that the members were fitted to as well",
    "out_of_fold": "training films, each read by heads that were fitted without its patient",
    "held_out": "films that no member was fitted to",
}
"""`fitted_to` of an ensemble's record to what it means."""


def technology(subject: Subject) -> str:
    """Name the kind of method."""
    members = ", ".join(system_title(name) for name in subject.entry.members)
    text = f"Deep learning: convolutional networks ({members}), each with a trained head"
    if subject.entry.ensembles:
        text += f"; {', '.join(system_title(name) for name in subject.entry.ensembles)}"
    return f"{text}. Classes: {', '.join(CLASS_TITLES.values())}."


def architecture(subject: Subject) -> str:
    """Describe input, networks and heads."""
    lines = []
    for name, member in subject.entry.members.items():
        height, width, channels = member.feature_shape
        lines.append(
            f"{system_title(name)}: map of {height} by {width} by {channels:,} of layer "
            f"{member.feature_layer}, {member.pooling} pooling{_parameters(subject, name)}"
        )
    lines += [f"{system_title(n)}{_parameters(subject, n)}" for n in subject.entry.ensembles]
    return f"{'; '.join(lines)}."


def _parameters(subject: Subject, system: str) -> str:
    """Return how many parameters of a system were trained, where that is recorded."""
    record = subject.runs.get(system)
    return f", {record['n_parameters']:,} trained parameters" if record else ""


def preprocessing(subject: Subject) -> str:
    """Say what is done to a film before a network sees it."""
    found: dict[str, list[str]] = {}
    for name, member in subject.entry.members.items():
        spec = member.preprocess
        words = (
            f"{spec.width_px} by {spec.height_px} pixels, {spec.resampling} resampling, scaling "
            f"{spec.scaling}"
        )
        found.setdefault(words, []).append(system_title(name))
    lines = [f"{', '.join(names)}: {words}" for words, names in found.items()]
    return f"{'; '.join(lines)}. The same code prepares films for training and for reading."


def software(subject: Subject) -> str | None:
    """Name packages and revision."""
    environment = subject.entry.training.get("environment")
    if not environment:
        return None
    packages = ", ".join(f"{name} {version}" for name, version in environment["packages"].items())
    revision = environment.get("revision") or NOT_RECORDED
    return f"Python {environment['python']}; {packages}; revision {revision}."


def initial_weights(subject: Subject) -> str:
    """Say what the networks started from."""
    lines = [f"{system_title(n)}: {m.weights_origin}" for n, m in subject.entry.members.items()]
    return f"{'; '.join(lines)}. Heads start from random weights."


def training(subject: Subject) -> str | None:
    """Name the settings of training."""
    config = subject.config
    if not config:
        return None
    names = (
        "epochs",
        "batch_size",
        "learning_rate",
        "weight_decay",
        "dropout",
        "label_smoothing",
        "loss",
        "class_weights",
        "reduce_factor",
        "reduce_patience",
        "stop_patience",
        "split_seed",
    )
    settings = ", ".join(f"{n.replace('_', ' ')} {config[n]}" for n in names if n in config)
    command = subject.entry.training.get("command")
    typed = f" Command: {command}" if command else " The command is not recorded in this bundle."
    return f"Preset {config['preset']}, seed {config['seed']}; {settings}.{typed}"


def model_choice(subject: Subject) -> str | None:
    """Say which weights are kept and what chose them."""
    lines = [
        f"{system_title(name)}: weights of epoch {record['chosen_epoch']} of {record['n_epochs']}, "
        f"steered by {record['chosen_by']}"
        for name, record in subject.runs.items()
        if record.get("chosen_epoch") is not None
    ]
    return f"{'; '.join(lines)}." if lines else None


def ensembling(subject: Subject) -> str | None:
    """Say how the networks are joined and whether that gains anything."""
    lines = []
    for name in ENSEMBLES:
        record = subject.runs.get(name)
        if name not in subject.entry.ensembles or record is None:
            continue
        text = f"{system_title(name)}: {record['n_parameters']:,} parameters"
        if "n_fitted" in record:
            kind = FITTED_TO.get(record["fitted_to"], record["fitted_to"])
            text += f", fitted to {record['n_fitted']:,} {kind}"
        if "against_mean" in record:
            gain = figure_text(record["against_mean"]["accuracy"], digits=4)
            text += f"; test accuracy less that of the plain mean of the members {gain}"
        lines.append(text)
    return f"{'. '.join(lines)}." if lines else None


def output(subject: Subject) -> str:
    """Say what comes out, and what is made of it."""
    text = (
        f"A probability for each of {', '.join(CLASS_TITLES.values())}, summing to 1; the class of "
        "the highest is named. No threshold is set."
    )
    n = len(subject.trust.get("calibration", {}))
    if n:
        text += f" Calibrated for {n} of {len(subject.entry.systems)} systems."
    if subject.trust.get("conformal"):
        text += " Beside it a set of classes that cannot be excluded at a stated level."
    if subject.trust.get("gate"):
        text += " Films unlike the training films are refused, and marked."
    return text


def class_imbalance(subject: Subject) -> str | None:
    """Say what is done about unequal classes."""
    config, parts = subject.config, subject.data.get("n_by_part", {})
    if "class_weights" not in config or "fit" not in parts:
        return None
    return (
        f"Fitted to {counts_text(parts['fit'])}. Class weights in the loss: "
        f"{config['class_weights']}. Nothing was resampled."
    )


def calibration(subject: Subject) -> str | None:
    """Say how scores were calibrated and to which films."""
    found = subject.trust.get("calibration")
    if not found:
        return None
    lines = [
        f"{system_title(name)} {each['value']:.2f} (n = {each['n']:,})"
        for name, each in found.items()
    ]
    return (
        f"Temperatures: {', '.join(lines)}; 1 leaves the scores as they are. Fitted to films that "
        "no head and no network was fitted to."
    )


def specification(subject: Subject) -> str:
    """Say what is published of the models."""
    files = subject.bundle.files
    size_mb = sum(n_bytes for _, n_bytes in files.values()) / 1e6
    return (
        f"Bundle {subject.bundle.name} {subject.bundle.version}, created {subject.bundle.created}: "
        f"{len(files)} files, {size_mb:.1f} MB, networks and heads included, each with its "
        "SHA-256. No film is in it."
    )
