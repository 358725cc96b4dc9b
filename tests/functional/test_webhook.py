"""Who may tell us that money moved."""

import json
import time
import uuid

import pytest

from api import expect, refused


def signed(provider, payload, **more):
    at, mac = provider.signature(payload, **more)
    return f"t={at},v1={mac}"


# (name, header from (provider, payload), payload as sent from payload)
def same(payload):
    return payload


FORGED = [
    ("no header", lambda p, b: None, same),
    ("empty header", lambda p, b: "", same),
    ("garbage", lambda p, b: "hello world", same),
    ("no timestamp", lambda p, b: "v1=" + p.signature(b)[1], same),
    ("timestamp is no number", lambda p, b: "t=abc,v1=" + p.signature(b)[1], same),
    ("timestamp replaced", lambda p, b: f"t={int(time.time()) + 1},v1={p.signature(b)[1]}", same),
    ("no signature", lambda p, b: f"t={int(time.time())}", same),
    ("only v0", lambda p, b: "t={},v0={}".format(*p.signature(b)), same),
    ("only v2", lambda p, b: "t={},v2={}".format(*p.signature(b)), same),
    ("truncated", lambda p, b: signed(p, b)[:-1], same),
    ("extended", lambda p, b: signed(p, b) + "00", same),
    ("upper case", lambda p, b: "t={0},v1={1}".format(p.signature(b)[0], p.signature(b)[1].upper().replace("0", "A", 1)), same),
    ("other secret", lambda p, b: signed(p, b, secret="whsec_" + "0" * 32), same),
    ("blank secret", lambda p, b: signed(p, b, secret=""), same),
    ("secret with a line end", lambda p, b: signed(p, b, secret=p.webhook_secret + "\n"), same),
    ("the secret key instead", lambda p, b: signed(p, b, secret=p.secret_key), same),
    ("stale", lambda p, b: signed(p, b, at=int(time.time()) - 310), same),
    ("an hour old", lambda p, b: signed(p, b, at=int(time.time()) - 3600), same),
    ("amount changed", signed, lambda b: b.replace(b'"amount": 2500', b'"amount": 2501')),
    ("line end added", signed, lambda b: b + b"\n"),
    ("written anew", signed, lambda b: json.dumps(json.loads(b), indent=2).encode()),
    ("cut short", signed, lambda b: b[:-1]),
    ("empty body", lambda p, b: signed(p, b""), lambda b: b""),
]


@pytest.fixture(scope="module")
def order(world, open_show):
    """An open payment that no forged message may complete."""
    customer = world.customer()
    held = expect(customer.reserve(open_show[0], [(open_show[1], 1)]), 201)
    intent = expect(customer.create_intent(held["registrationId"]), 200)
    return customer, held["registrationId"], intent["paymentIntentId"]


@pytest.fixture
def success(world, order):
    intent = world.provider.intent(order[2])
    intent.update(status="succeeded", amount_received=intent["amount"])
    payload = json.dumps(world.provider.event("payment_intent.succeeded", intent)).encode()
    assert b'"amount": 2500' in payload
    return payload


@pytest.mark.parametrize("path", ["/payments/webhook", "/v1/payments/webhook"])
@pytest.mark.parametrize("name, header, change", FORGED, ids=[case[0] for case in FORGED])
def test_a_forged_success_is_refused_and_changes_nothing(world, order, success, path, name, header, change):
    customer, registration_id, _ = order
    reply = world.provider.deliver(change(success), header(world.provider, success), path)
    assert reply.status_code == 400, reply.text
    assert customer.registration(registration_id)["status"] == "held"
    assert customer.tickets(registration_id) == []


ACCEPTED = [
    ("plain", lambda p, b: signed(p, b)),
    ("299 s old", lambda p, b: signed(p, b, at=int(time.time()) - 290)),
    ("a clock ahead", lambda p, b: signed(p, b, at=int(time.time()) + 120)),
    ("two signatures, one ours", lambda p, b: "t={0},v1={2},v1={1}".format(*p.signature(b), "0" * 64)),
    ("a v0 beside it", lambda p, b: signed(p, b) + ",v0=" + "ab" * 32),
    ("other order", lambda p, b: "v1={1},t={0}".format(*p.signature(b))),
]


@pytest.mark.parametrize("name, header", ACCEPTED, ids=[case[0] for case in ACCEPTED])
def test_a_signed_event_of_no_concern_is_taken(world, name, header):
    event = world.provider.event("customer.created", {"id": f"cus_{uuid.uuid4().hex}", "object": "customer"})
    payload = json.dumps(event).encode()
    assert world.provider.deliver(payload, header(world.provider, payload)).status_code == 200


def test_unknown_fields_and_values_of_the_provider_are_no_error(world):
    event = world.provider.event("payment_intent.some_later_kind",
                                 {"id": "pi_x", "object": "payment_intent", "status": "some_later_status", "new": [{}]},
                                 later_field={"a": None}, context="acct_x")
    assert world.provider.send_event(event).status_code == 200


@pytest.mark.parametrize("change", [
    {"amount_received": 1}, {"amount": 1, "amount_received": 1}, {"currency": "usd"}, {"livemode": True},
], ids=["less received", "less asked", "other currency", "live money"])
def test_a_success_that_does_not_fit_the_order_confirms_nothing(world, order, change):
    customer, registration_id, intent_id = order
    intent = world.provider.intent(intent_id)
    intent.update(status="succeeded", amount_received=intent["amount"])
    intent.update(change)
    event = world.provider.event("payment_intent.succeeded", intent, livemode=intent["livemode"])
    assert world.provider.send_event(event).status_code == 200
    assert customer.registration(registration_id)["status"] == "held"
    assert customer.tickets(registration_id) == []


def test_a_success_of_an_unknown_intent_is_stored_and_answered(world):
    intent = {"id": f"pi_{uuid.uuid4().hex}", "object": "payment_intent", "status": "succeeded", "amount": 2500,
              "amount_received": 2500, "currency": "eur", "livemode": False, "metadata": {}}
    assert world.provider.send_event(world.provider.event("payment_intent.succeeded", intent)).status_code == 200


def test_the_same_event_twice_issues_once(world, open_show, customer):
    show_id, seat, _ = open_show
    registration_id, tickets = world.buy(customer, show_id, [(seat, 2)])
    intent_id = customer.registration(registration_id).get("paymentIntentId")
    if intent_id is None:
        intent_id = world.demo["paymentIntentId"]
    event = world.provider.event("payment_intent.succeeded", world.provider.intent(intent_id))
    for _ in range(3):
        assert world.provider.send_event(event).status_code == 200
    assert {ticket["ticketId"] for ticket in customer.tickets(registration_id)} == {t["ticketId"] for t in tickets}


def test_a_late_failure_takes_nothing_back(world):
    customer = world.demo_customer
    intent = world.provider.intent(world.demo["paymentIntentId"])
    intent.update(status="requires_payment_method", amount_received=0,
                  last_payment_error={"code": "card_declined", "type": "card_error"})
    assert world.provider.send_event(world.provider.event("payment_intent.payment_failed", intent)).status_code == 200
    assert customer.registration(world.demo["registrationId"])["status"] == "confirmed"


def test_both_forms_of_the_path_are_served_without_a_redirect(world):
    event = world.provider.event("customer.created", {"id": "cus_x", "object": "customer"})
    for path in ("/payments/webhook/", "/v1/payments/webhook", "/v1/payments/webhook/"):
        assert world.provider.send_event({**event, "id": f"evt_{uuid.uuid4().hex}"}, path).status_code == 200


def test_signed_rubbish_gets_a_clear_answer(world):
    for payload in (b"not json", b"[]", b"{}", b'{"id": 1}', b"\xff\xfe", b"[" * 5000):
        reply = world.provider.deliver(payload, signed(world.provider, payload))
        assert reply.status_code in (200, 400), (payload[:20], reply.status_code, reply.text)


def test_what_could_not_be_applied_is_listed_for_the_operator(world):
    def listed(status):
        found, cursor = [], ""
        while cursor is not None:
            got = expect(world.operator.get(f"/v1/payments/events?status={status}&limit=2{cursor}"), 200)
            assert len(got["events"]) <= 2 and all(event["status"] == status for event in got["events"])
            found += got["events"]
            cursor = f"&cursor={got['nextCursor']}" if "nextCursor" in got else None
        return found

    flagged = [world.provider.event("customer.created", {"id": "cus_x", "object": "customer"}, livemode=True) for _ in range(3)]
    waiting = world.provider.event("charge.dispute.created", {
        "id": f"dp_{uuid.uuid4().hex}", "object": "dispute", "payment_intent": f"pi_{uuid.uuid4().hex}", "status": "needs_response",
        "amount": 2500, "currency": "eur", "livemode": False, "reason": "fraudulent"})
    for event in [*flagged, waiting]:
        assert world.provider.send_event(event).status_code == 200
    found = listed("flagged")
    ours = [event["eventId"] for event in found if event["eventId"] in {event["id"] for event in flagged}]
    assert ours == [event["id"] for event in reversed(flagged)], "newest first, none twice, none missing"
    assert next(event for event in found if event["eventId"] == ours[0])["detail"] == "wrong_livemode"
    assert found == sorted(found, key=lambda event: event["receivedAt"], reverse=True)
    assert waiting["id"] in [event["eventId"] for event in listed("waiting")]
    assert waiting["id"] not in [event["eventId"] for event in found]
    listed("failed")
    refused(world.organiser.get("/v1/payments/events?status=failed"), "forbidden", 403)
    for query in ("", "?status=applied", "?status=flagged&cursor=x"):
        assert world.operator.get("/v1/payments/events" + query).status_code in (400, 422), query


def test_a_failure_from_before_the_card_was_taken_changes_nothing(world, open_show, customer):
    show_id, tier_id, _ = open_show
    held = expect(customer.reserve(show_id, [(tier_id, 1)]), 201)["registrationId"]
    intent = world.provider.intent(expect(customer.create_intent(held), 200)["paymentIntentId"])
    now = int(time.time())
    assert world.provider.send_event(world.provider.event(
        "payment_intent.processing", dict(intent, status="processing"), created=now)).status_code == 200
    assert world.provider.send_event(world.provider.event(
        "payment_intent.payment_failed", dict(intent, status="requires_payment_method"), created=now - 3600)
    ).status_code == 200
    refused(world.organiser.post(f"/v1/registrations/{held}/cash"), "payment_in_progress", 409)
    assert world.provider.send_event(world.provider.event(
        "payment_intent.payment_failed", dict(intent, status="requires_payment_method"), created=now + 1)
    ).status_code == 200
    expect(world.organiser.post(f"/v1/registrations/{held}/cash"), 200)
