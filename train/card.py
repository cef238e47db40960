"""The model card of a bundle, written from what was measured and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cxr_core.labels import CLASS_TITLES, CLASSES, SYSTEM_TITLES


def write_card(
    name: str,
    version: str,
    run: Mapping[str, Any],
    evaluation: Mapping[str, Any],
    *,
    command: str,
) -> str:
    """Return the card as Markdown.

    Args:
        name: Name of the bundle.
        version: Version of the bundle.
        run: The run's record, schema `cxr-run/1`.
        evaluation: Set name to evaluation, schema `cxr-evaluation/1`, measured on the bundle.
        command: The command that measured it.

    Returns:
        The text.
    """
    parts = [
        f"# Model card: {name} {version}",
        "**Research use only.** Not a medical device, not for any decision about a patient.",
        _summary(run),
        _confounding(run, evaluation),
        _intended_use(),
        _training(run),
        *(_evaluation_table(title, figures) for title, figures in evaluation.items()),
        f"Measured through the serving path by\n\n```\n{command}\n```\n\n"
        "Intervals are Wilson's 95 % intervals with films counted as independent; several films of "
        "one patient make them a little too narrow.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(run: Mapping[str, Any]) -> str:
    """Say what the models are."""
    systems = ", ".join(SYSTEM_TITLES[name] for name in run["systems"])
    return (
        f"## What it is\n\n{systems}. {run['config']['title']}. Three classes: "
        f"{', '.join(CLASS_TITLES[name] for name in CLASSES)}. "
        'Normal means "neither of the other two", never "clear".'
    )


def _confounding(run: Mapping[str, Any], evaluation: Mapping[str, Any]) -> str:
    """State first what speaks against the headline figure."""
    lines = ["## Read this before any figure"]
    lines.append(
        "In the public collections of this kind the class is tied to the source: Normal and "
        "Pneumonia are children of one hospital, COVID-19 films are adults from publications. A "
        "model can score high by telling the sources apart."
    )
    for title, figures in evaluation.items():
        if figures["n_by_class"]["COVID19"]:
            continue
        for name, system in figures["systems"].items():
            called = system["called"]["COVID19"]
            normal = system["confusion"]["NORMAL"]
            lines.append(
                f"**{SYSTEM_TITLES[name]} calls {called['n_hits']} of {called['n']} films of "
                f"`{title}`, none of which shows COVID-19, COVID-19** "
                f"({called['value']:.0%}, 95 % interval {called['low']:.0%} to "
                f"{called['high']:.0%}); of the {sum(normal.values())} without any finding, "
                f"{normal['COVID19']}."
            )
    return "\n\n".join(lines) + _defects(run)


def _defects(run: Mapping[str, Any]) -> str:
    """List the recipe's known defects."""
    if not run["config"]["defects"]:
        return ""
    listed = "\n".join(f"- {defect}" for defect in run["config"]["defects"])
    return f"\n\nKnown defects of the recipe, kept so that its figures can be compared:\n\n{listed}"


def _intended_use() -> str:
    """Say what it is for and what not."""
    return (
        "## Intended use\n\nComparing classifiers and their heatmaps side by side, teaching how a "
        "model can be right for the wrong reason, testing audits. Not for diagnosis, triage or "
        "screening; not for films of other ages, views or machines than those it was trained on. "
        "No result by age, sex or machine is given, because none was measured."
    )


def _training(run: Mapping[str, Any]) -> str:
    """Say what it was trained on and how."""
    config, data = run["config"], run["data"]
    lines = [
        "## Training",
        f"Preset `{config['preset']}`, seed {config['seed']}. Command:\n\n```\n{run['command']}\n"
        "```",
        "| split | " + " | ".join(CLASS_TITLES[name] for name in CLASSES) + " |\n"
        "|---|"
        + "---:|" * len(CLASSES)
        + "\n"
        + "\n".join(
            f"| {split} | " + " | ".join(str(counts[name]) for name in CLASSES) + " |"
            for split, counts in data["n_by_class"].items()
        ),
        f"Data digest `{data['digest'][:16]}`. No film is in the bundle.",
    ]
    lines.extend(
        f"{SYSTEM_TITLES[name]}: backbone weights {system['weights_origin']}; "
        f"{system['compression']}; {system['n_parameters']:,} trained parameters; "
        f"{system['n_epochs']} epochs, the weights of epoch {system['chosen_epoch']} kept, steered "
        f"by the {system['chosen_by']}."
        for name, system in run["systems"].items()
    )
    return "\n\n".join(lines)


def _evaluation_table(title: str, figures: Mapping[str, Any]) -> str:
    """Return one table of accuracy, recall and calls."""
    counts = ", ".join(f"{CLASS_TITLES[k]} {n}" for k, n in figures["n_by_class"].items() if n)
    present = [name for name in CLASSES if figures["n_by_class"][name]]
    header = ["system", "accuracy", *(f"recall {CLASS_TITLES[name]}" for name in present)]
    header.append("called COVID-19")
    rows = [
        [
            SYSTEM_TITLES[name],
            _share(system["accuracy"]),
            *(_share(system["recall"][label]) for label in present),
            f"{system['called']['COVID19']['n_hits']} of {system['n']}",
        ]
        for name, system in figures["systems"].items()
    ]
    lines = ["| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows)]
    skipped = len(figures["unreadable"])
    note = f" {skipped} files could not be read." if skipped else ""
    table = "\n".join(lines)
    return f"## Measured on `{title}`\n\nn = {figures['n_films']} ({counts}).{note}\n\n{table}"


def _share(proportion: Mapping[str, Any]) -> str:
    """Return a share with its interval in short."""
    return f"{proportion['value']:.3f} ({proportion['low']:.3f} to {proportion['high']:.3f})"
