"""Signing in and staying signed in: attempts, one-time tickets, sessions that end when they are told to."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from core.db import Database
from core.errors import Refused, Unauthorised
from core.periods import Clock, wall_clock
from core.settings import PaymentMode, Settings
from core.staff import passwords, roles
from core.staff.roles import Actor, Role
from core.staff.secret_files import keep_once

TICKET_SECONDS = 30
IDLE_SECONDS = 4 * 3600
CONFIRMED_FOR = timedelta(minutes=15)
KEY_FILE = "cookie-key"
LOCKED = "Too many attempts. Wait 15 minutes, or ask an admin to set a new password for you."
WRONG = "The username or the password is not right."

Step = Literal["give code", "change password", "set up second factor"]


@dataclass(frozen=True)
class Visit:
    """Where somebody comes from, as far as it can be told."""

    address: str
    device: str


@dataclass(frozen=True)
class SignedIn:
    """A session just opened, and the ticket its cookie can be had for within `TICKET_SECONDS`."""

    session_id: str
    ticket: str


@dataclass(frozen=True)
class StaffSession:
    """An open session: who it belongs to, with the role they have at this moment.

    `confirmed` says that they proved to be there within the last `CONFIRMED_FOR`.
    """

    session_id: str
    name: str
    role: Role
    must_change_password: bool
    has_cookie: bool
    has_second_factor: bool
    passed_second_factor: bool
    confirmed: bool

    @property
    def actor(self) -> Actor:
        return Actor(f"staff:{self.name}", self.role, self.confirmed)


@dataclass(frozen=True)
class Sessions:
    """The store of sessions. It goes by wall time: a session does not age with the sandbox's clock.

    Tickets and tokens are 256 random bits; stored is only their HMAC under `key`.
    """

    db: Database
    key: bytes
    length: timedelta
    now: Clock = wall_clock
    second_factor_roles: frozenset[Role] = frozenset()

    def next_step(self, staff: StaffSession) -> Step | None:
        """What this session's user has to do before anything else opens; None where they may work."""
        if staff.has_second_factor and not staff.passed_second_factor:
            return "give code"
        if staff.must_change_password:
            return "change password"
        if staff.role in self.second_factor_roles and not staff.has_second_factor:
            return "set up second factor"
        return None

    def sign_in(
        self, name: str, password: str, visit: Visit, *, pause: Callable[[float], None] = time.sleep
    ) -> SignedIn:
        """Open a session. Raises `Unauthorised` for a wrong name or password, `Refused` while it is locked.

        Unknown users, disabled ones and wrong passwords take the same time and get the same answer.
        """
        name = name.strip().lower()[:64]
        begun = self.db.call("begin_sign_in", name=name, address=visit.address, now=self.now())
        if begun["locked"]:
            raise Refused("sign_in_locked", LOCKED)
        pause(begun["wait_ms"] / 1000)
        if not passwords.matches(password, begun["password_hash"]):
            self.db.call("refuse_sign_in", attempt=begun["attempt"], now=self.now())
            raise Unauthorised("not_signed_in", WRONG)
        return self._open(begun["attempt"], visit)

    def redeem(self, ticket: str) -> str:
        """The cookie's token for a ticket, once; raises `Unauthorised` for any other ticket."""
        token = secrets.token_urlsafe(32)
        self.db.call("redeem_ticket", ticket_hash=self._hash(ticket), token_hash=self._hash(token), now=self.now())
        return token

    def of_cookie(self, token: str) -> StaffSession | None:
        """The open session this cookie belongs to."""
        return self._found(token_hash=self._hash(token))

    def of_id(self, session_id: str) -> StaffSession | None:
        """The open session of this id, which never leaves the server."""
        return self._found(session_id=session_id)

    def sign_out(self, session: StaffSession) -> None:
        """End this session of one's own, wherever it is open."""
        self._revoke(session.actor, session.session_id)

    def revoke(self, actor: Actor, session_id: str) -> None:
        """As an admin, end anybody's session."""
        roles.require(actor, "users")
        self._revoke(actor, session_id)

    def sign_out_everywhere(self, actor: Actor, name: str) -> int:
        """End all sessions of `name`, one's own or as an admin; answers how many there were."""
        if actor.name != f"staff:{name}":
            roles.require(actor, "users")
        ended = self.db.call("revoke_sessions", actor=actor.name, actor_role=str(actor.role), name=name, now=self.now())
        return cast(int, ended)

    def open_sessions(self, actor: Actor, name: str | None = None) -> list[dict[str, Any]]:
        """Where `name`, or everybody, is signed in: device, address, when opened and last seen."""
        if actor.name != f"staff:{name}":
            roles.require(actor, "users")
        found = self.db.call("list_sessions", name=name, idle_seconds=IDLE_SECONDS, now=self.now())
        return cast(list[dict[str, Any]], found)

    def _open(self, attempt: int, visit: Visit) -> SignedIn:
        ticket, now = secrets.token_urlsafe(32), self.now()
        session_id = self.db.call(
            "open_session",
            attempt=attempt,
            ticket_hash=self._hash(ticket),
            ticket_expires_at=now + timedelta(seconds=TICKET_SECONDS),
            expires_at=now + self.length,
            device=visit.device[:200],
            now=now,
        )
        return SignedIn(session_id, ticket)

    def _revoke(self, actor: Actor, session_id: str) -> None:
        self.db.call(
            "revoke_session", actor=actor.name, actor_role=str(actor.role), session_id=session_id, now=self.now()
        )

    def _found(self, **by: str) -> StaffSession | None:
        now = self.now()
        found = self.db.call("session_user", **by, idle_seconds=IDLE_SECONDS, now=now)
        if found is None:
            return None
        return StaffSession(
            found["session_id"],
            found["name"],
            Role(found["role"]),
            found["must_change_password"],
            found["has_cookie"],
            found["second_factor"],
            found["second_factor_passed"],
            now - datetime.fromisoformat(found["confirmed_at"]) < CONFIRMED_FOR,
        )

    def _hash(self, secret: str) -> str:
        return hmac.new(self.key, secret.encode(), hashlib.sha256).hexdigest()


def sessions_of(settings: Settings, db: Database, now: Clock = wall_clock) -> Sessions:
    """The store of sessions as the settings want it; makes the key once where none is given."""
    given = settings.cookie_key
    if given:
        key = given.get_secret_value().encode()
    else:
        key = keep_once(settings.data_dir / KEY_FILE, secrets.token_bytes(32))
    live = settings.payment_mode is PaymentMode.PRODUCTION
    needed_by = frozenset({Role.ADMIN, Role.FINANCE}) if live else frozenset()
    return Sessions(db, key, timedelta(hours=settings.session_hours), now, needed_by)
