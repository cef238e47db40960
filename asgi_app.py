"""Dashboard and HTTP interface in one process: `streamlit run asgi_app.py`.

The dashboard alone is `streamlit run streamlit_app.py`, the interface alone
`python -m cxr_core serve`.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui.api import interface
from ui.offline import stay_offline

stay_offline()
routes, lifespan = interface()
app = st.App(Path(__file__).with_name("streamlit_app.py"), routes=routes, lifespan=lifespan)
