"""The guided lesson: seven tasks that check themselves off, and a sheet for who teaches it.

facts      what a visitor can have done, as it is noted where it happens
tasks      the seven tasks: words, links, questions, and what each takes to be done
answers    what is right, from the data in use and the described CNN that ships
progress   what one visitor has done so far, and how a browser keeps it
sheet      the lesson as Markdown, with the expected answers
"""

from ham.lesson.answers import DESCRIBED, Answers
from ham.lesson.facts import Fact, beaten, leaking_run, missed_melanoma
from ham.lesson.progress import Progress
from ham.lesson.sheet import teachers_sheet
from ham.lesson.tasks import TASKS, Question, Task

__all__ = [
    "DESCRIBED",
    "TASKS",
    "Answers",
    "Fact",
    "Progress",
    "Question",
    "Task",
    "beaten",
    "leaking_run",
    "missed_melanoma",
    "teachers_sheet",
]
