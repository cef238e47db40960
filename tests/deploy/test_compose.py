"""The example of docker compose, read."""

from __future__ import annotations

import json
import re

import yaml

from cxr_core.io.dicomweb import settings_from_environment
from tests.deploy.dockerfile import ROOT, image

FILE = ROOT / "deploy" / "compose.yaml"
PLAN = yaml.safe_load(FILE.read_text("utf-8"))
SERVICES = PLAN["services"]


def test_images_are_pinned_and_the_context_is_the_repository():
    for name, service in SERVICES.items():
        assert re.search(r":\d[\w.]*$", service["image"]), name
        assert "latest" not in service["image"]
    context = (FILE.parent / SERVICES["dashboard"]["build"]).resolve()
    assert context == ROOT
    assert (context / "Dockerfile").is_file()


def test_the_dashboard_may_do_little():
    dashboard = SERVICES["dashboard"]
    assert dashboard["read_only"] is True
    assert dashboard["cap_drop"] == ["ALL"]
    assert dashboard["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in dashboard
    assert [mount.split(":")[0] for mount in dashboard["tmpfs"]] == ["/tmp"]  # noqa: S108
    assert {"mem_limit", "pids_limit", "cpus"} <= set(dashboard)
    assert dashboard["volumes"] == ["weights:/var/tmp"]
    assert "weights" in PLAN["volumes"]


def test_ports_are_for_this_computer_only():
    (port,) = image()[1].all("EXPOSE")
    assert SERVICES["dashboard"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert "ports" not in SERVICES["orthanc"]
    assert SERVICES["orthanc"]["networks"] == ["inside"]
    assert PLAN["networks"]["inside"]["internal"] is True
    for service in SERVICES.values():
        assert set(service["networks"]) <= set(PLAN["networks"])


def test_both_sides_have_the_same_password_and_none_is_written_down():
    ours, theirs = (SERVICES[name]["environment"] for name in ("dashboard", "orthanc"))
    users = json.loads(theirs["ORTHANC__REGISTERED_USERS"])
    assert users == {ours["CXR_DICOMWEB_USER"]: ours["CXR_DICOMWEB_PASSWORD"]}
    assert re.fullmatch(r"\$\{CXR_DICOMWEB_PASSWORD:\?.+\}", ours["CXR_DICOMWEB_PASSWORD"])
    assert ours["CXR_API_TOKEN"] in ("${CXR_API_TOKEN:-}",)
    root = theirs["ORTHANC__DICOM_WEB__ROOT"].rstrip("/")
    assert ours["CXR_DICOMWEB_URL"] == f"http://orthanc:8042{root}"
    settings = settings_from_environment({**ours, "CXR_DICOMWEB_PASSWORD": "x"})
    assert settings.url == ours["CXR_DICOMWEB_URL"]
    for volume in SERVICES["orthanc"]["volumes"]:
        assert volume.split(":")[0] in PLAN["volumes"]
