"""Where the lungs are on a film, and how much of a heatmap lies in them.

A small network of its own, published with its record and its hashes, run by the engine that runs
the backbones. It draws the projected lung fields as its training masks do: with the part of the
left lung behind the heart, without the part below the domes of the diaphragm.

Caution:
    The share of a map in the lungs is never called a localisation. A map with all of its mass in
    the lungs may still follow the source of the film, and a cell of a 7 by 7 map is a window on a
    far larger part of the film. A share near the lungs' own share of the area is what a map that
    knows nothing of lungs would have.
"""

from cxr_core.lungs.mask import LungMask
from cxr_core.lungs.record import NETWORK, RECORD, read_record, write_record
from cxr_core.lungs.segmenter import DEFAULT_LUNGS, LungSegmenter, load_lungs
from cxr_core.lungs.shape import LungLimits
from cxr_core.lungs.share import LungShare, lung_share

__all__ = [
    "DEFAULT_LUNGS",
    "NETWORK",
    "RECORD",
    "LungLimits",
    "LungMask",
    "LungSegmenter",
    "LungShare",
    "load_lungs",
    "lung_share",
    "read_record",
    "write_record",
]
