"""The lesson as Markdown for who teaches it."""

from __future__ import annotations

from urllib.parse import urlencode

from ham.config import APP_NAME, CITATION, DISCLAIMER, LICENCE
from ham.lesson.answers import Answers
from ham.lesson.tasks import TASKS, Task


def teachers_sheet(answers: Answers) -> str:
    """Tasks, minutes, expected answers from the data in use, what to discuss, sources. Draws
    lesions for the runs that ship. Raises HamError.
    """
    minutes = sum(task.minutes for task in TASKS)
    rows = [
        f"| {number} | {task.title} | {task.page} | {task.minutes} |"
        for number, task in enumerate(TASKS, start=1)
    ]
    parts = [
        f"# {APP_NAME}: a guided lesson",
        f"Seven tasks, {minutes} minutes, and what there is to discuss. Everything works offline "
        f"with the demo data and the models that ship; nothing has to be trained. {_data(answers)}",
        f"{DISCLAIMER}.",
        "## Before the lesson\n\n"
        "- Start HAM Lab (`python -m ham app`) and open the page **Lesson**. A task is ticked off "
        "by what a visitor does and answers, not by a click.\n"
        "- Progress is kept in the browser until it is closed; *Start again* clears it.\n"
        "- The expected answers below are of the data in use when this sheet was made. With other "
        "data make it again: `python -m ham lesson --data FOLDER`.",
        "## Time\n\n| | Task | Page | Minutes |\n|---|---|---|---|\n"
        + "\n".join([*rows, f"| | In all | | {minutes} |"]),
        *(_task(number, task, answers) for number, task in enumerate(TASKS, start=1)),
        f"## Sources of the data\n\nHAM10000: {CITATION}, {LICENCE}.",
    ]
    return "\n\n".join(parts) + "\n"


def _data(answers: Answers) -> str:
    dataset = answers.dataset
    if dataset is None:
        return "The data in use cannot be read: tasks 1 and 2 need them."
    synthetic = ", synthetic" if dataset.synthetic else ""
    return (
        f"Data in use: {dataset.name}{synthetic}, {dataset.n_images:,} images of "
        f"{dataset.n_lesions:,} lesions."
    )


def _task(number: int, task: Task, answers: Answers) -> str:
    address = f"/{task.page.lower()}" + (f"?{urlencode(task.address)}" if task.address else "")
    question = [f"**Asked.** {task.question.label}."] if task.question else []
    return "\n\n".join(
        [
            f"## {number}. {task.title} ({task.minutes} minutes)",
            f"**Do.** {task.todo} (`{address}`)",
            *question,
            f"**Expected.** {task.expected(answers)}",
            f"**What it shows.** {task.shows} {task.explanation}",
            "**Discuss.**\n\n" + "\n".join(f"- {line}" for line in task.discuss),
            f"**Source.** {task.source}.",
        ]
    )
