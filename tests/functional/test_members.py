"""Who works for a business: invited, changed, removed."""

import pytest

import people
from api import expect, refused


@pytest.fixture(scope="module")
def owner(world):
    return people.owner(world, "The Barn")


def members(owner):
    listed = expect(owner.get(f"/v1/businesses/{owner.business_id}/members"), 200)["members"]
    return {one["userId"]: one for one in listed}


def test_an_invitation_is_answered_alike_for_known_and_unknown_addresses(world, owner):
    known, unknown = world.customer().email, "nobody-has-this@example.com"
    answers = [expect(people.invite(owner, email, "finance"), 202) for email in (known, unknown)]
    assert [set(one) for one in answers] == [{"email", "role", "expiresAt"}] * 2


def test_only_the_newest_invitation_holds_and_the_owner_withdraws_it(world, owner):
    invited = people.verified(world)
    first = people.invitation(world, owner, invited.email, "manager")
    second = people.invitation(world, owner, invited.email, "gate")
    refused(invited.post("/v1/memberships", {"token": first}), "unknown_proof", 404)
    path = f"/v1/businesses/{owner.business_id}/invitations"
    mine = [one for one in expect(owner.get(path), 200)["invitations"] if one["email"] == invited.email]
    assert [one["role"] for one in mine] == ["gate"]
    refused(invited.get(path), "forbidden", 403)
    assert owner.send("DELETE", f"{path}/{mine[0]['invitationId']}").status_code == 204
    assert invited.email not in [one["email"] for one in expect(owner.get(path), 200)["invitations"]]
    refused(invited.post("/v1/memberships", {"token": second}), "unknown_proof", 404)


def test_a_member_sees_what_the_role_may(world, owner):
    clerk = people.member(world, owner, "box_office")
    assert clerk.membership["role"] == "box_office" and "sell" in clerk.membership["capabilities"]
    listed = members(owner)
    assert listed[owner.user_id]["role"] == "owner"
    assert listed[clerk.user_id]["email"] == clerk.email
    show_id, _ = owner.create_show("Clerk's", publish=False)
    shows = expect(clerk.get("/businessShows"), 200)["shows"]
    assert [one["showId"] for one in shows] == [show_id]
    refused(clerk.get(f"/v1/businesses/{owner.business_id}/members"), "forbidden", 403)
    refused(clerk.get(f"/v1/businesses/{owner.business_id}/ledger"), "forbidden", 403)


def test_the_invitation_is_for_the_address_and_good_once(world, owner):
    invited, other = people.verified(world), people.verified(world)
    link = people.invitation(world, owner, invited.email, "gate")
    refused(other.post("/v1/memberships", {"token": link}), "forbidden", 403)
    refused(invited.post("/v1/memberships", {"token": link[:-2] + "xx"}), "unknown_proof", 404)
    refused(invited.post("/v1/memberships", {"token": "proof_x"}), "unknown_proof", 404)
    expect(invited.post("/v1/memberships", {"token": link}), 201)
    refused(invited.post("/v1/memberships", {"token": link}), "unknown_proof", 404)


def test_an_address_that_is_not_proven_joins_nothing(world, owner):
    account = world.customer()
    link = people.invitation(world, owner, account.email, "manager")
    refused(account.post("/v1/memberships", {"token": link}), "email_not_verified", 409)


def test_nobody_becomes_an_owner_and_the_owner_stays(world, owner):
    manager = people.member(world, owner, "manager")
    path = f"/v1/businesses/{owner.business_id}/members"
    assert people.invite(owner, "x@example.com", "owner").status_code == 422
    refused(people.invite(manager, "x@example.com", "gate", owner.business_id), "forbidden", 403)
    refused(manager.send("PATCH", f"{path}/{manager.user_id}", {"role": "finance"}), "forbidden", 403)
    refused(owner.send("PATCH", f"{path}/{owner.user_id}", {"role": "gate"}), "owner_stays", 409)
    refused(owner.send("DELETE", f"{path}/{owner.user_id}"), "owner_stays", 409)
    refused(owner.send("DELETE", f"{path}/{world.customer().user_id}"), "unknown_member", 404)


def test_the_box_office_prints_once_what_it_sold(world, owner):
    """Free tickets aside, a business without an account at the provider sells nothing: the demo's does."""
    boss = world.organiser
    clerk, colleague = (people.member(world, boss, "box_office") for _ in range(2))
    show_id, [seat] = boss.create_show("At the desk", tiers=[{"name": "Seat", "price": 1500}])
    buyer = world.customer()
    held = expect(buyer.reserve(show_id, [(seat, 2)]), 201)["registrationId"]
    path = f"/v1/registrations/{held}/print"
    refused(clerk.post(path), "forbidden", 403)
    expect(clerk.post(f"/v1/registrations/{held}/cash"), 200)
    for other in (colleague, boss, buyer, world.operator):
        refused(other.post(path), "forbidden", 403)
    pages = expect(clerk.post(path), 200)["pages"]
    assert len(pages) == 2
    for page in pages:
        link = world.anybody.get(page["downloadUrl"])
        assert link.status_code == 200 and link.content.startswith(b"%PDF")
    refused(clerk.post(path), "ticket_not_valid", 409)
    assert "qrCode" not in clerk.get(f"/v1/registrations/{held}").text
