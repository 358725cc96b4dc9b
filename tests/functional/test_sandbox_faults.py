"""What goes wrong in the payment sandbox: only what was ordered, and the same for the same seed."""

import json
import threading
import time

import pytest
import requests
import sandbox_lab
import server as servers


def start(folder, **more):
    folder.mkdir(exist_ok=True)
    told = folder / "sandbox.json"
    told.unlink(missing_ok=True)
    running = servers.Server("serve", folder, arguments=["--sandbox"], **{"ADMIT_SANDBOX_PACE_PERCENT": "1", **more})
    return running, sandbox_lab.Lab(servers.wait_for_file(told, running.process, servers.START_LIMIT_S))


@pytest.fixture(scope="module")
def running_lab(tmp_path_factory):
    running, lab = start(tmp_path_factory.mktemp("faults") / "data")
    yield lab
    assert running.stop() == 0


@pytest.fixture
def lab(running_lab):
    running_lab.post("/__sbx/reset")
    for endpoint in running_lab.get("/v1/webhook_endpoints")["data"]:
        if endpoint["id"] not in ("we_1SbxPlatform", "we_1SbxConnect"):
            running_lab.send("DELETE", f"/v1/webhook_endpoints/{endpoint['id']}")
    return running_lab


@pytest.fixture
def receiver(lab):
    receiver = lab.receiver(events="payment_intent.succeeded")
    yield receiver
    receiver.close()


def attempts(lab, intent, receiver, kind="payment_intent.succeeded"):
    events = lab.get("/__sbx/timeline", subject=intent["id"])["events"]
    made = next(event["attempts"] for event in events if event["type"] == kind)
    return [attempt for attempt in made if attempt["endpoint"] == receiver.endpoint and "took_ms" in attempt]


def wait_for_attempt(lab, intent, receiver, holds):
    """Attempts are written down when their answer is there: a moment after the receiver has seen them."""
    until = time.monotonic() + 20 * servers.SLOWNESS
    while not (made := attempts(lab, intent, receiver)) or not holds(made):
        assert time.monotonic() < until, made
        time.sleep(0.02)
    return made


# idempotency

def test_a_key_replays_its_answer_for_a_day(lab):
    form = {"amount": 500, "currency": "eur"}
    key = {"Idempotency-Key": "k1"}
    first = lab.send("POST", "/v1/payment_intents", form, headers=key)
    again = lab.send("POST", "/v1/payment_intents", form, headers=key)
    assert again.text == first.text and again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers and first.headers["Request-Id"] != again.headers["Request-Id"]
    other = lab.send("POST", "/v1/payment_intents", {**form, "amount": 600}, headers=key)
    assert other.status_code == 400 and other.json()["error"]["type"] == "idempotency_error"
    lab.advance(24 * 3600 + 1)
    later = lab.send("POST", "/v1/payment_intents", form, headers=key)
    assert later.json()["id"] != first.json()["id"]


def test_a_refusal_of_parameters_is_not_kept_and_one_of_the_card_is(lab):
    key = {"Idempotency-Key": "k2"}
    assert lab.send("POST", "/v1/payment_intents", {"amount": 1, "currency": "eur"}, headers=key).status_code == 400
    assert lab.send("POST", "/v1/payment_intents", {"amount": 500, "currency": "eur"}, headers=key).status_code == 200
    declined = {"amount": 500, "currency": "eur", "confirm": "true", "payment_method": "pm_card_visa_chargeDeclined"}
    first = lab.send("POST", "/v1/payment_intents", declined, headers={"Idempotency-Key": "k3"})
    again = lab.send("POST", "/v1/payment_intents", declined, headers={"Idempotency-Key": "k3"})
    assert first.status_code == again.status_code == 402 and first.text == again.text


def test_the_same_key_on_another_account_is_another_key(lab):
    seller = lab.account()
    key = {"Idempotency-Key": "k4"}
    ours = lab.send("POST", "/v1/payment_intents", {"amount": 500, "currency": "eur"}, headers=key)
    theirs = lab.send("POST", "/v1/payment_intents", {"amount": 500, "currency": "eur"}, headers=key, account=seller)
    assert ours.status_code == theirs.status_code == 200 and ours.json()["id"] != theirs.json()["id"]


def test_a_key_in_use_is_a_conflict(lab):
    lab.post("/__sbx/faults", {"api_delay_ms": 1500})
    answers = []
    form, key = {"amount": 500, "currency": "eur"}, {"Idempotency-Key": "k5"}
    first = threading.Thread(target=lambda: answers.append(requests.post(
        f"{lab.base}/v1/payment_intents", data=form, headers={"Authorization": f"Bearer {lab.told['secretKey']}", **key}, timeout=30)))
    first.start()
    time.sleep(0.5)
    second = lab.send("POST", "/v1/payment_intents", form, headers=key)
    first.join()
    assert second.status_code == 409 and second.json()["error"]["code"] == "idempotency_key_in_use"
    assert answers[0].status_code == 200


# calls

def test_a_stored_500_has_done_its_work(lab):
    lab.post("/__sbx/faults", {"http_500_stored": 1})
    key = {"Idempotency-Key": "k6"}
    form = {"amount": 500, "currency": "eur", "metadata[order]": "7"}
    for _ in range(2):
        assert lab.send("POST", "/v1/payment_intents", form, headers=key).status_code == 500
    found = lab.get("/v1/payment_intents")["data"]
    assert [one["metadata"] for one in found] == [{"order": "7"}]


def test_a_lost_answer_has_done_its_work(lab):
    lab.post("/__sbx/faults", {"response_lost": 1})
    key = {"Idempotency-Key": "k7"}
    with pytest.raises(requests.ConnectionError):
        lab.send("POST", "/v1/payment_intents", {"amount": 500, "currency": "eur"}, headers=key)
    again = lab.send("POST", "/v1/payment_intents", {"amount": 500, "currency": "eur"}, headers=key)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(lab.get("/v1/payment_intents")["data"]) == 1


@pytest.mark.parametrize("fault, code, reason", [("rate_limited", "rate_limit", "endpoint-rate"),
                                                 ("rate_limited_plain", "rate_limit", None), ("lock_timeout", "lock_timeout", None)])
def test_a_limit_turns_away_before_anything_is_done(lab, fault, code, reason):
    lab.post("/__sbx/faults", {fault: 1})
    reply = lab.send("POST", "/v1/payment_intents", {"amount": 500, "currency": "eur"}, headers={"Idempotency-Key": fault})
    assert reply.status_code == 429 and reply.json()["error"]["code"] == code
    assert reply.headers.get("Stripe-Rate-Limited-Reason") == reason
    assert lab.get("/v1/payment_intents")["data"] == []
    reply = lab.send("POST", "/v1/payment_intents", {"amount": 500, "currency": "eur"}, headers={"Idempotency-Key": fault})
    assert reply.status_code == 200 and "Idempotent-Replayed" not in reply.headers


def test_an_order_may_ask_for_its_own_fault(lab):
    form = {"amount": 500, "currency": "eur", "metadata[sbx]": "http_500_stored"}
    assert lab.send("POST", "/v1/payment_intents", form).status_code == 500
    assert lab.send("POST", "/v1/payment_intents", {"amount": 500, "currency": "eur"}).status_code == 200


def test_an_outage_ends_with_a_burst(lab, receiver):
    lab.post("/__sbx/hold")
    intents = [lab.paid() for _ in range(3)]
    lab.post("/__sbx/faults", {"outage_s": 600})
    lab.post("/__sbx/release")
    seen = set()
    for _ in range(4):
        try:
            seen.add(lab.send("GET", "/v1/events").status_code)
        except requests.ConnectionError:
            seen.add("reset")
    assert seen == {503, "reset"}
    assert receiver.types() == []
    lab.advance(601)
    assert len(receiver.wait_for(3)) == 3
    assert lab.get(f"/v1/payment_intents/{intents[0]['id']}")["status"] == "succeeded"


# deliveries

@pytest.mark.parametrize("fault", ["bad_signature", "stale_timestamp", "two_v1", "extra_v0", "old_api_version", "reformatted",
                                   "wrong_livemode", "foreign_event", "thin_event", "duplicate", "drop_first"])
def test_a_delivery_goes_wrong_as_ordered_and_comes_right(lab, receiver, fault):
    intent = lab.paid(**{"metadata[sbx]": fault})
    wanted = {"wrong_livemode": 2, "foreign_event": 2, "thin_event": 2, "duplicate": 2}.get(fault, 1)
    receiver.wait_for(wanted)
    events = list(receiver.events)
    good = [event for event in events if event["type"] == "payment_intent.succeeded" and event["livemode"] is False
            and event["data"]["object"]["id"] == intent["id"]]
    assert len(good) == (2 if fault == "duplicate" else 1) and len({event["id"] for event in good}) == 1
    strange = [event for event in events if event not in good]
    assert len(receiver.refused) == (1 if fault == "bad_signature" else 0)
    if fault == "wrong_livemode":
        assert strange[0]["livemode"] is True and strange[0]["id"] != good[0]["id"]
    if fault == "foreign_event":
        assert strange[0]["account"] and strange[0]["data"]["object"]["id"] != intent["id"]
    if fault == "thin_event":
        assert strange[0]["object"] == "v2.core.event" and strange[0]["related_object"]["id"] == intent["id"]
    assert good[0]["api_version"] == ("2023-08-16" if fault == "old_api_version" else "2026-10-28.endive")
    assert wait_for_attempt(lab, intent, receiver, len)[0]["fault"] == fault


def test_a_refused_delivery_is_signed_anew_and_told(lab, receiver):
    receiver.answer = 500
    intent = lab.paid()
    receiver.wait_for(2)
    assert lab.get("/v1/events", type="payment_intent.succeeded", delivery_success="false")["data"]
    receiver.answer = 200
    wait_for_attempt(lab, intent, receiver, lambda made: made[-1]["result"] == "200")
    assert len({event["id"] for event in receiver.events}) == 1


def test_an_endpoint_that_fails_for_days_is_disabled_and_can_be_enabled(lab, receiver):
    receiver.answer = 404
    path = f"/v1/webhook_endpoints/{receiver.endpoint}"
    for number in range(40):
        if number % 8 == 0:
            lab.paid()
        lab.advance(3 * 3600)
        lab.post("/__sbx/drain")
        if lab.get(path)["status"] == "disabled":
            break
    assert lab.get(path)["status"] == "disabled"
    unheard = lab.paid()["id"]
    lab.post("/__sbx/drain")
    assert unheard not in {event["data"]["object"]["id"] for event in list(receiver.events)}
    assert lab.post(path, {"disabled": "false"})["status"] == "enabled"


def test_what_was_held_comes_in_reverse(lab, receiver):
    lab.post("/__sbx/hold")
    ids = [lab.paid()["id"] for _ in range(4)]
    time.sleep(0.2)
    assert receiver.types() == []
    lab.post("/__sbx/release?order=reverse")
    receiver.wait_for(4)
    assert sorted(event["data"]["object"]["id"] for event in receiver.events) == sorted(ids)


def test_drain_delivers_what_waits_for_its_time(lab, receiver):
    lab.post("/__sbx/faults", {"delay_ms": 3_600_000})
    lab.paid()
    time.sleep(0.1)
    assert receiver.types() == []
    assert lab.post("/__sbx/drain")["delivered"] >= 1
    assert receiver.wait_for(1) == ["payment_intent.succeeded"]


def test_an_event_is_posted_again_as_often_as_asked(lab, receiver):
    intent = lab.paid()
    receiver.wait_for(1)
    event = receiver.events[0]["id"]
    lab.post(f"/__sbx/events/{event}/resend", {"times": 3})
    assert receiver.wait_for(4) == ["payment_intent.succeeded"] * 4
    wait_for_attempt(lab, intent, receiver, lambda made: len(made) == 4)
    lab.post("/__sbx/events/evt_nobody/resend", {}, 404)


def test_any_event_is_told_of_any_object(lab):
    receiver = lab.receiver(events="payment_intent.processing")
    intent = lab.paid()
    told = lab.post("/__sbx/events", {"type": "payment_intent.processing", "object": intent["id"]})
    receiver.wait_for(1)
    assert receiver.events[0]["id"] == told["id"]
    assert receiver.events[0]["data"]["object"]["status"] == "succeeded", "the object as it is, whatever is told of it"
    of_charge = lab.post("/__sbx/events", {"type": "charge.failed", "object": intent["latest_charge"]})
    assert of_charge["data"]["object"]["id"] == intent["latest_charge"]
    assert {"payment_intent.processing", "charge.failed"} <= set(lab.event_types(intent["id"]))
    recent = {event["id"]: event for event in lab.get("/__sbx/timeline")["events"]}
    assert recent[told["id"]]["subject"] == recent[of_charge["id"]]["subject"] == intent["id"]
    assert lab.refused("/__sbx/events", {"type": "charge.updated", "object": intent["id"]})[1] == "object"
    assert lab.refused("/__sbx/events", {"type": "charge.invented", "object": intent["id"]})[1] == "type"
    assert lab.refused("/__sbx/events", {"type": "charge.updated", "object": "ch_nobody"}, 404)[1] == "object"
    receiver.close()


def test_an_accounts_events_go_to_the_endpoints_of_accounts(lab):
    account = lab.account()
    connected = lab.receiver(connect=True)
    lab.post("/__sbx/drain")
    lab.post("/__sbx/events", {"type": "account.updated", "object": account})
    lab.post("/__sbx/events", {"type": "account.application.deauthorized", "object": account})
    connected.wait_for(2)
    assert sorted(connected.types()) == ["account.application.deauthorized", "account.updated"]
    assert {event["account"] for event in connected.events} == {account}
    assert {event["data"]["object"]["object"] for event in connected.events} == {"account", "application"}
    connected.close()


def test_an_event_may_come_before_the_answer(lab, receiver):
    lab.post("/__sbx/faults", {"deliver_first": 1, "delay_ms": 0})
    lab.paid()
    assert receiver.types() == ["payment_intent.succeeded"]


def test_faults_of_unknown_name_change_nothing(lab):
    before = lab.snapshot()["faults"]
    for form in ({"nonsense": 1}, {"duplicate": -1}, {"duplicate": 5, "profile": "wild"}, {"duplicate_chance": 1001}):
        assert lab.send("POST", "/__sbx/faults", form).status_code == 422
    assert lab.snapshot()["faults"] == before


def test_reset_leaves_nothing_but_keys(lab):
    account = lab.account()
    lab.paid(**lab.to(account))
    lab.post("/__sbx/reset", {"keep": "accounts"})
    assert lab.get(f"/v1/accounts/{account}")["charges_enabled"] is True
    snapshot = lab.snapshot()
    assert set(snapshot["objects"]) == {"account"} and snapshot["balances"] == []
    lab.post("/__sbx/reset")
    assert lab.snapshot()["objects"] == {}


def schedule(folder, seed, profile):
    """What happened to the calls of thirty payments, one after the other."""
    running, lab = start(folder, ADMIT_SANDBOX_SEED=str(seed))
    try:
        assert lab.told["seed"] == seed
        lab.post("/__sbx/faults", {"profile": profile})
        calls = []
        for number in range(30):
            try:
                calls.append(lab.send("POST", "/v1/payment_intents", {
                    "amount": 500, "currency": "eur", "confirm": "true", "payment_method": "pm_card_visa"},
                    headers={"Idempotency-Key": str(number)}).status_code)
            except requests.ConnectionError:
                calls.append("lost")
        return calls
    finally:
        running.stop()


def test_the_same_seed_is_the_same_chaos(tmp_path):
    first, again, other = (schedule(tmp_path / name, seed, "chaos") for name, seed in (("a", 7), ("b", 7), ("c", 8)))
    assert first == again != other
    assert "lost" in first and 200 in first and (500 in first or 429 in first)


def test_it_all_survives_a_restart(tmp_path):
    running, lab = start(tmp_path / "data")
    intent = lab.paid("pm_sbx_pay_late")
    lab.advance(60)
    running.kill()
    running, again = start(tmp_path / "data")
    assert again.told["secretKey"] == lab.told["secretKey"] and again.told["connectWebhookSecret"] == lab.told["connectWebhookSecret"]
    assert again.get(f"/v1/payment_intents/{intent['id']}")["status"] == "processing"
    again.advance(1750)
    again.until(f"/v1/payment_intents/{intent['id']}", lambda found: found["status"] == "succeeded")
    assert running.stop() == 0


def test_an_unknown_profile_keeps_it_from_starting(tmp_path):
    ended = servers.run("serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", "--sandbox", ADMIT_SANDBOX_PROFILE="wild")
    assert ended.returncode == 2 and "sandbox_profile" in ended.stderr
