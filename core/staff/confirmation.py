"""Confirming a user's identity: the second factor at sign-in, and again before money moves."""

from core.errors import Refused, Unauthorised
from core.staff import passwords, second_factor
from core.staff.sessions import Sessions, StaffSession

WRONG_CODE = "This code is not right. Each code works once."
LOCKED = "Too many attempts. Wait 15 minutes, or ask an admin to reset your second factor."


def confirm(sessions: Sessions, staff: StaffSession, given: str) -> None:
    """Confirm with an authenticator app's code or a recovery code, or the password if the user has no second factor.

    Raises `Unauthorised` if it is wrong or already used, or the session has ended; `Refused` while it is locked.
    """
    begun = sessions.db.call("begin_confirmation", session_id=staff.session_id, now=sessions.now())
    if begun["locked"]:
        raise Refused("sign_in_locked", LOCKED)
    proof = _proof(begun["sealed"], begun["password_hash"], given, sessions)
    confirmed = proof and sessions.db.call(
        "confirm_session", session_id=staff.session_id, attempt=begun["attempt"], now=sessions.now(), **proof
    )
    if not confirmed:
        sessions.db.call("refuse_confirmation", session_id=staff.session_id, now=sessions.now())
        raise Unauthorised("wrong_code", WRONG_CODE if begun["sealed"] else "The password is not right.")


def enrol(sessions: Sessions, staff: StaffSession, secret: str, code: str) -> list[str]:
    """Set up this second factor for the session's user; `code` proves that their app has the secret.

    Returns the recovery codes, which are shown only now. Raises `Refused` if the code is wrong.
    """
    step = second_factor.matched_step(secret, code, sessions.now())
    if step is None:
        raise Refused("wrong_code", "This is not the app's current code. Check that the phone's clock is right.")
    codes = second_factor.recovery_codes()
    sessions.db.call(
        "set_second_factor",
        session_id=staff.session_id,
        sealed=second_factor.sealed(secret, sessions.key),
        step=step,
        recovery_hashes=[second_factor.recovery_hash(each) for each in codes],
        now=sessions.now(),
    )
    return codes


def _proof(sealed: str | None, password_hash: str, given: str, sessions: Sessions) -> dict[str, str | int] | None:
    """How the user proved their identity, as the database stores it; None if the code or password is wrong."""
    if sealed is None:
        return {"by": "password"} if passwords.matches(given, password_hash) else None
    if "-" in given:
        return {"by": "recovery", "recovery_hash": second_factor.recovery_hash(given)}
    step = second_factor.matched_step(second_factor.unsealed(sealed, sessions.key), given, sessions.now())
    return {"by": "code", "step": step} if step is not None else None
