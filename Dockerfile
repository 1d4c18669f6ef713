# syntax=docker/dockerfile:1
# Two stages: build a virtual environment from the lock file, then copy it alone.
FROM python:3.11.14-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/tunewise
COPY requirements/runtime.lock requirements/runtime.lock
RUN /opt/tunewise/bin/pip install --require-hashes -r requirements/runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY rules rules
COPY models/classifier.json models/decision.json models/
RUN /opt/tunewise/bin/pip install --no-deps --no-build-isolation .
# A first check proves the build, and leaves beside the bytecode what later starts would have to make anew.
COPY examples/icd10.proposal.yaml examples/
RUN /opt/tunewise/bin/tunewise check examples --fail-on never

FROM python:3.11.14-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home tunewise \
    && install -d -o 10001 -m 0700 /var/lib/tunewise
COPY --from=build /opt/tunewise /opt/tunewise
# Only stored recommendations and keys are written, there or to TUNEWISE_DATABASE_URL: `docker run --read-only` works.
ENV PATH=/opt/tunewise/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    TUNEWISE_DATABASE_URL=sqlite:////var/lib/tunewise/tunewise.sqlite3
VOLUME /var/lib/tunewise
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
ENTRYPOINT ["tunewise"]
# Everybody who reaches the port needs a key, and without any it refuses to start:
#   docker run --rm IMAGE keys add NAME --scope write --entry     prints the key and its entry
#   docker run -p 8000:8000 -e TUNEWISE_KEYS=ENTRY IMAGE
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
