"""A server shaped like PostgREST, as far as calling functions goes: `POST /rest/v1/rpc/f` over a real Postgres."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import uvicorn
from psycopg import sql
from psycopg.types.json import Jsonb
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

API_KEY = "sb_secret_of_the_tests"


@contextmanager
def serving(conninfo: str) -> Iterator[str]:
    """The address of a server that calls `payops_api` over `conninfo`."""

    def rpc(request: Request, body: dict) -> Response:
        if request.headers.get("apikey") != API_KEY:
            return JSONResponse({"code": "401", "message": "Invalid API key", "details": None, "hint": None}, 401)
        if request.headers.get("content-profile") != "payops_api":
            message = "The schema must be one of the following: payops_api"
            return JSONResponse({"code": "PGRST106", "message": message, "details": None, "hint": None}, 406)
        return _called(conninfo, request.path_params["function"], body)

    async def endpoint(request: Request) -> Response:
        return rpc(request, await request.json())

    app = Starlette(routes=[Route("/rest/v1/rpc/{function}", endpoint, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def _called(conninfo: str, function: str, body: dict) -> Response:
    values = {name: Jsonb(value) if isinstance(value, dict | list) else value for name, value in body.items()}
    arguments = sql.SQL(", ").join(
        sql.SQL("{} => {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in values
    )
    call = sql.SQL("select to_json(payops_api.{}({}))::text").format(sql.Identifier(function), arguments)
    try:
        with psycopg.connect(conninfo) as connection:
            answer = connection.execute(call, values).fetchone()[0]
            return Response(answer or "null", media_type="application/json")  # Postgres's own text, as PostgREST does
    except psycopg.OperationalError as error:
        if error.sqlstate is None:
            message = "Could not connect with the database."
            return JSONResponse({"code": "PGRST000", "message": message, "details": None, "hint": None}, 503)
        return _refused(error)
    except psycopg.Error as error:
        return _refused(error)


def _refused(error: psycopg.Error) -> JSONResponse:
    code = error.sqlstate or "22P05"  # psycopg does not send NUL; PostgREST sends it as JSON, which Postgres refuses
    said = {"code": code, "message": error.diag.message_primary, "details": error.diag.message_detail}
    return JSONResponse(said | {"hint": error.diag.message_hint}, 400)
