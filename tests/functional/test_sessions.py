"""Sign-ins: tokens that follow each other, two tabs, thieves, and where somebody is signed in."""

import concurrent.futures
import time
import types

import jwt
import pytest
import requests

from accounts import fresh_email, link_to
from api import Caller, expect, refused, sign_in


def begin(world, customer, agent="A browser"):
    reply = world.anybody.post("/v1/sessions", {"email": customer.email, "password": customer.password},
                               headers={"User-Agent": agent})
    return expect(reply, 201)


KEPT_ROTATIONS = 8  # an exchange further back is no late tab, however short ago it was


def refresh(world, token):
    return world.anybody.post("/v1/sessions/refresh", {"refreshToken": token})


def is_signed_in(world, session):
    return Caller(world.base_url, session["accessToken"]).get("/v1/me").status_code == 200


def test_two_tabs_that_refresh_at_once_both_go_on(world, customer):
    session = begin(world, customer)
    with concurrent.futures.ThreadPoolExecutor(2) as tabs:
        first, second = [expect(reply, 200) for reply in
                         tabs.map(lambda _: refresh(world, session["refreshToken"]), range(2))]
    assert is_signed_in(world, first) and is_signed_in(world, second)
    assert first["refreshToken"] == second["refreshToken"] != session["refreshToken"]
    assert is_signed_in(world, expect(refresh(world, second["refreshToken"]), 200))


def test_a_token_used_again_later_ends_the_sign_in(world, customer):
    session = begin(world, customer)
    second = expect(refresh(world, session["refreshToken"]), 200)
    third = second
    for _ in range(KEPT_ROTATIONS):
        third = expect(refresh(world, third["refreshToken"]), 200)
    refused(refresh(world, session["refreshToken"]), "session_ended", 401)
    refused(refresh(world, third["refreshToken"]), "session_ended", 401)
    for one in (session, second, third):
        assert not is_signed_in(world, one)
    assert is_signed_in(world, {"accessToken": customer.token})
    alerts = expect(world.operator.get("/v1/alerts?limit=1000"), 200)["alerts"]
    assert any(one["kind"] == "token_reused" and one["subjectId"] == session["sessionId"] for one in alerts)


def test_a_token_that_we_never_gave_out_ends_nothing(world, customer):
    session = begin(world, customer)
    token = session["refreshToken"]
    forged = token[:-6] + ("AAAAAA" if token[-6:] != "AAAAAA" else "BBBBBB")
    refused(refresh(world, forged), "unknown_session", 401)
    expect(refresh(world, token), 200)


def test_where_somebody_is_signed_in(world, customer):
    telephone = begin(world, customer, "A telephone")
    tablet = begin(world, customer, "A tablet " + "x" * 500)
    listed = expect(customer.get("/v1/sessions"), 200)["sessions"]
    assert len(listed) == 3 and [one["current"] for one in listed].count(True) == 1
    by_id = {one["sessionId"]: one for one in listed}
    assert by_id[telephone["sessionId"]]["agent"] == "A telephone"
    assert by_id[telephone["sessionId"]]["method"] == "password"
    assert len(by_id[tablet["sessionId"]]["agent"]) == 200
    expect(customer.send("DELETE", f"/v1/sessions/{telephone['sessionId']}"), 204)
    assert not is_signed_in(world, telephone) and is_signed_in(world, tablet)
    refused(refresh(world, telephone["refreshToken"]), "session_ended", 401)
    assert len(expect(customer.get("/v1/sessions"), 200)["sessions"]) == 2

    stranger = world.customer()
    refused(stranger.send("DELETE", f"/v1/sessions/{tablet['sessionId']}"), "unknown_session", 404)
    assert is_signed_in(world, tablet)

    expect(customer.send("DELETE", "/v1/sessions"), 204)
    assert not is_signed_in(world, tablet)
    refused(refresh(world, tablet["refreshToken"]), "session_ended", 401)
    [only] = expect(customer.get("/v1/sessions"), 200)["sessions"]
    assert only["current"] is True
    assert is_signed_in(world, begin(world, customer))  # later ones are let in


def test_an_operator_ends_all_of_an_account(world, customer):
    session = begin(world, customer)
    path = f"/v1/users/{customer.user_id}/sessions"
    refused(world.customer().send("DELETE", path), "forbidden", 403)
    expect(world.operator.send("DELETE", path), 204)
    expect(customer.get("/v1/me"), 401)
    assert not is_signed_in(world, session)


def keys(world):
    return jwt.PyJWKSet.from_dict(requests.get(world.base_url + "/.well-known/jwks.json", timeout=10).json())


def test_the_user_token_is_verified_by_the_published_keys_and_opens_nothing(world, customer):
    session = begin(world, customer)
    token = session["userToken"]
    header = jwt.get_unverified_header(token)
    assert header["typ"] == "user+jwt" and header["alg"] == "EdDSA"
    claims = jwt.decode(token, keys(world)[header["kid"]], algorithms=["EdDSA"], audience="frontend",
                        issuer=world.base_url, options={"require": ["sub", "exp", "iat", "aud", "iss"]})
    assert claims["sub"] == claims["profileId"] == customer.user_id
    assert claims["name"] == "Ada Example" and claims["businessIds"] == [] and claims["roles"] == []
    assert claims["exp"] - claims["iat"] == 600
    assert customer.email not in str(claims)
    expect(Caller(world.base_url, token).get("/v1/me"), 401)
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(token, keys(world)[header["kid"]], algorithms=["EdDSA"], audience="another")
    renewed = expect(refresh(world, session["refreshToken"]), 200)
    assert jwt.decode(renewed["userToken"], keys(world)[header["kid"]], algorithms=["EdDSA"],
                      audience="frontend")["sub"] == customer.user_id


def test_the_user_token_of_an_organiser_names_the_business(world):
    session = begin(world, world.organiser)
    claims = jwt.decode(session["userToken"], options={"verify_signature": False})
    assert world.organiser.business_id in claims["businessIds"] and "owner" in claims["roles"]
    seen = expect(Caller(world.base_url, session["accessToken"]).get("/v1/me"), 200)
    assert {one["businessId"] for one in seen["businesses"]} == set(claims["businessIds"])


def test_counts_of_the_account(world, customer, open_show):
    world.buy(customer, open_show[0], [(open_show[2], 2)])
    seen = expect(customer.get("/v1/me"), 200)
    assert (seen["registrations"], seen["tickets"], seen["businesses"]) == (1, 2, [])


def test_sign_ins_and_their_ends_hold_after_a_restart(serve, tmp_path):
    running = serve("--sandbox")
    email, password = fresh_email(), "correct horse battery"
    anybody = Caller(running.base_url)
    expect(anybody.post("/v1/users", {"email": email, "password": password, "name": "Ada"}), 201)
    kept, ended = [expect(anybody.post("/v1/sessions", {"email": email, "password": password}), 201) for _ in range(2)]
    port = running.base_url.rsplit(":", 1)[1]
    expect(Caller(running.base_url, ended["accessToken"]).send("DELETE", "/v1/sessions/current"), 204)
    running.kill()
    again = serve("--sandbox", listen=f"127.0.0.1:{port}")
    assert Caller(again.base_url, kept["accessToken"]).get("/v1/me").status_code == 200
    assert Caller(again.base_url, ended["accessToken"]).get("/v1/me").status_code == 401
    again.assert_clean()


def test_a_network_of_ipv6_counts_as_one_and_who_reads_the_mail_waits_for_nobodys_guesses(serve):
    running = serve("--sandbox", ADMIT_TRUSTED_PROXIES="127.0.0.1/32")
    anybody, world = Caller(running.base_url), types.SimpleNamespace(server=running)
    email, password = fresh_email(), "correct horse battery"
    expect(anybody.post("/v1/users", {"email": email, "password": password, "name": "Ada"}), 201)

    def send(path, body, network):
        return anybody.post(path, body, headers={"X-Forwarded-For": f"2001:db8:7:{network:x}::9"})

    guesses = [send("/v1/sessions", {"email": email, "password": f"wrong {n} horse"}, n).status_code for n in range(12)]
    assert guesses == [401] * 10 + [429] * 2
    refused(send("/v1/sessions", {"email": email, "password": password}, 99), "too_many_failures", 429)
    expect(send("/v1/password-resets", {"email": email}, 99), 204)
    token = link_to(world, email, "reset-password")
    expect(send("/v1/password-resets/done", {"token": token, "password": "new horse battery"}, 99), 204)
    expect(send("/v1/sessions", {"email": email, "password": "new horse battery"}, 98), 201)


def test_guesses_from_elsewhere_keep_nobody_out(serve):
    running = serve("--sandbox", ADMIT_TRUSTED_PROXIES="127.0.0.1/32")
    anybody = Caller(running.base_url)
    email, password = fresh_email(), "correct horse battery"
    expect(anybody.post("/v1/users", {"email": email, "password": password, "name": "Ada"}), 201)

    def enter(address, secret=password):
        return anybody.post("/v1/sessions", {"email": email, "password": secret}, headers={"X-Forwarded-For": address})

    expect(enter("192.0.2.7"), 201)  # from now on this network is known to the account
    guesses = [enter(f"198.51.{network}.9", f"wrong {n} horse").status_code for network in range(6) for n in range(6)]
    assert guesses == [401] * 32 + [429] * 4
    refused(enter("198.51.5.9"), "too_many_failures", 429)
    expect(enter("203.0.113.5"), 201)  # a new network has a try or two left: guesses elsewhere do not take them
    expect(enter("192.0.2.200"), 201)
    assert [one["address"] for one in expect(Caller(running.base_url, expect(enter("192.0.2.7"), 201)["accessToken"])
                                             .get("/v1/sessions"), 200)["sessions"]][0] == "192.0.2.7"
