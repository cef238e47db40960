"""The command line: `python -m train --preset ...`, `publish`, `evidence`, ..."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cxr_core.errors import ConfigError, CxrError
from cxr_core.whole_file import writing
from train.config import load_preset

DEFAULT_CACHE: Final = Path(".cache") / "train"
KAGGLE: Final = "kaggle"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.

    Returns:
        0 if done, 1 if it could not be done, 2 for wrong usage.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    commands = {
        "publish": _publish,
        "pretrain": _pretrain,
        "finetune": _finetune,
        "lungs": _lungs,
        "evidence": _evidence,
    }
    run = commands.get(arguments[0] if arguments else "", _train)
    try:
        with writing("--out"):
            return run(arguments)
    except SystemExit as stop:  # argparse ends the process; a library entry returns
        return int(stop.code or 0)
    except ConfigError as err:
        sys.stderr.write(f"error: {err}\nwhat to do: {err.hint}\n")
        return 2
    except CxrError as err:
        sys.stderr.write(f"error: {err}\nwhat to do: {err.hint}\n")
        return 1


def _pretrain(argv: Sequence[str]) -> int:
    """Train a backbone end to end."""
    from train.pretrain_command import pretrain_main

    return pretrain_main(argv[1:])


def _finetune(argv: Sequence[str]) -> int:
    """Train the last layers of a backbone at a lower rate."""
    from train.pretrain_command import finetune_main

    return finetune_main(argv[1:])


def _lungs(argv: Sequence[str]) -> int:
    """Train the network that finds the lungs."""
    from train.lungs_command import lungs_main

    return lungs_main(argv[1:])


def _train_parser() -> argparse.ArgumentParser:
    """Return the parser of the command that trains."""
    parser = argparse.ArgumentParser(
        prog="python -m train",
        description="Train heads and ensembles on frozen backbones. "
        "See also: python -m train publish|evidence|pretrain|finetune|lungs --help",
    )
    parser.add_argument(
        "--preset", default="clean", help="clean (default), seed, mixed, smoke or a TOML file"
    )
    parser.add_argument(
        "--data", required=True, help="folder that holds train/ and test/, or `kaggle` to fetch it"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--systems", nargs="+", metavar="NAME", help="the preset's if left out")
    parser.add_argument(
        "--backbone-weights",
        action="append",
        default=[],
        metavar="NAME=SOURCE",
        help="imagenet, noisy-student, random, a file, imagenet:FILE, pretrained-here:FOLDER or "
        "bundle:FOLDER; once for each system",
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override a setting"
    )
    parser.add_argument(
        "--extra", type=Path, metavar="FOLDER", help="films to add, with weight extra_weight"
    )
    parser.add_argument(
        "--measure",
        action="append",
        default=[],
        metavar="NAME=FOLDER",
        help="measure on these labelled films too",
    )
    parser.add_argument("--tensorboard", action="store_true", help="write TensorBoard event files")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="networks and features")
    return parser


def _train(argv: Sequence[str]) -> int:
    """Train the systems of a preset."""
    arguments = _train_parser().parse_args(argv)
    settings = {"systems": arguments.systems} if arguments.systems else {}
    config = load_preset(arguments.preset, arguments.set, **settings)
    if config.extra_weight > 0 and arguments.extra is None:
        msg = f"`--extra` must name the films that preset {config.preset} adds. Received: none"
        raise ConfigError(msg, hint="Name a folder of films by class, or --set extra_weight=0.")
    from train.material import Request
    from train.pipeline import train

    record = train(
        Request(
            config=config,
            data=_data_folder(arguments.data),
            out=arguments.out,
            cache=arguments.cache,
            weights=_pairs("--backbone-weights", arguments.backbone_weights),
            extra=arguments.extra,
            measure={k: Path(v) for k, v in _pairs("--measure", arguments.measure).items()},
            command=["python", "-m", "train", *_without_folders(argv)],
            tensorboard=arguments.tensorboard,
        )
    )
    for name, result in {**record["systems"], **record["baselines"]}.items():
        figures = result["test"]["figures"]
        texts = [f"{key} {_interval(figures[key])}" for key in ("accuracy", "macro_auroc")]
        if "recall_COVID19" in figures:
            texts.append(f"recall COVID19 {_interval(figures['recall_COVID19'])}")
        print(f"{name}: test {', '.join(texts)}, n = {figures['n']}")
    return 0


def _interval(figure: Mapping[str, Any]) -> str:
    """Return a figure with its interval."""
    if figure["value"] is None or figure["low"] is None:
        return "not defined"
    return f"{figure['value']:.4f} ({figure['low']:.4f} to {figure['high']:.4f})"


def _data_folder(text: str) -> Path:
    """Return the training folder, fetched first if the user asked for that."""
    if text != KAGGLE:
        return Path(text)
    from train.kaggle import fetch_kaggle

    return fetch_kaggle()


def _publish(argv: Sequence[str]) -> int:
    """Publish runs as a bundle."""
    parser = argparse.ArgumentParser(prog="python -m train publish")
    parser.add_argument(
        "runs", type=Path, nargs="+", metavar="RUN", help="folders of finished runs, one a variant"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the bundle")
    parser.add_argument("--default", metavar="VARIANT", help="the first run's preset if left out")
    parser.add_argument("--name", default="cxr-reading-room")
    parser.add_argument("--version", default="0.1.0")
    parser.add_argument(
        "--evaluate",
        action="append",
        default=[],
        metavar="NAME=FOLDER",
        help="measure the bundle on a labelled folder; the set named test is checked",
    )
    parser.add_argument("--tradeoff", type=Path, help="tradeoff.json of benchmarks.added_films")
    arguments = parser.parse_args(argv[1:])
    from train.publish import publish

    bundle = publish(
        arguments.runs,
        arguments.out,
        name=arguments.name,
        version=arguments.version,
        default=arguments.default,
        tradeoff=arguments.tradeoff,
        evaluate={k: Path(v) for k, v in _pairs("--evaluate", arguments.evaluate).items()},
        command=["python", "-m", "train", *_without_folders(argv)],
    )
    print(
        f"{bundle.name} {bundle.version}: {', '.join(bundle.variants)} "
        f"({', '.join(bundle.systems)}), digest {bundle.digest}"
    )
    return 0


def _evidence(argv: Sequence[str]) -> int:
    """Fit calibration, prediction sets and gate of a bundle, and measure it."""
    parser = argparse.ArgumentParser(prog="python -m train evidence")
    parser.add_argument("bundle", type=Path, help="folder of the bundle, rewritten in place")
    parser.add_argument("--data", type=Path, required=True, help="training folder of its variants")
    parser.add_argument(
        "--evaluate",
        action="append",
        default=[],
        metavar="NAME=FOLDER",
        help="measure every variant on a labelled folder; it decides nothing",
    )
    parser.add_argument(
        "--twin",
        action="append",
        default=[],
        metavar="VARIANT=RUN",
        help="run of the same recipe with --set calibration_share=0.1, for a variant without",
    )
    parser.add_argument("--extra", type=Path, help="films that were added to a variant's training")
    parser.add_argument("--audit", type=Path, help="audit.json of `cxr_core inspect`")
    parser.add_argument(
        "--fingerprints", type=Path, help="index by which copies are known, of `cxr_core inspect`"
    )
    parser.add_argument("--gate-table", type=Path, help="gate.json of benchmarks.gate")
    parser.add_argument(
        "--map-checks", type=Path, nargs="*", default=(), help="files of `explain-check --out`"
    )
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="features")
    arguments = parser.parse_args(argv[1:])
    from train.evidence import Request, add_evidence

    bundle = add_evidence(
        Request(
            bundle=arguments.bundle,
            data=arguments.data,
            cache=arguments.cache,
            sets={k: Path(v) for k, v in _pairs("--evaluate", arguments.evaluate).items()},
            twins={k: Path(v) for k, v in _pairs("--twin", arguments.twin).items()},
            extra=arguments.extra,
            audit=arguments.audit,
            gate_table=arguments.gate_table,
            fingerprints=arguments.fingerprints,
            map_checks=arguments.map_checks,
            n_resamples=arguments.resamples,
            command=["python", "-m", "train", *_without_folders(argv)],
        )
    )
    print(f"{bundle.name} {bundle.version}: digest {bundle.digest}")
    return 0


def _pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    """Split `NAME=VALUE` texts."""
    pairs = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not (name and separator and value):
            msg = f"`{option}` must be NAME=VALUE. Received: {text!r}"
            raise ConfigError(msg, hint=f"Write for example {option} vgg16=imagenet.")
        pairs[name] = value
    return pairs


def _without_folders(argv: Sequence[str]) -> list[str]:
    """Return what was typed with every path cut to its last part, so that none is published."""
    shortened = []
    for text in argv:
        name, separator, value = text.rpartition("=")
        source, colon, path = value.rpartition(":")
        shortened.append(f"{name}{separator}{source}{colon}{Path(path).name if path else path}")
    return shortened


if __name__ == "__main__":
    sys.exit(main())
