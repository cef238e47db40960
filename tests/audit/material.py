"""Small folders of drawn films, with or without something that gives the class away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_core.audit import learner
from cxr_core.labels import CLASSES
from cxr_core.lungs import LungMask
from cxr_core.radiograph import Notice

SIDE = 48


@contextmanager
def few_trees() -> Iterator[None]:
    """Let classifiers learn in a fifth of the rounds: enough for films that are drawn here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learner, "_N_ROUNDS", learner._N_ROUNDS // 5)
        yield


def noise(seed: int, side: int = SIDE) -> np.ndarray:
    """Return a smooth random film, shape (side, side), uint8; the class has no part in it."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(60, 180, (7, 7), np.uint8))
    return np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC)).copy()


def write_films(folder: Path, n: int, *, change=None, first_seed: int = 0, classes=CLASSES):
    """Write n films of each class; `change(k, i, film)` may return another film."""
    for k, label in enumerate(CLASSES):
        if label not in classes:
            continue
        target = folder / label
        target.mkdir(parents=True, exist_ok=True)
        for i in range(n):
            film = noise(first_seed + 1000 * k + i)
            film = film if change is None else change(k, i, film)
            Image.fromarray(film).save(target / f"{label.lower()}-{first_seed}-{i}.png")
    return folder


def write_splits(folder: Path, n_train: int, n_test: int, *, change=None):
    """Write training and test films, none of them in both."""
    write_films(folder / "train", n_train, change=change)
    write_films(folder / "test", n_test, change=change, first_seed=50_000)
    return folder


def bright_border(k, _i, film):
    """The border gives the class away; the centre does not."""
    film = film.copy()
    film[:4] = film[-4:] = film[:, :4] = film[:, -4:] = 40 + 80 * k
    return film


def marked_corner(k, _i, film):
    """A letter in one of the corners gives the class away."""
    film = film.copy()
    if k < 2:
        film[1:6, 1 + 40 * k : 6 + 40 * k] = 255
    return film


class TwoLungs:
    """Stands in for the lung network: two boxes on every film but those that are all dark."""

    def segment(self, radiograph) -> LungMask:
        mask = np.zeros((32, 32), bool)
        mask[8:24, 4:13] = mask[8:24, 19:28] = True
        is_dark = float(radiograph.image.mean()) < 0.1
        notes = (Notice("no_lungs", "None."),) if is_dark else ()
        return LungMask(mask, mask.astype(np.float32), float(mask.mean()), (), notes)
