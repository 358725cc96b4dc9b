"""What the payment sandbox says has the members and the types of what the provider says."""

import collections
import json
import pathlib
import time

import pytest
import sandbox_lab
import server as servers

DATA = pathlib.Path(__file__).resolve().parent.parent / "data"
# Members the provider's own objects may lack, or that only some of them have.
OPTIONAL = {
    "payment_intent": {"amount_details", "automatic_payment_methods"},
    "charge": {"refunds", "transfer", "source"},
    "refund": {"destination_details", "pending_reason", "failure_reason", "failure_balance_transaction"},
    "account": set(), "dispute": set(), "payout": set(), "application": set(), "radar.early_fraud_warning": set(),
}
TEXT, NUMBER, FLAG, LIST, OBJECT = str, int, bool, list, dict
# Of objects that no event of the samples carries: what they always have.
REQUIRED = {
    "transfer": dict(id=TEXT, amount=NUMBER, amount_reversed=NUMBER, balance_transaction=TEXT, created=NUMBER, currency=TEXT,
                     description=None, destination=TEXT, livemode=FLAG, metadata=OBJECT, reversals=OBJECT, reversed=FLAG,
                     source_transaction=TEXT, transfer_group=TEXT),
    "transfer_reversal": dict(id=TEXT, amount=NUMBER, balance_transaction=TEXT, created=NUMBER, currency=TEXT,
                              destination_payment_refund=None, metadata=OBJECT, source_refund=TEXT, transfer=TEXT),
    "application_fee": dict(id=TEXT, account=TEXT, amount=NUMBER, amount_refunded=NUMBER, application=TEXT,
                            balance_transaction=TEXT, charge=TEXT, created=NUMBER, currency=TEXT, fee_source=OBJECT,
                            livemode=FLAG, originating_transaction=TEXT, refunded=FLAG, refunds=OBJECT),
    "fee_refund": dict(id=TEXT, amount=NUMBER, balance_transaction=TEXT, created=NUMBER, currency=TEXT, fee=TEXT, metadata=OBJECT),
    "balance_transaction": dict(id=TEXT, amount=NUMBER, available_on=NUMBER, balance_type=TEXT, created=NUMBER, currency=TEXT,
                                description=None, exchange_rate=None, fee=NUMBER, fee_details=LIST, net=NUMBER,
                                reporting_category=TEXT, source=TEXT, status=TEXT, type=TEXT),
    "balance": dict(available=LIST, livemode=FLAG, pending=LIST),
    "account_link": dict(created=NUMBER, expires_at=NUMBER, url=TEXT),
    "payment_method": dict(id=TEXT, billing_details=OBJECT, created=NUMBER, customer=None, customer_account=None,
                           livemode=FLAG, metadata=OBJECT, type=TEXT, card=OBJECT),
    "webhook_endpoint": dict(id=TEXT, api_version=TEXT, application=None, created=NUMBER, description=None, enabled_events=LIST,
                             livemode=FLAG, metadata=OBJECT, status=TEXT, url=TEXT),
}


def samples():
    """By type of event: the examples of it."""
    by_type = collections.defaultdict(list)
    for entry in json.loads((DATA / "stripe-events-sample.json").read_text(encoding="utf-8"))["events"]:
        by_type[entry["event"]["type"]].append(entry["event"])
    return by_type


def unlike(ours, example, optional, path):
    """What of `example` is missing in `ours` or of another kind; null fits anything."""
    faults = []
    for name, value in example.items():
        if name not in ours:
            if name not in optional:
                faults.append(f"{path}.{name} is missing")
            continue
        own = ours[name]
        if value is None or own is None:
            continue
        if type(own) is not type(value):
            faults.append(f"{path}.{name} is {type(own).__name__}, not {type(value).__name__}")
    return faults


def check(found, kind=None):
    kind = kind or found["object"]
    assert found["object"] == kind
    for name, wanted in REQUIRED[kind].items():
        assert name in found, f"{kind}.{name} is missing"
        if wanted is not None and found[name] is not None:
            assert type(found[name]) is wanted, f"{kind}.{name}: {found[name]!r}"
    return found


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """One sandbox in which everything has happened once."""
    data = tmp_path_factory.mktemp("shapes") / "data"
    data.mkdir()
    running = servers.Server("serve", data, arguments=["--sandbox"], ADMIT_SANDBOX_PACE_PERCENT="1")
    lab = sandbox_lab.Lab(servers.wait_for_file(data / "sandbox.json", running.process, servers.START_LIMIT_S))
    lab.seller = lab.account("new")
    for state in ("needs_document", "bank_account_missing", "complete"):
        lab.post(f"/__sbx/account/{lab.seller}/requirements", {"state": state})
    lab.sold = lab.paid(**lab.to(lab.seller))
    shares = {"reverse_transfer": "true", "refund_application_fee": "true"}
    lab.back = lab.post("/v1/refunds", {"payment_intent": lab.sold["id"], "amount": 1000, **shares})
    lab.post("/v1/payment_intents", {"amount": 500, "currency": "eur", "confirm": "true",
                                     "payment_method": "pm_card_visa_chargeDeclined"}, 402)
    for card in ("pm_card_threeDSecureRequired", "pm_card_refundFail", "pm_card_pendingRefund", "pm_card_createIssuerFraudRecord", "pm_sbx_slow_bank"):
        made = lab.paid(card)
        if card in ("pm_card_refundFail", "pm_card_pendingRefund"):
            lab.post("/v1/refunds", {"payment_intent": made["id"]})
    held = lab.paid(capture_method="manual")
    lab.post(f"/v1/payment_intents/{held['id']}/capture")
    lapsing = lab.paid(capture_method="manual")
    for kind, outcome in (("inquiry", "warning_closed"), ("chargeback", "won"), ("chargeback", "lost")):
        dispute = lab.post("/__sbx/disputes", {"payment_intent": lab.paid()["id"], "kind": kind})
        lab.post(f"/v1/disputes/{dispute['id']}", {"evidence[receipt]": "x", "submit": "false"})
        lab.post(f"/__sbx/disputes/{dispute['id']}/decide", {"outcome": outcome})
    lab.post("/__sbx/payouts", {"account": lab.seller, "amount": 100, "currency": "eur"})
    payout = lab.send("GET", "/v1/payouts", account=lab.seller).json()["data"][0]
    lab.post(f"/__sbx/payouts/{payout['id']}/fail", {"account": lab.seller})
    lab.advance(7 * 24 * 3600 + 1)
    lab.until(f"/v1/payment_intents/{lapsing['id']}", lambda found: found["status"] == "canceled")
    leaving = lab.account()
    lab.post("/oauth/deauthorize", {"client_id": lab.told["clientId"], "stripe_user_id": leaving})
    until = time.monotonic() + 20 * servers.SLOWNESS
    while True:
        lab.events = []
        for account in (None, lab.seller):
            after = {}
            while True:
                page = lab.send("GET", "/v1/events", {"limit": 100, **after}, account=account).json()
                lab.events += page["data"]
                if not page["has_more"]:
                    break
                after = {"starting_after": page["data"][-1]["id"]}
        if not set(samples()) - {event["type"] for event in lab.events} - {"account.application.deauthorized"}:
            break
        assert time.monotonic() < until, set(samples()) - {event["type"] for event in lab.events}
        time.sleep(0.05)
    yield lab
    assert running.stop() == 0


@pytest.mark.parametrize("kind", sorted(set(samples()) - {"account.application.deauthorized"}))
def test_an_event_is_like_the_providers(lab, kind):
    ours = [event for event in lab.events if event["type"] == kind]
    assert ours
    for event in ours:
        assert event["api_version"] == "2026-10-28.endive" and event["livemode"] is False
        for example in samples()[kind]:
            assert not unlike(event, example, {"context"}, "event")
            body, wanted = event["data"]["object"], example["data"]["object"]
            assert body["object"] == wanted["object"]
            assert not unlike(body, wanted, OPTIONAL[wanted["object"]], wanted["object"])
            assert ("account" in event) == ("account" in example)


@pytest.mark.parametrize("kind, status", sorted({(kind, event["data"]["object"]["status"]) for kind, found in samples().items()
                                                 for event in found if event["data"]["object"].get("status")}))
def test_an_event_comes_in_the_providers_state(lab, kind, status):
    states = {event["data"]["object"]["status"] for event in lab.events if event["type"] == kind}
    same_end = {"won": {"won"}, "pending": {"pending", "succeeded"}}
    assert states & same_end.get(status, {status}), states


def test_other_objects_have_their_members(lab):
    charge = lab.get(f"/v1/charges/{lab.sold['latest_charge']}")
    transfer = check(lab.get(f"/v1/transfers/{charge['transfer']}"), "transfer")
    check(lab.get(f"/v1/transfers/{transfer['id']}/reversals")["data"][0], "transfer_reversal")
    fee = check(lab.get(f"/v1/application_fees/{charge['application_fee']}"), "application_fee")
    check(lab.get(f"/v1/application_fees/{fee['id']}/refunds")["data"][0], "fee_refund")
    for booked in lab.get("/v1/balance_transactions", limit=100)["data"]:
        check(booked, "balance_transaction")
    check(lab.get("/v1/balance"), "balance")
    check(lab.get(f"/v1/payment_methods/{lab.sold['payment_method']}"), "payment_method")
    check(lab.get("/v1/webhook_endpoints/we_1SbxConnect"), "webhook_endpoint")
    check(lab.post("/v1/account_links", {"account": lab.seller, "type": "account_onboarding",
                                         "refresh_url": "https://a.example", "return_url": "https://a.example"}), "account_link")
