# Dashboard and HTTP interface with the published models; no TensorFlow, no compiler, no telemetry.
#   docker build -t cxr-reading-room .
#   docker run --rm --read-only --tmpfs /tmp -p 127.0.0.1:8501:8501 cxr-reading-room
# docs/deployment.md says what else belongs around it.

FROM python:3.11.14-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv /opt/venv
COPY requirements.txt requirements-login.txt ./
# Training, publishing and the Keras engine stay out: 1.4 GB that no reading needs.
RUN grep -vE '^(tensorflow|tensorflow-cpu|keras|efficientnet|nncf)[<>=]' requirements.txt > run.txt \
    && /opt/venv/bin/pip install --only-binary :all: -r run.txt -r requirements-login.txt \
    && /opt/venv/bin/pip uninstall --yes openvino-telemetry setuptools pip
COPY assets /assets
COPY .streamlit/config.toml /app/.streamlit/config.toml
COPY LICENSE asgi_app.py streamlit_app.py /app/
COPY cxr_core /app/cxr_core
COPY pages /app/pages
COPY ui /app/ui
RUN python -m compileall -q /app && chmod -R a+rX /app /assets

FROM python:3.11.14-slim-bookworm
RUN groupadd --system --gid 10001 cxr \
    && useradd --system --uid 10001 --gid cxr --no-create-home --home-dir /nonexistent cxr \
    && pip uninstall --yes --root-user-action=ignore wheel setuptools pip
COPY --from=build /opt/venv /opt/venv
COPY --from=build /assets /app/assets
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/nonexistent \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_PORT=8501 \
    STREAMLIT_BROWSER_GATHER_USAGE_STATS=false
USER 10001:10001
EXPOSE 8501
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-m", "cxr_core.http.health", "http://127.0.0.1:8501/readyz"]
CMD ["streamlit", "run", "asgi_app.py"]
