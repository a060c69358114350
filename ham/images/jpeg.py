"""JPEG: what its header says, how many passes over the pixels it asks for, and what they cost.

A progressive file is read in scans, each a pass over all pixels that may take a dozen bytes, and
nothing in the format bounds their number. They are counted here, and nothing is decoded for it.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import JpegImagePlugin

from ham.images.picture import MAX_PROFILE, SAVE_AS, Picture, Refused, cut_short, damaged
from ham.images.tags import exif_orientation

MAX_PIXELS = 210_000_000  # the sensors of "200 megapixel" telephones have up to 16,384 x 12,288
MAX_SEGMENTS = 10_000
BLOCK_SECONDS = 80e-9  # for a scan to visit one block of 8x8; measured: 70 ns and less
BYTE_SECONDS = 12e-9  # to decode one byte; measured: 10 ns
OUTPUT_SECONDS = 3e-9  # a pixel at reduced scale
COEFFICIENTS = 128  # bytes that a block takes where the scans must be gathered first

_SOI, _EOI, _SOS, _DQT, _DHT, _DAC, _DRI, _EXIF, _ICC, _ADOBE, _JFIF = (
    0xD8,
    0xD9,
    0xDA,
    0xDB,
    0xC4,
    0xCC,
    0xDD,
    0xE1,
    0xE2,
    0xEE,
    0xE0,
)
_FRAMES = {0xC0, 0xC1, 0xC2}  # baseline, extended, progressive; all Huffman coded
_OTHER_FRAMES = {0xC3: "lossless", 0xC9: "arithmetic-coded", 0xCA: "arithmetic-coded"}
_NEEDED = {_DQT, _DHT, _DRI, _ADOBE}
# in coded data: no byte and no restart
_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])", re.DOTALL)


@dataclass(frozen=True)
class _Frame:
    """The shape of the picture: how many blocks of 8x8 pixels each of its channels has."""

    marker: int
    width: int
    height: int
    sampling: dict[int, tuple[int, int]]  # channel -> horizontal, vertical

    @classmethod
    def read(cls, marker: int, payload: bytes) -> _Frame:
        if len(payload) < 6 or len(payload) < 6 + 3 * payload[5]:
            raise damaged()
        bits, height, width, channels = struct.unpack(">BHHB", payload[:6])
        if bits != 8:
            raise Refused(f"it is a JPEG of {bits} bits a channel; 8 are read.", SAVE_AS)
        if channels not in (1, 3, 4):
            raise Refused(f"it is a JPEG of {channels} channels; 1, 3 or 4 are read.", SAVE_AS)
        sampling = {
            payload[i]: (payload[i + 1] >> 4, payload[i + 1] & 15)
            for i in range(6, 6 + 3 * channels, 3)
        }
        if len(sampling) != channels or any(
            not 1 <= s <= 4 for pair in sampling.values() for s in pair
        ):
            raise damaged()
        return cls(marker, width, height, sampling)

    def blocks(self, channels: list[int]) -> int:
        """What one scan over these channels visits."""
        across, down = (max(pair[i] for pair in self.sampling.values()) for i in (0, 1))
        # alone in its scan a channel is not padded
        if len(channels) == 1 and len(self.sampling) > 1:
            h, v = self.sampling.get(channels[0], (4, 4))
            return math.ceil(self.width * h / across / 8) * math.ceil(self.height * v / down / 8)
        units = math.ceil(self.width / 8 / across) * math.ceil(self.height / 8 / down)
        return units * sum(
            h * v for h, v in (self.sampling.get(channel, (4, 4)) for channel in channels)
        )


def read(data: bytes) -> Picture:
    """Raises Refused."""
    kept, exif, profile = [b"\xff\xd8"], b"", {}
    frame = None
    for marker, start, end in _segments(data):
        payload = data[start + 4 : end]
        if marker == _SOS:
            break
        if marker in _FRAMES:
            if frame:
                raise damaged()
            frame = _Frame.read(marker, payload)
        elif 0xC0 <= marker <= 0xCF and marker not in (_DHT, _DAC, 0xC8):
            kind = _OTHER_FRAMES.get(marker, "hierarchical")
            raise Refused(f"it is a {kind} JPEG, which few programs read.", SAVE_AS)
        elif marker == _EXIF and payload.startswith(b"Exif\0\0"):
            exif = exif or payload[6:]
        elif marker == _ICC and payload.startswith(b"ICC_PROFILE\0") and len(payload) > 14:
            profile[payload[12]] = (payload[13], payload[14:])
        if (
            marker in _FRAMES
            or marker in _NEEDED
            or (marker == _JFIF and payload.startswith(b"JFIF"))
        ):
            kept.append(data[start:end])
    else:
        raise cut_short()
    if not frame:
        raise damaged()
    scans, visits = _count_scans(data, start, frame)
    gathered = frame.marker == 0xC2 or scans > 1
    kept.append(data[start:])
    blocks = frame.blocks(list(frame.sampling))
    return Picture(
        JpegImagePlugin.JpegImageFile,
        b"".join(kept),
        (frame.width, frame.height),
        memory=blocks * COEFFICIENTS * gathered,
        seconds=visits * BLOCK_SECONDS * gathered
        + len(data) * BYTE_SECONDS
        + blocks * 64 * OUTPUT_SECONDS,
        max_pixels=MAX_PIXELS,
        orientation=exif_orientation(exif),
        profile=_profile(profile),
        shrinks=True,
    )


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of each segment up to the first scan, whose end is that of its
    header.
    """
    at = 2
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(data, at)
        if not found:
            return
        marker, start = found[1][0], found.end() - 2
        if marker in (_SOI, _EOI, 0x01):
            at = found.end()
            continue
        length = int.from_bytes(data[start + 2 : start + 4], "big")
        at = start + 2 + length
        if length < 2:
            raise damaged()
        if at > len(data):
            raise cut_short()
        yield marker, start, at
    raise damaged()


def _count_scans(data: bytes, at: int, frame: _Frame) -> tuple[int, int]:
    """(scans, blocks that they visit together); `at` is where the first one starts."""
    scans = visits = 0
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(data, at)
        if not found or found[1][0] == _EOI:
            return scans, visits
        start = found.end() - 2
        length = int.from_bytes(data[start + 2 : start + 4], "big")
        if found[1][0] == _SOS:
            count = data[start + 4] if start + 4 < len(data) else 0
            scans += 1
            visits += frame.blocks(list(data[start + 5 : start + 5 + 2 * min(count, 4) : 2]))
        at = start + 2 + (length if found[1][0] not in (_SOI, 0x01) else 0)
    raise Refused(
        "it asks for more than 10,000 passes over its pixels: no program saves such files."
    )


def _profile(parts: dict[int, tuple[int, bytes]]) -> bytes | None:
    """The ICC profile in its parts' order; b"" where one is missing or they are too long."""
    if not parts:
        return None
    whole = [parts[number][1] for number in sorted(parts)]
    complete = all(total == len(parts) for total, _ in parts.values())
    return b"".join(whole) if complete and sum(map(len, whole)) <= MAX_PROFILE else b""
