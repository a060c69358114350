"""Every setting of one training."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import Any

from ham.config.architectures import MODEL_SETTINGS
from ham.config.errors import ConfigError
from ham.config.settings import DATA, OPTIMISATION, REGULARISATION, Setting, setting, settings_of

#: Raised by one whenever the same settings on the same data give other numbers than before: another
#: layer, another draw, another order, another loss. Two runs of different versions are not the same
#: training. A test holds the sources that decide about it against the version.
TRAINING_VERSION = 1

_MOST_WARM_UP_EPOCHS = 3
PUBLISHED_SHARE = 0.2  # of the images, the test part of the split as published
FINAL_RATE = 0.01  # where a cosine schedule ends, as a share of its peak


def _plain(*choices: str) -> dict[str, str]:
    """Choices whose words are themselves: "dihedral+colour" -> "Dihedral+colour"."""
    return {choice: choice.capitalize() for choice in choices}


@dataclass(frozen=True)
class TrainConfig:
    """Every setting of one training; the same config, data and code give the same history.

    `model_settings` holds what differs from the architecture's defaults or all of them; after
    construction it is complete. Raises ConfigError that names every bad value with its range.
    """

    model: str = "cnn"
    recipe: str = "described"  # where the settings came from; does not act by itself
    epochs: int = setting(
        25, "Epochs", "Passes over the training images.", OPTIMISATION, low=1, high=500
    )
    batch_size: int = setting(
        32,
        "Batch size",
        "Images a gradient step averages over. Smaller batches learn more an epoch "
        "and take longer.",
        OPTIMISATION,
        low=4,
        high=1024,
        costs=True,
    )
    optimizer: str = setting(
        "adam",
        "Optimizer",
        "The rule that turns gradients into steps.",
        OPTIMISATION,
        costs=True,
        words={"adam": "Adam", "adamw": "AdamW", "sgd": "SGD", "rmsprop": "RMSprop"},
    )
    learning_rate: float = setting(
        1e-3,
        "Learning rate",
        "Size of a step, at its peak where a schedule is used.",
        OPTIMISATION,
        low=1e-6,
        high=1.0,
        step=1e-4,
    )
    schedule: str = setting(
        "constant",
        "Schedule",
        "Constant, or a linear warm-up (a tenth of the epochs, at most 3) followed by half a "
        "cosine down to 1 % of the learning rate.",
        OPTIMISATION,
        words=_plain("constant", "cosine"),
    )
    weight_decay: float = setting(
        0.0,
        "Weight decay",
        "Shrinks the weights at every step (decoupled, as in AdamW).",
        REGULARISATION,
        low=0.0,
        high=1.0,
        step=1e-4,
    )
    class_weight: float = setting(
        0.0,
        "Class weight",
        "Weighs the loss of a class, in training and on validation, by its inverse frequency to "
        "this power: 0 weighs every image the same, 1 every class.",
        REGULARISATION,
        low=0.0,
        high=1.0,
    )
    augmentation: str = setting(
        "none",
        "Augmentation",
        "Dihedral: a random one of the 8 flips and quarter turns. Colour: mild random brightness, "
        "contrast and colour balance on top. Shift: moved by up to 2 pixels as well. Affine: half "
        "of the images turned by any angle, zoomed by up to a fifth and moved.",
        REGULARISATION,
        costs=True,
        words=_plain(
            "none", "dihedral", "dihedral+colour", "dihedral+colour+shift", "dihedral+colour+affine"
        ),
    )
    label_smoothing: float = setting(
        0.0,
        "Label smoothing",
        "Share of the target spread evenly over the seven classes.",
        REGULARISATION,
        low=0.0,
        high=0.5,
    )
    weight_average: float = setting(
        0.0,
        "Weight average",
        "Momentum of a moving average of the weights over the steps; the average is what is "
        "validated, kept and tested. 0 keeps the weights themselves, 0.99 averages about 100 "
        "steps.",
        REGULARISATION,
        low=0.0,
        high=0.9999,
        costs=True,
    )
    test_time_augmentation: str = setting(
        "none",
        "Test-time augmentation",
        "Dihedral: an image's answer is the mean over its 8 flips and quarter turns, in the "
        "evaluation and on the Prediction page alike; it takes 8 times as long.",
        REGULARISATION,
        words=_plain("none", "dihedral"),
    )
    epoch_kept: str = setting(
        "loss",
        "Epoch kept",
        "Which epoch's weights become the model: the one of the lowest validation loss, the one of "
        "the highest balanced accuracy on validation, or the last one, as suits a cosine schedule "
        "with a weight average.",
        REGULARISATION,
        later=True,
        words={
            "loss": "Lowest loss",
            "balanced accuracy": "Highest balanced accuracy",
            "last": "Last epoch",
        },
    )
    early_stopping_patience: int = setting(
        0,
        "Early stopping patience",
        "Epochs after the one that would be kept after which training stops; 0 never stops early. "
        "Not where the last epoch is kept.",
        REGULARISATION,
        low=0,
        high=200,
    )
    split: str = setting(
        "lesion",
        "Split",
        "By lesion: no lesion is on two sides. By image and oversample-then-split leak and are "
        "here to show by how much. By source: the test is one clinic, whose number is the fold; "
        "where the metadata names the sources. As published: a fifth of the images, always the "
        "same, is the test and the validation part at once.",
        DATA,
        costs=True,
        words={
            "lesion": "By lesion",
            "image": "By image",
            "oversample": "Oversample, then split",
            "source": "By source",
            "published": "As published",
        },
    )
    validation_fraction: float = setting(
        0.1,
        "Validation share",
        "Part of the images that chooses the epoch.",
        DATA,
        low=0.05,
        high=0.4,
        costs=True,
    )
    test_fraction: float = setting(
        0.1,
        "Test share",
        "Part of the images that is looked at once, at the end.",
        DATA,
        low=0.05,
        high=0.4,
        costs=True,
    )
    fold: int = setting(
        0,
        "Fold",
        "Which stretch of the shuffled lesions is the test part. At a test share of 0.2 the folds "
        "0 to 4 of one seed are a five-fold cross-validation: every lesion is tested once.",
        DATA,
        low=0,
        high=19,
    )
    seed: int = setting(
        0,
        "Seed",
        "Decides the split, the starting weights, the order of the images and the dropout.",
        DATA,
        low=0,
        high=2**31 - 1,
    )
    pixel_scaling: str = setting(
        "unit",
        "Pixel scaling",
        "Unit: from 0 to 1, as the models were described. Standard: each colour with mean 0 and "
        "standard deviation 1, so that an LSTM learns from the first epoch on.",
        DATA,
        words=_plain("unit", "standard"),
    )
    model_settings: dict[str, int | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.model not in MODEL_SETTINGS:
            raise ConfigError(
                f"model = {self.model!r}",
                f"it must be one of {', '.join(MODEL_SETTINGS)}.",
                "Choose one of these.",
            )
        schema = {s.name: s for s in MODEL_SETTINGS[self.model]}
        problems = [
            f"{name} is no setting of {self.model} (it has {', '.join(schema)})"
            for name in self.model_settings
            if name not in schema
        ]
        complete = {name: s.default for name, s in schema.items()} | dict(self.model_settings)
        values = [(s, getattr(self, s.name)) for s in SETTINGS] + [
            (s, complete[s.name]) for s in schema.values()
        ]
        problems += [
            f"{s.name} = {value!r} must be {s.allowed}"
            for s, value in values
            if not s.accepts(value)
        ]
        if not problems and self.validation_fraction + self.test_fraction > 0.7:
            problems.append(
                "validation_fraction + test_fraction = "
                f"{self.validation_fraction + self.test_fraction:g} must be at most 0.7"
            )
        if (
            not problems
            and self.split != "source"
            and (self.fold + 1) * self.test_fraction > 1 + 1e-9
        ):
            problems.append(
                f"fold = {self.fold} must be less than {math.floor(1 / self.test_fraction + 1e-9)} "
                f"with test_fraction = {self.test_fraction:g}"
            )
        if not problems and self.early_stopping_patience and self.epoch_kept == "last":
            problems.append(
                f"early_stopping_patience = {self.early_stopping_patience} needs "
                "another epoch_kept than "
                "last, which no epoch is ever behind"
            )
        if problems:
            raise ConfigError(
                "These settings cannot be trained",
                "; ".join(problems) + ".",
                "Change them to allowed values.",
            )
        for s, value in values:  # 1 where a float is meant is fine; the stored value has one type
            if isinstance(s.default, float) and s.name not in schema:
                object.__setattr__(self, s.name, float(value))
            elif isinstance(s.default, float):
                complete[s.name] = float(value)
        object.__setattr__(self, "model_settings", complete)
        if self.split == "published":  # it deals in one way only
            object.__setattr__(self, "validation_fraction", PUBLISHED_SHARE)
            object.__setattr__(self, "test_fraction", PUBLISHED_SHARE)
            object.__setattr__(self, "fold", 0)

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> TrainConfig:
        """The config a run folder stores. Raises ConfigError on an unknown name."""
        return cls().replace(**settings)

    def replace(self, **changes: Any) -> TrainConfig:
        """A changed copy; names of this model's own settings may stand beside the others'.

        Raises ConfigError on a name that is neither.
        """
        fields = {f.name for f in dataclasses.fields(self)}
        model = changes.get("model", self.model)
        own = {s.name for s in MODEL_SETTINGS.get(model, ())}
        unknown = [name for name in changes if name not in fields | own]
        if unknown:
            raise ConfigError(
                f"Unknown setting {', '.join(unknown)}",
                f"{model} has {', '.join(s.name for s in SETTINGS)}, {', '.join(sorted(own))}.",
                "Use one of these names.",
            )
        kept = self.model_settings if model == self.model else {}
        model_settings = {
            **kept,
            **changes.get("model_settings", {}),
            **{k: v for k, v in changes.items() if k in own},
        }
        plain = {k: v for k, v in changes.items() if k in fields}
        return dataclasses.replace(self, **{**plain, "model_settings": model_settings})

    @property
    def fingerprint(self) -> str:
        """SHA-256 over every setting that acts: equal for two configs that train the same.

        What came later than the first fingerprints counts only where it differs from its
        default, so that runs from before it keep theirs.
        """
        acting = {name: value for name, value in self.to_dict().items() if name != "recipe"}
        own = acting["model_settings"]
        for s in SETTINGS:
            if s.later and acting[s.name] == s.default:
                del acting[s.name]
        for s in MODEL_SETTINGS[self.model]:
            if s.later and own[s.name] == s.default:
                del own[s.name]
        return hashlib.sha256(json.dumps(acting, sort_keys=True).encode()).hexdigest()

    def in_words(self, name: str) -> str:
        """The choice made for a setting, for people: "Lowest loss"."""
        return next(s for s in SETTINGS if s.name == name).words[getattr(self, name)]

    @property
    def warm_up_epochs(self) -> float:
        """For how many epochs a cosine schedule warms up."""
        return min(_MOST_WARM_UP_EPOCHS, self.epochs / 10)

    def learning_rate_at(self, epoch: float) -> float:
        """The rate after that many epochs, 0 to `epochs`: as Keras' CosineDecay, but that its
        warm-up begins a step above 0.
        """
        if self.schedule == "constant":
            return self.learning_rate
        warm_up = self.warm_up_epochs
        if epoch < warm_up:
            return self.learning_rate * epoch / warm_up
        done = min(1.0, (epoch - warm_up) / (self.epochs - warm_up))
        share = FINAL_RATE + (1 - FINAL_RATE) * (1 + math.cos(math.pi * done)) / 2
        return self.learning_rate * share

    @property
    def cost(self) -> dict[str, object]:
        """The settings that a training step's time and memory depend on."""
        return {
            "model": self.model,
            "model_settings": self.model_settings,
            **{s.name: getattr(self, s.name) for s in SETTINGS if s.costs},
        }


#: Everything that can be set of every model, in the order of the fields above.
SETTINGS: tuple[Setting, ...] = settings_of(TrainConfig)
