"""A published set of models: one folder, one manifest, every file with its hash, nothing pickled.

`bundle.json` names the backbones (shared) and the *variants*: sets of heads trained by one recipe,
each with the preprocessing it was trained with. A variant may hold any members; it holds an
ensemble only together with all the members that the ensemble was trained on.
"""

from cxr_core.bundle.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.bundle.entry import BackboneEntry, MemberEntry, VariantEntry
from cxr_core.bundle.manifest import (
    AUDIT,
    CARD,
    DATA_CARD,
    DATASET,
    GATE,
    MANIFEST,
    TRADEOFF,
    Manifest,
)
from cxr_core.bundle.seal import seal

__all__ = [
    "AUDIT",
    "CARD",
    "DATASET",
    "DATA_CARD",
    "DEFAULT_BUNDLE",
    "GATE",
    "MANIFEST",
    "TRADEOFF",
    "BackboneEntry",
    "Bundle",
    "Manifest",
    "MemberEntry",
    "VariantEntry",
    "seal",
]
