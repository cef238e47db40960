"""Where every number comes from: the chain from films and commands to the bundle's digest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core.provenance import WHOLE, chain
from ui.card_view import chain_csv, chain_rows, shown_links, table_text
from ui.components.download import download
from ui.frame import plain

if TYPE_CHECKING:
    from cxr_core.bundle import Bundle
    from cxr_core.provenance import Provenance

_MEANING: Final = (
    "A digest is a number worked out from every byte: files with one digest are the same files. "
    "The bundle's digest covers the digests of all its files, so a changed film list, a changed "
    "figure or a changed weight gives another one. Calibration that was fitted to other models is "
    "refused. Digests of files are cut to sixteen digits here; the file below has them whole."
)
_CARRIED: Final = (
    "Pictures saved from the viewer carry this line in their margin, tables saved with a button of "
    "these pages carry its fields in comment lines at their top:"
)


def provenance_panel(bundle: Bundle, variant: str, provenance: Provenance) -> None:
    """Draw the chain as a table.

    Args:
        bundle: The bundle in use.
        variant: The variant in use.
        provenance: Of both.
    """
    st.markdown(_MEANING)
    st.markdown(_CARRIED)
    st.code(provenance.line(), language=None, wrap_lines=True)
    st.caption("Digest of the bundle, whole")
    st.code(provenance.digest, language=None)
    links = chain(bundle)
    is_all = len(bundle.variants) > 1 and st.toggle("All variants", key="provenance-all")
    for name in (WHOLE, *(bundle.variants if is_all else [variant])):
        st.header(name if name == WHOLE else f"Variant {plain(name)}", anchor=False)
        st.markdown(table_text(shown_links(links, name)))
    download("Download as CSV", chain_csv(chain_rows(links), provenance), "provenance.csv")
