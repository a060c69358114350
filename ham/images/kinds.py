"""What a file is that is not read as an image, by its first bytes: named truly, with what to do
about it.
"""

from __future__ import annotations

import re

from ham.images import tiff
from ham.images.picture import SAVE_AS

READ = "JPEG, PNG, WebP, BMP, TIFF and GIF are read"

_STILL = "Take a still picture from it, save that as PNG or JPEG and try again."
_EXPORT = "Export the picture in it as PNG or JPEG and try again."
_UNPACK = "Unpack it and take the images in it."
_DEVELOP = (
    "Develop it with the camera's program or any other for raw files, save it as PNG or "
    "JPEG and try again."
)
_CHOOSE = "Choose an image."

_STARTS: tuple[tuple[bytes, str, str], ...] = (
    (b"\0\0\0\x0cJXL ", "a JPEG XL file", SAVE_AS),
    (b"\xff\x0a", "a JPEG XL file", SAVE_AS),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 file", SAVE_AS),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 file", SAVE_AS),
    (b"\xff\xd8\xff\xf7", "a JPEG-LS file", SAVE_AS),
    (b"II\xbc\x01", "a JPEG XR file", SAVE_AS),
    (b"FUJIFILMCCD-RAW", "a camera raw file (RAF)", _DEVELOP),
    (b"IIRO", "a camera raw file (ORF)", _DEVELOP),
    (b"IIRS", "a camera raw file (ORF)", _DEVELOP),
    (b"MMOR", "a camera raw file (ORF)", _DEVELOP),
    (b"IIU\0", "a camera raw file (RW2)", _DEVELOP),
    (b"FOVb", "a camera raw file (X3F)", _DEVELOP),
    (b"\0MRM", "a camera raw file (MRW)", _DEVELOP),
    (b"II\x1a\0\0\0HEAPCCDR", "a camera raw file (CRW)", _DEVELOP),
    (b"8BPS", "a Photoshop file", SAVE_AS),
    (b"gimp xcf", "a GIMP file", SAVE_AS),
    (b"%!PS", "a PostScript file", _EXPORT),
    (b"\xc5\xd0\xd3\xc6", "a PostScript file", _EXPORT),
    (b"\0\0\1\0", "an icon file", SAVE_AS),
    (b"\0\0\2\0", "a cursor file", SAVE_AS),
    (b"icns", "an icon file", SAVE_AS),
    (b"BPG\xfb", "a BPG file", SAVE_AS),
    (b"SIMPLE  =", "a FITS file", _EXPORT),
    (b"\x76\x2f\x31\x01", "an OpenEXR file", SAVE_AS),
    (b"#?RADIANCE", "a Radiance HDR file", SAVE_AS),
    (b"qoif", "a QOI file", SAVE_AS),
    (b"DDS ", "a DirectDraw texture", SAVE_AS),
    (b"\x8aMNG", "an MNG animation", _STILL),
    (b"\x8bJNG", "a JNG file", SAVE_AS),
    (b"AT&TFORM", "a DjVu document", _EXPORT),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile", SAVE_AS),
    (b"\x0a\x05\x01\x08", "a PCX file", SAVE_AS),
    (b"\x1a\x45\xdf\xa3", "a video", _STILL),
    (b"\x30\x26\xb2\x75", "a video", _STILL),
    (b"FLV\1", "a video", _STILL),
    (b"\0\0\1\xba", "a video", _STILL),
    (b"\0\0\1\xb3", "a video", _STILL),
    (b"OggS", "a video or sound file", _STILL),
    (b"ID3", "a sound file", _CHOOSE),
    (b"fLaC", "a sound file", _CHOOSE),
    (b"\x1f\x8b", "a gzip archive", _UNPACK),
    (b"BZh", "a bzip2 archive", _UNPACK),
    (b"\xfd7zXZ", "an xz archive", _UNPACK),
    (b"7z\xbc\xaf", "a 7z archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", _UNPACK),
    (b"\x89HDF", "an HDF5 file", _EXPORT),
    (b"\x93NUMPY", "a NumPy file", _EXPORT),
    (b"MATLAB 5.0", "a MATLAB file", _EXPORT),
    (b"NRRD", "an NRRD file", _EXPORT),
    (b"PAR1", "a Parquet file", _EXPORT),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document", _EXPORT),
    (b"{\\rtf", "an RTF document", _EXPORT),
    (
        b"\0\5\x16\7",
        "a hidden file that macOS keeps beside the image",
        "Take the file of the same name without the dot and underscore in front.",
    ),
    (
        b"version https://git-lfs",
        "a Git LFS pointer: the image itself has not been fetched",
        "Run git lfs pull.",
    ),
    (b"MZ", "a program", _CHOOSE),
    (b"\x7fELF", "a program", _CHOOSE),
    (b"SQLite format 3", "a database", _CHOOSE),
)
_HEIC = {
    b"heic",
    b"heix",
    b"heim",
    b"heis",
    b"hevc",
    b"hevx",
    b"hevm",
    b"hevs",
    b"mif1",
    b"msf1",
    b"mif2",
}
# what QuickTime files start with
_BOXES = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
_ZIPPED: tuple[tuple[bytes, str, str], ...] = (
    (b"word/", "a Word document", _EXPORT),
    (b"ppt/", "a PowerPoint document", _EXPORT),
    (b"xl/", "an Excel document", _EXPORT),
    (b"application/vnd.oasis", "an OpenDocument file", _EXPORT),
    (b"application/epub", "an EPUB book", _EXPORT),
    (b"[Content_Types].xml", "an Office document", _EXPORT),
    (b".npy", "a NumPy file", _EXPORT),
)
_RAW_EXTENSIONS = {
    ".cr2",
    ".nef",
    ".nrw",
    ".arw",
    ".sr2",
    ".srf",
    ".dng",
    ".pef",
    ".srw",
    ".3fr",
    ".fff",
    ".iiq",
    ".dcr",
    ".kdc",
    ".erf",
    ".mef",
    ".mos",
    ".orf",
    ".rw2",
}
_DICOM_TYPES = {
    b"AE",
    b"CS",
    b"DA",
    b"DS",
    b"DT",
    b"IS",
    b"LO",
    b"LT",
    b"OB",
    b"OW",
    b"PN",
    b"SH",
    b"SQ",
    b"ST",
    b"TM",
    b"UI",
    b"UL",
    b"UN",
    b"US",
    b"UT",
}


A_ZIP = "a zip archive"  # and no document that is packed as one


def kind_of(data: bytes, name: str = "") -> str:
    """What a file that is not read is, with its article: "a HEIC file"; "" where that is not
    known.
    """
    return _known(data, name)[0]


def refusal(data: bytes, name: str = "") -> tuple[str, str] | None:
    """(why, what to do) of a file that is known and not read."""
    kind, todo = _known(data, name)
    return (f"this is {kind}; only {READ}.", todo) if kind else None


def _known(data: bytes, name: str) -> tuple[str, str]:
    if raw := _raw(data, name):
        return f"a camera raw file ({raw})", _DEVELOP
    if data[4:8] in _BOXES:
        return _boxed(data)
    if data[:4] in (b"RIFF", b"RIFX") and data[8:12] != b"WEBP":
        sound = data[8:12] == b"WAVE"
        return ("a sound file", _CHOOSE) if sound else ("a video", _STILL)
    if data.startswith((b"PK\3\4", b"PK\5\6", b"PK\7\x08")):
        return next(
            ((kind, todo) for mark, kind, todo in _ZIPPED if mark in data[:4096]),
            (A_ZIP, _UNPACK),
        )
    for start, kind, todo in _STARTS:
        if data.startswith(start):
            return kind, todo
    if _is_dicom(data):
        return (
            "a DICOM file",
            "Export the image in it as PNG or JPEG (any DICOM viewer can) and try again.",
        )
    if data[257:262] == b"ustar":
        return "a tar archive", _UNPACK
    if data[344:348] in (b"n+1\0", b"ni1\0"):
        return "a NIfTI file", _EXPORT
    if b"%PDF-" in data[:1024]:
        return "a PDF file", _EXPORT
    if data[:1] == b"G" and data[188:189] == b"G" and data[376:377] == b"G":
        return "a video", _STILL
    if re.match(rb"P[1-7F][ \t\r\n]", data):
        return "a Netpbm file", SAVE_AS
    return _text(data)


def _raw(data: bytes, name: str) -> str:
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return ""
    if data[8:11] == b"CR\2":
        return "CR2"
    extension = name[name.rfind(".") :].lower() if "." in name else ""
    return tiff.raw_kind(data) or (extension[1:].upper() if extension in _RAW_EXTENSIONS else "")


def _boxed(data: bytes) -> tuple[str, str]:
    """Pictures and videos in the boxes of ISO 14496-12; the first box says which brands it
    follows.
    """
    if data[4:8] != b"ftyp":
        return "a video", _STILL
    end = min(max(int.from_bytes(data[:4], "big"), 16), 256)
    brands = [data[i : i + 4] for i in (8, *range(16, end, 4))]
    if {b"avif", b"avis"} & set(brands):
        return "an AVIF file", SAVE_AS
    if brands[0] in _HEIC:
        return "a HEIC file", f"{SAVE_AS} On an iPhone: Settings, Camera, Formats, Most Compatible."
    if brands[0] == b"crx ":
        return "a camera raw file (CR3)", _DEVELOP
    if brands[0] == b"jxl ":
        return "a JPEG XL file", SAVE_AS
    if brands[0] in (b"jp2 ", b"jpx ", b"jpm "):
        return "a JPEG 2000 file", SAVE_AS
    return "a video", _STILL


def _is_dicom(data: bytes) -> bool:
    """With the preamble of 128 bytes, or, as older devices write, without: the first data
    element tells.
    """
    if data[128:132] == b"DICM":
        return True
    group, element = (int.from_bytes(data[i : i + 2], "little") for i in (0, 2))
    if data[:2] in (b"\0\2", b"\0\x08"):  # big endian
        group, element = data[1], int.from_bytes(data[2:4], "big")
    if len(data) < 8 or group not in (2, 8) or element > 0x0070:
        return False
    implicit = int.from_bytes(data[4:8], "little")
    return data[4:6] in _DICOM_TYPES or (group == 8 and 0 < implicit <= 64)


def _text(data: bytes) -> tuple[str, str]:
    for mark, coding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            data = data[2:4096].decode(coding, "ignore").encode()
    start = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")) or (
        start.startswith(b"<") and b"<html" in start[:1024]
    ):
        return "a web page", "Save the image itself from it, not the page."
    if start.startswith(b"<") and b"<svg" in start:
        return "an SVG drawing", SAVE_AS
    try:
        text = start.decode("utf-8") if len(start) < 4 else start[:-3].decode("utf-8", "ignore")
    except UnicodeDecodeError:
        return "", ""
    clean = all(letter.isprintable() or letter in "\t\r\n\f" for letter in text)
    whole = len(text.encode()) >= len(start) - 8  # what is no UTF-8 was left out
    return ("a text file", _CHOOSE) if text and clean and whole else ("", "")
