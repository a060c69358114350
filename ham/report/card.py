"""The model card of any run, made of its record and its report.

In the sections of Hugging Face's template, which follows Mitchell et al., Model cards for model
reporting, FAT* 2019: model details, intended use, factors, metrics, data, quantitative analyses,
ethical considerations, caveats.
"""

from __future__ import annotations

import time

import pandas as pd

from ham.config import (
    CITATION,
    CLASSES,
    DISCLAIMER,
    KAGGLE_URL,
    LICENCE,
    MODEL_SETTINGS,
    MODEL_TITLES,
    RECIPES,
    SETTINGS,
    TrainConfig,
    train_command,
)
from ham.data import SPLIT_TITLES
from ham.evaluation import COVERAGE, SCORES, format_score, percent, proportion
from ham.report.content import Bullets, Code, Part, Rows, Section, as_markdown
from ham.report.run_report import BY_CLASS, RunReport
from ham.report.sentences import operating_point_in_words

_SENSITIVITY = "0.9"  # of malignant images on validation, for which the threshold is chosen
NOT_RECORDED = "Not recorded."


def model_card(report: RunReport, start: tuple[Part, ...] | None = None) -> str:
    """Markdown. Raises StoreError and EvaluationError, as `report` does."""
    run = report.run
    return as_markdown(run.short_title if run.shipped else run.title, card_sections(report, start))


def card_sections(report: RunReport, start: tuple[Part, ...] | None = None) -> list[Section]:
    """The card without its title; `start` is how to get started where not with HAM Lab. Raises
    StoreError and EvaluationError, as `report` does.
    """
    return [
        Section("Model details", _details(report)),
        Section("Uses", ()),
        Section("Direct use", (_DIRECT_USE,), 3),
        Section("Out of scope", (_OUT_OF_SCOPE,), 3),
        Section("Bias, risks and limitations", (Bullets(tuple(limits(report))),)),
        Section("How to get started", _start(report) if start is None else start),
        Section("Training details", ()),
        Section("Training data", (data_in_words(report),), 3),
        Section("Training procedure", _procedure(report), 3),
        Section("Evaluation", ()),
        Section("Testing data", (split_in_words(report),), 3),
        Section("Factors", (_FACTORS, _by_class(report)), 3),
        Section("Metrics", (_METRICS,), 3),
        Section("Results", _results(report), 3),
        Section("Technical specifications", (versions_in_words(report),)),
        Section("Citation", (_citation(report),)),
        Section("About this card", (_ABOUT,)),
    ]


_DIRECT_USE = (
    "Teaching and research: something to compare one's own models with, and to ask about an image "
    "to see what such a model answers."
)
_OUT_OF_SCOPE = (
    f"{DISCLAIMER}. It is no medical device, and not for photographs of one's own skin: for a spot "
    "on your skin, see a doctor."
)
_FACTORS = (
    "The class of the lesion, below. Other factors, such as age, sex and site of the lesion, are "
    "in the metadata of the data set and not in the run; the metadata does not say skin type. "
    "Recall: the share of the test images of a class that are correct, with Wilson's 95 % interval."
)
_METRICS = (
    "Balanced accuracy is the mean recall of the classes, so that rare classes count as much as "
    "frequent ones; malignant are melanoma, basal cell carcinoma and actinic keratosis. Intervals "
    "are 95 %, from 2,000 draws of the test lesions with replacement: images of one lesion are not "
    "independent."
)
_ABOUT = (
    "Written by HAM Lab from the run's record, in the sections of Hugging Face's template and of "
    "Mitchell et al., Model cards for model reporting, FAT* 2019."
)


def is_ham10000(report: RunReport) -> bool:
    """Whether it was trained on the real data set."""
    data = report.run.record.data
    return data.name == "HAM10000" and not data.synthetic


def _details(report: RunReport) -> tuple[Part, ...]:
    run, record = report.run, report.run.record
    model = MODEL_TITLES[run.config.model]
    size = "" if record.parameters is None else f" with {record.parameters.total:,} parameters"
    ended = run.status.ended
    when = f" on {time.strftime('%Y-%m-%d', time.gmtime(ended))}" if ended else ""
    ships = "It ships with HAM Lab and" if run.shipped else "It"
    kept = "" if run.status.best_epoch is None else f"; epoch {run.status.best_epoch} is kept"
    return (
        f"{model}{size} that gives each of seven kinds of skin lesion a probability, from a "
        f"dermatoscopic photograph squashed to 28x28 pixels. {ships} was trained by HAM Lab "
        f"{record.code_version}{when} for {run.status.epoch} epochs{kept} "
        f"({run.config.in_words('epoch_kept').lower()}). Run {run.id}.",
    )


def limits(report: RunReport) -> list[str]:
    """What the scores do not say, a sentence or two each."""
    found = []
    if report.run.leaking:
        title, sentence = SPLIT_TITLES[report.run.config.split]
        found.append(
            f"Its split leaks ({title.lower()}): {sentence[0].lower()}{sentence[1:]} Its scores "
            "are higher than they would be on new lesions."
        )
    found += [
        "It sees 28x28 pixels: what a dermatologist looks for (network, dots, streaks) is mostly "
        "gone at this size.",
        "It knows seven classes and names one of them for any picture at all, also for a lesion "
        "of another kind or a cat.",
    ]
    if report.run.synthetic:
        found.append(
            "Its images were drawn by a statistical model of HAM10000; none is a photograph of "
            "anyone, and no score says anything about skin lesions."
        )
    elif is_ham10000(report):
        found += [
            "The images come from two places, the Department of Dermatology of the Medical "
            "University of Vienna and a skin cancer practice in Queensland, and so do the test "
            "images. The metadata does not say skin type. How it does elsewhere, on other skin or "
            "with other cameras was not measured; expect less.",
            "Pathology confirmed more than half of the lesions; the other diagnoses rest on "
            "follow-up, expert consensus or confocal microscopy, so its truth has errors too.",
        ]
    else:
        found.append(
            "Where its images come from, of whom, and who diagnosed them is not recorded in the "
            "run. How it does elsewhere was not measured; expect less."
        )
    found += [
        "Rare classes have few test images, and their intervals are as wide as they look.",
        "One training with one seed: another seed gives somewhat other scores.",
    ]
    return found


def _start(report: RunReport) -> tuple[Part, ...]:
    run = report.run
    return (
        "Ask it about an image:",
        Code(f"python -m ham predict {run.id} photograph.jpg"),
        "Train it again, on the same data:",
        Code(train_command(run.config)),
    )


def data_in_words(report: RunReport) -> str:
    """Name, size, licence."""
    data = report.run.record.data
    size = ""
    if data.n_images is not None and data.n_lesions is not None:
        size = f": {data.n_images:,} images of {data.n_lesions:,} lesions"
    if data.synthetic:
        return f"{data.name}{size}, synthetic, made by HAM Lab."
    if not is_ham10000(report):
        return f"{data.name}{size}. Its origin and licence are not recorded."
    ships = (
        " None of its images or metadata rows ships; the model's answers on validation and test "
        "name the images by hashes of their ids."
    )
    return (
        f"{data.name} ({KAGGLE_URL}){size}, {LICENCE} ({CITATION})."
        f"{ships if report.run.shipped else ''}"
    )


def split_in_words(report: RunReport) -> str:
    """How the images were dealt into three parts, and what was chosen on which."""
    config, split = report.run.config, report.run.record.split
    title, sentence = SPLIT_TITLES[config.split]
    words = f"{title}, seed {config.seed}, fold {config.fold}: {sentence[0].lower()}{sentence[1:]}"
    if None not in (split.n_train, split.n_validation, split.n_test):
        words += (
            f" Train {split.n_train:,} images, validation {split.n_validation:,} "
            f"({100 * config.validation_fraction:g} %), test {split.n_test:,} "
            f"({100 * config.test_fraction:g} %) of {report.evaluation.n_lesions:,} lesions."
        )
    if report.nothing_to_choose_on:
        return f"{words} {report.nothing_to_choose_on}"
    chosen = "Temperature" if config.epoch_kept == "last" else "Epoch, temperature"
    return (
        f"{words} {chosen} and thresholds were chosen on validation; test was looked at once, at "
        "the end."
    )


def _procedure(report: RunReport) -> tuple[Part, ...]:
    run = report.run
    recipe = RECIPES.get(run.config.recipe)
    named = f"Recipe {recipe.title}: {recipe.help}" if recipe else f"Recipe {run.config.recipe}."
    started, ended = run.status.started, run.status.ended
    took = ""
    if started is not None and ended is not None:
        took = f" The training took {(ended - started) / 60:.0f} minutes."
    return (
        f"{named} {settings_in_words(run.config)}{took}",
        "Preprocessing: " + (run.record.preprocessing or NOT_RECORDED),
    )


def settings_in_words(config: TrainConfig) -> str:
    """Every setting that differs from the described model's."""
    own = MODEL_SETTINGS[config.model]
    values = [(setting, getattr(config, setting.name)) for setting in SETTINGS] + [
        (setting, config.model_settings[setting.name]) for setting in own
    ]
    changed = [
        f"{setting.label.lower()} {value if isinstance(value, str) else format(value, 'g')}"
        for setting, value in values
        if value != setting.default
    ]
    return (
        f"Set otherwise than by default: {', '.join(changed)}."
        if changed
        else "Every setting is the default."
    )


def _by_class(report: RunReport) -> Rows:
    evaluation, rows = report.evaluation, []
    for k, c in enumerate(CLASSES):
        support = int(evaluation.per_class.loc[c.code, "support"])
        recall = percent(proportion(int(evaluation.confusion[k, k]), support))
        rows.append({"Class": c.title, "Test images": f"{support:,}", "Recall": recall})
    return Rows(pd.DataFrame(rows), "Recall by class")


def _results(report: RunReport) -> tuple[Part, ...]:
    judged = report.evaluation
    parts: list[Part] = [
        f"On {judged.n_images:,} test images of {judged.n_lesions:,} lesions, beside what takes "
        "no network.",
        _scores(report),
    ]
    points = report.operating_points
    words = operating_point_in_words(
        points.get(_SENSITIVITY), points[BY_CLASS], report.nothing_to_choose_on
    )
    parts.append(
        "Malignant against benign, with the threshold that found 90 % of the malignant images of "
        f"validation: {words}"
    )
    if not report.nothing_to_choose_on:
        found = report.calibration.summary
        parts.append(
            f"Expected calibration error {100 * found.ece_before:.1f} points, "
            f"{100 * found.ece_after:.1f} after the temperature of {found.temperature:.2f}. "
            f"Prediction sets made to hold the true class of {100 * COVERAGE:.0f} % of the images "
            f"hold it for {100 * found.coverage:.1f} % of the test images, with "
            f"{found.mean_set_size:.1f} classes on average."
        )
    return tuple(parts)


def _scores(report: RunReport) -> Rows:
    columns = {MODEL_TITLES[report.run.config.model]: report.evaluation, **report.baselines}
    rows = [
        {"Score": score.title}
        | {name: format_score(key, column.scores[key]) for name, column in columns.items()}
        for key, score in SCORES.items()
    ]
    return Rows(pd.DataFrame(rows), "Scores with 95 % intervals")


def versions_in_words(report: RunReport) -> str:
    """Software, and the fingerprints by which data, split, settings and model can be told."""
    record, config = report.run.record, report.run.config
    packages = ", ".join(f"{name} {version}" for name, version in record.packages.items())
    known = {
        "data": record.data.fingerprint,
        "test images": record.split.test_fingerprint,
        "settings": config.fingerprint,
        "model": record.model.sha256 if record.model else None,
    }
    prints = ", ".join(f"{what} {found[:16]}" for what, found in known.items() if found)
    software = [
        f"HAM Lab {record.code_version}",
        f"Python {record.python}" if record.python else "",
        packages,
    ]
    return f"{', '.join(filter(None, software))}. Fingerprints: {prints}."


def _citation(report: RunReport) -> str:
    if is_ham10000(report):
        return (
            f"Data: {CITATION}; {LICENCE}, so no commercial use. The code of HAM Lab is under the "
            "MIT licence."
        )
    return "The code of HAM Lab is under the MIT licence. For the data, ask whoever collected it."
