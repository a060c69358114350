"""What came out of the measurement, whatever it is: scores on lesions seen and not seen, and the gap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from ham import charts, data, store
from ham.config import CLASSES, CODES, HamError, StoreError
from ham.evaluation import (
    Answers,
    Interval,
    Leak,
    Part,
    format_difference,
    joined,
    measure_leak,
    percent,
    unpaired_difference,
)
from ham.store import Run
from ham.ui.comparison.scores import unbroken, version
from ham.ui.dataset.leakage.runs import Cell
from ham.ui.frame import chart, is_dark, show_error
from ham.ui.training.words import count

_SCORE = "balanced_accuracy"  # every class counts the same, so the class mix of seen and unseen images does not
_CHARTED = (_SCORE, "accuracy")


@dataclass(frozen=True)
class Measured:
    """One protocol's runs, pooled."""

    protocol: str
    seeds: tuple[int, ...]
    leak: Leak  # by whether training has seen the test image's lesion
    above: dict[str, Interval] | None = None  # what it publishes minus what by lesion publishes, on the same seeds
    several: Leak | None = None  # of by lesion: by whether the lesion has several photographs


def measured(dataset: data.LesionDataset, plan: list[Cell]) -> None:
    """Findings in sentences, charts, the table; nothing before the first training is done."""
    done = [cell for cell in plan if cell.done]
    if not done:
        return
    versions = tuple((cell.protocol, cell.seed, version(cell.run)) for cell in done)
    found, problems = _measured(versions, dataset.fingerprint, [cell.run for cell in done], dataset)
    for problem in problems:
        show_error(HamError(*problem))
    if not found:
        return
    st.markdown("**What came out**" if len(done) == len(plan) else
                f"**What came out so far ({len(done)} of {count(len(plan), 'training')})**")
    st.markdown("\n".join(f"- {finding(one)}" for one in found))
    for column, key in zip(st.columns(2, gap="large"), _CHARTED, strict=True):
        with column:
            chart(_figure((versions, dataset.fingerprint, key, is_dark()), found), f"leakage_{key}")
    st.table(score_table(found), border="horizontal", hide_index=True,
             alt="Scores as published, and on lesions that training has and has not seen, with 95 % intervals")
    st.caption(_how(found, done))
    with st.expander("By class, and what else could make the gap", icon=":material/rule:"):
        for one in found:
            if one.leak.gap:
                st.markdown(f"**{data.SPLIT_TITLES[one.protocol][0]}**: recall by class")
                st.table(class_table(one.leak), border="horizontal", hide_index=True,
                         alt="Recall by class on lesions that training has and has not seen")
        st.markdown(control(found))
        st.page_link("pages/training.py", label="The runs with their settings and logs",
                     icon=":material/model_training:")


# ------------------------------------------------------------------------------ compute


@st.cache_data(max_entries=8, show_spinner="Drawing test lesions 2,000 times")
def _measured(versions: tuple, fingerprint: str, _runs: list[Run],
              _dataset: data.LesionDataset) -> tuple[list[Measured], list[tuple[str, str, str]]]:
    """What can be measured, by protocol, and why the rest cannot (the three parts of an error)."""
    answers: dict[str, dict[int, tuple[Answers, np.ndarray]]] = {}
    problems = []
    for run in _runs:
        try:
            answers.setdefault(run.config.split, {})[run.config.seed] = answers_of(run, _dataset)
        except HamError as error:
            problems.append((error.what, error.why, error.todo))
    return [_one(protocol, answers, _dataset) for protocol in data.LEAKAGE_SPLITS if answers.get(protocol)], problems


def answers_of(run: Run, dataset: data.LesionDataset) -> tuple[Answers, np.ndarray]:
    """The run's answers on its test part, and of each image whether training has seen its lesion, bool (n,).

    Raises StoreError where they cannot be read or are not those of this split.
    """
    config = run.config
    split = data.make_split(dataset, config.split, config.validation_fraction, config.test_fraction, config.seed,
                            config.fold)
    test = store.read_predictions(run)["test"]
    image_ids = dataset.metadata["image_id"].to_numpy(dtype=str)[split.test]
    if run.record.get("split", {}).get("fingerprint") != split.fingerprint or \
            not np.array_equal(store.image_keys(test.image_id), store.image_keys(image_ids)):
        raise StoreError(f"The run {run.title}", "its test images are not those that its settings give here now: "
                         "another version of HAM Lab dealt them.",
                         "Delete it on the Training page, and measure again.")
    return Answers(test.y_true, test.proba, dataset.groups[split.test]), data.seen_in_training(split)[0]


def _one(protocol: str, answers: dict[str, dict[int, tuple[Answers, np.ndarray]]],
         dataset: data.LesionDataset) -> Measured:
    own, clean = answers[protocol], answers.get("lesion", {})
    pooled = joined([part for part, _ in own.values()])
    leak = measure_leak(pooled, np.concatenate([seen for _, seen in own.values()]))
    both = [seed for seed in own if seed in clean]
    above = several = None
    if protocol == "lesion":
        several = measure_leak(pooled, np.bincount(dataset.groups)[pooled.lesions] > 1)
    elif both:
        above = unpaired_difference(joined([own[seed][0] for seed in both]), joined([clean[seed][0] for seed in both]))
    return Measured(protocol, tuple(sorted(own)), leak, above, several)


# -------------------------------------------------------------------------------- words


def finding(one: Measured) -> str:
    """What a protocol publishes and what it is worth on new lesions, with whether chance could do it."""
    title, leak = data.SPLIT_TITLES[one.protocol][0], one.leak
    words = f"**{title}** publishes a balanced accuracy of {percent(leak.whole.scores[_SCORE])}"
    if one.above:
        words += f", {format_difference(_SCORE, one.above[_SCORE])} against by lesion; {_sure(one.above[_SCORE])}"
    elif not leak.seen:
        words += ", all of it on lesions that training has not seen"
    words += "."
    if leak.gap:
        seen, unseen = leak.seen.scores[_SCORE], leak.unseen.scores[_SCORE]
        if len(leak.gap_classes) == len(leak.whole.support):
            words += (f" The same model reaches {percent(seen)} where training has seen the lesion and "
                      f"{percent(unseen)} where it has not: a gap of {format_difference(_SCORE, leak.gap[_SCORE])}; "
                      f"{_sure(leak.gap[_SCORE])}.")
        else:
            words += " " + _one_sided(leak)
    elif one.protocol != "lesion":
        words += " Training has seen the lesion of every test image, so its test cannot tell what this model is " \
                 "worth on new lesions." if leak.seen else " No test image shows a lesion that training has seen."
    return words


def _one_sided(leak: Leak) -> str:
    """Where some classes are on one side only, balanced accuracies of the two sides are of different things."""
    left = ", ".join(f"{n:,} {code}" for code, n in leak.unseen.support.items())
    words = (f"Of lesions that training has not seen, its test part has {count(leak.unseen.n_images, 'image')} only of "
             f"{len(leak.unseen.support)} of {len(leak.whole.support)} classes ({left}), so it cannot tell what this "
             "model is worth on new lesions.")
    if leak.gap_classes:
        words += (f" Over {_listed(leak.gap_classes)} alone, which both sides have, seen minus unseen is "
                  f"{format_difference(_SCORE, leak.gap[_SCORE])}; {_sure(leak.gap[_SCORE])}.")
    return words


def _sure(difference: Interval) -> str:
    """Whether the interval leaves zero out, plainly."""
    if not np.isfinite(difference.low):
        return "there are too few images for an interval"
    if difference.low > 0 or difference.high < 0:
        return "the interval leaves zero out, so this is more than the draw of the test lesions would give"
    return "the interval includes zero, so these runs do not show a difference"


def _listed(codes: tuple[str, ...]) -> str:
    return codes[0] if len(codes) == 1 else f"{', '.join(codes[:-1])} and {codes[-1]}"


def control(found: list[Measured]) -> str:
    """Whether the images of much-photographed lesions differ by themselves, and what no control can tell."""
    words = []
    several = next((one.several for one in found if one.several), None)
    if several and several.gap and len(several.gap_classes) == len(several.whole.support):
        gap = several.gap[_SCORE]
        words.append(
            "- Seen lesions are lesions with several photographs, and these may be easier or harder in themselves. By "
            f"lesion, where training has seen none, such images score {percent(several.seen.scores[_SCORE])} "
            f"({count(several.seen.n_images, 'image')}) and single ones {percent(several.unseen.scores[_SCORE])} "
            f"({count(several.unseen.n_images, 'image')}): {format_difference(_SCORE, gap)}; {_sure(gap)}.")
    words += ["- The classes are mixed differently among seen and unseen images (melanoma has most siblings), so "
              "accuracy compares other mixtures; balanced accuracy and the recalls do not.",
              "- Oversampling also tests on as many images of every class and gives the rare ones more weight in "
              "training, so part of what it publishes more may be honest."]
    return "\n".join(words)


def _how(found: list[Measured], done: list[Cell]) -> str:
    seeds = max(len(one.seeds) for one in found)
    words = ("In brackets 95 % intervals: what 2,000 draws of the test lesions, with replacement, give; "
             "where all draws agree, Wilson's; one lesion has none. Test parts of two protocols are "
             "different images, so their scores are compared unpaired. ")
    words += f"{seeds} runs of each protocol, pooled: a lesion that several of them test is drawn for all of them." \
        if seeds > 1 else "One run of each protocol: how much another seed would change is not in the intervals."
    if any(one.protocol == "oversample" for one in found):
        words += " Oversampling repeats test images too; every repeat counts, as in what would be published."
    made = {(cell.run.record.get("code_version"), tuple(sorted(cell.run.record.get("packages", {}).items())))
            for cell in done}
    if len(made) > 1:
        words += " These runs were made by different versions of HAM Lab or of its packages, which may make a " \
                 "difference too."
    return words


# ------------------------------------------------------------------------ tables, charts


def _parts(leak: Leak) -> list[tuple[str, Part]]:
    """By kind of `charts.KINDS`; of by lesion the published part is the one on new lesions."""
    kinds = zip(charts.KINDS, (leak.whole, leak.unseen, leak.seen), strict=True)
    return [(kind, part) for kind, part in kinds if part is not None and (part is not leak.whole or
                                                                        kind == charts.KINDS[0])]


def score_table(found: list[Measured]) -> pd.DataFrame:
    """A row a protocol and kind of test image: how many, and the scores with their intervals."""
    rows = []
    for one in found:
        for kind, part in _parts(one.leak):
            n_classes, of = len(part.support), len(one.leak.whole.support)
            rows.append({
                "Split": data.SPLIT_TITLES[one.protocol][0] if kind == charts.KINDS[0] else "",
                "Test images": kind + (" (none was seen)" if one.leak.unseen is one.leak.whole else ""),
                "Images": f"{part.n_images:,}", "Lesions": f"{part.n_lesions:,}",
                "Accuracy": unbroken(percent(part.scores["accuracy"])),
                "Balanced accuracy": unbroken(percent(part.scores[_SCORE])) +
                                     (f" over {n_classes} of {of} classes" if n_classes < of else ""),
                f"Recall of {CODES[0]}": unbroken(percent(part.scores[CODES[0]])),
            })
    return pd.DataFrame(rows)


def class_table(leak: Leak) -> pd.DataFrame:
    """A row a class: recall on seen and unseen lesions with their images, and the difference."""
    rows = []
    for lesion_class in CLASSES:
        code = lesion_class.code
        if code in leak.whole.support:
            seen, unseen = ((unbroken(percent(part.scores[code])) if code in part.support else "–",
                             f"{part.support.get(code, 0):,}") for part in (leak.seen, leak.unseen))
            rows.append({"Class": lesion_class.title, "Lesion seen": seen[0], "Images": seen[1],
                         "Lesion not seen": unseen[0], "Images ": unseen[1],
                         "Seen minus not seen": unbroken(format_difference(_SCORE, leak.gap[code]))})
    return pd.DataFrame(rows)


@st.cache_data(max_entries=16, show_spinner=False)
def _figure(versions: tuple, _found: list[Measured]) -> object:
    """Balanced accuracies over fewer classes than are tested are left out: they are of something else."""
    *_, key, dark = versions
    scores = {}
    for one in _found:
        scores[data.SPLIT_TITLES[one.protocol][0]] = {
            kind: (part.scores[key], f"{part.n_images:,} images of {part.n_lesions:,} lesions")
            for kind, part in _parts(one.leak)
            if key == "accuracy" or len(part.support) == len(one.leak.whole.support)}
    return charts.leak_scores(scores, key, dark)
