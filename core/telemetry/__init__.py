"""Follows a request through HTTP, SQL and Stripe: by its id and, if configured, OpenTelemetry's spans."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import structlog

from core.settings import Settings

MISSING = "Traces are asked for, but OpenTelemetry is not installed: pip install payops[otel]"
_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_tracer: Any = None  # OpenTelemetry's tracer; its modules are imported only if traces are configured
NO_SPAN: AbstractContextManager[None] = nullcontext()


def request_id() -> str | None:
    """The id of the request that is being answered, or of the page that is being drawn."""
    return _request_id.get()


class request:  # noqa: N801, used as a `with` block; a class costs less than a generator
    """`with request(id):` gives log lines, database calls and spans within the block the id of this request."""

    def __init__(self, id_: str):
        self._id = id_

    def __enter__(self) -> None:
        self._token = _request_id.set(self._id)
        self._logged = structlog.contextvars.bind_contextvars(request_id=self._id)

    def __exit__(self, *_: object) -> None:
        structlog.contextvars.reset_contextvars(**self._logged)
        _request_id.reset(self._token)


def configure(settings: Settings, service: str) -> None:
    """Export traces as `OTEL_EXPORTER_OTLP_ENDPOINT` and `OTEL_TRACES_EXPORTER` say; if neither is set, do nothing."""
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
    """Start recording spans, and pass them to this OpenTelemetry span processor."""
    global _tracer
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider(resource=Resource.create({"service.name": f"payops-{service}"}))
    provider.add_span_processor(processor)
    _tracer = provider.get_tracer("payops")


def traced() -> bool:
    """Whether spans are being recorded."""
    return _tracer is not None


def stop() -> None:
    """Stop recording spans."""
    global _tracer
    _tracer = None


def span(name: str, headers: Mapping[str, str] | None = None, **attributes: str) -> AbstractContextManager[Any]:
    """A span around this block, in the caller's trace if `headers` name one; yields None if traces are off.

    It contains only names, ids and the class of an error, never arguments, URLs or the text of an error.
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
