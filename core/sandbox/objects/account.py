"""The account behind the key."""

from core.sandbox.engine.errors import Json
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork

ACCOUNT_ID = "acct_1SandboxTelehealth"


def retrieve(uow: UnitOfWork, params: Params) -> Json:
    return {
        "id": ACCOUNT_ID,
        "object": "account",
        "business_profile": {"mcc": "8099", "name": "Sandbox Telehealth", "support_email": None, "url": None},
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "country": "US",
        "created": 1_500_000_000,
        "default_currency": "usd",
        "details_submitted": True,
        "email": None,
        "metadata": {},
        "payouts_enabled": True,
        "settings": {
            "dashboard": {"display_name": "Sandbox Telehealth", "timezone": "America/New_York"},
            "payments": {"statement_descriptor": "TELEHEALTH"},
            "payouts": {"schedule": {"delay_days": 2, "interval": "daily"}, "statement_descriptor": None},
        },
        "type": "standard",
    }
