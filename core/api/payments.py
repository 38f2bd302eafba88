"""The payment API's routes: each reads its request, runs its operation, and returns its answer or a problem."""

from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Header, Query
from fastapi.exceptions import RequestValidationError
from pydantic import WithJsonSchema
from pydantic.alias_generators import to_camel
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from core.api.operation_calls import AuthenticatedRoute, calls_of
from core.api.problems import WRONG_HOST, answer_to
from core.errors import Refused, not_json
from core.payments.operations import failed_payments, schemas, service, subscriptions
from core.payments.operations.schemas import Id

DECLINED = 402
PROBLEMS = {
    400: "The body or the Idempotency-Key is malformed.",
    401: "The bearer token is missing or not valid.",
    DECLINED: "The card was declined.",
    404: "Nothing was found with this ID, or it belongs to another patient.",
    408: "The body did not arrive in time.",
    409: "The Idempotency-Key was used with another body, or is in progress.",
    413: "The body is larger than 1 MiB.",
    421: WRONG_HOST,
    422: "The body has invalid fields, or the request is refused; state_not_served: no provider may see the patient.",
    429: "Too many requests; Retry-After says when to try again.",
    500: "An error on our side, recorded under the request's ID.",
    503: "A service that we need does not answer, or this is paused; Retry-After says when to try again.",
}
_JSON = "application/problem+json"
_ANSWERS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": said,
        "content": {
            _JSON: {"schema": {"$ref": f"#/components/schemas/{'Decline' if status == DECLINED else 'Problem'}"}}
        },
    }
    for status, said in PROBLEMS.items()
}
# Here only for the OpenAPI document; core.api.idempotency checks the key, since an invalid one is a 400.
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="The same key and body have one effect and one answer.",
    ),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"}),
]
router = APIRouter(
    prefix="/api/payments",
    responses=_ANSWERS,
    tags=["payments"],
    route_class=AuthenticatedRoute,
    generate_unique_id_function=lambda route: to_camel(route.name),
)


@router.post("/create-checkout-session", response_model=schemas.CheckoutAnswer)
def create_checkout_session(
    http: HttpRequest, asked: schemas.CheckoutRequest, idempotency_key: IdempotencyKey = None
) -> Response:
    """Create a checkout page for a cart, at the catalogue's prices."""
    calls = calls_of(http)
    origins = calls.return_origins
    return calls.once(
        http, asked, lambda context, request: service.create_checkout_session(context, request, asked, origins)
    )


@router.post("/process-payment", response_model=schemas.PaymentAnswer)
def process_payment(
    http: HttpRequest, asked: schemas.PaymentRequest, idempotency_key: IdempotencyKey = None
) -> Response:
    """Charge a card once."""
    return calls_of(http).once(
        http,
        asked,
        lambda context, request: service.process_payment(context, request, asked),
        lambda context, kept: service.payment_again(context, kept),
    )


@router.get("/verify-status/{sessionId}", response_model=schemas.StatusAnswer)
def verify_status(http: HttpRequest, sessionId: str) -> Response:
    """The status of a checkout."""
    return calls_of(http).read(http, lambda context, caller: service.verify_status(context, caller, sessionId))


@router.post("/handle-failure", response_model=schemas.FailureAnswer)
def handle_failure(
    http: HttpRequest, asked: schemas.FailureRequest, idempotency_key: IdempotencyKey = None
) -> Response:
    """Why a payment failed and what can be done; it is on the recovery list from then on."""
    return calls_of(http).once(
        http,
        asked,
        lambda context, request: failed_payments.handle_failure(context, request.caller, asked),
        lambda context, kept: failed_payments.failure_again(context, asked, kept),
    )


@router.post("/validate-discount", response_model=schemas.DiscountAnswer)
def validate_discount(
    http: HttpRequest, asked: schemas.DiscountRequest, idempotency_key: IdempotencyKey = None
) -> Response:
    """What a discount code would take off an amount."""
    return calls_of(http).once(
        http, asked, lambda context, request: service.validate_discount(context, request.caller, asked)
    )


@router.get("/payment-methods", response_model=schemas.PaymentMethodsAnswer)
def payment_methods(http: HttpRequest, patientId: Annotated[Id, Query()]) -> Response:
    """A patient's saved cards."""
    return calls_of(http).read(http, lambda context, caller: service.payment_methods(context, caller, patientId))


@router.post("/create-subscription", response_model=schemas.SubscriptionAnswer)
def create_subscription(
    http: HttpRequest, asked: schemas.SubscriptionRequest, idempotency_key: IdempotencyKey = None
) -> Response:
    """Start a subscription."""
    return calls_of(http).once(
        http,
        asked,
        lambda context, request: subscriptions.create(context, request, asked),
        lambda context, kept: subscriptions.again(context, kept),
    )


@router.post("/cancel-subscription", response_model=schemas.CancellationAnswer)
def cancel_subscription(
    http: HttpRequest, asked: schemas.CancellationRequest, idempotency_key: IdempotencyKey = None
) -> Response:
    """Cancel a subscription now or at the end of its period."""
    return calls_of(http).once(http, asked, lambda context, request: subscriptions.cancel(context, request, asked))


async def does_not_fit(http: HttpRequest, error: Exception) -> Response:
    """400 for a body that is not JSON, 422 with the path of each invalid field."""
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return answer_to(http, not_json())
    errors = [{"path": _path(one["loc"]), "message": one["msg"]} for one in found[:50]]
    return answer_to(http, Refused("does_not_fit", "Some fields are invalid.", facts={"errors": errors}))


def _path(location: tuple[int | str, ...]) -> str:
    """The path of a field, such as `cartItems.0.quantity`, without the leading `body`, `query` or `path`."""
    return ".".join(str(part) for part in location[1:]) or "body"


def install(api: FastAPI) -> None:
    """Add the payment API's routes and its answer to invalid requests."""
    api.include_router(router)
    api.add_exception_handler(RequestValidationError, does_not_fit)
