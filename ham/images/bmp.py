"""BMP: its header. Its pixels are not compressed, or so simply that Pillow unpacks them in
Python.
"""

from __future__ import annotations

import struct

from PIL import BmpImagePlugin

from ham.images.picture import SAVE_AS, Picture, Refused, cut_short, damaged

MAX_RUN_BYTES = 4 * 2**20  # run-length coded: half a microsecond for two bytes
MAX_RUN_PIXELS = 8_000_000
RUN_SECONDS, PIXEL_SECONDS = 200e-9, 2e-9

_COMPRESSIONS = {4: "JPEG", 5: "PNG"}


def read(data: bytes) -> Picture:
    """Raises Refused."""
    if len(data) < 26:
        raise cut_short()
    header = int.from_bytes(data[14:18], "little")
    if header == 12:
        width, height, _, bits = struct.unpack("<HHHH", data[18:26])
        compression = 0
    elif 16 <= header <= 256 and len(data) >= 34:
        width, height, _, bits = struct.unpack("<iiHH", data[18:30])
        compression = int.from_bytes(data[30:34], "little") if header >= 40 else 0
    else:
        raise damaged()
    width, height = abs(width), abs(height)
    if compression in _COMPRESSIONS:
        raise Refused(
            f"it is a BMP file with {_COMPRESSIONS[compression]} inside, which is for printers.",
            SAVE_AS,
        )
    if compression in (1, 2) and (len(data) > MAX_RUN_BYTES or width * height > MAX_RUN_PIXELS):
        raise Refused(
            f"it is a run-length coded BMP file of {width:,} x {height:,} pixels; at most "
            f"{MAX_RUN_PIXELS // 1_000_000} million are read.",
            SAVE_AS,
        )
    return Picture(
        BmpImagePlugin.BmpImageFile,
        data,
        (width, height),
        memory=width * height * (4 if bits > 8 else 3),
        seconds=width * height * (RUN_SECONDS if compression in (1, 2) else PIXEL_SECONDS),
    )
