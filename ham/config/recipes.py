"""Named sets of settings, and settings as the command line writes them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ham.config.architectures import MODEL_SETTINGS, MODEL_TITLES
from ham.config.errors import ConfigError
from ham.config.training import SETTINGS, TrainConfig


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
    "epochs": 70,
    "batch_size": 64,
    "optimizer": "adamw",
    "learning_rate": 2e-3,
    "schedule": "cosine",
    "weight_decay": 0.01,
    "weight_average": 0.99,
    "augmentation": "dihedral+colour+shift",
    "test_time_augmentation": "dihedral",
    "pixel_scaling": "standard",
}

_IMPROVED_BY_MODEL: dict[str, dict[str, int | float | str]] = {
    "lstm": {"epochs": 90, "learning_rate": 3e-3, "augmentation": "dihedral+colour+affine"},
    "cnn": {"epochs": 85},
}

RECIPES: dict[str, Recipe] = {
    r.name: r
    for r in (
        Recipe(
            "described",
            "As described",
            "As the models were described to us: Keras' defaults for what the description leaves "
            "open, no augmentation.",
            {},
        ),
        Recipe(
            "as published",
            "As published",
            "As the public notebooks trained that the two numbers come from: 50 epochs, the last "
            "one kept, on their own split, which leaks twice. To see what the numbers are worth.",
            {"epochs": 50, "epoch_kept": "last", "split": "published"},
            {"lstm": {"batch_size": 32}, "cnn": {"batch_size": 8}},
        ),
        Recipe(
            "improved",
            "Improved",
            "The same architecture, trained better: augmentation, AdamW with warm-up and cosine "
            "decay, an average of the weights, eight views of each image. For accuracy.",
            _IMPROVED,
            _IMPROVED_BY_MODEL,
        ),
        Recipe(
            "balanced",
            "Balanced",
            "As improved, with more weight on rare classes: higher recall of melanoma and the rare "
            "classes, lower recall of nevi.",
            {**_IMPROVED, "class_weight": 0.7, "epoch_kept": "last"},
            _IMPROVED_BY_MODEL,
        ),
        Recipe(
            "quick",
            "Quick look",
            "A few epochs in large batches, to see it move in under a minute.",
            {"epochs": 3, "batch_size": 128},
        ),
    )
}


def recipe_config(recipe: str, model: str, **changes: object) -> TrainConfig:
    """The config of a recipe for a model, with changes on top; "as-published" is "as published".

    Raises ConfigError.
    """
    recipe = recipe.replace("-", " ")
    if recipe not in RECIPES:
        raise ConfigError(
            f"recipe = {recipe!r}",
            f"it must be one of {', '.join(RECIPES)}.",
            "Choose one of these.",
        )
    chosen = RECIPES[recipe]
    start = TrainConfig().replace(model=model)
    return start.replace(
        recipe=recipe, **{**chosen.settings, **chosen.by_model.get(model, {}), **changes}
    )


def train_command(config: TrainConfig) -> str:
    """The command line that trains exactly this: `python -m ham train` with what differs from its
    defaults. On the data in use, which it does not name.
    """
    recipe = config.recipe if config.recipe in RECIPES else TrainConfig().recipe
    start, words = recipe_config(recipe, config.model), ["python -m ham train"]
    if config.model != TrainConfig().model:
        words.append(f"--model {config.model}")
    if recipe != TrainConfig().recipe:
        words.append(f"--recipe {recipe.replace(' ', '-')}")
    ours, theirs = (
        {s.name: getattr(one, s.name) for s in SETTINGS} | one.model_settings
        for one in (config, start)
    )
    words += [f"--set {name}={value}" for name, value in ours.items() if value != theirs[name]]
    return " ".join(words)


def config_title(config: TrainConfig) -> str:
    """For people: "CNN, as described", model and recipe alone."""
    recipe = RECIPES[config.recipe].title.lower() if config.recipe in RECIPES else config.recipe
    return f"{MODEL_TITLES[config.model]}, {recipe}"


def parse_settings(model: str, pairs: list[str]) -> dict[str, int | float | str]:
    """`["epochs=20", "seed=1"]` as values of the right types. Raises ConfigError."""
    schema = {s.name: s for s in (*SETTINGS, *MODEL_SETTINGS.get(model, ()))}
    parsed = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or name not in schema:
            raise ConfigError(
                f"--set {pair}", f"settings are {', '.join(schema)}.", "Write --set name=value."
            )
        parsed[name] = schema[name].parse(text)
    return parsed
