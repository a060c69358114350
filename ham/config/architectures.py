"""What can be set about each architecture: the registry that forms, command line and validation
are made of.

The layers stand in `ham.models`, a file an architecture.
"""

from __future__ import annotations

from ham.config.settings import MODEL, Setting


def _units(name: str, label: str, default: int, high: int, multiple_of: int = 1) -> Setting:
    return Setting(
        label,
        "Size of this layer's output.",
        MODEL,
        default,
        low=multiple_of,
        high=high,
        multiple_of=multiple_of,
        costs=True,
        name=name,
    )


def _rate(name: str, label: str, default: float) -> Setting:
    return Setting(
        label,
        "Share of this layer's inputs set to zero in training.",
        MODEL,
        default,
        low=0.0,
        high=0.9,
        costs=True,
        name=name,
    )


#: Settings of each architecture; the defaults are the described models.
MODEL_SETTINGS: dict[str, tuple[Setting, ...]] = {
    "lstm": (
        _units("units_1", "LSTM 1 units", 128, 512),
        _units("units_2", "LSTM 2 units", 64, 512),
        _units("units_3", "LSTM 3 units", 32, 512),
        _rate("dropout_1", "Dropout after LSTM 1", 0.5),
        _rate("dropout_2", "Dropout after LSTM 2", 0.5),
        _rate("dropout_3", "Dropout after LSTM 3", 0.5),
    ),
    "cnn": (
        _units("filters_1", "Convolution 1 filters (5x5)", 30, 256),
        _units("filters_2", "Convolution 2 filters (3x3)", 30, 256),
        _units("filters_3", "Convolution 3 filters (3x3)", 20, 256),
        _units("filters_4", "Convolution 4 filters (3x3)", 15, 256),
        _units("filters_5", "Convolution 5 filters (3x3)", 15, 255, multiple_of=3),
        _units("filters_6", "Convolution 6 filters (2x2)", 10, 256),
        _units("units_1", "Dense 1 units", 256, 1024),
        _units("units_2", "Dense 2 units", 128, 1024),
        _rate("dropout", "Dropout after dense 1", 0.1),
    ),
    "resnet": (
        _units("filters_1", "Stem filters (3x3)", 24, 256),
        _units("filters_2", "Block 1 filters (3x3)", 32, 256),
        _units("filters_3", "Block 2 filters (3x3)", 64, 256),
        _units("filters_4", "Block 3 filters (3x3)", 80, 256),
        _rate("dropout", "Dropout before the last layer", 0.2),
    ),
}

MODEL_TITLES: dict[str, str] = {"lstm": "LSTM", "cnn": "CNN", "resnet": "ResNet"}
