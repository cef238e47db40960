"""The HTTP interface: `GET /healthz`, `GET /readyz`, `POST /api/predict`, `GET /api/openapi.json`.

Films are held in memory while they are read, and nowhere else; no body, file name or value of a
header is logged or written. `docs/http.md` describes it for those who call it.
"""
