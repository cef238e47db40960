"""Draw the synthetic sample films in `assets/samples` from a model fitted to training films.

    python tools/make_samples.py --data DIR --out assets/samples --seed 0

DIR holds `train/<CLASS>/*.jpg`. No single film of DIR is copied or blended: see `samples/model.py`
for what is drawn and `samples/distance.py` for the check. The same seed gives the same films on one
machine; another linear algebra library may move single pixels. Takes about three minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin
from samples.align import KEEP_AFFINE, KEEP_DENSE, align_films, normalise
from samples.distance import RULE, Neighbours, check_near
from samples.model import N_SHAPE, N_STRUCTURE, FilmModel, Gains, draw_film, fit_model
from samples.pictures import PICTURES

sys.path.append(str(Path(__file__).resolve().parents[1]))
from cxr_core.labels import CLASS_TITLES, CLASSES  # run as a file, not installed

Pixels = NDArray[np.uint8]

SCHEMA: Final = "cxr-samples/1"
MAX_FILMS: Final = {"COVID19": 400, "NORMAL": 450, "PNEUMONIA": 600}
"""How many films of a class are read for the fit, drawn by the seed; bounds the time."""

SIZE_PX: Final = 512
N_PER_CLASS: Final = 4
MAX_DRAWS: Final = 24

NOTE: Final = (
    "Every picture here is SYNTHETIC: no picture shows a person. The chest-like films are draws "
    "from a statistical model. `drawn_from` says only which class's films that model was fitted "
    "to; it is no diagnosis and no ground truth, and no score on these pictures says how good a "
    "system is."
)
MODEL: Final = (
    "Films of one class are registered to a common template (affine, then smooth dense optical "
    "flow), those that fit worst left out. Appearance: trimmed mean of the registered films, plus "
    "truncated Gaussian coefficients on the leading principal components, plus a Gaussian field "
    "with the covariance of all remaining components, plus fine grain with a learned local spread. "
    "Shape: truncated Gaussian coefficients on the principal components of the fields. Drawn at "
    "512 px and moved towards the class's mean intensity distribution."
)


@dataclass(frozen=True, eq=False)
class Sample:
    """One picture to be written.

    Args:
        file: File name.
        pixels: (512, 512) or (512, 512, 3) uint8.
        title: Short words for the screen.
        drawn_from: Class whose films the sampler was fitted to; `None` for other pictures.
    """

    file: str
    pixels: Pixels
    title: str
    drawn_from: str | None


def read_films(folder: Path) -> Pixels:
    """Read the films of one class as grey pictures of 224 px.

    Args:
        folder: Folder of image files, read in the order of their names.

    Returns:
        (n, 224, 224) uint8.

    Raises:
        ValueError: If the folder holds no readable image.
    """
    films = []
    for path in sorted(folder.glob("*")):
        film = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if film is not None:
            films.append(cv2.resize(film, (224, 224), interpolation=cv2.INTER_AREA))
    if not films:
        msg = f"`folder` must hold images. Received: folder={str(folder)!r}"
        raise ValueError(msg)
    return np.stack(films).astype(np.uint8)


def fit_class(films: Pixels, n_films: int, rng: np.random.Generator) -> FilmModel:
    """Fit the model of one class to at most `n_films` of its films, drawn at random.

    Args:
        films: (n, 224, 224) uint8.
        n_films: Upper bound.
        rng: Source of the choice; advanced.

    Returns:
        The model.
    """
    chosen = np.sort(rng.permutation(len(films))[:n_films])
    return fit_model(align_films(np.stack([normalise(films[i]) for i in chosen])))


def encode_png(pixels: Pixels, description: str) -> bytes:
    """Return a PNG file whose text chunk says that the picture is synthetic.

    Args:
        pixels: (h, w) or (h, w, 3) uint8.
        description: Text of the chunk "Description".

    Returns:
        The bytes of the file.
    """
    info = PngImagePlugin.PngInfo()
    info.add_text("Description", description)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True, pnginfo=info)
    return buffer.getvalue()


def draw_chest(
    model: FilmModel, name: str, neighbours: Neighbours, rng: np.random.Generator
) -> tuple[list[tuple[Sample, dict[str, Any]]], int]:
    """Draw the films of one class; a draw that the near-copy rule refuses is drawn again.

    Args:
        model: Model of the class.
        name: Class.
        neighbours: What to measure against.
        rng: Source of randomness; advanced.

    Returns:
        The films with their distances, and how many draws were refused.

    Raises:
        ValueError: If `MAX_DRAWS` draws do not give `N_PER_CLASS` films.
    """
    drawn: list[tuple[Sample, dict[str, Any]]] = []
    refusal: ValueError | None = None
    for batch in range(MAX_DRAWS // N_PER_CLASS):
        films = np.stack([draw_film(model, rng, size=SIZE_PX) for _ in range(N_PER_CLASS)])
        pairs = zip(films, neighbours.measure(films, name), strict=True)
        for n_draws, (pixels, near) in enumerate(pairs, start=1 + batch * N_PER_CLASS):
            number = len(drawn) + 1
            file = f"synthetic-{name.lower()}-{number}.png"
            try:
                check_near(file, near)
            except ValueError as err:
                refusal = err
                continue
            title = f"{CLASS_TITLES[name]}-like {number}"
            drawn.append((Sample(file, pixels, title, name), near))
            if number == N_PER_CLASS:
                return drawn, n_draws - N_PER_CLASS
    msg = f"`model` must give {N_PER_CLASS} films in {MAX_DRAWS} draws. Received: {len(drawn)}"
    raise ValueError(msg) from refusal


def draw_others(seed: int) -> list[Sample]:
    """Draw the pictures that are no chest films."""
    return [
        Sample(
            file=f"not-chest-{key}.png",
            pixels=draw(np.random.default_rng([seed, 90, i]), SIZE_PX),
            title=f"No film: {title.lower()}",
            drawn_from=None,
        )
        for i, (key, (title, draw)) in enumerate(PICTURES.items())
    ]


def write_sample(sample: Sample, out: Path, near: Mapping[str, Any] | None) -> dict[str, Any]:
    """Write one picture and return its entry in the manifest.

    Args:
        sample: The picture.
        out: Folder that exists.
        near: What was measured of the nearest training film; `None` for other pictures.

    Returns:
        The entry.

    Raises:
        ValueError: If a chest film has no such measure, or lies too near to a training film.
    """
    is_chest = sample.drawn_from is not None
    if is_chest and near is None:
        msg = f"`near` must be given for a chest film. Received: near=None for {sample.file}"
        raise ValueError(msg)
    if near is not None:
        check_near(sample.file, near)
    what = "chest-like film drawn from a model" if is_chest else "picture, not a chest film"
    data = encode_png(sample.pixels, f"SYNTHETIC {what}; shows no person; not for diagnosis.")
    (out / sample.file).write_bytes(data)
    return {
        "file": sample.file,
        "kind": "chest" if is_chest else "not_chest",
        "drawn_from": sample.drawn_from,
        "synthetic": True,
        "title": sample.title,
        "sha256": hashlib.sha256(data).hexdigest(),
        "nearest_training": near,
    }


def describe_model(seed: int, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the manifest says of the model.

    Args:
        seed: Seed of every random draw.
        about: Class name to the numbers of its fit.

    Returns:
        Plain values, ready for JSON.
    """
    return {
        "description": MODEL,
        "seed": seed,
        "size_px": SIZE_PX,
        "n_structure": N_STRUCTURE,
        "n_shape": N_SHAPE,
        "keep": {"affine": KEEP_AFFINE, "dense": KEEP_DENSE},
        "gains": asdict(Gains()),
        "classes": dict(about),
        "near_copy_rule": RULE,
    }


def make_samples(data: Path, out: Path, seed: int) -> dict[str, Any]:
    """Fit, draw, check and write everything, the manifest last.

    Args:
        data: Folder that holds `train/<CLASS>`.
        out: Folder to write to; made if missing.
        seed: Seed of every random draw.

    Returns:
        The manifest.
    """
    films = {name: read_films(data / "train" / name) for name in CLASSES}
    neighbours = Neighbours(films)
    out.mkdir(parents=True, exist_ok=True)
    entries, about = [], {}
    for i, name in enumerate(CLASSES):
        rng = np.random.default_rng([seed, i])
        model = fit_class(films[name], MAX_FILMS[name], rng)
        drawn, n_refused = draw_chest(model, name, neighbours, rng)
        entries += [write_sample(sample, out, near) for sample, near in drawn]
        about[name] = {
            "n_available": len(films[name]),
            "n_read": min(len(films[name]), MAX_FILMS[name]),
            "n_fitted": model.n_films,
            "n_draws_refused": n_refused,
            "n_appearance": len(model.appearance.spread),
            "share_of_structure": round(float(model.appearance.share[N_STRUCTURE - 1]), 3),
        }
    entries += [write_sample(sample, out, None) for sample in draw_others(seed)]
    manifest = {
        "schema": SCHEMA,
        "note": NOTE,
        "command": f"python tools/make_samples.py --data DIR --out assets/samples --seed {seed}",
        "model": describe_model(seed, about),
        "films": entries,
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return manifest


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Draw the synthetic sample films.")
    parser.add_argument("--data", type=Path, required=True, help="folder with train/<CLASS>/*.jpg")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    cv2.setNumThreads(1)
    manifest = make_samples(args.data, args.out, args.seed)
    for film in manifest["films"]:
        near = film["nearest_training"]
        parts = (near, near["detail"]) if near else ()
        numbers = "  ".join(f"{p['distance']:.3f} (min {p['min_typical']:.3f})" for p in parts)
        sys.stdout.write(f"{film['file']:28} {numbers}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
