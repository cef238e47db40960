"""The settings of a run: a preset in TOML, overridden by `--set`, checked and frozen."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, get_type_hints

from cxr_core.errors import ConfigError
from cxr_core.labels import MEMBERS
from train.augment import AugmentSpec

PRESETS: Final = Path(__file__).resolve().parent / "presets"
PUBLIC: Final = "public"
"""Word for "the scaling that each backbone's public weights expect"."""


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a run, besides the films and the backbones' weights.

    Attributes:
        preset: Name of the preset it started from.
        title: One line on what the recipe is.
        defects: Known defects of the recipe, announced when a run starts and in the model card.
        systems: Systems to train.
        seed: Seed of weights, order, dropout and augmentation.
        image_size_px: Side of the square input.
        resampling: Key of `cxr_core.preprocess.RESAMPLINGS`.
        scaling: A scaling family for all backbones, or `public`.
        pooling: One of `cxr_core.heads.POOLINGS`.
        dropout: Share of units dropped, in [0, 1).
        epochs: Most epochs.
        batch_size: Films a step.
        learning_rate: Adam's first rate.
        label_smoothing: Share of the target spread over all classes, in [0, 1).
        validation: Split whose loss steers rate and stopping.
        reduce_factor: The rate is multiplied by this after `reduce_patience` epochs without a fall
            of the validation loss by `reduce_min_delta`.
        reduce_patience: Epochs.
        reduce_min_delta: Least fall of the validation loss that counts.
        stop_patience: Epochs without improvement after which training stops.
        restore_best: Keep the weights of the best epoch instead of the last.
        augment_zoom: See `AugmentSpec.zoom`.
        augment_rotation_deg: See `AugmentSpec.rotation_deg`.
        augment_horizontal_flip: See `AugmentSpec.horizontal_flip`.
        augment_passes: Cached variants of each training film, of which every epoch draws one a
            film; 0 trains on the films as they are.
    """

    preset: str
    title: str
    defects: tuple[str, ...]
    systems: tuple[str, ...]
    seed: int
    image_size_px: int
    resampling: str
    scaling: str
    pooling: str
    dropout: float
    epochs: int
    batch_size: int
    learning_rate: float
    label_smoothing: float
    validation: str
    reduce_factor: float
    reduce_patience: int
    reduce_min_delta: float
    stop_patience: int
    restore_best: bool
    augment_zoom: float
    augment_rotation_deg: float
    augment_horizontal_flip: bool
    augment_passes: int

    def __post_init__(self) -> None:
        """Refuse what this version cannot train."""
        unknown = [name for name in self.systems if name not in MEMBERS]
        if unknown or not self.systems:
            msg = f"`systems` must be of {', '.join(MEMBERS)}. Received: {', '.join(self.systems)}"
            raise ConfigError(msg, hint="Ensembles are not trained by this version.")
        if self.validation not in ("test", "val"):
            msg = f"`validation` must be 'test' or 'val'. Received: {self.validation!r}"
            raise ConfigError(msg)
        for name in ("epochs", "batch_size", "image_size_px"):
            if getattr(self, name) < 1:
                msg = f"`{name}` must be 1 or more. Received: {getattr(self, name)}"
                raise ConfigError(msg)

    @property
    def augment(self) -> AugmentSpec:
        """What may happen to a training film."""
        return AugmentSpec(
            self.augment_zoom, self.augment_rotation_deg, self.augment_horizontal_flip
        )

    @property
    def passes(self) -> tuple[int, ...]:
        """Numbers of the variants that are drawn from; 0 is the film as it is."""
        return tuple(range(1, self.augment_passes + 1)) or (0,)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values."""
        return asdict(self)


def load_preset(name: str, overrides: Sequence[str] = (), **settings: Any) -> TrainConfig:
    """Read a preset and apply overrides.

    Args:
        name: A preset of `train/presets`, or the path of a TOML file.
        overrides: `key=value` texts; the value is written as in TOML, bare words are strings.
        **settings: Values that replace the preset's, given as Python objects.

    Returns:
        The resolved settings.

    Raises:
        ConfigError: If the preset, a key or a type is wrong; the message names the nearest key.
    """
    path = Path(name) if name.endswith(".toml") else PRESETS / f"{name}.toml"
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as err:
        known = sorted(preset.stem for preset in PRESETS.glob("*.toml"))
        msg = f"`preset` must be one of {known} or a TOML file. Received: {name!r}"
        raise ConfigError(msg) from err
    except tomllib.TOMLDecodeError as err:
        msg = f"`{path.name}` must be TOML. Received: {err}"
        raise ConfigError(msg) from err
    values = {"preset": path.stem, **values, **dict(map(_parse_override, overrides)), **settings}
    return from_values(values)


def from_values(values: Mapping[str, Any]) -> TrainConfig:
    """Build the settings from plain values.

    Args:
        values: Exactly the fields of `TrainConfig`.

    Returns:
        The settings.

    Raises:
        ConfigError: If a key is unknown or missing, or a value has the wrong type.
    """
    known = [field.name for field in fields(TrainConfig)]
    for key in values:
        if key not in known:
            nearest = difflib.get_close_matches(key, known, n=1)
            also = f" Did you mean {nearest[0]}?" if nearest else ""
            msg = f"`{key}` must be a setting. Received: an unknown key.{also}"
            raise ConfigError(msg)
    missing = [key for key in known if key not in values]
    if missing:
        msg = f"A preset must give every setting. Received: none for {', '.join(missing)}"
        raise ConfigError(msg)
    types = get_type_hints(TrainConfig)
    return TrainConfig(**{key: _checked(key, value, types[key]) for key, value in values.items()})


def _checked(key: str, value: Any, kind: Any) -> Any:
    """Return the value in the field's type, without guessing across types."""
    if kind == tuple[str, ...]:
        items = [value] if isinstance(value, str) else value
        if isinstance(items, list | tuple) and all(isinstance(item, str) for item in items):
            return tuple(items)
    elif kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    name = "list of str" if kind == tuple[str, ...] else kind.__name__
    msg = f"`{key}` must be of type {name}. Received: {value!r}"
    raise ConfigError(msg)


def _parse_override(text: str) -> tuple[str, Any]:
    """Split `key=value` and read the value as TOML, or as a string if it is a bare word."""
    key, separator, value = text.partition("=")
    if not separator:
        msg = f"`--set` must be key=value. Received: {text!r}"
        raise ConfigError(msg)
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()
