"""Visitors of the dashboard without a browser: Streamlit's own protocol over its web socket.

What a browser costs to draw is not in it; what the server takes to answer is. Benchmarks count
with it, and tests see what a page sends.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileUploaderState, UploadedFileInfo
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect

ROOT = Path(__file__).parents[1]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def server(
    data: str | Path | None,
    home: Path | None = None,
    *,
    port: int | None = None,
    options: Sequence[str] = (),
    **environment: str,
) -> Iterator[tuple[str, psutil.Process]]:
    """`streamlit run app.py` in a home of its own; its address without a scheme, its process."""
    port = port or free_port()
    with tempfile.TemporaryDirectory() as own:
        settings = {**os.environ, "HAM_HOME": str(home or own), **environment}
        settings.pop("HAM_DATA", None)
        if data:
            settings["HAM_DATA"] = str(data)
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
        process = subprocess.Popen(
            [*command, "--server.port", str(port), *options],
            cwd=ROOT,
            env=settings,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            address = f"localhost:{port}"
            while True:
                if process.poll() is not None:
                    raise RuntimeError(f"the server ended with {process.returncode}")
                with contextlib.suppress(OSError):
                    requests.get(f"http://{address}/_stcore/health", timeout=5)
                    break
                time.sleep(0.1)
            yield address, psutil.Process(process.pid)
        finally:
            if process.poll() is None:
                for child in psutil.Process(process.pid).children(recursive=True):
                    child.kill()
                process.kill()
            process.wait()


class Visitor:
    """One visit of one page: what stands on it, and clicks. With the cookies of a browser it is
    whoever logged in there.
    """

    def __init__(self, address: str, page: str, cookies: dict[str, str] | None = None):
        self._address, self._page = address, page
        self._session, self.sent_to = "", ""  # a link that the page asks its browser to follow
        token = (cookies or {}).get("_streamlit_xsrf")
        header = "; ".join(f"{name}={value}" for name, value in (cookies or {}).items())
        self.elements: dict[tuple[int, ...], object] = {}
        self._open = contextlib.ExitStack()
        self._socket = self._open.enter_context(
            connect(
                f"ws://{address}/_stcore/stream",
                subprotocols=["streamlit", *([token] if token else [])],
                additional_headers={"Cookie": header} if header else None,
                origin=f"http://{address}",
                max_size=None,
            )
        )
        self.run([])

    def close(self) -> None:
        self._open.close()

    def run(
        self, states: list[WidgetState], until: Callable[[Visitor], bool] | None = None
    ) -> float:
        """Asks for the page with these widgets; the seconds until `until`, else to its end."""
        message = BackMsg()
        state = message.rerun_script
        state.page_name = self._page
        state.widget_states.widgets.extend(states)
        start, seen = time.perf_counter(), 0.0
        self._socket.send(message.SerializeToString())
        while True:
            got = ForwardMsg()
            got.ParseFromString(self._socket.recv())
            kind = got.WhichOneof("type")
            if kind == "new_session":
                self._session = got.new_session.initialize.session_id or self._session
                self.elements.clear()  # the page comes anew
            elif kind == "auth_redirect":
                self.sent_to = got.auth_redirect.url
            elif kind == "delta" and got.delta.WhichOneof("type") == "new_element":
                self.elements[tuple(got.metadata.delta_path)] = got.delta.new_element
                if until and not seen and until(self):
                    seen = time.perf_counter() - start
            elif got.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY and (
                kind == "script_finished"
            ):
                return seen or time.perf_counter() - start

    def kinds(self, kind: str) -> list[object]:
        """The page's elements of this kind, as their messages."""
        found = [e for e in self.elements.values() if e.WhichOneof("type") == kind]
        return [getattr(element, kind) for element in found]

    def buttons(self, label: str) -> list[str]:
        """Ids of the buttons whose label begins so."""
        return [button.id for button in self.kinds("button") if button.label.startswith(label)]

    def texts(self) -> str:
        """Markdown and HTML of the page."""
        parts = []
        for element in self.elements.values():
            kind = element.WhichOneof("type")
            if kind in ("markdown", "html", "heading", "text"):
                parts.append(getattr(element, kind).body)
        return "\n".join(parts)

    def upload(self, name: str, content: bytes) -> WidgetState:
        """A file for the drop zone, sent; the state of the widget that holds it."""
        zone = self.kinds("file_uploader")[0]
        message = BackMsg()
        message.file_urls_request.request_id = uuid.uuid4().hex
        message.file_urls_request.file_names.append(name)
        message.file_urls_request.session_id = self._session
        self._socket.send(message.SerializeToString())
        while True:
            got = ForwardMsg()
            got.ParseFromString(self._socket.recv())
            if got.WhichOneof("type") == "file_urls_response":
                break
        urls = got.file_urls_response.file_urls[0]
        cookies, headers = self._xsrf()
        requests.put(
            f"http://{self._address}{urls.upload_url}",
            files={"file": (name, content)},
            cookies=cookies,
            headers=headers,
            timeout=60,
        ).raise_for_status()
        info = UploadedFileInfo(file_id=urls.file_id, name=name, size=len(content), file_urls=urls)
        return WidgetState(
            id=zone.id, file_uploader_state_value=FileUploaderState(uploaded_file_info=[info])
        )

    def _xsrf(self) -> tuple[dict[str, str], dict[str, str]]:
        page = requests.get(f"http://{self._address}/_stcore/health", timeout=10)
        token = page.cookies.get("_streamlit_xsrf", "")
        return {"_streamlit_xsrf": token}, {"X-Xsrftoken": token}


def answered(visitor: Visitor) -> bool:
    return 'class="ham-answer"' in visitor.texts()


def image_named(texts: str) -> str:
    """The name of the image whose answer is open."""
    return re.findall(r"\*\*([A-Z]+\\?_\d+)\*\*", texts)[-1].replace("\\", "")
