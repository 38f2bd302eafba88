"""No operation charges for a state in which no provider may see the patient."""

import pytest

from core.errors import Refused
from core.payments.operations import served_states
from core.payments.operations.schemas import CustomerInfo
from core.providers import licensing_rules
from tests.providers.conftest import ADMIN, NOW


class Context:
    def __init__(self, db, now=NOW):
        self.db, self.clock = db, lambda: now


def require(clinic, order="order-1", **customer):
    known = {"email": "a@example.com", "patientId": "patient-1"}
    served_states.require(Context(clinic.db), order, CustomerInfo(**known | customer))


def test_a_patient_whose_state_nobody_serves_cannot_pay(clinic):
    clinic.provider("ann", states="TX CA:2026-11-20")
    require(clinic, patientState="TX")
    for state in ("NY", "CA"):
        with pytest.raises(Refused) as refused:
            require(clinic, patientState=state)
        assert refused.value.code == "state_not_served" and "nothing was charged" in refused.value.detail
    clinic.put({"id": "ann", "active": False})
    with pytest.raises(Refused, match="Texas"):
        require(clinic, patientState="TX")


def test_the_state_is_that_of_the_order_or_of_the_patients_last_consultation(clinic):
    clinic.provider("ann")
    clinic.ask("NY", patientId="patient-1", orderId="order-1")
    with pytest.raises(Refused, match="New York"):
        require(clinic)
    with pytest.raises(Refused, match="New York"):
        require(clinic, order="another")
    require(clinic, patientId="somebody-unknown", order="unknown")  # nothing says where they are


def test_a_completed_consultation_may_be_paid_though_nobody_is_licensed_any_more(clinic):
    clinic.provider("ann")
    seen = clinic.ask("TX", patientId="patient-1", orderId="order-1")
    clinic.end(seen["consultationId"])
    clinic.put({"id": "ann", "active": False})
    require(clinic)


@pytest.mark.usefixtures("rules")
def test_admins_may_switch_the_check_off(clinic):
    policy = licensing_rules.load(clinic.db)["policy"]
    off = {**policy, "refuse_unserved": False}
    assert licensing_rules.set_policy(clinic.db, ADMIN, off, NOW, reason="waiting list") == off
    require(clinic, patientState="NY")
