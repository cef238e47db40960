"""The core of CXR Reading Room: reading films, five systems, their maps; no UI and no training."""

__version__ = "0.1.0"

APP_TITLE = "CXR Reading Room"
"""What the software is called, on screen, in reports and in the objects it writes."""
