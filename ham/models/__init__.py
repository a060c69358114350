"""The architectures and their registry: one file an architecture, one line here.

architecture    what every one has: build, parameter count, pixels -> probabilities
backend         TensorFlow and Keras, imported once
augmentation    random turns, flips, colours and moves of images
layers          what they are made of
lstm, cnn       as the customer described them, to the layer
resnet          ours

TensorFlow is imported when a model is built, not before.
"""

from ham.models import cnn, lstm, resnet
from ham.models.architecture import (
    CHANNEL_MEAN,
    CHANNEL_STD,
    DIHEDRAL,
    PREPROCESSING,
    Architecture,
    dihedral,
)
from ham.models.augmentation import augment
from ham.models.backend import import_keras
from ham.models.layers import Row

MODELS: dict[str, Architecture] = {
    a.name: a for a in (lstm.ARCHITECTURE, cnn.ARCHITECTURE, resnet.ARCHITECTURE)
}

__all__ = [
    "CHANNEL_MEAN",
    "CHANNEL_STD",
    "DIHEDRAL",
    "MODELS",
    "PREPROCESSING",
    "Architecture",
    "Row",
    "augment",
    "dihedral",
    "import_keras",
]
