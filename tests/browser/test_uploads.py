"""Seen on a real server only: what it takes at all, how long it keeps it, and what a browser
makes of dropped files.
"""

import contextlib
import http.client
import io
import itertools
import time
import uuid
from collections.abc import Callable

import psutil
import pytest
from PIL import Image
from playwright.sync_api import expect

from ham.ui.visit import MAX_UPLOAD_MB

from .conftest import Visit

MB = 2**20


def image(color: tuple[int, int, int], kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (60, 45), color).save(file, kind)
    return file.getvalue()


def drop(page: Visit, *files: tuple[str, bytes]) -> None:
    """Without a MIME type, as Chrome gives none to a file whose extension it does not know."""
    page.page.locator(".stFileUploader input[type=file]").first.set_input_files(
        [{"name": name, "mimeType": "", "buffer": content} for name, content in files]
    )


def past_the_browser(page: Visit) -> Callable[..., int]:
    """`put(megabytes, declared=True)`: the answer of the server of this Training page to a file of
    zeros that no field has looked at.
    """
    with page.page.expect_request(lambda request: request.method == "PUT") as sent:
        page.sees("Import a run").click()
        drop(page, ("run.zip", b"no run"))
    page.sees("run.zip")
    folder = sent.value.url.rpartition("/")[0].removeprefix(page.server.url)
    headers = {
        name: value
        for name, value in sent.value.all_headers().items()
        if name in ("cookie", "x-xsrftoken")
    }

    def put(megabytes: int, declared: bool = True) -> int:
        start = b'--part\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        end = b"\r\n--part--\r\n"
        body = itertools.chain([start], itertools.repeat(bytes(MB), megabytes), [end])
        size = {"Content-Length": str(len(start) + megabytes * MB + len(end))}
        kind = {"Content-Type": "multipart/form-data; boundary=part"}
        server = http.client.HTTPConnection(page.server.url.removeprefix("http://"), timeout=60)
        with contextlib.closing(server):
            # it may refuse before all of it was sent
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                server.request(
                    "PUT",
                    f"{folder}/{uuid.uuid4()}",
                    body,
                    headers | kind | (size if declared else {}),
                    encode_chunked=not declared,
                )
            return server.getresponse().status

    return put


def test_the_server_takes_no_more_than_a_field_does(shared, visit):
    page = visit(shared(), "training")
    put = past_the_browser(page)
    for declared in (True, False):  # whether the browser says how much it will send
        assert put(MAX_UPLOAD_MB, declared) == 204
        for megabytes in (MAX_UPLOAD_MB + 3, 300):
            assert put(megabytes, declared) == 413
    page.check()


def test_what_a_visit_has_sent_is_given_back_when_it_ends(shared, visit):
    page = visit(shared(), "training")
    put = past_the_browser(page)
    process = psutil.Process(page.server.process.pid)
    assert [put(20) for _ in range(15)] == [204] * 15
    held = process.memory_info().rss
    page.page.close()
    for _ in range(480):
        if held - process.memory_info().rss > 250 * MB:
            return
        time.sleep(0.25)
    pytest.fail(f"{(held - process.memory_info().rss) / MB:.0f} MB of 300 were given back")


def test_dropped_images_are_there_after_a_look_at_another_page_and_can_be_removed(shared, visit):
    page = visit(shared(), "prediction")
    drop(page, ("red.png", image((200, 0, 0))), ("photograph", image((0, 0, 200), "JPEG")))
    page.sees("2 images, 3 models")
    page.go("Comparison")
    page.go("Prediction")
    page.sees("2 images, 3 models")
    expect(page.page.get_by_text("photograph", exact=True)).to_have_count(1)  # the open one
    page.press("Remove", exact=True)
    page.sees("red.png")
    expect(page.page.get_by_text("2 images, 3 models")).to_have_count(0)
    drop(page, ("green.png", image((0, 200, 0))))
    page.sees("2 images, 3 models")
    page.press("Remove all 2")
    expect(page.page.locator(".ham-answer")).to_have_count(0)
    page.check()


def test_files_that_are_no_images_are_refused_by_their_true_names(shared, visit):
    page = visit(shared(), "prediction")
    drop(
        page,
        ("phone.HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)),
        ("scan.dcm", bytes(128) + b"DICM" + bytes(200)),
        ("photograph", image((0, 0, 200), "JPEG")),
    )
    page.sees("This does not look like a dermatoscopic photograph")
    page.sees("2 files were not answered")
    for words in ("phone.HEIC: this is a HEIC file", "scan.dcm: this is a DICOM file"):
        assert words in page.text
    assert "not allowed" not in page.text
    page.check()
