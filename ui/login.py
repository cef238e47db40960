"""Login through an identity provider: asked for as soon as the secrets have an `[auth]` section.

Streamlit does the exchange with the provider and keeps the identity in a signed cookie; this module
decides who may go on. Without an `[auth]` section nobody is asked.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import streamlit as st

from cxr_core import APP_TITLE

_SETTINGS: Final = ("redirect_uri", "cookie_secret", "expose_tokens")
_NO_AUTHLIB: Final = (
    "**Login is set up, but cannot work here:** the package Authlib is not installed, so nobody is "
    "let in. Install it with `pip install -r requirements-login.txt`."
)
_BROKEN: Final = (
    "**The secrets of this installation cannot be read,** so nobody is let in: whether a login is "
    "asked for stands in them. The console says what is wrong with them."
)
_ASK: Final = "This installation asks you to log in before it shows anything."
_NOT_INVITED: Final = (
    "**You are logged in, but not on the list of this installation.** Ask whoever runs it, or log "
    "out and use another account."
)


def require_login() -> None:
    """Let only people in who are logged in and invited; ends the page for all others."""
    if _is_broken():
        st.markdown(_BROKEN)
        st.stop()
    auth = _section("auth")
    if not auth:
        return
    user = st.user.to_dict()
    if not user.get("is_logged_in"):
        st.title(APP_TITLE, anchor=False)
        _ask(auth)
        st.stop()
    if not is_invited(user, _section("access")):
        st.title(APP_TITLE, anchor=False)
        st.markdown(_NOT_INVITED)
        _logout_button()
        st.stop()


def logout_button() -> None:
    """Offer to log out, where there is a login."""
    if _section("auth"):
        _logout_button()


def is_invited(user: Mapping[str, Any], access: Mapping[str, Any]) -> bool:
    """Tell whether somebody who is logged in may go on.

    Args:
        user: What the provider says of them: `email`, and `email_verified` where it tells that.
        access: The section `[access]` of the secrets: lists `emails` and `domains`. Without it,
            everybody may whom the provider lets log in.

    Returns:
        True if the address, or its domain, is on a list. An address that the provider calls
        unverified never is.
    """
    if not access:
        return True
    email = str(user.get("email") or "").strip().lower()
    if not email or user.get("email_verified") in (False, "false"):
        return False
    emails = {str(one).strip().lower() for one in access.get("emails", ())}
    domains = {str(one).strip().lower().removeprefix("@") for one in access.get("domains", ())}
    domain = email.rpartition("@")[2] if "@" in email else ""
    return email in emails or domain in domains - {""}


def has_authlib() -> bool:
    """Tell whether the package is installed that talks to providers."""
    return importlib.util.find_spec("authlib") is not None


def _ask(auth: Mapping[str, Any]) -> None:
    """Draw one button for each provider."""
    if not has_authlib():
        st.markdown(_NO_AUTHLIB)
        return
    st.markdown(_ASK)
    for name in _providers(auth):
        label = "Log in" if name is None else f"Log in with {name.capitalize()}"
        st.button(label, type="primary", key=f"login-{name}", on_click=st.login, args=(name,))


def _providers(auth: Mapping[str, Any]) -> list[str | None]:
    """Return the names of the providers; `None` stands for the one without a name."""
    named: list[str | None] = [
        name for name, value in auth.items() if isinstance(value, Mapping) and name not in _SETTINGS
    ]
    return [None, *named] if "client_id" in auth else named


def _logout_button() -> None:
    """Draw the button that ends the login."""
    st.button("Log out", icon=":material/logout:", on_click=st.logout, key="logout")


def _is_broken() -> bool:
    """Tell whether there are secrets that cannot be read."""
    return any(Path(path).exists() for path in _files()) and not st.secrets.load_if_toml_exists()


def _files() -> list[str]:
    """Return where secrets may lie."""
    return list(st.get_option("secrets.files"))


def _section(name: str) -> Mapping[str, Any]:
    """Return a section of the secrets; empty where there is none, or no secrets at all."""
    if not st.secrets.load_if_toml_exists():
        return {}
    section = st.secrets.get(name)
    return section if isinstance(section, Mapping) else {}
