"""The examples for proxies and the settings that the documents name."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib

import pytest
from streamlit import config

from cxr_core.http.settings import Settings
from tests.deploy.dockerfile import ROOT

NGINX = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
CADDY = (ROOT / "deploy" / "Caddyfile").read_text("utf-8")
DOCUMENT = (ROOT / "docs" / "deployment.md").read_text("utf-8")
SETTINGS = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))
MIB = 1024 * 1024


def test_both_have_the_same_policy_and_headers():
    (policy,) = set(re.findall(r'Content-Security-Policy "([^"]+)"', NGINX + CADDY))
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["object-src"] == "'none'"
    assert not re.search(r"https?:|\*", policy)
    for text in (NGINX, CADDY):
        for name in ("Strict-Transport-Security", "X-Content-Type-Options", "Referrer-Policy"):
            assert name in text


def test_bodies_and_patience_are_those_of_the_server():
    settings = Settings()
    assert f"client_max_body_size  {settings.max_body_bytes // MIB}m;" in NGINX
    assert "max_size 128MB" in CADDY
    longest_s = settings.upload_s + settings.wait_s + settings.read_s
    assert f"proxy_read_timeout {longest_s:.0f}s;" in NGINX
    assert f"response_header_timeout {longest_s:.0f}s" in CADDY
    assert settings.limits.max_bytes == SETTINGS["server"]["maxUploadSize"] * MIB


def test_nginx_keeps_the_name_upgrades_and_writes_no_film_or_address():
    assert "proxy_set_header Host              $http_host;" in NGINX
    assert "proxy_set_header Upgrade           $http_upgrade;" in NGINX
    assert "proxy_request_buffering off;" in NGINX
    assert "proxy_max_temp_file_size 0;" in NGINX
    (form,) = re.findall(r"log_format cxr '([^']+)'", NGINX)
    words = set(re.findall(r"\$\w+", form))
    assert words == {"$time_iso8601", "$request_method", "$status", "$request_time"}


def test_nginx_accepts_its_file(tmp_path):
    nginx = shutil.which("nginx")
    if nginx is None or shutil.which("openssl") is None:
        pytest.skip("nginx is not installed")
    key, certificate = tmp_path / "k.key", tmp_path / "k.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x"]
    made += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True)
    ours = NGINX.replace("/etc/nginx/tls/films.example.pem", str(certificate))
    ours = ours.replace("/etc/nginx/tls/films.example.key", str(key))
    ours = ours.replace("/var/log/nginx", str(tmp_path))
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = "".join(f"{kind}_temp_path {tmp_path}/{kind};\n" for kind in kinds)
    text = f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{folders}{ours}\n}}\n"
    (tmp_path / "nginx.conf").write_text(text, "utf-8")
    command = [nginx, "-t", "-c", str(tmp_path / "nginx.conf"), "-e", str(tmp_path / "log")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_option_that_is_named_exists():
    known = set(config.get_config_options())
    sections = r"server|browser|client|theme|secrets|runner|logger|global"
    named = set(re.findall(rf"`((?:{sections})\.[a-z]\w+)`", DOCUMENT))
    assert len(named) >= 10
    assert named <= known, named - known
    ours = {f"{section}.{name}" for section in SETTINGS for name in SETTINGS[section]}
    assert {name for name in ours if not name.startswith("theme.")} <= known


def test_what_is_shipped_is_what_the_document_says():
    server, browser = SETTINGS["server"], SETTINGS["browser"]
    assert server["address"] == browser["serverAddress"] == "127.0.0.1"
    assert server["enableCORS"] is server["enableXsrfProtection"] is True
    assert browser["gatherUsageStats"] is False
    assert server["maxUploadSize"] == 64
    assert server["allowedHosts"] == ["localhost", "127.0.0.1", "::1"]
    assert server["enableAgentApi"] is False
    for name in ("corsAllowedOrigins", "cookieSecret"):
        assert name not in server


def test_files_that_the_documents_name_exist():
    for page in ("deployment", "http"):
        text = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
        for path in re.findall(r"`((?:deploy|docs|tests|ui|cxr_core)/[\w./-]+)`", text):
            assert (ROOT / path).exists(), path
