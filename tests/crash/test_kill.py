"""kill -9 at any instant loses nothing that was answered.

A load of free orders, purchases (intent, card, signed webhook) and scans runs on many connections while the process is
killed again and again, the payment sandbox with it; what the clients noted as answered is then looked for. Some kills
are aimed: the process is stopped, its lane seen to be inside the sync of a commit, and killed there.
"""

import asyncio
import dataclasses
import hashlib
import hmac
import json
import os
import random
import re
import signal
import time
import urllib.parse
import uuid

import pytest

import server as servers
from api import Caller, Gate, Organiser, expect, sign_in, sign_up

KILLS = 24
AIMED_KILLS = 12
CONNECTIONS = 160
IN_FLIGHT_AT_KILL = 100
BUYERS = 60
TICKETS_PER_ORDER = 10
FREE_SHOWS = 12
SYNC_CALLS = {"74", "75"}  # fsync and fdatasync on x86-64
LANE_THREAD = "lane-0"
SEED = int(os.environ.get("ADMIT_CRASH_SEED", "20261121"))


@dataclasses.dataclass
class Scan:
    code: str
    nonce: str
    answers: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Order:
    buyer: int
    key: str
    quantity: int
    place: tuple  # (show, tier)
    answers: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Purchase:
    """Reserved, an intent made, paid by card, and told to the office by a webhook: each step until it was answered."""

    buyer: int
    key: str
    quantity: int
    place: tuple
    tells: bool  # the client delivers an event of its own, beside the sandbox's
    event_id: str
    registrations: list = dataclasses.field(default_factory=list)
    intents: list = dataclasses.field(default_factory=list)
    paid: dict | None = None  # the provider's intent, once it has succeeded
    told: bool = False

    @property
    def done(self):
        return self.paid is not None and (self.told or not self.tells)


class Load:
    """Clients that repeat each operation, with its own key or nonce, until it was answered."""

    def __init__(self, host, port, provider, free_places, paid_place, gate_token, buyer_tokens, codes, seed):
        self.office = host, port
        self.provider = provider  # as sandbox.json says; another address after each start
        self.free_places, self.paid_place = free_places, paid_place
        self.gate_token, self.buyer_tokens = gate_token, buyer_tokens
        self.random = random.Random(seed)
        self.codes = list(codes)
        self.random.shuffle(self.codes)
        self.scans, self.orders, self.purchases, self.faults = [], [], [], []
        self.in_flight = 0
        self.answered = 0
        self.ending = False

    async def call(self, streams, address, path, payload, headers):
        """One request on this client's own connection to the office or to the provider."""
        if address not in streams:
            streams[address] = await asyncio.open_connection(*address)
        reader, writer = streams[address]
        head = f"POST {path} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\nContent-Length: {len(payload)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.in_flight += address == self.office
        try:
            writer.write(head.encode() + b"\r\n" + payload)
            await writer.drain()
            lines = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)).decode("latin-1").split("\r\n")
            length = next(int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:"))
            text = await asyncio.wait_for(reader.readexactly(length), 30)
            return int(lines[0].split()[1]), json.loads(text) if text else None
        finally:
            self.in_flight -= address == self.office

    async def ask(self, streams, path, token, body, key=None):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        return await self.call(streams, self.office, path, json.dumps(body).encode(), headers)

    def next_operation(self):
        chance = self.random.random()
        if self.codes and chance < 0.4:
            scan = Scan(self.codes.pop(), uuid.uuid4().hex)
            self.scans.append(scan)
            return scan
        buyer, key, quantity = self.random.randrange(len(self.buyer_tokens)), uuid.uuid4().hex, self.random.randint(1, 3)
        if chance < 0.7:
            order = Order(buyer, key, quantity, self.random.choice(self.free_places))
            self.orders.append(order)
            return order
        purchase = Purchase(buyer, key, quantity, self.paid_place, self.random.random() < 0.5, f"evt_crash_{key}")
        self.purchases.append(purchase)
        return purchase

    async def advance(self, streams, operation):
        """Sends what the operation wants next; returns (status, answer, whether it is complete)."""
        if isinstance(operation, Purchase):
            return await self.advance_purchase(streams, operation)
        if isinstance(operation, Scan):
            status, answer = await self.ask(streams, "/tickets/validate", self.gate_token,
                                            {"qrCode": operation.code, "nonce": operation.nonce})
        else:
            status, answer = await self.reserve(streams, operation)
        if status in (200, 201):
            operation.answers.append(answer)
        # Now and then a client asks again although it was answered: it must hear the same.
        return status, answer, self.random.random() < 0.9 or len(operation.answers) > 2

    async def reserve(self, streams, order):
        show_id, tier_id = order.place
        body = {"showId": show_id, "lines": [{"tierId": tier_id, "quantity": order.quantity}]}
        return await self.ask(streams, "/v1/registrations", self.buyer_tokens[order.buyer], body, order.key)

    async def advance_purchase(self, streams, purchase):
        if not purchase.registrations or (not purchase.intents and self.random.random() < 0.1):
            status, answer = await self.reserve(streams, purchase)
            if status == 201:
                purchase.registrations.append(answer["registrationId"])
        elif not purchase.intents or (purchase.paid is None and self.random.random() < 0.1):
            status, answer = await self.ask(streams, "/payments/create-intent", self.buyer_tokens[purchase.buyer],
                                            {"registrationId": purchase.registrations[0]})
            if status == 200:
                purchase.intents.append((answer["paymentIntentId"], answer["clientSecret"]))
            elif status == 409 and answer["code"] == "already_paid":
                status = 200  # the answer to the card was lost, the event came through: the provider knows
        elif purchase.paid is None:
            status, answer = await self.pay(streams, *purchase.intents[0])
            if status == 200:
                assert answer["status"] == "succeeded", answer
                purchase.paid = answer
        else:
            status, answer = await self.tell(streams, purchase)
            purchase.told = status == 200
        return status, answer, purchase.done

    async def pay(self, streams, intent_id, client_secret):
        form = {"client_secret": client_secret, "payment_method_data[type]": "card",
                "payment_method_data[card][number]": "4242424242424242", "payment_method_data[card][exp_month]": "12",
                "payment_method_data[card][exp_year]": "2034", "payment_method_data[card][cvc]": "123"}
        where = urllib.parse.urlsplit(self.provider["apiBase"])
        status, answer = await self.call(
            streams, (where.hostname, where.port), f"/v1/payment_intents/{intent_id}/confirm",
            urllib.parse.urlencode(form).encode(), {"Authorization": f"Bearer {self.provider['publishableKey']}",
                                                    "Content-Type": "application/x-www-form-urlencoded"})
        intent = answer.get("error", {}).get("payment_intent")
        if status == 400 and intent and intent["status"] == "succeeded":
            return 200, intent  # it was paid by the request whose answer was lost
        return status, answer

    async def tell(self, streams, purchase):
        event = {"id": purchase.event_id, "object": "event", "api_version": "2026-10-28.endive", "created": int(time.time()),
                 "livemode": False, "pending_webhooks": 1, "type": "payment_intent.succeeded",
                 "data": {"object": purchase.paid}, "request": {"id": None, "idempotency_key": None}}
        payload, at = json.dumps(event).encode(), int(time.time())
        mac = hmac.new(self.provider["webhookSecret"].encode(), f"{at}.".encode() + payload, hashlib.sha256).hexdigest()
        return await self.call(streams, self.office, "/payments/webhook", payload,
                               {"Content-Type": "application/json", "Stripe-Signature": f"t={at},v1={mac}"})

    async def client(self):
        streams, operation = {}, None
        while not self.ending or operation is not None:
            operation = operation or self.next_operation()
            try:
                status, answer, complete = await self.advance(streams, operation)
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
                for _, writer in streams.values():
                    writer.close()
                streams = {}
                await asyncio.sleep(0.05)  # the server is down or coming up; the same operation goes again
                continue
            if status in (200, 201):
                self.answered += 1
                if complete:
                    operation = None
            elif status in (202, 429, 503):
                await asyncio.sleep(0.05)
            else:
                self.faults.append((status, answer))
                operation = None
        for _, writer in streams.values():
            writer.close()

    async def run(self, kill_all):
        clients = [asyncio.create_task(self.client()) for _ in range(CONNECTIONS)]
        try:
            await kill_all(self)
        finally:
            self.ending = True
        await asyncio.wait_for(asyncio.gather(*clients), 120)


def lane_of(pid):
    """The folder in /proc of the thread that commits."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/comm", encoding="utf-8") as file:
            if file.read().strip() == LANE_THREAD:
                return f"/proc/{pid}/task/{task}"
    raise AssertionError(f"no thread is named {LANE_THREAD}")


def is_committing(lane):
    """True when the lane is in the system call that makes a commit durable: nothing of it was answered yet."""
    try:
        with open(f"{lane}/syscall", encoding="ascii") as file:
            call = file.read().split()
        return call[0] in SYNC_CALLS and os.readlink(f"{lane}/fd/{int(call[1], 16)}").endswith("/admit.db-wal")
    except OSError:
        return False


async def kill_inside_commit(process, limit_s=20):
    lane = lane_of(process.pid)
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        if is_committing(lane):
            os.kill(process.pid, signal.SIGSTOP)
            if is_committing(lane):
                os.kill(process.pid, signal.SIGKILL)
                return True
            os.kill(process.pid, signal.SIGCONT)
        await asyncio.sleep(0)
    return False


def start(data, listen):
    """The office and its sandbox: (server, what sandbox.json says)."""
    running = servers.Server("serve", data, arguments=["--sandbox"], listen=listen)
    running.wait_for(re.compile("payments come from the sandbox"))
    return running, json.loads((data / "sandbox.json").read_text(encoding="utf-8"))


def verify(data):
    checked = servers.run("verify", "--data", data, limit_s=120)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.timeout(900)
def test_nothing_that_was_answered_is_lost(tmp_path):
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    data = tmp_path / "data"
    made = servers.run("demo", "--once", "--data", data, "--listen", "127.0.0.1:0", limit_s=120)
    assert made.returncode == 0, made.stdout + made.stderr
    demo = json.loads((data / "demo.json").read_text(encoding="utf-8"))

    running, provider = start(data, "127.0.0.1:0")
    base_url = running.base_url
    parts = urllib.parse.urlsplit(base_url)
    boss = demo["users"]["organiser"]
    organiser = sign_in(base_url, boss["email"], boss["password"], boss["userId"], Organiser)
    organiser.business_id = demo["businessId"]
    show_id, tier_ids = organiser.create_show(
        "Power cut", maxLiveHoldsPerUser=1_000, maxLiveHoldsPerAddress=100_000, holdSeconds=3600,
        tiers=[{"price": 0, "capacity": 1_000_000}, {"name": "Seat", "price": 1500, "capacity": 1_000_000}])
    gate_token = organiser.mint_gate(show_id)
    # One person may have only so many free tickets of a show.
    free_places = []
    for number in range(FREE_SHOWS):
        free_show, [tier] = organiser.create_show(f"Free {number}", tiers=[{"price": 0, "capacity": 1_000_000}],
                                               maxFreeTicketsPerUser=1_000_000)
        free_places.append((free_show, tier))
    buyers = [sign_up(base_url) for _ in range(BUYERS)]
    codes = []
    for buyer in buyers:
        for _ in range(2):
            expect(buyer.reserve(show_id, [(tier_ids[0], TICKETS_PER_ORDER)]), 201)
        codes += [ticket["qrCode"] for ticket in buyer.all_tickets()]
    assert len(codes) == BUYERS * 2 * TICKETS_PER_ORDER

    in_flight, inside_commit = [], 0

    async def kill_all(load):
        nonlocal running, inside_commit
        for number in range(KILLS):
            before = load.answered
            await asyncio.sleep(chance.uniform(0.05, 0.6))
            until = time.monotonic() + 10
            while (load.in_flight < IN_FLIGHT_AT_KILL or load.answered == before) and time.monotonic() < until:
                await asyncio.sleep(0.001)
            if number < AIMED_KILLS:
                inside_commit += await kill_inside_commit(running.process)
            in_flight.append(load.in_flight)
            running.process.kill()
            await asyncio.to_thread(running.kill)
            await asyncio.to_thread(verify, data)
            running, load.provider = await asyncio.to_thread(start, data, f"{parts.hostname}:{parts.port}")

    load = Load(parts.hostname, parts.port, provider, free_places, (show_id, tier_ids[1]), gate_token,
                [buyer.token for buyer in buyers], codes, SEED)
    asyncio.run(load.run(kill_all))
    purchases = load.purchases
    answered_orders = [order for order in load.orders if order.answers]
    answered_scans = [scan for scan in load.scans if scan.answers]
    print(f"{KILLS} kills, {inside_commit} inside a commit, in flight {min(in_flight)}..{max(in_flight)}; "
          f"{len(answered_orders)} free orders, {len(purchases)} purchases, {len(answered_scans)} scans answered")

    assert not load.faults, load.faults[:5]
    assert sum(count >= IN_FLIGHT_AT_KILL for count in in_flight) >= 20, in_flight
    assert inside_commit >= 5
    assert len(answered_orders) >= 200 and len(answered_scans) >= 200 and len(purchases) >= 100

    # Whatever was answered twice was answered alike, and each scan let its ticket in exactly once.
    for order in answered_orders:
        assert len({answer["registrationId"] for answer in order.answers}) == 1
    for purchase in purchases:
        assert purchase.done
        assert len(set(purchase.registrations)) == 1 and len({intent for intent, _ in purchase.intents}) == 1, purchase
    assert len({purchase.intents[0][0] for purchase in purchases}) == len(purchases), "two purchases share an intent"
    for scan in answered_scans:
        assert [answer["reason"] for answer in scan.answers] == ["admitted"] * len(scan.answers), scan

    # Everything that was answered is there.
    ids = [answer["registrationId"] for order in answered_orders for answer in order.answers[:1]]
    ids += [purchase.registrations[0] for purchase in purchases]
    assert len(ids) == len(set(ids)), "two orders share an id"
    per_buyer = {}
    for order in answered_orders:
        per_buyer.setdefault(order.buyer, {})[order.answers[0]["registrationId"]] = order.quantity
    for purchase in purchases:
        per_buyer.setdefault(purchase.buyer, {})[purchase.registrations[0]] = purchase.quantity
    told = {purchase.registrations[0] for purchase in purchases if purchase.told}
    for number, wanted in per_buyer.items():
        buyer = buyers[number]
        buyer.token = sign_in(base_url, buyer.email, buyer.password).token
        for registration_id in wanted:
            # What the sandbox alone told may still be on its way: it was kept, and is sent again after each start.
            if registration_id in told:
                assert buyer.registration(registration_id)["status"] == "confirmed"
            else:
                buyer.wait_for_status(registration_id, "confirmed", limit_s=90)
        found = {}
        for ticket in buyer.all_tickets():
            found[ticket["registrationId"]] = found.get(ticket["registrationId"], 0) + 1
        assert {key: found.get(key, 0) for key in wanted} == wanted
    gate = Gate(base_url, gate_token)
    for scan in answered_scans:
        assert gate.scan(scan.code)["reason"] == "already_used"

    assert Caller(base_url).get("/readyz").status_code == 200
    assert running.stop() == 0
    running.assert_clean()
    verify(data)
