"""The core of CXR Reading Room: reading films, five systems, their maps; no UI and no training."""

__version__ = "0.1.0"
