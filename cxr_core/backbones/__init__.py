"""The networks that turn a film into a feature map: one entry each, and how to build them.

Keras is imported only when something is built. The output of every model built here is its feature
map, the tensor that the heads read and that the heatmaps explain.
"""

from cxr_core.backbones.keras_graph import MIN_SIDE_PX, build
from cxr_core.backbones.registry import BACKBONES, Backbone, find
from cxr_core.backbones.weight_file import WeightSource

__all__ = ["BACKBONES", "MIN_SIDE_PX", "Backbone", "WeightSource", "build", "find"]
