"""The server as its callers see it: sign-in, selling, paying and scanning over HTTP, and the provider's own side.

Paths and field names stand here and nowhere else in the functional tests.
"""

import contextlib
import datetime
import hashlib
import hmac
import json
import time
import uuid

import requests

LIMIT_S = 30
TEST_CARDS = {
    "good": "4242424242424242",
    "declined": "4000000000000002",
    "no_funds": "4000000000009995",
    "challenge": "4000002760003184",
}


def utc_now():
    return datetime.datetime.now(datetime.timezone.utc)


def local_time(at):
    return at.strftime("%Y-%m-%dT%H:%M")


class Caller:
    """One party with its token (or none); relative paths go to the server. Never raises on a status."""

    def __init__(self, base_url, token=None):
        self.base_url = base_url
        self.token = token
        self.session = requests.Session()
        self.session.trust_env = False

    def send(self, method, path, body=None, headers=None, raw=None, **more):
        sent = {}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if raw is not None:
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        url = path if path.startswith("http") else self.base_url + path
        return self.session.request(method, url, json=body, data=raw, headers=sent, timeout=LIMIT_S,
                                    allow_redirects=False, **more)

    def get(self, path, **more):
        return self.send("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.send("POST", path, body, **more)


def expect(reply, status, code=None):
    """The reply's JSON, once its status (and problem code) are what they must be."""
    assert reply.status_code == status, f"{reply.request.method} {reply.url}: {reply.status_code} {reply.text[:600]}"
    if status >= 400:
        assert reply.headers["Content-Type"].startswith("application/problem+json"), reply.headers
        problem = reply.json()
        for name in ("type", "title", "status", "code", "detail"):
            assert name in problem, problem
        assert problem["status"] == status
        if code is not None:
            assert problem["code"] == code, problem
        return problem
    return reply.json() if reply.content else None


class Customer(Caller):
    """A signed-in account. Its access token lives ten minutes, so a longer run signs in anew."""

    RENEW_AFTER_S = 400

    def __init__(self, base_url, token, user_id, email, password):
        super().__init__(base_url, token)
        self.user_id = user_id
        self.email = email
        self.password = password
        self.renew_at = time.monotonic() + self.RENEW_AFTER_S

    def send(self, method, path, *more, **others):
        if time.monotonic() > self.renew_at:
            self.renew_at = time.monotonic() + self.RENEW_AFTER_S
            self.token = sign_in(self.base_url, self.email, self.password).token
        return super().send(method, path, *more, **others)

    def reserve(self, show_id, lines, key=None):
        """`lines`: (tier, quantity) or (tier, quantity, holders)."""
        body = {"showId": show_id, "lines": [dict(zip(("tierId", "quantity", "holders"), line)) for line in lines]}
        return self.post("/v1/registrations", body, headers={"Idempotency-Key": key} if key else None)

    def registration(self, registration_id):
        return expect(self.get(f"/v1/registrations/{registration_id}"), 200)

    def create_intent(self, registration_id, amount=None, path="/payments/create-intent"):
        body = {"registrationId": registration_id}
        if amount is not None:
            body["amount"] = amount
        return self.post(path, body)

    def cancel(self, registration_id):
        return self.post(f"/v1/registrations/{registration_id}/cancel")

    def wait_for_status(self, registration_id, status, limit_s=20):
        """Payment outcomes arrive by webhook: a moment later than the provider's answer."""
        until = time.monotonic() + limit_s
        while True:
            seen = self.registration(registration_id)
            if seen["status"] == status:
                return seen
            assert time.monotonic() < until, f"still {seen['status']} after {limit_s} s: {seen}"
            time.sleep(0.02)

    def tickets(self, registration_id):
        return [ticket for ticket in self.all_tickets() if ticket["registrationId"] == registration_id]

    def all_tickets(self):
        """Every page of the caller's list."""
        found, cursor = [], None
        while True:
            page = expect(self.get("/userTickets?limit=1000" + (f"&cursor={cursor}" if cursor else "")), 200)
            found += page["tickets"]
            cursor = page.get("nextCursor")
            if not cursor:
                return found


class Organiser(Customer):
    business_id = None

    def create_show(self, title="Evening", *, opens_in_s=-3600, closes_in_s=4 * 3600, tiers=None, publish=True, **more):
        """A show whose doors open `opens_in_s` from now; returns (show id, [tier id])."""
        now = utc_now()
        opens = now + datetime.timedelta(seconds=opens_in_s)
        closes = now + datetime.timedelta(seconds=closes_in_s)
        body = {
            "title": title, "venue": "Old Mill", "address": "Mill Lane 1, Exampleton", "zone": "Etc/UTC",
            "language": "en", "currency": "EUR", "doorsLocal": local_time(opens),
            "startsLocal": local_time(opens + datetime.timedelta(hours=1)),
            "windows": [{"fromLocal": local_time(opens), "untilLocal": local_time(closes)}],
        }
        body.update(more)
        show_id = expect(self.post(f"/v1/businesses/{self.business_id}/shows", body), 201)["showId"]
        tier_ids = [self.create_tier(show_id, **tier) for tier in tiers or [{}]]
        if publish:
            expect(self.post(f"/v1/shows/{show_id}/publish"), 200)
        return show_id, tier_ids

    def create_tier(self, show_id, name="Standing", price=2500, capacity=1000, **more):
        body = {"name": name, "price": price, "capacity": capacity}
        body.update(more)
        body = {field: value for field, value in body.items() if value is not None}
        return expect(self.post(f"/v1/shows/{show_id}/tiers", body), 201)["tierId"]

    def mint_gate(self, show_id, gate="Main door"):
        made = expect(self.post(f"/v1/shows/{show_id}/gates", {"gate": gate}), 201)
        return enrol(self.base_url, made["enrolment"]["code"])

    def check_ins(self, show_id):
        reply = expect(self.get(f"/v1/shows/{show_id}/check-ins?limit=1000"), 200)
        return reply["checkIns"]


class Gate(Caller):
    def validate(self, code, nonce=None, direction=None, path="/tickets/validate"):
        body = {"qrCode": code}
        for name, value in (("nonce", nonce), ("direction", direction)):
            if value is not None:
                body[name] = value
        return self.post(path, body)

    def scan(self, code, **more):
        decided = expect(self.validate(code, **more), 200)
        assert isinstance(decided["valid"], bool)
        assert isinstance(decided["message"], str) and decided["message"]
        assert "ticket" in decided and "reason" in decided
        return decided

    def annul(self, check_in_id):
        return self.post(f"/v1/check-ins/{check_in_id}/annul")


def sign_up(base_url, email=None, password="correct horse battery", name="Ada Example", kind=Customer):
    email = email or f"u{uuid.uuid4().hex}@example.com"
    anybody = Caller(base_url)
    user_id = expect(anybody.post("/v1/users", {"email": email, "password": password, "name": name}), 201)["userId"]
    return sign_in(base_url, email, password, user_id, kind)


def sign_in(base_url, email, password, user_id=None, kind=Customer):
    session = expect(Caller(base_url).post("/v1/sessions", {"email": email, "password": password}), 201)
    return kind(base_url, session["accessToken"], user_id or session["userId"], email, password)


def enrol(base_url, code):
    """The token of the gate whose scanner sends this code."""
    return expect(Caller(base_url).post("/v1/gates/enrol", {"code": code}), 200)["token"]


class Provider:
    """The payment provider's side: confirms intents as a browser does, and signs (or forges) webhooks."""

    def __init__(self, base_url, stripe):
        self.base_url = base_url
        self.api_base = stripe["apiBase"]
        self.publishable_key = stripe["publishableKey"]
        self.secret_key = stripe["secretKey"]
        self.webhook_secret = stripe["webhookSecret"]
        self.connected_account = stripe["connectedAccount"]
        self.session = requests.Session()
        self.session.trust_env = False

    def confirm(self, intent_id, client_secret, card="good"):
        form = {
            "client_secret": client_secret,
            "payment_method_data[type]": "card",
            "payment_method_data[card][number]": TEST_CARDS.get(card, card),
            "payment_method_data[card][exp_month]": "12",
            "payment_method_data[card][exp_year]": "2034",
            "payment_method_data[card][cvc]": "123",
        }
        return self.session.post(f"{self.api_base}/v1/payment_intents/{intent_id}/confirm", data=form, timeout=LIMIT_S,
                                 headers={"Authorization": f"Bearer {self.publishable_key}"}, allow_redirects=False)

    def answer_challenge(self, intent, outcome="complete"):
        """What the buyer does on the bank's page that a confirmed intent points at: `complete` or `fail`."""
        page = intent["next_action"]["redirect_to_url"]["url"]
        assert page.startswith(self.base_url + "/sandbox-provider/"), page
        shown = self.session.get(page, timeout=LIMIT_S)
        assert shown.status_code == 200, shown.text
        done = self.session.post(f"{page}/{outcome}", timeout=LIMIT_S, allow_redirects=False)
        assert done.status_code < 400, done.text

    def intent(self, intent_id):
        reply = self.session.get(f"{self.api_base}/v1/payment_intents/{intent_id}", timeout=LIMIT_S,
                                 headers={"Authorization": f"Bearer {self.secret_key}"})
        assert reply.status_code == 200, reply.text
        return reply.json()

    def signature(self, payload, secret=None, at=None):
        at = int(time.time()) if at is None else at
        secret = self.webhook_secret if secret is None else secret
        mac = hmac.new(secret.encode(), str(at).encode() + b"." + payload, hashlib.sha256).hexdigest()
        return at, mac

    def deliver(self, payload, header, path="/payments/webhook"):
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if header is not None:
            headers["Stripe-Signature"] = header
        return self.session.post(self.base_url + path, data=payload, headers=headers, timeout=LIMIT_S,
                                 allow_redirects=False)

    def send_event(self, event, path="/payments/webhook"):
        payload = json.dumps(event).encode()
        at, mac = self.signature(payload)
        return self.deliver(payload, f"t={at},v1={mac}", path)

    def event(self, kind, intent, **more):
        body = {"id": f"evt_test_{uuid.uuid4().hex}", "object": "event", "api_version": "2026-10-28.endive",
                "created": int(time.time()), "livemode": False, "pending_webhooks": 1, "type": kind,
                "data": {"object": intent}, "request": {"id": None, "idempotency_key": None}}
        body.update(more)
        return body


class World:
    """A running installation with its example business, as demo.json tells of it."""

    def __init__(self, server, demo):
        self.server = server
        self.base_url = server.base_url
        self.demo = demo
        self.anybody = Caller(self.base_url)
        self.provider = Provider(self.base_url, demo["stripe"])
        users = demo["users"]
        self.organiser = self._user(users["organiser"], Organiser)
        self.organiser.business_id = demo["businessId"]
        self.operator = self._user(users["operator"], Customer)
        self.demo_customer = self._user(users["customer"], Customer)
        self.demo_gate = Gate(self.base_url, users["gate"]["token"])

    def _user(self, user, kind):
        return kind(self.base_url, user["accessToken"], user["userId"], user["email"], user["password"])

    def customer(self, **more):
        return sign_up(self.base_url, **more)

    def gate(self, show_id, name="Main door"):
        return Gate(self.base_url, self.organiser.mint_gate(show_id, name))

    def buy(self, customer, show_id, lines, card="good"):
        """Reserves, pays and waits for the tickets; returns (registration id, [ticket])."""
        held = expect(customer.reserve(show_id, lines), 201)
        registration_id = held["registrationId"]
        if held["amount"] > 0:
            intent = expect(customer.create_intent(registration_id), 200)
            paid = self.provider.confirm(intent["paymentIntentId"], intent["clientSecret"], card)
            assert paid.status_code == 200, paid.text
        customer.wait_for_status(registration_id, "confirmed")
        return registration_id, customer.tickets(registration_id)

    @contextlib.contextmanager
    def hold(self, customer, show_id, lines):
        """A reservation that is given back, so that limits on live holds stay far away."""
        held = expect(customer.reserve(show_id, lines), 201)
        try:
            yield held
        finally:
            customer.cancel(held["registrationId"])


def refused(reply, code, *statuses):
    """A refusal by its stable code; the status only where it is given."""
    assert 400 <= reply.status_code < 500, f"{reply.request.method} {reply.url}: {reply.status_code} {reply.text[:600]}"
    problem = expect(reply, reply.status_code, code)
    assert not statuses or reply.status_code in statuses, f"{reply.status_code} {problem}"
    return problem
