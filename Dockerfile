# HAM Lab as one image: dashboard, command line, Dask scheduler and Dask worker (compose.yaml).
# How to host it: docs/hosting.md. `python -m benchmarks.container_steps` runs these steps without Docker.

FROM python:3.12.12-slim-bookworm AS build
WORKDIR /src
COPY requirements.txt ./
RUN python -m venv /opt/ham
RUN /opt/ham/bin/python -m pip install --no-cache-dir --disable-pip-version-check -r requirements.txt
COPY pyproject.toml README.md LICENSE app.py ./
COPY pages ./pages
COPY .streamlit ./.streamlit
COPY ham ./ham
RUN /opt/ham/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-deps .

# without the sources and what builds them
FROM python:3.12.12-slim-bookworm
RUN useradd --uid 10001 --no-create-home ham && install -d -o ham -g ham /data
COPY --from=build /opt/ham /opt/ham
ENV PATH=/opt/ham/bin:$PATH HAM_HOME=/data HOME=/tmp PYTHONUNBUFFERED=1
# by number: Kubernetes refuses to believe a name that it is not root
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["ham", "app", "--address", "0.0.0.0", "--port", "8501", "--no-browser"]
