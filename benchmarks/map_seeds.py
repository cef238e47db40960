"""Do heads of another seed draw the same maps? Rank correlation over runs that share networks.

    python -m benchmarks.map_seeds RUN RUN [RUN ...] --films DIR/test [--n 60]

Runs are folders that `python -m train --out` has written: one preset, other seeds, same networks.
Films are drawn class by class as `explain-check` draws them; each map explains the class that the
first run's system names.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cxr_core.engine.openvino import OpenVinoEngine
from cxr_core.errors import NotApplicableError, SpecMismatchError
from cxr_core.evaluate.bootstrap import mean_interval
from cxr_core.evaluate.figure_text import figure_text
from cxr_core.evaluate.patients import patient_keys
from cxr_core.explain.cam import METHODS, Cam, explain
from cxr_core.explain.fidelity import agreement
from cxr_core.explain.fidelity.folder import draw_films, find_films
from cxr_core.explain.fidelity.published_checks import SEEDS_SCHEMA
from cxr_core.heads import HeadSet, ensemble_from_arrays, head_from_arrays
from cxr_core.io import read_path
from cxr_core.labels import CLASSES, ENSEMBLES, system_title
from cxr_core.preprocess import PreprocessSpec, preprocess
from train.export import backbone_digest
from train.run import network_path, read_record, system_folder


def main(argv: Sequence[str] | None = None) -> None:
    """Print one table.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.map_seeds")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    parser.add_argument("--films", type=Path, required=True, help="folder of films by class")
    parser.add_argument("--n", type=int, default=60, help="films to draw")
    parser.add_argument("--out", type=Path, help="JSON file for `train evidence --map-checks`")
    arguments = parser.parse_args(argv)
    check_networks(arguments.runs)
    heads = [read_heads(run) for run in arguments.runs]
    run = arguments.runs[0]
    drawn = draw_films(find_films(arguments.films), arguments.n, 0)
    paths = [path for path, _ in drawn]
    patients, _ = patient_keys(arguments.films, paths)
    features = film_features(run, paths)
    n_patients = len(set(patients))
    print(f"{len(paths)} films of {n_patients} patients, {len(heads)} seeds, mean of all pairs\n")
    print("| system | " + " | ".join(entry.title for entry in METHODS.values()) + " |")
    print("|---|" + "---:|" * len(METHODS))
    systems = {}
    for system in heads[0].systems:
        values = {method: [] for method in METHODS}
        for maps in features:
            for method, value in film_agreement(heads, maps, system).items():
                values[method].append(value)
        figures = {
            method: mean_interval(np.array(found), patients) for method, found in values.items()
        }
        systems[system] = figures
        cells = [figure_text(figure, digits=2) for figure in figures.values()]
        print(f"| {system_title(system)} | " + " | ".join(cells) + " |")
    if arguments.out is not None:
        content = {
            "schema": SEEDS_SCHEMA,
            "variant": read_record(run / "run.json")["config"]["preset"],
            "n_seeds": len(heads),
            "systems": systems,
        }
        arguments.out.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def read_heads(run: Path) -> HeadSet:
    """Load the heads of a run.

    Args:
        run: The run's folder.

    Returns:
        Members and ensembles.

    Raises:
        SpecMismatchError: If the run is not finished.
    """
    from safetensors.numpy import load_file

    record = read_record(run / "run.json")
    members, ensembles = {}, {}
    for name, result in record["systems"].items():
        arrays = load_file(system_folder(run, name) / "head.safetensors")
        if name in ENSEMBLES:
            ensembles[name] = ensemble_from_arrays(arrays)
        else:
            shape = tuple(result["feature_shape"])
            members[name] = head_from_arrays(arrays, pooling=result["pooling"], feature_shape=shape)
    return HeadSet(members, ensembles)


def film_features(run: Path, paths: Sequence[Path]) -> list[dict[str, np.ndarray]]:
    """Run the networks of a run on films.

    Args:
        run: The run's folder.
        paths: The films.

    Returns:
        Member name to feature map, one mapping a film.
    """
    systems = read_record(run / "run.json")["systems"]
    members = {name: result for name, result in systems.items() if name not in ENSEMBLES}
    engines = {
        name: OpenVinoEngine(network_path(run, result["backbone"]))
        for name, result in members.items()
    }
    specs = {
        name: PreprocessSpec.from_dict(result["preprocess"]) for name, result in members.items()
    }
    films = [read_path(path) for path in paths]
    return [
        {name: engines[name].run(preprocess(film, specs[name])[None])[0] for name in members}
        for film in films
    ]


def film_agreement(
    heads: Sequence[HeadSet], maps: dict[str, np.ndarray], system: str
) -> dict[str, float]:
    """Compare the maps that several heads draw of one film.

    Args:
        heads: One a seed.
        maps: Member name to feature map.
        system: The system.

    Returns:
        Method to Spearman's correlation, the mean of all pairs; not a number where a map is flat.
    """
    states = [head.forward(maps) for head in heads]
    label = CLASSES[int(np.argmax(states[0].logits[system]))]
    found = {}
    for method in METHODS:
        cams: list[Cam] = [
            explain(head, state, maps, system, label, method=method)
            for head, state in zip(heads, states, strict=True)
        ]
        try:
            found[method] = agreement(cams).spearman
        except NotApplicableError:
            found[method] = float("nan")
    return found


def check_networks(runs: Sequence[Path]) -> None:
    """Refuse runs of other networks than the first one's.

    Args:
        runs: Their folders.

    Raises:
        SpecMismatchError: If a network differs.
    """
    names = [path.stem for path in sorted((runs[0] / "backbones").glob("*.xml"))]
    for run in runs[1:]:
        for name in names:
            same = backbone_digest(network_path(run, name)) == backbone_digest(
                network_path(runs[0], name)
            )
            if not same:
                msg = f"`{run}` must have the networks of `{runs[0]}`. Received: another {name}"
                raise SpecMismatchError(msg)


if __name__ == "__main__":
    main()
