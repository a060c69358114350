"""Model cards: one function for the runs that ship and for one's own."""

from __future__ import annotations

import pytest

from ham import config, store
from ham.config import TrainConfig
from ham.report import RunReport, model_card
from ham.report.card import settings_in_words
from ham.store import Run
from tests.run_factory import DATA, edited_run, finished_run

SECTIONS = [
    "## Model details",
    "## Uses",
    "### Out of scope",
    "## Bias, risks and limitations",
    "## How to get started",
    "### Training data",
    "### Training procedure",
    "### Testing data",
    "### Factors",
    "### Metrics",
    "### Results",
    "## Technical specifications",
    "## Citation",
]


def test_a_shipped_run_and_an_own_one_have_the_same_card_but_for_where_they_come_from(
    shipped: list[Run], tiny_runs: list[Run]
) -> None:
    ships, own = (model_card(RunReport(run)) for run in (shipped[1], tiny_runs[0]))
    for card in (ships, own):
        lines = card.splitlines()
        assert [line for line in lines if line in SECTIONS] == SECTIONS
        for words in (
            "not a diagnosis",
            "150 images of 75 lesions",
            "28x28",
            "Mitchell et al.",
            "| Score | CNN | Always melanocytic nevus (nv) | Logistic regression on the pixels |",
            "filters (5x5) 3",
            "epochs 1",
        ):
            assert words in card
    assert ships.startswith("# CNN, as described\n")
    assert "It ships with HAM Lab and was trained" in ships
    assert "ships with" not in own
    changed = set(ships.splitlines()) ^ set(own.splitlines())
    assert len(changed) <= 8, "title, id and where it comes from, in both"
    run, evaluation = tiny_runs[0], tiny_runs[0].record.evaluation
    split = run.record.split
    assert f"Train {split.n_train:,} images, validation {split.n_validation:,} (10 %)" in own
    nv = evaluation.per_class["nv"]
    assert f"| Melanocytic nevus (nv) | {nv.support} | {100 * nv.recall:.0f} %" in own
    assert f"python -m ham predict {run.id} photograph.jpg" in own


def test_the_card_says_whose_the_data_is_and_what_no_score_says() -> None:
    real = model_card(RunReport(finished_run(data=DATA | {"name": "HAM10000"})))
    assert "CC BY-NC 4.0" in real
    assert config.CITATION in real
    assert "Queensland" in real
    synthetic = model_card(RunReport(finished_run(data=DATA | {"synthetic": True})))
    assert "no score says anything about skin lesions" in synthetic
    assert "Queensland" not in synthetic
    other = model_card(RunReport(finished_run()))
    assert "Its origin and licence are not recorded" in other
    assert "CC BY-NC" not in other
    assert "leaks" not in other
    leaking = finished_run(TrainConfig(split="image"))
    leaking = edited_run(leaking, split={"leaking": True})
    assert "Its split leaks (by image)" in model_card(RunReport(leaking))
    watched = model_card(RunReport(finished_run(TrainConfig(split="published"))))
    assert "no image is left to choose a temperature" in watched


def test_what_a_user_typed_stays_text() -> None:
    run = store.write_notes(finished_run(), title="<script>alert(1)</script> | *x*", tags=())
    heading = model_card(RunReport(run)).splitlines()[0]
    assert heading == r"# \<script\>alert(1)\</script\> \| \*x\*"


@pytest.mark.parametrize("recipe", ["described", "of another time"])
def test_the_settings_in_words_name_what_differs(recipe: str) -> None:
    assert settings_in_words(TrainConfig(recipe=recipe)) == "Every setting is the default."
    assert settings_in_words(
        TrainConfig().replace(epochs=3, learning_rate=1e-4, dropout=0.25, augmentation="dihedral")
    ) == (
        "Set otherwise than by default: epochs 3, learning rate 0.0001, augmentation dihedral, "
        "dropout after dense 1 0.25."
    )
