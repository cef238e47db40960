"""Formulas of the core, broken by hand: what `python -m tools.mutate` tries, one at a time.

Each old text stands exactly once in its file (a fast test keeps it so); each new text must make at
least one of the named tests fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Mutant:
    """One change of one formula.

    Attributes:
        file: Path in the repository.
        old: Text that is taken out; occurs once.
        new: Text that is put in its place.
        breaks: What is wrong then, in a few words.
        tests: Test files, or tests in them, that are run; one failure is enough.
    """

    file: str
    old: str
    new: str
    breaks: str
    tests: tuple[str, ...]


_CAM_TESTS: Final = ("tests/explain/test_cam_properties.py",)
_HEAD_TESTS: Final = ("tests/core/test_heads_properties.py",)
_FIGURE_TESTS: Final = ("tests/evaluate/test_metrics_properties.py",)
_THRESHOLD_TESTS: Final = ("tests/evaluate/test_threshold_properties.py",)
_SET_TESTS: Final = ("tests/trust/test_conformal_properties.py",)
_CALIBRATION_TESTS: Final = ("tests/trust/test_calibration_properties.py",)
_GATE_TESTS: Final = ("tests/trust/test_gate_properties.py",)
_INPUT_TESTS: Final = ("tests/core/test_preprocess_properties.py",)
_FILM_TESTS: Final = ("tests/core/test_radiograph_properties.py",)
_PICTURE_TESTS: Final = ("tests/io/test_picture_properties.py",)
_DICOM_TESTS: Final = ("tests/io/test_dicom_properties.py",)

_IO: Final = (
    Mutant(
        "cxr_core/io/dicom/film.py",
        "is_inverted = layout.is_grey and view.is_inverted(header, layout)",
        "is_inverted = False",
        "MONOCHROME1 is shown as MONOCHROME2",
        _DICOM_TESTS,
    ),
    Mutant(
        "cxr_core/io/dicom/frame.py",
        'signed = values.dtype.str.replace("u", "i")',
        'signed = f"i{values.dtype.itemsize}"',
        "signed big-endian values have their bytes exchanged",
        ("tests/io/test_dicom_syntax.py::test_big_endian_signed",),
    ),
    Mutant(
        "cxr_core/io/dicom/tone.py",
        "stored.astype(np.int64) * int(slope) + int(intercept)",
        "(stored.astype(np.int64) + int(intercept)) * int(slope)",
        "rescale adds before it multiplies",
        _DICOM_TESTS,
    ),
    Mutant(
        "cxr_core/io/grey.py",
        "_LUMA: Final = (19595, 38470, 7471)",
        "_LUMA: Final = (7471, 38470, 19595)",
        "red and blue change places in the brightness",
        _PICTURE_TESTS,
    ),
    Mutant(
        "cxr_core/io/raster.py",
        "6: (1, -1)",
        "6: (-1, 1)",
        "EXIF orientation 6 is turned the wrong way",
        _PICTURE_TESTS,
    ),
    Mutant(
        "cxr_core/radiograph.py",
        "np.subtract(np.float32(1.0), image, out=image)",
        "np.subtract(image, np.float32(0.0), out=image)",
        "an inverted film is not turned around",
        _FILM_TESTS,
    ),
    Mutant(
        "cxr_core/grey_window.py",
        "middle, half = center - 0.5, (width - 1.0) / 2.0",
        "middle, half = center, width / 2.0",
        "a DICOM window lies half a value too high",
        _FILM_TESTS,
    ),
    Mutant(
        "cxr_core/preprocess.py",
        "resize(size, RESAMPLINGS[spec.resampling])",
        "resize(size, RESAMPLINGS[spec.resampling], (0.4, 0, image.shape[1], image.shape[0]))",
        "a film is resized from 0.4 pixels right of its edge",
        _INPUT_TESTS,
    ),
    Mutant(
        "cxr_core/preprocess.py",
        "return (rgb - _TORCH_MEAN) / _TORCH_STD",
        "return (rgb - _TORCH_MEAN) * _TORCH_STD",
        "ImageNet's deviation multiplies instead of dividing",
        _INPUT_TESTS,
    ),
)

_MODELS: Final = (
    Mutant(
        "cxr_core/heads/dense.py",
        "shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))",
        "shifted = np.exp(logits)",
        "softmax overflows on large logits",
        _HEAD_TESTS,
    ),
    Mutant(
        "cxr_core/heads/dense.py",
        "return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))",
        "return np.asarray(shifted / shifted.sum(axis=0, keepdims=True))",
        "softmax sums over films, not over classes",
        _HEAD_TESTS,
    ),
    Mutant(
        "cxr_core/heads/pooling.py",
        "matrix[pooled, rows, columns] = 1.0 / n_averaged",
        "matrix[pooled, rows, columns] = 0.25",
        "cut blocks at the edge are divided by four cells",
        _HEAD_TESTS,
    ),
    Mutant(
        "cxr_core/heads/head_set.py",
        "            for name in self.members\n        ]",
        "            for name in reversed(self.members)\n        ]",
        "members are joined in the wrong order in the ensembles",
        _HEAD_TESTS,
    ),
    Mutant(
        "cxr_core/heads/member.py",
        "direction = of_hidden * (state.pre_activations[-1] > 0)[:, None]",
        "direction = of_hidden * (state.pre_activations[-1] > -9)[:, None]",
        "silent units pass their gradient on",
        _CAM_TESTS,
    ),
    Mutant(
        "cxr_core/heads/head_set.py",
        "jacobian = np.diag(probs) - np.outer(probs, probs)",
        "jacobian = np.diag(probs)",
        "the slope of the softmax lacks its second term",
        _CAM_TESTS,
    ),
    Mutant(
        "cxr_core/explain/cam/formula.py",
        "return np.asarray(cells @ gradient.mean(axis=0))",
        "return np.asarray(cells @ gradient.sum(axis=0))",
        "Grad-CAM weights are sums, not means",
        _CAM_TESTS,
    ),
    Mutant(
        "cxr_core/explain/cam/score_map.py",
        "bias = score - float(maps",
        "bias = score + float(maps",
        "HiResCAM's bias has the wrong sign of the map",
        _CAM_TESTS,
    ),
    Mutant(
        "cxr_core/explain/cam/score_map.py",
        "coefficients[class_index(against)] = -1.0",
        "coefficients[class_index(against)] = 1.0",
        "the map of a difference is that of a sum",
        _CAM_TESTS,
    ),
    Mutant(
        "cxr_core/explain/cam/formula.py",
        "head.forward_from(state.members[name].pre_activations[0] - share)",
        "head.forward_from(state.members[name].pre_activations[0] + share)",
        "Ablation-CAM doubles a channel and does not remove it",
        _CAM_TESTS,
    ),
    Mutant(
        "cxr_core/explain/overlay.py",
        "positive = np.maximum(grid, 0).astype(np.float32)",
        "positive = np.abs(grid).astype(np.float32)",
        "cells against the class are drawn as cells for it",
        ("tests/explain/test_overlay_properties.py",),
    ),
    Mutant(
        "cxr_core/explain/fidelity/likeness.py",
        "(np.cumsum(counts) - (counts - 1) / 2)[inverse]",
        "np.cumsum(counts)[inverse]",
        "equal cells do not share their mean rank",
        ("tests/explain/test_fidelity_properties.py",),
    ),
)

_FIGURES: Final = (
    Mutant(
        "cxr_core/evaluate/bootstrap.py",
        "ranks = rankdata(scores)",
        'ranks = rankdata(scores, method="ordinal")',
        "ties do not count as half in the AUROC",
        _FIGURE_TESTS,
    ),
    Mutant(
        "cxr_core/evaluate/weighted.py",
        "(widths * (hits - steps / 2))",
        "(widths * hits)",
        "the weighted AUROC has steps for trapezoids",
        _FIGURE_TESTS,
    ),
    Mutant(
        "cxr_core/evaluate/metrics.py",
        "z = NormalDist().inv_cdf((1 + confidence) / 2)",
        "z = NormalDist().inv_cdf(confidence)",
        "Wilson's interval is one-sided",
        _FIGURE_TESTS,
    ),
    Mutant(
        "cxr_core/evaluate/metrics.py",
        "return n / max(1.0, effect)",
        "return n / min(1.0, effect)",
        "films of one patient count as independent or as more",
        _FIGURE_TESTS,
    ),
    Mutant(
        "cxr_core/evaluate/resample.py",
        "numbers = numbered(patients)",
        "numbers = np.arange(len(patients))",
        "films are resampled, not patients",
        ("tests/evaluate/test_resample_properties.py",),
    ),
    Mutant(
        "cxr_core/evaluate/paired.py",
        "min(1.0, (len(p_values) - rank) * p_values[index])",
        "min(1.0, (len(p_values) - rank - 1) * p_values[index])",
        "Holm's factors are one too small",
        _FIGURE_TESTS,
    ),
    Mutant(
        "cxr_core/evaluate/display/operating_point.py",
        "is_class, is_called = truth == k, probs[:, k] >= threshold",
        "is_class, is_called = truth == k, probs[:, k] > threshold",
        "a film at the threshold is not called",
        _THRESHOLD_TESTS,
    ),
    Mutant(
        "cxr_core/evaluate/display/decision_curve.py",
        "self._odds = at / (1 - at)",
        "self._odds = at",
        "a false alarm is weighed by the threshold, not its odds",
        _THRESHOLD_TESTS,
    ),
    Mutant(
        "cxr_core/reader_study/kappa.py",
        "(observed - expected)[is_defined] / (1 - expected)[is_defined]",
        "(observed - expected)[is_defined]",
        "kappa is not divided by what chance leaves",
        ("tests/reader_study/test_agreement_properties.py",),
    ),
)

_TRUST: Final = (
    Mutant(
        "cxr_core/trust/calibration.py",
        "np.asarray(logits, np.float64) / self.value",
        "np.asarray(logits, np.float64) * self.value",
        "the temperature multiplies",
        _CALIBRATION_TESTS,
    ),
    Mutant(
        "cxr_core/trust/calibration_error.py",
        "plug_in = (share * size).sum(axis=-1)",
        "plug_in = size.mean(axis=-1)",
        "bins of the calibration error count alike",
        _CALIBRATION_TESTS,
    ),
    Mutant(
        "cxr_core/trust/conformal.py",
        "return ceil((n_calibration + 1) * Fraction(str(level)))",
        "return ceil(n_calibration * Fraction(str(level)))",
        "the conformal rank lacks the new film (n for n + 1)",
        _SET_TESTS,
    ),
    Mutant(
        "cxr_core/trust/conformal.py",
        "return np.asarray(scores >= np.array(limits, np.float64))",
        "return np.asarray(scores > np.array(limits, np.float64))",
        "a film at the threshold is not covered",
        _SET_TESTS,
    ),
    Mutant(
        "cxr_core/trust/gate.py",
        "REFUSED if score > limit else PASSED",
        "REFUSED if score >= limit else PASSED",
        "a film at the limit is refused",
        _GATE_TESTS,
    ),
    Mutant(
        "cxr_core/trust/gate_limit.py",
        "sure = binom.cdf(np.arange(n), n, 1 - share) >= confidence",
        "sure = binom.cdf(np.arange(n), n, share) >= confidence",
        "the limit is that of the share kept, not refused",
        _GATE_TESTS,
    ),
)

MUTANTS: Final = (*_IO, *_MODELS, *_FIGURES, *_TRUST)
"""All of them, in the order of the table in BENCHMARKS.md."""
