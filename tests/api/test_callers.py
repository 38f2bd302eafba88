"""Who may call the payment API: servers with a token, patients with a signed one, each only for what is theirs."""

import base64
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.api.conftest import PATIENT, RETURN, Api, who

STRANGER = "patient-9"


def unsigned(claims, header):
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)]
    return ".".join([*parts, ""])


def status(api, token):
    return api.get("payment-methods", patientId=PATIENT, token=token)


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer  x", "Basic a-server-of-the-shop", "Bearer wrong", "a-server-of-the-shop"]
)
def test_an_unknown_caller_gets_401_with_the_scheme(api, header):
    given = {} if header is None else {"Authorization": header}
    answer = api.http.get("/api/payments/payment-methods", params={"patientId": "p"}, headers=given)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_each_of_several_tokens_is_accepted(serve, owner):
    with serve(API_TOKENS="one-token, two-token") as http:
        api = Api(http, "order")
        assert [status(api, token).status_code for token in ("one-token", "two-token", "one-token,")] == [200, 200, 401]


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_patients_signed_token_is_accepted(patients, sign_in, algorithm):
    assert status(patients, sign_in.token(algorithm)).status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": int(time.time()) - 1},
        {"exp": None},
        {"exp": "soon"},
        {"aud": "anon"},
        {"aud": None},
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"nbf": int(time.time()) + 600},
    ],
)
def test_a_token_whose_claims_do_not_hold_is_401(patients, sign_in, changed):
    answer = status(patients, sign_in.token(**changed))
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


def test_a_forged_token_is_401(patients, sign_in):
    claims = sign_in.claims()
    public = sign_in.private["RS256"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    secret = jwt.api_jws.PyJWS()
    signed_with_public = secret.encode(json.dumps(claims).encode(), b"k" * 32, "HS256", headers={"kid": "RS256"})
    other = jwt.encode(claims, sign_in.private["ES256"], "ES256", headers={"kid": "RS256"})
    good = sign_in.token()
    head, body, signature = good.split(".")
    stolen = base64.urlsafe_b64encode(json.dumps(claims | {"sub": STRANGER}).encode()).rstrip(b"=").decode()
    forgeries = [
        unsigned(claims, {"alg": "none", "kid": "ES256"}),
        unsigned(claims, {"alg": "None", "kid": "ES256"}),
        hs256(claims, public),
        signed_with_public,
        other,
        jwt.encode(claims, sign_in.private["ES256"], "ES256", headers={"kid": "unknown"}),
        jwt.encode(claims, sign_in.private["ES256"], "ES256"),
        f"{head}.{stolen}.{signature}",
        f"{head}.{body}.",
        good[:-4] + "AAAA",
        "a.b.c",
        "." * 20,
        good * 20,
    ]
    assert [status(patients, forged).status_code for forged in forgeries] == [401] * len(forgeries)


def hs256(claims, public):
    """Signed by whoever only has the public key; by hand, since the library refuses to help."""
    import hashlib
    import hmac

    start = unsigned(claims, {"alg": "HS256", "kid": "RS256", "typ": "JWT"})[:-1]
    signature = hmac.new(public, start.encode(), hashlib.sha256).digest()
    return f"{start}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_signing_keys_are_fetched_once_and_again_when_they_change(patients, sign_in):
    for _ in range(3):
        assert status(patients, sign_in.token()).status_code == 200
    assert sign_in.asked == ["/auth/v1/.well-known/jwks.json"]


def test_an_unsupported_key_among_the_issuers_is_ignored(patients, sign_in):
    sign_in.keys[:0] = [
        {"kty": "oct", "kid": "HS", "k": "c2VjcmV0"},
        {"kty": "OKP", "kid": "ed"},
        "none",
        {"kty": "RSA"},
    ]
    assert status(patients, sign_in.token("RS256")).status_code == 200


def test_without_signing_keys_patients_get_503_and_server_tokens_work(serve, sign_in, owner):
    with serve(SUPABASE_JWT_ISSUER="http://127.0.0.1:1/auth/v1") as http:
        api = Api(http, "order")
        answer = status(api, sign_in.token(iss="http://127.0.0.1:1/auth/v1"))
        assert (answer.status_code, answer.json()["code"]) == (503, "sign_in_unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert status(api, None).status_code == 200


def test_an_api_without_credentials_says_that_it_is_not_configured(serve, owner):
    with serve(API_TOKENS="", PAYMENT_MODE="development", STRIPE_SECRET_KEY="sk_test_" + "a" * 24) as http:
        answer = status(Api(http, "order"), "any")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_configured")


def test_a_patient_pays_for_a_cart_and_never_a_sum_of_their_own(patients, shop, sign_in):
    token, cart = sign_in.token(), [{"stripePriceId": shop.price(4900), "quantity": 1}]
    assert patients.pay(4900, token=token, cartItems=cart).status_code == 200
    without = patients.pay(100, token=token)
    assert (without.status_code, without.json()["code"]) == (422, "cart_required")
    assert without.json()["errors"][0]["path"] == "cartItems"
    assert patients.pay(100, token=token, cartItems=cart).json()["code"] == "amount_mismatch"


def test_a_patient_is_not_told_that_a_card_is_reported_stolen(patients, shop, sign_in):
    token, cart = sign_in.token(), [{"stripePriceId": shop.price(4900), "quantity": 1}]
    said = patients.pay(4900, "pm_card_visa_chargeDeclinedStolenCard", token=token, cartItems=cart)
    assert said.status_code == 402
    told = patients.post("handle-failure", {"paymentIntentId": said.json()["paymentIntentId"]}, token=token)
    for body in (said.json(), told.json()):
        assert (body["code"], body["declineCode"], body["category"]) == ("card_declined", "card_declined", "declined")
        assert body["staffAdvice"] is None
        assert "stolen" not in json.dumps(body)


def test_another_callers_object_is_404_as_if_it_did_not_exist(patients, shop, sign_in):
    token = sign_in.token(sub=STRANGER)
    paid = patients.pay(savePaymentMethod=True).json()["paymentIntentId"]
    failed = patients.pay(card="pm_card_visa_chargeDeclined").json()["paymentIntentId"]
    customer = shop.stripe.retrieve(f"payment_intents/{paid}")["customer"]
    card = shop.stripe.retrieve(f"payment_intents/{paid}")["payment_method"]
    plan = {"customerInfo": who(), "stripePriceId": shop.plan(), "orderId": "o", "paymentMethodId": "pm_card_visa"}
    begun = patients.post("create-subscription", plan).json()["subscriptionId"]
    invoice = shop.stripe.retrieve(f"subscriptions/{begun}")["latest_invoice"]
    price = shop.price()
    options = {"success_url": RETURN, "cancel_url": RETURN, "orderId": "o"}
    checkout = {"cartItems": [{"stripePriceId": price, "quantity": 1}], "customerInfo": who(), "options": options}
    session = patients.post("create-checkout-session", checkout).json()["sessionId"]
    cart = [{"stripePriceId": shop.price(4900), "quantity": 1}]
    answers = [
        patients.get("payment-methods", patientId=PATIENT, token=token),
        patients.get(f"verify-status/{session}", token=token),
        patients.pay(token=token, cartItems=cart),
        patients.pay(token=token, cartItems=cart, card=card, patient=STRANGER),
        patients.post("create-checkout-session", checkout, token=token),
        patients.post("create-subscription", plan, token=token),
        patients.post(
            "create-subscription", plan | {"customerInfo": who(STRANGER), "paymentMethodId": card}, token=token
        ),
        patients.post("cancel-subscription", {"subscriptionId": begun}, token=token),
        patients.post("handle-failure", {"paymentIntentId": failed}, token=token),
        patients.post("handle-failure", {"invoiceId": invoice}, token=token),
        patients.post(
            "validate-discount", {"code": "X", "amount": 100, "currency": "usd", "customerId": customer}, token=token
        ),
    ]
    assert [(a.status_code, a.json()["code"]) for a in answers] == [(404, "not_found")] * len(answers)
    assert shop.stripe.retrieve(f"subscriptions/{begun}")["cancel_at_period_end"] is False


def test_a_patient_can_reach_their_own_objects(patients, shop, sign_in):
    token = sign_in.token()
    plan = {"customerInfo": who(), "stripePriceId": shop.plan(), "orderId": "o", "paymentMethodId": "pm_card_visa"}
    begun = patients.post("create-subscription", plan, token=token).json()["subscriptionId"]
    assert patients.post("cancel-subscription", {"subscriptionId": begun}, token=token).status_code == 200
    trial = patients.post("create-subscription", plan | {"trialDays": 300}, token=token)
    assert (trial.status_code, trial.json()["code"]) == (422, "trial_not_allowed")


def test_too_many_calls_of_one_caller_are_429_and_another_caller_is_not_held_up(serve, owner, sign_in):
    with serve(RATE_LIMIT_PER_MINUTE="3", SUPABASE_JWT_ISSUER=sign_in.issuer) as http:
        api = Api(http, "order")
        while time.time() % 60 > 50:  # a minute that ends in between would let more through
            time.sleep(0.5)
        answers = [status(api, None) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert answers[-1].json()["code"] == "too_many_requests"
        assert 0 < int(answers[-1].headers["retry-after"]) <= 60
        assert status(api, sign_in.token()).status_code == 200


def test_an_unknown_caller_learns_nothing_about_their_request(api):
    for content in (b"{", b"{}", b" " * 100_000):
        answer = api.http.post("/api/payments/process-payment", content=content)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
