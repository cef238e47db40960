"""The settings of a run: a preset in TOML, overridden by `--set`, checked and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from cxr_core import backbones
from cxr_core.errors import ConfigError
from cxr_core.film_filter import FILTERS
from cxr_core.heads import POOLINGS, in_member_order
from cxr_core.labels import ENSEMBLES, MEMBERS, N_CLASSES
from train.augment import AugmentSpec

PUBLIC: Final = "public"
"""Word for "the scaling that each backbone's weights expect"."""

_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "validation": ("test", "val", "carved"),
    "leaks": ("report", "stop", "drop"),
    "pooling": POOLINGS,
    "filter": tuple(FILTERS),
    "loss": ("cross_entropy", "focal", "cost"),
    "class_weights": ("none", "max", "inverse"),
    "ensemble_data": ("train", "out_of_fold", "held_out"),
    "ensemble_start": ("random", "mean"),
    "balance": ("none", "source"),
    "auxiliary": ("none", "subtype", "source_adversary"),
}
_AT_LEAST: Final[Mapping[str, float]] = {
    "epochs": 1,
    "batch_size": 1,
    "image_size_px": 32,
    "folds": 2,
    "ensemble_epochs": 1,
    "augment_passes": 0,
    "validation_share": 0,
    "calibration_share": 0,
    "weight_decay": 0,
    "extra_weight": 0,
}


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a run, besides the films and the backbones' weights.

    Attributes:
        preset: Name of the preset it started from.
        title: One line on what the recipe is.
        defects: Known defects of the recipe, announced when a run starts and in the model card.
        systems: Members to train: any of the registry's backbones.
        ensembles: Ensembles to train on them: any of `ENSEMBLES`.
        seed: Seed of weights, order and dropout.
        image_size_px: Side of the square input.
        resampling: Key of `cxr_core.preprocess.RESAMPLINGS`.
        scaling: A scaling family for all backbones, or `public`. Weights that were trained here
            keep the scaling they were trained with.
        filter: Key of `cxr_core.film_filter.FILTERS`.
        pooling: One of `cxr_core.heads.POOLINGS`.
        dropout: Share of units dropped, in [0, 1).
        epochs: Most epochs of a member.
        batch_size: Films a step.
        learning_rate: Adam's first rate.
        weight_decay: Decoupled decay of the kernels; 0 is Adam itself.
        label_smoothing: Share of the target spread over all classes, in [0, 1).
        loss: `cross_entropy`, `focal`, or `cost` (cross-entropy plus expected cost).
        focal_gamma: Exponent of the focal loss.
        focal_alpha: One weight a class in the focal loss; empty for none.
        class_weights: `none`; `max`, largest count over own count (the write-up's formula);
            `inverse`, mean count over own count.
        class_weight_power: Exponent of the class weights: 1 makes classes weigh the same, 0.5 goes
            half the way.
        cost_matrix: Cost of calling a film of class row class column; empty for none.
        validation: What steers rate and stopping: `test` (the write-up), `val` (a folder of that
            name) or `carved` (patients taken out of the training films).
        validation_share: Share of each class carved for validation.
        calibration_share: Share of each class carved and kept for calibration, unused here.
        split_seed: Seed of the carving.
        leaks: What to do about training films that are copies of, or share a patient with,
            validation or test films: `report`, `stop` or `drop` (the training film).
        reduce_factor: The rate is multiplied by this after `reduce_patience` epochs without a fall
            of the validation loss by `reduce_min_delta`.
        reduce_patience: Epochs.
        reduce_min_delta: Least fall of the validation loss that counts.
        stop_patience: Epochs without improvement after which training stops.
        restore_best: Keep the weights of the best epoch instead of the last.
        augment_zoom: See `AugmentSpec.zoom`.
        augment_rotation_deg: See `AugmentSpec.rotation_deg`.
        augment_horizontal_flip: See `AugmentSpec.horizontal_flip`.
        augment_intensity: See `AugmentSpec.intensity`.
        augment_jpeg_quality: See `AugmentSpec.jpeg_quality`.
        augment_passes: Cached variants of each training film, of which every epoch draws one a
            film; 0 trains on the films as they are.
        augment_seed: Seed of the variants, apart from `seed` so that seeds share the cache.
        ensemble_data: What the ensembles are fitted to: `train`, the members' own training films
            (the write-up); `out_of_fold`, training films as read by heads that were fitted without
            their patients; `held_out`, the carved validation films, which neither the heads nor a
            backbone trained here were fitted to.
        ensemble_start: `random`, or `mean`: start as the plain mean of the members.
        ensemble_epochs: Most epochs of an ensemble.
        ensemble_probs_rate: Adam's rate for `ensemble_probs`.
        ensemble_dense_rate: Adam's rate for `ensemble_dense`.
        folds: Folds of `out_of_fold` and of cross-validation over added films.
        balance: `none`, or `source`: within a class, every source counts alike.
        auxiliary: `none`; `subtype`, the hidden layer must also tell the finer class; or
            `source_adversary`, it must not tell the source; both from the manifest.
        auxiliary_weight: Weight of that second question.
        extra_weight: Weight of one film of `--extra` against one training film of weight 1.
    """

    preset: str
    title: str
    defects: tuple[str, ...] = ()
    systems: tuple[str, ...] = MEMBERS
    ensembles: tuple[str, ...] = ENSEMBLES
    seed: int = 0
    image_size_px: int = 224
    resampling: str = "bilinear"
    scaling: str = PUBLIC
    filter: str = "none"
    pooling: str = "global"
    dropout: float = 0.5
    epochs: int = 60
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    label_smoothing: float = 0.05
    loss: str = "cross_entropy"
    focal_gamma: float = 2.0
    focal_alpha: tuple[float, ...] = ()
    class_weights: str = "inverse"
    class_weight_power: float = 1.0
    cost_matrix: tuple[tuple[float, ...], ...] = ()
    validation: str = "carved"
    validation_share: float = 0.1
    calibration_share: float = 0.1
    split_seed: int = 0
    leaks: str = "stop"
    reduce_factor: float = 0.5
    reduce_patience: int = 3
    reduce_min_delta: float = 1e-4
    stop_patience: int = 8
    restore_best: bool = True
    augment_zoom: float = 0.0
    augment_rotation_deg: float = 0.0
    augment_horizontal_flip: bool = False
    augment_intensity: float = 0.0
    augment_jpeg_quality: int = 0
    augment_passes: int = 0
    augment_seed: int = 0
    ensemble_data: str = "held_out"
    ensemble_start: str = "mean"
    ensemble_epochs: int = 30
    ensemble_probs_rate: float = 1e-3
    ensemble_dense_rate: float = 1e-3
    folds: int = 5
    balance: str = "none"
    auxiliary: str = "none"
    auxiliary_weight: float = 1.0
    extra_weight: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        if not self.systems:
            msg = "`systems` must name at least one backbone. Received: none"
            raise ConfigError(msg, hint=f"Name any of {', '.join(backbones.BACKBONES)}.")
        for name in self.systems:
            backbones.find(name)
        unknown = [name for name in self.ensembles if name not in ENSEMBLES]
        if unknown:
            msg = f"`ensembles` must be of {', '.join(ENSEMBLES)}. Received: {', '.join(unknown)}"
            raise ConfigError(msg)
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                msg = f"`{name}` must be one of {allowed}. Received: {getattr(self, name)!r}"
                raise ConfigError(msg)
        for name, least in _AT_LEAST.items():
            if getattr(self, name) < least:
                msg = f"`{name}` must be {least} or more. Received: {getattr(self, name)}"
                raise ConfigError(msg)
        self._check_together()

    def _check_together(self) -> None:
        """Refuse settings that contradict each other."""
        if self.validation_share + self.calibration_share >= 1:
            msg = (
                "`validation_share` and `calibration_share` must leave films to train on. "
                f"Received: {self.validation_share} and {self.calibration_share}"
            )
            raise ConfigError(msg)
        if self.ensemble_data == "held_out" and self.validation == "test" and self.ensembles:
            msg = (
                "`ensemble_data` must not be 'held_out' where the test films steer. Received: both"
            )
            raise ConfigError(msg, hint="Set validation=carved, or ensemble_data=train.")
        if self.validation == "carved" and self.validation_share == 0:
            msg = "`validation_share` must be above 0 with validation='carved'. Received: 0"
            raise ConfigError(msg)
        if self.focal_alpha and len(self.focal_alpha) != N_CLASSES:
            msg = (
                f"`focal_alpha` must have {N_CLASSES} values or none. Received: {self.focal_alpha}"
            )
            raise ConfigError(msg)
        widths = {len(row) for row in self.cost_matrix}
        if self.cost_matrix and (len(self.cost_matrix) != N_CLASSES or widths != {N_CLASSES}):
            msg = f"`cost_matrix` must be {N_CLASSES} rows of {N_CLASSES}. Received: another shape"
            raise ConfigError(msg)
        if self.loss == "cost" and not self.cost_matrix:
            msg = "`cost_matrix` must be given with loss='cost'. Received: none"
            raise ConfigError(msg)

    @property
    def members(self) -> tuple[str, ...]:
        """The systems in the order in which the ensembles concatenate them."""
        return in_member_order(self.systems)

    @property
    def augment(self) -> AugmentSpec:
        """What may happen to a training film."""
        return AugmentSpec(
            self.augment_zoom,
            self.augment_rotation_deg,
            self.augment_horizontal_flip,
            self.augment_intensity,
            self.augment_jpeg_quality,
        )

    @property
    def passes(self) -> tuple[int, ...]:
        """Numbers of the variants that are drawn from; 0 is the film as it is."""
        return tuple(range(1, self.augment_passes + 1)) or (0,)

    @property
    def carved_shares(self) -> dict[str, float]:
        """Part name to share of each class that is carved out of the training films."""
        shares = {"calibration": self.calibration_share}
        if self.validation == "carved":
            shares = {"val": self.validation_share, **shares}
        return {part: share for part, share in shares.items() if share > 0}

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values."""
        return asdict(self)
