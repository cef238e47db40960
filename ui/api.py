"""The HTTP interface beside the dashboard, in one process with one set of models.

It is on only where `CXR_API_TOKEN` is set: a proxy in front of the dashboard would make it as open
as the dashboard's address, whatever login the pages ask for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from cxr_core.http.app import routes
from cxr_core.http.service import Service
from cxr_core.http.settings import Settings, hosts_from, token_from
from cxr_core.io.quiet import quiet

if TYPE_CHECKING:
    from starlette.routing import Route

    from cxr_core.predict import PublishedModels

_NO_SCRIPT: Final = "streamlit.runtime.scriptrunner_utils.script_run_context"

Lifespan = Callable[[Any], AbstractAsyncContextManager[None]]


def interface() -> tuple[list[Route], Lifespan]:
    """Return what `st.App` needs to answer HTTP requests too.

    Returns:
        Routes, and what starts and stops the threads behind them.

    Raises:
        ConfigError: If the token is too short.
    """
    settings = Settings(token=token_from(), allowed_hosts=hosts_from())
    service = Service(_load, settings)

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        service.start()
        yield
        service.stop()

    return routes(service, is_open=settings.token is not None), lifespan


def _load() -> PublishedModels:
    """Load the models that the sessions use; whichever comes first loads them for both."""
    from ui import model_cache

    with quiet(logger=_NO_SCRIPT):  # it would say that no script runs, which is so
        return model_cache.published()
