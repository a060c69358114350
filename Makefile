# Two commands do everything: `make app` starts the dashboard, `make test` runs every check (lint first).
# Both build .venv first, and again only when the requirements have changed.

.PHONY: app docs lint style test
.DEFAULT_GOAL := app

app:
	@sh .ci/setup requirements.txt
	@.venv/bin/python -m streamlit run app.py

lint: style
	@.venv/bin/python -m mypy
	@.venv/bin/python .ci/audit.py

style:
	@sh .ci/setup requirements.txt requirements-export.txt requirements-dev.txt
	@.venv/bin/python -m ruff check .
	@.venv/bin/python -m ruff format --check .

# the documents as a site of files, in site/
docs:
	@sh .ci/setup requirements.txt requirements-export.txt requirements-dev.txt
	@.venv/bin/python docs/build.py

# the types are one of the tests: so they take the second core while a browser waits; what Python
# compiles is kept, for the fifty servers, workers and commands that the tests start; a second
# thread of the matrix library would only wait for a core
test: style
	@PYTHONDONTWRITEBYTECODE= OPENBLAS_NUM_THREADS=1 CHROME="$$(sh .ci/browser)" \
		.venv/bin/python -m pytest -n 2 --dist loadgroup --durations=15
