"""The process: start, stop, restart, and what it refuses to start with."""

import os
import re
import shutil
import sqlite3
import stat
import uuid

import pytest

import server as servers
from api import Caller, World, expect, refused


def test_port_zero_picks_one_and_tells_it(serve):
    running = serve("--sandbox")
    assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d*", running.base_url)
    assert Caller(running.base_url).get("/healthz").status_code == 200
    assert running.stop() == 0
    running.assert_clean()


def test_a_second_server_on_the_same_folder_refuses_to_start(serve, tmp_path):
    serve("--sandbox")
    second = servers.run("serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", "--sandbox")
    assert second.returncode != 0
    assert "data" in (second.stdout + second.stderr).lower()


def test_a_port_that_is_taken_is_told(serve, tmp_path):
    first = serve("--sandbox")
    second = servers.run("serve", "--data", tmp_path / "other", "--listen", first.base_url.removeprefix("http://"), "--sandbox")
    assert second.returncode != 0 and second.stdout + second.stderr


@pytest.mark.parametrize("variable, value", [("STRIPE_SECRET_KEY", "sk_live_x"), ("STRIPE_SECRET_KEY", "rk_live_x"),
                                             ("STRIPE_PUBLISHABLE_KEY", "pk_live_x")])
def test_a_live_key_beside_the_sandbox_refuses_to_start(tmp_path, variable, value):
    done = servers.run("serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", "--sandbox", **{variable: value + "y" * 24})
    assert done.returncode != 0
    words = done.stdout + done.stderr
    assert "sandbox" in words and "live" in words and "yyyy" not in words


@pytest.mark.parametrize("arguments", [["serve", "--listen", "nowhere"], ["serve", "--nonsense"], ["nonsense"],
                                       ["serve", "--config", "/nonexistent.toml"], ["verify", "--data", "/nonexistent"]])
def test_a_bad_command_line_is_told(arguments, tmp_path):
    done = servers.run(*arguments, *([] if "--data" in arguments or arguments == ["nonsense"] else ["--data", tmp_path / "d"]))
    assert done.returncode != 0 and done.stderr.strip()


def test_every_key_of_the_file_is_also_a_variable(serve, tmp_path):
    config = tmp_path / "admit.toml"
    config.write_text('cors_origins = ["https://tickets.example"]\n', encoding="utf-8")
    running = serve("--sandbox", "--config", config)
    reply = Caller(running.base_url).get("/healthz", headers={"Origin": "https://tickets.example"})
    assert reply.headers["Access-Control-Allow-Origin"] == "https://tickets.example"
    running.stop()
    running = serve("--sandbox", data=tmp_path / "data2", ADMIT_CORS_ORIGINS="https://tickets.example")
    reply = Caller(running.base_url).get("/healthz", headers={"Origin": "https://tickets.example"})
    assert reply.headers["Access-Control-Allow-Origin"] == "https://tickets.example"


def test_an_unknown_key_in_the_file_is_refused(tmp_path):
    config = tmp_path / "admit.toml"
    config.write_text("no_such_key = 1\n", encoding="utf-8")
    done = servers.run("serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", "--sandbox", "--config", config)
    assert done.returncode != 0 and "no_such_key" in done.stdout + done.stderr


@pytest.fixture(scope="module")
def sold(tmp_path_factory):
    """A data folder in which one ticket was sold and used."""
    data = tmp_path_factory.mktemp("sold") / "data"
    done = servers.run("demo", "--once", "--data", data, "--listen", "127.0.0.1:0", limit_s=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return data


def test_demo_once_tells_each_step(sold, tmp_path):
    done = servers.run("demo", "--once", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", limit_s=120)
    assert done.returncode == 0
    assert "admitted" in done.stdout and "already" in done.stdout.lower()
    assert len(list((tmp_path / "data").rglob("*.pdf"))) >= 1


def test_demo_json_is_its_owners(sold):
    path = sold / "demo.json"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_secrets_on_disk_are_their_owners(sold):
    for path in sold.rglob("*"):
        assert not os.stat(path).st_mode & 0o077, f"{path} can be read by others"


def test_what_was_sold_is_there_after_a_restart(serve, sold, tmp_path):
    data = tmp_path / "copy"
    shutil.copytree(sold, data)
    demo = servers.wait_for_file(data / "demo.json", None, 1)
    running = serve("--sandbox", data=data)
    user = demo["users"]["customer"]
    reply = Caller(running.base_url).post("/v1/sessions", {"email": user["email"], "password": user["password"]})
    customer = Caller(running.base_url, expect(reply, 201)["accessToken"])
    tickets = expect(customer.get("/userTickets"), 200)["tickets"]
    assert demo["ticketId"] in {ticket["ticketId"] for ticket in tickets}
    code = next(ticket for ticket in tickets if ticket["ticketId"] == demo["ticketId"])["qrCode"]
    assert code.rsplit("/", 1)[1] == demo["qrCode"].rsplit("/", 1)[1]  # the port may be another, the token is not
    gate = Caller(running.base_url, demo["users"]["gate"]["token"])
    assert expect(gate.post("/tickets/validate", {"qrCode": demo["qrCode"]}), 200)["reason"] == "already_used"
    assert running.stop() == 0
    running.assert_clean()


def test_verify_tells_what_it_checked(sold):
    done = servers.run("verify", "--data", sold)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) >= 4


# Each breaks one invariant in a copy of the data folder.
BROKEN = [
    ("sold over quota", "UPDATE quota SET size = 0"),
    ("the count of a quota is wrong", "UPDATE quota SET taken = taken + 1"),
    ("a ticket is missing", "DELETE FROM ticket"),
    ("a ticket entered twice", "UPDATE ticket SET entries = 2"),
    ("a used ticket looks unused", "UPDATE ticket SET status = 'valid'"),
    ("money does not add up", "UPDATE payment_transaction SET received_minor = received_minor - 1"),
    ("an order's sum is wrong", "UPDATE registration SET amount_minor = amount_minor + 1"),
    ("a payment without its order", "DELETE FROM registration"),
    ("the audit has a gap", "DELETE FROM audit_entry"),
]


@pytest.mark.parametrize("name, statement", BROKEN, ids=[case[0] for case in BROKEN])
def test_verify_finds_what_is_broken(sold, tmp_path, name, statement):
    data = tmp_path / "data"
    shutil.copytree(sold, data)
    [path] = [found for found in data.rglob("*.db") if "sandbox" not in found.name]
    with sqlite3.connect(path) as database:
        changed = database.execute(statement).rowcount
    database.close()
    assert changed > 0, f"nothing to break: {statement}"
    done = servers.run("verify", "--data", data)
    assert done.returncode == 1, f"{name} was not found:\n{done.stdout}{done.stderr}"


def test_stopping_answers_what_was_accepted(serve):
    running = serve("--sandbox")
    caller = Caller(running.base_url)
    assert caller.get("/readyz").status_code == 200
    assert running.stop() == 0
    with pytest.raises(OSError):
        caller.get("/readyz")


def test_without_a_key_and_without_the_sandbox_only_free_tiers_are_sold(serve, sold, tmp_path):
    data = tmp_path / "copy"
    shutil.copytree(sold, data)
    demo = servers.wait_for_file(data / "demo.json", None, 1)
    running = serve(data=data)
    user = demo["users"]["customer"]
    token = expect(Caller(running.base_url).post("/v1/sessions", {"email": user["email"], "password": user["password"]}),
                   201)["accessToken"]
    reply = Caller(running.base_url, token).post("/v1/registrations", {
        "showId": demo["showId"], "lines": [{"tierId": demo["tierIds"][0], "quantity": 1}]})
    assert expect(reply, reply.status_code)["code"] == "payments_unavailable"
    assert "sandbox" in running.output.lower() or "stripe" in running.output.lower()


def test_world_is_told_whole(world):
    assert isinstance(world, World)
    for name in ("baseUrl", "businessId", "showId", "tierIds", "registrationId", "paymentIntentId", "ticketId", "qrCode"):
        assert world.demo[name], name
    for name in ("customer", "organiser", "operator"):
        assert set(world.demo["users"][name]) >= {"userId", "email", "password", "accessToken", "refreshToken"}
    assert set(world.demo["stripe"]) >= {"apiBase", "secretKey", "publishableKey", "webhookSecret", "connectedAccount"}


def test_keys_are_rotated_beside_the_running_server(world, customer):
    show_id, [tier] = world.organiser.create_show("New keys", tiers=[{"price": 0}])
    _, [before] = world.buy(customer, show_id, [(tier, 1)])
    refused(world.organiser.post("/v1/keys/rotate", {}), "forbidden", 403)
    epoch = expect(world.operator.post("/v1/keys/rotate", {}), 200)["epoch"]
    assert expect(world.operator.post("/v1/keys/rotate", {}), 200)["epoch"] == epoch + 1
    assert expect(world.operator.post("/v1/keys/rotate", {"showId": show_id}), 200)["keyNumber"] == 1
    refused(world.operator.post("/v1/keys/rotate", {"showId": str(uuid.uuid4())}), "unknown_show", 404)
    _, [after] = world.buy(customer, show_id, [(tier, 1)])
    gate = world.gate(show_id)
    assert gate.scan(before["qrCode"])["valid"] and gate.scan(after["qrCode"])["valid"]
    beside = servers.run("keys", "rotate", "--data", world.server.data)
    assert beside.returncode != 0 and "/v1/keys/rotate" in beside.stdout + beside.stderr
