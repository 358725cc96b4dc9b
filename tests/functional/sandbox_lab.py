"""The sandbox by itself: its API, its controls, and somebody who takes its webhooks."""

import hashlib
import hmac
import http.server
import json
import threading
import time

import requests
import server as servers

LIMIT_S = 30
CARDS = {"4242": "pm_card_visa", "declined": "pm_card_visa_chargeDeclined", "3ds": "pm_card_threeDSecureRequired"}


class Receiver:
    """Takes webhooks, checks their signatures, answers what it is told to."""

    def __init__(self):
        self.events = []
        self.refused = []
        self.answer = 200
        self.secrets = []
        self._lock = threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                good = receiver.take(body, self.headers.get("Stripe-Signature", ""))
                self.send_response(receiver.answer if good else 400)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, body, header):
        parts = [part.split("=", 1) for part in header.split(",")]
        at = next(value for name, value in parts if name == "t")
        given = {value for name, value in parts if name == "v1"}
        good = any(hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest() in given
                   for secret in self.secrets)
        with self._lock:
            if good:
                self.events.append(json.loads(body))
            else:
                self.refused.append(header)
        return good

    def types(self):
        with self._lock:
            return [event["type"] for event in self.events]

    def wait_for(self, count, limit_s=20):
        until = time.monotonic() + limit_s * servers.SLOWNESS
        while len(self.types()) < count:
            assert time.monotonic() < until, self.types()
            time.sleep(0.01)
        return self.types()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Lab:
    def __init__(self, told):
        self.base = told["apiBase"]
        self.told = told
        self.session = requests.Session()
        self.session.trust_env = False

    def send(self, method, path, form=None, *, key=None, account=None, headers=None, **more):
        sent = {"Authorization": f"Bearer {self.told['secretKey'] if key is None else key}"}
        if account:
            sent["Stripe-Account"] = account
        sent.update(headers or {})
        url = path if path.startswith("http") else self.base + path
        data = {"params": form} if method == "GET" else {"data": form}
        return self.session.request(method, url, headers=sent, timeout=LIMIT_S, allow_redirects=False, **data, **more)

    def get(self, path, status=200, **form):
        reply = self.send("GET", path, form)
        assert reply.status_code == status, reply.text
        return reply.json()

    def post(self, path, form=None, status=200, **more):
        reply = self.send("POST", path, form, **more)
        assert reply.status_code == status, f"{path}: {reply.status_code} {reply.text[:500]}"
        return reply.json()

    def refused(self, path, form=None, status=400, **more):
        """(code, param) of a refusal."""
        error = self.post(path, form, status, **more)["error"]
        assert error["type"] and error["message"]
        return error.get("code"), error.get("param")

    def account(self, state="complete", **form):
        form = {"country": "DE", "capabilities[card_payments][requested]": "true",
                "capabilities[transfers][requested]": "true", **form}
        account = self.post("/v1/accounts", form)["id"]
        self.post(f"/__sbx/account/{account}/requirements", {"state": state})
        return account

    def intent(self, amount=2500, account=None, **form):
        return self.post("/v1/payment_intents", {"amount": amount, "currency": "eur", **form}, account=account)

    def paid(self, card="pm_card_visa", amount=2500, account=None, **form):
        return self.intent(amount, account, confirm="true", payment_method=card, **form)

    def to(self, destination, fee=100):
        return {"transfer_data[destination]": destination, "application_fee_amount": fee}

    def event_types(self, subject=None, account=None):
        """Oldest first, of one object or payment."""
        listed = self.send("GET", "/v1/events", {"limit": 100}, account=account).json()["data"]
        return [event["type"] for event in reversed(listed)
                if subject in (None, event["data"]["object"].get("id"), event["data"]["object"].get("payment_intent"))]

    def advance(self, seconds):
        self.post("/__sbx/clock/advance", {"seconds": seconds})

    def snapshot(self):
        return self.get("/__sbx/snapshot")

    def balance(self, account=""):
        return {row["currency"]: row["amount"] for row in self.snapshot()["balances"] if row["account"] == account}.get("eur", 0)

    def until(self, path, holds, limit_s=20):
        """Reads an object until it is as it should be."""
        end = time.monotonic() + limit_s * servers.SLOWNESS
        while True:
            found = self.get(path)
            if holds(found):
                return found
            assert time.monotonic() < end, found
            time.sleep(0.02)

    def receiver(self, connect=False, events="*"):
        receiver = Receiver()
        made = self.post("/v1/webhook_endpoints", {"url": receiver.url, "enabled_events[]": events,
                                                   "connect": "true" if connect else "false"})
        receiver.secrets.append(made["secret"])
        receiver.endpoint = made["id"]
        return receiver
