"""Train the network that finds the lungs, and publish it with its record.

Order, variants and weights of an epoch depend on the seed and the epoch's number alone, so that a
training that goes on after a kill sees the films that an unbroken one sees. On one machine both
end in equal weights as far as the backend's own sums are repeatable. Validation patients are
reported and decide two things only: whether 8-bit weights are good enough, and (with the fitted
films) what a plausible mask looks like. Test films decide nothing.
"""

from __future__ import annotations

import logging
import shlex
import shutil
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np

from cxr_core.engine import FeatureEngine
from cxr_core.engine.openvino import OpenVinoEngine
from cxr_core.errors import ConfigError, SpecMismatchError
from cxr_core.evaluate.bootstrap import mean_interval
from cxr_core.evaluate.mask_overlap import dice
from cxr_core.lungs import NETWORK, RECORD, read_record, write_record
from cxr_core.lungs.shape import LungLimits, clean, unsure_share
from cxr_core.preprocess import PreprocessSpec
from train.augment import film_rng
from train.checkpoint import Checkpoint, remove_checkpoint
from train.export import export_backbone
from train.lungs.augment import vary
from train.lungs.config import LungConfig
from train.lungs.films import LungFilms, counts
from train.precision import precision
from train.run import environment

LOG = logging.getLogger(__name__)
THRESHOLD: Final = 0.5
DICE_TOLERANCE: Final = 0.001
"""Most validation Dice that 8-bit weights may cost."""
_PREDICT_BATCH: Final = 16


def train_lungs(
    config: LungConfig,
    films: LungFilms,
    validation: LungFilms,
    test: LungFilms | None = None,
    *,
    out: Path,
    command: Sequence[str] = (),
    origin: str = "",
) -> dict[str, Any]:
    """Train, export and measure; go on where an earlier call was stopped.

    Args:
        config: The recipe.
        films: Films to fit.
        validation: Films of other patients.
        test: Films that are measured at the end, if any.
        out: Folder for the network, its record and, meanwhile, a checkpoint.
        command: What was typed, stored with the result.
        origin: Where films and masks come from, in words.

    Returns:
        The record that was written; that of an earlier call with the same settings and films.

    Raises:
        ConfigError: If the loss is not finite any more, or there is less than one batch.
        SpecMismatchError: If `out` holds a checkpoint or a result of another recipe.
        ArtifactIntegrityError: If the checkpoint or the result is damaged.
    """
    import keras

    if len(films) < config.batch_size:
        msg = (
            f"`batch_size` must not be above the number of films. Received: "
            f"batch_size={config.batch_size}, {len(films)} films"
        )
        raise ConfigError(msg)
    done = _finished(out, config, films)
    if done is not None:
        return done
    with precision(config.precision):
        model, history = _fit(config, films, validation, out)
    engine, compression, choice = _export(config, model, validation, out)
    parts = {"fit": films, "validation": validation, **({"test": test} if test else {})}
    record = write_record(
        out,
        {
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "origin": origin,
            "preprocess": PreprocessSpec(config.size_px, config.size_px).to_dict(),
            "threshold": THRESHOLD,
            "limits": limits_of(engine, (films, validation)).to_dict(),
            "compression": compression,
            "n_parameters": int(model.count_params()),
            "config": config.to_dict(),
            "data": {
                **{name: counts(part) for name, part in parts.items()},
                "patients_from": films.patients_from,
            },
            "figures": {
                "dice": {
                    name: {
                        **mean_interval(dice_of(engine, part), part.patients),
                        "n_patients": len(set(part.patients)),
                    }
                    for name, part in parts.items()
                    if name != "fit"
                },
                "validation_dice_by_weights": choice,
            },
            "command": shlex.join(command),
            "environment": {**environment(), "backend": keras.backend.backend()},
            "history": {key: [row[key] for row in history] for key in ("loss", "val_dice")},
        },
    )
    remove_checkpoint(out)
    return record


def dice_of(engine: FeatureEngine, films: LungFilms) -> list[float]:
    """Return the Dice coefficient of every film's cleaned mask.

    Args:
        engine: The exported network.
        films: Films with masks.

    Returns:
        One number a film.
    """
    probabilities = engine.run(films.batch)[..., 0]
    return [
        dice(clean(probability, THRESHOLD)[0], mask)
        for probability, mask in zip(probabilities, films.masks, strict=True)
    ]


def limits_of(engine: FeatureEngine, parts: Sequence[LungFilms]) -> LungLimits:
    """Return what a plausible mask looks like, from films with masks and a margin.

    Args:
        engine: The exported network.
        parts: Films with masks; the smallest and largest of them set the limits.

    Returns:
        Three quarters of the least area and of the least ratio of two lungs, 1.15 times the
        largest area, 1.5 times the largest unsure share.
    """
    areas, ratios, unsure = [], [1.0], [0.0]
    for films in parts:
        probabilities = engine.run(films.batch)[..., 0]
        for probability, truth in zip(probabilities, films.masks, strict=True):
            areas.append(float(truth.mean()))
            sizes = sorted(region.area_share for region in clean(truth.astype(np.float32), 0.5)[1])
            ratios += [sizes[0] / sizes[1]] if len(sizes) == 2 else []
            unsure.append(unsure_share(probability, clean(probability, THRESHOLD)[0]))
    return LungLimits(
        least_area=round(0.75 * min(areas), 4),
        most_area=round(min(1.0, 1.15 * max(areas)), 4),
        least_ratio=round(0.75 * min(ratios), 4),
        most_unsure=round(1.5 * max(unsure), 4),
    )


def _fit(
    config: LungConfig, films: LungFilms, validation: LungFilms, out: Path
) -> tuple[Any, list[dict[str, Any]]]:
    """Run the epochs that are left; return the network and the history."""
    import keras

    from train.lungs.network import build_network, compile_network

    keras.utils.set_random_seed(config.seed)
    model = build_network(config)
    compile_network(model, config, len(films) // config.batch_size)
    recipe = {**config.to_dict(), "n_films": len(films)}
    checkpoint = Checkpoint(out, model, recipe, films.digest)
    history = checkpoint.resume()
    for epoch in range(len(history), config.epochs):
        started = time.monotonic()
        row = {
            "epoch": epoch + 1,
            "loss": round(_epoch(model, config, films, epoch), 5),
            "val_dice": round(float(np.mean(_raw_dice(model, validation))), 5),
            "seconds": round(time.monotonic() - started, 1),
        }
        history.append(row)
        LOG.info("lungs %s", row)
        checkpoint.save(history)
    return model, history


def _epoch(model: Any, config: LungConfig, films: LungFilms, epoch: int) -> float:
    """Train on one variant of every film, as far as they fill whole batches; return the loss."""
    order = np.random.default_rng([config.seed, epoch]).permutation(len(films))
    whole = order[: len(films) - len(films) % config.batch_size]
    losses = []
    with ThreadPoolExecutor(1) as pool:  # makes the next batches while one is learnt
        batches = pool.map(
            lambda rows: _variants(config, films, rows, epoch),
            np.split(whole, len(whole) // config.batch_size),
        )
        for images, targets in batches:
            model.reset_metrics()  # Keras gives the mean since the last reset
            losses.append(float(model.train_on_batch(images, targets, return_dict=True)["loss"]))
            if not np.isfinite(losses[-1]):
                msg = f"the loss must stay finite. Received: {losses[-1]} in epoch {epoch + 1}"
                raise ConfigError(msg, hint="Use a lower learning rate or precision=float32.")
    return float(np.mean(losses))


def _variants(config: LungConfig, films: LungFilms, rows: Any, epoch: int) -> tuple[Any, Any]:
    """Return one variant of some films and of their masks, shapes (n, h, w, 1)."""
    pairs = [
        vary(
            films.pixels[i],
            films.masks[i],
            config.augment,
            film_rng(config.seed, epoch + 1, films.digests[i]),
        )
        for i in rows
    ]
    images, targets = zip(*pairs, strict=True)
    return np.stack(images)[..., None], np.stack(targets)[..., None]


def _raw_dice(model: Any, films: LungFilms) -> list[float]:
    """Return the Dice coefficient of each film before the export, masks not cleaned."""
    rows = np.arange(-(-len(films) // _PREDICT_BATCH) * _PREDICT_BATCH) % len(films)
    batch, values = films.batch, []
    for start in range(0, len(rows), _PREDICT_BATCH):  # one size, or it is compiled anew
        own = rows[start : start + _PREDICT_BATCH]
        logits = np.asarray(model.predict_on_batch(batch[own]), np.float32)[..., 0]
        values += [dice(logit >= 0, films.masks[i]) for logit, i in zip(logits, own, strict=True)]
    return values[: len(films)]


def _export(
    config: LungConfig, model: Any, validation: LungFilms, out: Path
) -> tuple[OpenVinoEngine, str, Mapping[str, float]]:
    """Write the network, with 8-bit weights unless they cost more Dice than is tolerated."""
    from train.lungs.network import served_network

    served = served_network(config, model)
    found, engines = {}, {}
    for name, compress in (("f32", False), ("8 bit", True)):
        path = out / f"export-{compress:d}" / NETWORK
        export_backbone(served, path, compress=compress)
        engines[name] = (OpenVinoEngine(path), path)
        found[name] = round(float(np.mean(dice_of(engines[name][0], validation))), 5)
    name = "8 bit" if found["f32"] - found["8 bit"] <= DICE_TOLERANCE else "f32"
    LOG.info("lungs: validation Dice %s, kept %s", found, name)
    engine, path = engines[name]
    for suffix in (".xml", ".bin"):
        path.with_suffix(suffix).replace((out / NETWORK).with_suffix(suffix))
    for _, path in engines.values():
        shutil.rmtree(path.parent)
    words = {"8 bit": "8-bit weights (symmetric), f32 arithmetic", "f32": "f32 weights"}
    return engine, words[name], found


def _finished(out: Path, config: LungConfig, films: LungFilms) -> dict[str, Any] | None:
    """Return the record of an earlier call that got to its end, if it is of the same recipe."""
    if not (out / RECORD).is_file():
        return None
    record = read_record(out)
    if record["config"] != config.to_dict() or record["data"]["fit"] != counts(films):
        msg = f"`{out.name}` must be new or of these settings. Received: a result of others"
        raise SpecMismatchError(msg, hint="Name another --out, or delete that folder.")
    LOG.info("the lung network is finished already: %s", out)
    remove_checkpoint(out)
    return record
