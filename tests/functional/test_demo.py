"""`admit demo`: the story that it tells, the file it leaves, and a whole show from a file."""

import json
import os
import re
import signal
import socket
import stat

import paper
import pytest
import server as servers
from api import Caller, expect

EXAMPLE = servers.ROOT / "examples" / "grand-opening.json"
STEP = re.compile(r"^  (\S.*?) +(\d+\.\d) ms   (\S.*)$", re.MULTILINE)


def demo(data, *arguments, limit_s=120, **more):
    return servers.run("demo", "--data", data, "--listen", "127.0.0.1:0", *arguments, limit_s=limit_s, **more)


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    data = tmp_path_factory.mktemp("demo") / "data"
    return data, demo(data, "--once")


def test_every_step_is_told_with_its_time(once):
    _, done = once
    assert done.returncode == 0, done.stdout + done.stderr
    steps = [name for name, _, _ in STEP.findall(done.stdout)]
    assert steps == ["accounts", "business", "show", "gate", "reserve", "create intent", "pay", "webhook", "ticket", "download",
                     "scan the page", "first scan", "second scan"]
    total = re.search(r"^(\d+\.\d) s from first start to second scan$", done.stdout, re.MULTILINE)
    assert total and float(total.group(1)) < 60


def check_demo_json(data):
    path = data / "demo.json"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    told = json.loads(path.read_text(encoding="utf-8"))
    assert set(told) == {"baseUrl", "businessId", "showId", "tierIds", "registrationId", "paymentIntentId", "ticketId", "qrCode",
                         "users", "stripe"}
    assert set(told["users"]) == {"customer", "organiser", "operator", "gate"}
    for name in ("customer", "organiser", "operator"):
        assert set(told["users"][name]) == {"userId", "email", "password", "accessToken", "refreshToken"}
        assert all(told["users"][name].values())
    assert set(told["users"]["gate"]) == {"token"}
    assert set(told["stripe"]) == {"apiBase", "secretKey", "publishableKey", "webhookSecret", "connectedAccount"}
    return told


def test_demo_json_has_what_a_script_needs(once):
    check_demo_json(once[0])


def test_nothing_is_left_of_reading_the_page(once):
    data, _ = once
    assert [path.name for path in data.iterdir() if path.name.startswith("ticket.")] == ["ticket.pdf"]


def test_the_page_on_disk_carries_the_code(once):
    data, _ = once
    told = json.loads((data / "demo.json").read_text(encoding="utf-8"))
    assert paper.decode_with_both((data / "ticket.pdf").read_bytes()) == [told["qrCode"]]


def test_it_starts_again_on_the_same_folder(once):
    data, _ = once
    before = json.loads((data / "demo.json").read_text(encoding="utf-8"))
    done = demo(data, "--once")
    assert done.returncode == 0, done.stdout + done.stderr
    after = json.loads((data / "demo.json").read_text(encoding="utf-8"))
    assert after["ticketId"] != before["ticketId"]
    checked = servers.run("verify", "--data", data)
    assert checked.returncode == 0, checked.stdout


def test_the_server_is_left_running(serve, tmp_path):
    running = serve(command="demo", data=tmp_path / "data")
    running.wait_for(re.compile("Left running"))
    told = json.loads((tmp_path / "data" / "demo.json").read_text(encoding="utf-8"))
    assert told["baseUrl"] == running.base_url
    show = expect(Caller(running.base_url).get(f"/v1/shows/{told['showId']}"), 200)
    assert [tier["tierId"] for tier in show["tiers"]] == told["tierIds"]
    data = tmp_path / "data"
    for command in (["stripe", "check"], ["frontend-env"], ["doctor", "--public-url", running.base_url, "--listen",
                                                            running.base_url.removeprefix("http://")]):
        ended = servers.run(*command, "--sandbox", "--data", data)
        assert ended.returncode == 0, ended.stdout + ended.stderr
    running.process.send_signal(signal.SIGINT)
    assert running.stop() == 0
    running.assert_clean()


def test_an_address_that_was_asked_for_is_taken_or_refused(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = servers.run("demo", "--once", "--data", tmp_path / "data", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert done.returncode == 2
    assert "cannot bind 127.0.0.1" in done.stderr


def test_a_missing_decoder_is_told(tmp_path):
    done = demo(tmp_path / "data", "--once", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "pdftoppm is not installed" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_whole_show_from_a_file(tmp_path):
    data = tmp_path / "data"
    done = demo(data, "--input", EXAMPLE, limit_s=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert done.stdout.splitlines()[-1] == "sold=60 admitted=60 refused=60 verify=ok"
    pages = sorted((data / "tickets").glob("*.pdf"))
    assert len(pages) == 60 and len(list((data / "tickets").iterdir())) == 60
    told = check_demo_json(data)
    assert paper.decode_with_both((data / "tickets" / f"{told['ticketId']}.pdf").read_bytes()) == [told["qrCode"]]
    assert all(not os.stat(path).st_mode & 0o077 for path in data.rglob("*"))
    # The night has an hour more: the doors open in summer time.
    assert "2027-10-30T22:30:00.000Z" in done.stdout
    checked = servers.run("verify", "--data", data)
    assert checked.returncode == 0, checked.stdout


def changed(change):
    value = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    change(value)
    return json.dumps(value)


@pytest.mark.parametrize("text, told", [
    ("{", ""),
    (changed(lambda v: v["show"].pop("zone")), "show.zone"),
    (changed(lambda v: v["show"].update(extra=1)), "show.extra"),
    (changed(lambda v: v["tiers"][0].update(quotas=["Cellar"])), 'tiers[0].quotas[0]: there is no quota "Cellar"'),
    (changed(lambda v: v["quotas"][0].update(size=59)), 'the quota "House" has no place left'),
    (changed(lambda v: v["show"].update(startsLocal="2027-03-28T02:30")), "show.startsLocal"),
    (changed(lambda v: v["show"].update(conditions="x" * 1_100_000)), "larger than"),
], ids=["not JSON", "missing", "unknown field", "unknown quota", "over quota", "skipped hour", "too large"])
def test_a_file_that_does_not_fit_is_refused(tmp_path, text, told):
    file = tmp_path / "show.json"
    file.write_text(text, encoding="utf-8")
    done = demo(tmp_path / "data", "--input", file)
    assert done.returncode == 2
    assert str(file) in done.stderr and told in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name, key", [("STRIPE_SECRET_KEY", "sk_live_x"), ("STRIPE_PUBLISHABLE_KEY", "pk_live_x"),
                                       ("STRIPE_SECRET_KEY", "rk_live_x")])
def test_a_live_key_is_refused(tmp_path, name, key):
    for arguments in ([], ["--input", EXAMPLE]):
        done = demo(tmp_path / "data", "--once", *arguments, **{name: key})
        assert done.returncode == 2
        assert "live Stripe key" in done.stderr and key not in done.stdout + done.stderr
    assert not (tmp_path / "data").exists()
