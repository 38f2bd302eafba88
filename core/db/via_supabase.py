"""The database through Supabase: functions called over PostgREST with supabase-py."""

import threading
from typing import Any

import httpx
from postgrest.exceptions import APIError
from supabase import Client, ClientOptions, create_client

from core.db import NO_RIGHT, DatabaseFault, database_away, error_from_sqlstate, plain, read_json, unstorable_text
from core.db.time_limits import REPORT, TimeLimits
from core.errors import Unavailable

CONNECT_SECONDS = 3
RETRY_AFTER_MEND_SECONDS = 60
NO_CONNECTION = "PGRST00"
KEY_REFUSED = (
    "database_key_refused",
    "Supabase does not accept SUPABASE_SECRET_KEY. Copy this project's secret key from Supabase's API settings.",
)
PAUSED = (
    "database_paused",
    "The Supabase project is paused. Resume it in Supabase's dashboard.",
)
NOT_SUPABASE = (
    "not_supabase",
    "SUPABASE_URL answers with something other than data, such as a proxy's web page. "
    "Check the address and what stands between it and payops.",
)
RIGHT_MISSING = (
    "database_right_missing",
    "Supabase refuses payops a right that it needs. Check that SUPABASE_SECRET_KEY is the secret key and not the "
    "publishable one, and run `payops migrate`.",
)
SCHEMA_NOT_EXPOSED = (
    "schema_not_exposed",
    "Supabase does not expose the schema payops_api. Add it to the exposed schemas in Supabase's API settings.",
)
SCHEMA_CACHE_STALE = (
    "schema_cache_stale",
    "Supabase does not know a function of this version yet. If it stays so, run `payops migrate`, "
    "then `notify pgrst, 'reload schema'` in the SQL editor.",
)
# By PostgREST's or Postgres's error code, for calls that did not reach their function.
POSTGREST_ANSWERS = {
    NO_RIGHT: RIGHT_MISSING,
    "PGRST106": SCHEMA_NOT_EXPOSED,
    "PGRST202": SCHEMA_CACHE_STALE,
    "PGRST300": KEY_REFUSED,
    "PGRST301": KEY_REFUSED,
    "PGRST302": KEY_REFUSED,
    "PGRST303": KEY_REFUSED,
}
# By HTTP status, for answers of Supabase's gateway instead of PostgREST.
GATEWAY_ANSWERS = {401: KEY_REFUSED, 403: KEY_REFUSED, 540: PAUSED}
TOO_MANY_REQUESTS = 429


class SupabaseDatabase:
    """Calls `payops_api` functions over HTTP; PostgREST runs each in its own transaction.

    Supabase sets for each role how long a statement may run; `limits` end the wait for the answer.
    """

    def __init__(self, url: str, secret_key: str, limits: TimeLimits = REPORT):
        self._answers = _Answers()
        self._http = httpx.Client(
            timeout=httpx.Timeout(
                limits.answer_seconds,
                connect=min(CONNECT_SECONDS, limits.connection_seconds),
                pool=limits.connection_seconds,
            ),
            event_hooks={"response": [self._answers.read]},
        )
        options = ClientOptions(
            schema="payops_api", auto_refresh_token=False, persist_session=False, httpx_client=self._http
        )
        self._client: Client = create_client(url, secret_key, options)

    def call(self, function: str, /, **arguments: Any) -> Any:
        values = {f"p_{name}": plain(value) for name, value in arguments.items()}
        try:
            self._client.rpc(function, values).execute()
            return self._answers.document
        except APIError as error:
            raise _translated(error) from error
        except UnicodeEncodeError as error:
            raise unstorable_text() from error
        except httpx.HTTPError as error:
            raise database_away() from error

    def close(self) -> None:
        self._http.close()


class _Answers(threading.local):
    """Parses each thread's last answer exactly, because supabase-py would turn numbers with a fraction into floats."""

    document: Any = None

    def read(self, response: httpx.Response) -> None:
        self.document = _read_answer(response)


def _read_answer(response: httpx.Response) -> Any:
    """The JSON of the answer. Raises `Unavailable` if it is not from PostgREST, which supabase-py does not check."""
    response.read()
    try:
        body = read_json(response.content)
    except ValueError:
        body = None
        if response.is_success or response.is_redirect:
            raise _to_be_mended(NOT_SUPABASE) from None
    if response.is_success or (isinstance(body, dict) and _is_postgrest(str(body.get("code") or ""))):
        return body
    if response.status_code == TOO_MANY_REQUESTS:
        given = response.headers.get("retry-after", "")
        raise Unavailable(
            "database_busy",
            "Supabase takes no more requests at the moment. Try again later.",
            retry_after_seconds=min(int(given), RETRY_AFTER_MEND_SECONDS) if given.isdecimal() else 5,
        )
    if response.status_code in GATEWAY_ANSWERS:
        raise _to_be_mended(GATEWAY_ANSWERS[response.status_code])
    raise database_away() if response.is_server_error else _to_be_mended(NOT_SUPABASE)


def _is_postgrest(code: str) -> bool:
    """Whether this is an error code of Postgres (five characters) or PostgREST."""
    return len(code) == 5 or code.startswith("PGRST")


def _to_be_mended(answer: tuple[str, str]) -> Unavailable:
    return Unavailable(*answer, retry_after_seconds=RETRY_AFTER_MEND_SECONDS)


def _translated(error: APIError) -> Exception:
    code = str(error.code or "")
    if code in POSTGREST_ANSWERS:
        return _to_be_mended(POSTGREST_ANSWERS[code])
    if code.startswith(NO_CONNECTION):
        return database_away()
    if len(code) == 5:
        return error_from_sqlstate(code, error.message or "", error.hint)
    return DatabaseFault("database_fault", f"{code}: {error.message}")
