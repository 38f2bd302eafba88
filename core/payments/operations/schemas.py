"""What the payment API takes and gives, field by field; the names are the public ones."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from core.payments.limits import LARGEST_MINOR

Id = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")]
StripeId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,200}$")]
Email = Annotated[str, StringConstraints(pattern=r"^[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+$", max_length=254)]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=500)]
Address = Annotated[str, StringConstraints(pattern=r"^https?://[!-~]+$", max_length=2000)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{3}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$")]
Whole = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Amount = Annotated[int, Field(strict=True, ge=1, le=LARGEST_MINOR, description="In minor units.")]


class Shape(BaseModel):
    """Fields that are not known are passed over."""

    model_config = ConfigDict(frozen=True)


class CartItem(Shape):
    stripePriceId: StripeId
    quantity: Annotated[Whole, Field(ge=1, le=999)]


Cart = Annotated[list[CartItem], Field(min_length=1, max_length=100)]


class CustomerInfo(Shape):
    email: Email
    patientId: Id


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
    paymentMethodId: StripeId
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


def _only(given: str, missing: str) -> dict[str, JsonValue]:
    return {"required": [given], "properties": {given: {"type": "string"}, missing: {"type": "null"}}}


class FailureRequest(Shape):
    """Exactly one of the two ids."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={"oneOf": [_only("paymentIntentId", "invoiceId"), _only("invoiceId", "paymentIntentId")]},
    )

    paymentIntentId: StripeId | None = None
    invoiceId: StripeId | None = None
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
    customerId: StripeId | None = None


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
    stripePriceId: StripeId
    paymentMethodId: StripeId | None = None
    discountCode: Code | None = None
    trialDays: Annotated[Whole, Field(ge=1, le=730)] | None = None
    orderId: Id


class SubscriptionAnswer(Shape):
    subscriptionId: str
    status: str
    clientSecret: str | None = None
    currentPeriodEnd: str | None


class CancellationRequest(Shape):
    subscriptionId: StripeId
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
    """An error as RFC 9457 has it."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str | None
    errors: list[FieldProblem] | None = None
