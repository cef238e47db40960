"""What property tests draw: films, windows, specs, heads, feature maps, scores and labels.

Everything is small, so that an example takes a millisecond, and leans to the odd: one row, one
value, one class, saturated scores, ties. Weights and textures come from a drawn seed; what a test
counts or compares (labels, scores, patients, pixels of the smallest films) is drawn itself, so that
a failing example shrinks to one that can be read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from cxr_core.film_filter import FILTERS
from cxr_core.grey_window import LINEAR, SIGMOID, Window
from cxr_core.heads import POOLINGS, Dense, HeadSet, MemberHead, pool_matrix
from cxr_core.labels import CLASSES, MEMBERS, N_CLASSES
from cxr_core.preprocess import RESAMPLINGS, SCALINGS, PreprocessSpec
from cxr_core.radiograph import Radiograph

HIDDEN = {"densenet201": (5,), "efficientnetb7": (4,), "vgg16": (6, 3)}
"""Hidden layers of the three published heads, narrow."""

N_CHANNELS = {"densenet201": 3, "efficientnetb7": 2, "vgg16": 4}

seeds = st.integers(0, 2**32 - 1)
classes = st.sampled_from(CLASSES)


def shapes(most: int = 24):
    """Rows and columns: odd, square, one pixel, and lines twenty times as long as wide."""
    sides = st.integers(1, most)
    lines = st.tuples(st.integers(1, 2), st.integers(most, 20 * most // 8))
    return st.one_of(
        st.tuples(sides, sides), lines, lines.map(lambda line: line[::-1]), st.just((1, 1))
    )


@st.composite
def pixels(draw, low=0, high=255, dtype=np.uint8, shape=None):
    """Stored values in [low, high], both ends often among them."""
    size = draw(shapes() if shape is None else shape)
    rng = np.random.default_rng(draw(seeds))
    kind = draw(st.sampled_from(["noise", "flat", "two", "ramp", "few"]))
    if kind == "flat":
        return np.full(size, draw(st.integers(low, high)), dtype)
    if kind == "two":
        return rng.choice([low, high], size=size).astype(dtype)
    if kind == "few":
        chosen = draw(st.lists(st.integers(low, high), min_size=2, max_size=4))
        return rng.choice(chosen, size=size).astype(dtype)
    if kind == "ramp":
        return np.linspace(low, high, size[0] * size[1]).round().reshape(size).astype(dtype)
    return rng.integers(low, high, size=size, endpoint=True).astype(dtype)


@st.composite
def float_pixels(draw, shape=None):
    """Floating point films: of any scale, next to nothing or next to the largest float32."""
    values = draw(pixels(0, 4095, np.float32, shape)) / np.float32(4095)
    scale = draw(st.sampled_from([1.0, 1e-3, 255.0, 65535.0, 1e-30, 1e30]))
    return (values * scale + draw(st.sampled_from([0.0, -0.5, 2.0])) * scale).astype(np.float32)


@st.composite
def windows(draw, low=-2000.0, high=70000.0):
    """Windows of the three functions, also narrow ones and ones beside the film."""
    center = draw(st.floats(low, high))
    width = draw(st.sampled_from([1.0, 1.5, 2.0, 10.0]) | st.floats(1.0, high - low))
    function = draw(st.sampled_from([LINEAR, "LINEAR_EXACT", SIGMOID, "table"]))
    if function != "table":
        return Window.from_dicom(center, width, function=function)
    entries = draw(st.lists(st.integers(0, 4095), min_size=2, max_size=9))
    return Window.from_table(np.array(entries), round(center), 4095)


@st.composite
def radiographs(draw, shape=None):
    """Films of every dtype, either polarity, with and without a window."""
    kind = draw(
        st.sampled_from([(np.uint8, 0, 255), (np.uint16, 0, 4095), (np.int16, -1024, 3071)])
    )
    dtype, black, white = kind
    if draw(st.integers(0, 3)) == 0:
        values = draw(float_pixels(shape))
        black, white = float(values.min()), float(values.max())
        white = white if white > black else black + max(1.0, abs(black))
    else:
        values = draw(pixels(black, white, dtype, shape))
    return Radiograph(
        pixels=values,
        black=black,
        white=white,
        name="film.png",
        sha256="0" * 64,
        source_format="PNG",
        is_inverted=draw(st.booleans()),
        windows=tuple(draw(st.lists(windows(float(black), float(white)), max_size=1)))
        if values.dtype != np.float32
        else (),
    )


def specs(*, scalings=SCALINGS, filters=tuple(FILTERS), resamplings=tuple(RESAMPLINGS)):
    """Specs of small inputs, of any aspect."""
    return st.builds(
        PreprocessSpec,
        st.integers(1, 40),
        st.integers(1, 40),
        st.sampled_from(resamplings),
        st.sampled_from(scalings),
        st.sampled_from(filters),
    )


@dataclass(frozen=True, eq=False)
class Case:
    """Heads of the five systems and one film's feature maps."""

    heads: HeadSet
    features: dict[str, np.ndarray]

    @property
    def state(self):
        """The forward pass."""
        return self.heads.forward(self.features)


@st.composite
def head_sets(draw, dtype=np.float64, *, bias=True, poolings=POOLINGS):
    """Five systems of the published shapes on small maps of one size; some units are dead."""
    rng = np.random.default_rng(draw(seeds))
    pooling = draw(st.sampled_from(poolings))
    height, width = draw(st.tuples(st.integers(2, 4), st.integers(2, 4)))
    gain = draw(st.sampled_from([0.3, 1.4, 4.0]))
    members = {}
    for name in MEMBERS:
        n_in = len(pool_matrix(pooling, height, width)) * N_CHANNELS[name]
        layers = []
        for n_out in (*HIDDEN[name], N_CLASSES):
            layers.append(dense(rng, n_in, n_out, gain, dtype, bias=bias))
            n_in = n_out
        members[name] = MemberHead(tuple(layers), pooling, (height, width, N_CHANNELS[name]))
    n_hidden = sum(widths[-1] for widths in HIDDEN.values())
    ensembles = {
        "ensemble_probs": dense(rng, 3 * N_CLASSES, N_CLASSES, gain, dtype, bias=bias),
        "ensemble_dense": dense(rng, n_hidden, N_CLASSES, gain, dtype, bias=bias),
    }
    return HeadSet(members, ensembles)


def dense(rng, n_in, n_out, gain=1.4, dtype=np.float64, *, bias=True):
    """Return a layer of random weights."""
    kernel = rng.normal(size=(n_in, n_out)) * gain / np.sqrt(n_in)
    offset = rng.normal(0, 0.3, n_out) if bias else np.zeros(n_out)
    return Dense(kernel.astype(dtype), offset.astype(dtype))


@st.composite
def feature_maps(draw, heads, dtype=np.float64):
    """A map for each member: after a ReLU, with negative values (swish), sparse, or all zero."""
    rng = np.random.default_rng(draw(seeds))
    kind = draw(st.sampled_from(["relu", "swish", "sparse", "zero"]))
    scale = draw(st.sampled_from([1.0, 1.0, 20.0]))
    features = {}
    for name, head in heads.members.items():
        values = rng.normal(size=head.feature_shape) * scale
        if kind == "swish":
            values = np.maximum(values, -0.2785)
        elif kind == "sparse":
            values = np.maximum(values, 0) * (rng.random(head.feature_shape) < 0.2)
        else:
            values = np.maximum(values, 0) if kind == "relu" else np.zeros(head.feature_shape)
        features[name] = values.astype(dtype)
    return features


@st.composite
def cases(draw, dtype=np.float64, *, bias=True, poolings=POOLINGS):
    """Heads with the maps of one film."""
    heads = draw(head_sets(dtype, bias=bias, poolings=poolings))
    return Case(heads, draw(feature_maps(heads, dtype)))


def logits(n_min=1, n_max=12, n_classes=N_CLASSES):
    """Rows of logits: plain, tied, and so large that a softmax saturates."""
    values = st.one_of(
        st.floats(-8, 8), st.integers(-3, 3).map(float), st.sampled_from([-800.0, 0.0, 800.0])
    )
    row = st.lists(values, min_size=n_classes, max_size=n_classes)
    return st.lists(row, min_size=n_min, max_size=n_max).map(np.array)


@dataclass(frozen=True, eq=False)
class Films:
    """Labels, scores and patients of a set of films."""

    y_true: np.ndarray
    probs: np.ndarray
    patients: tuple[int, ...]

    def __repr__(self) -> str:
        """Return it as arrays that can be pasted into a test."""
        return f"Films({self.y_true.tolist()}, {self.probs.tolist()}, {self.patients})"


@st.composite
def probabilities(draw, n):
    """Rows that sum to 1: of any shares, in tenths (ties), certain, or flat."""
    tenths = st.tuples(st.integers(0, 10), st.integers(0, 10)).map(sorted)
    rows = st.one_of(
        tenths.map(lambda cut: (cut[0] / 10, (cut[1] - cut[0]) / 10, (10 - cut[1]) / 10)),
        st.sampled_from([(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1 / 3,) * 3]),
        st.tuples(*[st.floats(0.001, 1)] * 3).map(lambda row: tuple(x / sum(row) for x in row)),
    )
    return np.array(draw(st.lists(rows, min_size=n, max_size=n))).reshape(n, N_CLASSES)


@st.composite
def films(draw, n_min=1, n_max=16, *, n_classes_min=1):
    """A set of films; classes may be absent, patients may have several films."""
    n = draw(st.integers(max(n_min, n_classes_min), n_max))
    sizes = st.integers(n_classes_min, N_CLASSES)
    present = draw(st.permutations(range(N_CLASSES)))[: draw(sizes)]
    labels = [*present[:n_classes_min]]
    rest = n - len(labels)
    labels += draw(st.lists(st.sampled_from(present), min_size=rest, max_size=rest))
    patients = draw(st.lists(st.integers(0, n - 1), min_size=n, max_size=n))
    return Films(np.array(labels, np.int64), draw(probabilities(n)), tuple(patients))


def bytes_of(*arrays) -> list[bytes]:
    """Return the bytes of arrays, to see later that nothing changed them."""
    return [np.asarray(array).tobytes() for array in arrays]
