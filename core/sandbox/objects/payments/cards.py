"""Stripe's test payment methods: which card each is and how it behaves."""

from dataclasses import dataclass, replace

NETWORK_NUMBERS = {
    "visa": "4242",
    "mastercard": "4444",
    "amex": "8431",
    "discover": "1117",
    "diners": "0004",
    "jcb": "0505",
    "unionpay": "0005",
}
COUNTRY_LAST4 = {
    "US": "4242",
    "CA": "0000",
    "GB": "0000",
    "DE": "0016",
    "FR": "0003",
    "JP": "0003",
    "AU": "0006",
    "BR": "0002",
    "MX": "8019",
    "IE": "0007",
    "ES": "0007",
    "IT": "0008",
    "NL": "0002",
    "SE": "0008",
    "CH": "0009",
    "IN": "0008",
    "AT": "0008",
    "BE": "0004",
    "PT": "0005",
    "PL": "0005",
    "DK": "0001",
    "NO": "0008",
    "FI": "0001",
    "NZ": "0008",
    "SG": "0003",
    "HK": "0004",
    "AE": "0009",
    "AR": "0021",
    "CL": "0001",
    "CO": "0003",
    "CZ": "0002",
    "GR": "0030",
}


@dataclass(frozen=True)
class TestCard:
    """A Stripe test card; the defaults are a Visa card that succeeds."""

    __test__ = False

    brand: str = "visa"
    last4: str = "4242"
    country: str = "US"
    funding: str = "credit"
    decline_code: str | None = None
    attaches: bool = True  # declining cards are refused when they are saved, but for one
    authentication: str = "none"  # none, optional, required, unless_set_up, unless_saved
    risk_level: str = "normal"
    after_payment: str | None = None  # fraudulent, product_not_received, inquiry, fraud_warning
    refund: str = "succeeded"  # succeeded, pending, failed
    available_now: bool = False
    cvc_check: str = "pass"
    postal_check: str | None = "pass"
    line1_check: str | None = None


def _declining(last4: str, decline_code: str) -> TestCard:
    return TestCard(last4=last4, decline_code=decline_code, attaches=False)


_NAMED: dict[str, TestCard] = {
    "visa_debit": TestCard(last4="5556", funding="debit"),
    "mastercard_debit": TestCard("mastercard", "8210", funding="debit"),
    "mastercard_prepaid": TestCard("mastercard", "5100", funding="prepaid"),
    **{brand: TestCard(brand, last4) for brand, last4 in NETWORK_NUMBERS.items()},
    **{country.lower(): TestCard(last4=last4, country=country) for country, last4 in COUNTRY_LAST4.items()},
    "chargeDeclined": _declining("0002", "generic_decline"),
    "chargeDeclinedInsufficientFunds": _declining("9995", "insufficient_funds"),
    "chargeDeclinedLostCard": _declining("9987", "lost_card"),
    "chargeDeclinedStolenCard": _declining("9979", "stolen_card"),
    "chargeDeclinedExpiredCard": _declining("0069", "expired_card"),
    "chargeDeclinedIncorrectCvc": replace(_declining("0127", "incorrect_cvc"), cvc_check="fail"),
    "chargeDeclinedProcessingError": _declining("0119", "processing_error"),
    "chargeDeclinedVelocityLimitExceeded": _declining("6975", "card_velocity_exceeded"),
    "chargeDeclinedFraudulent": replace(_declining("0019", "highest_risk_level"), risk_level="highest"),
    "chargeDeclinedDoNotHonor": _declining("0010", "do_not_honor"),
    "chargeCustomerFail": TestCard(last4="0341", decline_code="generic_decline"),
    "radarBlock": TestCard(last4="0019", decline_code="highest_risk_level", risk_level="highest"),
    "riskLevelHighest": TestCard(last4="4954", decline_code="highest_risk_level", risk_level="highest"),
    "riskLevelElevated": TestCard(last4="9235", risk_level="elevated"),
    "cvcCheckFail": TestCard(last4="0101", cvc_check="fail"),
    "avsFail": TestCard(last4="0010", postal_check="fail", line1_check="fail"),
    "avsZipFail": TestCard(last4="0036", postal_check="fail"),
    "avsLine1Fail": TestCard(last4="0028", line1_check="fail"),
    "avsUnchecked": TestCard(last4="0044", postal_check="unavailable", line1_check="unavailable"),
    "createDispute": TestCard(last4="0259", after_payment="fraudulent"),
    "createDisputeProductNotReceived": TestCard(last4="2685", after_payment="product_not_received"),
    "createDisputeInquiry": TestCard(last4="1976", after_payment="inquiry"),
    "createIssuerFraudRecord": TestCard(last4="5423", after_payment="fraud_warning"),
    "pendingRefund": TestCard(last4="7726", refund="pending"),
    "refundFail": TestCard(last4="5126", refund="failed"),
    "bypassPending": TestCard(last4="0077", available_now=True),
    "bypassPendingInternational": TestCard(last4="3720", country="GB", available_now=True),
    "threeDSecureRequired": TestCard(last4="3063", authentication="required"),
    "threeDSecure2Required": TestCard(last4="3220", authentication="required"),
    "threeDSecureOptional": TestCard(last4="3055", authentication="optional"),
    "threeDSecureRequiredChargeDeclined": TestCard(
        last4="8629", authentication="required", decline_code="generic_decline"
    ),
    "threeDSecureRequiredProcessingError": TestCard(
        last4="8595", authentication="required", decline_code="processing_error"
    ),
    "authenticationRequired": TestCard(last4="3184", authentication="required"),
    "authenticationRequiredOnSetup": TestCard(last4="3155", authentication="unless_set_up"),
    "authenticationRequiredSetupForOffSession": TestCard(last4="3155", authentication="unless_set_up"),
    "authenticationRequiredChargeDeclinedInsufficientFunds": TestCard(
        last4="8341", authentication="required", decline_code="insufficient_funds"
    ),
}

# Numbers that can be typed on the page to pay on.
NUMBERS: dict[str, str] = {
    "4242424242424242": "visa",
    "4000056655665556": "visa_debit",
    "5555555555554444": "mastercard",
    "2223003122003222": "mastercard",
    "5200828282828210": "mastercard_debit",
    "378282246310005": "amex",
    "6011111111111117": "discover",
    "3056930009020004": "diners",
    "3566002020360505": "jcb",
    "4000000000000002": "chargeDeclined",
    "4000000000009995": "chargeDeclinedInsufficientFunds",
    "4000000000009987": "chargeDeclinedLostCard",
    "4000000000009979": "chargeDeclinedStolenCard",
    "4000000000000069": "chargeDeclinedExpiredCard",
    "4000000000000127": "chargeDeclinedIncorrectCvc",
    "4000000000000119": "chargeDeclinedProcessingError",
    "4000000000006975": "chargeDeclinedVelocityLimitExceeded",
    "4000000000000341": "chargeCustomerFail",
    "4000000000004954": "riskLevelHighest",
    "4000000000009235": "riskLevelElevated",
    "4100000000000019": "radarBlock",
    "4000000000000259": "createDispute",
    "4000000000002685": "createDisputeProductNotReceived",
    "4000000000001976": "createDisputeInquiry",
    "4000000000005423": "createIssuerFraudRecord",
    "4000000000007726": "pendingRefund",
    "4000000000005126": "refundFail",
    "4000000000000077": "bypassPending",
    "4000000000003220": "threeDSecure2Required",
    "4000000000003063": "threeDSecureRequired",
    "4000000000003055": "threeDSecureOptional",
    "4000002500003155": "authenticationRequiredOnSetup",
    "4000002760003184": "authenticationRequired",
    "4000008260003178": "authenticationRequiredChargeDeclinedInsufficientFunds",
    "4000001240000000": "ca",
    "4000008260000000": "gb",
    "4000002760000016": "de",
    "4000003920000003": "jp",
    "4000000760000002": "br",
}


def test_card(token: str) -> TestCard | None:
    """The card behind `pm_card_…` or `tok_…`; Stripe spells some with the brand in front, some without."""
    name = token.removeprefix("pm_card_").removeprefix("tok_")
    if name == token:
        return None
    return _NAMED.get(name) or _NAMED.get(name.removeprefix("visa_").removeprefix("mastercard_"))


def card_numbered(number: str) -> TestCard | None:
    name = NUMBERS.get(number)
    return _NAMED[name] if name else None


test_card.__test__ = False  # type: ignore[attr-defined]
