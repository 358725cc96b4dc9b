"""A business's keys for its backends."""

import pytest

import people
from api import Caller, expect, refused


@pytest.fixture(scope="module")
def owner(world):
    return people.owner(world, "The Shed")


def test_a_key_is_shown_once_and_does_what_its_scopes_say(world, owner):
    key = people.key(owner, "manage_shows", "see_shows")
    listed = expect(owner.get(f"/v1/businesses/{owner.business_id}/api-keys"), 200)["keys"]
    [mine] = [one for one in listed if one["keyId"] == key.key_id]
    assert "key" not in mine and sorted(mine["scopes"]) == ["manage_shows", "see_shows"]
    body = {"title": "By a backend", "zone": "Etc/UTC", "startsLocal": "2030-06-01T20:00", "currency": "EUR"}
    show = expect(key.post(f"/v1/businesses/{owner.business_id}/shows", body), 201)
    assert show["showId"] in key.get(f"/businessShows?userId={owner.user_id}").text
    refused(key.get(f"/v1/businesses/{owner.business_id}/ledger"), "forbidden", 403)
    refused(key.post(f"/v1/businesses/{world.demo['businessId']}/shows", body), "forbidden", 403)
    refused(key.get("/businessShows"), "invalid_field", 422)


def test_a_key_is_nobody(owner):
    key = people.key(owner, "sell")
    for path in ("/v1/me", "/userQRcodes"):
        problem = refused(key.get(path), "forbidden", 403)
        assert "key" in problem["detail"]
    refused(key.post("/v1/businesses", {"name": "Own"}), "forbidden", 403)


def test_a_key_that_is_wrong_revoked_or_foreign_opens_nothing(world, owner):
    key = people.key(owner, "see_business", expiresInDays=1)
    path = f"/v1/businesses/{owner.business_id}"
    expect(key.get(path), 200)
    flipped = key.token[:-1] + ("A" if key.token[-1] != "A" else "B")
    for token in (flipped, "key_", "key_" + "A" * 64, key.token + "x"):
        expect(Caller(world.base_url, token).get(path), 401, "unauthenticated")
    other = people.owner(world)
    refused(other.send("DELETE", f"/v1/businesses/{other.business_id}/api-keys/{key.key_id}"), "unknown_key", 404)
    expect(owner.send("DELETE", f"{path}/api-keys/{key.key_id}"), 200)
    expect(key.get(path), 401, "unauthenticated")


def test_no_key_makes_keys_or_members(owner):
    for scope in ("manage_keys", "manage_members", "connect_account", "everything"):
        reply = owner.post(f"/v1/businesses/{owner.business_id}/api-keys", {"name": "x", "scopes": [scope]})
        assert reply.status_code == 422, reply.text
    key = people.key(owner, "manage_shows")
    refused(key.post(f"/v1/businesses/{owner.business_id}/api-keys", {"name": "x", "scopes": ["sell"]}), "forbidden", 403)
