"""No customer pays for care that nobody may give: a charge is refused where no provider may see the patient."""

from core.payments.context import PaymentContext
from core.payments.operations.schemas import CustomerInfo


def require(context: PaymentContext, order_id: str, customer: CustomerInfo) -> None:
    """Raise `Refused` (`state_not_served`) if nobody may see the patient now in the state that the request names, or
    else in which they asked to be seen. A patient whose state is unknown may pay, and so may one who was seen.
    """
    context.db.call(
        "require_served",
        order=order_id,
        patient=customer.patientId,
        state=customer.patientState,
        now=context.clock(),
    )
