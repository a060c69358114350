"""What a sweep is to do: what it varies, how it chooses, how many trials, what decides."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from ham.config import (
    DATA,
    MODEL_SETTINGS,
    MODEL_TITLES,
    RECIPES,
    ConfigError,
    StoreError,
    TrainConfig,
    recipe_config,
)
from ham.data import WATCHED_SPLITS
from ham.io import Count, Text
from ham.lab.sweep.space import (
    Value,
    Values,
    check_together,
    checked,
    combinations,
    in_words,
    listed,
    setting_of,
    size,
)
from ham.store import Notes

Method = Literal["grid", "random", "tpe"]
#: Name -> title, help, in a sentence.
METHODS: dict[Method, tuple[str, str, str]] = {
    "tpe": (
        "TPE",
        "Tree-structured Parzen estimator: begins at random, then tries what resembles the better "
        "trials so far (Bergstra et al., 2011).",
        "TPE",
    ),
    "random": (
        "Random",
        "Every trial is drawn anew; good where many settings are varied.",
        "random search",
    ),
    "grid": ("Grid", "Every combination of the values, once.", "grid search"),
}
MOST_TRIALS, MOST_SEEDS = 500, 10
_WARM_UP = 5  # a trial is let alone until a fifth of its epochs
_FIRST_EPOCHS = 2  # and at least until this one


class Objective(Struct, frozen=True):
    """A score on validation, at the epoch that a run keeps."""

    title: str
    column: str  # of store.HISTORY_COLUMNS
    maximize: bool


#: The test part is no objective: validation decides.
OBJECTIVES: dict[str, Objective] = {
    "balanced_accuracy": Objective(
        "Validation balanced accuracy", "validation_balanced_accuracy", True
    ),
    "accuracy": Objective("Validation accuracy", "validation_accuracy", True),
    "loss": Objective("Validation loss", "validation_loss", False),
}


class Plan(Struct, frozen=True, kw_only=True):
    """Of one sweep; `check` says whether it can be done."""

    name: Text
    model: Text
    recipe: Text
    fixed: dict[str, Value] = {}  # changes to the recipe that every trial has
    space: tuple[Values, ...]
    method: Method = "tpe"
    trials: Count = 20
    seeds: Count = 1  # runs of a trial, whose mean counts
    objective: Text = "balanced_accuracy"
    pruning: bool = True
    seed: Count = 0  # of what chooses the settings

    @property
    def base(self) -> TrainConfig:
        """The settings that are not varied. Raises ConfigError."""
        return recipe_config(self.recipe, self.model, **self.fixed)

    @property
    def goal(self) -> Objective:
        return OBJECTIVES[self.objective]

    @property
    def runs(self) -> int:
        return self.trials * self.seeds

    def configs(self, params: dict[str, Value]) -> list[TrainConfig]:
        """One a seed. Raises ConfigError where these cannot be trained."""
        config = self.base.replace(**params)
        return [config.replace(seed=config.seed + place) for place in range(self.seeds)]

    def warm_up(self, epochs: int) -> int:
        """Before this epoch no trial is pruned."""
        return max(_FIRST_EPOCHS, epochs // _WARM_UP)

    @property
    def notes(self) -> list[str]:
        """What a reader of its scores should know, in sentences."""
        varied = [setting_of(self.model, values.name) for values in self.space]
        data = [s.label.lower() for s in varied if s.group == DATA and s.name != "pixel_scaling"]
        if not data:
            return []
        return [
            f"With another {' or '.join(data)} a trial is validated on other images: the scores "
            "compare roughly."
        ]

    @property
    def words(self) -> str:
        """ "CNN, as described, 20 trials by TPE over learning rate and dropout"."""
        varied = [setting_of(self.model, values.name).label.lower() for values in self.space]
        over = " and ".join(filter(None, (", ".join(varied[:-1]), varied[-1])))
        seeds = f" of {self.seeds} seeds" if self.seeds > 1 else ""
        return (
            f"{MODEL_TITLES[self.model]}, {RECIPES[self.recipe].title.lower()}, {self.trials} "
            f"trials{seeds} by {METHODS[self.method][2]} over {over}"
        )

    def space_in_words(self) -> list[str]:
        return [in_words(self.model, values) for values in self.space]


def make_plan(
    name: str,
    model: str,
    recipe: str,
    space: tuple[Values, ...],
    *,
    fixed: dict[str, Value] | None = None,
    method: Method = "tpe",
    trials: int | None = None,
    seeds: int = 1,
    objective: str = "balanced_accuracy",
    pruning: bool = True,
    seed: int = 0,
) -> Plan:
    """A plan that can be done; `trials` of a grid are its combinations where none are named.

    Raises ConfigError that says what of it cannot.
    """
    if model in MODEL_SETTINGS:
        space = tuple(checked(model, values) for values in space)
        recipe = recipe_config(recipe, model).recipe  # as it is listed
    if trials is None:
        trials = (method == "grid" and model in MODEL_SETTINGS and size(model, space)) or 20
    plan = Plan(
        name=name,
        model=model,
        recipe=recipe,
        fixed=fixed or {},
        space=space,
        method=method,
        trials=trials,
        seeds=seeds,
        objective=objective,
        pruning=pruning,
        seed=seed,
    )
    check(plan)
    return plan


def check(plan: Plan) -> None:
    """Raises ConfigError where it cannot be done, whole, as it stands."""
    _check_name(plan.name)
    for what, value, allowed in (
        ("model", plan.model, list(MODEL_SETTINGS)),
        ("method", plan.method, list(METHODS)),
        ("objective", plan.objective, list(OBJECTIVES)),
    ):
        if value not in allowed:
            raise ConfigError(
                f"{what} = {value!r}", f"it must be one of {', '.join(allowed)}.", "Choose one."
            )
    for what, number, most in (
        ("trials", plan.trials, MOST_TRIALS),
        ("seeds", plan.seeds, MOST_SEEDS),
    ):
        if not 1 <= number <= most:
            raise ConfigError(
                f"{what} = {number}",
                f"it must be a whole number from 1 to {most}.",
                "Choose one of these.",
            )
    base = plan.base
    _check_space(plan)
    _check_watched(plan)
    check_together(base, tuple(checked(plan.model, values) for values in plan.space))
    _check_size(plan)


def _check_name(name: str) -> None:
    """It becomes a tag of the runs and the name of a folder."""
    todo = "Write it as one short word."
    try:
        Notes(tags=(name,))
    except StoreError as error:
        raise ConfigError(f"The sweep's name {name[:40]!r}", error.why, todo) from error
    if not name.strip() or name != name.strip() or name.endswith("."):
        raise ConfigError(f"The sweep's name {name[:40]!r}", "it is no word.", todo)


def _check_space(plan: Plan) -> None:
    names = [values.name for values in plan.space]
    if not names:
        raise ConfigError(
            "The sweep", "it varies no setting.", "Name one with its values, such as the dropout."
        )
    if twice := {name for name in names if names.count(name) > 1}:
        raise ConfigError(f"{min(twice)} is varied twice", "once is enough.", "Leave one out.")
    if both := set(names) & plan.fixed.keys():
        raise ConfigError(
            f"{min(both)} is fixed and varied", "it can be one of these only.", "Leave one out."
        )
    if "seed" in names and plan.seeds > 1:
        raise ConfigError(
            "The seed is varied",
            f"and every trial has {plan.seeds} of them.",
            "Vary other settings, or take one seed a trial.",
        )


def _check_watched(plan: Plan) -> None:
    """Where validation is the test part, nothing can be decided on it."""
    splits = {plan.base.split}.union(
        *(map(str, values.choices) for values in plan.space if values.name == "split")
    )
    if watched := splits & set(WATCHED_SPLITS):
        raise ConfigError(
            f"split = {min(watched)}",
            "it validates on the test images, so a sweep would be decided on them.",
            "Take another split for the sweep.",
        )


def _check_size(plan: Plan) -> None:
    """A grid is whole, and no two trials are the same."""
    most = size(plan.model, plan.space)
    if plan.method == "grid":
        for values in plan.space:
            if listed(plan.model, values) is None:
                label = setting_of(plan.model, values.name).label.lower()
                raise ConfigError(
                    f"A grid over the {label}",
                    "its range has too many values to list.",
                    f"Say how many, as in {values.name}="
                    f"{values.scale[:3]}:{values.low:g}:{values.high:g}:5, or write a list.",
                )
        if most != plan.trials:
            raise ConfigError(
                f"A grid of {most} combinations",
                f"it has so many trials, not {plan.trials}.",
                "Leave the number of trials out, or name other values.",
            )
    elif most is not None and most < plan.trials:
        raise ConfigError(
            f"{plan.trials} trials",
            f"there are only {most} combinations of these values, and each is tried once.",
            "Take fewer trials, or name more values.",
        )


def grid(plan: Plan) -> list[dict[str, Value]]:
    """Its combinations in the order of the trials."""
    return combinations(plan.model, plan.space)
