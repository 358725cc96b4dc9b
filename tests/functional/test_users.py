"""Accounts and sign-in."""

import uuid

import pytest

from api import Caller, expect, refused, sign_in, sign_up


def test_sign_up_and_sign_in(world):
    email = f"Ada.{uuid.uuid4().hex}@Example.com"
    customer = sign_up(world.base_url, email=email)
    again = sign_in(world.base_url, email.upper().replace("EXAMPLE.COM", "example.com"), customer.password)
    assert again.user_id == customer.user_id
    assert expect(customer.get("/userTickets"), 200) is not None


def test_an_address_has_one_account(world, customer):
    body = {"email": customer.email.upper(), "password": "another long password", "name": "Somebody"}
    refused(world.anybody.post("/v1/users", body), "email_taken", 409)


@pytest.mark.parametrize("field, value", [
    ("email", "nobody"), ("email", "a@b@c"), ("email", ""), ("email", "a" * 300 + "@example.com"), ("email", "a b@example.com"),
    ("password", "short"), ("password", ""), ("password", "a" * 5000), ("name", ""), ("name", "a" * 5000), ("name", "Ada \u202ecalevoL"), ("name", "\u2066Ada\u2069")])
def test_bad_sign_up(world, field, value):
    body = {"email": f"{uuid.uuid4().hex}@example.com", "password": "correct horse battery", "name": "Ada"}
    body[field] = value
    problem = expect(world.anybody.post("/v1/users", body), 422)
    assert problem["field"] == field and (not value or value not in problem["detail"] or len(value) < 8)


@pytest.mark.parametrize("name", ["محمد علي", "דוד בן-גוריון", "دیوان\u200cسالار", "👩\u200d👩\u200d👧 Lovelace", "李小龍", "O'Neill-Żółć"])
def test_a_name_of_any_script_is_kept_as_it_is(world, open_show, name):
    customer = sign_up(world.base_url, name=name)
    assert expect(customer.get("/v1/me"), 200)["name"] == name
    show_id, _, guest = open_show
    registration_id, tickets = world.buy(customer, show_id, [(guest, 1, [name])])
    assert tickets[0]["holder"] == name


def test_a_wrong_password_and_an_unknown_address_look_alike(world, customer):
    wrong = world.anybody.post("/v1/sessions", {"email": customer.email, "password": "wrong horse battery"})
    unknown = world.anybody.post("/v1/sessions", {"email": f"{uuid.uuid4().hex}@example.com", "password": "wrong horse battery"})
    first, second = refused(wrong, "wrong_credentials", 401), refused(unknown, "wrong_credentials", 401)
    assert first["detail"] == second["detail"]


def test_a_refresh_token_is_exchanged_for_the_next(world, customer):
    body = {"email": customer.email, "password": customer.password}
    session = expect(world.anybody.post("/v1/sessions", body), 201)
    renewed = expect(world.anybody.post("/v1/sessions/refresh", {"refreshToken": session["refreshToken"]}), 200)
    assert renewed["refreshToken"] != session["refreshToken"]
    assert Caller(world.base_url, renewed["accessToken"]).get("/userTickets").status_code == 200
    expect(world.anybody.post("/v1/sessions/refresh", {"refreshToken": renewed["refreshToken"]}), 200)


def test_a_token_altered_is_no_token(world, customer):
    token = customer.token
    for place in (0, len(token) // 2, len(token) - 2):
        altered = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1:]
        expect(Caller(world.base_url, altered).get("/userTickets"), 401)


def test_secrets_stay_out_of_the_log(world, customer):
    output = world.server.output
    for secret in (customer.password, customer.token, world.provider.secret_key, world.provider.webhook_secret,
                   world.demo["users"]["gate"]["token"]):
        assert secret not in output
