"""The sections of the Training page.

settings_form  model, recipe and every setting
pictures       what they do, in small pictures beside them
start          what a training of them would cost; the start, one, several or a sweep
sweep_form     what a sweep varies, how, and how long that takes
sweep_watch    a sweep watched, stopped, taken up again, its best trial promoted
queue          the engine's settings; the runs that train, those that wait, the last that ended
live           one run: progress, curves, findings, its first batch, how it ended
"""

from ham.ui.training.queue import queue_and_live_run
from ham.ui.training.settings_form import form, use_settings
from ham.ui.training.start import several, start_panel
from ham.ui.training.sweep_watch import sweeps

__all__ = ["form", "queue_and_live_run", "several", "start_panel", "sweeps", "use_settings"]
