"""Money that goes back: by the organiser, by the buyer, with a cancelled show, and what the ledger says of it."""

import time

import pytest

from api import expect, refused


def wait_for(look, limit_s=30):
    until = time.monotonic() + limit_s
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def show(world):
    show_id, [seat, guest] = world.organiser.create_show(
        "Given back", tiers=[{"name": "Seat", "price": 2500, "fee": 150, "capacity": 100}, {"name": "Guest", "price": 0}],
        opens_in_s=3600, closes_in_s=8 * 3600, customerRefundSeconds=600, refundKeepsFee=True)
    return show_id, seat, guest


def refund_of(world, registration_id, who):
    return expect(who.get(f"/v1/registrations/{registration_id}/refunds"), 200)["refunds"]


def settled(world, registration_id, who):
    return wait_for(lambda: [one for one in refund_of(world, registration_id, who) if one["status"] == "succeeded"])


def test_the_organiser_gives_everything_back(world, show, customer):
    show_id, seat, _ = show
    registration_id, tickets = world.buy(customer, show_id, [(seat, 2)])
    made = expect(world.organiser.post(f"/v1/registrations/{registration_id}/refunds", {}), 201)
    assert made["amount"] == 2 * 2650
    assert made["tickets"] == [1, 2]
    assert {ticket["status"] for ticket in customer.tickets(registration_id)} == {"revoked"}, "at once"
    [done] = settled(world, registration_id, customer)
    assert done["refundId"] == made["refundId"]
    [payment] = expect(world.organiser.get(f"/v1/registrations/{registration_id}/transactions"), 200)["transactions"]
    assert payment["refunded"] == 2 * 2650
    refused(world.organiser.post(f"/v1/registrations/{registration_id}/refunds", {}), "refund_too_much", 409)
    gate = world.gate(show_id)
    assert gate.scan(tickets[0]["qrCode"])["reason"] == "revoked"


def test_one_ticket_and_then_an_amount(world, show, customer):
    show_id, seat, _ = show
    registration_id, tickets = world.buy(customer, show_id, [(seat, 3)])
    one = expect(world.organiser.post(f"/v1/registrations/{registration_id}/refunds",
                                      {"ticketIds": [tickets[1]["ticketId"]]}), 201)
    assert one["amount"] == 2650
    some = expect(world.organiser.post(f"/v1/registrations/{registration_id}/refunds", {"amount": 300}), 201)
    assert some["tickets"] == []
    wait_for(lambda: len(settled(world, registration_id, customer)) == 2)
    statuses = {ticket["ticketId"]: ticket["status"] for ticket in customer.tickets(registration_id)}
    assert statuses[tickets[1]["ticketId"]] == "revoked"
    assert sorted(statuses.values()) == ["revoked", "valid", "valid"]


def test_an_amount_that_is_all_ends_the_tickets(world, show, customer):
    show_id, seat, _ = show
    registration_id, tickets = world.buy(customer, show_id, [(seat, 2)])
    path = f"/v1/registrations/{registration_id}/refunds"
    made = expect(world.organiser.post(path, {"amount": 2 * 2650}), 201)
    assert made["tickets"] == [1, 2]
    assert {ticket["status"] for ticket in customer.tickets(registration_id)} == {"revoked"}
    assert world.gate(show_id).scan(tickets[0]["qrCode"])["reason"] == "revoked"


def test_a_double_click_gives_back_once(world, show, customer):
    show_id, seat, _ = show
    registration_id, _ = world.buy(customer, show_id, [(seat, 2)])
    other_id, _ = world.buy(customer, show_id, [(seat, 1)])
    path = f"/v1/registrations/{registration_id}/refunds"
    key = {"Idempotency-Key": f"click-{registration_id}"}
    first = world.organiser.post(path, {"amount": 100}, headers=key)
    again = world.organiser.post(path, {"amount": 100}, headers=key)
    assert expect(first, 201) == expect(again, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(refund_of(world, registration_id, customer)) == 1
    refused(world.organiser.post(path, {"amount": 200}, headers=key), "idempotency_key_reused", 409, 422)
    refused(world.organiser.post(f"/v1/registrations/{other_id}/refunds", {"amount": 100}, headers=key),
            "idempotency_key_reused", 409, 422)
    assert refund_of(world, other_id, customer) == []


def test_what_makes_things_makes_them_once(world):
    key = {"Idempotency-Key": f"once-{time.time_ns()}"}
    first = expect(world.organiser.post("/v1/businesses", {"name": "Once"}, headers=key), 201)
    assert expect(world.organiser.post("/v1/businesses", {"name": "Once"}, headers=key), 201) == first
    show_id, _ = world.organiser.create_show("Once", tiers=[{"price": 1000}], publish=False)
    tier = {"name": "Once", "price": 1000, "capacity": 5}
    made = expect(world.organiser.post(f"/v1/shows/{show_id}/tiers", tier, headers=key), 201)
    assert expect(world.organiser.post(f"/v1/shows/{show_id}/tiers", tier, headers=key), 201) == made


def test_cash_is_taken_once(world, show, customer):
    show_id, seat, _ = show
    held = expect(customer.reserve(show_id, [(seat, 1)]), 201)["registrationId"]
    key = {"Idempotency-Key": f"cash-{held}"}
    first = expect(world.organiser.post(f"/v1/registrations/{held}/cash", headers=key), 200)
    assert expect(world.organiser.post(f"/v1/registrations/{held}/cash", headers=key), 200) == first
    refused(world.organiser.post(f"/v1/registrations/{held}/cash"), "already_paid", 409)


def test_the_buyer_gives_back_without_the_fee_and_not_for_others(world, show, customer):
    show_id, seat, _ = show
    registration_id, _ = world.buy(customer, show_id, [(seat, 1)])
    path = f"/v1/registrations/{registration_id}/refunds"
    refused(world.customer().post(path, {}), "forbidden", 403)
    refused(world.anybody.post(path, {}), "unauthenticated", 401)
    made = expect(customer.post(path, {}), 201)
    assert made["amount"] == 2500, "the show keeps the booking fee"
    settled(world, registration_id, customer)


def test_what_cannot_be_given_back(world, show, customer):
    show_id, seat, _ = show
    registration_id, tickets = world.buy(customer, show_id, [(seat, 1)])
    path = f"/v1/registrations/{registration_id}/refunds"
    refused(world.organiser.post(path, {"amount": 2651}), "refund_too_much", 409)
    refused(world.organiser.post(path, {"amount": 0}), "bad_field", 422)
    refused(world.organiser.post(path, {"ticketIds": [registration_id]}), "invalid_field", 422)
    refused(world.organiser.post(path, {"ticketIds": [tickets[0]["ticketId"]] * 2}), "invalid_field", 422)
    held = expect(customer.reserve(show_id, [(seat, 1)]), 201)["registrationId"]
    refused(world.organiser.post(f"/v1/registrations/{held}/refunds", {}), "not_paid", 409)
    customer.cancel(held)


def test_the_ledger_tells_where_the_money_went(world, show, customer):
    show_id, seat, _ = show
    registration_id, _ = world.buy(customer, show_id, [(seat, 1)])
    expect(world.organiser.post(f"/v1/registrations/{registration_id}/refunds", {}), 201)
    settled(world, registration_id, customer)
    [payment] = expect(world.organiser.get(f"/v1/registrations/{registration_id}/transactions"), 200)["transactions"]
    entries = expect(world.organiser.get(f"/v1/businesses/{world.organiser.business_id}/ledger?limit=1000"), 200)["entries"]
    mine = [entry for entry in entries if entry["transactionId"] == payment["transactionId"]]
    balance = {}
    for entry in mine:
        balance[entry["debit"]] = balance.get(entry["debit"], 0) + entry["amount"]
        balance[entry["credit"]] = balance.get(entry["credit"], 0) - entry["amount"]
    assert {entry["kind"] for entry in mine} >= {"charge", "transfer", "refund", "transfer_reversal"}
    assert set(balance.values()) == {0}, f"everything came in and went back: {balance}"
    refused(customer.get(f"/v1/businesses/{world.organiser.business_id}/ledger"), "forbidden", 403)


def test_a_refund_by_hand_at_the_provider_is_booked_as_it_was_made(world, show, customer):
    show_id, seat, _ = show
    registration_id, _ = world.buy(customer, show_id, [(seat, 1)])
    [payment] = expect(world.organiser.get(f"/v1/registrations/{registration_id}/transactions"), 200)["transactions"]
    intent_id = payment["intentId"]
    made = world.provider.session.post(
        f"{world.provider.api_base}/v1/refunds", timeout=30, data={"payment_intent": intent_id, "reverse_transfer": "true"},
        headers={"Authorization": f"Bearer {world.provider.secret_key}"})
    assert made.status_code == 200, made.text
    settled(world, registration_id, customer)
    assert {ticket["status"] for ticket in customer.tickets(registration_id)} == {"revoked"}
    entries = expect(world.organiser.get(f"/v1/businesses/{world.organiser.business_id}/ledger?limit=1000"), 200)["entries"]
    mine = [(entry["kind"], entry["amount"]) for entry in entries if entry["transactionId"] == payment["transactionId"]]
    assert ("transfer_reversal", 2650) in mine, mine


def test_a_forged_refund_of_less_than_nothing_is_kept_and_not_applied(world, show, customer):
    show_id, seat, _ = show
    registration_id, _ = world.buy(customer, show_id, [(seat, 1)])
    [payment] = expect(world.organiser.get(f"/v1/registrations/{registration_id}/transactions"), 200)["transactions"]
    refund = {"id": f"re_{time.time_ns()}", "object": "refund", "payment_intent": payment["intentId"], "charge": "ch_1",
              "amount": -100, "currency": "eur", "status": "succeeded", "metadata": {}}
    assert world.provider.send_event(world.provider.event("refund.updated", refund)).status_code == 200
    assert refund_of(world, registration_id, customer) == []


def test_a_whole_show_is_cancelled(world, customer):
    show_id, [seat, guest] = world.organiser.create_show("Called off", tiers=[{"price": 1000}, {"name": "Guest", "price": 0}])
    paid, paid_tickets = world.buy(customer, show_id, [(seat, 2)])
    free, _ = world.buy(customer, show_id, [(guest, 1)])
    held = expect(customer.reserve(show_id, [(seat, 1)]), 201)["registrationId"]
    refused(customer.post(f"/v1/shows/{show_id}/cancel"), "forbidden", 403)
    expect(world.organiser.post(f"/v1/shows/{show_id}/cancel"), 202)
    refused(customer.reserve(show_id, [(seat, 1)]), "show_cancelled", 409)
    finished = wait_for(lambda: [seen for seen in [expect(world.organiser.get(f"/v1/shows/{show_id}/cancellation"), 200)]
                                 if seen["status"] == "finished"])[0]
    assert (finished["total"], finished["done"]) == (3, 3)
    [refund] = settled(world, paid, customer)
    assert (refund["amount"], refund["reason"]) == (2000, "show_cancelled")
    assert {ticket["status"] for ticket in customer.all_tickets() if ticket["eventId"] == show_id} == {"revoked"}
    assert customer.registration(held)["status"] in ("cancelled", "expired")
    again = expect(world.organiser.post(f"/v1/shows/{show_id}/cancel"), 202)
    assert again["status"] == "finished"


def test_cash_at_the_box_office(world, customer):
    show_id, [seat] = world.organiser.create_show("Box office", tiers=[{"price": 1200}])
    registration_id = expect(customer.reserve(show_id, [(seat, 1)]), 201)["registrationId"]
    refused(customer.post(f"/v1/registrations/{registration_id}/cash"), "forbidden", 403)
    paid = expect(world.organiser.post(f"/v1/registrations/{registration_id}/cash"), 200)
    assert paid["status"] == "confirmed"
    [payment] = expect(world.organiser.get(f"/v1/registrations/{registration_id}/transactions"), 200)["transactions"]
    assert (payment["provider"], payment["status"], payment["stripeAccount"]) == ("cash", "succeeded", None)
    [ticket] = customer.tickets(registration_id)
    assert world.gate(show_id).scan(ticket["qrCode"])["valid"]


def test_another_amount_waits_for_an_operator(world, customer):
    show_id, [seat] = world.organiser.create_show("Odd sum", tiers=[{"price": 1200}])
    registration_id = expect(customer.reserve(show_id, [(seat, 1)]), 201)["registrationId"]
    intent_id = expect(customer.create_intent(registration_id), 200)["paymentIntentId"]
    intent = world.provider.intent(intent_id)
    event = world.provider.event("payment_intent.succeeded", dict(intent, status="succeeded", amount_received=1100))
    assert world.provider.send_event(event).status_code == 200
    [payment] = expect(world.organiser.get(f"/v1/registrations/{registration_id}/transactions"), 200)["transactions"]
    assert payment["reviewUntil"]
    accept = f"/v1/transactions/{payment['transactionId']}/accept"
    refused(world.organiser.post(accept), "forbidden", 403)
    assert expect(world.operator.post(accept), 200)["status"] == "confirmed"
    refused(world.operator.post(accept), "not_in_review", 409)


def test_a_card_that_is_reserved_first(world, customer):
    show_id, [seat] = world.organiser.create_show("Reserved", tiers=[{"price": 1200}], manualCapture=True)
    registration_id, [ticket] = world.buy(customer, show_id, [(seat, 1)])
    assert ticket["status"] == "valid"
    [payment] = expect(world.organiser.get(f"/v1/registrations/{registration_id}/transactions"), 200)["transactions"]
    assert (payment["status"], payment["received"]) == ("succeeded", 1200)


def test_a_dispute_freezes_the_ticket_and_a_won_one_frees_it(world, customer):
    show_id, [seat] = world.organiser.create_show("Disputed", tiers=[{"price": 1200}])
    registration_id, [ticket] = world.buy(customer, show_id, [(seat, 1)], card="4000000000000259")
    wait_for(lambda: customer.tickets(registration_id)[0]["status"] == "frozen")
    assert world.gate(show_id).scan(ticket["qrCode"])["reason"] == "frozen"
    disputes = expect(world.organiser.get(f"/v1/businesses/{world.organiser.business_id}/disputes"), 200)["disputes"]
    mine = next(one for one in disputes if one["registrationId"] == registration_id)
    assert (mine["outcome"], mine["isInquiry"], mine["amount"]) == ("open", False, 1200)
    refused(world.organiser.post(f"/v1/registrations/{registration_id}/refunds", {}), "disputed", 409)

    def evidence():
        told = world.provider.session.get(f"{world.provider.api_base}/v1/disputes/{mine['providerId']}", timeout=30,
                                          headers={"Authorization": f"Bearer {world.provider.secret_key}"})
        return told.json()["evidence"]

    wait_for(lambda: evidence()["access_activity_log"])
    assert evidence()["customer_purchase_ip"] == "127.0.0.1"
    closed = world.provider.session.post(
        f"{world.provider.api_base}/__sbx/disputes/{mine['providerId']}/decide", data={"outcome": "won"},
        headers={"Authorization": f"Bearer {world.provider.secret_key}"}, timeout=30)
    assert closed.status_code == 200, closed.text
    wait_for(lambda: customer.tickets(registration_id)[0]["status"] == "valid")
