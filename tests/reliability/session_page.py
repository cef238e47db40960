"""A page that reads the film whose number the address names, by the caches of every page."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import streamlit as st
from shown_words import words_of  # Streamlit looks beside the page

from ui import model_cache, reading_cache
from ui.discreet import be_discreet
from ui.state import Film

be_discreet()
data = Path(os.environ["CXR_TEST_FILMS"], st.query_params.get("film", "0")).read_bytes()
sent = Film("film.png", "film.png", hashlib.sha256(data).hexdigest(), data)
predictor = model_cache.load()
if st.query_params.get("forget"):
    reading_cache.forget()
view, summary = reading_cache.view(sent, predictor), reading_cache.summary(sent, predictor)
reading = reading_cache.reading(sent, predictor)
words = words_of(reading, [view.scores, summary.scores], view.maps)
st.text(f"said {words} end")
