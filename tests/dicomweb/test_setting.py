"""Where the server's address and credentials come from, and what is refused."""

from __future__ import annotations

import base64

import pytest

from cxr_core.io.dicomweb import (
    Query,
    ServerLoginError,
    ServerSettingError,
    ServerSettings,
    settings_from,
    settings_from_environment,
)
from cxr_core.io.dicomweb.client import DicomWeb

SECRET = "s3cret"  # noqa: S105


def test_settings_come_from_the_environment(tmp_path):
    ca = tmp_path / "ca.pem"
    ca.write_text("x", "utf-8")
    found = settings_from_environment(
        {
            "CXR_DICOMWEB_URL": " https://pacs.example/dicom-web/ ",
            "CXR_DICOMWEB_USER": "reader",
            "CXR_DICOMWEB_PASSWORD": SECRET,
            "CXR_DICOMWEB_CA": str(ca),
            "OTHER": "x",
        }
    )
    assert found.url == "https://pacs.example/dicom-web"
    assert (found.user, found.password, found.token) == ("reader", SECRET, "")
    assert found.ca_path == ca
    assert found.warning is None
    assert repr(found) == "ServerSettings()"


def test_without_an_address_there_is_no_server():
    assert settings_from_environment({}) is None
    assert settings_from_environment({"CXR_DICOMWEB_URL": " ", "CXR_DICOMWEB_USER": "x"}) is None
    assert settings_from({"url": "http://localhost:8042/dicom-web"}).user == ""


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"url": "pacs.example"}, "must begin with http"),
        ({"url": "ftp://pacs.example"}, "must begin with http"),
        ({"url": "file:///etc/passwd"}, "must begin with http"),
        ({"url": "https://"}, "must begin with http"),
        ({"url": "https://pacs:99999/"}, "must be an address"),
        ({"url": "https://[::1"}, "must be an address"),
        ({"url": f"https://{'a' * 70}.example"}, "must be an address"),
        ({"url": f"https://u:{SECRET}@pacs.example"}, "hold no credentials"),
        ({"url": f"https://pacs.example/?key={SECRET}"}, "end with its path"),
        ({"url": "https://pacs.example/#x"}, "end with its path"),
        ({"url": "https://pacs.example/a b"}, "end with its path"),
        ({"url": "https://pacs.example", "user": "u"}, "go together"),
        ({"url": "https://pacs.example", "password": SECRET}, "go together"),
        ({"url": "https://h", "user": "u", "password": SECRET, "token": "t"}, "exclude each other"),
        ({"url": "https://h", "user": "u:v", "password": SECRET}, "without a colon"),
        ({"url": "https://h", "user": "u", "password": f"{SECRET}\n{SECRET}"}, "be printable"),
        ({"url": "https://h", "token": f"{SECRET}\r\nX: y"}, "plain characters"),
        ({"url": "https://h", "ca": "/no/such/file"}, "name a file"),
        ({"url": "https://h", "plain_http": "perhaps"}, "be yes or no"),
        ({"url": "http://pacs.example", "token": SECRET}, "must begin with https"),
        ({"url": "http://10.0.0.1", "user": "u", "password": SECRET}, "must begin with https"),
        ({"url": "http://localhost.example", "token": SECRET}, "must begin with https"),
        ({"url": "http://127.0.0.1.example", "token": SECRET}, "must begin with https"),
    ],
)
def test_wrong_settings_are_refused_without_being_repeated(values, words):
    with pytest.raises(ServerSettingError, match=words) as raised:
        settings_from(values)
    assert raised.value.hint
    for text in (SECRET, "pacs", "example", "/no/such"):
        assert text not in str(raised.value) + raised.value.hint.replace("for example", "")


def test_credentials_without_encryption_stay_on_this_machine_unless_allowed():
    for host in ("localhost", "127.0.0.1", "127.8.9.1", "[::1]"):
        assert settings_from({"url": f"http://{host}:8042", "token": SECRET}).warning is None
    plain = settings_from({"url": "http://orthanc:8042", "token": SECRET, "plain_http": "yes"})
    assert "not encrypted" in plain.warning
    assert "not encrypted" in settings_from({"url": "http://orthanc:8042"}).warning


def test_the_way_in_is_used(fake):
    pair = base64.b64encode("Jürgen:pä ss".encode()).decode()
    fake.token = f"Basic {pair}"
    way_in = {"user": "Jürgen", "password": "pä ss"}
    with DicomWeb(fake.settings(**way_in)) as client:
        assert client.studies(Query()).studies
    fake.token = f"Bearer {SECRET}"
    with DicomWeb(fake.settings(token=SECRET)) as client:
        assert client.studies(Query()).studies
    with (
        DicomWeb(fake.settings(token=SECRET[1:])) as client,
        pytest.raises(ServerLoginError, match="status 401"),
    ):
        client.studies(Query())


def test_the_environment_of_the_process_is_not_asked(fake, monkeypatch, tmp_path):
    """No proxy, no `.netrc`: credentials and identifiers go to the configured address alone."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b", "utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with DicomWeb(ServerSettings(fake.url)) as client:
        assert client.studies(Query()).studies
    assert "Authorization" not in fake.requests[0].headers
