"""Home: the data in use in pictures, the best models, and where to go next."""

from ham import ui
from ham.ui import home

with ui.page(
    "Home",
    "Explore the skin lesions of HAM10000, train models on them, compare them, try an image.",
) as found:
    home.first_look(found)
    home.last_runs(found)
