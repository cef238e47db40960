"""A generative model of chest-like films, fitted to a training folder; used by `make_samples.py`."""
