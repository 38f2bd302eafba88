"""The business of the history: its offers, patients, rates and decline mix."""

from dataclasses import dataclass

HISTORY_DAYS = 548
DAY_SECONDS = 86_400
EVENT_DAYS = 30  # Stripe lists events of the last 30 days


@dataclass(frozen=True)
class Offer:
    """A visit or a plan; `interval` is empty for a visit. `weight` is how often it is chosen."""

    key: str
    name: str
    amount_minor: int
    weight: int
    specialty: str
    currency: str = "usd"
    interval: str = ""
    interval_count: int = 1


VISITS = (
    Offer("visit_general", "General practice visit", 7900, 26, "general_practice"),
    Offer("visit_urgent", "Urgent care visit", 6900, 18, "urgent_care"),
    Offer("visit_dermatology", "Dermatology consultation", 9500, 13, "dermatology"),
    Offer("visit_mental_first", "Mental health intake", 14900, 7, "mental_health"),
    Offer("visit_mental", "Mental health follow-up", 9900, 13, "mental_health"),
    Offer("visit_womens", "Women's health visit", 8900, 10, "womens_health"),
    Offer("visit_mens", "Men's health visit", 8900, 7, "mens_health"),
    Offer("visit_weight", "Weight management consultation", 11900, 6, "weight_management"),
)
ABROAD = {
    "CA": Offer("visit_general_cad", "General practice visit (Canada)", 9900, 1, "general_practice", "cad"),
    "DE": Offer("visit_general_eur", "General practice visit (Europe)", 7500, 1, "general_practice", "eur"),
    "FR": Offer("visit_general_eur", "General practice visit (Europe)", 7500, 1, "general_practice", "eur"),
    "JP": Offer("visit_general_jpy", "General practice visit (Japan)", 9800, 1, "general_practice", "jpy"),
}
PLANS = (
    Offer("plan_care_month", "Care membership", 2900, 34, "general_practice", interval="month"),
    Offer("plan_care_year", "Care membership, yearly", 29000, 6, "general_practice", interval="year"),
    Offer("plan_skin_month", "Skin care plan", 2500, 14, "dermatology", interval="month"),
    Offer("plan_mind_month", "Mental health plan", 19900, 12, "mental_health", interval="month"),
    Offer("plan_weight_month", "Weight management plan", 14900, 16, "weight_management", interval="month"),
    Offer(
        "plan_weight_quarter",
        "Weight management plan, quarterly",
        39900,
        7,
        "weight_management",
        interval="month",
        interval_count=3,
    ),
    Offer("plan_hormone_month", "Men's health plan", 5900, 11, "mens_health", interval="month"),
)
# Which plan a subscriber of one moves to, up and down.
UPGRADES = {
    "plan_care_month": "plan_hormone_month",
    "plan_skin_month": "plan_care_month",
    "plan_hormone_month": "plan_weight_month",
    "plan_weight_month": "plan_mind_month",
}
DOWNGRADES = {after: before for before, after in UPGRADES.items()}

VISITS_PER_DAY = (22.5, 50.0)  # at the start and at the end of the history
SUBSCRIPTIONS_PER_DAY = (1.6, 5.2)
WEEKDAY_SHARE = (1.18, 1.12, 1.08, 1.04, 1.02, 0.82, 0.74)  # Monday first
HOUR_WEIGHTS = (2, 1, 1, 1, 1, 3, 9, 22, 45, 62, 66, 60, 52, 50, 52, 54, 55, 58, 62, 60, 48, 30, 14, 6)
ZONES = {"America/New_York": 47, "America/Chicago": 29, "America/Denver": 7, "America/Los_Angeles": 17}
RETURNING_SHARE = 0.42

BRANDS = {"visa": 54, "mastercard": 28, "amex": 11, "discover": 7}
COUNTRIES = {"US": 9560, "CA": 240, "GB": 50, "DE": 50, "FR": 30, "JP": 50, "AU": 20}
FUNDING = {"credit": 58, "debit": 36, "prepaid": 6}

# A first attempt is declined this often; the mix is Stripe's decline codes.
VISIT_DECLINE_RATE = 0.084
RENEWAL_DECLINE_RATE = 0.066
FIRST_INVOICE_DECLINE_RATE = 0.07
DECLINE_MIX = {
    "insufficient_funds": 390,
    "generic_decline": 120,
    "do_not_honor": 105,
    "incorrect_cvc": 62,
    "expired_card": 55,
    "transaction_not_allowed": 42,
    "processing_error": 30,
    "card_velocity_exceeded": 28,
    "try_again_later": 24,
    "highest_risk_level": 28,
    "incorrect_zip": 20,
    "fraudulent": 18,
    "lost_card": 14,
    "stolen_card": 10,
    "incorrect_number": 10,
    "invalid_account": 12,
    "call_issuer": 8,
    "pickup_card": 5,
    "restricted_card": 6,
    "withdrawal_count_limit_exceeded": 9,
    "card_not_supported": 6,
    "issuer_not_available": 12,
}
RENEWAL_MIX = {
    "insufficient_funds": 480,
    "generic_decline": 110,
    "do_not_honor": 120,
    "expired_card": 110,
    "transaction_not_allowed": 30,
    "try_again_later": 25,
    "processing_error": 20,
    "lost_card": 22,
    "stolen_card": 14,
    "invalid_account": 16,
    "revocation_of_authorization": 10,
    "authentication_required": 18,
    "pickup_card": 6,
    "card_velocity_exceeded": 12,
    "stop_payment_order": 7,
}
HARD = frozenset(
    "lost_card stolen_card pickup_card incorrect_number revocation_of_authorization expired_card invalid_account "
    "transaction_not_allowed highest_risk_level fraudulent stop_payment_order restricted_card".split()
)
OUTAGE_MIX = {"issuer_not_available": 45, "processing_error": 40, "try_again_later": 15}
OUTAGE_DECLINE_RATE = 0.56
OUTAGE_TRIES_AGAIN = 0.35

TRIES_AGAIN = 0.72  # a customer after a decline
AGAIN_WORKS = 0.80
NEVER_CONFIRMED = 0.08
HOSTED_SHARE = 0.22  # of the visits, paid on Stripe's page
SECURE_SHARE = {"US": 0.012, "CA": 0.03}  # 3-D Secure by the card's country; elsewhere:
SECURE_ABROAD = 0.55
SECURE_FAILS = 0.09

REFUND_RATE = 0.03
FULL_REFUND_SHARE = 0.68
DISPUTE_RATE = 0.0039
WARNING_RATE = 0.0016
DISPUTE_REASONS = {
    "fraudulent": 46,
    "subscription_canceled": 12,
    "product_not_received": 14,
    "product_unacceptable": 9,
    "credit_not_processed": 8,
    "duplicate": 5,
    "unrecognized": 6,
}
ANSWERED_SHARE = 0.72
WON_SHARE = 0.46

TRIAL_SHARE = 0.24
TRIAL_DAYS = (7, 14)
TRIAL_LEAVES = 0.27
COUPON_SHARE = 0.16
COUPONS = {
    "FIRST50": {"percent_off": 50.0, "duration": "once", "months": None, "name": "Half off the first period"},
    "SPRING20": {"percent_off": 20.0, "duration": "repeating", "months": 3, "name": "20 % off for three months"},
    "LOYAL10": {"percent_off": 10.0, "duration": "forever", "months": None, "name": "10 % off"},
    "MINUS10": {"amount_off": 1000, "duration": "once", "months": None, "name": "$10 off"},
}
LEAVES_PER_MONTH = 0.044
CHANGES_MIND = 0.09
UPGRADE_PER_MONTH = 0.016
DOWNGRADE_PER_MONTH = 0.007
RETRY_WORKS = (0.34, 0.27, 0.22)  # each dunning attempt after a soft decline
OUTAGE_RETRY_WORKS = (0.90, 0.80, 0.60)  # nothing was wrong with the card
HARD_RETRY_WORKS = (0.11, 0.16, 0.14)  # works only where the customer has put in a new card
FEEDBACK = ("too_expensive", "unused", "switched_service", "missing_features", "customer_service", "other")

FIRST_NAMES = (
    "Ava Liam Mia Noah Emma Ethan Zoe Lucas Chloe Mason Nora Henry Ivy Owen Ruby Caleb Ella Isaac Luna Jack Maya Leo "
    "Grace Adam Hazel Omar Priya Diego Keiko Ana Samuel Naomi Victor Elena Marcus Tara Jonah Leah Felix Rosa"
).split()
LAST_NAMES = (
    "Adams Brooks Carter Diaz Evans Foster Garcia Hayes Ibrahim Jensen Kim Lopez Miller Nguyen Ortiz Patel Quinn Reed "
    "Singh Torres Underwood Vargas Walker Xu Young Zimmerman Bennett Clarke Dawson Ellis Flores Grant Hughes Ivanov"
).split()
