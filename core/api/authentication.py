"""Identifies a caller by the bearer token: a server's API token, or a patient's token signed by the sign-in service."""

import hashlib
import hmac
import threading
import time
from collections.abc import Sequence
from typing import Any

import httpx
import jwt
import structlog

from core.errors import Unauthorised, Unavailable
from core.payments.operations.callers import Caller

log = structlog.get_logger(__name__)

ALGORITHMS = {"EC": "ES256", "RSA": "RS256"}
AUDIENCE = "authenticated"
KEYS_FRESH_SECONDS = 600.0
LOOK_AGAIN_AFTER_SECONDS = 10.0  # unknown key ids are looked up at most this often
FETCH_TIMEOUT_SECONDS = 3.0
MAX_TOKEN_LENGTH = 8192


class SigningKeys:
    """An issuer's public keys by their ID; the last known ones are used while it does not answer."""

    def __init__(self, issuer: str):
        self._url = f"{issuer.rstrip('/')}/.well-known/jwks.json"
        self._keys: dict[str, jwt.PyJWK] = {}
        self._asked_at = float("-inf")
        self._asking = threading.Lock()

    def key(self, key_id: str) -> jwt.PyJWK | None:
        """The key with this ID, or None; raises `Unavailable` until keys were loaded once."""
        if self._is_due(key_id):
            with self._asking:
                if self._is_due(key_id):  # another thread may have loaded the keys meanwhile
                    self._refresh()
        if not self._keys:
            raise Unavailable(
                "sign_in_unavailable",
                "Patients' sign-ins cannot be checked at the moment.",
                retry_after_seconds=int(LOOK_AGAIN_AFTER_SECONDS),
            )
        return self._keys.get(key_id)

    def _is_due(self, key_id: str) -> bool:
        age = time.monotonic() - self._asked_at
        return age > KEYS_FRESH_SECONDS or (key_id not in self._keys and age > LOOK_AGAIN_AFTER_SECONDS)

    def _refresh(self) -> None:
        try:
            with httpx.Client(timeout=FETCH_TIMEOUT_SECONDS, trust_env=False) as client:
                found = client.get(self._url).raise_for_status().json()["keys"]
            self._keys = {key["kid"]: jwt.PyJWK(key) for key in found if _signs(key)}
        except (httpx.HTTPError, ValueError, LookupError, TypeError, jwt.PyJWTError) as error:
            log.warning("the public keys for patients' tokens could not be loaded", error=type(error).__name__)
        self._asked_at = time.monotonic()


class Tokens:
    """Finds the caller by the bearer token; safe to share between threads."""

    def __init__(self, api_tokens: Sequence[str], issuer: str | None):
        self._digests = [hashlib.sha256(token.encode()).digest() for token in api_tokens]
        self._issuer = issuer
        self._keys = SigningKeys(issuer) if issuer else None

    def caller(self, authorization: str | None) -> Caller:
        """Raises `Unauthorised` for an unknown token, `Unavailable` (`not_configured`) if no tokens are configured."""
        if not self._digests and self._keys is None:
            raise Unavailable(
                "not_configured", "Neither API_TOKENS nor SUPABASE_JWT_ISSUER is set.", retry_after_seconds=60
            )
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not 0 < len(token) <= MAX_TOKEN_LENGTH:
            raise _unknown()
        digest = hashlib.sha256(token.encode()).digest()
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        if any(matches):
            return Caller(f"api:{digest.hex()[:12]}")
        return self._patient(token)

    def _patient(self, token: str) -> Caller:
        if self._keys is None:
            raise _unknown()
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.key(str(header.get("kid", "")))
            if key is None or header.get("alg") != ALGORITHMS.get(str(key.key_type)):
                raise _unknown()
            claims = jwt.decode(
                token,
                key,
                algorithms=[header["alg"]],
                audience=AUDIENCE,
                issuer=self._issuer,
                options={"require": ["exp", "sub", "aud", "iss"], "verify_iat": False},
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise _unknown() from error
        patient = claims["sub"]
        if not patient:
            raise _unknown()
        return Caller(f"patient:{patient}", patient_id=patient)


def _signs(key: Any) -> bool:
    """Whether this is a public key for signatures, of one of the two supported types."""
    if not isinstance(key, dict) or not isinstance(key.get("kid"), str):
        return False
    kind = key.get("kty")
    curve_fits = kind != "EC" or key.get("crv") == "P-256"
    return kind in ALGORITHMS and curve_fits and key.get("use", "sig") == "sig"


def _unknown() -> Unauthorised:
    return Unauthorised("not_signed_in", "Send a valid token as `Authorization: Bearer …`.")
