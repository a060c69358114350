"""A run's model as a file for other programs: what goes in is an image, what comes out is
probabilities, and the file says what it is.

exporting   one file, checked before anybody gets it
formats     the formats, and what each needs
keras_file  Keras; converted: ONNX and LiteRT; repository: a folder as Hugging Face has them
about       what a file says of itself

TensorFlow and what a format needs are imported when a file is made.
"""

from ham.interchange.about import about_model
from ham.interchange.exporting import ExportError, checked_on, export_to, exported
from ham.interchange.formats import FORMATS, Format, install_command, missing_packages

__all__ = [
    "FORMATS",
    "ExportError",
    "Format",
    "about_model",
    "checked_on",
    "export_to",
    "exported",
    "install_command",
    "missing_packages",
]
