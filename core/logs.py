"""Log lines: one format for ours and every library's, with private data redacted."""

import logging
import re
from collections.abc import MutableMapping
from typing import Any

import structlog

from core.settings import Settings

REDACTED = "[redacted]"
_SECRETS = re.compile(
    r"""
    \b(?:sk|rk|pk)_(?:live|test)_\w+            # Stripe's keys
    | \bwhsec_[\w+/=-]+
    | \b\w+_secret_\w+                          # client secrets
    | \bv1[=,][\w+/=]{40,}                     # webhook signatures
    | \beyJ[\w-]+\.[\w-]+\.[\w-]*               # JSON web tokens
    | (?i:\bbearer\s+)[\w.~+/=-]+
    | (?<=://)[^\s/@:]+:[^\s/@]+(?=@)           # a login in an address
    | [\w.+-]+@[\w-]+(?:\.[\w-]+)+              # e-mail addresses
    | \+\d[\d ().-]{7,}\d                       # international phone numbers
    | (?<![\w(-])(?:\([2-9]\d\d\)[ ]?|[2-9]\d\d[ .-])\d{3}[ .-]\d{4}(?![\w-])  # North America's
    """,
    re.VERBOSE,
)
_CARD = re.compile(
    r"(?<!\d)(?:\d(?:[ ._-]?\d){12,18}"
    r"|\d{4}(?:[^\w]{1,3}\d{4}){3}(?:[^\w]{1,3}\d{1,3})?|\d{4}[^\w]{1,3}\d{6}[^\w]{1,3}\d{4,5})(?!\d)"
)
_PRIVATE_KEYS = frozenset(
    {"password", "secret", "token", "authorization", "cookie", "client_secret", "body", "payload"}
)


_SHARED: tuple[structlog.types.Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure(settings: Settings) -> None:
    """Send every log line of this process to standard error, redacted."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(settings.log_format))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    through_logging()
    if settings.sentry_dsn:
        _send_errors_to_sentry(settings.sentry_dsn.get_secret_value(), str(settings.environment))


def formatter(log_format: str) -> logging.Formatter:
    """How a line is written, ours or a library's: redacted, as one JSON object or for a person to read."""
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer() if log_format == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _redact_event,
            renderer,
        ],
    )


def through_logging() -> None:
    """Every line goes through the root logger's handlers; libraries that log whole addresses say warnings alone."""
    for name in _with_handlers_of_their_own():
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # It would log whole addresses, and uvicorn leaves that out only where nobody hears.
    requests = logging.getLogger("uvicorn.access")
    requests.handlers.clear()
    requests.propagate = False
    for name in ("httpx", "stripe"):  # they log whole addresses, and what is asked for in them
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _with_handlers_of_their_own() -> set[str]:
    """Libraries' loggers that would write beside our formatter; Streamlit gives one to each of its modules."""
    made = {name for name in logging.root.manager.loggerDict if name.startswith("streamlit")}
    return made | {"uvicorn", "uvicorn.error", "streamlit", "httpx", "stripe"}


def _send_errors_to_sentry(dsn: str, environment: str) -> None:
    """What is logged as an error goes to Sentry too, redacted, without request bodies or the values of variables."""
    try:
        import sentry_sdk
    except ImportError:
        logging.getLogger(__name__).error(
            "SENTRY_DSN is set, but sentry-sdk is not installed: pip install payops[sentry]"
        )
        return
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=20,
        before_send=lambda event, hint: redacted(event),
        before_breadcrumb=lambda crumb, hint: redacted(crumb),
    )


def redacted(value: Any) -> Any:
    """`value` with what looks like a key, a token, a card number or a person's address taken out of its text."""
    if isinstance(value, str):
        return _CARD.sub(_card_or_number, _SECRETS.sub(REDACTED, value))
    if isinstance(value, dict):
        return {key: REDACTED if str(key).lower() in _PRIVATE_KEYS else redacted(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted(item) for item in value]
    return value if isinstance(value, int | float | bool | type(None)) else redacted(str(value))


def _redact_event(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    plain: dict[str, Any] = redacted(dict(event))
    return plain


def _card_or_number(found: re.Match[str]) -> str:
    digits = [int(digit) for digit in found.group() if digit.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return REDACTED if (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 else found.group()
