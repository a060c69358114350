"""Kaggle on this computer: an HTTP proxy that answers for api.kaggle.com's stand-in and for the
storage behind it.

kagglehub asks http://localhost/api/v1/… when KAGGLE_API_ENVIRONMENT is LOCALHOST; http_proxy
brings every request of the process here, so nothing of kagglehub is replaced. As the real one
does, it answers a download with a redirect to a storage that takes ranges and names an MD5.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import json
import socket
import struct
import threading
import time
import zipfile

STORAGE = "http://storage.test/"


class Kaggle(http.server.ThreadingHTTPServer):
    """`faults` are met by the requests for data in turn, `refusals` (HTTP status) by those to
    the API.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, files: dict[str, bytes], zipped: bool = False):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.zipped = files, zipped
        self.names_md5 = self.takes_ranges = self.names_length = True
        self.faults: list[tuple[str, int]] = []  # (what happens, after how many bytes)
        self.refusals: list[int] = []
        # "GetDataset", "DownloadDataset NAME", "GET NAME", "GET NAME bytes=100-"
        self.asked: list[str] = []
        self.seconds_a_block = 0.0  # of 64 KiB
        self.retry_after = ""
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
            "http_proxy": f"http://127.0.0.1:{self.server_port}",
        }

    def __enter__(self) -> Kaggle:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """The client hung up, as it may."""

    def stored(self, name: str) -> tuple[str, bytes]:
        """A file's name in the storage and its bytes there."""
        if not name:
            return "ham10000.zip", zip_of(self.files)
        return (
            (f"{name}.zip", zip_of({name: self.files[name]}))
            if self.zipped
            else (name, self.files[name])
        )


def zip_of(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(
                zipfile.ZipInfo(name, (2018, 9, 20, 0, 0, 0)), content, zipfile.ZIP_DEFLATED
            )
    return packed.getvalue()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Kaggle

    def log_message(self, *words: object) -> None:
        pass

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        call = self.path.rsplit("/", 1)[-1]
        name = asked.get("fileName") or ""
        self.server.asked.append(f"{call} {name}".strip())
        if self.server.refusals:
            status = self.server.refusals.pop(0)
            return self._json(status, {"code": status, "message": "No."})
        if not self.path.startswith("http://localhost/api/v1/datasets.DatasetApiService/"):
            return self._json(404, {"code": 404, "message": self.path})
        if call == "GetDataset":
            return self._json(200, {"currentVersionNumber": 2})
        self.send_response(302)
        self.send_header(
            "Location",
            STORAGE + (name or "ARCHIVE") + (".zip" if self.server.zipped or not name else ""),
        )
        self.send_header("Content-Length", "0")
        self.end_headers()
        return None

    def do_GET(self) -> None:
        name = self.path.removeprefix(STORAGE).removesuffix(".zip").replace("ARCHIVE", "")
        wanted = self.headers.get("Range", "")
        self.server.asked.append(f"GET {name or 'archive'} {wanted}".strip())
        content = self.server.stored(name)[1]
        fault, after = self.server.faults.pop(0) if self.server.faults else ("", 0)
        if fault.isdigit():
            return self._json(int(fault), {"code": int(fault), "message": "No."})
        start = (
            int(wanted.removeprefix("bytes=").rstrip("-"))
            if wanted and self.server.takes_ranges
            else 0
        )
        body = content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Accept-Ranges", "bytes")  # claimed even where ranges are then ignored
        if self.server.names_length:
            self.send_header("Content-Length", str(len(body)))
        if self.server.names_md5:
            md5 = base64.b64encode(hashlib.md5(content).digest()).decode()
            self.send_header("x-goog-hash", f"crc32c=AAAAAA==,md5={md5}")
        self.end_headers()
        if fault == "flip":
            body = body[:after] + bytes([body[after] ^ 1]) + body[after + 1 :]
        if fault in ("reset", "cut", "hang"):
            body = body[:after]
        for at in range(0, len(body), 1 << 16):
            self.wfile.write(body[at : at + (1 << 16)])
            time.sleep(self.server.seconds_a_block)
        if fault == "reset":  # what was sent is read first, then comes the reset
            time.sleep(0.2)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif fault == "hang":
            self.connection.recv(1)  # until the other side has gone
        return None

    def _json(self, status: int, document: dict) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.server.retry_after:
            self.send_header("Retry-After", self.server.retry_after)
        self.end_headers()
        self.wfile.write(body)
