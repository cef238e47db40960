"""Streamlit never asks the internet for this computer's address.

Where a page of an unknown origin opens a connection, Streamlit 1.67 looks whether that origin is
its own public address, and asks a server of another company for it. Refusing needs no such answer.
"""

from __future__ import annotations

from streamlit import net_util


def stay_offline() -> None:
    """Take that question away; call it as early as there is code of ours."""
    net_util.get_external_ip = _unknown


def _unknown() -> str | None:
    """Stand for an address that nobody knows, as Streamlit does without a network."""
    return None
