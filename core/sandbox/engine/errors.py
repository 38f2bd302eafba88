"""Stripe's error bodies: the refusals of the sandbox, in Stripe's words and codes."""

from typing import Any

DOCS = "https://docs.stripe.com/error-codes/"
Json = dict[str, Any]


class StripeError(Exception):
    """An answer that is not 2xx. With `keep` the transaction is committed nevertheless, as for a decline."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        keep: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.keep = keep
        self.fields: Json = {"code": code, "message": message, "param": param, "type": kind, **more}
        if code:
            self.fields["doc_url"] = DOCS + code.replace("_", "-")

    def body(self) -> Json:
        """`{"error": …}` as Stripe sends it: fields without a value are left out."""
        return {"error": {name: value for name, value in self.fields.items() if value is not None}}


def invalid(message: str, param: str | None = None, code: str | None = None) -> StripeError:
    return StripeError(400, message, param=param, code=code)


def missing_parameter(param: str) -> StripeError:
    return invalid(f"Missing required param: {param}.", param, "parameter_missing")


def no_such(label: str, object_id: str, param: str = "id") -> StripeError:
    """404 for the object a path names, 400 for one that a parameter names, as Stripe has it."""
    status = 404 if param in ("id", "intent", "session") else 400
    return StripeError(status, f"No such {label}: '{object_id}'", param=param, code="resource_missing")


def unexpected_state(message: str, intent: Json) -> StripeError:
    """The intent's status does not allow what was asked; the answer carries the intent."""
    kind = str(intent["object"])
    error = StripeError(400, message, code=f"{kind}_unexpected_state")
    error.fields[kind] = intent
    return error


def idempotency_mismatch() -> StripeError:
    return StripeError(
        400,
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        "Try using a key other than the one you sent if you meant to execute a different request.",
        kind="idempotency_error",
    )


def idempotency_in_use(key: str) -> StripeError:
    return StripeError(
        409,
        "There is currently another in-progress request using this Idempotent Key "
        f"(that probably means you submitted twice, and the other request is still going through): {key}",
        kind="idempotency_error",
        code="idempotency_key_in_use",
    )


def bad_key(shown: str) -> StripeError:
    return StripeError(401, f"Invalid API Key provided: {shown}")


def no_key() -> StripeError:
    return StripeError(
        401,
        "You did not provide an API key. You need to provide your API key in the Authorization header, "
        "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
    )


def unknown_route(method: str, path: str) -> StripeError:
    return StripeError(404, f"Unrecognized request URL ({method}: {path}).")
