"""Intents and what comes of them."""

import concurrent.futures
import time

import pytest

from api import expect, refused


def open_intent(world, customer, show_id, tier):
    held = expect(customer.reserve(show_id, [(tier, 1)]), 201)
    intent = expect(customer.create_intent(held["registrationId"]), 200)
    return held["registrationId"], intent["paymentIntentId"], intent["clientSecret"]


def test_a_repeat_gives_the_same_intent(world, open_show, customer):
    show_id, seat, _ = open_show
    with world.hold(customer, show_id, [(seat, 1)]) as held:
        first = expect(customer.create_intent(held["registrationId"], 2500), 200)
        again = expect(customer.create_intent(held["registrationId"], 2500), 200)
        without = expect(customer.create_intent(held["registrationId"]), 200)
        assert first == again == without


def set_provider_delay(world, milliseconds):
    reply = world.provider.session.post(f"{world.provider.api_base}/__sbx/faults", data={"api_delay_ms": milliseconds},
                                        headers={"Authorization": f"Bearer {world.provider.secret_key}"}, timeout=30)
    assert reply.status_code == 200, reply.text


def test_who_asks_while_another_asks_gets_the_same_intent(world, open_show):
    """The provider refuses an idempotency key that is in use: nobody is to see that, and nothing is wrong."""
    show_id, seat, _ = open_show
    buyer = world.customer()
    callers = [type(buyer)(buyer.base_url, buyer.token, buyer.user_id, buyer.email, buyer.password) for _ in range(8)]
    told = len(world.server.output)
    with world.hold(buyer, show_id, [(seat, 1)]) as held, concurrent.futures.ThreadPoolExecutor(len(callers)) as pool:
        set_provider_delay(world, 2500)  # longer than the client's own attempts
        try:
            asked = [pool.submit(caller.create_intent, held["registrationId"]) for caller in callers]
            time.sleep(1)
        finally:
            set_provider_delay(world, 0)
        answers = [expect(one.result(), 200) for one in asked]
    assert all(answer == answers[0] for answer in answers)
    assert "idempotency_key_in_use" not in world.server.output[told:]
    # The link in the new buyer's mail is told as well, there being no mail server.
    told_since = world.server.output[told:].splitlines()
    assert not [line for line in told_since if '"level":"warning"' in line and "a link that nobody is mailed" not in line]


def test_the_server_knows_the_price(world, open_show, customer):
    show_id, seat, _ = open_show
    with world.hold(customer, show_id, [(seat, 1)]) as held:
        for amount in (1, 2499, 2501, 25):
            refused(customer.create_intent(held["registrationId"], amount), "amount_differs")
        intent = expect(customer.create_intent(held["registrationId"]), 200)
        assert world.provider.intent(intent["paymentIntentId"])["amount"] == 2500


def test_the_money_goes_to_the_business(world, open_show, customer):
    show_id, seat, _ = open_show
    with world.hold(customer, show_id, [(seat, 1)]) as held:
        made = expect(customer.create_intent(held["registrationId"]), 200)
        intent = world.provider.intent(made["paymentIntentId"])
        assert intent["transfer_data"]["destination"] == world.provider.connected_account
        assert intent["currency"] == "eur" and intent["livemode"] is False


@pytest.mark.parametrize("card, decline", [("no_funds", "insufficient_funds"), ("declined", "generic_decline")])
def test_a_declined_card_leaves_the_order_payable(world, open_show, customer, card, decline):
    show_id, seat, _ = open_show
    order, intent_id, secret = open_intent(world, customer, show_id, seat)
    reply = world.provider.confirm(intent_id, secret, card)
    assert reply.status_code == 402, reply.text
    error = reply.json()["error"]
    assert error["code"] == "card_declined" and error["decline_code"] == decline
    time.sleep(0.3)
    assert customer.registration(order)["status"] == "held"
    assert customer.tickets(order) == []
    again = expect(customer.create_intent(order), 200)
    assert again["paymentIntentId"] == intent_id
    assert world.provider.confirm(intent_id, secret).status_code == 200
    customer.wait_for_status(order, "confirmed")
    assert len(customer.tickets(order)) == 1


def test_a_card_that_asks_its_bank(world, open_show, customer):
    show_id, seat, _ = open_show
    order, intent_id, secret = open_intent(world, customer, show_id, seat)
    reply = world.provider.confirm(intent_id, secret, "challenge")
    assert reply.status_code == 200 and reply.json()["status"] == "requires_action", reply.text
    assert customer.registration(order)["status"] == "held"
    world.provider.answer_challenge(reply.json(), "complete")
    customer.wait_for_status(order, "confirmed")


def test_a_failed_challenge_leaves_the_order_payable(world, open_show, customer):
    show_id, seat, _ = open_show
    order, intent_id, secret = open_intent(world, customer, show_id, seat)
    reply = world.provider.confirm(intent_id, secret, "challenge")
    world.provider.answer_challenge(reply.json(), "fail")
    assert world.provider.intent(intent_id)["status"] == "requires_payment_method"
    assert customer.registration(order)["status"] == "held"
    assert world.provider.confirm(intent_id, secret).status_code == 200
    customer.wait_for_status(order, "confirmed")


def test_a_paid_order_takes_no_second_intent(world, open_show, customer):
    show_id, seat, _ = open_show
    order, _ = world.buy(customer, show_id, [(seat, 1)])
    refused(customer.create_intent(order), "already_paid")


def test_a_free_order_takes_no_intent(world, open_show, customer):
    show_id, _, guest = open_show
    order, _ = world.buy(customer, show_id, [(guest, 1)])
    assert 400 <= customer.create_intent(order).status_code < 500


def test_a_cancelled_order_takes_no_intent(world, open_show, customer):
    show_id, seat, _ = open_show
    held = expect(customer.reserve(show_id, [(seat, 1)]), 201)
    customer.cancel(held["registrationId"])
    reply = customer.create_intent(held["registrationId"])
    assert 400 <= reply.status_code < 500
    expect(reply, reply.status_code)


def test_somebody_elses_secret_opens_nothing(world, open_show, customer):
    show_id, seat, _ = open_show
    order, intent_id, _ = open_intent(world, customer, show_id, seat)
    wrong = world.provider.confirm(intent_id, f"{intent_id}_secret_guess")
    assert 400 <= wrong.status_code < 500
    assert customer.registration(order)["status"] == "held"
    customer.cancel(order)


def test_the_secret_key_is_needed_to_read_an_intent(world, open_show, customer):
    show_id, seat, _ = open_show
    order, intent_id, _ = open_intent(world, customer, show_id, seat)
    url = f"{world.provider.api_base}/v1/payment_intents/{intent_id}"
    for token in ("", "Bearer sk_test_wrong"):
        reply = world.anybody.get(url, headers={"Authorization": token} if token else None)
        assert reply.status_code == 401, reply.text
    customer.cancel(order)


def test_asking_again_and_again_does_not_use_up_the_provider(world, open_show, customer):
    registration_id, *_ = open_intent(world, customer, open_show[0], open_show[1])
    replies = [customer.create_intent(registration_id) for _ in range(40)]
    assert {reply.status_code for reply in replies} == {200, 429}
    told = expect(replies[-1], 429, "too_many_requests")
    assert int(replies[-1].headers["Retry-After"]) >= 1, told
    assert sum(reply.status_code == 200 for reply in replies) < 20


def test_a_registration_tells_how_its_payment_stands(world, open_show, customer):
    held = expect(customer.reserve(open_show[0], [(open_show[1], 1)]), 201)
    registration_id = held["registrationId"]
    assert "paymentStatus" not in customer.registration(registration_id)
    intent = expect(customer.create_intent(registration_id), 200)
    assert customer.registration(registration_id)["paymentStatus"] == "created"
    assert world.provider.confirm(intent["paymentIntentId"], intent["clientSecret"], "declined").status_code == 402
    until = time.monotonic() + 20
    while customer.registration(registration_id)["paymentStatus"] != "failed":
        assert time.monotonic() < until
        time.sleep(0.02)
    customer.cancel(registration_id)
