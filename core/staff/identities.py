"""Sign-in through an OpenID provider. A person there is linked to an existing user; no user is created."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from core.db import Database
from core.errors import Unauthorised
from core.staff import roles
from core.staff.roles import Actor
from core.staff.sessions import Sessions, SignedIn, Visit, counted_address

FRESH_FOR = timedelta(minutes=5)
CLOCK_SKEW = timedelta(minutes=1)
NOBODY = (
    "You are signed in at the provider, but no active user here has your verified e-mail address. "
    "Ask an admin to add you, or sign in with a password."
)


@dataclass(frozen=True)
class Identity:
    """A person at the provider, from its signed token; `verified_email` is None if the provider has not verified it."""

    issuer: str
    subject: str
    verified_email: str | None
    issued_at: datetime
    nonce: str

    @property
    def digest(self) -> str:
        """A digest that identifies this sign-in at the provider, so that it can be used only once."""
        said = "\n".join((self.issuer, self.subject, self.nonce, self.issued_at.isoformat()))
        return hashlib.sha256(said.encode()).hexdigest()


def of_claims(claims: Mapping[str, Any], issuer: str) -> Identity | None:
    """The identity in a token's claims, whose signature was checked; None if a claim is missing or wrong.

    An e-mail address counts only if `email_verified` is true, since otherwise anybody could claim a user's address.
    """
    subject, nonce, issued_at = claims.get("sub"), claims.get("nonce"), claims.get("iat")
    if claims.get("iss") != issuer or not isinstance(subject, str) or not subject or not isinstance(nonce, str):
        return None
    if isinstance(issued_at, bool) or not isinstance(issued_at, int | float) or not 0 < issued_at < 2**33:
        return None
    email = claims.get("email")
    vouched = claims.get("email_verified") is True and isinstance(email, str) and "@" in email
    return Identity(
        issuer, subject, str(email).strip() if vouched else None, datetime.fromtimestamp(issued_at, UTC), nonce
    )


def sign_in(store: Sessions, identity: Identity, visit: Visit) -> SignedIn | None:
    """Open a session for the user linked to this identity; None if the identity is too old or was used before.

    Raises `Unauthorised` if no active user is linked to it.
    """
    now = store.now()
    if not now - FRESH_FOR <= identity.issued_at <= now + CLOCK_SKEW:
        return None
    ticket = secrets.token_urlsafe(32)
    answer = store.db.call(
        "sign_in_with_identity",
        issuer=identity.issuer,
        subject=identity.subject,
        verified_email=identity.verified_email,
        token_sha256=identity.digest,
        address=counted_address(visit.address),
        **store.opening(ticket, visit),
    )
    if answer["state"] == "nobody":
        raise Unauthorised("no_such_user", NOBODY)
    if answer["state"] == "used":
        return None
    name = answer["name"]
    return SignedIn(answer["session_id"], ticket, name, store.device_token(name, visit.device_token))


def unlink(db: Database, actor: Actor, name: str, now: datetime) -> bool:
    """Remove the link between user `name` and the provider, and sign them out; returns whether there was one."""
    roles.require(actor, "users")
    done: bool = db.call("unlink_identity", actor=actor.name, actor_role=str(actor.role), name=name, now=now)
    return done
