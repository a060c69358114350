"""Home: the state of the data, the engine and the models, and where to go next."""

from ham import ui
from ham.ui import home

with ui.page(
    "Home",
    "See what is in HAM10000, train models on it, compare them, and ask them about an image.",
) as found:
    home.cards(found)
    home.last_runs(found)
