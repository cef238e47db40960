"""A page with an uploader and what every page does first; `?break=1` fails with a film's value."""

from __future__ import annotations

import streamlit as st

from ui.discreet import be_discreet
from ui.words import RESEARCH_USE

be_discreet()
st.info(RESEARCH_USE)
st.file_uploader("Films")
if st.query_params.get("break"):
    message = "Doe^John in /data/secret/film.dcm"
    raise ValueError(message)
