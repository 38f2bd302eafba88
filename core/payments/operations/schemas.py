"""The requests and answers of the payment API, field by field; the names are public."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from core.identifiers import has_card_number, private_problem
from core.payments import ids
from core.payments.amount_limits import LARGEST_MINOR


def _not_private(identifier: str) -> str:
    if problem := private_problem(identifier):
        raise PydanticCustomError("private_identifier", "{problem}", {"problem": problem})
    return identifier


def _without_card_number(text: str) -> str:
    if has_card_number(text):
        raise PydanticCustomError("card_number", "This text holds a card number. Leave it out.")
    return text


def _stripe_id(shape: str) -> Any:
    """An ID of this format; the message for any other value says what is expected."""

    def check(value: str) -> str:
        if not ids.fits(value, shape):
            raise PydanticCustomError("bad_id", "{problem}", {"problem": ids.expected(shape)})
        return value

    return AfterValidator(check), WithJsonSchema({"type": "string", "pattern": shape})


# An ID that the caller chooses; one that looks like an e-mail address, a phone or a card number is refused.
Id = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$"), AfterValidator(_not_private)]
PaymentMethodId = Annotated[str, *_stripe_id(ids.PAYMENT_METHOD)]
PaymentIntentId = Annotated[str, *_stripe_id(ids.PAYMENT_INTENT)]
InvoiceId = Annotated[str, *_stripe_id(ids.INVOICE)]
SubscriptionId = Annotated[str, *_stripe_id(ids.SUBSCRIPTION)]
PriceId = Annotated[str, *_stripe_id(ids.PRICE)]
CustomerId = Annotated[str, *_stripe_id(ids.CUSTOMER)]
Email = Annotated[
    str,
    StringConstraints(pattern=r"^[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+$", max_length=254),
    AfterValidator(_without_card_number),
]
Text = Annotated[
    str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=500), AfterValidator(_without_card_number)
]
Address = Annotated[
    str, StringConstraints(pattern=r"^https?://[!-~]+$", max_length=2000), AfterValidator(_without_card_number)
]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{3}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$"), AfterValidator(_without_card_number)]
Whole = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Amount = Annotated[int, Field(strict=True, ge=1, le=LARGEST_MINOR, description="In minor units.")]


class Shape(BaseModel):
    """Unknown fields are ignored."""

    model_config = ConfigDict(frozen=True)


class CartItem(Shape):
    stripePriceId: PriceId
    quantity: Annotated[Whole, Field(ge=1, le=999)]


Cart = Annotated[list[CartItem], Field(min_length=1, max_length=100)]


class CustomerInfo(Shape):
    email: Email
    patientId: Id
    patientState: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = Field(
        default=None,
        description="USPS code. Where nobody may see the patient there, the answer is 422 state_not_served.",
    )


class CheckoutOptions(Shape):
    success_url: Address
    cancel_url: Address
    orderId: Id
    mode: Literal["payment", "subscription"] = "payment"
    discountCode: Code | None = None


class CheckoutRequest(Shape):
    cartItems: Cart
    customerInfo: CustomerInfo
    options: CheckoutOptions


class CheckoutAnswer(Shape):
    sessionId: str
    url: str | None
    status: str | None


class PaymentRequest(Shape):
    paymentMethodId: PaymentMethodId
    amount: Amount
    currency: Currency
    customerInfo: CustomerInfo
    orderId: Id
    cartItems: Cart | None = None
    savePaymentMethod: Flag = False
    discountCode: Code | None = None
    description: Text | None = None


class PaymentAnswer(Shape):
    paymentIntentId: str
    status: str
    clientSecret: str | None = None
    nextAction: dict[str, object] | None = None


class StatusAnswer(Shape):
    sessionId: str
    status: str | None
    paymentStatus: str | None
    amountTotal: int | None
    currency: str | None
    paymentIntentId: str | None
    subscriptionId: str | None
    orderId: str | None


def _either_id(schema: dict[str, Any]) -> None:
    """Two complete schemas, so that a generated client has `orderId` in both."""
    fields = schema.pop("properties")
    schema.pop("type")
    schema["oneOf"] = [
        {
            "title": title,
            "type": "object",
            "required": [given],
            "properties": fields | {given: fields[given]["anyOf"][0], missing: {"type": "null"}},
        }
        for title, given, missing in (
            ("PaymentFailureRequest", "paymentIntentId", "invoiceId"),
            ("InvoiceFailureRequest", "invoiceId", "paymentIntentId"),
        )
    ]


class FailureRequest(Shape):
    """Exactly one of the two ids."""

    model_config = ConfigDict(frozen=True, json_schema_extra=_either_id)

    paymentIntentId: PaymentIntentId | None = None
    invoiceId: InvoiceId | None = None
    orderId: Id | None = None

    @model_validator(mode="after")
    def _one_id(self) -> Self:
        if (self.paymentIntentId is None) == (self.invoiceId is None):
            raise ValueError("give either paymentIntentId or invoiceId")
        return self


class FailureAnswer(Shape):
    code: str
    declineCode: str | None
    category: str
    customerMessage: str
    staffAdvice: str | None
    retryable: bool
    retryAfter: int | None = Field(description="In seconds; null where trying the same card cannot help.")
    recoveryUrl: str | None = None


class DiscountRequest(Shape):
    code: Code
    amount: Amount
    currency: Currency
    customerId: CustomerId | None = None


class DiscountAnswer(Shape):
    valid: bool
    code: str
    percentOff: float | None = None
    amountOff: int | None = None
    discountAmount: int
    total: int
    reason: str | None = None


class SavedCard(Shape):
    id: str
    brand: str | None
    last4: str | None
    expMonth: int | None
    expYear: int | None
    isDefault: bool


class PaymentMethodsAnswer(Shape):
    paymentMethods: list[SavedCard]


class SubscriptionRequest(Shape):
    customerInfo: CustomerInfo
    stripePriceId: PriceId
    paymentMethodId: PaymentMethodId | None = None
    discountCode: Code | None = None
    trialDays: Annotated[Whole, Field(ge=1, le=730)] | None = None
    orderId: Id


class SubscriptionAnswer(Shape):
    subscriptionId: str
    status: str
    clientSecret: str | None = None
    currentPeriodEnd: str | None


class CancellationRequest(Shape):
    subscriptionId: SubscriptionId
    atPeriodEnd: Flag = True
    reason: Text | None = None


class CancellationAnswer(Shape):
    subscriptionId: str
    status: str
    cancelAt: str | None
    endedAt: str | None


class FieldProblem(Shape):
    path: str
    message: str


class Problem(Shape):
    """An error, as in RFC 9457."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str | None
    errors: list[FieldProblem] | None = None


class Decline(Problem):
    """A card that was declined: the problem, and the fields of `handle-failure` for this payment."""

    paymentIntentId: str | None
    declineCode: str | None
    category: str
    customerMessage: str
    staffAdvice: str | None
    retryable: bool
    retryAfter: int | None = Field(description="In seconds; null where trying the same card cannot help.")
    recoveryUrl: str | None = None
