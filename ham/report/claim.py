"""The Checklist for Artificial Intelligence in Medical Imaging, filled in as far as the records of
runs go; the rest is the author's to say.

Items and numbers of the 2024 update (Tejani, Klontzas, Gatti, Mongan, Moy, Park, Kahn, Radiology:
Artificial Intelligence 6:e240300, 2024), which follows Mongan, Moy, Kahn, Radiology: Artificial
Intelligence 2:e200029, 2020; in words of our own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from ham import store
from ham.config import CITATION, CLASSES, DISCLAIMER, MODEL_TITLES, RECIPES, train_command
from ham.data import CLEAN_SPLITS
from ham.evaluation import SCORES, format_score
from ham.report.card import (
    data_in_words,
    is_ham10000,
    limits,
    settings_in_words,
    split_in_words,
    versions_in_words,
)
from ham.report.comparison import Comparison, most_missed
from ham.report.content import Rows
from ham.report.run_report import RunReport

TO_FILL_IN = "Not recorded: to be filled in by the author."
SOURCE = (
    "CLAIM, 2024 update (Tejani et al., Radiology: Artificial Intelligence 6:e240300), after "
    "Mongan, Moy, Kahn (2:e200029, 2020); items in short"
)


@dataclass(frozen=True)
class ClaimItem:
    number: int  # 1 to 44
    section: str
    asks: str  # in short
    answer: str  # "" where the record says nothing


def claim_checklist(compared: Comparison) -> list[ClaimItem]:
    """Every item in its order. Raises StoreError and EvaluationError, as the reports do."""
    return [
        ClaimItem(number, section, asks, answer(compared) if answer is not None else "")
        for number, (section, asks, answer) in enumerate(_ITEMS, start=1)
    ]


def claim_in_words(items: list[ClaimItem]) -> str:
    """How much of it the record answers."""
    known = sum(bool(item.answer) for item in items)
    return (
        f"The record answers {known} of the {len(items)} items; the others are the author's. "
        f"{SOURCE}."
    )


def claim_rows(items: list[ClaimItem]) -> Rows:
    rows = [
        {
            "Item": item.number,
            "Section": item.section,
            "Asks for": item.asks,
            "What the record says": item.answer or TO_FILL_IN,
        }
        for item in items
    ]
    return Rows(pd.DataFrame(rows), "CLAIM checklist", prose=True)


# ------------------------------------------------------------------------------ answers

_Answer = Callable[[Comparison], str]


def _each(words: Callable[[RunReport], str]) -> _Answer:
    """The same of every run, or of each its own; nothing where one has nothing."""

    def answer(compared: Comparison) -> str:
        found = {name: words(report) for name, report in compared.reports.items()}
        if not all(found.values()):
            return ""
        if len(set(found.values())) == 1:
            return next(iter(found.values()))
        return "\n".join(f"{name.short}: {said}" for name, said in found.items())

    return answer


def _always(words: str) -> _Answer:
    return lambda compared: words


def _of_ham10000(words: str, synthetic: str = "") -> _Answer:
    """What is known of the real data set, or of the synthetic one."""
    return _each(
        lambda report: words if is_ham10000(report) else synthetic if report.run.synthetic else ""
    )


def _technology(compared: Comparison) -> str:
    models = dict.fromkeys(MODEL_TITLES[one.run.config.model] for one in compared.reports.values())
    return (
        f"Deep learning: neural networks ({', '.join(models)}) that put dermatoscopic images into "
        "seven classes."
    )


def _goal(compared: Comparison) -> str:
    n = len(compared.names)
    return f"Comparison of {n} trained models on the same test images." if n > 1 else ""


def _all_used(report: RunReport) -> str:
    split, n_images = report.run.record.split, report.run.record.data.n_images
    parts = (split.n_train, split.n_validation, split.n_test)
    if None in parts or n_images is None or sum(p for p in parts if p is not None) != n_images:
        return ""
    return f"All {n_images:,} images of the data set are used; none was left out."


def _preprocessing(report: RunReport) -> str:
    found = report.run.record.preprocessing
    return (found and f"Images squashed to 28x28 pixels. {found[:1].upper()}{found[1:]}.") or ""


def _level(report: RunReport) -> str:
    if report.run.config.split in CLEAN_SPLITS:
        return (
            "The lesion: all images of one are in one part. Patients are not known, so two lesions "
            "of one patient may be in two parts."
        )
    return "The image: other photographs of a test lesion may be in training. This split leaks."


def _sample(report: RunReport) -> str:
    judged = report.evaluation
    return (
        f"{judged.n_images:,} test images of {judged.n_lesions:,} lesions, a fixed share of the "
        "data set; no calculation of a sample size is recorded."
    )


def _model(report: RunReport) -> str:
    parameters = report.run.record.parameters
    size = "" if parameters is None else f" with {parameters.total:,} parameters"
    return (
        f"{MODEL_TITLES[report.run.config.model]}{size}: 28x28 pixels of three colours in, seven "
        f"probabilities out. {settings_in_words(report.run.config)}"
    )


def _training(report: RunReport) -> str:
    config = report.run.config
    recipe = RECIPES.get(config.recipe)
    trial = report.run.record.trial
    sweep = "" if trial is None else f" A trial of the sweep {trial.sweep}."
    return f"{recipe.title if recipe else config.recipe}. {settings_in_words(config)}{sweep}"


def _selection(report: RunReport) -> str:
    kept, config = report.run.status.best_epoch, report.run.config
    epoch = "" if kept is None else f", epoch {kept} of {report.run.status.epoch}"
    where = "" if config.epoch_kept == "last" else " on validation"
    return f"The epoch kept: {config.in_words('epoch_kept').lower()}{where}{epoch}."


def _ensembling(report: RunReport) -> str:
    views = report.run.config.in_words("test_time_augmentation").lower()
    return f"No ensemble of models. Views of an image whose mean is the answer: {views}."


def _test_data(report: RunReport) -> str:
    judged = report.evaluation
    if not report.own_test:
        return ""
    return (
        f"On {judged.n_images:,} images of {judged.n_lesions:,} lesions of the same data set, kept "
        "apart from training."
        if not report.nothing_to_choose_on
        else f"On {judged.n_images:,} images of the same data set, watched in training."
    )


def _external(report: RunReport) -> str:
    judged = report.evaluation
    if report.own_test:
        kept, _ = store.find_external(report.run)
        titles = ", ".join(one.record.title for one in kept)
        return f"Kept with the run: {titles}." if titles else "None is kept with the run."
    return f"On {judged.n_images:,} images of {judged.n_lesions:,} lesions of another data set."


def _numbers(report: RunReport) -> str:
    split, data = report.run.record.split, report.run.record.data
    if None in (split.n_train, split.n_validation, split.n_test, data.n_images, data.n_lesions):
        return ""
    return (
        f"{data.n_images:,} images of {data.n_lesions:,} lesions: {split.n_train:,} images for "
        f"training, {split.n_validation:,} for validation, {split.n_test:,} for test. The number "
        "of patients is not recorded."
    )


def _scores(*keys: str) -> _Answer:
    def words(report: RunReport) -> str:
        scores = report.evaluation.scores
        found = [f"{SCORES[key].word} {format_score(key, scores[key])}" for key in keys]
        return ", ".join(found) + "."

    return _each(words)


def _failures(report: RunReport) -> str:
    true, predicted = most_missed(report.evaluation.confusion)
    n = int(report.evaluation.confusion[true, predicted])
    if not n or true == predicted:
        return ""
    return (
        f"Most often missed: {CLASSES[true].title} predicted as {CLASSES[predicted].title}, "
        f"{n:,} of {int(report.evaluation.confusion[true].sum()):,}. All confusions are in the "
        "matrix."
    )


def _availability(report: RunReport) -> str:
    model = report.run.record.model
    known = f" The model's SHA-256 begins with {model.sha256[:16]}." if model else ""
    return f"Code of HAM Lab: MIT licence. Data: {data_in_words(report)}{known}"


#: Section, what is asked for, and what the record says of it; None where it cannot know.
_ITEMS: tuple[tuple[str, str, _Answer | None], ...] = (
    ("Title", "Says that it is a study of AI, and of which kind", _technology),
    ("Abstract", "Summary of design, methods, results and conclusions", None),
    ("Introduction", "Background, intended use and role of the AI", None),
    ("Introduction", "Aims and hypotheses", None),
    (
        "Study design",
        "Prospective or retrospective",
        _of_ham10000("Retrospective: a public collection.", "Neither: synthetic images."),
    ),
    ("Study design", "Goal of the study", _goal),
    ("Data", "Sources of the data", _each(data_in_words)),
    ("Data", "Inclusion and exclusion criteria", _each(_all_used)),
    ("Data", "Preprocessing", _each(_preprocessing)),
    ("Data", "Selection of subsets", _each(_all_used)),
    ("Data", "De-identification", None),
    (
        "Data",
        "How missing data were handled",
        _always("The models see pixels alone: a missing age, sex or site leaves no image out."),
    ),
    ("Data", "How the images were acquired", None),
    (
        "Reference standard",
        "How it was obtained",
        _of_ham10000(
            "Pathology for more than half of the lesions, else follow-up, expert consensus or "
            f"confocal microscopy ({CITATION}).",
            "The class each synthetic image was drawn as.",
        ),
    ),
    ("Reference standard", "Why this one", None),
    (
        "Reference standard",
        "Who made the annotations",
        _of_ham10000(
            f"They come with the data set ({CITATION}).", "Nobody: the images are synthetic."
        ),
    ),
    (
        "Reference standard",
        "Annotation of the test set",
        _each(lambda report: "As of all images of the data set." if report.own_test else ""),
    ),
    ("Reference standard", "Agreement between and within annotators", None),
    ("Data partitions", "How images were assigned to parts", _each(split_in_words)),
    ("Data partitions", "Level at which the parts are disjoint", _each(_level)),
    ("Testing data", "Intended sample size", _each(_sample)),
    ("Model", "Detailed description", _each(_model)),
    ("Model", "Software and its versions", _each(versions_in_words)),
    (
        "Model",
        "Initialization of the parameters",
        _each(
            lambda report: f"At random, from seed {report.run.config.seed}; nothing pre-trained."
        ),
    ),
    ("Training", "Details of the training", _each(_training)),
    ("Training", "How the final model was chosen", _each(_selection)),
    ("Training", "Ensembling", _each(_ensembling)),
    (
        "Evaluation",
        "Metrics",
        lambda compared: f"{', '.join(score.title for score in SCORES.values())}.",
    ),
    (
        "Evaluation",
        "Measures of significance and uncertainty",
        _always(
            "95 % intervals from 2,000 draws of the test lesions with replacement; McNemar's exact "
            "test and the paired bootstrap for differences."
        ),
    ),
    ("Evaluation", "Robustness or sensitivity analysis", None),
    ("Evaluation", "Methods of explanation", None),
    ("Evaluation", "Evaluation on internal data", _each(_test_data)),
    ("Evaluation", "Testing on external data", _each(_external)),
    ("Evaluation", "Registration as a clinical trial", None),
    ("Results: data", "Numbers of patients or examinations", _each(_numbers)),
    ("Results: data", "Demographic and clinical characteristics of each part", None),
    (
        "Results: performance",
        "Performance and its uncertainty",
        _scores("accuracy", "balanced_accuracy", "macro_auc"),
    ),
    (
        "Results: performance",
        "Diagnostic performance and its precision",
        _scores("malignant_sensitivity", "malignant_specificity", "malignant_auc"),
    ),
    ("Results: performance", "Analysis of wrong answers", _each(_failures)),
    ("Discussion", "Limitations", _each(lambda report: " ".join(limits(report)))),
    ("Discussion", "Implications for practice", _always(f"{DISCLAIMER}: no clinical role.")),
    (
        "Other information",
        "Where the full protocol is",
        _each(lambda report: f"Repeated by: {train_command(report.run.config)}"),
    ),
    ("Other information", "Availability of software, model and data", _each(_availability)),
    ("Other information", "Funding", None),
)
