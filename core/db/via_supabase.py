"""The database through Supabase: PostgREST's functions, called by supabase-py."""

from typing import Any

import httpx
from postgrest.exceptions import APIError
from supabase import Client, ClientOptions, create_client

from core.db import DatabaseFault, error_from_sqlstate, plain, unstorable_text
from core.errors import Unavailable

TIMEOUT_SECONDS = 15
NO_CONNECTION = "PGRST00"


class SupabaseDatabase:
    """Calls `payops_api` functions over HTTP; each is a transaction of its own, as PostgREST runs it."""

    def __init__(self, url: str, secret_key: str):
        self._http = httpx.Client(timeout=httpx.Timeout(TIMEOUT_SECONDS, connect=3))
        options = ClientOptions(
            schema="payops_api", auto_refresh_token=False, persist_session=False, httpx_client=self._http
        )
        self._client: Client = create_client(url, secret_key, options)

    def call(self, function: str, /, **arguments: Any) -> Any:
        values = {f"p_{name}": plain(value) for name, value in arguments.items()}
        try:
            return self._client.rpc(function, values).execute().data
        except APIError as error:
            raise _translated(error) from error
        except httpx.HTTPError as error:
            raise _away() from error
        except UnicodeEncodeError as error:
            raise unstorable_text() from error

    def close(self) -> None:
        self._http.close()


def _translated(error: APIError) -> Exception:
    """PostgREST gives Postgres's own five characters, or a code of its own where it did not reach the function."""
    code = str(error.code or "")
    if len(code) == 5:
        return error_from_sqlstate(code, error.message or "", error.hint)
    if code.startswith("PGRST") and not code.startswith(NO_CONNECTION):
        return DatabaseFault("database_fault", f"{code}: {error.message}")
    return _away()  # no connection to Postgres, or an answer of a gateway in between


def _away() -> Unavailable:
    return Unavailable("database_unavailable", "The database did not answer. Nothing was changed.")
