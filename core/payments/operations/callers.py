"""Who calls the payment API, and which patients' objects they can access."""

from dataclasses import dataclass

from core.errors import Refused


@dataclass(frozen=True)
class Caller:
    """A server with an API token, or, with a `patient_id`, that patient."""

    name: str
    patient_id: str | None = None

    @property
    def is_patient(self) -> bool:
        return self.patient_id is not None

    @property
    def role(self) -> str:
        return "patient" if self.is_patient else "api"

    def reach(self, patient_id: str | None) -> None:
        """Raise `Refused` (`not_found`) for another patient's object, as if it did not exist."""
        if self.is_patient and patient_id != self.patient_id:
            raise not_found()


def not_found() -> Refused:
    return Refused("not_found", "Nothing was found with this ID.")
