"""The model card of a bundle, written from what was measured and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cxr_core.labels import CLASS_TITLES, CLASSES, system_title


def write_card(
    name: str,
    version: str,
    runs: Mapping[str, Mapping[str, Any]],
    evaluation: Mapping[str, Mapping[str, Any]],
    *,
    default: str,
    command: str,
) -> str:
    """Return the card as Markdown.

    Args:
        name: Name of the bundle.
        version: Version of the bundle.
        runs: Variant name to the run's record, schema `cxr-run/1`.
        evaluation: Variant name to set name to evaluation, schema `cxr-evaluation/1`, measured on
            the bundle.
        default: Variant used unless another is asked for.
        command: The command that measured it.

    Returns:
        The text.
    """
    parts = [
        f"# Model card: {name} {version}",
        "**Research use only.** Not a medical device, not for any decision about a patient.",
        _summary(runs, default),
        _confounding(evaluation),
        _backbones(runs),
        _intended_use(),
    ]
    for variant in sorted(runs, key=lambda key: key != default):
        parts.append(_training(variant, runs[variant], is_default=variant == default))
        parts.extend(
            _evaluation_table(variant, title, figures)
            for title, figures in evaluation[variant].items()
        )
    parts.append(_footer(command))
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(runs: Mapping[str, Mapping[str, Any]], default: str) -> str:
    """Say what the models are."""
    systems = ", ".join(_title(name) for name in runs[default]["systems"])
    listed = "\n".join(
        f"- `{variant}`{' (default)' if variant == default else ''}: {run['config']['title']}"
        for variant, run in runs.items()
    )
    return (
        f"## What it is\n\n{systems}. Three classes: "
        f"{', '.join(CLASS_TITLES[name] for name in CLASSES)}. "
        'Normal means "neither of the other two", never "clear". '
        f"Heads trained by {len(runs)} recipe{'s' if len(runs) > 1 else ''} on shared backbones:"
        f"\n\n{listed}"
    )


def _confounding(evaluation: Mapping[str, Mapping[str, Any]]) -> str:
    """State first what speaks against the headline figure."""
    lines = [
        "## Read this before any figure",
        "In the public collections of this kind the class is tied to the source: Normal and "
        "Pneumonia are children of one hospital, COVID-19 films are adults from publications. A "
        "model can score high by telling the sources apart.",
    ]
    rows = [
        _called_row(variant, title, name, system)
        for variant, sets in evaluation.items()
        for title, figures in sets.items()
        if not figures["n_by_class"]["COVID19"]
        for name, system in figures["systems"].items()
    ]
    if rows:
        header = ["films, none of COVID-19", "system", "called COVID-19", "without any finding"]
        lines += [
            "**Films that do not show COVID-19, and how many of them are called COVID-19:**",
            _table([header, ["---", "---", "---:", "---:"], *rows]),
        ]
    return "\n\n".join(lines)


def _called_row(variant: str, title: str, name: str, system: Mapping[str, Any]) -> list[str]:
    """Say how many films without COVID-19 a system calls COVID-19."""
    called = system["called"]["COVID19"]
    normal = system["confusion"]["NORMAL"]
    n_normal = sum(normal.values())
    return [
        title,
        f"{_title(name)} (`{variant}`)",
        f"**{called['n_hits']} of {called['n']}** ({called['value']:.0%}, {called['low']:.0%} to "
        f"{called['high']:.0%})",
        f"{normal['COVID19']} of {n_normal}" if n_normal else "no such film",
    ]


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells as a Markdown table; the second one is its rule."""
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _backbones(runs: Mapping[str, Mapping[str, Any]]) -> str:
    """Say where the backbones' weights come from."""
    found: dict[tuple[str, str], tuple[Mapping[str, Any], list[str]]] = {}
    for variant, run in runs.items():
        for system in run["systems"].values():
            if "backbone" in system:
                key = (system["backbone"], system["weights_origin"])
                found.setdefault(key, (system, []))[1].append(f"`{variant}`")
    listed = "\n".join(
        f"- {_title(name)} ({', '.join(variants)}): {origin}; {system['compression']}."
        for (name, origin), (system, variants) in found.items()
    )
    own = [_title(name) for (name, _), (system, _) in found.items() if system["is_own"]]
    note = ""
    if own:
        note = (
            f"\n\n{', '.join(dict.fromkeys(own))} learnt from chest films of the training folder, "
            "less those carved for validation and calibration. What started from random weights "
            "may do better from public ones; train again with `--backbone-weights NAME=imagenet`."
        )
    return f"## Backbones\n\n{listed}{note}"


def _intended_use() -> str:
    """Say what it is for and what not."""
    return (
        "## Intended use\n\nComparing classifiers and their heatmaps side by side, teaching how a "
        "model can be right for the wrong reason, testing audits. Not for diagnosis, triage or "
        "screening; not for films of other ages, views or machines than those it was trained on. "
        "No result by age, sex or machine is given, because none was measured."
    )


def _training(variant: str, run: Mapping[str, Any], *, is_default: bool) -> str:
    """Say what a variant was trained on and how."""
    config, data = run["config"], run["data"]
    lines = [f"## Variant `{variant}`{', the default' if is_default else ''}"]
    if config["defects"]:
        listed = "\n".join(f"- {defect}" for defect in config["defects"])
        lines.append(f"Known defects of the recipe:\n\n{listed}")
    lines += [
        f"Preset `{config['preset']}`, seed {config['seed']}. Command:\n\n```\n"
        f"{run['command']}\n"
        "```",
        _counts_table(data),
        f"{data['n_leaks']} training films share a patient or an exposure with held-out films; "
        f"{data['n_dropped']} were left out. Patients were told by {data['patients_from']}. Data "
        f"digest `{data['digest'][:16]}`. No film is in the bundle.",
    ]
    added = run["sets"].get("added")
    if added:
        lines.append(
            f"{added['n']} films of {added['n_patients']} patients were added to training, each "
            f"with the weight of {config['extra_weight']:g} training films. Figures on them come "
            f"from {config['folds']}-fold cross-validation over their patients; the published "
            f"heads were fitted to all of them{_exceptions(added, data)}."
        )
    lines += [
        f"{_n_shared(found, 'train')} of the {found['n']} films of `{name}` show a patient of the "
        "training films."
        for name, found in run["sets"].items()
        if name != "added" and _n_shared(found, "train")
    ]
    lines.append("\n".join(_system_line(name, system) for name, system in run["systems"].items()))
    return "\n\n".join(lines)


def _exceptions(added: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """Say which added and which training films were not fitted because of shared patients."""
    n_tested, n_left_out = _n_shared(added, "test"), data.get("n_left_out_for_added", 0)
    text = f" but {n_tested} of patients in the test films" if n_tested else ""
    if n_left_out:
        text += f"; {n_left_out} training films of the added films' patients were left out"
    return text


def _n_shared(found: Mapping[str, Any], split: str) -> int:
    """Return how many films of a set show a patient of a split; older runs do not tell."""
    return int(found.get("n_of_patients_in", {}).get(split, 0))


def _counts_table(data: Mapping[str, Any]) -> str:
    """Return the class counts of each part."""
    parts = data["n_by_part"]
    header = ["part", *(CLASS_TITLES[name] for name in CLASSES), "patients"]
    rows = [
        [part, *(str(counts.get(name, 0)) for name in CLASSES),
         str(data["n_patients_by_part"][part])]
        for part, counts in parts.items()
    ]  # fmt: skip
    rule = ["---", *["---:"] * (len(header) - 1)]
    return _table([header, rule, *rows])


def _system_line(name: str, system: Mapping[str, Any]) -> str:
    """Describe the fit of one system in one line."""
    text = (
        f"- {_title(name)}: {system['n_parameters']:,} trained parameters, {system['n_epochs']} "
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
        f"({_end(gain['low'])} to {_end(gain['high'])})."
    )


def _with_article(text: str) -> str:
    """Put an article before what lacks one."""
    return text if text.startswith(("a ", "the ")) else f"the {text}"


def _end(value: float | None) -> str:
    """Return an end of an interval."""
    return "not defined" if value is None else f"{value:+.4f}"


def _evaluation_table(variant: str, title: str, figures: Mapping[str, Any]) -> str:
    """Return one table of accuracy, AUROC, recall and calls, with the mean as baseline."""
    counts = ", ".join(f"{CLASS_TITLES[k]} {n}" for k, n in figures["n_by_class"].items() if n)
    present = [name for name in CLASSES if figures["n_by_class"][name]]
    header = ["system", "accuracy"]
    if len(present) > 1:
        header.append("macro AUROC")
    header += [*(f"recall {CLASS_TITLES[name]}" for name in present), "called COVID-19"]
    listed = {**figures["systems"], **figures["baselines"]}
    rows = [
        [
            _title(name),
            _interval(system["figures"]["accuracy"]),
            *([_interval(system["figures"]["macro_auroc"])] if len(present) > 1 else []),
            *(_interval(system["figures"][f"recall_{label}"]) for label in present),
            f"{system['called']['COVID19']['n_hits']} of {system['n']}",
        ]
        for name, system in listed.items()
    ]
    skipped = len(figures["unreadable"])
    note = f" {skipped} files could not be read." if skipped else ""
    table = _table([header, ["---"] * len(header), *rows])
    return (
        f"### `{variant}` on `{title}`\n\nn = {figures['n_films']} films of "
        f"{figures['n_patients']} patients ({counts}).{note}\n\n{table}"
    )


def _footer(command: str) -> str:
    """Say how the figures were made."""
    return (
        f"Measured through the serving path by\n\n```\n{command}\n```\n\n"
        "Intervals of tables are 95 % percentile intervals of 1,000 resamples of whole patients. "
        "Intervals of counts are Wilson's, with films counted as independent; several films of one "
        "patient make those a little too narrow."
    )


def _interval(figure: Mapping[str, Any]) -> str:
    """Return a figure with its interval in short."""
    if figure["value"] is None:
        return "not defined"
    if figure["low"] is None:
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def _title(name: str) -> str:
    """Return the words for a system, a baseline or another backbone."""
    titles = {"mean": "Plain mean of the members", "weighted_mean": "Weighted mean"}
    return titles.get(name) or system_title(name)
