"""Bytes -> checked image -> pixels: the one decoding step for data sets, evaluation, uploads and examples."""

from ham.images.check import EXTENSIONS, MAX_BYTES, CheckedImage, check_image, kind_of, pixels, read_file, squash

__all__ = ["EXTENSIONS", "MAX_BYTES", "CheckedImage", "check_image", "kind_of", "pixels", "read_file", "squash"]
