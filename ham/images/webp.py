"""WebP: its header, and the first picture without the rest.

A lossless picture (and lossless transparency) brings tables of its own, whose size cannot be told
from the header; and decoding keeps Python waiting. So all but small pictures are decoded apart.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from PIL import WebPImagePlugin

from ham.images.picture import MAX_PROFILE, Picture, cut_short, damaged
from ham.images.tags import exif_orientation

MAX_CHUNKS = 100_000
MAX_PIXELS = 14_000_000
PIXEL_BYTES = 16  # while one is decoded: two canvases, the answer and Pillow's copy of it
PIXEL_SECONDS = 60e-9  # measured: 50 ns
MOST_HERE = 1_000_000  # pixels that are decoded in this process
MOST_TABLES_HERE = 500_000  # the same where it is lossless: tables of up to 150 MB


def read(data: bytes) -> Picture:
    """Raises Refused."""
    size: tuple[int, int] | None = None
    kept, frames, exif, profile, lossless = [], 0, b"", None, False
    for kind, start, end in _chunks(
        data, 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    ):
        payload = data[start:end] if kind in (b"VP8X", b"ANIM", b"EXIF", b"ICCP") else b""
        if kind == b"VP8X" and len(payload) >= 10:
            width, height = (int.from_bytes(payload[i : i + 3], "little") for i in (4, 7))
            size = width + 1, height + 1
            # transparency, animation
            kept.append(_chunk(b"VP8X", bytes([payload[0] & 0x12]) + payload[1:10]))
        elif kind in (b"VP8 ", b"VP8L", b"ALPH", b"ANMF"):
            frames += kind != b"ALPH"
            if frames <= 1:
                kept.append(_chunk(kind, data[start:end]))
                inside = _chunks(data, start + 16, end) if kind == b"ANMF" else [(kind, start, end)]
                lossless = lossless or any(part in (b"VP8L", b"ALPH") for part, _, _ in inside)
            if frames == 1 and size is None:
                size = _size(kind, data[start : start + 10])
        elif kind == b"ANIM":
            kept.append(_chunk(kind, payload))
        elif kind == b"EXIF":
            exif = exif or payload.removeprefix(b"Exif\0\0")
        elif kind == b"ICCP" and profile is None:
            profile = payload if len(payload) <= MAX_PROFILE else b""
    if size is None or not frames:
        raise damaged()
    body = b"".join(kept)
    n_pixels = size[0] * size[1]
    return Picture(
        WebPImagePlugin.WebPImageFile,
        b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body,
        size,
        memory=n_pixels * PIXEL_BYTES + len(body),
        seconds=n_pixels * PIXEL_SECONDS,
        max_pixels=MAX_PIXELS,
        orientation=exif_orientation(exif),
        profile=profile,
        frames=frames,
        apart=n_pixels > (MOST_TABLES_HERE if lossless else MOST_HERE),
    )


def _chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start, end) of what each chunk holds."""
    for _ in range(MAX_CHUNKS):
        if at + 8 > end:
            return
        start, length = at + 8, int.from_bytes(data[at + 4 : at + 8], "little")
        if start + length > end:
            raise cut_short()
        yield data[at : at + 4], start, start + length
        at = start + length + length % 2
    raise damaged()


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _size(kind: bytes, start: bytes) -> tuple[int, int]:
    if kind == b"VP8 " and start[3:6] == b"\x9d\x01\x2a" and len(start) == 10:
        width, height = struct.unpack("<HH", start[6:10])
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and start[:1] == b"\x2f" and len(start) >= 5:
        packed = int.from_bytes(start[1:5], "little")
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    raise damaged()
