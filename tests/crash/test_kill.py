"""kill -9 at any instant loses nothing that was answered.

A load of reservations and scans runs on many connections while the process is killed again and again; what the clients
noted as answered is then looked for. Some kills are aimed: the process is stopped, seen to be inside a sync of its
database, and killed there.
"""

import asyncio
import dataclasses
import json
import os
import random
import signal
import time
import urllib.parse
import uuid

import pytest

import server as servers
from api import Caller, Gate, Organiser, expect, sign_in, sign_up

KILLS = 24
AIMED_KILLS = 8
CONNECTIONS = 160
IN_FLIGHT_AT_KILL = 100
BUYERS = 60
TICKETS_PER_ORDER = 10
SYNC_CALLS = {"74", "75", "277"}  # fsync, fdatasync, sync_file_range on x86-64
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
    answers: list = dataclasses.field(default_factory=list)


class Load:
    """Clients that repeat each operation, with its own key or nonce, until it was answered."""

    def __init__(self, host, port, show_id, tier_id, gate_token, buyer_tokens, codes, seed):
        self.address = host, port
        self.show_id, self.tier_id = show_id, tier_id
        self.gate_token, self.buyer_tokens = gate_token, buyer_tokens
        self.random = random.Random(seed)
        self.codes = list(codes)
        self.random.shuffle(self.codes)
        self.scans, self.orders, self.faults = [], [], []
        self.in_flight = 0
        self.answered = 0
        self.ending = False

    async def call(self, stream, path, token, body, key=None):
        payload = json.dumps(body).encode()
        head = (f"POST {path} HTTP/1.1\r\nHost: {self.address[0]}:{self.address[1]}\r\nAuthorization: Bearer {token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n")
        head += f"Idempotency-Key: {key}\r\n" if key else ""
        reader, writer = stream
        self.in_flight += 1
        try:
            writer.write(head.encode() + b"\r\n" + payload)
            await writer.drain()
            lines = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)).decode("latin-1").split("\r\n")
            length = next(int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:"))
            text = await asyncio.wait_for(reader.readexactly(length), 30)
            return int(lines[0].split()[1]), json.loads(text)
        finally:
            self.in_flight -= 1

    def next_operation(self):
        if self.codes and self.random.random() < 0.5:
            scan = Scan(self.codes.pop(), uuid.uuid4().hex)
            self.scans.append(scan)
            return scan
        order = Order(self.random.randrange(len(self.buyer_tokens)), uuid.uuid4().hex, self.random.randint(1, 3))
        self.orders.append(order)
        return order

    async def send(self, stream, operation):
        if isinstance(operation, Scan):
            return await self.call(stream, "/tickets/validate", self.gate_token,
                                   {"qrCode": operation.code, "nonce": operation.nonce})
        body = {"showId": self.show_id, "lines": [{"tierId": self.tier_id, "quantity": operation.quantity}]}
        return await self.call(stream, "/v1/registrations", self.buyer_tokens[operation.buyer], body, operation.key)

    async def client(self):
        stream, operation = None, None
        while not self.ending or operation is not None:
            operation = operation or self.next_operation()
            try:
                if stream is None:
                    stream = await asyncio.open_connection(*self.address)
                status, answer = await self.send(stream, operation)
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
                if stream:
                    stream[1].close()
                stream = None
                await asyncio.sleep(0.02)  # the server is down or coming up; the same operation goes again
                continue
            if status in (200, 201):
                operation.answers.append(answer)
                self.answered += 1
                # Now and then a client asks again although it was answered: it must hear the same.
                if self.random.random() < 0.9 or len(operation.answers) > 2:
                    operation = None
            elif status == 503:
                await asyncio.sleep(0.05)
            else:
                self.faults.append((status, answer))
                operation = None
        if stream:
            stream[1].close()

    async def run(self, kill_all):
        clients = [asyncio.create_task(self.client()) for _ in range(CONNECTIONS)]
        try:
            await kill_all(self)
        finally:
            self.ending = True
        await asyncio.wait_for(asyncio.gather(*clients), 120)


def is_syncing(pid):
    """True when a thread of the stopped process is inside a system call that makes the database durable."""
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/syscall", encoding="ascii") as file:
                if file.read().split()[0] in SYNC_CALLS:
                    return True
        except OSError:
            continue
    return False


async def kill_inside_sync(process, limit_s=20):
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        if is_syncing(process.pid):
            os.kill(process.pid, signal.SIGSTOP)
            if is_syncing(process.pid):
                os.kill(process.pid, signal.SIGKILL)
                return True
            os.kill(process.pid, signal.SIGCONT)
        await asyncio.sleep(0)
    return False


@pytest.mark.timeout(900)
def test_nothing_that_was_answered_is_lost(tmp_path):
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    data = tmp_path / "data"
    made = servers.run("demo", "--once", "--data", data, "--listen", "127.0.0.1:0", limit_s=120)
    assert made.returncode == 0, made.stdout + made.stderr
    demo = json.loads((data / "demo.json").read_text(encoding="utf-8"))

    running = servers.Server("serve", data, arguments=["--sandbox"])
    base_url = running.base_url
    parts = urllib.parse.urlsplit(base_url)
    boss = demo["users"]["organiser"]
    organiser = sign_in(base_url, boss["email"], boss["password"], boss["userId"], Organiser)
    organiser.business_id = demo["businessId"]
    show_id, [tier_id] = organiser.create_show("Power cut", tiers=[{"price": 0, "capacity": 1_000_000}])
    gate_token = organiser.mint_gate(show_id)
    buyers = [sign_up(base_url) for _ in range(BUYERS)]
    codes = []
    for buyer in buyers:
        for _ in range(2):
            expect(buyer.reserve(show_id, [(tier_id, TICKETS_PER_ORDER)]), 201)
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
                inside_commit += await kill_inside_sync(running.process)
            in_flight.append(load.in_flight)
            running.process.kill()
            await asyncio.to_thread(running.kill)
            running = await asyncio.to_thread(
                servers.Server, "serve", data, arguments=["--sandbox"], listen=f"{parts.hostname}:{parts.port}")

    load = Load(parts.hostname, parts.port, show_id, tier_id, gate_token, [buyer.token for buyer in buyers], codes, SEED)
    asyncio.run(load.run(kill_all))
    answered_orders = [order for order in load.orders if order.answers]
    answered_scans = [scan for scan in load.scans if scan.answers]
    print(f"{KILLS} kills, {inside_commit} inside a commit, in flight {min(in_flight)}..{max(in_flight)}; "
          f"{len(answered_orders)} orders, {len(answered_scans)} scans answered")

    assert not load.faults, load.faults[:5]
    assert sum(count >= IN_FLIGHT_AT_KILL for count in in_flight) >= 20, in_flight
    assert inside_commit >= 5
    assert len(answered_orders) >= 200 and len(answered_scans) >= 200

    # Whatever was answered twice was answered alike, and each scan let its ticket in exactly once.
    for order in answered_orders:
        assert len({answer["registrationId"] for answer in order.answers}) == 1
    for scan in answered_scans:
        assert [answer["reason"] for answer in scan.answers] == ["admitted"] * len(scan.answers), scan

    # Everything that was answered is there.
    ids = [answer["registrationId"] for order in answered_orders for answer in order.answers[:1]]
    assert len(ids) == len(set(ids)), "two orders share an id"
    per_buyer = {}
    for order in answered_orders:
        per_buyer.setdefault(order.buyer, {})[order.answers[0]["registrationId"]] = order.quantity
    for number, wanted in per_buyer.items():
        buyer = buyers[number]
        buyer.token = sign_in(base_url, buyer.email, buyer.password).token
        for registration_id in wanted:
            assert buyer.registration(registration_id)["status"] == "confirmed"
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
    checked = servers.run("verify", "--data", data)
    assert checked.returncode == 0, checked.stdout + checked.stderr
