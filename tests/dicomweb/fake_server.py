"""A small DICOMweb server on loopback that can be told to misbehave."""

from __future__ import annotations

import json
import re
import threading
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from urllib.parse import parse_qs, unquote, urlsplit

import pydicom

from cxr_core.io.dicomweb import ServerSettings

ROOT = "/dicom-web"
BOUNDARY = "a-boundary"


@dataclass
class Request:
    """What came in."""

    method: str
    path: str
    headers: dict
    body: bytes

    @property
    def query(self):
        """The values of the query."""
        return {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}


class FakeServer:
    """A server with some files.

    Attributes:
        files: What it holds, by SOP Instance UID.
        requests: What came in, in order.
        behave: Called with the handler before each answer; True where it answered itself.
        refuses: Failure reason for each object to be stored, or `None`.
    """

    def __init__(self, *files):
        self.files = {}
        self.requests = []
        self.behave = None
        self.refuses = None
        self.token = ""
        for data in files:
            self.take(data)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16
            disable_nagle_algorithm = True

            def do_GET(self):
                outer.answer(self)

            def do_POST(self):
                outer.answer(self)

            def log_message(self, *_args):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_args):
                pass

        self.http = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}{ROOT}"
        self._thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def settings(self, **options):
        """The way to this server."""
        return ServerSettings(self.url, **options)

    def stop(self):
        """End it."""
        self.http.shutdown()
        self.http.server_close()
        self._thread.join(5)

    def take(self, data):
        """Take a file."""
        uid = str(pydicom.dcmread(BytesIO(data), stop_before_pixels=True).SOPInstanceUID)
        self.files[uid] = data
        return uid

    def answer(self, handler):
        """Answer as DICOMweb asks, unless told to do otherwise."""
        n_bytes = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(n_bytes) if n_bytes else b""
        request = Request(handler.command, handler.path, dict(handler.headers), body)
        self.requests.append(request)
        with suppress(ConnectionError):
            if self.behave is not None and self.behave(handler):
                return
            if self.token and handler.headers.get("Authorization") != self.token:
                send(handler, 401)
            elif handler.command == "POST":
                self._store(handler, body)
            else:
                self._get(handler, urlsplit(unquote(handler.path)).path.removeprefix(ROOT), request)

    def datasets(self):
        """The files, parsed."""
        return [pydicom.dcmread(BytesIO(data)) for data in self.files.values()]

    def _get(self, handler, path, request):
        parts = path.strip("/").split("/")
        if parts[::2] == ["studies", "series", "instances"] and len(parts) == 6:
            data = self.files.get(parts[5])
            if data is None:
                send(handler, 404)
                return
            send(handler, 200, multipart(data), content_type=multipart_type())
            return
        level = parts[-1]
        where = {"StudyInstanceUID": parts[1] if len(parts) > 1 else None}
        where["SeriesInstanceUID"] = parts[3] if len(parts) > 3 else None
        found = {}
        for ds in self.datasets():
            if any(uid is not None and ds[key].value != uid for key, uid in where.items()):
                continue
            if self._asked(ds, request.query):
                key = {"studies": "StudyInstanceUID", "series": "SeriesInstanceUID"}
                found.setdefault(str(ds[key.get(level, "SOPInstanceUID")].value), described(ds))
        answer = list(found.values())[: int(request.query.get("limit", 10_000))]
        send(handler, 200, json.dumps(answer).encode(), content_type="application/dicom+json")

    def _asked(self, ds, query):
        asked = dict(query)
        modality = asked.pop("ModalitiesInStudy", ds.Modality)
        first, dash, last = asked.pop("StudyDate", "-").partition("-")
        last = last if dash else first
        day = str(ds.get("StudyDate", ""))
        if modality != ds.Modality or (first and day < first) or (last and day > last):
            return False
        return all(
            re.fullmatch(text.replace("*", ".*").replace("?", "."), str(ds.get(key, "")))
            for key, text in asked.items()
            if key in ("PatientID", "AccessionNumber", "StudyInstanceUID")
        )

    def _store(self, handler, body):
        kind = handler.headers["Content-Type"]
        boundary = re.search(r"boundary=(\S+)", kind)[1].encode()
        data = body.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--" + boundary + b"--", 1)[0]
        reason = self.refuses
        uid = pydicom.dcmread(BytesIO(data), stop_before_pixels=True).SOPInstanceUID
        item = {"00081155": {"vr": "UI", "Value": [str(uid)]}}
        if reason is None:
            self.take(data)
            answer = {"00081199": {"vr": "SQ", "Value": [item]}}
        else:
            item["00081197"] = {"vr": "US", "Value": [reason]}
            answer = {"00081198": {"vr": "SQ", "Value": [item]}}
        status = 200 if reason is None else 409
        send(handler, status, json.dumps(answer).encode(), content_type="application/dicom+json")


def described(ds):
    """A data set as the answer to a search, without its pixels."""
    named = [
        *("SOPClassUID", "SOPInstanceUID", "StudyDate", "AccessionNumber", "Modality"),
        *("PatientID", "PatientName", "StudyInstanceUID", "SeriesInstanceUID", "ViewPosition"),
        "ImageType",
    ]
    small = pydicom.Dataset()
    for keyword in named:
        if keyword in ds:
            small[keyword] = ds[keyword]
    small.ModalitiesInStudy = [ds.Modality]
    small.NumberOfStudyRelatedInstances = 1
    return small.to_json_dict()


def send(handler, status, body=b"", content_type="text/plain", **headers):
    """Send a whole answer."""
    handler.send_response(status)
    handler.send_header("Content-Type", content_type)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def multipart(*files, boundary=BOUNDARY):
    """The body of an answer with files."""
    parts = [
        f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode() + data + b"\r\n"
        for data in files
    ]
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


def multipart_type(boundary=BOUNDARY):
    """Its Content-Type."""
    return f'multipart/related; type="application/dicom"; boundary="{boundary}"'
