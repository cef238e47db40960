"""What is refused before a film is read: form, size, number, options, access; and what is kept."""

from __future__ import annotations

import pytest

from cxr_core.errors import ConfigError
from cxr_core.http.settings import Settings, hosts_from, is_loopback, token_from
from tests.http.live import BOUNDARY, MULTIPART, FakeModels, form, serving, status_of, until

TOKEN = "0123456789abcdef-0123"  # noqa: S105 - of the tests


@pytest.fixture
def small():
    """A server with small bounds, whose models fail as soon as they read."""
    models = FakeModels()
    bounds = {"max_films": 2, "max_body_bytes": 4000, "upload_s": 0.5}
    with serving(lambda: models, **bounds) as found:
        until(lambda: found.service.is_ready)
        yield found


def test_a_length_over_the_limit_is_refused_before_the_body(live):
    assert live.head_only(64 * 1024 * 1024 + 1) == 413
    assert live.head_only(128 * 1024 * 1024 + 1, MULTIPART["Content-Type"]) == 413


def test_a_body_that_lies_about_nothing_is_counted_while_it_comes(small):
    head = (
        "POST /api/predict HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n"
        f"Content-Type: {MULTIPART['Content-Type']}"
    )
    with small.raw_socket(head, b"1000\r\n" + b"x" * 4096 + b"\r\n") as link:
        assert status_of(link) == 413


def test_too_many_films_are_413(small):
    answer = small.predict(*(("a.png", b"x"),) * 3)
    assert (answer.status, answer.error) == (413, "BodyTooLargeError")
    assert "2 films" in answer.json["error"]["message"]


def test_a_slow_body_is_408(small):
    head = "POST /api/predict HTTP/1.1\nHost: x\nContent-Type: image/png\nContent-Length: 9"
    with small.raw_socket(head, b"abc") as link:
        assert status_of(link) == 408
    until(lambda: small.service.admission.n_requests == 0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not a form",
        form(("a.png", b"x"))[:-8],
        form(),
        form(variant="tiny"),
        f"--{BOUNDARY}\r\nno colon\r\n\r\nx\r\n--{BOUNDARY}--\r\n".encode(),
        form(("a.png", b"x"), variant="v" * 300),
        form(("a.png", b"x"), **{f"f{i}": "x" for i in range(9)}),
    ],
)
def test_a_body_that_is_no_form_of_films_is_400(live, body):
    answer = live.ask("/api/predict", "POST", body, MULTIPART)
    assert (answer.status, answer.error) == (400, "BadRequestError")


def test_a_form_without_a_boundary_is_400(live):
    answer = live.ask("/api/predict", "POST", b"x", {"Content-Type": "multipart/form-data"})
    assert answer.status == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Encoding": "gzip"},
    ],
)
def test_other_bodies_are_415(live, headers):
    answer = live.predict_raw(b"{}", headers=headers)
    assert (answer.status, answer.error) == (415, "UnsupportedBodyError")


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("?variant=none", 422, "`variant` must be one of tiny"),
        ("?precision=int4", 422, "`precision` must be one of f32, bf16"),
        ("?explain=gradcam,guess", 422, "`explain` must be"),
        ("?varient=tiny", 400, "Options must be among"),
        ("?variant=tiny&variant=tiny", 400, "given once"),
    ],
)
def test_unknown_options_are_refused(live, query, status, said):
    answer = live.predict_raw(b"x", query)
    assert answer.status == status
    assert said in answer.json["error"]["message"]


def test_a_near_miss_is_guessed(live):
    answer = live.predict(("a.png", b"x"), varient="tiny")
    assert answer.json["error"]["hint"] == "Did you mean variant?"
    both = live.predict(("a.png", b"x"), query="?variant=tiny", variant="tiny")
    assert both.status == 400


def test_other_methods_and_addresses(live):
    assert live.ask("/api/predict").status == 405
    assert live.ask("/api/predict").error == "WrongMethodError"
    assert live.ask("/healthz", "POST", b"x").status == 405
    assert live.ask("/api/films").error == "UnknownPathError"
    assert live.ask("/elsewhere").status == 404
    assert live.ask("/healthz", "HEAD").body == b""


def test_a_token_is_asked_for_where_there_is_one(film_path):
    with serving(FakeModels, token=TOKEN) as found:
        until(lambda: found.service.is_ready)
        none = found.predict_raw(b"x")
        assert (none.status, none.error) == (401, "UnauthorisedError")
        assert none.headers["www-authenticate"].startswith("Bearer")
        for wrong in ("Bearer ", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer é"):
            sent = {"Authorization": wrong.encode("latin-1")}
            assert found.predict_raw(b"x", headers=sent).status == 401
        right = {"Authorization": f"Bearer {TOKEN}"}
        assert found.predict_raw(b"x", headers=right).status == 415
        assert found.ask("/healthz").status == found.ask("/readyz").status == 200
        assert TOKEN not in str(found.ask("/api/openapi.json").body)


def test_a_wrong_token_is_refused_before_the_body():
    with serving(FakeModels, token=TOKEN) as found:
        assert found.head_only(10**12) == 401


def test_a_token_that_can_be_guessed_is_refused():
    for token in ("short", "x" * 15, "with blanks in it and long", "é" * 20):
        with pytest.raises(ConfigError, match="at least 16 letters"):
            Settings(token=token)
    assert token_from({"CXR_API_TOKEN": "  "}) is None
    assert token_from({"CXR_API_TOKEN": f" {TOKEN}\n"}) == TOKEN


def test_only_named_hosts_are_answered():
    with serving(FakeModels, allowed_hosts=("localhost", "::1")) as found:
        until(lambda: found.service.is_ready)
        for host, status in (
            ("localhost:8600", 415),
            ("LOCALHOST", 415),
            ("[::1]:8600", 415),
            ("evil.example", 400),
            ("localhost.evil.example", 400),
            ("[", 400),
        ):
            assert found.predict_raw(b"x", headers={"Host": host}).status == status, host
        assert found.ask("/healthz", headers={"Host": "10.0.0.7"}).status == 200


def test_a_page_of_another_site_is_refused_where_there_is_no_token(live):
    other = live.predict_raw(b"x", headers={"Origin": "https://evil.example"})
    assert (other.status, other.error) == (403, "ForbiddenError")
    own = live.predict_raw(b"x", headers={"Origin": "http://127.0.0.1:1"})
    assert own.status == 415


def test_hosts_and_loopback():
    assert hosts_from({"CXR_API_ALLOWED_HOSTS": " A.example, b ,"}) == ("a.example", "b")
    assert all(
        is_loopback(host) for host in ("localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]")
    )
    assert not any(is_loopback(host) for host in ("::", "10.1.1.1", "example.org", "10.0.0.1"))
