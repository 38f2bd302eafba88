"""Sign-in and sessions: attempts, one-time tickets for the cookie, and sessions that can be ended at any time."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Literal, TypedDict

from core.db import Database
from core.errors import Refused, Unauthorised
from core.periods import Clock, wall_clock
from core.settings import PaymentMode, Settings
from core.staff import known_devices, passwords, roles
from core.staff.roles import Actor, Role
from core.staff.secret_files import create_once

TICKET_SECONDS = 30
IDLE_SECONDS = 4 * 3600
CONFIRMED_FOR = timedelta(minutes=15)
KEY_FILE = "cookie-key"
LOCKED = (
    "Too many attempts. Wait 15 minutes, sign in on a device you have used before, "
    "or ask an admin to set a new password for you."
)
WRONG = "The username or the password is not right."

Step = Literal["give code", "change password", "set up second factor"]


@dataclass(frozen=True)
class Visit:
    """Where a sign-in comes from: network address, browser, and the device cookie if the browser sent one."""

    address: str
    device: str
    device_token: str | None = None


class OpenSession(TypedDict):
    """An open session, for the list of where a user is signed in; times are ISO texts."""

    id: str
    name: str
    opened_at: str
    last_seen_at: str
    expires_at: str
    address: str
    device: str


@dataclass(frozen=True)
class SignedIn:
    """A new session, the ticket for its cookie (valid for `TICKET_SECONDS`), and proof that this device is known."""

    session_id: str
    ticket: str
    name: str
    device_token: str


@dataclass(frozen=True)
class StaffSession:
    """An open session: its user, with their current role.

    `confirmed` says that they entered their password or code within the last `CONFIRMED_FOR`.
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
        code_missing = self.has_second_factor and not self.passed_second_factor
        return Actor(f"staff:{self.name}", self.role, self.confirmed, code_missing)


@dataclass(frozen=True)
class Sessions:
    """The store of sessions. It uses wall time: a session does not age with the sandbox's clock.

    Tickets and tokens are 256 random bits; only their HMAC under `key` is stored.
    """

    db: Database
    key: bytes
    length: timedelta
    now: Clock = wall_clock
    second_factor_roles: frozenset[Role] = frozenset()

    def next_step(self, staff: StaffSession) -> Step | None:
        """What this session's user must do before any page opens; None if nothing is left to do."""
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
        """Open a session. Raises `Unauthorised` for a wrong name or password, `Refused` while sign-in is locked.

        Unknown users, disabled users and wrong passwords take the same time and get the same answer. Failures are
        counted per user and address; a device the user signed in from before has a count of its own.
        """
        name = name.strip().lower()[:64]
        device = known_devices.device_id(visit.device_token, name, self.key, self.now())
        begun = self.db.call(
            "begin_sign_in", name=name, address=counted_address(visit.address), now=self.now(), device=device
        )
        if begun["locked"]:
            raise Refused("sign_in_locked", LOCKED)
        pause(begun["wait_ms"] / 1000)
        if not passwords.matches(password, begun["password_hash"]):
            self.db.call("refuse_sign_in", attempt=begun["attempt"], now=self.now())
            raise Unauthorised("not_signed_in", WRONG)
        return self._open(begun["attempt"], name, visit if device else replace(visit, device_token=None))

    def redeem(self, ticket: str) -> str:
        """The session cookie's token for a ticket, once; raises `Unauthorised` for an invalid or used ticket."""
        token = secrets.token_urlsafe(32)
        self.db.call("redeem_ticket", ticket_hash=self._hash(ticket), token_hash=self._hash(token), now=self.now())
        return token

    def of_cookie(self, token: str) -> StaffSession | None:
        """The open session of this cookie."""
        return self._found(token_hash=self._hash(token))

    def of_id(self, session_id: str) -> StaffSession | None:
        """The open session of this id, which never leaves the server."""
        return self._found(session_id=session_id)

    def sign_out(self, session: StaffSession) -> None:
        """End this session, which is the acting user's own."""
        self._revoke(session.actor, session.session_id)

    def revoke(self, actor: Actor, session_id: str) -> None:
        """As an admin, end anybody's session."""
        roles.require(actor, "users")
        self._revoke(actor, session_id)

    def sign_out_everywhere(self, actor: Actor, name: str, *, keep: str | None = None) -> int:
        """End all sessions of `name` except the one with id `keep`; returns how many. For oneself, or by admins."""
        if actor.name != f"staff:{name}":
            roles.require(actor, "users")
        ended: int = self.db.call(
            "revoke_sessions", actor=actor.name, actor_role=str(actor.role), name=name, now=self.now(), keep=keep
        )
        return ended

    def open_sessions(self, actor: Actor, name: str | None = None) -> list[OpenSession]:
        """The open sessions of `name`, or of everybody."""
        if actor.name != f"staff:{name}":
            roles.require(actor, "users")
        found: list[OpenSession] = self.db.call("list_sessions", name=name, idle_seconds=IDLE_SECONDS, now=self.now())
        return found

    def device_token(self, name: str, given: str | None = None) -> str:
        """The device cookie for a user who signed in as `name`: `given` if it is valid, else a new one."""
        if given and known_devices.device_id(given, name, self.key, self.now()):
            return given
        return known_devices.token_for(name, self.key, self.now())

    def opening(self, ticket: str, visit: Visit) -> dict[str, Any]:
        """The arguments for the database to open a session whose cookie is given out in exchange for this ticket."""
        now = self.now()
        return {
            "ticket_hash": self._hash(ticket),
            "ticket_expires_at": now + timedelta(seconds=TICKET_SECONDS),
            "expires_at": now + self.length,
            "device": visit.device[:200],
            "now": now,
        }

    def _open(self, attempt: int, name: str, visit: Visit) -> SignedIn:
        ticket = secrets.token_urlsafe(32)
        session_id = self.db.call("open_session", attempt=attempt, **self.opening(ticket, visit))
        return SignedIn(session_id, ticket, name, self.device_token(name, visit.device_token))

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
    """The store of sessions for these settings; generates the key once if no `COOKIE_KEY` is set."""
    key = cookie_key(settings)
    real_money = settings.payment_mode is PaymentMode.PRODUCTION
    second_factor_roles = frozenset({Role.ADMIN, Role.FINANCE}) if real_money else frozenset()
    return Sessions(db, key, timedelta(hours=settings.session_hours), now, second_factor_roles)


def cookie_key(settings: Settings) -> bytes:
    """`COOKIE_KEY`, or a key that was generated once and kept in `DATA_DIR`."""
    given = settings.cookie_key
    if given:
        return given.get_secret_value().encode()
    return create_once(settings.data_dir / KEY_FILE, secrets.token_bytes(32))


def counted_address(address: str) -> str:
    """The address that attempts are counted by; for IPv6 the /64 network, since a visitor has all of its addresses."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))
