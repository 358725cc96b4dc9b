"""From a reservation to a ticket on paper."""

import re
import uuid

import pytest

from api import Caller, expect, refused
from paper import decode_with_both, text_of

UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
INSTANT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


def test_one_ticket_end_to_end(world, open_show, customer, gate):
    show_id, seat, _ = open_show
    held = expect(customer.reserve(show_id, [(seat, 1, ["Grace Example"])]), 201)
    assert held["status"] == "held"
    assert held["amount"] == 2500 and held["currency"] == "EUR"
    assert INSTANT.match(held["expiresAt"])
    assert len(held["lines"]) == 1 and held["lines"][0]["quantity"] == 1
    registration_id = held["registrationId"]

    intent = expect(customer.create_intent(registration_id, 2500), 200)
    assert intent["paymentIntentId"].startswith("pi_")
    assert intent["clientSecret"].startswith(intent["paymentIntentId"] + "_secret_")

    paid = world.provider.confirm(intent["paymentIntentId"], intent["clientSecret"])
    assert paid.status_code == 200 and paid.json()["status"] == "succeeded", paid.text
    confirmed = customer.wait_for_status(registration_id, "confirmed")
    assert confirmed["registrationId"] == registration_id and confirmed["amount"] == 2500

    [ticket] = customer.tickets(registration_id)
    assert UUID.match(ticket["ticketId"].removeprefix("TICKET#"))
    assert ticket["eventId"] == show_id and ticket["userId"] == customer.user_id and ticket["tierId"] == seat
    assert ticket["status"] == "valid" and ticket["validatedAt"] is None
    assert ticket["s3Key"] == f"tickets/{ticket['ticketId']}.pdf"
    assert INSTANT.match(ticket["generatedAt"])
    assert re.fullmatch(r"HTTPS?://[A-Z0-9.:-]+/V/\d+", ticket["qrCode"])
    digits = ticket["qrCode"].rsplit("/", 1)[1]
    assert ticket["encoding"].endswith(f"/validateQRcode?encrypted_token={digits}")

    link = expect(customer.get(f"/tickets/{ticket['ticketId']}/download"), 200)
    pdf = Caller(world.base_url).get(link["downloadUrl"])
    assert pdf.status_code == 200 and pdf.content.startswith(b"%PDF-")
    assert "Grace Example" in text_of(pdf.content)
    assert decode_with_both(pdf.content) == [ticket["qrCode"]]

    assert gate.scan(ticket["qrCode"])["reason"] == "admitted"
    assert gate.scan(ticket["qrCode"])["reason"] == "already_used"
    [used] = customer.tickets(registration_id)
    assert used["status"] == "used" and INSTANT.match(used["validatedAt"])


def test_money_of_a_line_adds_up(world, customer):
    show_id, [tier] = world.organiser.create_show(
        tiers=[{"name": "Taxed", "price": 1999, "taxRate": 1900, "fee": 150}])
    with world.hold(customer, show_id, [(tier, 3)]) as held:
        [line] = held["lines"]
        assert line["quantity"] == 3
        assert line["fee"] == 3 * 150
        assert line["gross"] == 3 * (1999 + 150)
        assert line["tax"] == (2 * line["gross"] * 1900 + 11900) // (2 * 11900), "half up, once per line"
        assert line["net"] + line["tax"] == line["gross"]
        assert held["amount"] == line["gross"]


def test_free_tickets_need_no_payment(world, open_show, customer):
    show_id, _, guest = open_show
    held = expect(customer.reserve(show_id, [(guest, 2)]), 201)
    assert held["amount"] == 0
    confirmed = customer.wait_for_status(held["registrationId"], "confirmed")
    tickets = customer.tickets(confirmed["registrationId"])
    assert len(tickets) == 2 and len({ticket["qrCode"] for ticket in tickets}) == 2


def test_several_tickets_each_with_its_own_code(world, open_show, customer, gate):
    show_id, seat, guest = open_show
    names = ["Ada", "Żółć Łukasz", "Ελένη"]
    _, tickets = world.buy(customer, show_id, [(seat, 3, names), (guest, 1)])
    assert len(tickets) == 4 and len({ticket["ticketId"] for ticket in tickets}) == 4
    assert [gate.scan(ticket["qrCode"])["valid"] for ticket in tickets] == [True] * 4


def test_a_free_line_beside_a_paid_one_waits_for_the_money(world, open_show, customer):
    show_id, seat, guest = open_show
    with world.hold(customer, show_id, [(seat, 1), (guest, 1)]) as held:
        assert held["status"] == "held"
        assert customer.tickets(held["registrationId"]) == []


def test_the_last_place_goes_to_one(world, customer):
    show_id, [tier] = world.organiser.create_show(tiers=[{"price": 0, "capacity": 1}])
    expect(customer.reserve(show_id, [(tier, 1)]), 201)
    refused(world.customer().reserve(show_id, [(tier, 1)]), "sold_out", 409)


def test_tiers_share_a_quota(world, customer):
    organiser = world.organiser
    show_id, _ = organiser.create_show(tiers=[{"price": 0, "capacity": 5}], publish=False)
    quota = expect(organiser.post(f"/v1/shows/{show_id}/quotas", {"name": "Hall", "size": 3}), 201)["quotaId"]
    adult = organiser.create_tier(show_id, name="Adult", price=0, capacity=None, quotaIds=[quota])
    child = organiser.create_tier(show_id, name="Child", price=0, capacity=None, quotaIds=[quota])
    expect(organiser.post(f"/v1/shows/{show_id}/publish"), 200)
    expect(customer.reserve(show_id, [(adult, 2)]), 201)
    refused(customer.reserve(show_id, [(child, 2)]), "sold_out", 409)
    expect(customer.reserve(show_id, [(child, 1)]), 201)


def test_a_cancelled_hold_gives_its_places_back(world, customer):
    show_id, [tier] = world.organiser.create_show(tiers=[{"price": 1000, "capacity": 1}])
    held = expect(customer.reserve(show_id, [(tier, 1)]), 201)
    other = world.customer()
    refused(other.reserve(show_id, [(tier, 1)]), "sold_out")
    assert customer.cancel(held["registrationId"]).status_code == 200
    assert customer.registration(held["registrationId"])["status"] == "cancelled"
    with world.hold(other, show_id, [(tier, 1)]):
        pass


def test_limits_of_one_order(world, customer):
    show_id, [tier] = world.organiser.create_show(
        tiers=[{"price": 0, "minPerRegistration": 2, "maxPerRegistration": 4}])
    refused(customer.reserve(show_id, [(tier, 1)]), "too_few")
    refused(customer.reserve(show_id, [(tier, 5)]), "too_many")
    expect(customer.reserve(show_id, [(tier, 4)]), 201)


def test_live_holds_of_one_user_are_limited(world, customer):
    show_id, [tier] = world.organiser.create_show(tiers=[{"price": 1000}])
    held = []
    for _ in range(100):
        reply = customer.reserve(show_id, [(tier, 1)])
        if reply.status_code != 201:
            break
        held.append(reply.json()["registrationId"])
    refused(reply, "too_many_holds")
    assert held
    for registration_id in held:
        customer.cancel(registration_id)
    with world.hold(customer, show_id, [(tier, 1)]):
        pass


def test_an_unpublished_show_sells_nothing_and_is_not_seen(world, customer):
    show_id, [tier] = world.organiser.create_show(publish=False)
    reply = customer.reserve(show_id, [(tier, 1)])
    assert expect(reply, reply.status_code)["code"] in ("show_not_published", "unknown_show")
    assert world.anybody.get(f"/v1/shows/{show_id}").status_code == 404


def test_a_business_that_cannot_be_paid_sells_only_free_tiers(world, customer):
    owner = world.customer()
    business = expect(owner.post("/v1/businesses", {"name": "No account yet"}), 201)["businessId"]
    owner.__class__ = type(world.organiser)
    owner.business_id = business
    show_id, [paid, free] = owner.create_show(tiers=[{"price": 1000}, {"price": 0}])
    refused(customer.reserve(show_id, [(paid, 1)]), "payments_unavailable")
    expect(customer.reserve(show_id, [(free, 1)]), 201)


class TestIdempotencyKey:
    def test_a_repeat_gives_the_same_answer(self, world, open_show, customer):
        show_id, seat, _ = open_show
        key = uuid.uuid4().hex
        first = customer.reserve(show_id, [(seat, 1)], key)
        again = customer.reserve(show_id, [(seat, 1)], key)
        assert first.status_code == again.status_code == 201
        assert first.json() == again.json()
        customer.cancel(first.json()["registrationId"])

    def test_another_body_is_refused(self, world, open_show, customer):
        show_id, seat, _ = open_show
        key = uuid.uuid4().hex
        first = expect(customer.reserve(show_id, [(seat, 1)], key), 201)
        refused(customer.reserve(show_id, [(seat, 2)], key), "idempotency_key_reused", 409)
        customer.cancel(first["registrationId"])

    def test_it_belongs_to_its_caller(self, world, open_show, customer):
        show_id, seat, _ = open_show
        key = uuid.uuid4().hex
        mine = expect(customer.reserve(show_id, [(seat, 1)], key), 201)
        other = world.customer()
        theirs = expect(other.reserve(show_id, [(seat, 1)], key), 201)
        assert mine["registrationId"] != theirs["registrationId"]
        customer.cancel(mine["registrationId"])
        other.cancel(theirs["registrationId"])

    def test_a_refusal_is_not_kept(self, world, customer):
        show_id, [tier] = world.organiser.create_show(tiers=[{"price": 1000, "capacity": 1}])
        other = world.customer()
        held = expect(other.reserve(show_id, [(tier, 1)]), 201)
        key = uuid.uuid4().hex
        refused(customer.reserve(show_id, [(tier, 1)], key), "sold_out")
        other.cancel(held["registrationId"])
        mine = expect(customer.reserve(show_id, [(tier, 1)], key), 201)
        customer.cancel(mine["registrationId"])


@pytest.mark.parametrize("what", ["registration", "intent", "cancel"])
def test_an_order_belongs_to_its_buyer(world, open_show, customer, what):
    show_id, seat, _ = open_show
    stranger = world.customer()
    with world.hold(customer, show_id, [(seat, 1)]) as held:
        order = held["registrationId"]
        reply = {"registration": lambda: stranger.get(f"/v1/registrations/{order}"),
                 "intent": lambda: stranger.create_intent(order),
                 "cancel": lambda: stranger.cancel(order)}[what]()
        assert reply.status_code in (403, 404), reply.text
        assert customer.registration(order)["status"] == "held"


def test_generate_makes_again_what_is_missing(world, open_show, customer):
    show_id, seat, _ = open_show
    registration_id, [ticket] = world.buy(customer, show_id, [(seat, 1)])
    body = {"registrationId": registration_id, "eventId": show_id, "userId": customer.user_id}
    for _ in range(2):
        made = expect(world.operator.post("/v1/tickets/generate", body), 200)
        assert made["ticketId"] == ticket["ticketId"] and made["s3Key"] == ticket["s3Key"]
        assert len(made["tickets"]) == 1
    assert customer.post("/v1/tickets/generate", body).status_code == 403
    other = {**body, "userId": world.demo_customer.user_id}
    assert 400 <= world.operator.post("/v1/tickets/generate", other).status_code < 500


def test_public_data_of_a_show_tells_what_is_left(world, customer):
    show_id, [tier] = world.organiser.create_show("Public face", tiers=[{"price": 500, "capacity": 7}])
    shown = expect(world.anybody.get(f"/v1/shows/{show_id}"), 200)
    assert shown["title"] == "Public face"
    [seen] = shown["tiers"]
    assert seen["tierId"] == tier and seen["price"] == 500 and seen["available"] == 7
    with world.hold(customer, show_id, [(tier, 2)]):
        [seen] = expect(world.anybody.get(f"/v1/shows/{show_id}"), 200)["tiers"]
        assert seen["available"] == 5
