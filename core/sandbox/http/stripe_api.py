"""`/v1`: from an HTTP request to an answer in Stripe's form, with keys, faults and expansions."""

import asyncio
import base64
import binascii
import re

import orjson
from starlette.requests import Request
from starlette.responses import Response

from core.sandbox.engine.engine import Engine
from core.sandbox.engine.errors import StripeError, bad_key, invalid, no_key
from core.sandbox.engine.faults import Fault
from core.sandbox.engine.idempotency import Answer, fingerprint_of
from core.sandbox.engine.params import Params
from core.sandbox.engine.snapshots import API_VERSION
from core.sandbox.engine.unit_of_work import BASE, RequestStamp, UnitOfWork
from core.sandbox.http.connections import drop_connection
from core.sandbox.http.expand import expanded
from core.sandbox.http.forms import decode_form
from core.sandbox.http.routes import VIRTUAL, Route, route_for
from core.sandbox.objects.files import decode_upload

NO_FAULT = Fault(id="none")


class StripeApi:
    """Answers every request under `/v1`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def answer(self, request: Request) -> Response:
        body = await request.body()
        method, path = request.method, request.url.path
        key = request.headers.get("idempotency-key") if method == "POST" else None
        stamp = RequestStamp(self._engine.ids.new("request"), key)
        fault = self._engine.faults.take(method, path) or NO_FAULT
        try:
            self._check_key(request.headers.get("authorization"))
            _check_version(request.headers.get("stripe-version"))
            if fault.status == 429:
                raise fault.error() or AssertionError
            if fault.reset:
                return drop_connection(request)
            sent = await _sent(request, body)
            answer, replayed = await self._keyed(route_for(method, path), sent, stamp, fault, path, body)
        except StripeError as error:
            answer, replayed = Answer(error.status, _dumped(error.body()), stamp.id or ""), False
        await asyncio.sleep(fault.delay_reply_seconds)
        if fault.lose_reply:
            return drop_connection(request)
        return self._response(answer, key, replayed)

    async def _keyed(
        self, route: Route, sent: Params, stamp: RequestStamp, fault: Fault, path: str, body: bytes
    ) -> tuple[Answer, bool]:
        """The stored answer of the key, or a new one; the key is in flight while the work runs."""
        key, now = stamp.idempotency_key, self._engine.clock.now()
        if key is None:
            await asyncio.sleep(fault.delay_seconds)
            return self._worked(route, sent, stamp, fault, b""), False
        fingerprint = fingerprint_of("POST", path, body)
        kept = self._engine.keys.begin(key, fingerprint, now)
        if kept is not None:
            return kept, True
        try:
            await asyncio.sleep(fault.delay_seconds)
            return self._worked(route, sent, stamp, fault, fingerprint), False
        finally:
            self._engine.keys.end(key)

    def _worked(self, route: Route, sent: Params, stamp: RequestStamp, fault: Fault, fingerprint: bytes) -> Answer:
        """The work and storing its answer are one transaction, also after a failure."""
        failure = fault.error()
        if failure is not None and not fault.after_work:
            return self._engine.transact(
                lambda uow: self._kept(uow, failure.status, failure.body(), stamp, fingerprint), request=stamp
            )

        def work(uow: UnitOfWork) -> Answer:
            status, answer = 200, None
            try:
                answer = expanded(uow, route.run(uow, sent), sent.strings("expand"), VIRTUAL)
            except StripeError as error:
                if not error.keep:
                    raise
                status, answer = error.status, error.body()
            if failure is not None:
                status, answer = failure.status, failure.body()
            return self._kept(uow, status, answer, stamp, fingerprint)

        return self._engine.transact(work, request=stamp)

    def _kept(self, uow: UnitOfWork, status: int, body: object, stamp: RequestStamp, fingerprint: bytes) -> Answer:
        answer = Answer(status, _dumped(body), stamp.id or "")
        if stamp.idempotency_key is not None:
            self._engine.keys.keep(stamp.idempotency_key, fingerprint, answer, self._engine.clock.now())
        return answer

    def _response(self, answer: Answer, key: str | None, replayed: bool) -> Response:
        headers = {"Request-Id": answer.request_id, "Stripe-Version": API_VERSION}
        if key is not None:
            headers["Idempotency-Key"] = key
            headers["Original-Request"] = answer.request_id
        if replayed:
            headers["Idempotent-Replayed"] = "true"
        body = answer.body.replace(BASE.encode(), self._engine.base_url.encode())
        return Response(body, answer.status, headers, media_type="application/json")

    def _check_key(self, authorization: str | None) -> None:
        given = _key_in(authorization)
        if not given:
            raise no_key()
        if given != self._engine.secrets.secret_key:
            shown = given[:8] + "*" * 6 + given[-4:] if len(given) > 16 else "*" * len(given)
            raise bad_key(shown)


def _check_version(asked: str | None) -> None:
    """Refuse other API versions: the sandbox answers in the form of one version only."""
    if asked is not None and asked != API_VERSION:
        known = re.fullmatch(r"20\d\d-\d\d-\d\d(\.[a-z]+)?", asked)
        words = "The sandbox does not speak it" if known else "It is not a version"
        raise invalid(f"Invalid Stripe API version: {asked[:40]}. {words}: use {API_VERSION}.")


def _key_in(authorization: str | None) -> str | None:
    """The key of `Bearer …`, or the user of `Basic …` as `curl -u` sends it."""
    scheme, _, value = (authorization or "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None


async def _sent(request: Request, body: bytes) -> Params:
    query = decode_form(request.url.query.encode())
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return Params({**query, **await decode_upload(request)})
    return Params({**query, **decode_form(body)})


def _dumped(body: object) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_INDENT_2)
