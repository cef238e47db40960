"""What charts of all pages share."""

from __future__ import annotations

from typing import Final

NO_BAR: Final = {"displayModeBar": False}
"""`config` of a chart without Plotly's row of buttons."""
