"""`make test-live` itself: its flow against the sandbox, and what it says without a key or with a wrong one."""

import os
import pathlib
import stat
import subprocess
import sys

import pytest
import sandbox_lab
import server as servers

LIVE = pathlib.Path(__file__).resolve().parent.parent / "live"
sys.path.insert(0, str(LIVE))

import live  # noqa: E402

# Posts what the provider tells to where it is told to, as Stripe's own tool does.
TOOL = """#!{python}
import json, sys, time, urllib.parse, urllib.request
told = json.load(open({told!r}))
if "--print-secret" in sys.argv:
    print(told["webhookSecret"])
    sys.exit()
form = urllib.parse.urlencode({{"url": sys.argv[sys.argv.index("--forward-to") + 1]}}).encode()
request = urllib.request.Request(told["apiBase"] + "/v1/webhook_endpoints/we_1SbxPlatform", form,
                                 {{"Authorization": "Bearer " + told["secretKey"]}})
urllib.request.build_opener(urllib.request.ProxyHandler({{}})).open(request)
time.sleep(300)
"""


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    """A sandbox in a process of its own, as far away as Stripe is."""
    data = tmp_path_factory.mktemp("provider") / "data"
    running = servers.Server("serve", data, arguments=["--sandbox"])
    lab = sandbox_lab.Lab(servers.wait_for_file(data / "sandbox.json", running.process, servers.START_LIMIT_S))
    lab.file = data / "sandbox.json"
    yield lab
    assert running.stop() == 0


def run_flow(provider):
    lines = []
    counts = live.run(provider.told["secretKey"], provider.base, lines.append)
    assert not any(provider.told["secretKey"] in line for line in lines)
    return counts, lines, [line.split()[:2] for line in lines]


def test_without_an_account_that_can_charge_it_says_what_to_do(provider):
    counts, lines, words = run_flow(provider)
    assert words[:3] == [["ok", "key"], ["ok", "onboarding"], ["skipped", "account"]] and words[-1] == ["ok", "verify"], lines
    assert counts == (3, 0, 7) and "dashboard" in lines[2]


def test_the_whole_flow_by_fetching_events(provider):
    provider.account()
    counts, lines, words = run_flow(provider)
    assert words == [["ok", name] for name in live.STEPS], lines
    assert counts == (len(live.STEPS), 0, 0) and "fetched" in lines[list(live.STEPS).index("webhook")]


def test_the_whole_flow_by_stripes_tool(provider, tmp_path, monkeypatch):
    provider.account()
    tool = tmp_path / "stripe"
    tool.write_text(TOOL.format(python=sys.executable, told=str(provider.file)), encoding="utf-8")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    counts, lines, _ = run_flow(provider)
    assert counts == (len(live.STEPS), 0, 0), lines
    assert "stripe listen" in lines[list(live.STEPS).index("webhook")]


def test_a_step_that_fails_is_told_and_counted(provider, monkeypatch):
    provider.account()
    monkeypatch.setattr(live.Flow, "try_decline", lambda flow: flow.confirm("pm_card_visa", 402))
    counts, lines, words = run_flow(provider)
    assert words[4] == ["FAILED", "decline"] and words[5] == ["skipped", "card"] and words[-1] == ["ok", "verify"], lines
    assert counts == (5, 1, 4)


def program(**more):
    return subprocess.run([sys.executable, LIVE / "live.py"], env=servers.environment(**more), capture_output=True, text=True,
                          timeout=60, check=False)


def test_without_a_key_each_step_is_skipped_with_a_line():
    done = program()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    skipped = [line for line in lines if line.startswith("skipped")]
    assert [line.split()[1] for line in skipped] == list(live.STEPS) and all("STRIPE_TEST_KEY" in line for line in skipped)
    assert lines[-1] == f"0 passed, 0 failed, {len(live.STEPS)} skipped"


@pytest.mark.parametrize("key, word", [("sk_live_" + "x" * 24, "live"), ("rk_live_" + "x" * 24, "live"),
                                       ("pk_test_" + "x" * 24, "no secret key"), ("whsec_" + "x" * 24, "no secret key")])
def test_a_key_that_is_not_of_test_mode_is_refused(key, word):
    done = program(STRIPE_TEST_KEY=key)
    assert done.returncode == 2 and word in done.stderr and key not in done.stderr + done.stdout
    assert len(done.stderr.splitlines()) == 1 and not done.stdout
