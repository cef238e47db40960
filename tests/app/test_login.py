"""Login: every page asks for it where the secrets have `[auth]`, and shows nothing before."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st

import ui.login
from ui.login import is_invited

ROOT = Path(__file__).resolve().parents[2]
PAGES = [None, *(f"pages/{path.name}" for path in sorted((ROOT / "pages").glob("*.py")))]
PROVIDER = {"client_id": "x", "client_secret": "y", "server_metadata_url": "https://id.example/m"}
SHARED = {"redirect_uri": "https://films.example/oauth2callback", "cookie_secret": "z" * 32}
ASK = "This installation asks you to log in before it shows anything."
NOT_INVITED = "**You are logged in, but not on the list of this installation.**"


@pytest.fixture
def guarded(app, predictor, monkeypatch):
    """The front page of an installation with a login, seen by somebody who has none."""
    monkeypatch.setattr(ui.login, "has_authlib", lambda: True)
    app.secrets["auth"] = {**SHARED, **PROVIDER}
    app.user = {"is_logged_in": False}
    return app


def said(at):
    return "\n".join(markdown.value for markdown in at.markdown)


def labels(at):
    return [button.label for button in at.button]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_shows_anything_before_the_login(guarded, predictor, page):
    guarded.run()
    if page is not None:
        guarded.switch_page(page).run()
    assert not guarded.exception
    assert [title.value for title in guarded.title] == ["CXR Reading Room"]
    assert "Research use only." in guarded.info[0].value
    assert said(guarded) == ASK
    assert labels(guarded) == ["Log in"]
    assert not guarded.sidebar.markdown
    assert not guarded.file_uploader
    assert predictor.n_read == 0


def test_who_is_logged_in_sees_the_page_and_can_log_out(guarded):
    guarded.user = {"is_logged_in": True, "email": "reader@hospital.example"}
    guarded.run()
    assert not guarded.exception
    assert guarded.file_uploader
    assert "Log out" in labels(guarded)
    assert ASK not in said(guarded)


def test_without_the_key_nobody_is_logged_in(guarded):
    guarded.user = {"email": "test@example.com"}
    assert labels(guarded.run()) == ["Log in"]


def test_several_providers_have_a_button_each(guarded):
    guarded.secrets["auth"] = {**SHARED, "hospital": PROVIDER, "university": PROVIDER}
    assert labels(guarded.run()) == ["Log in with Hospital", "Log in with University"]


def test_only_invited_people_come_in_where_there_is_a_list(guarded):
    guarded.secrets["access"] = {"domains": ["hospital.example"]}
    guarded.user = {"is_logged_in": True, "email": "reader@elsewhere.example"}
    guarded.run()
    assert NOT_INVITED in said(guarded)
    assert labels(guarded) == ["Log out"]
    assert not guarded.file_uploader
    guarded.user = {"is_logged_in": True, "email": "reader@hospital.example"}
    assert guarded.run().file_uploader


def test_a_missing_package_lets_nobody_in(guarded, monkeypatch):
    monkeypatch.setattr(ui.login, "has_authlib", lambda: False)
    guarded.run()
    assert "cannot work here:** the package Authlib is not installed" in said(guarded)
    assert not guarded.file_uploader
    assert labels(guarded) == []


def test_secrets_that_cannot_be_read_let_nobody_in(app, predictor, monkeypatch, tmp_path):
    broken = tmp_path / "secrets.toml"
    broken.write_text("[auth\n", "utf-8")
    monkeypatch.setattr(ui.login, "_files", lambda: [str(broken)])
    app.run()
    assert not app.exception
    assert "**The secrets of this installation cannot be read,**" in said(app)
    assert not app.file_uploader


def test_without_a_login_nobody_is_asked(app, predictor):
    app.run()
    assert app.file_uploader
    assert "Log out" not in labels(app)


def test_other_secrets_ask_for_nothing(app, predictor):
    app.secrets["dicomweb"] = {"password": "x"}
    assert app.run().file_uploader


@pytest.mark.parametrize(
    ("user", "access", "is_in"),
    [
        ({"email": "a@b.example"}, {}, True),
        ({"email": "A@B.example "}, {"emails": ["a@b.example"]}, True),
        ({"email": "a@b.example"}, {"domains": ["@B.example"]}, True),
        ({"email": "a@x.b.example"}, {"domains": ["b.example"]}, False),
        ({"email": "a@evilb.example"}, {"domains": ["b.example"]}, False),
        ({"email": "a@b.example@evil.example"}, {"domains": ["b.example"]}, False),
        ({"email": "a@b.example", "email_verified": False}, {"emails": ["a@b.example"]}, False),
        ({"email": "a@b.example", "email_verified": True}, {"emails": ["a@b.example"]}, True),
        ({"email": None}, {"domains": [""]}, False),
        ({}, {"emails": [""]}, False),
        ({"email": "nothing"}, {"domains": [""]}, False),
        ({"email": "a@b.example"}, {"emails": []}, False),
    ],
)
def test_who_is_invited(user, access, is_in):
    assert is_invited(user, access) is is_in


def test_the_settings_that_this_relies_on_exist():
    assert st.get_option("secrets.files")
    assert st.get_option("server.enableXsrfProtection") is True
