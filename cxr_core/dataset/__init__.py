"""Films of a labelled folder: who belongs together, what leaks, how classes are balanced."""

from cxr_core.dataset.balance import (
    NOT_STATED,
    class_weights_inverse,
    class_weights_max,
    source_separability,
)
from cxr_core.dataset.film import (
    SPLITS,
    Film,
    class_counts,
    data_digest,
    find_split,
    scan_classes,
    scan_split,
)
from cxr_core.dataset.group import (
    Fingerprint,
    carve,
    fingerprint,
    join_groups,
    kermany_patient,
    near_duplicates,
)
from cxr_core.dataset.leak import Leak, find_duplicates, find_leaks
from cxr_core.dataset.manifest import ManifestRow, read_manifest
from cxr_core.dataset.scan import Dataset, Unreadable, scan
from cxr_core.dataset.summary import check_summary, read_summary, summarise

__all__ = [
    "NOT_STATED",
    "SPLITS",
    "Dataset",
    "Film",
    "Fingerprint",
    "Leak",
    "ManifestRow",
    "Unreadable",
    "carve",
    "check_summary",
    "class_counts",
    "class_weights_inverse",
    "class_weights_max",
    "data_digest",
    "find_duplicates",
    "find_leaks",
    "find_split",
    "fingerprint",
    "join_groups",
    "kermany_patient",
    "near_duplicates",
    "read_manifest",
    "read_summary",
    "scan",
    "scan_classes",
    "scan_split",
    "source_separability",
    "summarise",
]
