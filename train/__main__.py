"""The command line: `python -m train --preset ...` and `python -m train publish RUN --out DIR`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from cxr_core.errors import ConfigError, CxrError
from train.config import load_preset

DEFAULT_CACHE = Path(".cache") / "train"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.

    Returns:
        0 if done, 1 if it could not be done, 2 for wrong usage.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    run = _publish if arguments[:1] == ["publish"] else _train
    try:
        return run(arguments)
    except SystemExit as stop:  # argparse ends the process; a library entry returns
        return int(stop.code or 0)
    except ConfigError as err:
        sys.stderr.write(f"error: {err}\nwhat to do: {err.hint}\n")
        return 2
    except CxrError as err:
        sys.stderr.write(f"error: {err}\nwhat to do: {err.hint}\n")
        return 1


def _train(argv: Sequence[str]) -> int:
    """Train the systems of a preset."""
    parser = argparse.ArgumentParser(
        prog="python -m train",
        description="Train heads on frozen backbones. See also: python -m train publish --help",
    )
    parser.add_argument("--preset", required=True, help="seed, smoke or a TOML file")
    parser.add_argument("--data", type=Path, required=True, help="holds train/ and test/")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--systems", nargs="+", metavar="NAME", help="the preset's if left out")
    parser.add_argument(
        "--backbone-weights",
        action="append",
        default=[],
        metavar="NAME=SOURCE",
        help="imagenet, noisy-student, random, a file, or imagenet:FILE; once for each system",
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override a setting"
    )
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="networks and features")
    arguments = parser.parse_args(argv)
    settings = {"systems": arguments.systems} if arguments.systems else {}
    config = load_preset(arguments.preset, arguments.set, **settings)
    from train.pipeline import train

    record = train(
        config,
        data=arguments.data,
        out=arguments.out,
        cache=arguments.cache,
        weights=_pairs("--backbone-weights", arguments.backbone_weights),
        command=["python", "-m", "train", *_without_folders(argv)],
    )
    for system, result in record["systems"].items():
        accuracy = result["test"]["accuracy"]
        print(
            f"{system}: test accuracy {accuracy['value']:.4f} "
            f"({accuracy['low']:.4f} to {accuracy['high']:.4f}), n = {accuracy['n']}, "
            f"{result['n_epochs']} epochs"
        )
    return 0


def _publish(argv: Sequence[str]) -> int:
    """Publish a run as a bundle."""
    parser = argparse.ArgumentParser(prog="python -m train publish")
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a finished run")
    parser.add_argument("--out", type=Path, required=True, help="folder of the bundle")
    parser.add_argument("--name", default="cxr-reading-room")
    parser.add_argument("--version", default="0.1.0")
    parser.add_argument(
        "--evaluate",
        action="append",
        default=[],
        metavar="NAME=FOLDER",
        help="measure the bundle on a labelled folder; the set named test is checked",
    )
    arguments = parser.parse_args(argv[1:])
    from train.publish import publish

    bundle = publish(
        arguments.run,
        arguments.out,
        name=arguments.name,
        version=arguments.version,
        evaluate={k: Path(v) for k, v in _pairs("--evaluate", arguments.evaluate).items()},
        command=["python", "-m", "train", *_without_folders(argv)],
    )
    print(f"{bundle.name} {bundle.version}: {', '.join(bundle.systems)}, digest {bundle.digest}")
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
