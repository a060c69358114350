"""A folder for PYTHONPATH: every Python that is started there trains without TensorFlow."""

from tests import light

light.install()
