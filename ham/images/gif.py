"""GIF: the first picture alone, without comments, extensions and further frames."""

from __future__ import annotations

import struct

from PIL import GifImagePlugin

from ham.images.picture import Picture, cut_short, damaged

MAX_BLOCKS = 500_000  # of up to 255 bytes; they are stepped over one by one
PIXEL_SECONDS = 12e-9  # measured: 8 ns

_IMAGE, _EXTENSION, _END, _CONTROL = 0x2C, 0x21, 0x3B, 0xF9


def read(data: bytes) -> Picture:
    """Raises Refused."""
    if len(data) < 13:
        raise cut_short()
    width, height, flags = struct.unpack("<HHB", data[6:11])
    at = 13 + _colors(flags)
    kept, control, frames, steps = [data[:at]], b"", 0, MAX_BLOCKS
    while at < len(data) and data[at] in (_IMAGE, _EXTENSION) and steps > 0:
        start = at
        if data[at] == _IMAGE:
            if len(data) < at + 11:
                break
            left, top, across, down, flags = struct.unpack("<HHHHB", data[at + 1 : at + 10])
            at, steps = _after_blocks(data, at + 11 + _colors(flags), steps)
            frames += 1
            if frames == 1:
                width, height = max(width, left + across), max(height, top + down)
                kept += [control, data[start:at]]
        else:
            at, steps = _after_blocks(data, at + 2, steps)
            if data[start + 1 : start + 2] == bytes([_CONTROL]) and not frames:
                control = data[start:at]
    if not frames:
        raise cut_short() if at >= len(data) else damaged()
    return Picture(
        GifImagePlugin.GifImageFile,
        b"".join([*kept, bytes([_END])]),
        (width, height),
        memory=2 * width * height,
        seconds=width * height * PIXEL_SECONDS,
        frames=frames,
    )


def _colors(flags: int) -> int:
    """Bytes of the table of colours that follows, none where the flags name none."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int, steps: int) -> tuple[int, int]:
    """Where the blocks end that start at `at`, and how many steps are left. A missing end is the
    file's end.
    """
    while at < len(data) and data[at] and steps > 0:
        at += 1 + data[at]
        steps -= 1
    return min(at + 1, len(data)), steps
