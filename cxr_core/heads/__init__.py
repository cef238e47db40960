"""The five systems above their frozen backbones, in numpy: feature maps in, logits out.

A member is pooling, flattening, one or two ReLU layers and a layer of logits. An ensemble is one
layer over the members' probabilities (30 parameters for three members) or over their last hidden
layers (579). Everything the closed-form maps need is a by-product of this forward pass.

Shapes: `a` is one feature map (h, w, c); `d` the width of a layer; `k` the number of classes.
Arithmetic keeps the dtype of the weights: float32 in serving, float64 in tests of exactness.
"""

from cxr_core.heads.dense import Dense, softmax
from cxr_core.heads.head_set import (
    HeadSet,
    HeadSetState,
    ensemble_from_arrays,
    in_member_order,
)
from cxr_core.heads.member import MemberHead, MemberState, head_from_arrays
from cxr_core.heads.pooling import POOLINGS, pool_matrix

__all__ = [
    "POOLINGS",
    "Dense",
    "HeadSet",
    "HeadSetState",
    "MemberHead",
    "MemberState",
    "ensemble_from_arrays",
    "head_from_arrays",
    "in_member_order",
    "pool_matrix",
    "softmax",
]
