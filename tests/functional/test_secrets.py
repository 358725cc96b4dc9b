"""What is secret stays where it belongs: it is planted in a run at the highest log level, then looked for."""

import base64
import json
import re
import secrets

import pytest

import accounts
import people
import server as servers
from api import Caller, World, expect, sign_in, sign_up

CARD = "4242424242424242"


def files_of(data):
    """All that the server itself keeps; not the provider's side, the mails that are sent, nor the files that hand out keys."""
    own = {"sandbox", "mail", "sandbox.json", "demo.json", "master.key"}
    for path in data.rglob("*"):
        if path.is_file() and path.relative_to(data).parts[0] not in own:
            yield path


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """(server after a run with everything in it, {what: secret}, [replies' texts where the secret must not stand])."""
    data = tmp_path_factory.mktemp("secrets") / "data"
    master_key = secrets.token_hex(32)
    password = "canary-" + secrets.token_hex(8)
    settings = {"ADMIT_MASTER_KEY": master_key, "ADMIT_LOG_LEVEL": "debug", "ADMIT_ACCESS_LOG": "true"}
    done = servers.run("demo", "--data", data, "--listen", "127.0.0.1:0", "--once", **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    demo = json.loads((data / "demo.json").read_text(encoding="utf-8"))
    (data / "sandbox.json").unlink()  # of the demo's
    running = servers.Server("serve", data, arguments=["--sandbox"], **settings)
    demo["stripe"] |= servers.wait_for_file(data / "sandbox.json", running.process, servers.START_LIMIT_S)
    world = World(running, demo)
    for who in (world.organiser, world.operator, world.demo_customer):
        who.base_url = running.base_url
        who.token = sign_in(running.base_url, who.email, who.password).token

    found = {"master key": master_key, "password": password, "card number": CARD,
             "provider's key": demo["stripe"]["secretKey"], "webhook secret": demo["stripe"]["webhookSecret"]}
    replies = []
    email = f"{secrets.token_hex(6)}@example.com"
    customer = sign_up(running.base_url, email, password)
    session = expect(Caller(running.base_url).post("/v1/sessions", {"email": email, "password": password}), 201)
    found["access token"] = session["accessToken"]
    found["refresh token"] = session["refreshToken"]
    renewed = expect(Caller(running.base_url).post("/v1/sessions/refresh", {"refreshToken": session["refreshToken"]}), 200)
    found["second refresh token"] = renewed["refreshToken"]
    found["wrong password"] = "canary-wrong-" + secrets.token_hex(8)
    anybody = Caller(running.base_url)
    replies.append(anybody.post("/v1/sessions", {"email": email, "password": found["wrong password"]}))
    # In the wrong place, or of the wrong form.
    replies.append(anybody.post("/v1/sessions", {"email": email, "pass": password}))
    replies.append(anybody.post("/v1/sessions", {"email": password, "password": 1}))
    replies.append(anybody.send("POST", "/v1/sessions", raw=f'{{"password": "{password}'.encode()))
    replies.append(anybody.get(f"/v1/users/me?token={session['accessToken']}"))
    replies.append(anybody.get(f"/{session['refreshToken']}"))
    replies.append(Caller(running.base_url, session["refreshToken"]).get("/userTickets"))
    replies.append(Caller(running.base_url, session["accessToken"] + "x").get("/userTickets"))

    show_id, tiers = world.organiser.create_show("Canaries", tiers=[{"price": 2500}])
    gate = world.gate(show_id)
    found["gate token"] = gate.token
    held = expect(customer.reserve(show_id, [(tiers[0], 1)]), 201)
    intent = expect(customer.create_intent(held["registrationId"]), 200)
    found["client secret"] = intent["clientSecret"]
    assert world.provider.confirm(intent["paymentIntentId"], intent["clientSecret"], "good").status_code == 200
    customer.wait_for_status(held["registrationId"], "confirmed")
    codes = json.dumps(expect(customer.get("/userQRcodes"), 200))
    digits = re.search(r"\d{100,}", codes).group()
    found["code of a ticket"] = digits
    assert gate.scan(digits)["valid"]
    replies.append(gate.validate(digits[:-1]))
    replies.append(anybody.send("POST", "/payments/webhook", raw=b"{}", headers={"Stripe-Signature": "t=1,v1=00"}))
    replies.append(Caller(running.base_url, gate.token + "x").post("/tickets/validate", {"qrCode": digits}))
    made = expect(world.organiser.post(f"/v1/businesses/{demo['businessId']}/api-keys", {"name": "canary", "scopes": ["see_shows"]}), 201)
    found["API key"] = made["key"]
    replies.append(Caller(running.base_url, made["key"] + "x").get(f"/v1/businesses/{demo['businessId']}"))
    assert Caller(running.base_url, made["key"]).get(f"/businessShows?businessId={demo['businessId']}").status_code < 500
    people.verify(world, customer)
    found["secret of a second factor"] = expect(customer.post("/v1/me/second-factor"), 201)["secret"]
    code = {"code": accounts.totp(found["secret of a second factor"])}
    recovery = expect(customer.post("/v1/me/second-factor/confirm", code), 200)["recoveryCodes"]
    found["recovery code"] = recovery[0]
    replies.append(anybody.post("/v1/sessions", {"email": email, "password": password, "code": recovery[0] + "A"}))
    guest = expect(anybody.post("/v1/guests", {"email": f"{secrets.token_hex(6)}@example.com", "name": "A guest"}), 201)
    found |= {f"guest's {name}": value for name, value in guest.items() if "oken" in name}
    assert running.stop() == 0
    yield running, found, replies


def test_no_secret_stands_in_the_log_or_in_what_is_printed(planted):
    running, found, _ = planted
    assert any(entry.get("msg") == "request" for entry in running.log()), "the run was not told of"
    for what, secret in found.items():
        assert secret not in running.output, f"the {what} was printed"


def test_no_secret_stands_in_the_database_or_another_file(planted):
    running, found, _ = planted
    files = list(files_of(running.data))
    assert any(path.name == "admit.db" for path in files)
    kept = {"code of a ticket"}  # printed on the tickets, which are files
    for path in files:
        content = path.read_bytes()
        for what, secret in found.items():
            if what in kept and "objects" in path.parts:
                continue
            assert secret.encode() not in content, f"the {what} stands in {path.name}"
            if re.fullmatch(r"[0-9a-f]{64}", secret):
                assert bytes.fromhex(secret) not in content, f"the {what} stands in {path.name}"
        assert base64.b32decode(found["secret of a second factor"]) not in content, path.name


def test_no_refusal_repeats_a_secret(planted):
    _, found, replies = planted
    assert all(reply.status_code >= 400 or "valid" in reply.text for reply in replies)
    for reply in replies:
        for what, secret in found.items():
            assert secret not in reply.text, f"{reply.request.method} {reply.status_code} repeats the {what}"
            assert secret not in str(reply.headers), f"{reply.request.method} {reply.status_code} repeats the {what}"
