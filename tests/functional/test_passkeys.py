"""Passkeys, and the cookie of our own pages."""

import urllib.parse

import api
import people
import pytest
from authenticator import Authenticator, encode
from api import Caller, expect

COOKIE = "__Host-session"


@pytest.fixture
def customer(world):
    """Only who has proven the address adds a passkey."""
    return people.verified(world)


@pytest.fixture
def authenticator(world):
    about = urllib.parse.urlsplit(world.base_url)
    return Authenticator(world.base_url, about.hostname)


def add(customer, authenticator, status=201, code=None):
    options = expect(customer.post("/v1/me/passkeys/options"), 201)
    return expect(customer.post("/v1/me/passkeys", {"name": "Phone", **authenticator.create(options)}), status, code)


def sign_in(world, body, status=201, code=None, **headers):
    return expect(world.anybody.post("/v1/sessions/passkey", body, headers=headers), status, code)


def ask(world):
    return expect(world.anybody.post("/v1/sessions/passkey/options"), 201)


def test_a_passkey_is_added_used_renamed_and_removed(world, customer, authenticator):
    added = add(customer, authenticator)
    assert [one["name"] for one in expect(customer.get("/v1/me/passkeys"), 200)["passkeys"]] == ["Phone"]
    session = sign_in(world, authenticator.get(ask(world)))
    assert session["userId"] == customer.user_id
    me = Caller(world.base_url, session["accessToken"])
    assert expect(me.get("/v1/me"), 200)["email"] == customer.email
    path = f"/v1/me/passkeys/{added['passkeyId']}"
    assert "usedAt" in expect(me.send("PATCH", path, {"name": "Old phone"}), 200)
    options = expect(customer.post("/v1/me/passkeys/options"), 201)
    assert [one["id"] for one in options["excludeCredentials"]] == [encode(authenticator.credential_id)]
    assert options["attestation"] == "none" and options["authenticatorSelection"]["userVerification"] == "required"
    expect(customer.send("DELETE", path), 204)
    expect(customer.send("DELETE", path), 404, "unknown_passkey")
    sign_in(world, authenticator.get(ask(world)), 401, "wrong_credentials")


def test_a_challenge_is_good_once_and_for_one_thing(world, customer, authenticator):
    options = expect(customer.post("/v1/me/passkeys/options"), 201)
    expect(customer.post("/v1/me/passkeys", {"name": "A", **authenticator.create(options)}), 201)
    other = Authenticator(authenticator.origin, authenticator.rp_id)
    expect(customer.post("/v1/me/passkeys", {"name": "B", **other.create(options)}), 404, "unknown_proof")
    asked = ask(world)
    body = authenticator.get(asked)
    sign_in(world, body)
    sign_in(world, body, 404, "unknown_proof")
    sign_in(world, authenticator.get(options), 404, "unknown_proof")
    sign_in(world, authenticator.get({"challenge": encode(bytes(48))}), 404, "unknown_proof")
    sign_in(world, authenticator.get({"challenge": "x"}), 404, "unknown_proof")


def test_a_passkey_belongs_to_one_account(world, customer, authenticator):
    added = add(customer, authenticator)
    stranger = people.verified(world)
    add(stranger, authenticator, 409, "identity_taken")
    path = f"/v1/me/passkeys/{added['passkeyId']}"
    expect(stranger.send("DELETE", path), 404, "unknown_passkey")
    expect(stranger.send("PATCH", path, {"name": "Mine"}), 404, "unknown_passkey")
    theirs = expect(stranger.post("/v1/me/passkeys/options"), 201)
    expect(customer.post("/v1/me/passkeys", {"name": "A", **Authenticator(
        authenticator.origin, authenticator.rp_id).create(theirs)}), 404, "unknown_proof")
    authenticator.user_handle = theirs["user"]["id"]
    sign_in(world, authenticator.get(ask(world)), 401, "wrong_credentials")


@pytest.mark.parametrize("change", [{"origin": "https://evil.example"}, {"rp_id": "evil.example"}])
def test_other_origins_and_domains_are_refused(world, customer, authenticator, change):
    vars(authenticator).update(change)
    add(customer, authenticator, 422, "invalid_field")
    good = Authenticator(world.base_url, urllib.parse.urlsplit(world.base_url).hostname)
    add(customer, good)
    vars(good).update(change)
    sign_in(world, good.get(ask(world)), 401, "wrong_credentials")


def test_a_copied_passkey_is_noticed(world, customer, authenticator):
    add(customer, authenticator)
    sign_in(world, authenticator.get(ask(world)))
    before = len(alerts(world))
    sign_in(world, authenticator.get(ask(world), counts=False), 401, "wrong_credentials")
    assert len(alerts(world)) == before + 1


def alerts(world):
    found = expect(world.operator.get("/v1/alerts?limit=1000"), 200)["alerts"]
    return [alert for alert in found if alert["kind"] == "token_reused"]


def test_nonsense_is_refused(world, customer):
    for body in ({"name": "A", "clientDataJSON": "e30", "attestationObject": "oA"},
                 {"name": "A", "clientDataJSON": "!", "attestationObject": "oA"}):
        expect(customer.post("/v1/me/passkeys", body), 422, "invalid_field")
    nothing = {"credentialId": "AAAA", "clientDataJSON": "e30", "authenticatorData": "AAAA", "signature": "AAAA"}
    sign_in(world, nothing, 401, "wrong_credentials")
    sign_in(world, {**nothing, "signature": "A" * 9000}, 422)
    guest = expect(world.anybody.post("/v1/guests", {"email": "g@example.com", "name": "G"}), 201)
    expect(Caller(world.base_url, guest["accessToken"]).post("/v1/me/passkeys/options"), 403, "forbidden")


# The cookie.

def ours(world, **more):
    return {"Admit-Page": "1", "Origin": world.base_url, **more}


def enter(world, customer):
    body = {"email": customer.email, "password": customer.password}
    reply = world.anybody.post("/v1/sessions", body, headers=ours(world))
    return expect(reply, 201), reply.headers["Set-Cookie"]


def value_of(header):
    assert header.startswith(f"{COOKIE}=refresh_")
    return header.split(";")[0]


def test_the_cookie_is_for_the_browser_alone(world, customer):
    session, header = enter(world, customer)
    assert "refreshToken" not in session
    attributes = {part.strip() for part in header.split(";")[1:]}
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"} <= attributes and "Domain" not in header
    renewed = world.anybody.post("/v1/sessions/refresh", {}, headers=ours(world, Cookie=value_of(header)))
    assert "refreshToken" not in expect(renewed, 200)
    assert value_of(renewed.headers["Set-Cookie"]) != value_of(header)
    token = renewed.json()["accessToken"]
    left = Caller(world.base_url, token).send("DELETE", "/v1/sessions/current", headers=ours(world))
    expect(left, 204)
    assert left.headers["Set-Cookie"].startswith(f"{COOKIE}=;") and "Max-Age=0" in left.headers["Set-Cookie"]
    gone = world.anybody.post("/v1/sessions/refresh", {}, headers=ours(world, Cookie=value_of(renewed.headers["Set-Cookie"])))
    expect(gone, 401)


def test_a_cookie_alone_does_nothing(world, customer):
    _, header = enter(world, customer)
    cookie = {"Cookie": value_of(header)}
    expect(world.anybody.get("/v1/me", headers=cookie), 401)
    expect(world.anybody.post("/v1/businesses", {"name": "Forged"}, headers=cookie), 401)
    expect(world.anybody.send("DELETE", "/v1/sessions/current", headers={**cookie, **ours(world)}), 401)
    assert world.anybody.post("/v1/sessions/refresh", {}, headers=cookie).status_code == 401
    expect(world.anybody.post("/v1/sessions/refresh", {}, headers=ours(world)), 401, "unknown_session")
    two = {"Cookie": f"{value_of(header)}; {COOKIE}=refresh_other"}
    expect(world.anybody.post("/v1/sessions/refresh", {}, headers={**ours(world), **two}), 401, "unknown_session")


@pytest.mark.parametrize("forged", [
    {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "cross-site", "Origin": None},
])
def test_calls_of_other_sites_are_refused_with_the_header_too(world, customer, forged):
    _, header = enter(world, customer)
    sent = {name: value for name, value in {**ours(world), **forged, "Cookie": value_of(header)}.items() if value}
    expect(world.anybody.post("/v1/sessions/refresh", {}, headers=sent), 403, "forbidden")
    body = {"email": customer.email, "password": customer.password}
    refused = world.anybody.post("/v1/sessions", body, headers=sent)
    expect(refused, 403, "forbidden")
    assert "Set-Cookie" not in refused.headers
    expect(world.anybody.post("/v1/sessions/refresh", {}, headers=ours(world, Cookie=value_of(header))), 200)


def test_a_form_of_another_site_gets_nowhere(world, customer):
    """What a browser sends for a foreign form: no header of ours, and a type that no route takes."""
    _, header = enter(world, customer)
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"):
        for path in ("/v1/sessions/refresh", "/v1/sessions"):
            reply = world.anybody.send("POST", path, raw="{}", headers={
                "Content-Type": kind, "Cookie": value_of(header), "Origin": "https://evil.example"})
            assert reply.status_code == 415 and "Set-Cookie" not in reply.headers
    asked = world.anybody.send("OPTIONS", "/v1/sessions/refresh", headers={
        "Origin": "https://evil.example", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "admit-page"})
    assert "admit-page" not in asked.headers.get("Access-Control-Allow-Headers", "").lower()
    assert "Access-Control-Allow-Credentials" not in asked.headers
