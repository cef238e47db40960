"""Class activation maps of all five systems in closed form: no tape, no second pass, no new model.

For a member with feature map A, pooled to P A and flattened to f, u = W1ᵀ f + b1, h = relu(u) and
logits z = W2ᵀ h + b2, the gradient of any score s by A is Pᵀ W1 v with v = ds/du, a vector of 64 or
128 numbers. The ensembles only change v. So every map below is a few small matrix products.

Logits are explained, not probabilities: where a softmax is saturated its gradient is zero and a map
of it is blank. Maps are signed and unscaled; scaling belongs to the display.

Caution:
    A map says which cells moved a score. It does not say where disease is. Published tests found
    every saliency method failing at least one of four criteria on chest films (Arun et al. 2021,
    doi:10.1148/ryai.2021200267), and all of them below radiologists in localisation (Saporta et al.
    2022, doi:10.1038/s42256-022-00536-x).
"""

from cxr_core.explain.cam.formula import ablation_falls, eigencam, logit_gradients
from cxr_core.explain.cam.method import DEFAULT_METHOD, METHODS, Cam, Method
from cxr_core.explain.cam.score_map import (
    explain,
    explain_classes,
    explain_logits,
    target_coefficients,
)

__all__ = [
    "DEFAULT_METHOD",
    "METHODS",
    "Cam",
    "Method",
    "ablation_falls",
    "eigencam",
    "explain",
    "explain_classes",
    "explain_logits",
    "logit_gradients",
    "target_coefficients",
]
