"""The class table and TrainConfig."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from pathlib import Path

import pytest

from ham.config import (
    CLASSES,
    CODES,
    MODEL_SETTINGS,
    RECIPES,
    SETTINGS,
    ConfigError,
    HamError,
    TrainConfig,
    home_folder,
    parse_settings,
    recipe_config,
    set_tensorflow_defaults,
)

ROOT = Path(__file__).parents[1]


def test_malignant_classes_stand_first_and_kaggles_labels_are_a_permutation() -> None:
    assert CODES == ("mel", "bcc", "akiec", "nv", "bkl", "vasc", "df")
    assert [c.malignant for c in CLASSES] == [True, True, True, False, False, False, False]
    assert {c.code: c.csv_label for c in CLASSES} == {
        "akiec": 0,
        "bcc": 1,
        "bkl": 2,
        "df": 3,
        "nv": 4,
        "vasc": 5,
        "mel": 6,
    }


def test_every_field_is_a_setting_but_the_model_its_own_settings_and_the_recipes_name() -> None:
    fields = {f.name for f in dataclasses.fields(TrainConfig)}
    assert fields - {s.name for s in SETTINGS} == {"model", "recipe", "model_settings"}
    assert all(s.accepts(s.default) and s.label and s.help for s in SETTINGS)


def stored_configs() -> list[tuple[str, dict, str]]:
    """(where, settings, fingerprint) of the 45 trainings of the cross-validation and the runs
    that ship.
    """
    found = []
    for path in [
        *ROOT.glob("benchmarks/results/accuracy/*.json"),
        *ROOT.glob("ham/reference/*/config.json"),
    ]:
        stored = json.loads(path.read_text())
        found.append((str(path.relative_to(ROOT)), stored["config"], stored["config_fingerprint"]))
    return found


def test_every_stored_fingerprint_is_still_that_of_its_settings() -> None:
    stored = stored_configs()
    assert len(stored) == 45 + 6
    assert [
        where
        for where, settings, fingerprint in stored
        if TrainConfig.from_dict(settings).fingerprint != fingerprint
    ] == []


def test_a_setting_that_came_later_counts_only_where_it_is_not_its_default(monkeypatch) -> None:
    """What adding one must not do: the runs from before it stay found."""
    from ham.config import training

    before = TrainConfig().fingerprint
    later = dataclasses.replace(next(s for s in SETTINGS if s.name == "epoch_kept"), later=False)
    monkeypatch.setattr(
        training, "SETTINGS", tuple(later if s.name == later.name else s for s in SETTINGS)
    )
    assert TrainConfig().fingerprint != before


def test_what_a_step_costs_is_told_apart_from_what_it_learns() -> None:
    plain = TrainConfig()
    assert plain.replace(seed=3, learning_rate=0.1, epochs=7).cost == plain.cost
    for change in (
        {"batch_size": 64},
        {"filters_1": 7},
        {"augmentation": "dihedral"},
        {"split": "image"},
    ):
        assert plain.replace(**change).cost != plain.cost


def test_choices_have_words_for_people() -> None:
    assert TrainConfig().in_words("epoch_kept") == "Lowest loss"
    assert TrainConfig(split="oversample").in_words("split") == "Oversample, then split"


@pytest.mark.parametrize("model", MODEL_SETTINGS)
@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_gives_a_valid_config_for_every_model(recipe: str, model: str) -> None:
    config = recipe_config(recipe, model)
    assert (config.recipe, config.model) == (recipe, model)
    assert set(config.model_settings) == {s.name for s in MODEL_SETTINGS[model]}


def test_every_bad_value_is_named_with_its_allowed_range() -> None:
    with pytest.raises(ConfigError) as caught:
        TrainConfig(
            epochs=0, learning_rate=2.0, optimizer="magic", model_settings={"filters_5": 16}
        )
    for words in (
        "epochs = 0 must be a whole number from 1 to 500",
        "learning_rate = 2.0 must be a number from 1e-06 to 1",
        "optimizer = 'magic' must be one of adam, adamw, sgd, rmsprop",
        "filters_5 = 16 must be a whole number from 3 to 255, a multiple of 3",
    ):
        assert words in caught.value.why


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 2.5),
        ("epochs", True),
        ("epochs", "many"),
        ("learning_rate", float("nan")),
        ("learning_rate", float("inf")),
        ("seed", -1),
        ("split", "random"),
        ("label_smoothing", 0.6),
        ("batch_size", 3),
    ],
)
def test_a_value_of_the_wrong_kind_or_out_of_range_is_refused(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"{name} = "):
        TrainConfig().replace(**{name: value})


def test_fractions_that_leave_too_little_for_training_are_refused() -> None:
    assert TrainConfig(validation_fraction=0.3, test_fraction=0.4).test_fraction == 0.4
    with pytest.raises(ConfigError, match="at most 0.7"):
        TrainConfig(validation_fraction=0.4, test_fraction=0.4)


def test_unknown_models_recipes_and_settings_are_named_with_what_there_is() -> None:
    with pytest.raises(ConfigError, match="lstm, cnn"):
        TrainConfig(model="transformer")
    with pytest.raises(ConfigError, match="described, as published, improved, balanced, quick"):
        recipe_config("best", "cnn")
    with pytest.raises(ConfigError, match="Unknown setting dropout_1"):
        recipe_config("quick", "cnn", dropout_1=0.1)
    with pytest.raises(ConfigError, match="units_9 is no setting of lstm"):
        TrainConfig(model="lstm", model_settings={"units_9": 3})


def test_a_config_survives_its_dict_and_a_change_of_model_drops_the_old_models_settings() -> None:
    config = recipe_config("quick", "cnn", filters_1=8, seed=7)
    assert TrainConfig.from_dict(config.to_dict()) == config
    assert config.model_settings["filters_1"] == 8
    assert set(config.replace(model="lstm").model_settings) == {
        s.name for s in MODEL_SETTINGS["lstm"]
    }


def test_the_fingerprint_ignores_the_recipes_name_and_sees_every_setting() -> None:
    plain = TrainConfig()
    assert plain.replace(recipe="quick").fingerprint == plain.fingerprint
    assert (
        plain.replace(learning_rate=1).fingerprint == plain.replace(learning_rate=1.0).fingerprint
    )
    assert plain.replace(seed=1).fingerprint != plain.fingerprint
    assert plain.replace(epoch_kept="last").fingerprint != plain.fingerprint
    assert plain.replace(filters_1=29).fingerprint != plain.fingerprint


def test_settings_from_the_command_line_get_their_types() -> None:
    assert parse_settings(
        "cnn", ["epochs=20", "learning_rate=1e-2", "split=image", "dropout=0.2"]
    ) == {"epochs": 20, "learning_rate": 0.01, "split": "image", "dropout": 0.2}
    # TrainConfig says what is wrong with it
    assert parse_settings("cnn", ["epochs=many"]) == {"epochs": "many"}
    for bad in ("epochs", "colour=red"):
        with pytest.raises(ConfigError, match="--set"):
            parse_settings("cnn", [bad])


def test_an_error_keeps_its_three_parts() -> None:
    error = HamError("This", "is wrong.", "Do that.")
    assert (error.what, error.why, error.todo) == ("This", "is wrong.", "Do that.")
    assert str(error) == "This: is wrong. Do that."


def test_the_home_folder_is_what_ham_home_names_else_the_users_data_folder(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("HAM_HOME", str(tmp_path))
    assert home_folder() == tmp_path
    monkeypatch.delenv("HAM_HOME")
    assert home_folder().name == "ham-lab"


@pytest.mark.parametrize(("machine", "onednn"), [("x86_64", "1"), ("AMD64", "1"), ("arm64", None)])
def test_tensorflow_is_quiet_and_uses_onednn_where_it_was_measured_to_gain(
    monkeypatch, machine, onednn
) -> None:
    for name in ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS", "TF_FORCE_GPU_ALLOW_GROWTH"):
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
        monkeypatch.delenv(name)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    set_tensorflow_defaults()
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "3"
    assert os.environ.get("TF_ENABLE_ONEDNN_OPTS") == onednn


def test_what_a_user_has_set_for_tensorflow_stays(monkeypatch) -> None:
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "1")
    set_tensorflow_defaults()
    assert (os.environ["TF_ENABLE_ONEDNN_OPTS"], os.environ["TF_CPP_MIN_LOG_LEVEL"]) == ("0", "1")


def test_early_stopping_needs_an_epoch_to_be_behind() -> None:
    assert (
        TrainConfig(
            early_stopping_patience=3, epoch_kept="balanced accuracy"
        ).early_stopping_patience
        == 3
    )
    with pytest.raises(
        ConfigError, match="early_stopping_patience = 3 needs another epoch_kept than last"
    ):
        TrainConfig(early_stopping_patience=3, epoch_kept="last")


def test_folds_end_where_the_data_does() -> None:
    assert TrainConfig(test_fraction=0.2, fold=4).fold == 4
    with pytest.raises(ConfigError, match="fold = 5 must be less than 5 with test_fraction = 0.2"):
        TrainConfig(test_fraction=0.2, fold=5)
