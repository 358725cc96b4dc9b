"""A business's account at the payment provider: made, filled in, looked at again, linked, and the gate it keeps."""

import uuid

import pytest

from api import Organiser, expect, refused, sign_up


@pytest.fixture
def organiser(world):
    one = sign_up(world.base_url, kind=Organiser)
    one.business_id = expect(one.post("/v1/businesses", {"name": "New Stage"}), 201)["businessId"]
    return one


def test_nothing_is_sold_before_the_account_can_charge(world, organiser, customer):
    show_id, [seat] = organiser.create_show("Not yet")
    assert "no payment account" in refused(customer.reserve(show_id, [(seat, 1)]), "payments_unavailable", 409)["detail"]
    path = f"/v1/businesses/{organiser.business_id}"
    refused(customer.post(f"{path}/stripe-account", {}), "forbidden", 403)
    refused(organiser.post(f"{path}/onboarding-link"), "payments_unavailable", 409)
    made = expect(organiser.post(f"{path}/stripe-account", {"country": "DE", "email": organiser.email}), 200)
    assert made["stripeAccount"].startswith("acct_")
    assert not made["canSell"] and made["missing"]
    again = expect(organiser.post(f"{path}/stripe-account", {}), 200)
    assert again["stripeAccount"] == made["stripeAccount"], "one account, however often it is asked for"
    problem = refused(customer.reserve(show_id, [(seat, 1)]), "payments_unavailable", 409)
    assert problem["detail"] == made["missing"], "the buyer's caller is told what the organiser is"


def test_onboarding_opens_the_sale(world, organiser, customer):
    show_id, [seat] = organiser.create_show("Soon")
    path = f"/v1/businesses/{organiser.business_id}"
    expect(organiser.post(f"{path}/stripe-account", {"country": "DE"}), 200)
    link = expect(organiser.post(f"{path}/onboarding-link"), 201)
    form = world.provider.session.get(link["url"], timeout=30)
    assert form.status_code == 200, form.text
    assert world.provider.session.get(link["url"], timeout=30, allow_redirects=False).status_code != 200, "good once"
    returned = world.anybody.get(f"/connect/return?businessId={organiser.business_id}")
    assert returned.status_code == 200 and "missing" in returned.text


def test_a_used_up_way_back_leads_nowhere(world, organiser):
    assert world.anybody.get(f"/connect/refresh?state={uuid.uuid4().hex}").status_code == 410
    assert world.anybody.get(f"/connect/return?businessId={uuid.uuid4()}").status_code == 404
    refused(organiser.post("/v1/connect/oauth", {"code": "ac_123", "state": uuid.uuid4().hex}), "link_used_up", 409)


def test_linking_by_oauth_is_bound_to_who_began(world, organiser):
    begun = expect(organiser.post(f"/v1/businesses/{organiser.business_id}/oauth-link"), 201)
    state = begun["url"].split("state=")[1].split("&")[0]
    stranger = sign_up(world.base_url)
    refused(stranger.post("/v1/connect/oauth", {"code": "ac_123", "state": state}), "link_used_up", 409)
    # The code is wrong, but the way back was the right one: it is the provider that refuses.
    refused_by_provider = organiser.post("/v1/connect/oauth", {"code": "ac_123", "state": state})
    assert refused_by_provider.status_code == 502, refused_by_provider.text
    refused(organiser.post("/v1/connect/oauth", {"code": "ac_123", "state": state}), "link_used_up", 409)


def test_an_account_belongs_to_one_business(world, organiser):
    body = {"stripeAccount": world.provider.connected_account}
    path = f"/v1/businesses/{organiser.business_id}/stripe-account"
    refused(organiser.send("PUT", path, body), "forbidden", 403)
    refused(world.operator.send("PUT", path, body), "account_taken", 409)


def test_the_platforms_share(world, organiser):
    path = f"/v1/businesses/{organiser.business_id}"
    refused(organiser.send("PUT", f"{path}/fees", {"fixed": 0, "percentBp": 0}), "forbidden", 403)
    set_to = expect(world.operator.send("PUT", f"{path}/fees", {"fixed": 30, "percentBp": 250, "onBehalfOf": True}), 200)
    assert set_to["fees"] == {"fixed": 30, "percentBp": 250, "chargeModel": "destination", "onBehalfOf": True}
    refused(world.operator.send("PUT", f"{path}/fees", {"fixed": 0, "percentBp": 10001}), "bad_field", 422)


def test_an_account_that_disconnects_closes_the_sale(world, organiser):
    """The event is signed with the secret of the endpoint for connected accounts; that of the platform does not do."""
    event = world.provider.event("account.application.deauthorized", {"id": "ca_123", "object": "application"},
                                 account="acct_somebody")
    assert world.provider.send_event(event, "/payments/webhook/connect").status_code == 400
