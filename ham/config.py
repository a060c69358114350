"""The constants of HAM Lab: the class table, paths, `TrainConfig` and its limits, exceptions.

Nothing runs at import and nothing of ours is imported here. Everything that is a fact about
the classes stands once, in `CLASSES`; everything that can be set about a training stands once,
in `SETTINGS` and `MODEL_SETTINGS`, from which the form, the command line's `--set` and the
validation are all made.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import platform
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

APP_NAME = "HAM Lab"
DISCLAIMER = "Teaching and research, not a diagnosis"
KAGGLE_DATASET = "kmader/skin-cancer-mnist-ham10000"
KAGGLE_URL = f"https://www.kaggle.com/datasets/{KAGGLE_DATASET}"
CITATION = "Tschandl, Rosendahl, Kittler, Scientific Data 5:180161, 2018"
LICENCE = "CC BY-NC 4.0"
IMAGE_SIZE = 28


# ------------------------------------------------------------------------------ errors


class HamError(Exception):
    """What came in, why it does not work, what to do next.

    The three parts are attributes, so that the page and the command line lay them out
    themselves; `str()` joins them into one line.
    """

    def __init__(self, what: str, why: str, todo: str):
        super().__init__(what, why, todo)
        self.what, self.why, self.todo = what, why, todo

    def __str__(self) -> str:
        return f"{self.what}: {self.why} {self.todo}"


class FileError(HamError):
    """A file or folder cannot be read or written."""


class DataError(HamError):
    """The data set's files cannot be used as they are."""


class ConfigError(HamError):
    """A setting is unknown or out of its range."""


class ImageError(HamError):
    """An uploaded image cannot be answered."""


class StoreError(HamError):
    """A run folder is missing, damaged or cannot be written."""


class TrainingError(HamError):
    """A training cannot go on."""


class EngineError(HamError):
    """The training engine cannot be started or reached."""


# ----------------------------------------------------------------------------- classes


@dataclass(frozen=True)
class LesionClass:
    """One diagnosis of HAM10000."""

    code: str  # `dx` in the metadata
    name: str
    malignant: bool  # counts as malignant (or pre-malignant: akiec) in malignant against benign
    color: str  # Okabe-Ito; malignant warm, benign cool, the majority quiet
    csv_label: int  # `label` in Kaggle's hmnist_28_28_RGB.csv
    isic_column: str  # column of ISIC 2018's one-hot ground truth

    @property
    def title(self) -> str:
        return f"{self.name} ({self.code})"


#: Malignant first, then by frequency. This is the order of every label, every `proba`
#: column, every chart and every table; only the CSV reader knows Kaggle's own order.
CLASSES: tuple[LesionClass, ...] = (
    LesionClass("mel", "Melanoma", True, "#D55E00", 6, "MEL"),
    LesionClass("bcc", "Basal cell carcinoma", True, "#CC79A7", 1, "BCC"),
    LesionClass("akiec", "Actinic keratosis", True, "#E69F00", 0, "AKIEC"),
    LesionClass("nv", "Melanocytic nevus", False, "#8A949E", 4, "NV"),
    LesionClass("bkl", "Benign keratosis", False, "#56B4E9", 2, "BKL"),
    LesionClass("vasc", "Vascular lesion", False, "#0072B2", 5, "VASC"),
    LesionClass("df", "Dermatofibroma", False, "#009E73", 3, "DF"),
)
CODES: tuple[str, ...] = tuple(c.code for c in CLASSES)
N_CLASSES = len(CLASSES)
CLASS_INDEX: dict[str, int] = {code: i for i, code in enumerate(CODES)}


# ------------------------------------------------------------------------------- paths


def home_folder() -> Path:
    """Where HAM Lab keeps its cache and runs: `HAM_HOME`, else the user's data folder."""
    named = os.environ.get("HAM_HOME")
    return Path(named).expanduser() if named else platformdirs.user_data_path("ham-lab", appauthor=False)


def dashboard_folder() -> Path:
    """Where app.py and pages/ are: in the package where it was installed, else in the checkout around it."""
    installed = Path(__file__).parent / "dashboard"
    return installed if installed.is_dir() else Path(__file__).parents[1]


def cache_folder() -> Path:
    return home_folder() / "cache"


def runs_folder() -> Path:
    return home_folder() / "runs"


def reference_folder() -> Path:
    """The trained runs that ship with HAM Lab; nothing is ever written there."""
    return Path(__file__).parent / "reference"


# -------------------------------------------------------------------------- TensorFlow


def set_tensorflow_defaults() -> None:
    """Sets what TensorFlow reads from the environment while it is imported; what is set already stays."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no GPU is no error here
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    if platform.machine().lower() in ("x86_64", "amd64"):
        # TensorFlow's own choice is oneDNN for CPUs with AVX-512 VNNI only; with AVX2 it gains as well (BENCHMARKS.md)
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


# ---------------------------------------------------------------------------- settings


@dataclass(frozen=True)
class Setting:
    """One thing that can be set: its range, its words. The value's type is the default's."""

    name: str
    label: str
    help: str
    group: str  # "model", "optimisation", "data and split" or "regularisation"
    default: int | float | str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    multiple_of: int = 1

    @property
    def allowed(self) -> str:
        """The allowed values in words: "a whole number from 1 to 500"."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        whole = isinstance(self.default, int)
        kind = "a whole number" if whole else "a number"
        low, high = (f"{limit:d}" if whole else f"{limit:g}" for limit in (self.low, self.high))
        multiple = f", a multiple of {self.multiple_of}" if self.multiple_of > 1 else ""
        return f"{kind} from {low} to {high}{multiple}"

    def accepts(self, value: object) -> bool:
        if self.choices:
            return value in self.choices
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if isinstance(self.default, int) and not isinstance(value, int):
            return False
        if not (math.isfinite(value) and self.low <= value <= self.high):
            return False
        return self.multiple_of == 1 or value % self.multiple_of == 0

    def parse(self, text: str) -> int | float | str:
        """The value a user typed, of the default's type; text that is no number stays text."""
        if self.choices:
            return text
        try:
            return int(text) if isinstance(self.default, int) else float(text)
        except ValueError:
            return text


MODEL, OPTIMISATION, DATA, REGULARISATION = "model", "optimisation", "data and split", "regularisation"

#: What makes an epoch the one whose weights become the model.
EPOCHS_KEPT: dict[str, str] = {
    "loss": "lowest loss",
    "balanced accuracy": "highest balanced accuracy",
    "last": "last epoch",
}

SETTINGS: tuple[Setting, ...] = (
    Setting("epochs", "Epochs", "Passes over the training images.", OPTIMISATION, 25, 1, 500),
    Setting("batch_size", "Batch size", "Images a gradient step averages over. Smaller batches learn more an epoch and "
            "take longer.", OPTIMISATION, 32, 4, 1024),
    Setting("optimizer", "Optimizer", "The rule that turns gradients into steps.", OPTIMISATION, "adam",
            choices=("adam", "adamw", "sgd", "rmsprop")),
    Setting("learning_rate", "Learning rate", "Size of a step, at its peak where a schedule is used.", OPTIMISATION,
            1e-3, 1e-6, 1.0),
    Setting("schedule", "Schedule", "Constant, or a linear warm-up (a tenth of the epochs, at most 3) followed by "
            "half a cosine down to 1 % of the learning rate.", OPTIMISATION, "constant",
            choices=("constant", "cosine")),
    Setting("split", "Split", "By lesion: no lesion is on two sides. By image and oversample-then-split leak and are "
            "here to show by how much.", DATA, "lesion", choices=("lesion", "image", "oversample")),
    Setting("validation_fraction", "Validation share", "Part of the images that chooses the epoch.", DATA,
            0.1, 0.05, 0.4),
    Setting("test_fraction", "Test share", "Part of the images that is looked at once, at the end.", DATA,
            0.1, 0.05, 0.4),
    Setting("fold", "Fold", "Which stretch of the shuffled lesions is the test part. At a test share of 0.2 the folds "
            "0 to 4 of one seed are a five-fold cross-validation: every lesion is tested once.", DATA, 0, 0, 19),
    Setting("seed", "Seed", "Decides the split, the starting weights, the order of the images and the dropout.", DATA,
            0, 0, 2**31 - 1),
    Setting("weight_decay", "Weight decay", "Shrinks the weights at every step (decoupled, as in AdamW).",
            REGULARISATION, 0.0, 0.0, 1.0),
    Setting("class_weight", "Class weight", "Weighs the loss of a class, in training and on validation, by its inverse "
            "frequency to this power: 0 weighs every image the same, 1 every class.", REGULARISATION, 0.0, 0.0, 1.0),
    Setting("augmentation", "Augmentation", "Dihedral: a random one of the 8 flips and quarter turns. Colour: mild "
            "random brightness, contrast and colour balance on top. Shift: moved by up to 2 pixels as well. Affine: "
            "half of the images turned by any angle, zoomed by up to a fifth and moved.", REGULARISATION, "none",
            choices=("none", "dihedral", "dihedral+colour", "dihedral+colour+shift", "dihedral+colour+affine")),
    Setting("pixel_scaling", "Pixel scaling", "Unit: from 0 to 1, as the models were described. Standard: each "
            "colour with mean 0 and standard deviation 1, so that an LSTM learns from the first epoch on.", DATA,
            "unit", choices=("unit", "standard")),
    Setting("label_smoothing", "Label smoothing", "Share of the target spread evenly over the seven classes.",
            REGULARISATION, 0.0, 0.0, 0.5),
    Setting("weight_average", "Weight average", "Momentum of a moving average of the weights over the steps; the "
            "average is what is validated, kept and tested. 0 keeps the weights themselves, 0.99 averages about 100 "
            "steps.", REGULARISATION, 0.0, 0.0, 0.9999),
    Setting("test_time_augmentation", "Test-time augmentation", "Dihedral: an image's answer is the mean over its 8 "
            "flips and quarter turns, in the evaluation and on the Prediction page alike; it takes 8 times as long.",
            REGULARISATION, "none", choices=("none", "dihedral")),
    Setting("epoch_kept", "Epoch kept", "Which epoch's weights become the model: the one of the lowest validation "
            "loss, the one of the highest balanced accuracy on validation, or the last one, as suits a cosine schedule "
            "with a weight average.", REGULARISATION, "loss", choices=tuple(EPOCHS_KEPT)),
    Setting("early_stopping_patience", "Early stopping patience", "Epochs after the one that would be kept after which "
            "training stops; 0 never stops early. Not where the last epoch is kept.", REGULARISATION, 0, 0, 200),
)


def _units(name: str, label: str, default: int, high: int, multiple_of: int = 1) -> Setting:
    low = max(1, multiple_of)
    return Setting(name, label, "Size of this layer's output.", MODEL, default, low, high, multiple_of=multiple_of)


def _rate(name: str, label: str, default: float) -> Setting:
    return Setting(name, label, "Share of this layer's inputs set to zero in training.", MODEL, default, 0.0, 0.9)


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


# -------------------------------------------------------------------------- TrainConfig


@dataclass(frozen=True)
class TrainConfig:
    """Every setting of one training; the same config, data and code give the same history.

    `model_settings` holds what differs from the architecture's defaults or all of them; after
    construction it is complete. Raises ConfigError that names every bad value with its range.
    """

    model: str = "cnn"
    recipe: str = "described"  # where the settings came from; does not act by itself
    epochs: int = 25
    batch_size: int = 32
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    schedule: str = "constant"
    weight_decay: float = 0.0
    class_weight: float = 0.0
    pixel_scaling: str = "unit"
    augmentation: str = "none"
    label_smoothing: float = 0.0
    weight_average: float = 0.0
    test_time_augmentation: str = "none"
    epoch_kept: str = "loss"
    early_stopping_patience: int = 0
    split: str = "lesion"
    validation_fraction: float = 0.1
    test_fraction: float = 0.1
    fold: int = 0
    seed: int = 0
    model_settings: dict[str, int | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.model not in MODEL_SETTINGS:
            raise ConfigError(f"model = {self.model!r}", f"it must be one of {', '.join(MODEL_SETTINGS)}.",
                              "Choose one of these.")
        schema = {s.name: s for s in MODEL_SETTINGS[self.model]}
        problems = [f"{name} is no setting of {self.model} (it has {', '.join(schema)})"
                    for name in self.model_settings if name not in schema]
        complete = {name: s.default for name, s in schema.items()} | dict(self.model_settings)
        values = [(s, getattr(self, s.name)) for s in SETTINGS] + [(s, complete[s.name]) for s in schema.values()]
        problems += [f"{s.name} = {value!r} must be {s.allowed}" for s, value in values if not s.accepts(value)]
        if not problems and self.validation_fraction + self.test_fraction > 0.7:
            problems.append(f"validation_fraction + test_fraction = {self.validation_fraction + self.test_fraction:g} "
                            "must be at most 0.7")
        if not problems and (self.fold + 1) * self.test_fraction > 1 + 1e-9:
            problems.append(f"fold = {self.fold} must be less than {math.floor(1 / self.test_fraction + 1e-9)} with "
                            f"test_fraction = {self.test_fraction:g}")
        if not problems and self.early_stopping_patience and self.epoch_kept == "last":
            problems.append(f"early_stopping_patience = {self.early_stopping_patience} needs another epoch_kept than "
                            "last, which no epoch is ever behind")
        if problems:
            raise ConfigError("These settings cannot be trained", "; ".join(problems) + ".",
                              "Change them to allowed values.")
        for s, value in values:  # 1 where a float is meant is fine; the stored value has one type
            if isinstance(s.default, float) and s.name not in schema:
                object.__setattr__(self, s.name, float(value))
            elif isinstance(s.default, float):
                complete[s.name] = float(value)
        object.__setattr__(self, "model_settings", complete)

    def to_dict(self) -> dict:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, settings: dict) -> TrainConfig:
        """The config a run folder stores. Raises ConfigError on an unknown name."""
        return cls().replace(**settings)

    def replace(self, **changes: object) -> TrainConfig:
        """A changed copy; names of this model's own settings may stand beside the others'.

        Raises ConfigError on a name that is neither.
        """
        fields = {f.name for f in dataclasses.fields(self)}
        model = changes.get("model", self.model)
        own = {s.name for s in MODEL_SETTINGS.get(model, ())}
        unknown = [name for name in changes if name not in fields | own]
        if unknown:
            raise ConfigError(f"Unknown setting {', '.join(unknown)}",
                              f"{model} has {', '.join(s.name for s in SETTINGS)}, {', '.join(sorted(own))}.",
                              "Use one of these names.")
        kept = self.model_settings if model == self.model else {}
        model_settings = {**kept, **changes.get("model_settings", {}), **{k: v for k, v in changes.items() if k in own}}
        plain = {k: v for k, v in changes.items() if k in fields}
        return dataclasses.replace(self, **{**plain, "model_settings": model_settings})

    @property
    def fingerprint(self) -> str:
        """SHA-256 over every setting that acts: equal for two configs that train the same."""
        acting = {k: v for k, v in self.to_dict().items() if k != "recipe"}
        if self.epoch_kept == "loss":  # a later setting: runs from before it keep their fingerprint
            del acting["epoch_kept"]
        return hashlib.sha256(json.dumps(acting, sort_keys=True).encode()).hexdigest()


# ----------------------------------------------------------------------------- recipes


@dataclass(frozen=True)
class Recipe:
    """A named set of settings; what it does not name keeps TrainConfig's default."""

    name: str
    title: str
    help: str
    settings: dict[str, int | float | str]
    by_model: dict[str, dict[str, int | float | str]] = field(default_factory=dict)


#: As many epochs as two cores train in about 12 minutes.
_IMPROVED: dict[str, int | float | str] = {
    "epochs": 70, "batch_size": 64, "optimizer": "adamw", "learning_rate": 2e-3, "schedule": "cosine",
    "weight_decay": 0.01, "weight_average": 0.99, "augmentation": "dihedral+colour+shift",
    "test_time_augmentation": "dihedral", "pixel_scaling": "standard",
}

_IMPROVED_BY_MODEL: dict[str, dict[str, int | float | str]] = {
    "lstm": {"epochs": 90, "learning_rate": 3e-3, "augmentation": "dihedral+colour+affine"}, "cnn": {"epochs": 85}}

RECIPES: dict[str, Recipe] = {r.name: r for r in (
    Recipe("described", "As described", "As the models were described to us: Keras' defaults for what the "
           "description leaves open, no augmentation.", {}),
    Recipe("improved", "Improved", "The same architecture, trained better: augmentation, AdamW with warm-up and cosine "
           "decay, an average of the weights, eight views of each image. For accuracy.", _IMPROVED,
           _IMPROVED_BY_MODEL),
    Recipe("balanced", "Balanced", "As improved, with rare classes weighed up: names more of the melanomas and of the "
           "rare classes right, and fewer of the nevi.", {**_IMPROVED, "class_weight": 0.7, "epoch_kept": "last"},
           _IMPROVED_BY_MODEL),
    Recipe("quick", "Quick look", "A few epochs in large batches, to see it move in under a minute.",
           {"epochs": 3, "batch_size": 128}),
)}


def recipe_config(recipe: str, model: str, **changes: object) -> TrainConfig:
    """The config of a recipe for a model, with changes on top. Raises ConfigError."""
    if recipe not in RECIPES:
        raise ConfigError(f"recipe = {recipe!r}", f"it must be one of {', '.join(RECIPES)}.", "Choose one of these.")
    chosen = RECIPES[recipe]
    start = TrainConfig().replace(model=model)
    return start.replace(recipe=recipe, **{**chosen.settings, **chosen.by_model.get(model, {}), **changes})


def parse_settings(model: str, pairs: list[str]) -> dict[str, int | float | str]:
    """`["epochs=20", "seed=1"]` as values of the right types. Raises ConfigError."""
    schema = {s.name: s for s in (*SETTINGS, *MODEL_SETTINGS.get(model, ()))}
    parsed = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or name not in schema:
            raise ConfigError(f"--set {pair}", f"settings are {', '.join(schema)}.", "Write --set name=value.")
        parsed[name] = schema[name].parse(text)
    return parsed
