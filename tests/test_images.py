"""Images are read right or refused in words, by one step whatever road they come by."""

import io
import pickle
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin

from ham import images
from ham.config import ImageError
from ham.images import apart, check_image, decoding, squash

RED, WHITE = (255, 0, 0), (255, 255, 255)
PNG = b"\x89PNG\r\n\x1a\n"


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def plain(color=RED, size=(56, 56), mode="RGB") -> Image.Image:
    return Image.new(mode, size, color)


def chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png_16_bit(values: np.ndarray, color_type: int, transparent: tuple[int, ...] = ()) -> bytes:
    """A PNG of 16 bits a channel, (h, w, channels), which Pillow reads but does not write in
    colour.
    """
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    key = chunk(b"tRNS", struct.pack(f">{len(transparent)}H", *transparent)) if transparent else b""
    return (
        PNG
        + chunk(b"IHDR", header)
        + key
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def bomb(size: tuple[int, int]) -> bytes:
    """A PNG that claims this size and holds no pixel."""
    header = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    return PNG + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def refusal(data: bytes, name: str = "photo.png") -> ImageError:
    with pytest.raises(ImageError) as caught:
        check_image(name, data)
    error = caught.value
    assert error.what == name
    assert error.why.endswith(".")
    assert error.todo.endswith(".")
    return error


# ------------------------------------------------------------------------ what is answered


def test_a_png_is_squashed_by_the_step_that_made_the_data():
    pixels = np.random.default_rng(0).integers(0, 256, (150, 200, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    checked = check_image("a.png", encoded(image))
    assert np.array_equal(checked.seen, squash(image))
    assert np.array_equal(checked.original, pixels)
    assert checked.size == (200, 150)
    assert checked.name == "a.png"
    assert checked.notes == ()


def test_an_image_of_28_by_28_pixels_is_seen_as_it_is():
    pixels = np.random.default_rng(1).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    assert np.array_equal(check_image("a.png", encoded(Image.fromarray(pixels))).seen, pixels)


def test_what_is_kept_to_be_shown_is_at_most_400_pixels_long():
    checked = check_image("a.jpg", encoded(plain(size=(1280, 320)), "JPEG"))
    assert checked.original.shape == (100, 400, 3)
    assert checked.size == (1280, 320)


def test_the_arrays_are_read_only():
    checked = check_image("a.png", encoded(plain()))
    assert not checked.seen.flags.writeable
    assert not checked.original.flags.writeable


def test_half_transparent_red_on_white_is_pink():
    checked = check_image("a.png", encoded(plain((255, 0, 0, 128), mode="RGBA")))
    assert checked.seen[0, 0].tolist() == [255, 127, 127]  # 0 * 128/255 + 255 * 127/255
    assert checked.notes[0] == "Transparent parts are shown on white."


def test_an_opaque_alpha_channel_is_no_news():
    checked = check_image("a.png", encoded(plain((255, 0, 0, 255), mode="RGBA")))
    assert checked.seen[0, 0].tolist() == [255, 0, 0]
    assert not any("white" in note for note in checked.notes)


@pytest.mark.parametrize(
    "image",
    [
        Image.new("LA", (56, 56), (0, 0)),
        Image.new("P", (56, 56), 0),
        Image.new("RGB", (56, 56), (1, 2, 3)),
    ],
    ids=["grey with alpha", "palette", "one colour"],
)
def test_every_kind_of_full_transparency_is_white(image):
    options = {"LA": {}, "P": {"transparency": 0}, "RGB": {"transparency": (1, 2, 3)}}[image.mode]
    checked = check_image("a.png", encoded(image, **options))
    assert checked.seen[14, 14].tolist() == [255, 255, 255]
    assert "Transparent parts are shown on white." in checked.notes


@pytest.mark.parametrize(
    ("value", "seen"), [(65535, 255), (32768, 128), (256, 1), (255, 0), (0, 0)]
)
@pytest.mark.parametrize(("color_type", "channels"), [(0, 1), (2, 3)], ids=["grey", "colour"])
def test_16_bits_keep_the_high_byte(value, seen, color_type, channels):
    checked = check_image("a.png", png_16_bit(np.full((30, 30, channels), value), color_type))
    assert checked.seen[5, 5].tolist() == [seen] * 3
    assert "Reduced from 16 to 8 bits a channel." in checked.notes


def test_16_bits_with_alpha_are_composited():
    values = np.tile(np.array([65535, 0, 0, 32768]), (30, 30, 1))
    assert check_image("a.png", png_16_bit(values, 6)).seen[0, 0].tolist() == [255, 127, 127]


def test_a_transparent_16_bit_grey_is_white_and_its_neighbour_stays():
    values = np.full((30, 30, 1), 1000)
    values[:, 15:] = 1001  # the same high byte
    checked = check_image("a.png", png_16_bit(values, 0, transparent=(1000,)))
    assert checked.original[0, 0].tolist() == [255, 255, 255]
    assert checked.original[0, 29].tolist() == [3, 3, 3]


def test_a_transparent_16_bit_colour_is_refused():
    assert (
        "16-bit"
        in refusal(png_16_bit(np.full((30, 30, 3), 1000), 2, transparent=(1000, 1000, 1000))).why
    )


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_few_colours_become_rgb(mode):
    checked = check_image("a.png", encoded(plain(WHITE).convert(mode)))
    assert checked.seen.shape == (28, 28, 3)
    assert (checked.seen == 255).all()


def test_a_grey_image_is_answered_and_noted():
    ramp = Image.fromarray(np.tile(np.arange(56, dtype=np.uint8) * 4, (56, 1)))
    checked = check_image("a.png", encoded(ramp))
    assert checked.notes == ("It is grey; the models learned from colour images.",)
    assert (checked.seen[..., 0] == checked.seen[..., 2]).all()


def test_one_even_colour_is_answered_and_noted():
    assert "no lesion" in check_image("a.png", encoded(plain())).notes[-1]


def test_cmyk_red_is_red():
    checked = check_image(
        "a.jpg", encoded(Image.new("CMYK", (56, 56), (0, 255, 255, 0)), "JPEG", quality=95)
    )
    assert np.allclose(checked.seen[14, 14], RED, atol=4)
    assert any("CMYK" in note for note in checked.notes)


def marked_corner(orientation: int | None, kind: str, mark=(0, 0)) -> bytes:
    """40 x 80, white, its `mark` quarter (column, row) red."""
    image = plain(WHITE, (40, 80))
    image.paste(RED, (mark[0] * 20, mark[1] * 40, mark[0] * 20 + 20, mark[1] * 40 + 40))
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    return encoded(image, kind, exif=exif)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(
    ("orientation", "corner", "size"),
    [
        (1, (0, 0), (40, 80)),
        (3, (-1, -1), (40, 80)),
        (6, (0, -1), (80, 40)),
        (8, (-1, 0), (80, 40)),
    ],
)
def test_exif_turns_the_top_left_corner_where_it_belongs(kind, orientation, corner, size):
    checked = check_image("a.jpg", marked_corner(orientation, kind))
    # 6 means: turn clockwise, top left goes top right
    assert np.allclose(checked.seen[corner], RED, atol=12)
    assert np.allclose(checked.original[corner], RED, atol=12)
    assert sum(np.allclose(checked.seen[y, x], RED, atol=12) for y in (0, -1) for x in (0, -1)) == 1
    assert checked.size == size
    assert any("upright" in note for note in checked.notes) == (orientation != 1)


def test_broken_exif_does_not_refuse_the_pixels():
    data = (
        marked_corner(6, "JPEG")
        .replace(b"Exif\0\0MM", b"Exif\0\0XX")
        .replace(b"Exif\0\0II", b"Exif\0\0XX")
    )
    assert check_image("a.jpg", data).size == (40, 80)


def test_of_an_animation_the_first_frame_is_taken():
    data = encoded(
        plain(RED), save_all=True, append_images=[plain((0, 0, 255)), plain((0, 255, 0))]
    )
    checked = check_image("a.png", data)
    assert checked.seen[0, 0].tolist() == [255, 0, 0]
    assert checked.notes[0] == "Animated: only the first of its 3 frames is used."


def swapped_profile() -> bytes:
    """sRGB with the red and the green primary exchanged: following it makes red green."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile = profile.replace(b"rXYZ", b"tmpX").replace(b"gXYZ", b"rXYZ").replace(b"tmpX", b"gXYZ")
    return bytes(profile.replace("sRGB".encode("utf-16-be"), "Swap".encode("utf-16-be")))


def test_an_embedded_colour_profile_is_followed_and_named():
    checked = check_image("a.png", encoded(plain(RED), icc_profile=swapped_profile()))
    assert np.allclose(checked.seen[0, 0], (0, 255, 0), atol=6)
    assert checked.notes[0].startswith("Colours converted from Swap")
    assert checked.notes[0].endswith("to sRGB.")


def test_the_srgb_profile_changes_nothing():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    checked = check_image("a.png", encoded(plain((10, 200, 30)), icc_profile=profile))
    assert checked.seen[0, 0].tolist() == [10, 200, 30]
    assert not any("Colours" in note for note in checked.notes)


def test_a_broken_colour_profile_is_left_out():
    checked = check_image("a.png", encoded(plain(), icc_profile=b"no profile at all"))
    assert checked.seen[0, 0].tolist() == [255, 0, 0]
    assert "Its colour profile cannot be read and was left out." in checked.notes


def test_a_profile_whose_words_are_no_text_is_left_out():
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for at in (12, 16):  # its class, its colour space
        broken = profile[:at] + b"\xff\xd8\xfb\xdf" + profile[at + 4 :]
        checked = check_image("a.png", encoded(plain(), icc_profile=bytes(broken)))
        assert checked.seen[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("at", [2**31 - 1, 2**63 - 1, 2**64 - 1])
def test_a_tag_list_that_lies_beyond_all_files_is_damage(at):
    assert "damaged" in refusal(b"II+\0\x08\0\0\0" + struct.pack("<Q", at) + bytes(50)).why


def test_what_a_file_is_is_told_by_its_content():
    assert check_image("really-a.jpg", encoded(plain(), "PNG")).size == (56, 56)
    assert check_image("no extension", encoded(plain(), "JPEG")).size == (56, 56)


@pytest.mark.parametrize(
    ("size", "noted"), [((200, 100), False), ((202, 100), True), ((100, 202), True)]
)
def test_a_long_image_is_noted(size, noted):
    assert (
        any("squashed" in note for note in check_image("a.png", encoded(plain(size=size))).notes)
        == noted
    )


# ------------------------------------------------------------------------- what is refused


def tiff_list(*entries: tuple[int, int, int, bytes], order: str = "<", start: bytes = b"") -> bytes:
    """A TIFF file of one list of (tag, type, count, value), long values behind it."""
    body = struct.pack(order + "H", len(entries))
    behind, at = b"", 8 + 2 + 12 * len(entries) + 4
    for tag, kind, count, value in entries:
        if len(value) > 4:
            field, behind = struct.pack(order + "I", at + len(behind)), behind + value
        else:
            field = value.ljust(4, b"\0")
        body += struct.pack(order + "HHI", tag, kind, count) + field
    return (
        {"<": b"II", ">": b"MM"}[order]
        + struct.pack(order + "HI", 42, 8)
        + body
        + bytes(4)
        + behind
    )


def short(value: int, order: str = "<") -> bytes:
    return struct.pack(order + "H", value)


NIKON = (271, 2, 18, b"NIKON CORPORATION\0")
SONY = (271, 2, 5, b"SONY\0")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC file"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "a HEIC file"),
        (b"\0\0\0\x18ftyphevc\0\0\0\0msf1hevc", "a HEIC file"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", "an AVIF file"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "an AVIF file"),
        (encoded(plain(), "AVIF"), "an AVIF file"),
        (b"\xff\x0a\x00\x10", "a JPEG XL file"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL file"),
        (b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 ", "a JPEG 2000 file"),
        (b"\xff\x4f\xff\x51\0\x2f", "a JPEG 2000 file"),
        (b"\xff\xd8\xff\xf7\0\x0b", "a JPEG-LS file"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(40), "a camera raw file (CR2)"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "a camera raw file (CR3)"),
        (tiff_list(NIKON, (330, 4, 1, bytes(4))), "a camera raw file (NEF)"),
        (
            tiff_list(NIKON, (259, 3, 1, short(34713)), (273, 4, 1, bytes(4))),
            "a camera raw file (NEF)",
        ),
        (
            tiff_list(
                (254, 4, 1, b"\1\0\0\0"), NIKON, (273, 4, 1, bytes(4)), (330, 4, 1, bytes(4))
            ),
            "a camera raw file (NEF)",
        ),
        (
            tiff_list(SONY, (259, 3, 1, short(32767)), (273, 4, 1, bytes(4))),
            "a camera raw file (ARW)",
        ),
        (tiff_list((262, 3, 1, short(32803)), (273, 4, 1, bytes(4))), "a camera raw file (raw)"),
        (
            tiff_list(
                (271, 2, 6, b"Apple\0"),
                (273, 4, 1, bytes(4)),
                (50706, 1, 4, b"\1\4\0\0"),
                order=">",
            ),
            "a camera raw file (DNG)",
        ),
        (b"FUJIFILMCCD-RAW 0201", "a camera raw file (RAF)"),
        (b"IIRO\x08\0\0\0", "a camera raw file (ORF)"),
        (b"IIU\0\x18\0\0\0", "a camera raw file (RW2)"),
        (b"FOVb\0\0\2\0", "a camera raw file (X3F)"),
        (bytes(128) + b"DICM" + bytes(30), "a DICOM file"),
        (b"\x08\0\x05\0CS\x0a\0ISO_IR 100", "a DICOM file"),
        (b"\x08\0\0\0\4\0\0\0\x8c\1\0\0", "a DICOM file"),
        (b"\2\0\0\0UL\4\0\xb4\0\0\0", "a DICOM file"),
        (b"\0\x08\0\5CS\0\x0aISO_IR 100", "a DICOM file"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b"\xef\xbb\xbf<!-- drawn --><svg/>", "an SVG drawing"),
        ("\ufeff<svg/>".encode("utf-16-le"), "an SVG drawing"),
        (b"%PDF-1.7\n", "a PDF file"),
        (b"\n\n%PDF-1.4\n", "a PDF file"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "a PostScript file"),
        (b"8BPS" + bytes(30), "a Photoshop file"),
        (b"gimp xcf file\0", "a GIMP file"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "a video"),
        (b"\0\0\0\x14ftypqt  \0\0\2\0qt  ", "a video"),
        (b"\0\0\0\x08wide\0\1\2\3mdat", "a video"),
        (b"\0\0\0\x20moov", "a video"),
        (b"RIFF\0\1\0\0AVI LIST", "a video"),
        (b"\x1a\x45\xdf\xa3\x01webm", "a video"),
        (b"FLV\1\5", "a video"),
        (b"\0\0\1\xba\x44", "a video"),
        (b"RIFF\0\1\0\0WAVEfmt ", "a sound file"),
        (b"PK\x03\x04" + bytes(30), "a zip archive"),
        (b"PK\x05\x06" + bytes(18), "a zip archive"),
        (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml", "an Office document"),
        (b"PK\x03\x04" + bytes(26) + b"word/document.xml", "a Word document"),
        (
            b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/vnd.oasis.opendocument.text",
            "an OpenDocument file",
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document"),
        (b"{\\rtf1", "an RTF document"),
        (b"\x1f\x8b\x08\0", "a gzip archive"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"Rar!\x1a\7", "a RAR archive"),
        (bytes(257) + b"ustar\x0000", "a tar archive"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"\x93NUMPY\1\0", "a NumPy file"),
        (b"\0\0\1\0\1\0\x10\x10", "an icon file"),
        (b"P6\n3 3\n255\n", "a Netpbm file"),
        (b"SIMPLE  =                    T", "a FITS file"),
        (b"\0\5\x16\7\0\2\0\0Mac OS X", "a hidden file that macOS keeps beside the image"),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            "a Git LFS pointer: the image itself has not been fetched",
        ),
        (b"<!DOCTYPE html><html><body>404</body></html>", "a web page"),
        (b"\n <HTML><head>", "a web page"),
        (b"patient,age\n1,50\n", "a text file"),
        ("größe\n".encode(), "a text file"),
        (b'{"a": 1}', "a text file"),
    ],
)
def test_other_formats_are_named(data, kind):
    error = refusal(data, "photo.png")
    assert error.why == f"this is {kind}; only JPEG, PNG, WebP, BMP, TIFF and GIF are read."
    assert images.kind_of(data) == kind


def test_what_can_be_saved_as_an_image_says_so():
    assert refusal(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic").todo.startswith(
        "Save it as PNG or JPEG and try again."
    )
    assert refusal(b"8BPS" + bytes(30)).todo == "Save it as PNG or JPEG and try again."
    assert refusal(bytes(128) + b"DICM").todo.startswith("Export the image in it as PNG or JPEG")
    assert refusal(b"\x1a\x45\xdf\xa3\x01webm").todo.startswith("Take a still picture from it")
    assert refusal(b"\x1f\x8b\x08\0").todo == "Unpack it and take the images in it."


def test_a_raw_file_that_looks_like_any_tiff_is_told_by_its_name():
    data = encoded(plain(), "TIFF")
    assert check_image("export.tif", data).size == (56, 56)
    assert refusal(data, "DSC_0001.NEF").why.startswith("this is a camera raw file (NEF)")


def test_a_tiff_that_a_camera_maker_signed_is_still_an_image():
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[271] = "NIKON CORPORATION"
    assert check_image("a.tif", encoded(plain(), "TIFF", tiffinfo=tags)).size == (56, 56)


@pytest.mark.parametrize("data", [bytes(100), b"\x99\x01\xfe\x80" * 9, b"\x01"])
def test_no_image_at_all_is_said(data):
    error = refusal(data)
    assert (
        error.why
        == "this is not an image that is known here; only JPEG, PNG, WebP, BMP, TIFF and GIF are "
        "read."
    )
    assert images.kind_of(data) == ""


def test_an_empty_file_is_said():
    assert refusal(b"").why == "the file is empty."


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused(kind, share):
    pixels = np.random.default_rng(2).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(pixels), kind)
    assert (
        refusal(data[: int(len(data) * share)]).todo
        == "Download or export it again and try once more."
    )


def test_a_truncated_file_is_called_that():
    pixels = np.random.default_rng(2).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(pixels), "JPEG")
    assert "cut short" in refusal(data[: len(data) // 2]).why


def test_a_flipped_bit_in_a_png_is_found_by_its_checksum():
    data = bytearray(
        encoded(
            Image.fromarray(np.random.default_rng(3).integers(0, 256, (60, 60, 3), dtype=np.uint8))
        )
    )
    check_image("a.png", bytes(data))
    data[len(data) // 2] ^= 1
    assert "damaged" in refusal(bytes(data)).why


def test_more_than_64_megabytes_are_refused_unread(tmp_path, monkeypatch):
    assert refusal(PNG + bytes(64 * 2**20)).why == "it has 64.0 MB; at most 64 MB are read."
    file = tmp_path / "a.png"
    with open(file, "wb") as opened:
        opened.truncate(10 * 2**30)  # takes no room on the disk
    with pytest.raises(ImageError, match=r"it has 10240\.0 MB; at most 64 MB are read"):
        images.pixels(file)


# Pillow warns of the one, raises on the other
@pytest.mark.parametrize("size", [(10_000, 10_000), (60_000, 60_000)])
def test_a_decompression_bomb_is_refused_by_its_header_alone(size):
    assert f"{size[0]:,} x {size[1]:,} pixels; at most 50 million" in refusal(bomb(size)).why


def test_no_warning_leaves_and_the_filters_stay_as_they_were():
    before = list(warnings.filters)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        inside = list(warnings.filters)
        check_image("a.jpg", marked_corner(6, "JPEG"))
        refusal(bomb((20_000, 5_000)))
        assert warnings.filters == inside
    assert not seen
    assert warnings.filters == before


@pytest.mark.parametrize(
    ("size", "answered"), [((28, 28), True), ((27, 100), False), ((1, 1), False)]
)
def test_an_image_smaller_than_what_the_models_see_is_refused(size, answered):
    if answered:
        assert check_image("a.png", encoded(plain(size=size))).size == size
    else:
        assert "the models look at 28 x 28" in refusal(encoded(plain(size=size))).why


@pytest.mark.parametrize(
    ("size", "answered"), [((300, 30), True), ((301, 30), False), ((30, 301), False)]
)
def test_an_image_ten_times_as_long_as_wide_is_the_limit(size, answered):
    if answered:
        assert check_image("a.png", encoded(plain(size=size))).size == size
    else:
        assert "nothing of its shapes" in refusal(encoded(plain(size=size))).why


def test_files_are_never_written(monkeypatch):
    monkeypatch.setattr("builtins.open", lambda *a, **k: pytest.fail("a file was opened"))
    check_image("a.png", encoded(plain()))


# --------------------------------------------------------------------------- every format


def colorful(size=(60, 45)) -> Image.Image:
    """Soft colours, so that lossy formats keep them."""
    small = np.random.default_rng(5).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


FORMATS = {
    "photo.jpg": ("JPEG", {"quality": 95}),
    "photo.jpe": ("JPEG", {"quality": 95}),
    "photo.jfif": ("JPEG", {"quality": 95}),
    "photo": ("JPEG", {"quality": 95}),
    "photo.JPEG": ("JPEG", {"quality": 95, "progressive": True}),
    "photo.png": ("PNG", {}),
    "photo.webp": ("WEBP", {"quality": 95}),
    "lossless.webp": ("WEBP", {"lossless": True}),
    "photo.bmp": ("BMP", {}),
    "photo.tif": ("TIFF", {}),
    "photo.tiff": ("TIFF", {"compression": "tiff_lzw"}),
    "deflate.tif": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    "bits.tif": ("TIFF", {"compression": "packbits"}),
    "jpeg.tif": ("TIFF", {"compression": "jpeg", "quality": 95}),
    "zstd.tif": ("TIFF", {"compression": "zstd"}),
    "big.tif": ("TIFF", {"big_tiff": True, "compression": "tiff_lzw"}),
    "photo.gif": ("GIF", {}),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_read_by_its_content(name):
    kind, options = FORMATS[name]
    image = colorful()
    checked = check_image(name, encoded(image, kind, **options))
    assert checked.size == (60, 45)
    off = np.abs(checked.seen.astype(int) - squash(image)).mean()
    assert off < (12 if kind == "GIF" else 4)
    assert checked.notes == ()
    assert np.array_equal(
        check_image("other.name", encoded(image, kind, **options)).seen, checked.seen
    )


def test_the_extensions_are_those_of_the_formats():
    read = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
    assert read <= set(images.EXTENSIONS)
    assert all(
        extension == extension.lower() and extension.startswith(".")
        for extension in images.EXTENSIONS
    )


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "LA", "I;16"])
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_every_kind_of_pixel_in_a_tiff_is_what_pillow_makes_of_it(mode, compression):
    image = (
        Image.fromarray(np.arange(1600, dtype=np.uint16).reshape(40, 40) * 40)
        if mode == "I;16"
        else colorful((40, 40)).convert(mode)
    )
    checked = check_image("a.tif", encoded(image, "TIFF", compression=compression))
    expected = (
        Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)) if mode == "I;16" else image
    )
    assert np.array_equal(checked.seen, squash(expected))


@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_16_bit_colour_in_a_tiff_keeps_the_high_byte(order, deflate):
    values = np.zeros((30, 30, 3), f"{order}u2")
    values[..., 0], values[..., 1] = 65535, 32768
    content = zlib.compress(values.tobytes()) if deflate else values.tobytes()
    entries = [
        (256, 3, 1, short(30, order)),
        (257, 3, 1, short(30, order)),
        (258, 3, 3, short(16, order) * 3),
        (259, 3, 1, short(8 if deflate else 1, order)),
        (262, 3, 1, short(2, order)),
        (273, 4, 1, struct.pack(order + "I", 200)),
        (277, 3, 1, short(3, order)),
        (278, 3, 1, short(30, order)),
        (279, 4, 1, struct.pack(order + "I", len(content))),
    ]
    data = tiff_list(*entries, order=order).ljust(200, b"\0") + content
    checked = check_image("a.tif", data)
    assert checked.seen[3, 3].tolist() == [255, 128, 0]
    assert "Reduced from 16 to 8 bits a channel." in checked.notes


def test_a_16_bit_grey_tiff_in_which_0_is_white():
    content = np.full((30, 30), 65535, "<u2").tobytes()
    entries = [
        (256, 3, 1, short(30)),
        (257, 3, 1, short(30)),
        (258, 3, 1, short(16)),
        (259, 3, 1, short(1)),
        (262, 3, 1, short(0)),
        (273, 4, 1, struct.pack("<I", 200)),
        (277, 3, 1, short(1)),
        (278, 3, 1, short(30)),
        (279, 4, 1, struct.pack("<I", len(content))),
    ]
    assert (check_image("a.tif", tiff_list(*entries).ljust(200, b"\0") + content).seen == 0).all()


def tiled(tile: int, size: int = 64, compressed: bool = False) -> bytes:
    """Four tiles (or as many as it takes), each of one grey: 0, 60, 120, 180 ..."""
    n = -(-size // tile)
    parts = [bytes([min(255, 60 * i)]) * (tile * tile) for i in range(n * n)]
    parts = [zlib.compress(part) if compressed else part for part in parts]
    starts = np.cumsum([1000, *map(len, parts)])[:-1]
    entries = [
        (256, 3, 1, short(size)),
        (257, 3, 1, short(size)),
        (258, 3, 1, short(8)),
        (259, 3, 1, short(8 if compressed else 1)),
        (262, 3, 1, short(1)),
        (277, 3, 1, short(1)),
        (322, 4, 1, struct.pack("<I", tile)),
        (323, 4, 1, struct.pack("<I", tile)),
        (324, 4, n * n, struct.pack(f"<{n * n}I", *starts)),
        (325, 4, n * n, struct.pack(f"<{n * n}I", *map(len, parts))),
    ]
    return tiff_list(*entries).ljust(1000, b"\0") + b"".join(parts)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_tiff_of_tiles_is_read(compressed):
    seen = check_image("a.tif", tiled(32, compressed=compressed)).seen
    assert [seen[y, x, 0] for y, x in ((2, 2), (2, 25), (25, 2), (25, 25))] == [0, 60, 120, 180]


def test_of_several_pages_the_first_is_read():
    data = encoded(plain(RED), "TIFF", save_all=True, append_images=[plain(WHITE), plain(WHITE)])
    checked = check_image("a.tif", data)
    assert checked.seen[0, 0].tolist() == [255, 0, 0]
    assert checked.notes[0] == "Several pages: only the first of its 3 pages is used."


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_of_a_moving_picture_the_first_frame_is_read(kind):
    frames = [plain((0, 0, 255)), plain((0, 255, 0)), plain(WHITE)]
    data = encoded(plain(RED), kind, save_all=True, append_images=frames, duration=50)
    checked = check_image("a", data)
    assert np.allclose(checked.seen[0, 0], RED, atol=3)
    assert checked.notes[0] == "Animated: only the first of its 4 frames is used."


@pytest.mark.parametrize("kind", ["WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_other_formats_are_turned_upright_too(kind, orientation):
    options = {"lossless": True} if kind == "WEBP" else {}
    tags = Image.Exif()
    tags[0x0112] = orientation
    image = plain(WHITE, (40, 80))
    image.paste(RED, (0, 0, 20, 40))
    turned = check_image("a", encoded(image, kind, exif=tags, **options))
    by_png = check_image("a.png", marked_corner(orientation, "PNG"))
    assert np.array_equal(turned.seen, by_png.seen)
    assert turned.size == by_png.size


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "TIFF", "PNG"])
def test_a_profile_is_followed_in_every_format_that_has_one(kind):
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}}.get(kind, {})
    checked = check_image("a", encoded(plain(RED), kind, icc_profile=swapped_profile(), **options))
    assert np.allclose(checked.seen[0, 0], (0, 255, 0), atol=12)
    assert [note.kind for note in checked.notes] == ["profile", "even"]


def test_transparent_parts_are_white_in_every_format_that_has_them():
    clear = plain((255, 0, 0, 0), mode="RGBA")
    for kind, options in (("WEBP", {"lossless": True}), ("TIFF", {}), ("GIF", {})):
        checked = check_image("a", encoded(clear, kind, **options))
        assert checked.seen[14, 14].tolist() == [255, 255, 255], kind


# -------------------------------------------------------------------------- large metadata


def png_with(*chunks: tuple[bytes, bytes], image: Image.Image | None = None) -> bytes:
    data = encoded(image or colorful())
    return data[:33] + b"".join(chunk(kind, content) for kind, content in chunks) + data[33:]


def deflated(megabytes: int) -> bytes:
    packing = zlib.compressobj(1)
    return b"".join([*(packing.compress(bytes(2**20)) for _ in range(megabytes)), packing.flush()])


@pytest.mark.parametrize(
    "content",
    [
        (b"zTXt", b"Comment\0\0" + deflated(2)),
        (b"zTXt", b"Comment\0\0" + deflated(80)),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + deflated(2)),
        (b"tEXt", b"Comment\0" + b"x" * 5 * 2**20),
        (b"zTXt", b"Comment\0\0no deflate at all"),
        (b"eXIf", b"II" + bytes(2**20)),
        (b"prVt", bytes(2**21)),
    ],
    ids=["2 MB", "80 MB", "XMP", "text", "broken", "EXIF", "private"],
)
def test_no_metadata_makes_a_whole_png_damaged(content):
    checked = check_image("a.png", png_with(content))
    assert np.array_equal(checked.seen, squash(colorful()))
    assert checked.notes == ()


def test_a_text_whose_checksum_is_wrong_is_no_damage_to_the_picture():
    data = bytearray(png_with((b"tEXt", b"Comment\0words")))
    data[data.index(b"words")] ^= 1
    assert check_image("a.png", bytes(data)).notes == ()


def test_a_large_profile_is_followed_and_an_endless_one_left_out():
    def packed(profile: bytes) -> tuple[bytes, bytes]:
        return b"iCCP", b"icc\0\0" + zlib.compress(profile, 1)

    large = bytearray(swapped_profile() + bytes(3 * 2**20))  # as room for the tables of a printer
    large[:4] = struct.pack(">I", len(large))
    followed = check_image("a.png", png_with(packed(bytes(large)), image=plain(RED)))
    assert followed.notes[0].startswith("Colours converted from Swap")
    endless = check_image("a.png", png_with((b"iCCP", b"icc\0\0" + deflated(50)), image=plain(RED)))
    assert endless.notes[0] == "Its colour profile cannot be read and was left out."


# ---------------------------------------------------------------------------- bounded cost


def flat_jpeg(width: int, height: int) -> bytes:
    """Grey 128: every block of 8x8 pixels is the six bits 001010, four blocks are three bytes."""
    data = encoded(Image.new("L", (8, 8), 128), "JPEG", quality=50)
    frame, scan = data.index(b"\xff\xc0"), data.index(b"\xff\xda")
    head = data[: frame + 5] + struct.pack(">HH", height, width) + data[frame + 9 : scan + 10]
    return head + b"\x28\xa2\x8a" * (-(-width // 8) * -(-height // 8) // 4 + 2) + b"\xff\xd9"


def test_a_photograph_of_200_megapixels_is_read_at_reduced_scale():
    checked = check_image("a.jpg", flat_jpeg(16384, 12288))
    assert checked.size == (16384, 12288)
    assert checked.original.shape == (300, 400, 3)
    assert (checked.seen == 128).all()


def test_reduced_scale_changes_no_more_than_a_grey_level_or_two():
    image = colorful((4000, 3000))
    checked = check_image("a.jpg", encoded(image, "JPEG", quality=95))
    assert checked.size == (4000, 3000)
    assert np.abs(checked.seen.astype(int) - squash(image)).max() <= 2


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1"])
def test_a_large_png_is_worked_through_in_strips_and_is_the_same(mode):
    image = colorful((3001, 2003)).convert(mode)
    if mode == "RGBA":
        image.putalpha(200)
    checked = check_image("a.png", encoded(image, compress_level=1))
    on_white = (
        Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        if mode == "RGBA"
        else image
    )
    assert np.abs(checked.seen.astype(int) - squash(on_white)).max() <= (4 if mode in "1P" else 2)
    assert ("Transparent parts are shown on white." in checked.notes) == (mode == "RGBA")
    assert checked.size == (3001, 2003)


def scans_repeated(times: int, size=(2000, 1500)) -> bytes:
    data = encoded(plain(size=size), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * times + b"\xff\xd9"


def test_scans_of_a_progressive_jpeg_are_counted_before_they_are_decoded(monkeypatch):
    assert check_image("a.jpg", scans_repeated(5)).size == (2000, 1500)
    many, countless = scans_repeated(1000), scans_repeated(10_500, (56, 56))
    monkeypatch.setattr(decoding, "decode", lambda picture: pytest.fail("it was decoded"))
    assert "stored so that decoding takes about" in refusal(many).why
    assert "more than 10,000 passes" in refusal(countless).why


def test_repeated_scans_inside_a_tiff_are_counted_too():
    inside = scans_repeated(3000)
    entries = [
        (256, 3, 1, short(2000)),
        (257, 3, 1, short(1500)),
        (258, 3, 3, short(8) * 3),
        (259, 3, 1, short(7)),
        (262, 3, 1, short(6)),
        (273, 4, 1, struct.pack("<I", 300)),
        (277, 3, 1, short(3)),
        (278, 3, 1, short(1500)),
        (279, 4, 1, struct.pack("<I", len(inside))),
    ]
    assert (
        "stored so that decoding takes about"
        in refusal(tiff_list(*entries).ljust(300, b"\0") + inside).why
    )


def test_a_progressive_jpeg_whose_scans_do_not_fit_into_memory_is_refused():
    assert (
        "MB of memory" in refusal(flat_jpeg(16000, 12500).replace(b"\xff\xc0", b"\xff\xc2", 1)).why
    )


def test_a_tile_far_larger_than_its_picture_is_refused_unpacked():
    data = tiled(32).replace(
        struct.pack("<HHII", 322, 4, 1, 32), struct.pack("<HHII", 322, 4, 1, 20_000)
    )
    data = data.replace(
        struct.pack("<HHII", 323, 4, 1, 32), struct.pack("<HHII", 323, 4, 1, 20_000)
    )
    assert "MB of memory" in refusal(data).why


def test_a_tiff_of_very_many_strips_is_refused():
    entries = [
        (256, 3, 1, short(200)),
        (257, 4, 1, struct.pack("<I", 200_000)),
        (258, 3, 1, short(8)),
        (262, 3, 1, short(1)),
        (273, 4, 200_000, bytes(800_000)),
        (277, 3, 1, short(1)),
        (278, 3, 1, short(1)),
    ]
    assert "200,000 strips or tiles" in refusal(tiff_list(*entries)).why


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (PNG + chunk(b"IHDR", bytes(13)) + chunk(b"tEXt", b"") * 300_000, "damaged"),
        (b"\xff\xd8" + b"\xff\xfe\0\2" * 20_000, "damaged"),
        (
            b"GIF89a"
            + struct.pack("<HHBBB", 56, 56, 0, 0, 0)
            + b"\x21\xfe"
            + b"\1x" * 600_000
            + b"\0;",
            "damaged",
        ),
        (b"RIFF" + struct.pack("<I", 2**21) + b"WEBP" + b"XMP \0\0\0\0" * 200_000, "damaged"),
    ],
    ids=["PNG", "JPEG", "GIF", "WebP"],
)
def test_a_file_of_countless_small_pieces_is_refused(data, why):
    assert why in refusal(data).why


@pytest.mark.parametrize("size", [(5000, 5000), (16_383, 16_383)])
def test_a_webp_larger_than_memory_bears_is_refused(size):
    packed = (size[0] - 1) | (size[1] - 1) << 14
    body = b"VP8L" + struct.pack("<I", 6) + b"\x2f" + struct.pack("<I", packed) + b"\0"
    assert (
        "at most 14 million are read"
        in refusal(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body).why
    )


def test_what_cannot_be_bounded_is_decoded_apart_and_is_the_same(monkeypatch):
    data = encoded(colorful((1200, 900)), "WEBP", lossless=True, quality=0, method=0)
    calls = []
    real = apart.subprocess.run
    monkeypatch.setattr(apart.subprocess, "run", lambda *a, **k: calls.append(a) or real(*a, **k))
    assert np.array_equal(check_image("a.webp", data).seen, squash(colorful((1200, 900))))
    assert len(calls) == 1
    assert (
        refusal(data[:2000] + bytes(len(data) - 2000)).why
        == "the file is damaged or not what it says."
    )


def test_what_takes_too_much_apart_is_stopped(monkeypatch):
    data = encoded(colorful((1200, 900)), "WEBP", lossless=True, quality=0, method=0)
    monkeypatch.setattr(apart, "PATIENCE", 0.01)
    assert refusal(data).why == "to decode it takes more than 250 MB or 2 s."


def test_ordinary_images_do_not_wait_for_a_large_one(monkeypatch):
    for _ in range(2):
        decoding._large.acquire()  # two large ones are being decoded
    try:
        assert check_image("a.png", encoded(plain())).size == (56, 56)
    finally:
        for _ in range(2):
            decoding._large.release()


# -------------------------------------------------------------------------------- one road


def test_notes_know_their_kind():
    checked = check_image("a.jpg", marked_corner(6, "JPEG"))
    assert [note.kind for note in checked.notes] == ["turned"]
    assert {note.kind for note in check_image("a.png", encoded(plain())).notes} <= set(
        images.NOTE_KINDS
    )
    assert pickle.loads(pickle.dumps(checked.notes[0])).kind == "turned"


def test_a_black_image_says_that_the_answer_means_nothing():
    black = check_image("black.png", encoded(plain((0, 0, 0))))
    assert black.notes == (
        "It is one even colour: there is no lesion to see, and the answer means nothing.",
    )
    grey = check_image("gray.jpg", encoded(colorful().convert("L"), "JPEG"))
    assert grey.notes == ("It is grey; the models learned from colour images.",)


def test_a_file_that_is_not_there_or_a_folder_is_said(tmp_path):
    with pytest.raises(ImageError, match=r"it cannot be read \(No such file or directory\)"):
        images.pixels(tmp_path / "nowhere.jpg")
    with pytest.raises(ImageError, match=r"it cannot be read \(Is a directory\)"):
        images.pixels(tmp_path)
