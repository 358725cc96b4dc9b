"""Accounts: opening one, proving its address, passwords, the second factor, the person's data and its end."""

import re
import time

import pytest
import requests

import server as servers
from accounts import fresh_email, link_to, mails_to, totp, wait_for_mails
from api import Caller, expect, refused, sign_in, sign_up

PASSWORD = "correct horse battery"


def verify(world, customer):
    token = link_to(world, customer.email, "verify-email")
    expect(world.anybody.post("/v1/users/verify", {"token": token, "password": customer.password}), 204)


def me(caller):
    return expect(caller.get("/v1/me"), 200)


def test_an_account_begins_with_its_business(world):
    address = fresh_email()
    made = expect(world.anybody.post("/v1/users", {"email": address, "password": PASSWORD, "name": "Ada",
                                                   "business": {"name": "The Mill", "country": "DE"}}), 201)
    [business] = made["businesses"]
    assert business["name"] == "The Mill" and business["role"] == "owner"
    owner = sign_in(world.base_url, address, PASSWORD)
    until = time.monotonic() + 20
    while not me(owner)["businesses"][0]["hasStripeAccount"]:  # the job makes it
        assert time.monotonic() < until
        time.sleep(0.05)
    again = expect(owner.post(f"/v1/businesses/{business['businessId']}/stripe-account", {}), 200)
    assert again["businessId"] == business["businessId"]


def test_a_bad_business_makes_no_account(world):
    address = fresh_email()
    body = {"email": address, "password": PASSWORD, "name": "Ada", "business": {"name": "Mill \u202e"}}
    assert expect(world.anybody.post("/v1/users", body), 422)["field"].startswith("business")
    sign_up(world.base_url, email=address)


@pytest.mark.parametrize("password", ["password", "P@ssw0rd2024", "qwertyuiop", "12345678", "Liverpool99!", "dragonmaster"])
def test_common_passwords_are_refused(world, password):
    body = {"email": fresh_email(), "password": password, "name": "Ada"}
    assert expect(world.anybody.post("/v1/users", body), 422)["field"] == "password"


def test_the_name_of_the_account_is_no_password(world):
    address = fresh_email()
    body = {"email": address, "password": address.split("@")[0], "name": "Ada"}
    assert expect(world.anybody.post("/v1/users", body), 422)["field"] == "password"


def test_an_address_is_verified_once_and_by_its_own_link(world, customer):
    assert me(customer)["emailVerified"] is False
    token = link_to(world, customer.email, "verify-email")
    wrong = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
    refused(world.anybody.post("/v1/users/verify", {"token": wrong}), "unknown_proof", 404)
    refused(world.anybody.post("/v1/users/verify", {"token": "gate_" + token[6:]}), "unknown_proof", 404)
    refused(world.anybody.post("/v1/users/verify", {"token": token}), "confirm_first", 403)
    refused(world.anybody.post("/v1/users/verify", {"token": token, "password": "wrong horse"}), "wrong_credentials", 401)
    expect(world.anybody.post("/v1/users/verify", {"token": token, "password": customer.password}), 204)
    assert me(customer)["emailVerified"] is True
    refused(customer.post("/v1/users/verify", {"token": token}), "unknown_proof", 404)


def test_whose_address_a_stranger_signed_up_with_takes_it_back(world, customer):
    token = link_to(world, customer.email, "verify-email")
    expect(world.anybody.post("/v1/users/disown", {"token": token}), 204)
    assert customer.get("/v1/me").status_code == 401
    refused(world.anybody.post("/v1/users/disown", {"token": token}), "unknown_proof", 404)
    sign_up(world.base_url, email=customer.email)  # the address is free


def test_the_link_is_mailed_again(world, customer):
    first = link_to(world, customer.email, "verify-email")
    expect(customer.post("/v1/me/verification-mail"), 204)
    wait_for_mails(world, customer.email, 2)
    token = link_to(world, customer.email, "verify-email")
    assert token != first
    expect(customer.post("/v1/users/verify", {"token": token}), 204)
    expect(customer.post("/v1/me/verification-mail"), 204)  # nothing more is sent


def test_a_password_is_reset(world, customer):
    wait_for_mails(world, customer.email, 1)
    unknown = world.anybody.post("/v1/password-resets", {"email": fresh_email()})
    known = world.anybody.post("/v1/password-resets", {"email": customer.email})
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content) == (204, b"")
    token = link_to(world, customer.email, "reset-password")
    done = "/v1/password-resets/done"
    assert expect(world.anybody.post(done, {"token": token, "password": "password1"}), 422)["field"] == "password"
    expect(world.anybody.post(done, {"token": token, "password": "new horse battery"}), 204)
    expect(customer.get("/v1/me"), 401)
    refused(world.anybody.post("/v1/sessions", {"email": customer.email, "password": PASSWORD}), "wrong_credentials", 401)
    back = sign_in(world.base_url, customer.email, "new horse battery")
    assert me(back)["emailVerified"] is True  # the link came to it
    refused(world.anybody.post(done, {"token": token, "password": "third horse battery"}), "unknown_proof", 404)


def test_mails_that_anybody_can_ask_for_are_few(world):
    address = fresh_email()
    for _ in range(5):
        expect(world.anybody.post("/v1/password-resets", {"email": address}), 204)
    refused(world.anybody.post("/v1/password-resets", {"email": address}), "too_many_failures", 429)
    assert mails_to(world, address) == []


def test_a_password_is_changed_with_the_old_one(world, customer):
    other = sign_in(world.base_url, customer.email, customer.password)
    change = {"password": "wrong horse battery", "newPassword": "new horse battery"}
    refused(customer.post("/v1/me/password", change), "wrong_credentials", 401)
    expect(customer.post("/v1/me/password", {**change, "password": PASSWORD}), 204)
    expect(customer.get("/v1/me"), 200)
    expect(other.get("/v1/me"), 401)
    sign_in(world.base_url, customer.email, "new horse battery")


def test_an_address_is_changed_once_it_is_proven(world, customer):
    wait_for_mails(world, customer.email, 1)
    address = fresh_email()
    refused(customer.post("/v1/me/email", {"email": address, "password": "wrong"}), "wrong_credentials", 401)
    taken = sign_up(world.base_url)
    refused(customer.post("/v1/me/email", {"email": taken.email, "password": PASSWORD}), "email_taken", 409)
    expect(customer.post("/v1/me/email", {"email": address, "password": PASSWORD}), 204)
    token = link_to(world, address, "change-email")
    assert me(customer)["email"] == customer.email
    # Who only reads the mail may be somebody whose address a stranger wants for an account of their own.
    refused(world.anybody.post("/v1/email-changes", {"token": token}), "confirm_first", 403)
    refused(taken.post("/v1/email-changes", {"token": token}), "confirm_first", 403)
    refused(world.anybody.post("/v1/email-changes", {"token": token, "password": "wrong horse"}), "wrong_credentials", 401)
    assert me(customer)["email"] == customer.email
    expect(world.anybody.post("/v1/email-changes", {"token": token, "password": PASSWORD}), 204)
    seen = me(customer)
    assert seen["email"] == address and seen["emailVerified"] is True
    told = wait_for_mails(world, customer.email, 2)[-1]
    assert address in told.get_body(("plain",)).get_content()
    refused(world.anybody.post("/v1/sessions", {"email": customer.email, "password": PASSWORD}), "wrong_credentials")
    sign_in(world.base_url, address, PASSWORD)
    sign_up(world.base_url, email=customer.email)  # the old one is free


def test_an_address_is_changed_by_who_is_signed_in(world, customer):
    address = fresh_email()
    expect(customer.post("/v1/me/email", {"email": address, "password": PASSWORD}), 204)
    expect(customer.post("/v1/email-changes", {"token": link_to(world, address, "change-email")}), 204)
    assert me(customer)["email"] == address


def test_a_profile_is_changed(world, customer):
    changed = expect(customer.send("PATCH", "/v1/me", {"name": "Ada L.", "locale": "pl"}), 200)
    assert (changed["name"], changed["locale"]) == ("Ada L.", "pl")
    assert expect(customer.send("PATCH", "/v1/me", {"name": "Ada \u202e"}), 422)["field"] == "name"
    named = {"name": "You won 500 EUR https://evil.example/claim"}
    assert expect(customer.send("PATCH", "/v1/me", named), 422)["field"] == "name"
    body = {"email": fresh_email(), "password": PASSWORD, **named}
    assert expect(world.anybody.post("/v1/users", body), 422)["field"] == "name"


def second_factor(customer):
    begun = expect(customer.post("/v1/me/second-factor"), 201)
    assert f"secret={begun['secret']}" in begun["uri"] and begun["uri"].startswith("otpauth://totp/")
    codes = expect(customer.post("/v1/me/second-factor/confirm", {"code": totp(begun["secret"], off=-1)}), 200)["recoveryCodes"]
    assert len(set(codes)) == 10
    return begun["secret"], codes


def enter(world, customer, code=None):
    body = {"email": customer.email, "password": customer.password}
    return world.anybody.post("/v1/sessions", {**body, "code": code} if code else body)


def test_a_second_factor(world, customer):
    other = sign_in(world.base_url, customer.email, customer.password)
    refused(customer.post("/v1/me/second-factor/confirm", {"code": "123456"}), "second_factor_off", 409)
    verify(world, customer)
    begun = expect(customer.post("/v1/me/second-factor"), 201)
    image = customer.get("/v1/me/second-factor/qr.svg")
    assert image.status_code == 200 and image.headers["Content-Type"].startswith("image/svg+xml")
    expect(enter(world, customer), 201)  # not on yet
    refused(customer.post("/v1/me/second-factor/confirm", {"code": "000000"}), "wrong_credentials", 401)
    secret, recovery = second_factor(customer)
    assert secret != begun["secret"]
    expect(customer.get("/v1/me"), 200)
    expect(other.get("/v1/me"), 401)
    refused(customer.get("/v1/me/second-factor/qr.svg"), "second_factor_off", 409)
    refused(customer.post("/v1/me/second-factor"), "second_factor_on", 409)

    refused(enter(world, customer), "second_factor_required", 401)
    wrong = world.anybody.post("/v1/sessions", {"email": customer.email, "password": "wrong horse", "code": totp(secret)})
    refused(wrong, "wrong_credentials", 401)
    refused(enter(world, customer, "000000"), "wrong_credentials", 401)
    code = totp(secret, off=1)
    expect(enter(world, customer, code), 201)
    refused(enter(world, customer, code), "wrong_credentials", 401)  # a step is good once
    expect(enter(world, customer, recovery[0].lower()), 201)
    refused(enter(world, customer, recovery[0]), "wrong_credentials", 401)

    remove = {"password": customer.password, "code": recovery[1]}
    refused(customer.send("DELETE", "/v1/me/second-factor", {**remove, "password": "wrong"}), "wrong_credentials", 401)
    refused(customer.send("DELETE", "/v1/me/second-factor", {**remove, "code": recovery[0]}), "wrong_credentials", 401)
    expect(customer.send("DELETE", "/v1/me/second-factor", remove), 204)
    assert me(customer)["secondFactor"] is False
    expect(enter(world, customer), 201)


def test_guesses_at_codes_are_few(world, customer):
    verify(world, customer)
    second_factor(customer)
    answers = [enter(world, customer, f"{n:06d}").status_code for n in range(15)]
    assert 429 in answers and answers.index(429) <= 10 and set(answers[answers.index(429):]) == {429}


def test_who_has_the_password_guesses_at_codes_no_more_often(world, customer):
    verify(world, customer)
    second_factor(customer)

    proof = {"password": customer.password}
    refused(customer.post("/v1/sessions/current/proof", proof), "second_factor_required", 401)

    def guess(code):
        body = {"password": customer.password, "code": code}
        return customer.send("DELETE", "/v1/me/second-factor", body).status_code
    assert [guess(f"{n:06d}") for n in range(12)] == [401] * 10 + [429] * 2
    assert me(customer)["secondFactor"] is True
    refused(customer.post("/v1/sessions/current/proof", proof | {"code": "000000"}), "too_many_failures", 429)


def test_what_a_guest_bought_joins_the_account_once_its_address_is_verified(world, open_show):
    show_id, paid, free = open_show
    address = fresh_email()
    orders = []
    for tier in (free, paid):
        guest = expect(world.anybody.post("/v1/guests", {"email": address, "name": "Ada"}), 201)
        buyer = sign_up(world.base_url)  # for its ways of waiting
        buyer.token = guest["accessToken"]
        registration_id, _ = world.buy(buyer, show_id, [(tier, 1, ["Ada"])])
        orders.append(registration_id)
    customer = sign_up(world.base_url, email=address)
    assert customer.all_tickets() == []
    verify(world, customer)
    until = time.monotonic() + 20
    while len(customer.all_tickets()) < 2:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert {ticket["registrationId"] for ticket in customer.all_tickets()} == set(orders)
    while buyer.get("/v1/me").status_code != 401:  # the guest is nobody any more
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_persons_data_is_taken_along_and_erased_and_the_books_stay(serve):
    import api
    running = serve(command="demo")
    demo = servers.wait_for_file(running.data / "demo.json", running.process, servers.START_LIMIT_S * 2)
    world = api.World(running, demo)
    show_id, [seat] = world.organiser.create_show("Erasure", tiers=[{"name": "Seat", "price": 2500}])
    customer = world.customer(name="Zuzanna Unmistakable")
    registration_id, tickets = world.buy(customer, show_id, [(seat, 2, ["Zuzanna Unmistakable", "Other"])])

    first = expect(customer.get("/v1/me/export?limit=1"), 200)
    assert first["account"]["email"] == customer.email and first["sessions"][0]["agent"]
    assert [one["registrationId"] for one in first["registrations"]] == [registration_id]
    assert {one["holder"] for one in first["tickets"]} == {"Zuzanna Unmistakable", "Other"}
    assert [one["amount"] for one in first["payments"]] == [5000]

    refused(customer.send("DELETE", "/v1/me", {"password": "wrong"}), "wrong_credentials", 401)
    for _ in range(11):  # a right password that is refused for another reason is no guess
        refused(world.organiser.send("DELETE", "/v1/me", {"password": world.organiser.password}), "owner_stays", 409)
    expect(customer.send("DELETE", "/v1/me", {"password": customer.password}), 204)
    expect(customer.get("/v1/me"), 401)
    refused(world.anybody.post("/v1/sessions", {"email": customer.email, "password": customer.password}), "wrong_credentials")
    until = time.monotonic() + 20
    seen = None
    while seen is None or any(line["holders"] for line in seen["lines"]):
        assert time.monotonic() < until
        seen = expect(world.operator.get(f"/v1/registrations/{registration_id}"), 200)
        time.sleep(0.05)
    assert seen["status"] == "confirmed" and seen["amount"] == 5000
    sign_up(world.base_url, email=customer.email)  # the address is free
    running.stop()
    checked = servers.run("verify", "--data", running.data)
    assert checked.returncode == 0, checked.stdout


def test_who_has_the_installation_takes_over_an_account_that_nobody_confirmed(serve):
    import subprocess
    running = serve("--sandbox")
    email, port = fresh_email(), running.base_url.rsplit(":", 1)[1]
    stranger = sign_up(running.base_url, email=email)
    running.stop()
    made = subprocess.run([str(servers.BINARY), "operator", "--email", email, "--data", str(running.data)],
                          env=servers.environment(), input="operator's own battery\n", capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    assert "nobody had confirmed" in made.stdout and stranger.user_id in made.stdout
    again = subprocess.run([str(servers.BINARY), "operator", "--email", email, "--data", str(running.data)],
                           env=servers.environment(), input="operator's own battery\n", capture_output=True, text=True, timeout=60)
    assert again.returncode != 0
    serve("--sandbox", listen=f"127.0.0.1:{port}")
    assert stranger.get("/v1/me").status_code == 401
    refused(Caller(running.base_url).post("/v1/sessions", {"email": email, "password": stranger.password}), "wrong_credentials", 401)
    assert me(sign_in(running.base_url, email, "operator's own battery"))["roles"] == ["operator"]


@pytest.mark.parametrize("command", ["demo", "serve"])
def test_links_are_in_the_log_of_the_demo_only(serve, command):
    running = serve(*(["--sandbox"] if command == "serve" else []), command=command, ADMIT_LOG_LEVEL="debug")
    sign_up(running.base_url)
    if command == "demo":
        running.wait_for(re.compile(r"/account/verify-email#t=proof_[A-Za-z0-9_-]{64}"))
    else:
        until = time.monotonic() + 20
        while 'admit_jobs_done_total 0\n' in requests.get(running.base_url + "/metrics", timeout=10).text:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert "proof_" not in running.output


def test_unknown_accounts_and_known_ones_wait_alike(world, customer):
    def tries(address):
        return [world.anybody.post("/v1/sessions", {"email": address, "password": f"wrong {n} horse"}).status_code
                for n in range(12)]

    unknown = tries(fresh_email())
    assert tries(customer.email) == unknown == [401] * 10 + [429] * 2
    waits = world.anybody.post("/v1/sessions", {"email": customer.email, "password": customer.password})
    refused(waits, "too_many_failures", 429)
    assert 1 <= int(waits.headers["Retry-After"]) <= 900
