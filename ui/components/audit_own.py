"""Audit a folder of the reader's own: a form, a bar, a way to stop, results to take away."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from cxr_core.audit.folder import audit_folder
from cxr_core.audit.overlap import FingerprintIndex, bundle_index
from cxr_core.audit.plan import AuditSettings, Tools
from cxr_core.audit.section import markdown_lines
from cxr_core.audit.systems_reader import SystemsReader
from cxr_core.audit.table import sections
from cxr_core.errors import CxrError
from ui import model_cache
from ui.audit_changes import overlap_line, restricted_rows
from ui.audit_view import own_part
from ui.components.audit_panel import (
    changes_panel,
    chart_panel,
    covered_panel,
    leak_panel,
    source_panel,
)
from ui.components.download import download
from ui.components.progress import STOP
from ui.folder import folder_named
from ui.folder_policy import folder_policy
from ui.frame import plain, show_error
from ui.provenance import provenance_of
from ui.words import FOLDERS_CLOSED

if TYPE_CHECKING:
    from cxr_core.bundle import Bundle
    from cxr_core.predict import Predictor

AUDIT: Final = "Audit the folder"
N_READ: Final = 100
N_PROBED: Final = 6
EXPLANATION: Final = (
    "Put your own films to the same questions: a folder with train/ and test/, or one folder a "
    "class (COVID19/, NORMAL/, PNEUMONIA/, any of them), and a `manifest.csv` with the columns "
    "`path`, `patient` and `source` if there is one. Films are compared with those that the models "
    "were made from by what they show, not by name or bytes: saved again, scaled, cropped, "
    "mirrored or inverted copies are found. Then the systems are scored with and without them."
)
NO_INDEX: Final = (
    "This bundle holds no fingerprints of the films that its models were made from, so copies of "
    "them cannot be found here."
)
OVERLAP_LIMIT: Final = (
    "Measured with the films that the models were made from: copies that were saved again, scaled, "
    "mirrored, inverted or turned by five degrees are nearly all found, two in three of those cut "
    "by a tenth on each side, and none of those cut by more; of 1,076 films of other patients none "
    "was taken for a copy. Other films of the same patients are not found."
)
_KEY: Final = "audit-own"


def own_panel(predictor: Predictor) -> None:
    """Ask for a folder, audit it and draw what was found.

    Args:
        predictor: The models in use.
    """
    st.markdown(EXPLANATION)
    if folder_policy().is_closed:
        st.caption(FOLDERS_CLOSED)
        return
    with st.form("audit-own-form", border=False):
        left, middle, right = st.columns([5, 2, 2], vertical_alignment="bottom")
        typed = left.text_input(
            "Folder of labelled films",
            key="audit-own-name",
            persist_state="session",
            help="On the computer that runs this page. Films are read, never copied and never "
            "written.",
        )
        n_read = middle.number_input(
            "Films to read, at most",
            min_value=1,
            value=N_READ,
            step=50,
            key="audit-own-n",
            help="By the systems, drawn by chance. Each is read four times, about one film a "
            "second on two processor cores. The small classifiers always use all films.",
        )
        asked = right.form_submit_button(AUDIT, width="stretch")
    if asked:
        st.session_state.pop(_KEY, None)
        found = _run(predictor, typed or "", int(n_read))
        if found is not None:
            st.session_state[_KEY] = (model_cache.models_key(predictor), typed, found)
    held = st.session_state.get(_KEY)
    if held is not None and held[0] == model_cache.models_key(predictor):
        _show(predictor, held[1], held[2])


def _run(predictor: Predictor, name: str, n_read: int) -> dict[str, Any] | None:
    """Audit with a bar; any click on the page, the stop button's too, ends it."""
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, text="Reading the films …")
        st.button(STOP, icon=":material/stop_circle:", key="audit-own-stop")

    def tell(words: str, n_done: int, n_all: int) -> None:
        bar.progress(n_done / n_all if n_all else 1.0, text=f"{words}: {n_done:,} of {n_all:,}")

    try:
        tools = Tools(
            SystemsReader({predictor.variant: predictor}),
            model_cache.lungs(),
            _index(predictor.bundle),
        )
        settings = AuditSettings(n_read=n_read, n_probed=N_PROBED, names=True)
        return audit_folder(folder_named(name), tools, settings=settings, on_stage=tell)
    except CxrError as err:
        show_error("This folder could not be audited.", str(err), err.hint)
        return None
    finally:
        place.empty()


def _show(predictor: Predictor, name: str, audit: Mapping[str, Any]) -> None:
    """Draw the audit of the folder, and offer it."""
    variant = predictor.variant
    st.subheader(plain(Path(name).name or name), anchor=False)
    if audit["overlap"] is not None:
        st.markdown(overlap_line(audit["overlap"]))
        st.table(
            restricted_rows(own_part(audit, variant)),
            hide_index=True,
            border="horizontal",
            alt="Accuracy on all films and without copies of training films",
        )
        st.caption(OVERLAP_LIMIT)
    elif _index(predictor.bundle) is None:
        st.caption(NO_INDEX)
    else:
        st.markdown("**These are the very films that the models were made from.**")
    chart_panel(audit, variant, key="audit-own")
    with st.expander("Lungs removed"):
        covered_panel(audit, variant, key="audit-own")
    with st.expander("Source prediction"):
        source_panel(audit, variant)
    with st.expander("Copies and leaks"):
        leak_panel(audit, key="audit-own")
    with st.expander("Small changes"):
        changes_panel(audit, variant, key="audit-own")
    downloads(predictor, audit)


def downloads(predictor: Predictor, audit: Mapping[str, Any]) -> None:
    """Offer an audit as JSON and as Markdown tables.

    Args:
        predictor: The models in use.
        audit: Of schema `cxr-audit/1`.
    """
    made_with = provenance_of(predictor)
    with st.container(horizontal=True):
        download(
            "Audit as JSON",
            json.dumps({**audit, "made_with": made_with.to_dict()}, indent=1),
            "audit.json",
        )
        download(
            "Tables as Markdown",
            "\n".join([*markdown_lines(sections(audit, predictor.variant)), made_with.line()]),
            "audit.md",
        )


def _index(bundle: Bundle) -> FingerprintIndex | None:
    """Return the bundle's fingerprints, loaded once."""
    return _loaded_index(bundle.digest, bundle)


@st.cache_resource(show_spinner=False, max_entries=3)
def _loaded_index(digest: str, _bundle: Bundle) -> FingerprintIndex | None:  # noqa: ARG001
    """Load fingerprints; the bundle is not part of the cache key, its digest is."""
    return bundle_index(_bundle)
