"""The process that fetches from Kaggle; `ham.data.download` starts it by its path and reads what
it says.

    python -P fetch.py HANDLE [FILE ...]        the named files, into kagglehub's cache
    python -P fetch.py HANDLE --archive ZIP     the whole data set as one zip, never unpacked here

A process of its own, because kagglehub can neither be stopped nor told to give up waiting: this one
can be killed at any moment, and the next one goes on from the bytes that are there. It ends by
itself when whoever started it is gone. What it says are lines that begin with SAYS, then JSON;
all else that kagglehub or tqdm print is noise. Nothing of ours is imported, so that it starts
quickly.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import sys
import threading
from pathlib import Path

SAYS = "ham-fetch "
#: What tqdm draws, by its own setting TQDM_BAR_FORMAT: how many bytes there will be. Those that
#: are there, the disk tells.
BAR = "ham-bar {total} "
SPARE_BYTES = 1 << 30  # left free beside the archive
# of kagglehub, instead of 1 MiB: what a kill loses, and what a slow line waits for
CHUNK_BYTES = 1 << 16


def say(**what: object) -> None:
    print(f"\n{SAYS}{json.dumps(what)}", flush=True)


def files(handle: str, names: list[str]) -> None:
    """Fetches each file, or goes on with it, and says where it lies."""
    import kagglehub.clients

    kagglehub.clients.CHUNK_SIZE = CHUNK_BYTES
    for name in names:
        say(file=name)
        for packed in Path(os.environ["KAGGLEHUB_CACHE"]).rglob(f"{name}.zip"):
            # killed while unpacking it: the whole zip is under its first name
            packed.replace(packed.with_suffix(""))
        say(file=name, path=kagglehub.dataset_download(handle, path=name))


def archive(handle: str, target: Path) -> None:
    """The whole data set. `dataset_download` would unpack it on the spot, every photograph
    twice, as Kaggle's zip has them, and unchecked; so its two halves are called, without the
    unpacking."""
    import kagglehub.clients
    from kagglehub.clients import build_kaggle_client, download_file
    from kagglehub.exceptions import handle_call
    from kagglehub.handle import parse_dataset_handle
    from kagglesdk.datasets.types.dataset_api_service import ApiDownloadDatasetRequest

    kagglehub.clients.CHUNK_SIZE = CHUNK_BYTES
    wanted = parse_dataset_handle(handle)
    request = ApiDownloadDatasetRequest()
    request.owner_slug, request.dataset_slug = wanted.owner, wanted.dataset
    say(file=target.name)
    with build_kaggle_client() as client:
        response = handle_call(
            lambda: client.datasets.dataset_api_client.download_dataset(request), wanted
        )
        there = target.stat().st_size if target.exists() else 0
        needed = int(response.headers.get("Content-Length", 0)) - there + SPARE_BYTES
        free = shutil.disk_usage(target.parent).free
        if free < needed:
            raise OSError(
                errno.ENOSPC, f"it needs {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free"
            )
        download_file(response, str(target), wanted)
    say(file=target.name, path=str(target))


def what_went_wrong(error: Exception) -> dict[str, object]:
    """The error's kind (http, connection, corrupt, full, disk, missing, other) and its words."""
    import zipfile

    try:
        import requests
        import urllib3
        from kagglehub.exceptions import DataCorruptionError
    except ImportError as missing:
        return {"error": "missing", "detail": str(missing)}
    found: dict[str, object] = {"detail": f"{type(error).__name__}: {error}"}
    if isinstance(error, requests.HTTPError) and error.response is not None:
        found |= {
            "error": "http",
            "status": error.response.status_code,
            "retry_after": error.response.headers.get("Retry-After"),
        }
    elif isinstance(
        error,
        requests.RequestException | urllib3.exceptions.HTTPError | ConnectionError | TimeoutError,
    ):
        found["error"] = "connection"  # refused, reset, cut short, no such host, no answer
    elif isinstance(error, DataCorruptionError | zipfile.BadZipFile):
        found["error"] = "corrupt"
    elif isinstance(error, OSError):
        full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
        found |= {"error": "full" if full else "disk", "detail": error.strerror or str(error)}
    else:
        found["error"] = "other"
    return found


def end_with_parent() -> None:
    """Whoever started this holds the other end of standard input: it closes with them, however
    they end.
    """

    def wait() -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stdin.buffer.read()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main(arguments: list[str]) -> int:
    end_with_parent()
    handle, *rest = arguments
    try:
        if rest[:1] == ["--archive"]:
            archive(handle, Path(rest[1]))
        else:
            files(handle, rest)
    except Exception as error:  # told to the parent, which finds the words for people
        say(**what_went_wrong(error))
        return 1
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)  # the thread that watches standard input would be waited for
