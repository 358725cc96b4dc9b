"""The payment sandbox: each of the provider's machines, as the provider's documents have them."""

import time
import urllib.parse

import pytest
import sandbox_lab
import server as servers


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A sandbox whose waits are a hundredth of what they are, and in which nothing goes wrong."""
    data = tmp_path_factory.mktemp("sandbox") / "data"
    data.mkdir()
    running = servers.Server("serve", data, arguments=["--sandbox"], ADMIT_SANDBOX_PACE_PERCENT="1")
    lab = sandbox_lab.Lab(servers.wait_for_file(data / "sandbox.json", running.process, servers.START_LIMIT_S))
    lab.paid()  # the platform's opening balance is there with the first movement
    yield lab
    assert lab.snapshot()["ledger"] == {"sum": 0, "unbalanced": 0, "drifted": 0}
    assert running.stop() == 0


@pytest.fixture(scope="module")
def seller(lab):
    return lab.account()


@pytest.fixture(scope="module")
def receivers(lab):
    both = lab.receiver(), lab.receiver(connect=True)
    yield both
    for receiver in both:
        lab.send("DELETE", f"/v1/webhook_endpoints/{receiver.endpoint}")
        receiver.close()


# intents

def test_a_payment_and_all_that_comes_of_it(lab, seller):
    before, platform = lab.balance(seller), lab.balance()
    intent = lab.paid(**lab.to(seller))
    assert intent["status"] == "succeeded" and intent["amount_received"] == 2500
    charge = lab.get(f"/v1/charges/{intent['latest_charge']}")
    assert charge["paid"] and charge["captured"] and charge["amount_captured"] == 2500
    assert charge["payment_method_details"]["card"]["last4"] == "4242"
    transfer = lab.get(f"/v1/transfers/{charge['transfer']}")
    assert transfer["amount"] == 2500 and transfer["destination"] == seller
    fee = lab.get(f"/v1/application_fees/{charge['application_fee']}")
    assert fee["amount"] == 100 and fee["account"] == seller and fee["charge"] == charge["id"]
    booked = lab.get(f"/v1/balance_transactions/{charge['balance_transaction']}")
    assert booked["net"] == booked["amount"] - booked["fee"] and booked["status"] == "pending"
    assert lab.balance(seller) - before == 2400
    assert lab.balance() - platform == 100 - booked["fee"]
    assert lab.event_types(intent["id"]) == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded",
                                             "charge.updated"]
    assert {"transfer.created", "application_fee.created"} <= set(lab.event_types())


def test_what_is_named_in_expand_comes_along(lab, seller):
    intent = lab.paid(**lab.to(seller), **{"expand[]": "latest_charge.balance_transaction"})
    assert intent["latest_charge"]["object"] == "charge"
    assert intent["latest_charge"]["balance_transaction"]["type"] == "charge"
    listed = lab.get("/v1/payment_intents", limit=1, **{"expand[0]": "data.latest_charge"})
    assert listed["data"][0]["latest_charge"]["id"] == intent["latest_charge"]["id"]


@pytest.mark.parametrize("card, code, decline_code", [
    ("4000000000000002", "card_declined", "generic_decline"), ("4000000000009995", "card_declined", "insufficient_funds"),
    ("4000000000009987", "card_declined", "lost_card"), ("4000000000009979", "card_declined", "stolen_card"),
    ("4000000000006975", "card_declined", "card_velocity_exceeded"), ("4000000000000341", "card_declined", "generic_decline"),
    ("4000000000000069", "expired_card", None), ("4000000000000127", "incorrect_cvc", None),
    ("4000000000000119", "processing_error", None), ("4242424242424241", "incorrect_number", None),
])
def test_a_card_that_is_refused(lab, card, code, decline_code):
    intent = lab.intent()
    error = lab.post(f"/v1/payment_intents/{intent['id']}/confirm", {
        "payment_method_data[type]": "card", "payment_method_data[card][number]": card,
        "payment_method_data[card][exp_month]": "12", "payment_method_data[card][exp_year]": "2040",
        "payment_method_data[card][cvc]": "123"}, 402)["error"]
    assert (error["type"], error["code"], error.get("decline_code")) == ("card_error", code, decline_code)
    assert lab.get(f"/v1/payment_intents/{intent['id']}")["status"] == "requires_payment_method"


def test_manual_capture_in_part(lab, seller):
    held = lab.paid(capture_method="manual", **lab.to(seller, 500))
    assert held["status"] == "requires_capture" and held["amount_capturable"] == 2500 and held["amount_received"] == 0
    charge = lab.get(f"/v1/charges/{held['latest_charge']}")
    assert charge["captured"] is False and charge["payment_method_details"]["card"]["capture_before"] > time.time()
    assert lab.refused(f"/v1/payment_intents/{held['id']}/capture", {"amount_to_capture": 2501})[1] == "amount_to_capture"
    assert lab.refused("/v1/refunds", {"payment_intent": held["id"]})[0] == "payment_intent_unexpected_state"
    done = lab.post(f"/v1/payment_intents/{held['id']}/capture", {"amount_to_capture": 2000, "application_fee_amount": 80})
    assert done["status"] == "succeeded" and done["amount_received"] == 2000 and done["amount_capturable"] == 0
    charge = lab.get(f"/v1/charges/{held['latest_charge']}")
    assert charge["amount_captured"] == 2000
    assert lab.get(f"/v1/transfers/{charge['transfer']}")["amount"] == 2000
    assert lab.event_types(held["id"]) == [
        "payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated", "charge.captured",
        "payment_intent.succeeded", "charge.updated"]
    error = lab.post(f"/v1/payment_intents/{held['id']}/capture", {}, 400)["error"]
    assert error["code"] == "payment_intent_unexpected_state" and error["payment_intent"]["status"] == "succeeded"


def test_a_hold_is_cancelled_or_lapses(lab):
    first = lab.paid(capture_method="manual")
    assert lab.post(f"/v1/payment_intents/{first['id']}/cancel", {"cancellation_reason": "abandoned"})["status"] == "canceled"
    second = lab.paid(capture_method="manual")
    lab.advance(7 * 24 * 3600 + 1)
    lapsed = lab.until(f"/v1/payment_intents/{second['id']}", lambda found: found["status"] == "canceled")
    assert lapsed["cancellation_reason"] == "automatic"
    assert lab.event_types(second["id"])[-2:] == ["charge.expired", "payment_intent.canceled"]


def challenge(lab, intent, outcome):
    page = intent["next_action"]["redirect_to_url"]["url"]
    shown = lab.send("GET", page, headers={"Accept": "text/html"})
    assert shown.status_code == 200 and "no money moves" in shown.text and "secret" not in shown.text
    assert "frame-ancestors 'none'" in shown.headers["Content-Security-Policy"]
    return lab.send("POST", f"{page}/{outcome}", headers={"Accept": "text/html"})


@pytest.mark.parametrize("card, outcome, status, word", [
    ("pm_card_threeDSecureRequired", "complete", "succeeded", "succeeded"),
    ("pm_card_threeDSecureRequired", "fail", "requires_payment_method", "failed"),
    ("pm_card_threeDSecureRequiredChargeDeclined", "complete", "requires_payment_method", "failed"),
])
def test_three_d_secure_comes_back_to_the_shop(lab, card, outcome, status, word):
    intent = lab.paid(card, return_url="https://shop.example/back?order=7")
    assert intent["status"] == "requires_action"
    assert intent["next_action"]["redirect_to_url"]["return_url"] == "https://shop.example/back?order=7"
    back = challenge(lab, intent, outcome)
    assert back.status_code == 303
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back.headers["Location"]).query))
    assert query == {"order": "7", "payment_intent": intent["id"], "redirect_status": word}
    assert lab.get(f"/v1/payment_intents/{intent['id']}")["status"] == status


def test_a_closed_tab_leaves_the_question_open(lab):
    intent = lab.paid("pm_card_threeDSecureRequired")
    assert challenge(lab, intent, "close").status_code == 200
    assert lab.get(f"/v1/payment_intents/{intent['id']}")["status"] == "requires_action"
    assert lab.post(f"/v1/payment_intents/{intent['id']}/cancel")["status"] == "canceled"


@pytest.mark.parametrize("card, status", [("pm_sbx_slow_bank", "succeeded"), ("pm_sbx_slow_bank_declined", "requires_payment_method")])
def test_a_slow_bank_takes_its_time(lab, card, status):
    intent = lab.paid(card)
    assert intent["status"] == "processing" and intent["processing"]["type"] == "card"
    lab.until(f"/v1/payment_intents/{intent['id']}", lambda found: found["status"] == status)


def test_a_late_payment_comes_when_the_clock_is_there(lab):
    intent = lab.paid("pm_sbx_pay_late")
    error = lab.post(f"/v1/payment_intents/{intent['id']}/cancel", {}, 400)["error"]
    assert error["code"] == "payment_intent_unexpected_state" and error["payment_intent"]["status"] == "processing"
    lab.advance(1700)
    assert lab.get(f"/v1/payment_intents/{intent['id']}")["status"] == "processing"
    lab.advance(101)
    lab.until(f"/v1/payment_intents/{intent['id']}", lambda found: found["status"] == "succeeded")
    by_hand = lab.paid("pm_sbx_pay_late")
    assert lab.post(f"/__sbx/payment_intents/{by_hand['id']}/settle", {"outcome": "failed"})["status"] == "requires_payment_method"


@pytest.mark.parametrize("form, code, param", [
    ({}, "parameter_missing", "amount"), ({"amount": "x", "currency": "eur"}, "parameter_invalid_integer", "amount"),
    ({"amount": 49, "currency": "eur"}, "amount_too_small", "amount"),
    ({"amount": 100_000_000, "currency": "eur"}, "amount_too_large", "amount"),
    ({"amount": 500, "currency": "zz"}, None, "currency"),
    ({"amount": 500, "currency": "eur", "colour": "red"}, "parameter_unknown", "colour"),
    ({"amount": 500, "currency": "eur", "payment_method_types[]": "card"}, "parameter_unknown", "payment_method_types[]"),
    ({"amount": 500, "currency": "eur", "confirm": "yes"}, None, "confirm"),
    ({"amount": 500, "currency": "eur", "capture_method": "later"}, None, "capture_method"),
    ({"amount": 500, "currency": "eur", "application_fee_amount": 10}, None, "application_fee_amount"),
    ({"amount": 500, "currency": "eur", "transfer_data[destination]": "acct_x"}, "resource_missing", "transfer_data[destination]"),
    ({"amount": 500, "currency": "eur", "on_behalf_of": "acct_x"}, "resource_missing", "on_behalf_of"),
    ({"amount": 500, "currency": "eur", "statement_descriptor": "SHOP"}, None, "statement_descriptor"),
    ({"amount": 500, "currency": "eur", "statement_descriptor_suffix": "<b>"}, None, "statement_descriptor_suffix"),
    ({"amount": 500, "currency": "eur", "description": "x" * 5001}, None, "description"),
    ({"amount": 500, "currency": "eur", "metadata[" + "k" * 41 + "]": "v"}, None, "metadata"),
    ({"amount": 500, "currency": "eur", "payment_method": "pm_x", "confirm": "true"}, "resource_missing", "payment_method"),
])
def test_parameters_are_checked(lab, form, code, param):
    assert lab.refused("/v1/payment_intents", form) == (code, param)


def test_an_intent_is_changed_while_it_is_open(lab):
    intent = lab.intent(**{"metadata[a]": "1", "metadata[b]": "2"})
    changed = lab.post(f"/v1/payment_intents/{intent['id']}", {"amount": 3000, "metadata[a]": "", "metadata[c]": "3"})
    assert changed["amount"] == 3000 and changed["metadata"] == {"b": "2", "c": "3"}
    done = lab.paid()
    assert lab.refused(f"/v1/payment_intents/{done['id']}", {"amount": 3000})[0] == "payment_intent_unexpected_state"


# direct charges

def test_a_direct_charge_is_the_accounts_own(lab, seller, receivers):
    before, platform = lab.balance(seller), lab.balance()
    intent = lab.paid(account=seller, application_fee_amount=100)
    charge = lab.send("GET", f"/v1/charges/{intent['latest_charge']}", account=seller).json()
    fee = lab.get(f"/v1/application_fees/{charge['application_fee']}")
    assert fee["account"] == seller and lab.balance() - platform == 100
    own_fee = lab.send("GET", f"/v1/balance_transactions/{charge['balance_transaction']}", account=seller).json()
    assert lab.balance(seller) - before == own_fee["net"] == 2500 - own_fee["fee"]
    lab.get(f"/v1/payment_intents/{intent['id']}", 404)
    until = time.monotonic() + 20
    while not any(event["data"]["object"]["id"] == intent["id"] and event["type"] == "payment_intent.succeeded"
                  for event in list(receivers[1].events)):
        assert time.monotonic() < until
        time.sleep(0.01)
    mine = [event for event in receivers[1].events if event["data"]["object"]["id"] == intent["id"]]
    assert {event["account"] for event in mine} == {seller}
    assert not any(event["data"]["object"]["id"] == intent["id"] for event in receivers[0].events)
    back = lab.post("/v1/refunds", {"payment_intent": intent["id"], "refund_application_fee": "true"}, account=seller)
    assert back["status"] == "succeeded" and lab.balance() == platform
    assert lab.refused("/v1/payment_intents", {"amount": 500, "currency": "eur"}, 403, account="acct_nobody") == ("account_invalid", None)
    closed = lab.account("new")
    assert lab.refused("/v1/payment_intents", {"amount": 500, "currency": "eur"}, account=closed) == (None, None)


# refunds

def test_refunds_in_parts_give_back_in_proportion(lab, seller):
    before, platform = lab.balance(seller), lab.balance()
    intent = lab.paid(amount=1001, **lab.to(seller, 101))
    after_sale = lab.balance()
    shares = {"reverse_transfer": "true", "refund_application_fee": "true"}
    for amount in (333, 333, 335):
        refund = lab.post("/v1/refunds", {"payment_intent": intent["id"], "amount": amount, **shares})
        assert refund["status"] == "succeeded" and refund["transfer_reversal"]
    charge = lab.get(f"/v1/charges/{intent['latest_charge']}")
    assert charge["amount_refunded"] == 1001 and charge["refunded"] is True
    transfer = lab.get(f"/v1/transfers/{charge['transfer']}")
    assert transfer["reversed"] and transfer["amount_reversed"] == 1001
    assert sorted(one["amount"] for one in lab.get(f"/v1/transfers/{transfer['id']}/reversals")["data"]) == [333, 333, 335]
    assert lab.get(f"/v1/application_fees/{charge['application_fee']}")["refunded"] is True
    assert lab.balance(seller) == before
    assert lab.balance() == platform + (after_sale - platform) - 101
    assert lab.refused("/v1/refunds", {"payment_intent": intent["id"]})[0] == "charge_already_refunded"
    assert len(lab.get("/v1/refunds", payment_intent=intent["id"])["data"]) == 3
    assert lab.event_types(intent["id"]).count("charge.refunded") == 3


def test_a_refund_that_cannot_be(lab, seller):
    intent = lab.paid(**lab.to(seller))
    about = {"payment_intent": intent["id"]}
    assert lab.refused("/v1/refunds", {**about, "amount": 2501}) == (None, "amount")
    assert lab.refused("/v1/refunds", {**about, "refund_application_fee": "true"}) == (None, "refund_application_fee")
    assert lab.refused("/v1/refunds", {**about, "charge": intent["latest_charge"]}) == ("parameters_exclusive", "charge")
    assert lab.refused("/v1/refunds", {**about, "reason": "mood"}) == (None, "reason")
    assert lab.refused("/v1/refunds", {"payment_intent": "pi_x"}, 404) == ("resource_missing", "payment_intent")
    plain = lab.paid()
    assert lab.refused("/v1/refunds", {"payment_intent": plain["id"], "reverse_transfer": "true"}) == (None, "reverse_transfer")


def test_a_refund_that_is_pending_first(lab):
    intent = lab.paid("pm_card_pendingRefund")
    refund = lab.post("/v1/refunds", {"payment_intent": intent["id"]})
    assert refund["status"] == "pending"
    lab.until(f"/v1/refunds/{refund['id']}", lambda found: found["status"] == "succeeded")
    assert "refund.updated" in lab.event_types(refund["id"])


def test_a_refund_that_fails_after_it_succeeded(lab):
    intent = lab.paid("pm_card_refundFail")
    refund = lab.post("/v1/refunds", {"payment_intent": intent["id"]})
    assert refund["status"] == "succeeded"
    failed = lab.until(f"/v1/refunds/{refund['id']}", lambda found: found["status"] == "failed")
    assert failed["failure_reason"] and failed["failure_balance_transaction"]
    assert lab.get(f"/v1/charges/{intent['latest_charge']}")["amount_refunded"] == 0
    assert lab.event_types(refund["id"]) == ["refund.created", "refund.failed", "refund.updated"]
    other = lab.post("/v1/refunds", {"payment_intent": lab.paid()["id"]})
    assert lab.post(f"/__sbx/refunds/{other['id']}/fail", {"reason": "unknown"})["failure_reason"] == "unknown"


def test_a_refund_waits_for_money(lab):
    intent = lab.paid()
    short = lab.balance() + 50_000
    lab.post("/__sbx/balance", {"amount": -short, "currency": "eur"})
    refund = lab.post("/v1/refunds", {"payment_intent": intent["id"]})
    assert refund["status"] == "pending" and refund["pending_reason"] == "insufficient_funds"
    lab.post("/__sbx/balance", {"amount": short, "currency": "eur"})
    lab.until(f"/v1/refunds/{refund['id']}", lambda found: found["status"] == "succeeded")


def test_a_reversal_from_an_empty_account_is_refused(lab):
    poor = lab.account()
    intent = lab.paid(amount=90_000, **lab.to(poor, 0))
    payout = lab.post("/__sbx/payouts", {"account": poor, "amount": 90_000, "currency": "eur"})
    assert lab.refused("/v1/refunds", {"payment_intent": intent["id"], "reverse_transfer": "true"}) == (
        "balance_insufficient", "reverse_transfer")
    assert lab.post("/v1/refunds", {"payment_intent": intent["id"]})["status"] == "succeeded"
    failed = lab.post(f"/__sbx/payouts/{payout['id']}/fail", {"account": poor})
    assert failed["status"] == "failed" and failed["failure_code"] and lab.balance(poor) == 90_000
    assert "payout.failed" in lab.event_types(payout["id"], account=poor)


# disputes

@pytest.mark.parametrize("card, evidence, status, events", [
    ("pm_card_createDispute", "winning_evidence", "won", ["charge.dispute.funds_reinstated", "charge.dispute.closed"]),
    ("pm_card_createDispute", "losing_evidence", "lost", ["charge.dispute.closed"]),
    ("pm_card_createDisputeProductNotReceived", None, "lost", ["charge.dispute.closed"]),
    ("pm_card_createDisputeInquiry", "winning_evidence", "warning_closed", ["charge.dispute.closed"]),
    ("pm_card_createDisputeInquiry", None, "warning_closed", ["charge.dispute.closed"]),
])
def test_a_dispute_from_card_to_decision(lab, card, evidence, status, events):
    intent = lab.paid(card)
    found = lab.until("/v1/disputes?payment_intent=" + intent["id"], lambda listed: listed["data"])["data"][0]
    inquiry = "Inquiry" in card
    assert found["status"] == ("warning_needs_response" if inquiry else "needs_response")
    assert found["is_charge_refundable"] is inquiry
    assert [row["amount"] for row in found["balance_transactions"]] == ([] if inquiry else [-2500])
    assert lab.get(f"/v1/charges/{intent['latest_charge']}")["disputed"] is True
    if not inquiry:
        assert lab.refused("/v1/refunds", {"payment_intent": intent["id"]})[0] == "charge_disputed"
    path = f"/v1/disputes/{found['id']}"
    if evidence:
        reviewed = lab.post(path, {"evidence[uncategorized_text]": evidence, "evidence[access_activity_log]": "x" * 6000})
        assert reviewed["status"] == ("warning_under_review" if inquiry else "under_review")
        assert reviewed["evidence_details"]["submission_count"] == 1
    else:
        assert lab.post(f"{path}/close")["status"] == status
    lab.until(path, lambda seen: seen["status"] == status)
    told = [kind for kind in lab.event_types(intent["id"]) if kind.startswith("charge.dispute")]
    assert told[0] == "charge.dispute.created" and told[-len(events):] == events
    assert ("charge.dispute.funds_withdrawn" in told) is not inquiry
    assert lab.refused(f"{path}/close") == (None, None)
    if status == "won":
        assert lab.post("/v1/refunds", {"payment_intent": intent["id"]})["status"] == "succeeded"


def test_an_unanswered_dispute_is_lost_when_its_time_is_up(lab):
    intent = lab.paid()
    dispute = lab.post("/__sbx/disputes", {"payment_intent": intent["id"], "reason": "general"})
    assert dispute["reason"] == "general"
    assert lab.refused(f"/v1/disputes/{dispute['id']}", {"evidence[colour]": "red"}) == ("parameter_unknown", "evidence[colour]")
    lab.advance(9 * 24 * 3600 + 1)
    lost = lab.until(f"/v1/disputes/{dispute['id']}", lambda seen: seen["status"] == "lost")
    assert lost["evidence_details"]["past_due"] is True


def test_an_early_warning_moves_nothing(lab):
    intent = lab.paid("pm_card_createIssuerFraudRecord")
    until = time.monotonic() + 20
    while "radar.early_fraud_warning.created" not in lab.event_types(intent["id"]):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert lab.get(f"/v1/charges/{intent['latest_charge']}")["disputed"] is False


# accounts

def test_an_account_is_made_with_its_controller(lab):
    account = lab.post("/v1/accounts", {
        "country": "PL", "email": "a@example.com", "controller[stripe_dashboard][type]": "express",
        "controller[fees][payer]": "application", "controller[losses][payments]": "application",
        "controller[requirement_collection]": "stripe", "capabilities[transfers][requested]": "true", "metadata[b]": "1"})
    assert account["type"] == "express" and account["controller"]["fees"] == {"payer": "application"}
    assert account["charges_enabled"] is False and account["capabilities"] == {"transfers": "inactive"}
    assert "external_account" in account["requirements"]["currently_due"]
    assert lab.refused("/v1/accounts", {"type": "express", "controller[fees][payer]": "account"}) == ("parameters_exclusive", "type")
    assert lab.refused("/v1/accounts", {"controller[fees][payer]": "nobody"}) == (None, "controller[fees][payer]")
    assert lab.refused(f"/v1/accounts/{account['id']}", {"controller[fees][payer]": "account"})[0] == "parameter_unknown"
    assert lab.post(f"/v1/accounts/{account['id']}", {"metadata[b]": "2"})["metadata"] == {"b": "2"}
    lab.get("/v1/accounts/acct_nobody", 404)


def link_for(lab, account):
    return lab.post("/v1/account_links", {"account": account, "type": "account_onboarding",
                                          "refresh_url": "https://shop.example/refresh",
                                          "return_url": "https://shop.example/return"})["url"]


@pytest.mark.parametrize("choice, charges, payouts, reason, due", [
    ("complete", True, True, None, []),
    ("needs_document", False, False, "requirements.past_due", ["individual.verification.document"]),
    ("rejected", False, False, "rejected.other", []),
    ("bank_account_missing", True, False, None, ["external_account"]),
])
def test_onboarding_is_told_to_the_connect_endpoint(lab, receivers, choice, charges, payouts, reason, due):
    account = lab.post("/v1/accounts", {"country": "DE", "capabilities[card_payments][requested]": "true",
                                        "capabilities[transfers][requested]": "true"})["id"]
    url = link_for(lab, account)
    page = lab.send("GET", url)
    assert page.status_code == 200
    action = urllib.parse.urljoin(url, page.text.split('action="')[1].split('"')[0])
    done = lab.send("POST", action, {"state": choice})
    assert done.status_code == 303 and done.headers["Location"] == "https://shop.example/return"
    found = lab.get(f"/v1/accounts/{account}")
    assert (found["charges_enabled"], found["payouts_enabled"], found["details_submitted"]) == (charges, payouts, True)
    assert (found["requirements"]["disabled_reason"], found["requirements"]["currently_due"]) == (reason, due)
    until = time.monotonic() + 20
    while not any(event["type"] == "account.updated" and event["account"] == account for event in list(receivers[1].events)):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert "account.updated" not in receivers[0].types()
    again = lab.send("GET", url)
    assert again.status_code == 303 and again.headers["Location"] == "https://shop.example/refresh"
    assert lab.send("POST", action, {"state": "complete"}).status_code == 404


def test_a_link_lives_five_minutes(lab):
    url = link_for(lab, lab.account("new"))
    lab.advance(301)
    assert lab.send("GET", url).headers["Location"] == "https://shop.example/refresh"


def connect(lab, answer, **form):
    asked = {"response_type": "code", "client_id": lab.told["clientId"], "scope": "read_write", "state": "s&<1>",
             "redirect_uri": "https://shop.example/oauth"}
    page = lab.send("GET", "/oauth/authorize", asked)
    assert page.status_code == 200 and "s&amp;&lt;1&gt;" in page.text
    asked.pop("response_type")
    back = lab.send("POST", "/oauth/authorize", {**asked, "answer": answer, **form})
    assert back.status_code == 303
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back.headers["Location"]).query))


def test_an_account_is_connected_and_disconnected(lab, receivers):
    query = connect(lab, "new")
    assert query["state"] == "s&<1>"
    token = lab.post("/oauth/token", {"grant_type": "authorization_code", "code": query["code"]})
    account = token["stripe_user_id"]
    assert token["livemode"] is False and lab.get(f"/v1/accounts/{account}")["charges_enabled"] is True
    again = lab.post("/oauth/token", {"grant_type": "authorization_code", "code": query["code"]}, 400)
    assert again["error"] == "invalid_grant" and again["error_description"]
    assert connect(lab, "existing", account=account)["code"]
    assert connect(lab, "deny")["error"] == "access_denied"
    gone = {"client_id": lab.told["clientId"], "stripe_user_id": account}
    assert lab.post("/oauth/deauthorize", gone) == {"stripe_user_id": account}
    assert lab.post("/oauth/deauthorize", gone, 400)["error"] == "invalid_client"
    lab.get(f"/v1/accounts/{account}", 403)
    assert lab.refused("/v1/payment_intents", {"amount": 500, "currency": "eur"}, 403, account=account)[0] == "account_invalid"
    until = time.monotonic() + 20
    while not any(event["type"] == "account.application.deauthorized" for event in list(receivers[1].events)):
        assert time.monotonic() < until
        time.sleep(0.01)
    told = next(event for event in receivers[1].events if event["type"] == "account.application.deauthorized")
    assert told["account"] == account and told["data"]["object"]["object"] == "application"


# transfers, lists, keys

def test_separate_transfers_and_their_reversals(lab, seller):
    transfer = lab.post("/v1/transfers", {"amount": 700, "currency": "eur", "destination": seller})
    assert lab.post(f"/v1/transfers/{transfer['id']}/reversals", {"amount": 300})["amount"] == 300
    assert lab.refused(f"/v1/transfers/{transfer['id']}/reversals", {"amount": 401}) == (None, "amount")
    assert lab.post(f"/v1/transfers/{transfer['id']}/reversals")["amount"] == 400
    assert lab.refused("/v1/transfers", {"amount": 700, "currency": "eur", "destination": lab.account("new")}) == (
        "insufficient_capabilities_for_transfer", "destination")
    assert lab.refused("/v1/transfers", {"amount": 900_000_000, "currency": "eur", "destination": seller})[0] == "balance_insufficient"


def test_lists_go_page_by_page_in_both_directions(lab):
    made = [lab.intent()["id"] for _ in range(5)]
    newest = lab.get("/v1/payment_intents", limit=2)
    assert [one["id"] for one in newest["data"]] == [made[4], made[3]] and newest["has_more"] is True
    older = lab.get("/v1/payment_intents", limit=2, starting_after=made[3])
    assert [one["id"] for one in older["data"]] == [made[2], made[1]]
    back = lab.get("/v1/payment_intents", limit=2, ending_before=made[1])
    assert [one["id"] for one in back["data"]] == [made[3], made[2]]
    assert lab.get("/v1/payment_intents", 400, limit=0)["error"]["param"] == "limit"
    events = lab.get("/v1/events", limit=3, **{"types[0]": "payment_intent.created", "types[1]": "charge.failed"})
    assert {event["type"] for event in events["data"]} <= {"payment_intent.created", "charge.failed"}
    more = lab.get("/v1/events", limit=100, type="payment_intent.created", starting_after=events["data"][0]["id"])
    assert events["data"][0]["id"] not in [event["id"] for event in more["data"]]


def test_the_balance_says_what_is_available(lab, seller):
    fresh = lab.account()
    lab.paid(**lab.to(fresh))
    told = lab.send("GET", "/v1/balance", account=fresh).json()
    assert [row["amount"] for row in told["pending"]] == [2500]
    assert sum(row["amount"] for row in told["pending"] + told["available"]) == 2400


def test_what_a_publishable_key_may(lab):
    intent = lab.intent(**{"metadata[a]": "1"})
    path = f"/v1/payment_intents/{intent['id']}"
    key = lab.told["publishableKey"]
    assert lab.refused(f"{path}/confirm", {"payment_method": "pm_card_visa"}, key=key) == ("parameter_missing", "client_secret")
    assert lab.refused(path, {"amount": 1}, 403, key=key)[0] == "secret_key_required"
    asked = {"client_secret": intent["client_secret"], "key": key}
    seen = lab.session.post(f"{lab.base}/sandbox/payment_intents/{intent['id']}", data=asked,
                            headers={"Origin": "https://shop.example"}, timeout=30)
    assert seen.status_code == 200 and seen.headers["Access-Control-Allow-Origin"] == "*"
    assert seen.json()["status"] == "requires_payment_method" and "metadata" not in seen.json()
    done = lab.session.post(f"{lab.base}{path}/confirm", data={**asked, "payment_method": "pm_card_visa"}, timeout=30)
    assert done.status_code == 200 and done.json()["status"] == "succeeded"
    for path in ("snapshot", "timeline"):
        assert lab.send("GET", f"/__sbx/{path}", key=key).status_code == 401
    for path in ("drain", "hold", "release", "faults", "clock/advance", "reset", "disputes", "balance", "payouts"):
        assert lab.send("POST", f"/__sbx/{path}", {}, key=key).status_code == 401, path


def test_the_script_and_the_lab_are_served(lab):
    for path in ("/v3/", "/v3", "/sandbox/stripe.js"):
        script = lab.session.get(lab.base + path, timeout=30)
        assert script.status_code == 200 and script.headers["Content-Type"].startswith("text/javascript")
        assert "window.Stripe" in script.text and "no money moves" in script.text
    page = lab.session.get(lab.base + "/sandbox/lab", timeout=30)
    assert page.status_code == 200 and "Payments lab" in page.text
    assert lab.told["secretKey"] not in page.text + lab.session.get(lab.base + "/sandbox/lab.js", timeout=30).text
    intent = lab.paid()
    story = lab.get("/__sbx/timeline", subject=intent["id"])
    assert [call["path"] for call in story["calls"]] == ["/v1/payment_intents"]
    assert {event["type"] for event in story["events"]} >= {"payment_intent.succeeded", "charge.succeeded"}
    assert any(one["id"] == intent["id"] for one in lab.get("/__sbx/timeline")["payments"])
