"""A visitor of the front page without a browser: Streamlit's own messages over its websocket.

What the browser does is done in its order: a cookie against foreign sites, the websocket, a first
run of the page, for each film an address to send it to, the film, a run with the uploader's new
state. What is left out is painting.
"""

from __future__ import annotations

import http.client
import json
import re
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from streamlit.proto.BackMsg_pb2 import BackMsg  # noqa: TID251 - its messages, no page
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg  # noqa: TID251
from websockets.sync.client import ClientConnection, connect

from benchmarks.serving import ask

_PATIENCE_S: Final = 120.0
_BOUNDARY: Final = "a-boundary-of-the-benchmark"
_COOKIE: Final = "_streamlit_xsrf"
_CLEAR: Final = "Clear my films"
_UPLOAD: Final = "Upload films"
_VIEWER: Final = "cxr_viewer"


@dataclass
class Run:
    """What one run of the page sent.

    Attributes:
        elements: In their order, without those that only stood in for a while.
        viewers: What each film's viewer got: its scores and maps among others.
        viewer_s: Seconds from the message that began the run to the last viewer.
        finished_s: Seconds to the end of the run.
        session_id: Of the session, needed to send films.
    """

    elements: list[Any] = field(default_factory=list)
    viewers: list[dict[str, Any]] = field(default_factory=list)
    viewer_s: float = 0.0
    finished_s: float = 0.0
    session_id: str = ""

    def find(self, kind: str, label: str) -> str:
        """Return the id of the widget of this kind whose label begins so.

        Raises:
            LookupError: If the page has none.
        """
        for element in self.elements:
            if element.WhichOneof("type") == kind:
                widget = getattr(element, kind)
                if widget.label.startswith(label):
                    return str(widget.id)
        msg = f"the page must have a {kind} {label!r}. Received: {len(self.elements)} elements"
        raise LookupError(msg)


class Visitor:
    """One session of the dashboard; use it as a context.

    Args:
        port: Where the dashboard listens, on 127.0.0.1.

    Raises:
        OSError: If nobody answers.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        headers = ask(port, "GET", "/_stcore/health")[2]
        found = re.search(rf"{_COOKIE}=([^;]+)", headers.get("set-cookie", ""))
        self._token = found.group(1) if found else ""
        self._socket: ClientConnection = connect(
            f"ws://127.0.0.1:{port}/_stcore/stream",
            origin=f"http://127.0.0.1:{port}",  # type: ignore[arg-type]
            subprotocols=["streamlit", self._token],  # type: ignore[list-item]
            additional_headers={"Cookie": f"{_COOKIE}={self._token}"},
            compression=None,
            max_size=None,
            open_timeout=_PATIENCE_S,
            legacy=True,
        )
        self._page = Run()
        self._sent: list[tuple[str, int, Any]] = []

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the dashboard."""
        self._socket.close()

    def open(self) -> Run:
        """Open the front page.

        Returns:
            What it sent.
        """
        return self._run(BackMsg(rerun_script={}))

    def upload(self, film: bytes, *, keep: bool = False) -> tuple[Run, float]:
        """Send one film.

        Args:
            film: PNG.
            keep: Whether those that were sent since the last `clear` stay; a browser would take
                them away in a run of its own.

        Returns:
            What the page sent, and the seconds from the choice of the file to its viewer.
        """
        if not keep:
            self._take_away()
        started = time.perf_counter()
        name = f"film-{len(self._sent)}.png"
        request = BackMsg()
        request.file_urls_request.request_id = name
        request.file_urls_request.file_names.append(name)
        request.file_urls_request.session_id = self._page.session_id
        self._socket.send(request.SerializeToString())
        message = self._receive()
        while message.WhichOneof("type") != "file_urls_response":
            message = self._receive()
        urls = message.file_urls_response.file_urls[0]
        self._put(urls.upload_url, name, film)
        self._sent.append((name, len(film), urls))
        sent_s = time.perf_counter() - started
        run = self._run(self._rerun())
        return run, sent_s + run.viewer_s

    def clear(self) -> Run:
        """Press the button that drops every film.

        Returns:
            What the page sent.
        """
        message = self._rerun()
        button = message.rerun_script.widget_states.widgets.add()
        button.id = self._page.find("button", _CLEAR)
        button.trigger_value = True
        self._sent = []
        return self._run(message)

    def _take_away(self) -> None:
        """Take the films out of the uploader; the next run says so."""
        for _, _, urls in self._sent:
            ask(self._port, "DELETE", urls.delete_url, None, self._credentials())
        self._sent = []

    def _credentials(self) -> dict[str, str]:
        """Return what shows that a request comes from the page itself."""
        return {"Cookie": f"{_COOKIE}={self._token}", "X-Xsrftoken": self._token}

    def _rerun(self) -> BackMsg:
        """Return the message that runs the page with the films that were sent."""
        message = BackMsg(rerun_script={})
        state = message.rerun_script.widget_states.widgets.add()
        state.id = self._page.find("file_uploader", _UPLOAD)
        for name, size, urls in self._sent:
            info = state.file_uploader_state_value.uploaded_file_info.add()
            info.file_id, info.name, info.size = urls.file_id, name, size
            info.file_urls.CopyFrom(urls)
        return message

    def _put(self, path: str, name: str, film: bytes) -> None:
        """Send the bytes of one film."""
        head = (
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"'
            "\r\nContent-Type: image/png\r\n\r\n"
        )
        body = head.encode() + film + f"\r\n--{_BOUNDARY}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
        status, answer, _ = ask(self._port, "PUT", path, body, {**kind, **self._credentials()})
        if status != http.client.NO_CONTENT:
            msg = f"a film must be taken. Received: {status} {answer[:200]!r}"
            raise RuntimeError(msg)

    def _run(self, message: BackMsg) -> Run:
        """Let the page run, and take what it sends."""
        started = time.perf_counter()
        self._socket.send(message.SerializeToString())
        run = Run()
        sent_viewers: list[str] = []
        while True:
            answer = self._receive()
            kind = answer.WhichOneof("type")
            if kind == "new_session":
                run.session_id = answer.new_session.initialize.session_id
            elif kind == "delta" and answer.delta.HasField("new_element"):
                element = answer.delta.new_element
                run.elements.append(element)
                if element.WhichOneof("type") == "exception":
                    msg = "the page must run. Received: an error in its script"
                    raise RuntimeError(msg)
                component = element.bidi_component
                if component.component_name.endswith(_VIEWER):
                    sent_viewers.append(component.json)
                    run.viewer_s = time.perf_counter() - started
            elif kind == "script_finished":
                run.finished_s = time.perf_counter() - started
                break
        run.viewers = [json.loads(text)[0] for text in sent_viewers]
        self._page = run
        return run

    def _receive(self) -> ForwardMsg:
        """Wait for the next message."""
        message = ForwardMsg()
        message.ParseFromString(self._socket.recv(timeout=_PATIENCE_S))
        return message
