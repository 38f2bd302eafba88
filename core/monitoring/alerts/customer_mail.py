"""E-mails a payment link to the customer, through the first mail server in ALERT_URLS.

The address is read from Stripe at that moment, and stored nowhere: neither in the database nor in the audit log.
"""

from datetime import datetime

from core.errors import Refused, Unavailable
from core.monitoring.alerts.targets import Target, targets_of
from core.payments.context import PaymentContext
from core.payments.recovery.retry_advice import Failed
from core.settings import Settings
from core.staff import audit, roles
from core.staff.roles import Actor

PAGE = "recovery"
NO_ADDRESS = "The customer has no e-mail address at Stripe. Send them the link yourself."


def is_set_up(settings: Settings) -> bool:
    """Whether there is a mail server to send through."""
    return _server(settings) is not None


def send_link(
    context: PaymentContext, actor: Actor, settings: Settings, failed: Failed, url: str, now: datetime
) -> str:
    """E-mail the link to the customer of this payment; answers the address with all but its ends hidden.

    The e-mail says the amount and nothing of what was bought. It is recorded before it is sent. Raises `Refused` if
    there is no mail server or no address, `Unavailable` if Stripe does not answer or the mail server takes nothing.
    """
    roles.require(actor, PAGE)
    roles.require_confirmed(actor)
    server = _server(settings)
    if server is None:
        raise Refused("no_mail_server", "No mail server is set up in ALERT_URLS. Send the customer the link yourself.")
    address = _address(context, failed)
    subject = f"payment:{failed.payment_intent_id}"
    audit.record(
        context.db, actor, "payments:recovery-link:emailed", subject, now, after={"customer": failed.customer_id}
    )
    body = (
        f"Your payment of {failed.amount} did not go through, and nothing was charged. You can pay it here:\n\n"
        f"{url}\n\nThe page stays open for 24 hours at most. If you have paid since, please ignore this message."
    )
    title = f"Your payment of {failed.amount}"
    problem = server.to_alone(address).tell(title, body, kind="mail", severity="warning")
    if problem is not None:
        audit.record(
            context.db, actor, "payments:recovery-link:emailed", subject, now, outcome="refused", reason=problem
        )
        raise Unavailable(
            "mail_not_sent", "The mail server did not take the e-mail. Send the customer the link yourself."
        )
    return masked(address)


def masked(address: str) -> str:
    """`j•••@example.com`."""
    name, _, host = address.rpartition("@")
    return f"{name[:1]}•••@{host}"


def _address(context: PaymentContext, failed: Failed) -> str:
    """The customer's address at Stripe, else the one that the receipt of this payment was to go to."""
    found = None
    if failed.customer_id is not None:
        found = context.stripe.retrieve(f"customers/{failed.customer_id}").get("email")
    if not found:
        found = context.stripe.retrieve(f"payment_intents/{failed.payment_intent_id}").get("receipt_email")
    if not found or "@" not in found or any(each in found for each in ",; \r\n"):
        raise Refused("no_address", NO_ADDRESS)
    return str(found)


def _server(settings: Settings) -> Target | None:
    return next((each for each in targets_of(settings.alert_urls) if each.sends_email), None)
