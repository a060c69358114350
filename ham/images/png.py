"""PNG: its header, and its chunks without those that the pixels do not need.

Texts, profiles and other metadata may have any size and unpack to any size; whole files were taken
for damaged because of them. They are stepped over, and never unpacked; of the colour profile only
as much as a profile can have.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from PIL import PngImagePlugin

from ham.images.picture import MAX_PROFILE, Picture, cut_short, damaged
from ham.images.tags import exif_orientation

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 200_000
# for a byte of the unpacked rows; measured: 5 to 7 ns, all that follows included
RAW_SECONDS = 6e-9
BYTE_SECONDS = 15e-9  # for a byte of the file

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # colour type -> values a pixel


def read(data: bytes) -> Picture:
    """Raises Refused."""
    header, rows, others = b"", [], []
    profile, exif, frames = None, b"", 1
    for kind, at, length in _chunks(data):
        content = memoryview(data)[at : at + length]
        # a capital first letter: no picture without it
        needed = kind[0] & 32 == 0 or kind == b"tRNS"
        checksum = int.from_bytes(data[at + length : at + length + 4], "big")
        if needed and zlib.crc32(content, zlib.crc32(kind)) != checksum:
            raise damaged()
        if kind == b"IHDR":
            header = header or bytes(content)
        elif kind == b"IDAT":
            rows.append(content)
        elif kind in (b"PLTE", b"tRNS") and not rows:
            others.append(chunk(kind, bytes(content)))
        elif kind == b"iCCP" and profile is None:
            profile = _profile(content)
        elif kind == b"eXIf":
            exif = bytes(content[: 2**16])
        elif kind == b"acTL" and length == 8:
            frames = max(1, int.from_bytes(content[:4], "big"))
    if len(header) != 13 or not rows:
        raise damaged()
    width, height, bits, color = struct.unpack(">IIBB", header[:10])
    if color not in _CHANNELS or bits not in (1, 2, 4, 8, 16):
        raise damaged()
    raw = height * (1 + (width * bits * _CHANNELS[color] + 7) // 8)
    pixels, end = chunk(b"IDAT", b"".join(rows)), chunk(b"IEND", b"")
    kept = b"".join([SIGNATURE, chunk(b"IHDR", header), *others, pixels, end])
    return Picture(
        PngImagePlugin.PngImageFile,
        kept,
        (width, height),
        bits=bits,
        memory=width * height * _bytes_per_pixel(color, bits) + 4 * raw // max(height, 1),
        seconds=raw * RAW_SECONDS + len(data) * BYTE_SECONDS,
        orientation=exif_orientation(exif.removeprefix(b"Exif\0\0")),
        profile=profile,
        frames=frames,
    )


def chunk(kind: bytes, content: bytes) -> bytes:
    return b"".join(
        [
            struct.pack(">I", len(content)),
            kind,
            content,
            struct.pack(">I", zlib.crc32(content, zlib.crc32(kind))),
        ]
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(kind, where its content starts, how long it is) of each chunk before the end."""
    at = len(SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if at + 12 > len(data):
            raise cut_short()
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if not kind.isalpha():
            raise damaged()
        if at + 12 + length > len(data):
            raise cut_short()
        if kind == b"IEND":
            return
        yield kind, at + 8, length
        at += 12 + length
    raise damaged()


def _bytes_per_pixel(color: int, bits: int) -> int:
    """Pillow keeps one byte for grey and palettes, two for 16-bit grey, else four."""
    return (2 if bits == 16 and color == 0 else 1) if color in (0, 3) else 4


def _profile(content: memoryview) -> bytes:
    """b"" where it cannot be read or is larger than profiles are."""
    name_end = bytes(content[:81]).find(b"\0")
    if name_end < 0:
        return b""
    unpacking = zlib.decompressobj()
    try:
        profile = unpacking.decompress(
            content[name_end + 2 : name_end + 2 + 2 * MAX_PROFILE], MAX_PROFILE
        )
    except zlib.error:
        return b""
    return profile if unpacking.eof else b""
