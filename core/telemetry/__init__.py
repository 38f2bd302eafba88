"""What ties a request together from HTTP to SQL to Stripe: its id, and OpenTelemetry's spans if asked for."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import structlog

from core.settings import Settings

MISSING = "Traces are asked for, but OpenTelemetry is not installed: pip install payops[otel]"
_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_tracer: Any = None  # OpenTelemetry's, whose modules are loaded only where traces are asked for
NO_SPAN: AbstractContextManager[None] = nullcontext()


def request_id() -> str | None:
    """The id of the request that is being answered, or of the page that is being drawn."""
    return _request_id.get()


class request:  # noqa: N801, a block, and as cheap as one can be
    """What happens in this block belongs to this request: log lines, database calls and spans carry its id."""

    def __init__(self, id_: str):
        self._id = id_

    def __enter__(self) -> None:
        self._token = _request_id.set(self._id)
        self._logged = structlog.contextvars.bind_contextvars(request_id=self._id)

    def __exit__(self, *_: object) -> None:
        structlog.contextvars.reset_contextvars(**self._logged)
        _request_id.reset(self._token)


def configure(settings: Settings, service: str) -> None:
    """Send traces as `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_TRACES_EXPORTER` say; without them nothing is loaded."""
    wanted = settings.otel_traces_exporter or ("otlp" if settings.otel_exporter_otlp_endpoint else "none")
    if wanted == "none" or settings.otel_sdk_disabled:
        return
    try:
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
    except ImportError:
        logging.getLogger(__name__).error(MISSING)
        return
    exporter: SpanExporter = ConsoleSpanExporter() if wanted == "console" else _otlp(settings)
    send_to(BatchSpanProcessor(exporter), service)


def _otlp(settings: Settings) -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    base = settings.otel_exporter_otlp_endpoint
    return OTLPSpanExporter(endpoint=f"{base.rstrip('/')}/v1/traces") if base else OTLPSpanExporter()


def send_to(processor: Any, service: str) -> None:
    """From now on spans are made and given to this processor of OpenTelemetry's."""
    global _tracer
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider(resource=Resource.create({"service.name": f"payops-{service}"}))
    provider.add_span_processor(processor)
    _tracer = provider.get_tracer("payops")


def traced() -> bool:
    """Whether spans are made."""
    return _tracer is not None


def stop() -> None:
    """No more spans are made."""
    global _tracer
    _tracer = None


def span(name: str, headers: Mapping[str, str] | None = None, **attributes: str) -> AbstractContextManager[Any]:
    """A span around this block, in the caller's trace if `headers` name one; None where nobody asked for traces.

    It never holds arguments, addresses or the text of an error: only names, ids and an error's kind.
    """
    return NO_SPAN if _tracer is None else _span(name, headers, attributes)


@contextmanager
def _span(name: str, headers: Mapping[str, str] | None, attributes: Mapping[str, str]) -> Iterator[Any]:
    from opentelemetry.propagate import extract
    from opentelemetry.trace import SpanKind, Status, StatusCode

    given = {key.replace("__", "."): value for key, value in attributes.items()}
    if (id_ := request_id()) is not None:
        given["payops.request_id"] = id_
    kind = SpanKind.CLIENT if headers is None else SpanKind.SERVER
    with _tracer.start_as_current_span(
        name,
        context=extract(headers) if headers is not None else None,
        kind=kind,
        attributes=given,
        record_exception=False,
        set_status_on_exception=False,
    ) as made:
        try:
            yield made
        except BaseException as error:
            made.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
