"""The model card: what the bundle holds, where its weights come from, what it is not for."""

from __future__ import annotations

import streamlit as st

from ui.components.bundle_tables import bundle_facts, card_text, file_rows, member_rows
from ui.components.tradeoff import tradeoff_section
from ui.frame import models, page

page("Model card")
predictor = models()
bundle = predictor.bundle

st.header("Bundle", anchor=False)
st.table(
    bundle_facts(bundle, predictor.variant),
    hide_header=True,
    border="horizontal",
    alt="Name, version, variants and systems of the bundle",
)
st.caption("Digest of the bundle (SHA-256 of its manifest, which holds the hash of every file)")
st.code(bundle.digest, language=None)

st.header("Networks", anchor=False)
st.table(
    member_rows(bundle.variant(predictor.variant)),
    border="horizontal",
    hide_index=True,
    alt="Preprocessing, feature layer and origin of the weights of each network",
)

with st.expander("Files and their hashes"):
    st.dataframe(
        file_rows(bundle.files),
        hide_index=True,
        alt="Size and SHA-256 of every published file",
    )

tradeoff_section(bundle.tradeoff())

st.divider()
card_text(bundle.card)
