"""The sandbox's process: one a folder, found again, its secrets kept, its clock shared."""

import json
import os
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.sandbox.engine.clock import clock_offset_seconds
from core.sandbox.process import ensure_running, stop
from core.sandbox.secrets import sandbox_secrets
from core.sandbox.traffic.history import iter_events, iter_objects

ASK = (
    "import sys,pathlib;from core.sandbox.process import ensure_running as "
    "e;print(e(pathlib.Path(sys.argv[1])).base_url)"
)


def test_several_that_start_at_once_get_the_same_sandbox(tmp_path):
    def ask(_):
        return subprocess.run(
            [sys.executable, "-c", ASK, str(tmp_path)], capture_output=True, text=True, check=True
        ).stdout

    try:
        with ThreadPoolExecutor(4) as pool:
            assert len(set(pool.map(ask, range(4)))) == 1
    finally:
        stop(tmp_path)


def test_a_second_server_of_the_same_folder_is_refused(sandbox):
    second = subprocess.run(
        [sys.executable, "-m", "core.sandbox", "--data-dir", str(sandbox.data_dir)], capture_output=True, text=True
    )
    assert second.returncode == 1
    assert "already serves" in second.stderr


def test_it_can_be_stopped_twice_and_started_again(tmp_path):
    first = ensure_running(tmp_path)
    stop(tmp_path)
    stop(tmp_path)
    try:
        assert ensure_running(tmp_path) == first
    finally:
        stop(tmp_path)


def test_a_sandbox_killed_in_the_middle_of_an_answer_is_started_again(tmp_path):
    broken_off = b"HTTP/1.1 200 OK\r\nContent-Length: 260\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        (tmp_path / "sandbox-address.json").write_text(json.dumps({"base_url": address, "pid": os.getpid()}))

        def answer_twice():
            for _ in range(2):  # before and under the lock of a start
                with listener.accept()[0] as asking:
                    asking.recv(65_536)
                    asking.sendall(broken_off)

        with ThreadPoolExecutor(1) as dying:
            answering = dying.submit(answer_twice)
            try:
                assert ensure_running(tmp_path).base_url != address
            finally:
                stop(tmp_path)
            answering.result(timeout=10)


def test_secrets_are_created_once_and_readable_only_by_their_owner(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(sandbox_secrets, [tmp_path] * 16))) == 1
    assert stat.S_IMODE((tmp_path / "sandbox.json").stat().st_mode) == 0o600


def test_reading_secrets_and_clock_does_not_import_the_server():
    code = (
        "import "
        "sys,core.sandbox.secrets,core.sandbox.engine.clock,core.sandbox.process;print({'stripe','starlette','httpx','orjson'}&set(sys.modules))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        == "set()"
    )


def test_the_clock_moves_ahead_for_every_process_and_never_back(sandbox, control):
    before = control.get("/sandbox/clock").json()["now"]
    control.post("/sandbox/clock/advance", json={"seconds": 3600}).raise_for_status()
    assert control.get("/sandbox/clock").json()["now"] - before >= 3600
    assert clock_offset_seconds(sandbox.data_dir) == pytest.approx(3600, abs=2)
    assert control.post("/sandbox/clock/advance", json={"seconds": -5}).status_code == 400


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"seconds":"x"}', b'{"seconds":NaN}', b'{"seconds":true}'])
def test_an_invalid_control_request_is_a_400(control, body):
    assert control.post("/sandbox/clock/advance", content=body).status_code == 400


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a[b=1", b"[]=1", b"amount[x][y]=1", b"a" + b"[b]" * 500 + b"=1"])
def test_an_invalid_body_is_a_400(sandbox, control, body):
    headers = {"Authorization": f"Bearer {sandbox.address.secret_key}"}
    assert control.post("/v1/payment_intents", content=body, headers=headers).status_code == 400


def test_history_reads_the_file_of_a_running_sandbox(sandbox, stripe):
    customer = stripe.v1.customers.create({"name": "Ann"})
    assert customer.id in [found["id"] for found in iter_objects(sandbox.data_dir, "customer")]
    assert [e["type"] for e in iter_events(sandbox.data_dir, ["customer.created"])]
    assert json.dumps(next(iter_events(sandbox.data_dir)))
