#!/usr/bin/env python3
"""The main flow against real Stripe in test mode: an account, a declined card, a payment, tickets, the money back.

STRIPE_TEST_KEY=sk_test_… (or rk_test_…) make test-live. Prints one line for each step and ends with the line
`N passed, N failed, N skipped`; without a key every step is skipped. A live key is refused. No money moves.
docs/STRIPE_SETUP.md says what the key must be able to do.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "functional"))

import requests  # noqa: E402
import server as servers  # noqa: E402
from api import Customer, Organiser, expect, sign_in, sign_up  # noqa: E402

STRIPE = "https://api.stripe.com"
VERSION = "2026-10-28.endive"
PASSWORD = "correct horse battery"
PRICE = 1500
LIMIT_S = 120
STEPS = {
    "key": "the key works and is of test mode",
    "onboarding": "an account is made for a business, says what it is missing, and gets a link",
    "account": "a connected account that can charge is tied to a business",
    "payment": "places are held and a payment is begun",
    "decline": "a declined card leaves the hold as it was",
    "card": "a good card pays",
    "webhook": "the payment's event confirms the order",
    "tickets": "the buyer has the tickets",
    "refund": "the money goes back, and the tickets end",
    "verify": "what is stored adds up",
}


class Skip(Exception):
    """This cannot be tried here; what was said is why, and what to do about it."""


def fault_of_key(key):
    """A sentence, or None for a key of test mode. The key itself is never printed."""
    if key.startswith(("sk_live_", "rk_live_")):
        return "STRIPE_TEST_KEY is a live key: it would move money. Give one that begins with sk_test_ or rk_test_."
    if not key.startswith(("sk_test_", "rk_test_")):
        return "STRIPE_TEST_KEY is no secret key of test mode: it begins with sk_test_ or rk_test_."
    return None


class Flow:
    """One run on a folder of its own. The steps are methods named like STEPS, in that order."""

    def __init__(self, key, folder, api_base, listen_limit_s=30):
        self.key, self.api_base = key, api_base
        self.data = pathlib.Path(folder) / "data"
        self.listen_limit_s = listen_limit_s
        self.session = requests.Session()
        self.session.trust_env = api_base == STRIPE  # a proxy may stand before Stripe, none before this machine
        self.listener = self.running = self.operator = None
        self.made_account = ""

    def stripe(self, method, path, form=None, account=None, status=200):
        headers = {"Authorization": f"Bearer {self.key}", "Stripe-Version": VERSION}
        if account:
            headers["Stripe-Account"] = account
        reply = self.session.request(method, self.api_base + path, headers=headers, timeout=60,
                                     **{"params" if method == "GET" else "data": form})
        assert reply.status_code == status, f"{method} {path}: {reply.status_code} {reply.text[:400]}"
        return reply.json()

    def start(self):
        """The server with the key; webhooks come by Stripe's tool where it is installed."""
        made = subprocess.run([servers.BINARY, "operator", "--data", self.data, "--email", "op@example.com"], text=True, check=False,
                              input=PASSWORD + "\n", capture_output=True, env=servers.environment(), timeout=60)
        assert made.returncode == 0, made.stderr
        tool = shutil.which("stripe")
        secret = "whsec_events_are_fetched_instead"
        environment = {**os.environ, "STRIPE_API_KEY": self.key}
        if tool:
            told = subprocess.run([tool, "listen", "--print-secret"], text=True, capture_output=True, env=environment,
                                  timeout=self.listen_limit_s, check=False)
            assert told.returncode == 0 and told.stdout.startswith("whsec_"), "stripe listen --print-secret gives no secret"
            secret = told.stdout.strip()
        self.running = servers.Server("serve", self.data, ADMIT_STRIPE_API_BASE=self.api_base, STRIPE_SECRET_KEY=self.key,
                                      STRIPE_WEBHOOK_SECRET=secret, STRIPE_CONNECT_WEBHOOK_SECRET=secret)
        if tool:
            self.listener = subprocess.Popen(
                [tool, "listen", "--forward-to", self.running.base_url + "/payments/webhook", "--forward-connect-to",
                 self.running.base_url + "/payments/webhook/connect"],
                env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.operator = sign_in(self.running.base_url, "op@example.com", PASSWORD, kind=Customer)

    def stop(self):
        if self.listener:
            self.listener.terminate()
            self.listener.wait(20)
        if self.made_account:
            with contextlib.suppress(requests.RequestException):
                self.session.delete(f"{self.api_base}/v1/accounts/{self.made_account}", timeout=60,
                                    headers={"Authorization": f"Bearer {self.key}", "Stripe-Version": VERSION})
        if self.running and self.running.process.poll() is None:
            self.running.kill()

    def wait_until(self, what, holds):
        """Fetches events again and again where nobody forwards them."""
        until = time.monotonic() + LIMIT_S
        while not holds():
            assert time.monotonic() < until, f"not within {LIMIT_S} s: {what}"
            if not self.listener:
                expect(self.operator.post("/v1/payments/reconcile"), 202)
            time.sleep(1)

    def business(self, name):
        owner = sign_up(self.running.base_url, kind=Organiser)
        owner.business_id = expect(owner.post("/v1/businesses", {"name": name}), 201)["businessId"]
        return owner, f"/v1/businesses/{owner.business_id}"

    # The steps: each returns what is worth a line.

    def try_key(self):
        checked = servers.run("stripe", "check", "--data", self.data, ADMIT_STRIPE_API_BASE=self.api_base,
                              STRIPE_SECRET_KEY=self.key, STRIPE_WEBHOOK_SECRET="whsec_unused")
        assert checked.returncode == 0, checked.stderr
        assert "no money moves" in checked.stdout and self.key not in checked.stdout + checked.stderr
        self.start()
        return "account " + checked.stdout.split("account", 1)[1].split()[0]

    def try_onboarding(self):
        owner, path = self.business("New Stage")
        made = expect(owner.post(f"{path}/stripe-account", {"country": "DE"}), 200)
        self.made_account = made["stripeAccount"]
        assert not made["canSell"] and made["missing"], made
        link = expect(owner.post(f"{path}/onboarding-link"), 201)["url"]
        host = urllib.parse.urlsplit(link).hostname
        assert host.endswith(".stripe.com") or host == urllib.parse.urlsplit(self.api_base).hostname, host
        return f"{self.made_account}, its form is at {host}; removed again at the end"

    def try_account(self):
        accounts = self.stripe("GET", "/v1/accounts", {"limit": 100})["data"]
        able = [one["id"] for one in accounts if one["charges_enabled"] and one.get("capabilities", {}).get("transfers") == "active"]
        if not able:
            raise Skip("no connected account of this platform can charge yet. Make one in the dashboard (Connect, test mode), "
                       "fill in its form with test data, and run this again")
        self.owner, path = self.business("Old Mill")
        tied = expect(self.operator.send("PUT", f"{path}/stripe-account", {"stripeAccount": able[0]}), 200)
        assert tied["canSell"], tied
        return able[0]

    def try_payment(self):
        self.show_id, [self.seat] = self.owner.create_show("Live test", tiers=[{"name": "Seat", "price": PRICE}],
                                                           opens_in_s=7 * 24 * 3600, closes_in_s=8 * 24 * 3600)
        self.buyer = sign_up(self.running.base_url)
        held = expect(self.buyer.reserve(self.show_id, [(self.seat, 2)]), 201)
        self.registration, self.amount = held["registrationId"], held["amount"]
        until = time.monotonic() + LIMIT_S
        while (reply := self.buyer.create_intent(self.registration)).status_code == 202:
            assert time.monotonic() < until, "no payment could be begun"
            time.sleep(1)
        self.intent = expect(reply, 200)["paymentIntentId"]
        at_stripe = self.stripe("GET", f"/v1/payment_intents/{self.intent}")
        assert at_stripe["amount"] == self.amount and at_stripe["livemode"] is False
        assert at_stripe["metadata"]["registration_id"] == self.registration
        return f"{self.intent}, {self.amount} {at_stripe['currency']}"

    def confirm(self, method, status=200):
        return self.stripe("POST", f"/v1/payment_intents/{self.intent}/confirm",
                           {"payment_method": method, "return_url": "https://example.com/back"}, status=status)

    def try_decline(self):
        error = self.confirm("pm_card_visa_chargeDeclined", 402)["error"]
        assert error["code"] == "card_declined", error
        seen = self.buyer.registration(self.registration)
        assert seen["status"] == "held" and seen["ticketIds"] == [], seen
        return f"{error['code']}, still held"

    def try_card(self):
        paid = self.confirm("pm_card_visa")
        assert paid["status"] == "succeeded" and paid["amount_received"] == self.amount, paid["status"]
        return "succeeded"

    def try_webhook(self):
        self.wait_until("the order is confirmed", lambda: self.buyer.registration(self.registration)["status"] == "confirmed")
        return "forwarded by stripe listen" if self.listener else "fetched (there is no stripe tool to forward it)"

    def try_tickets(self):
        tickets = self.buyer.tickets(self.registration)
        assert len(tickets) == 2 and all(one["status"] == "valid" and one["qrCode"] and one["test"] for one in tickets), tickets
        return "2, marked as TEST"

    def try_refund(self):
        expect(self.owner.post(f"/v1/registrations/{self.registration}/refunds", {}), 201)
        refunds = f"/v1/registrations/{self.registration}/refunds"
        self.wait_until("the refund has succeeded",
                        lambda: [one["status"] for one in expect(self.owner.get(refunds), 200)["refunds"]] == ["succeeded"])
        [charge] = [one for one in self.stripe("GET", "/v1/charges", {"payment_intent": self.intent})["data"] if one["paid"]]
        assert charge["amount_refunded"] == self.amount, charge["amount_refunded"]
        assert all(one["status"] == "revoked" for one in self.buyer.tickets(self.registration))
        return f"{self.amount} of {self.amount}"

    def try_verify(self):
        assert self.running.stop() == 0, "the server did not end well"
        self.running.assert_clean()
        assert self.key not in self.running.output, "the key is in the log"
        checked = servers.run("verify", "--data", self.data)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        return "admit verify"


def run(key, api_base=STRIPE, out=print):
    """(passed, failed, skipped). A step that cannot be taken leaves those after it out, but for the last."""
    counts = {"ok": 0, "FAILED": 0, "skipped": 0}

    def tell(word, name, detail):
        counts[word] += 1
        out(f"{word:<8} {name:<11} {STEPS[name]}: {detail}")

    if not key:
        for name in STEPS:
            tell("skipped", name, "STRIPE_TEST_KEY is not set")
        return tuple(counts.values())
    with tempfile.TemporaryDirectory(prefix="admit-live-") as folder:
        flow, stopped_by = Flow(key, folder, api_base), ""
        try:
            for name in STEPS:
                if stopped_by and (name != "verify" or not flow.running):
                    tell("skipped", name, f"not without '{stopped_by}'")
                    continue
                try:
                    tell("ok", name, getattr(flow, f"try_{name}")())
                except Skip as why:
                    tell("skipped", name, str(why))
                    stopped_by = name
                except Exception as fault:  # noqa: BLE001: whatever it was, it is this step's, and the rest is told
                    tell("FAILED", name, str(fault).replace(key, "(the key)")[:1000])
                    # An account that cannot be made says nothing about one that is there.
                    stopped_by = stopped_by if name == "onboarding" else name
        finally:
            flow.stop()
    return tuple(counts.values())


def main():
    key = os.environ.get("STRIPE_TEST_KEY", "").strip()
    if key and (fault := fault_of_key(key)):
        print(fault, file=sys.stderr)
        return 2
    print(f"against {STRIPE}", flush=True)
    passed, failed, skipped = run(key)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
