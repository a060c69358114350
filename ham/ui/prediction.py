"""The sections of the Prediction page: which models answer, on which images, and what they say."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from ham import prediction, store
from ham.charts import probability_bars
from ham.config import CLASSES, CODES, IMAGE_SIZE, MODEL_TITLES, DataError, ImageError, StoreError
from ham.data import LesionDataset
from ham.images import CheckedImage, check_image
from ham.prediction import Prediction, Predictor, dataset_image, predict
from ham.ui.frame import chart, is_dark, model_cards, plain, run_labels, show_error
from ham.ui.shelf import current_dataset

MAX_RUNS = 6  # as many as the charts have colours for
MAX_DROP = 100  # files of one drop
PAGE_ROWS = 8
EXAMPLES = 4
SHOWN_SIZE = 196  # pixels on the page: 28 x 7, so that a pixel seen is a whole number of screen pixels
OWN, EXAMPLE = "Your own files", "Test images of the data set"

# A drop zone that is seen to be one; large pixels stay square on any screen.
_STYLE = """<style>
.st-key-prediction_files [data-testid="stFileUploaderDropzone"] {
  min-height: 8.5rem; align-items: center; justify-content: center; border-style: dashed;
}
[class*="st-key-seen_"] img {image-rendering: pixelated;}
</style>"""


@dataclass(frozen=True, eq=False)
class Question:
    """An image, and its true class (index in CLASSES) where that is known."""

    image: CheckedImage
    truth: int | None = None


@dataclass(frozen=True, eq=False)
class Answer:
    """What the chosen runs say about one image, in their order."""

    question: Question
    predictions: tuple[Prediction, ...]

    @property
    def agree(self) -> bool:
        return len({p.label for p in self.predictions}) == 1

    @property
    def agree_on_malignant(self) -> bool:
        return len({CLASSES[p.label].malignant for p in self.predictions}) == 1


def not_a_diagnosis() -> None:
    st.html(_STYLE)
    st.warning(
        "**Not a diagnosis.** The models learned from small dermatoscopic photographs of seven kinds of skin lesion. "
        "They name one of the seven for any picture at all, a photograph of a cat included, and can be sure and wrong. "
        "For a spot on your skin, see a doctor.", icon=":material/medical_information:")


# -------------------------------------------------------------------------------- runs


def choose_runs() -> tuple[list[store.Run], dict[str, str]]:
    """The runs that answer, and every run's label; without any trained model the page ends here."""
    runs = store.models()
    if not runs:
        _no_model()
        st.stop()
    by_id = {run.id: run for run in runs}
    labels = run_labels(runs)
    chosen = st.multiselect(
        "Models that answer", list(by_id), default=[run.id for run in best_runs(runs)], format_func=labels.get,
        key="prediction_runs", persist_state="session", max_selections=MAX_RUNS, placeholder="Choose one or several",
        help="At first, of each kind of model the run with the highest balanced accuracy on its validation images; "
             "runs on a leaking split come last. Models that ship with HAM Lab answer until you have trained one on "
             "real data, and can be added then.")
    if not chosen:
        st.info("Choose at least one model to get answers.", icon=":material/arrow_upward:")
    answering = [by_id[run_id] for run_id in chosen]
    if synthetic := [run.title for run in answering if run.synthetic]:
        st.warning(f"{plain('; '.join(synthetic))}: learned from synthetic images alone, so the answer to a "
                   "photograph of a real lesion shows how the page works and nothing else.", icon=":material/science:")
    model_cards(answering, "prediction")
    return answering, labels


def short_labels(run_ids: Sequence[str], labels: dict[str, str]) -> dict[str, str]:
    """For a chart's key: "CNN" where only one of these runs is a CNN, else the whole label."""
    kinds = {run_id: labels[run_id].partition(",")[0] for run_id in run_ids}
    counts = Counter(kinds.values())
    return {run_id: kind if counts[kind] == 1 else labels[run_id] for run_id, kind in kinds.items()}


def best_runs(runs: Sequence[store.Run]) -> list[store.Run]:
    """Of each model the best on validation: the test part chooses nothing.

    Runs that ship are asked only where there are no others of real lesions, runs of synthetic data only where
    there is nothing else.
    """
    real = [run for run in runs if not run.synthetic]
    runs = [run for run in real if not run.shipped] or real or list(runs)

    def quality(run: store.Run) -> tuple:
        leaking = run.record.get("split", {}).get("leaking", False)
        return not leaking, _validation_score(run.id, run.status.best_epoch, run), run.status.created

    return [max(of_model, key=quality) for model in MODEL_TITLES
            if (of_model := [run for run in runs if run.config.model == model])]


@st.cache_data(max_entries=1000, show_spinner=False)
def _validation_score(run_id: str, best_epoch: int | None, _run: store.Run) -> float:
    try:
        history = store.read_history(_run).set_index("epoch")["validation_balanced_accuracy"]
    except StoreError:
        return 0.0
    return float(history.get(best_epoch, 0.0))


def _no_model() -> None:
    live = [run for run in store.list_runs() if run.live]
    with st.container(border=True):
        st.subheader("No trained model yet", anchor=False)
        if live:
            st.markdown("One is being trained. It can be asked here as soon as it ends.")
            st.page_link("pages/training.py", label="Watch it train", icon=":material/model_training:")
        else:
            st.markdown("Train an LSTM or a CNN first; the recipe *Quick look* takes about a minute. "
                        "Then drop an image here and read what each model makes of it.")
            st.page_link("pages/training.py", label="Train a model", icon=":material/model_training:")


# ------------------------------------------------------------------------------- images


def choose_images(runs: Sequence[store.Run]) -> tuple[list[Question], list[ImageError]]:
    """The images to be answered, and why the other files are not."""
    source = st.segmented_control("Images", (OWN, EXAMPLE), default=OWN, required=True, key="prediction_source",
                                  persist_state="session", label_visibility="collapsed")
    if source == EXAMPLE:
        return _examples(runs), []
    files = st.file_uploader(
        "Drop PNG or JPEG images here, at most 20 MB each", type="image", accept_multiple_files=True,
        max_upload_size=20, key="prediction_files", help="They are looked at in memory and never stored.")
    if not files:
        st.markdown(":gray[Drop one or several dermatoscopic photographs, or choose **Test images of the data set** "
                    "above to see how the models do where the true class is known.]")
        return [], []
    return check_files([(file.name, file.getvalue()) for file in files])


def check_files(files: Sequence[tuple[str, bytes]]) -> tuple[list[Question], list[ImageError]]:
    """Every different file once, in order; a refused one does not hold up the others."""
    names: dict[str, list[str]] = {}  # by content
    contents: dict[str, bytes] = {}
    for name, content in files:
        digest = hashlib.sha256(content).hexdigest()
        names.setdefault(digest, []).append(name)
        contents[digest] = content
    questions: list[Question] = []
    refused: list[ImageError] = []
    for number, (digest, (name, *others)) in enumerate(names.items()):
        try:
            if number >= MAX_DROP:
                raise ImageError(name, f"more than {MAX_DROP} files were dropped.", "Drop it with the next lot.")
            image = _checked(name, digest, contents[digest])
        except ImageError as error:
            refused.append(error)
            continue
        if others:
            note = f"The same file was dropped as {', '.join(map(shorten, others))} too; it is answered once."
            image = dataclasses.replace(image, notes=(*image.notes, note))
        questions.append(Question(image))
    return questions, refused


@st.cache_resource(max_entries=2 * MAX_DROP, show_spinner="Looking at the image")
def _checked(name: str, digest: str, _content: bytes) -> CheckedImage:
    return check_image(name, _content)


def _examples(runs: Sequence[store.Run]) -> list[Question]:
    """A few images that none of the runs learned from, drawn anew at every press of the button."""
    if not runs:
        return []
    try:
        dataset = current_dataset()
    except DataError as error:
        show_error(error)
        return []
    rows, why_not = common_test_rows(dataset, runs)
    if why_not:
        st.info(why_not, icon=":material/info:")
        return []
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    present = sorted(set(dataset.labels[rows].tolist()))
    wanted = left.selectbox("True class", [None, *present], key="prediction_class", persist_state="session",
                            format_func=lambda i: "Any" if i is None else CLASSES[i].title)
    right.button("Draw others", icon=":material/casino:", on_click=_draw_others, width="stretch")
    if wanted is not None:
        rows = rows[dataset.labels[rows] == wanted]
    draw = st.session_state.get("prediction_draw", 0)
    drawn = np.random.default_rng(draw).permutation(rows)[:EXAMPLES]
    return [Question(dataset_image(dataset, int(i)), int(dataset.labels[i])) for i in drawn]


def _draw_others() -> None:
    st.session_state["prediction_draw"] = st.session_state.get("prediction_draw", 0) + 1


def common_test_rows(dataset: LesionDataset, runs: Sequence[store.Run]) -> tuple[np.ndarray, str]:
    """Rows of the data set that are test images of every run; or no row and the reason.

    A run of real data has been trained on no image of the demo data: it may be asked about any.
    """
    none = np.zeros(0, np.int64)
    keys = store.image_keys(dataset.metadata["image_id"])
    runs = [run for run in runs if run.synthetic or not dataset.synthetic]
    others = [run.title for run in runs if not _of_this_data(run, dataset, keys)]
    if others:
        return none, (f"{plain('; '.join(others))}: trained on other data than what is in use now. "
                      "Choose models of the data in use, or ask about your own files.")
    common = np.ones(dataset.n_images, dtype=bool)
    for run in runs:
        common &= np.isin(keys, _test_keys(run.id, run))
    rows = np.flatnonzero(common)
    return rows, "" if len(rows) else ("The chosen models share no test image: their splits differ. "
                                       "Choose models of one split, or ask one model alone.")


def _of_this_data(run: store.Run, dataset: LesionDataset, keys: np.ndarray) -> bool:
    """A run that ships may have met these photographs in another copy, whose fingerprint differs: the images decide."""
    if run.shipped:
        return bool(np.isin(_test_keys(run.id, run), keys).all())
    return run.record["data"]["fingerprint"] == dataset.fingerprint


@st.cache_data(max_entries=32, show_spinner=False)
def _test_keys(run_id: str, _run: store.Run) -> np.ndarray:
    return store.image_keys(store.read_predictions(_run)["test"].image_id)


# ------------------------------------------------------------------------------ answers


def ask(questions: Sequence[Question], runs: Sequence[store.Run]) -> list[Answer]:
    """Every question's answers; a run whose model cannot be loaded is named and left out."""
    prediction.warm_up()  # whoever opened this page will soon need it
    if not (questions and runs):
        return []
    predictors = _load(runs)
    if not predictors:
        return []
    flat = predict([question.image for question in questions], predictors)
    width = len(predictors)
    return [Answer(question, tuple(flat[i * width:(i + 1) * width])) for i, question in enumerate(questions)]


def _load(runs: Sequence[store.Run]) -> list[Predictor]:
    predictors = []
    with st.spinner("Loading the models, about 5 s the first time", show_time=True):
        for run in runs:
            try:
                predictors.append(_predictor(run.id, run.record["model"]["sha256"], run))
            except StoreError as error:
                show_error(error)
    return predictors


@st.cache_resource(max_entries=2 * MAX_RUNS, show_spinner=False)
def _predictor(run_id: str, sha256: str, _run: store.Run) -> Predictor:
    return Predictor(_run)


# -------------------------------------------------------------------------------- show


def show_refused(refused: Sequence[ImageError]) -> None:
    if not refused:
        return
    title = "1 file was not answered" if len(refused) == 1 else f"{len(refused)} files were not answered"
    lines = [f"- **{plain(shorten(error.what))}**: {plain(error.why)} {plain(error.todo)}" for error in refused]
    st.error(f"{title}\n\n" + "\n".join(lines), icon=":material/block:")


def show_answers(answers: Sequence[Answer], refused: Sequence[ImageError], labels: dict[str, str]) -> None:
    """One row an image, a page at a time; all of them to be downloaded."""
    if not answers:
        return
    st.subheader("Answers", anchor=False)
    st.markdown(summary(answers, labels))
    pages = -(-len(answers) // PAGE_ROWS)
    page = st.pagination(pages, key="prediction_page") if pages > 1 else 1
    short = short_labels([p.run_id for p in answers[0].predictions], labels)
    first = (min(page, pages) - 1) * PAGE_ROWS
    for position, answer in enumerate(answers[first:first + PAGE_ROWS]):
        _row(answer, labels, short, position)
    _downloads(answers, refused, labels)


def summary(answers: Sequence[Answer], labels: dict[str, str]) -> str:
    """"4 images, 2 models: the models agree on 3. Not a diagnosis."""
    models, agreed = len(answers[0].predictions), sum(answer.agree for answer in answers)
    found = f"{len(answers)} image{'s' if len(answers) > 1 else ''}, {models} model{'s' if models > 1 else ''}"
    if models > 1 and len(answers) > 1:
        found += f": the models agree on {'all' if agreed == len(answers) else agreed or 'none'}"
    elif models > 1:
        found += f": the models {'agree' if agreed else 'disagree'}"
    if answers[0].question.truth is not None:
        right = [sum(answer.predictions[k].label == answer.question.truth for answer in answers)
                 for k in range(models)]
        found += ". Right answers: " + "; ".join(
            f"{count} of {len(answers)} by {plain(labels[p.run_id])}"
            for count, p in zip(right, answers[0].predictions, strict=True))
    return f"{found}. :gray[Probabilities of small models, not a diagnosis.]"


def _row(answer: Answer, labels: dict[str, str], short: dict[str, str], position: int) -> None:
    image = answer.question.image
    with st.container(border=True):
        st.markdown(heading(answer.question))
        left, right = st.columns([9, 11], gap="medium")
        with left:
            with st.container(horizontal=True, gap="small"):
                _pictures(image, position)
            for note in image.notes:
                st.caption(f":material/info: {plain(note)}")
            with st.container(horizontal=True, gap="medium"):
                for p in answer.predictions:
                    st.markdown(in_words(p, labels[p.run_id], answer.question.truth), width="content")
            if not answer.agree_on_malignant:
                st.markdown(":material/call_split: The models disagree even on whether it is malignant.")
        with right:
            probas = {short[p.run_id]: p.proba for p in answer.predictions}
            chart(probability_bars(probas, is_dark()), key=f"probabilities_{position}")


def _pictures(image: CheckedImage, position: int) -> None:
    height, width = image.original.shape[:2]
    scale, name = SHOWN_SIZE / max(height, width), plain(shorten(image.name))
    if image.original is not image.seen:
        with st.container(key=f"original_{position}", width=SHOWN_SIZE, horizontal_alignment="center", gap="xsmall"):
            st.image(image.original, width=max(1, round(width * scale)), alt=f"{name}, original")
            st.caption("Original", text_alignment="center")
    with st.container(key=f"seen_{position}", width=SHOWN_SIZE, gap="xsmall"):
        st.image(enlarged(image.seen), width=SHOWN_SIZE,
                 alt=f"{name}, squashed to the {IMAGE_SIZE} by {IMAGE_SIZE} pixels that the models see")
        st.caption(f"What the models see: {IMAGE_SIZE} x {IMAGE_SIZE}", text_alignment="center")


def heading(question: Question) -> str:
    """The file's name and size, and the true class where it is known."""
    image = question.image
    text = f"**{plain(shorten(image.name))}** :gray[{image.size[0]:,} x {image.size[1]:,} pixels]"
    if question.truth is None:
        return text
    return f"{text}  \nTrue class: **{CLASSES[question.truth].title}** {_kind_badge(question.truth)}"


def _kind_badge(label: int) -> str:
    return ":orange-badge[malignant]" if CLASSES[label].malignant else ":blue-badge[benign]"


def enlarged(seen: np.ndarray, times: int = 16) -> np.ndarray:
    """uint8 (28, 28, 3) -> (28 * times, 28 * times, 3), every pixel a square."""
    return seen.repeat(times, axis=0).repeat(times, axis=1)


def in_words(answer: Prediction, label: str, truth: int | None = None) -> str:
    """Whose answer, the answer, how sure."""
    mark = "" if truth is None else (" :green[:material/check: right]" if truth == answer.label else
                                     " :red[:material/close: wrong]")
    malignant = float(answer.proba[[c.malignant for c in CLASSES]].sum())
    sure = percent(float(answer.proba[answer.label]))
    return (f":gray[{plain(label)}]  \n**{CLASSES[answer.label].title}** {_kind_badge(answer.label)}{mark}  \n"
            f"{sure} :gray[sure · {percent(malignant)} malignant in total]")


def percent(share: float) -> str:
    """Whole per cent, never a false 0 or 100: "63 %", "<1 %", ">99 %"."""
    if 0 < share < 0.005:
        return "<1 %"
    if 0.995 <= share < 1:
        return ">99 %"
    return f"{share:.0%}".replace("%", " %")


def shorten(name: str, longest: int = 60) -> str:
    """The start and the end of a long file name."""
    return name if len(name) <= longest else f"{name[:longest - 20]} … {name[-17:]}"


# ----------------------------------------------------------------------------- download


def _downloads(answers: Sequence[Answer], refused: Sequence[ImageError], labels: dict[str, str]) -> None:
    with st.container(horizontal=True):
        st.download_button("Answers as CSV", as_table(answers, labels).to_csv(index=False), "ham-lab-answers.csv",
                           "text/csv", icon=":material/download:", on_click="ignore")
        st.download_button("Answers as JSON", json.dumps(as_records(answers, refused), indent=1),
                           "ham-lab-answers.json", "application/json", icon=":material/download:", on_click="ignore")


def as_table(answers: Sequence[Answer], labels: dict[str, str]) -> pd.DataFrame:
    """A row an image and run: image, run, model, label, name, malignant, true_label, p_<code> x7."""
    return pd.DataFrame([{
        "image": p.image.name, "run": p.run_id, "model": labels[p.run_id], "label": CODES[p.label],
        "name": CLASSES[p.label].name, "malignant": CLASSES[p.label].malignant,
        "true_label": "" if answer.question.truth is None else CODES[answer.question.truth],
        **{f"p_{code}": round(float(value), 6) for code, value in zip(CODES, p.proba, strict=True)},
    } for answer in answers for p in answer.predictions])


def as_records(answers: Sequence[Answer], refused: Sequence[ImageError]) -> list[dict]:
    """What `python -m ham predict --json` writes; `true_label` where the class is known."""
    records = []
    for answer in answers:
        truth = answer.question.truth
        known = {} if truth is None else {"true_label": CODES[truth]}
        records += [{"image": p.image.name, "run": p.run_id, "label": CODES[p.label], **known,
                     "probabilities": {c: float(v) for c, v in zip(CODES, p.proba, strict=True)}}
                    for p in answer.predictions]
    return records + [{"image": error.what, "error": f"{error.why} {error.todo}"} for error in refused]
