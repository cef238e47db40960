"""What the systems say of the gate's chest films and far pictures, through the serving path.

The pictures are read once for all variants of a bundle: variants that share a network share its
run. Reads are kept in a folder, so that the tables can be printed again without a network.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from benchmarks import far_chest, far_pictures
from benchmarks.far_pictures import FINAL, Picture
from cxr_core.array import Float32Array, Float64Array
from cxr_core.blas import one_blas_thread
from cxr_core.bundle import Bundle
from cxr_core.dataset import Film, scan
from cxr_core.engine.openvino import OpenVinoEngine
from cxr_core.engine.published import published_engines
from cxr_core.evaluate.folder_reads import describe
from cxr_core.evaluate.reads import Collector, FilmList, Reads
from cxr_core.io import read, read_path
from cxr_core.labels import CLASSES
from cxr_core.predict import Predictor
from cxr_core.radiograph import Radiograph
from cxr_core.trust.film_layout import film_layout
from train.parts import CALIBRATION, TEST, VALIDATION, divide
from train.preset import load_preset

LOG = logging.getLogger(__name__)

ADULTS: Final = "adults"
SAMPLES: Final = Path(__file__).parent.parent / "assets" / "samples"
N_CHOICE, N_FINAL = 20, 40
"""Chest films of each class that are turned, cut and so on."""

Titled = tuple[str, str, list[Radiograph]]
"""Key of a set, words for the table, films."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What the gate may look at of a set of films.

    Attributes:
        reads: What the networks and systems say.
        layout: Shape (n, 36), the films' layout.
    """

    reads: Reads
    layout: Float32Array

    def __len__(self) -> int:
        """Return the number of films."""
        return len(self.reads)


class SharedEngine:
    """Runs a network only if its last input was another one, so that variants can share it."""

    def __init__(self, engine: OpenVinoEngine) -> None:
        self._engine = engine
        self._last: tuple[Float32Array, Float32Array] | None = None

    @property
    def feature_shape(self) -> tuple[int, int, int]:
        """Shape of the network's map."""
        return self._engine.feature_shape

    def run(self, batch: Float32Array) -> Float32Array:
        """Return the maps of a batch, those of the last call where the batch is the same."""
        if self._last is None or not np.array_equal(self._last[0], batch):
            self._last = (batch, self._engine.run(batch))
        return self._last[1].copy()


def predictors(
    bundle: Bundle, names: Iterable[str], *, precision: str = "f32"
) -> dict[str, Predictor]:
    """Return predictors of one bundle that share networks.

    Args:
        bundle: A verified bundle.
        names: Variants.
        precision: Arithmetic of the networks.

    Returns:
        Variant to predictor.
    """
    members = {name: bundle.variant(name).members for name in names}
    networks = [member.network for own in members.values() for member in own.values()]
    loaded = published_engines(bundle, networks, precision=precision)
    engines = {path: SharedEngine(engine) for path, engine in loaded.items()}
    return {
        name: Predictor(
            bundle,
            variant=name,
            precision=precision,
            engines={key: engines[member.network] for key, member in own.items()},
        )
        for name, own in members.items()
    }


def parts_of(bundle: Bundle, data: Path) -> Mapping[str, Sequence[Film]]:
    """Divide the data set as the preset `clean` did when the bundle was made.

    Args:
        bundle: Says which films its networks saw.
        data: Holds `train/` and `test/`.

    Returns:
        `fit`, `val`, `calibration` and `test`.
    """
    seen: set[str] = set()
    for path in sorted((bundle.folder / "backbones").glob("*.films.json")):
        seen |= set(json.loads(path.read_text("utf-8")))
    return divide(scan(data), load_preset("clean", ["leaks=drop"]), frozenset(seen)).films


def pictures(half: str, parts: Mapping[str, Sequence[Film]]) -> Iterator[Titled]:
    """Yield the far and near sets of one half as films.

    Args:
        half: `CHOICE` changes films of the parts `val` and `calibration`, `FINAL` test films.
        parts: From `parts_of`.

    Yields:
        Sets of far pictures, changed chest films, and in the final half also what comes once only:
        the repository's samples and medical pictures of other kinds.
    """
    of_half = (TEST,) if half == FINAL else (VALIDATION, CALIBRATION)
    films = [film for part in of_half for film in parts[part]]
    n = N_FINAL if half == FINAL else N_CHOICE
    paths = [path for label in CLASSES for path in _some(films, label, n)]
    for key, title, found in far_pictures.pictures(half):
        yield key, title, _films(found, key)
    for changes in (far_chest.FAR, far_chest.NEAR):
        for key, title, found in far_chest.changed(paths, changes):
            yield key, title, _films(found, key)
    if half == FINAL:
        for key, title, found in far_chest.other_modalities():
            yield key, title, _films(found, key)
        for key, title, pattern in (
            ("not_chest", "Sample pictures that are no chest film", "not-chest-*.png"),
            ("synthetic", "Sample films drawn by a program", "synthetic-*.png"),
        ):
            yield key, title, [read_path(path) for path in sorted(SAMPLES.glob(pattern))]


def read_pictures(readers: Readers, sets: Iterable[Titled], folder: Path) -> dict[str, str]:
    """Read sets of pictures with every variant, and keep it; a set kept already is not read.

    Args:
        readers: Gives the predictors of variants.
        sets: From `pictures`, of one half.
        folder: `VARIANT/KEY.npz` are written to it. Labels in them mean nothing.

    Returns:
        Key of a set to its words.
    """
    titles = {}
    for key, title, films in sets:
        titles[key] = title
        n = len(films)
        digests = tuple(film.sha256 for film in films)
        listed = FilmList(digests, np.zeros(n, np.int64), np.arange(n), "none")
        readers.keep(films, listed, folder, key)
    return titles


def read_parts(readers: Readers, parts: Mapping[str, Sequence[Film]], folder: Path) -> None:
    """Read the chest films of every part with every variant, and keep it.

    Args:
        readers: Gives the predictors of variants.
        parts: From `parts_of`, and others if there are.
        folder: `VARIANT/PART.npz` are written to it; what is there is not read again.
    """
    for part, films in parts.items():
        paths = [film.path for film in films]
        listed = describe(paths[0].parent.parent, paths, [film.label for film in films])
        readers.keep(map(read_path, paths), listed, folder, part)


class Readers:
    """Predictors of several variants, loaded once there is something to read.

    Args:
        bundle: A verified bundle.
        variants: Names of its variants.
    """

    def __init__(self, bundle: Bundle, variants: Sequence[str]) -> None:
        self._bundle = bundle
        self._variants = variants
        self._found: dict[str, Predictor] | None = None

    def keep(
        self, radiographs: Iterable[Radiograph], films: FilmList, folder: Path, name: str
    ) -> None:
        """Read films one by one with every variant that has not been, and write what was seen.

        Args:
            radiographs: The films.
            films: What is known of them.
            folder: `VARIANT/NAME.npz` are written to it.
            name: Name of the set.
        """
        paths = {variant: folder / variant / f"{name}.npz" for variant in self._variants}
        missing = [variant for variant, path in paths.items() if not path.is_file()]
        if not missing:
            return
        LOG.info("%s: %d films", name, len(films))
        self._found = self._found or predictors(self._bundle, self._variants)
        collectors = {variant: Collector(self._found[variant].heads) for variant in missing}
        layouts = []
        for radiograph in radiographs:
            layouts.append(film_layout(radiograph.image))
            for variant, collector in collectors.items():
                features = self._found[variant].features(radiograph)
                with one_blas_thread():
                    collector.add(features)
        for variant, collector in collectors.items():
            save(Seen(collector.reads(films), np.stack(layouts)), paths[variant])


def save(seen: Seen, path: Path) -> None:
    """Write what was seen of a set.

    Args:
        seen: Reads and layout.
        path: An `.npz` to write.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {
        f"{kind}/{name}": values
        for kind in ("logits", "hidden", "pooled")
        for name, values in getattr(seen.reads, kind).items()
    }
    listed = json.dumps(seen.reads.films.to_dict())
    np.savez(path, films=listed, layout=seen.layout, **arrays)


def load(path: Path) -> Seen:
    """Return what `save` wrote.

    Args:
        path: The file.

    Returns:
        Equal reads and layout.
    """
    with np.load(path) as stored:
        kinds: dict[str, dict[str, Float64Array]] = {}
        for key in stored.files:
            if "/" in key:
                kind, name = key.split("/", 1)
                kinds.setdefault(kind, {})[name] = stored[key]
        films = FilmList.from_dict(json.loads(str(stored["films"])))
        layout = stored["layout"]
    return Seen(Reads(films, **kinds), layout)  # type: ignore[arg-type]


def join(first: Seen, second: Seen) -> Seen:
    """Put two sets of films behind each other; patients of the second get numbers of their own.

    Args:
        first: A set.
        second: Another set read with the same variant.

    Returns:
        Both.
    """
    films = [first.reads.films, second.reads.films]
    after = 1 + int(films[0].patient.max(initial=-1))
    listed = FilmList(
        films[0].sha256 + films[1].sha256,
        np.concatenate([films[0].y_true, films[1].y_true]),
        np.concatenate([films[0].patient, films[1].patient + after]),
        films[0].patients_from,
    )
    kinds = [
        {
            name: np.concatenate([values, getattr(second.reads, kind)[name]])
            for name, values in getattr(first.reads, kind).items()
        }
        for kind in ("logits", "hidden", "pooled")
    ]
    return Seen(Reads(listed, *kinds), np.concatenate([first.layout, second.layout]))


def _some(films: Sequence[Film], label: str, n: int) -> list[Path]:
    """Return up to n films of a class, drawn by the digests of their bytes."""
    own = sorted((film for film in films if film.label == label), key=_order)
    return [film.path for film in own[:n]]


def _order(film: Film) -> str:
    """Return a key that is as good as chance and always the same."""
    return hashlib.sha256(f"gate {film.sha256}".encode()).hexdigest()


def _films(found: Sequence[Picture], key: str) -> list[Radiograph]:
    """Return pictures as they come out of a file."""
    films = []
    for number, picture in enumerate(found):
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "PNG", compress_level=1)
        films.append(read(buffer.getvalue(), name=f"{key}-{number}.png"))
    return films
