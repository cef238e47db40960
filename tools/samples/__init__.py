"""A generative model of chest-like films, used by `make_samples.py`."""
