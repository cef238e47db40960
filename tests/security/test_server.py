"""What the server sends, whom it answers, and what it keeps to itself."""

from __future__ import annotations

import tomllib

import pytest
from websockets.exceptions import InvalidStatus

from cxr_core.io import LIMITS
from tests.security.served import served
from tests.security.watched import ROOT, seen

SETTINGS = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def server(tiny_bundle_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    more = {"CXR_BUNDLE": str(tiny_bundle_dir), "HOME": str(folder / "home")}
    with served("tests/security/served_page.py", folder, **more) as found:
        yield found


def test_settings_as_shipped():
    server, client = SETTINGS["server"], SETTINGS["client"]
    assert server["address"] == "127.0.0.1"
    assert server["allowedHosts"] == ["localhost", "127.0.0.1", "::1"]
    assert server["enableXsrfProtection"] is server["enableCORS"] is True
    assert server["enableStaticServing"] is server["enableAgentApi"] is False
    assert server["fileWatcherType"] == "none"
    assert server["maxUploadSize"] * MIB == LIMITS.max_bytes
    assert client["showErrorDetails"] == "none"
    assert client["showErrorLinks"] is False
    assert SETTINGS["browser"]["gatherUsageStats"] is False


def test_headers(server):
    status, headers, _ = server.ask("/", Origin="https://films.example")
    assert status == 200
    assert headers["cache-control"] == "no-cache"
    assert "access-control-allow-origin" not in headers
    status, headers, _ = server.ask("/_stcore/health", Origin="https://films.example")
    assert (status, "access-control-allow-origin" in headers) == (200, False)
    name, _, attributes = headers["set-cookie"].partition("=")
    assert name == "_streamlit_xsrf"
    assert "SameSite=Lax" in attributes


@pytest.mark.parametrize(
    "path",
    [
        "/app/static/config.toml",
        "/.streamlit/config.toml",
        "/../streamlit_app.py",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/media/../../etc/passwd",
        "/component/x/../../etc/passwd",
        "/_stcore/bidi-components/x/../../etc/passwd",
        "/_stcore/agent/interact",
        "/_stcore/agent/mcp",
    ],
)
def test_nothing_of_the_computer_is_served_as_a_file(server, path):
    status, _, body = server.ask(path)
    assert status in (200, 307, 400, 404, 405)
    assert b"root:" not in body
    assert b"fileWatcherType" not in body
    assert b"import streamlit" not in body
    if status == 200:  # any page's address gives the same empty page of Streamlit
        assert body == server.ask("/")[2]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_page_of_this_computer_opens_a_session(server, host):
    with server.session(host=f"{host}:{server.port}") as session:
        session.run()
        assert b"Research use only" in session.received


def test_a_site_that_took_this_address_opens_none(server):
    """DNS rebinding: the name is the site's, the address ours, so origin and host agree."""
    with (
        pytest.raises(InvalidStatus, match="403"),
        server.session(host=f"films.example:{server.port}"),
    ):
        pass


def test_an_error_shows_and_logs_no_value(server):
    with server.session() as session:
        session.run("break=1")
    shown, printed = session.received, server.console.read_bytes()
    assert b"This app has encountered an error. The original error message is redacted" in shown
    for text in (shown, printed):
        assert b"Doe^John" not in text
        assert b"secret" not in text
    assert b"served_page.py" not in shown
    assert str(ROOT).encode() not in shown
    assert b"Uncaught app execution: ValueError at " in printed
    assert b"served_page.py:15" in printed


def upload(server, session_id, data, **headers):
    """Send a film as the uploader does."""
    head = b'--xx\r\nContent-Disposition: form-data; name="f"; filename="Doe^John.dcm"\r\n'
    body = head + b"Content-Type: application/octet-stream\r\n\r\n" + data + b"\r\n--xx--\r\n"
    headers["Content-Type"] = "multipart/form-data; boundary=xx"
    return server.ask(f"/_stcore/upload_file/{session_id}/one", "PUT", body, **headers)[0]


def test_uploads_stay_in_memory_and_need_the_token_of_the_page(server):
    token = server.ask("/_stcore/health")[1]["set-cookie"].split(";")[0].partition("=")[2]
    ours = {"Cookie": f"_streamlit_xsrf={token}", "X-Xsrftoken": token}
    with server.session() as session:
        session.run()
        assert upload(server, session.session_id, b"x" * 10) == 403
        assert upload(server, "another", b"x" * 10, **ours) == 400
        assert upload(server, session.session_id, b"x" * 48 * MIB, **ours) == 204
        assert upload(server, session.session_id, b"x" * 66 * MIB, **ours) == 413
    assert seen(server.log, "write") == []
    assert b"Doe" not in server.console.read_bytes()


def test_the_server_opened_no_connection(server):
    with server.session() as session:
        session.run()
    assert seen(server.log, "network") == []
    printed = server.console.read_text("utf-8")
    assert "127.0.0.1" in printed
    assert "External URL" not in printed
