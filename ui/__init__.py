"""The dashboard's own parts: frame, state, cache and components; the only users of Streamlit."""
