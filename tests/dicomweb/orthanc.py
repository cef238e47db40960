"""A real Orthanc with its DICOMweb plugin, on loopback, with configuration and storage of its own.

It is started as a plain process from Debian's packages `orthanc` and `orthanc-dicomweb`; no service
is needed, and one that runs is left alone.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

USER, PASSWORD = "reader", "a-pass phrase:ü"
PLUGINS = (Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so"),)


def missing() -> str:
    """Say what is not installed, or nothing."""
    if program() is None:
        return "orthanc is not installed (Debian: apt-get install orthanc orthanc-dicomweb)"
    if not PLUGINS[0].exists():
        return "orthanc-dicomweb is not installed (Debian: apt-get install orthanc-dicomweb)"
    return ""


def program() -> str | None:
    """Return the path of the server."""
    return shutil.which("Orthanc") or shutil.which("/usr/sbin/Orthanc")


def free_port() -> int:
    """Return a port of loopback that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Orthanc:
    """A running server.

    Attributes:
        url: Where DICOMweb begins.
    """

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/dicom-web"
        configuration = {
            "Name": "test",
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "index"),
            "Plugins": [str(path) for path in PLUGINS],
            "HttpServerEnabled": True,
            "HttpPort": port,
            "DicomServerEnabled": False,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": True,
            "RegisteredUsers": {USER: PASSWORD},
            "SslEnabled": False,
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "EnableWado": False},
        }
        path = folder / "orthanc.json"
        path.write_text(json.dumps(configuration), "utf-8")
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            [program(), str(path)], stdout=self._log, stderr=self._log, cwd=folder
        )
        self._wait(port)

    def _wait(self, port: int) -> None:
        """Wait until it listens."""
        for _ in range(200):
            if self._process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        self.stop()
        msg = f"Orthanc does not start: {Path(self._log.name).read_text()[-2000:]}"
        raise RuntimeError(msg)

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(20)
        self._log.close()
