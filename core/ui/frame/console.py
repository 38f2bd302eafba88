"""The console as an ASGI app: Streamlit's, with sign-in routes, access checks and security headers around it."""

import asyncio
import gc
import sys
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from streamlit.starlette import App
from streamlit.web import bootstrap

from core import http_protocol, logs, telemetry
from core.errors import Refused
from core.forwarded_headers import ForwardedHeaderWarning
from core.settings import SettingsError
from core.ui import export_jobs, navigation, session
from core.ui.frame import auth_routes, export_routes, shell, single_sign_on
from core.ui.frame.access_guard import AccessGuard
from core.ui.frame.index_page import IndexPage
from core.ui.frame.security_policy import SecurityHeaders


def build(entrypoint: str | Path) -> App:
    """The app that serves the script at `entrypoint`."""
    return st.App(Path(entrypoint).resolve(), **parts())


def _configure_streamlit() -> None:
    """Set Streamlit's options for an installed package; in a checkout, `.streamlit` beside the app has them."""
    if (navigation.CHECKOUT / ".streamlit" / "config.toml").exists():
        return
    own = tomllib.loads((Path(__file__).parent / "streamlit.toml").read_text())
    bootstrap.load_config_options(dict(options(own)))


def options(table: dict[str, Any], section: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from options(value, f"{section}{name}.")
        else:
            yield f"{section}{name}", value


def parts() -> dict[str, Any]:
    """The arguments of `st.App` besides the script, the same under `payops serve` and `streamlit run`.

    If the settings are wrong, the process says what to correct and exits with 2.
    """
    try:
        hosts = list(session.settings().allowed_hosts)
        single_sign_on.configure(session.settings())
    except SettingsError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    _configure_streamlit()
    http_protocol.use_everywhere()
    return {
        "routes": [*auth_routes.routes(), *export_routes.routes()],
        "middleware": [
            Middleware(ForwardedHeaderWarning),
            Middleware(SecurityHeaders),
            Middleware(TrustedHostMiddleware, allowed_hosts=hosts),
            Middleware(AccessGuard),
            Middleware(IndexPage, addresses=frozenset({"/", *(f"/{entry.address}" for entry in navigation.present())})),
        ],
        "lifespan": lifespan,
        "on_script_error": shell.report_failure,
    }


@asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[None]:
    """Starts the services before the first visitor comes, and stops them with the console."""
    logs.configure(session.settings())
    telemetry.configure(session.settings(), "console")
    try:
        running = await asyncio.to_thread(session.services)
    except Refused as error:
        print(error.detail, file=sys.stderr)
        raise
    # Because there is a folder named pages, Streamlit uses its old page mode until st.navigation was called once: the
    # first visitor to an address would see "Page not found".
    st.navigation([st.Page(lambda: None, title="start")])
    await asyncio.to_thread(_import_page_modules)
    await asyncio.to_thread(export_jobs.exports().sweep)
    yield
    export_jobs.exports().close()
    running.close()


def _import_page_modules() -> None:
    """Import slow modules, so that the first visitor need not wait for them; garbage collection then skips them."""
    for module in (
        "pandas",
        "plotly.graph_objects",
        "pyarrow",
        "core.ui.kit.cards",
        "core.ui.kit.charts",
        "core.ui.overview.overview_charts",
        "core.ui.kit.tables",
    ):
        import_module(module)
    gc.collect()
    gc.freeze()
