"""The seven tasks: what to do, what it shows, where, and what it takes for one to be done."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from ham.evaluation import percent
from ham.lesson.answers import DESCRIBED, Answers
from ham.lesson.facts import Fact
from ham.report.published import REPORTED, draws_in_words


@dataclass(frozen=True)
class Question:
    """A number to be found, checked against the data in use and the runs that ship."""

    label: str
    fact: Fact  # that it was answered
    hint: str  # where a wrong answer comes from
    tolerance: float  # in the unit asked for, as wide as what is shown is rounded
    value: Callable[[Answers], float | None]  # None where it cannot be asked of these data
    percent: bool = True  # else a count

    def is_right(self, answers: Answers, said: float) -> bool:
        """`said` in per cent, or a count."""
        value = self.value(answers)
        return value is not None and abs(said - value) <= self.tolerance


@dataclass(frozen=True)
class Task:
    """Done when every fact of one of its ways is there."""

    key: str
    title: str
    minutes: int
    todo: str  # one sentence
    shows: str  # one sentence
    explanation: str
    source: str
    discuss: tuple[str, ...]
    page: str  # its title in the menu
    link: str  # words of the link
    ways: tuple[frozenset[Fact], ...]
    expected: Callable[[Answers], str]  # plain text, with the numbers of the data in use
    address: Mapping[str, str] = field(default_factory=dict)
    question: Question | None = None
    told: bool = True  # whether the page says what was expected, once it is done
    still: str = ""  # said where the question is answered and the task not done

    def is_done(self, facts: Collection[Fact]) -> bool:
        return any(way <= set(facts) for way in self.ways)


def _ways(*ways: Fact | tuple[Fact, ...]) -> tuple[frozenset[Fact], ...]:
    return tuple(frozenset(way if isinstance(way, tuple) else (way,)) for way in ways)


def _in_percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


# ---------------------------------------------------------------------------- expected


def _majority(answers: Answers) -> str:
    if answers.majority is None:
        return "The data in use cannot be read."
    largest, images, of = answers.majority
    return (
        f"{100 * images / of:.1f} %: {images:,} of {of:,} images are {largest.title}. The "
        f"described CNN has {percent(answers.accuracy)} on its test images."
    )


def _leak(answers: Answers) -> str:
    if answers.leak is None:
        return "The data in use cannot be split by image."
    return (
        f"By image, {100 * answers.leak.sibling:.0f} % of the test images show a lesion that "
        "training has seen; by lesion none do."
    )


def _beaten(answers: Answers) -> str:
    better = answers.better
    if not better:
        return "None of the runs that ship is better beyond chance."
    return f"Of the runs that ship, better beyond chance: {'; '.join(better)}."


def _missed(answers: Answers) -> str:
    missed, of = answers.melanomas
    return (
        f"The described CNN predicts {missed} of {of} melanoma images of its test part as benign."
    )


def _fooled(answers: Answers) -> str:
    return (
        "Any change that changes a predicted class counts. Let each say which, how strong it was, "
        "and whether a person would have noticed."
    )


def _interval(answers: Answers) -> str:
    tested = answers.tested
    return (
        f"{percent(answers.accuracy)}, from {tested.n_images:,} test images of "
        f"{tested.n_lesions:,} lesions."
    )


def _one_number(answers: Answers) -> str:
    of, reported = answers.tested.n_images, REPORTED["cnn"]
    return (
        f"{answers.correct} of {of:,} is {100 * answers.correct / of:.1f} %. "
        f"{draws_in_words(answers.epochs, reported)} Here it is the accuracy on validation."
    )


# ------------------------------------------------------------------------------- tasks

TASKS: tuple[Task, ...] = (
    Task(
        key="majority",
        title="Find out why 67 % is easy",
        minutes=8,
        todo="Look at the class balance, and say which accuracy a model has that always names the "
        "most frequent class.",
        shows="Accuracy alone says little where most of the data are of one class.",
        explanation="Whoever always names the most frequent class looks at no image and finds no "
        "melanoma, and is right as often as that class is frequent. So a score is read beside this "
        "baseline. Balanced accuracy, the mean of the recalls of all classes, gives it one in "
        "seven.",
        source="Maier-Hein et al., Metrics reloaded, Nature Methods 21:195, 2024",
        discuss=(
            "What does a clinic learn from an accuracy of 67 %?",
            "When would accuracy be the right score all the same?",
        ),
        page="Dataset",
        link="Open the class balance",
        address={"at": "classes"},
        ways=_ways((Fact.BALANCE_SEEN, Fact.MAJORITY_SAID)),
        expected=_majority,
        question=Question(
            "Accuracy of always naming the most frequent class, in %",
            Fact.MAJORITY_SAID,
            "It is the share of that class among all images; the dashed line of the chart.",
            0.6,
            lambda answers: _in_percent(answers.majority_share),
        ),
        still="Right. Now look at the class balance itself.",
    ),
    Task(
        key="leak",
        title="Make the split leak",
        minutes=10,
        todo="In the leakage lab, find how many test images show a lesion that training has seen "
        "where images are split one by one; or train a model with the split by image.",
        shows="Two photographs of one lesion on both sides of a split make the test easier than a "
        "new patient is.",
        explanation="Nearly half of the images of HAM10000 are of lesions with several. Dealt one "
        "by one, many test images have a sibling in training, and a model that remembers lesions "
        "is taken for one that knows the disease. Split by lesion, none has.",
        source="Kapoor and Narayanan, Patterns 4:100804, 2023; Abhishek et al., Scientific Data "
        "12:196, 2025",
        discuss=(
            "Which other data have siblings: patients, scanners, days?",
            "How would a reader of a paper notice a leaking split?",
        ),
        page="Dataset",
        link="Open the leakage lab",
        address={"at": "leakage"},
        ways=_ways(Fact.LEAK_SAID, Fact.LEAK_TRAINED),
        expected=_leak,
        question=Question(
            "Test images whose lesion training has seen, split by image, in %",
            Fact.LEAK_SAID,
            "It stands under the icons of the split by image, for all images, not for melanoma "
            "alone.",
            1.0,
            lambda answers: _in_percent(answers.leaked_share),
        ),
    ),
    Task(
        key="beat",
        title="Beat the described CNN",
        minutes=10,
        todo="Add runs to the comparison, your own or those that ship, until the sentence on top "
        "says that one is better than A.",
        shows="Better means more than a larger number: the interval of the difference, on the same "
        "test images, leaves zero out.",
        explanation="Both runs are scored on the same draws of test lesions, so what makes an "
        "image hard for both cancels out. Where the 95 % interval of the difference holds zero, "
        "chance alone would give as much.",
        source="Dietterich, Neural Computation 10:1895, 1998; Efron and Tibshirani, An "
        "Introduction to the Bootstrap, 1993",
        discuss=(
            "Two runs differ by one point: what would you want to know?",
            "What changed between the described and the improved CNN? (Runs, Settings)",
        ),
        page="Comparison",
        link="Open two runs side by side",
        address={"runs": f"{DESCRIBED},lstm-described"},
        ways=_ways(Fact.CNN_BEATEN),
        expected=_beaten,
        told=False,
    ),
    Task(
        key="missed",
        title="Find a missed melanoma",
        minutes=8,
        todo="In the confusion matrix of the described CNN, open a cell of melanomas that were "
        "predicted as a benign class, and look at the images where the data in use has them.",
        shows="A missed melanoma and a needless biopsy are one mistake each in the accuracy, and "
        "not alike to anybody else.",
        explanation="Rows are the true class, columns the predicted one. Melanoma is malignant; "
        "nevus, benign keratosis, vascular lesion and dermatofibroma are not. What a mistake "
        "costs is set under Decisions, Expected cost.",
        source="Vickers and Elkin, Medical Decision Making 26:565, 2006; Tschandl et al., Lancet "
        "Oncology 20:938, 2019",
        discuss=(
            "What do the missed ones have in common?",
            "How many needless biopsies is one missed melanoma worth, and who decides?",
        ),
        page="Comparison",
        link="Open the confusion matrices",
        address={"runs": f"{DESCRIBED},resnet-improved"},
        ways=_ways(Fact.MELANOMA_FOUND),
        expected=_missed,
    ),
    Task(
        key="fool",
        title="Fool the model",
        minutes=8,
        todo="Under What if, change the light, the focus or the turn of a test image until a model "
        "predicts another class.",
        shows="A change that no dermatologist would mind can change the answer, and the model does "
        "not say that it is out of its depth.",
        explanation="A model knows photographs like those of its training. Other light, another "
        "camera or a blur are new to it, though the lesion is the same. Comparison counts it over "
        "all test images: Robustness, Changed images.",
        source="Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common "
        "Corruptions and Perturbations, ICLR 2019",
        discuss=(
            "Which change would happen in a clinic by itself?",
            "Would more training images have helped, or other ones?",
        ),
        page="Prediction",
        link="Open a test image",
        address={"example": "1", "closer": "What if"},
        ways=_ways(Fact.MODEL_FOOLED),
        expected=_fooled,
        told=False,
    ),
    Task(
        key="sure",
        title="Say how sure you are",
        minutes=8,
        todo="Find the accuracy of the described CNN in the table of scores, and say where its "
        "95 % interval begins.",
        shows="Other test lesions would have given another number; the interval says how far off "
        "it may be.",
        explanation="The interval comes from 2,000 draws of the test lesions with replacement: its "
        "middle 95 %. Lesions are drawn, not images, as images of one lesion are alike. How sure "
        "the model itself is of an answer is another question: Probabilities, Calibration.",
        source="Field and Welsh, Journal of the Royal Statistical Society B 69:369, 2007; Guo et "
        "al., On Calibration of Modern Neural Networks, ICML 2017",
        discuss=(
            "How many test lesions would halve the interval?",
            "Which scores in the papers you know have an interval?",
        ),
        page="Comparison",
        link="Open the table of scores",
        address={"runs": f"{DESCRIBED},cnn-improved", "tab": "Scores"},
        ways=_ways(Fact.INTERVAL_SAID),
        expected=_interval,
        question=Question(
            "Where the interval of its accuracy begins, in %",
            Fact.INTERVAL_SAID,
            "It is the first number in brackets behind the accuracy of A.",
            0.5,
            lambda answers: _in_percent(answers.accuracy.low),
        ),
    ),
    Task(
        key="number",
        title="See one number come about",
        minutes=8,
        todo="In the confusion matrix of the described CNN, count how many of the test images are "
        "predicted correctly.",
        shows="An accuracy is a count over a count, of one draw of images and one epoch of one "
        f"training: {100 * REPORTED['cnn']:.2f} % is one such draw.",
        explanation="Correct are the images on the diagonal, where the predicted class is the true "
        "one. The number that is reported hangs on which images were drawn for the test, on the "
        "seed, and on the epoch at which training ended. A run trained as published, compared "
        "here, shows its last epochs beside the reported number, and does this task as well.",
        source="Bouthillier et al., Accounting for Variance in Machine Learning Benchmarks, MLSys "
        "2021; the two public notebooks, trained again in HAM Lab's results (docs/results.md)",
        discuss=(
            "Who chose the epoch, and what had they seen by then?",
            "What would you report instead of one number?",
        ),
        page="Comparison",
        link="Open its confusion matrix",
        address={"runs": f"{DESCRIBED},lstm-described", "by": "count"},
        ways=_ways(Fact.COUNT_SAID, Fact.EPOCHS_WATCHED),
        expected=_one_number,
        question=Question(
            "Test images that it predicts correctly",
            Fact.COUNT_SAID,
            "Add up the seven numbers on the diagonal, counts and not per cent.",
            0.0,
            lambda answers: float(answers.correct),
            percent=False,
        ),
    ),
)
