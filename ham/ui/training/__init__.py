"""The sections of the Training page.

form     model, recipe and every setting; what a training of them would cost; start, one or several
queue    the engine's settings; the runs that train, those that wait, the last that ended
live     one run: progress, curves, findings, its first batch, how it ended
words    numbers as the page writes them
"""

from ham.ui.training.queue import queue_and_live_run
from ham.ui.training.settings_form import form, start_button, summary, use_settings

__all__ = ["form", "queue_and_live_run", "start_button", "summary", "use_settings"]
