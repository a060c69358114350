# Two commands do everything: `make app` starts the dashboard, `make test` runs every check (lint first).
# Both build .venv first, and again only when the requirements have changed.

.PHONY: app lint test
.DEFAULT_GOAL := app

app:
	@sh .ci/setup requirements.txt
	@.venv/bin/python -m streamlit run app.py

lint:
	@sh .ci/setup requirements.txt requirements-dev.txt
	@.venv/bin/python -m ruff check .
	@.venv/bin/python -m ruff format --check .
	@.venv/bin/python -m mypy

test: lint
	@CHROME="$$(sh .ci/browser)" .venv/bin/python -m pytest -n 2 --dist loadgroup --durations=15
