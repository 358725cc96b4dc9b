"""Our client against Stripe's own mock server, our webhooks and our sandbox against Stripe's own npm package."""

import contextlib
import json
import os
import socket
import subprocess
import time

import pytest

import server as servers

TOOLS = servers.ROOT / "build" / "contract"
MOCK = TOOLS / "bin" / "stripe-mock"
NODE = TOOLS / "venv" / "bin" / "node"
PACKAGE = TOOLS / "node_modules" / "stripe"
SCRIPTS = servers.ROOT / "tests" / "functional" / "stripe_js"
UNIT = servers.BINARY.parent / "src" / "payment" / "payment_test"
LIMIT_S = 60 * servers.SLOWNESS

needs_mock = pytest.mark.skipif(not MOCK.exists(), reason="stripe-mock is not installed: make deps-test")
needs_package = pytest.mark.skipif(not (NODE.exists() and PACKAGE.exists()),
                                   reason="the stripe package is not installed: make deps-test")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def stripe_mock():
    """The mock server's URL while it runs."""
    plain, tls = free_port(), free_port()
    process = subprocess.Popen([MOCK, "-http-addr", f"127.0.0.1:{plain}", "-https-addr", f"127.0.0.1:{tls}"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    try:
        until = time.monotonic() + LIMIT_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", plain), 1):
                break
            assert process.poll() is None and time.monotonic() < until, "stripe-mock did not start"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{plain}"
    finally:
        process.terminate()
        process.wait(LIMIT_S)


def run_unit(case, **environment):
    """One of the unit tests that are left to us."""
    done = subprocess.run([UNIT, "--no-skip", f"--test-case={case}*"], env={**os.environ, **environment},
                          capture_output=True, text=True, timeout=LIMIT_S, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test cases: 1 | 1 passed" in " ".join(done.stdout.split()), done.stdout


def run_script(name, given):
    """A script over Stripe's package, which is found beside it in the folder of tools."""
    script = TOOLS / name
    script.write_text((SCRIPTS / name).read_text(encoding="utf-8"), encoding="utf-8")
    done = subprocess.run([NODE, script], input=json.dumps(given), env=servers.environment(), capture_output=True,
                          text=True, timeout=LIMIT_S, cwd=TOOLS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_mock
def test_stripes_mock_server_takes_every_request_of_our_client():
    with stripe_mock() as url:
        run_unit("stripe-mock", ADMIT_STRIPE_MOCK=url)


@needs_package
def test_stripes_package_verifies_our_webhooks(tmp_path):
    message = tmp_path / "message.json"
    run_unit("stripe-package", ADMIT_SIGNED_MESSAGE=str(message))
    given = json.loads(message.read_text(encoding="utf-8"))
    assert run_script("verify.mjs", given).strip() == "payment_intent.succeeded"


@needs_package
def test_stripes_package_drives_our_sandbox(world):
    provider = world.provider
    seen = json.loads(run_script("drive.mjs", {"apiBase": provider.api_base, "secretKey": provider.secret_key,
                                               "connectedAccount": provider.connected_account}))
    assert {"payment_intent.created", "payment_intent.succeeded", "payment_intent.payment_failed",
            "payment_intent.canceled", "payment_intent.amount_capturable_updated", "charge.refunded",
            "refund.created"} <= set(seen["types"])
