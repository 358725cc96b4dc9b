"""Every route, for every caller, with what is theirs and what is another business's, against what the interface's own
document says: `x-capability` names who may, `x-roles` the roles of a business that have the capability."""

import dataclasses
import json
import re
import uuid

import pytest

import api
import people
import server as servers
from api import Caller, Gate, expect

VERBS = ("get", "post", "put", "patch", "delete")
WHO = {"anybody", "user", "holder", "operator", "device", "provider"}
ROLES = ("owner", "manager", "finance", "box_office", "gate")

# Lists that everybody with a business may ask for: what is another business's is left out of them.
FILTERED = {"userTicketsByUser", "userTicketsByUserV1", "businessShowsByUser", "businessShowsByUserV1"}
# Lists of what the caller holds itself.
OWN = {"userTickets", "userTicketsV1", "userQRcodes", "userQRcodesV1"}


@dataclasses.dataclass
class Who:
    """One caller: an account in a role of the business or in none, a key with one scope, a gate, nobody."""
    name: str
    caller: Caller
    kind: str = "user"  # nobody, user, key, device
    role: str = None    # in the business whose objects are asked for
    scope: str = None   # of a key of that business
    is_operator: bool = False
    is_holder: bool = False
    is_own: bool = False  # a device of the show


class House:
    """A business with everything that routes name, and all who call."""

    def __init__(self, server, demo):
        self.world = world = api.World(server, demo)
        self.owner = world.organiser
        people.prove(world, self.owner)
        self.holder = people.verified(world)
        self.show_id, (self.seat, self.free) = self.owner.create_show(
            "Matrix", tiers=[{"name": "Seat", "price": 2500, "capacity": 5000}, {"name": "Guest", "price": 0}],
            maxLiveHoldsPerUser=10_000, maxLiveHoldsPerAddress=10_000, maxFreeTicketsPerUser=10_000)
        self.registration_id, [self.ticket] = world.buy(self.holder, self.show_id, [(self.free, 1)])
        made = expect(self.owner.post(f"/v1/shows/{self.show_id}/gates", {"gate": "Main"}), 201)
        self.device_id = made["deviceId"]
        self.gate = Gate(world.base_url, api.enrol(world.base_url, made["enrolment"]["code"]))
        self.check_in_id = self.gate.scan("nothing")["checkInId"]
        self.business_id = self.owner.business_id
        self.victim = people.member(world, self.owner, "gate")
        other = people.owner(world)
        other_show, _ = other.create_show("Elsewhere", tiers=[{"name": "Guest", "price": 0}])
        other_gate = Gate(world.base_url, other.mint_gate(other_show))
        self.whos = [
            Who("nobody", Caller(world.base_url), kind="nobody"),
            Who("a customer", world.customer()),
            Who("the holder", self.holder, is_holder=True),
            *(Who(f"the {role}", self.owner if role == "owner" else people.member(world, self.owner, role), role=role)
              for role in ROLES),
            Who("another business's owner", other),
            Who("another business's key", people.key(other, "see_sales", "manage_shows", "refund"), kind="key"),
            Who("the show's gate", self.gate, kind="device", is_own=True),
            Who("another show's gate", other_gate, kind="device"),
            Who("an operator", world.operator, is_operator=True),
        ]
        self.keys = {}

    def key(self, scope):
        if scope not in self.keys:
            self.keys[scope] = Who(f"a key with {scope}", people.key(self.owner, scope), kind="key", scope=scope)
        return self.keys[scope]

    def callers(self, needed):
        """All, with a key that has what is needed, and one that has something else."""
        scopes = [word for word in needed if word not in WHO and word not in ("manage_members", "manage_keys", "connect_account")]
        return [*self.whos, *(self.key(scope) for scope in scopes),
                self.key("see_shows" if "see_shows" not in needed else "see_money")]

    def objects(self, operation, who):
        """What stands in the path. What a call would use up is made for it."""
        found = {"businessId": self.business_id, "showId": self.show_id, "registrationId": self.registration_id,
                 "ticketId": self.ticket["ticketId"], "deviceId": self.device_id, "checkInId": self.check_in_id,
                 "userId": self.holder.user_id, "eventId": "evt_none", "file": "none.pdf",
                 "digits": self.ticket["qrCode"].rsplit("/", 1)[1]}
        if operation in ("revokeGate", "enrolGateAgain"):
            found["deviceId"] = expect(self.owner.post(f"/v1/shows/{self.show_id}/gates", {"gate": "Side"}), 201)["deviceId"]
        if operation in ("changeMember", "removeMember"):
            found["userId"] = self.victim.user_id
        if operation == "withdrawInvitation":
            path = f"/v1/businesses/{self.business_id}"
            invited = {"email": f"{uuid.uuid4().hex}@example.com", "role": "gate"}
            expect(self.owner.post(f"{path}/members", invited), 202)
            listed = expect(self.owner.get(f"{path}/invitations"), 200)["invitations"]
            found["invitationId"] = next(one["invitationId"] for one in listed if one["email"] == invited["email"])
        if operation == "revokeApiKey":
            found["keyId"] = people.key(self.owner, "see_shows").key_id
        if operation.startswith("businessShows"):
            found["userId"] = self.owner.user_id
        if operation in ("publishShow", "createTier", "createQuota", "cancelShow", "getCancellation"):
            found["showId"], _ = self.owner.create_show("Off", publish=operation != "publishShow")
        if operation == "getCancellation":
            expect(self.owner.post(f"/v1/shows/{found['showId']}/cancel"), 202)
        if operation == "revokeTicket":
            _, [ticket] = self.world.buy(self.holder, self.show_id, [(self.free, 1)])
            found["ticketId"] = ticket["ticketId"]
        if operation in ("payCash", "cancelRegistration", "nameHolders", "getPayQr", "createRefund"):
            held = expect(self.holder.reserve(self.show_id, [(self.seat, 1)]), 201)
            found["registrationId"] = held["registrationId"]
        if operation == "printTickets":
            held = expect(self.holder.reserve(self.show_id, [(self.seat, 1)]), 201)
            found["registrationId"] = held["registrationId"]
            seller = who.caller if who.role in ("owner", "manager", "box_office") or who.scope == "sell" or who.is_operator else self.owner
            expect(seller.post(f"/v1/registrations/{held['registrationId']}/cash"), 200)
        if operation in ("endSessionsOfUser", "lockUser", "unlockUser"):
            found["userId"] = self.victim.user_id
        if operation == "resolveAlert":
            found["alertId"] = self.alert()
        return found

    def alert(self):
        """Of this business: a payment of another amount than was asked for."""
        world = self.world
        registration_id = expect(self.holder.reserve(self.show_id, [(self.seat, 1)]), 201)["registrationId"]
        intent_id = expect(self.holder.create_intent(registration_id), 200)["paymentIntentId"]
        intent = world.provider.intent(intent_id)
        paid = dict(intent, status="succeeded", amount_received=intent["amount"] - 1)
        assert world.provider.send_event(world.provider.event("payment_intent.succeeded", paid)).status_code == 200
        return expect(self.owner.get(f"/v1/businesses/{self.business_id}/alerts"), 200)["alerts"][0]["alertId"]

    def body(self, operation, example):
        """The document's example, about what is there."""
        own = {
            "createRegistration": {"showId": self.show_id, "lines": [{"tierId": self.free, "quantity": 1}]},
            "nameHolders": {"lines": [{"tierId": self.seat, "holders": ["Ada Example"]}]},
            "createIntent": {"registrationId": self.registration_id},
            "createRefund": {},
            "generateTickets": {"registrationId": self.registration_id, "eventId": self.show_id, "userId": self.holder.user_id},
            "validateTicket": {"qrCode": self.ticket["qrCode"]},
            "createGate": {"gate": "Side"},
            "inviteMember": {"email": f"{uuid.uuid4().hex}@example.com", "role": "gate"},
            "setFees": {"fixed": 30, "percentBp": 250},
        }
        return own.get(operation.removesuffix("V1"), example)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    data = tmp_path_factory.mktemp("matrix") / "data"
    running = servers.Server("demo", data, ADMIT_RATE_LIMITS="false")
    try:
        demo = servers.wait_for_file(data / "demo.json", running.process, servers.START_LIMIT_S * 2)
        yield House(running, demo)
        assert running.stop() == 0
        running.assert_clean()
        checked = servers.run("verify", "--data", data)
        assert checked.returncode == 0, checked.stdout + checked.stderr
    finally:
        running.kill()


@pytest.fixture(scope="module")
def routes(house):
    document = expect(house.world.anybody.get("/openapi.json"), 200)
    return [(verb.upper(), path, operation) for path, verbs in document["paths"].items()
            for verb, operation in verbs.items() if verb in VERBS]


def test_every_route_says_who_may(routes):
    silent = [f"{verb} {path}" for verb, path, operation in routes if not operation.get("x-capability")]
    assert not silent
    for verb, path, operation in routes:
        words = operation["x-capability"]
        capabilities = [word for word in words if word not in WHO]
        assert bool(capabilities) == bool(operation.get("x-roles")), (verb, path, words)
        assert "Needs: " in operation["description"], (verb, path)
        if capabilities:
            assert "operator" in words and "owner" in operation["x-roles"], (verb, path, words)
        if not operation["security"]:
            assert set(words) <= {"anybody", "provider"}, (verb, path, words)


def may(who, operation):
    words = operation["x-capability"]
    if "anybody" in words or "provider" in words:
        return True
    if who.kind == "nobody":
        return False
    if who.kind == "device":
        return "device" in words
    if who.kind == "key":
        return who.scope in words
    return ("user" in words or operation["operationId"] in OWN or (who.is_operator and "operator" in words) or (who.is_holder and "holder" in words)
            or who.role in operation.get("x-roles", ()))


def is_refused(reply):
    """Not because of what was asked for, but because of who asks."""
    if reply.status_code in (401, 403) and "problem" in reply.headers.get("Content-Type", ""):
        return reply.json()["code"] in ("unauthenticated", "forbidden", "operator_only")
    return False


def send(house, who, verb, path, operation):
    operation_id = operation["operationId"]
    objects = house.objects(operation_id.removesuffix("V1"), who)
    path = re.sub(r"\{(\w+)\}", lambda match: str(objects.get(match[1], uuid.uuid4())), path)
    query = []
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query" and parameter["required"]:
            value = objects["digits"] if parameter["name"] == "encrypted_token" else parameter["example"]
            query.append(f"{parameter['name']}={value}")
    if query:
        path += "?" + "&".join(query)
    body = None
    for media in operation.get("requestBody", {}).get("content", {}).values():
        body = house.body(operation_id, media.get("example"))
    return who.caller.send(verb, path, body)


def own_account(house, who, operation):
    """A call about the caller's own account, which may end it, is made by an account made for it."""
    words = operation["x-capability"]
    if who.kind != "user" or "user" not in words or operation["operationId"] in FILTERED:
        return who
    return dataclasses.replace(who, caller=house.world.customer())


def test_every_route_for_every_caller(house, routes):
    wrong = []
    calls = 0
    for verb, path, operation in routes:
        name = operation["operationId"]
        callers = house.callers(operation["x-capability"])
        if name in OWN:  # its scope is good for these, but a key has nothing of its own
            callers = [who for who in callers if who.name != "another business's key"]
        for who in sorted(callers, key=lambda one: may(one, operation)):  # first those who may not
            if may(who, operation) and verb != "GET" and "user" in operation["x-capability"] and who.kind == "user":
                if who.name != "a customer":
                    continue
                who = own_account(house, who, operation)
            reply = send(house, who, verb, path, operation)
            calls += 1
            what = f"{verb} {path} ({name}) by {who.name}: {reply.status_code} {reply.text[:160]}"
            if name in FILTERED:
                told = json.dumps(reply.json()) if reply.status_code == 200 else ""
                mine = who.is_holder or who.is_operator or who.role in operation["x-roles"] or who.scope in operation["x-capability"]
                is_told = house.show_id in told
                if is_told != mine and not (name.startswith("businessShows") and who.is_holder):
                    wrong.append(what)
                if name.startswith("userTickets") and "qrCode" in told and not who.is_holder:
                    wrong.append("a code: " + what)
            elif is_refused(reply) == may(who, operation) or reply.status_code >= 500 and "provider" not in what:
                wrong.append(what)
    assert not wrong, f"{len(wrong)} of {calls} calls:\n" + "\n".join(wrong)


def test_a_key_that_was_revoked_and_a_member_who_was_removed_may_nothing_at_once(house):
    organiser = house.owner
    key = people.key(organiser, "see_sales")
    path = f"/v1/shows/{house.show_id}/registrations"
    expect(key.get(path), 200)
    expect(organiser.send("DELETE", f"/v1/businesses/{house.business_id}/api-keys/{key.key_id}"), 200)
    expect(key.get(path), 401, "unauthenticated")
    clerk = people.member(house.world, organiser, "box_office")
    expect(clerk.get(path), 200)
    changed = organiser.send("PATCH", f"/v1/businesses/{house.business_id}/members/{clerk.user_id}", {"role": "gate"})
    assert expect(changed, 200)["role"] == "gate"
    expect(clerk.get(path), 403, "forbidden")
    organiser.send("DELETE", f"/v1/businesses/{house.business_id}/members/{clerk.user_id}")
    expect(clerk.get(f"/v1/businesses/{house.business_id}"), 403, "forbidden")


def test_a_draft_is_there_for_its_business_only(house):
    show_id, _ = house.owner.create_show("Draft", publish=False)
    for who in house.callers(["see_shows"]):
        knows = who.role is not None or who.is_operator or who.scope == "see_shows"
        assert who.caller.get(f"/v1/shows/{show_id}").status_code == (200 if knows else 404), who.name


def test_no_answer_holds_a_code_for_anybody_but_the_holder(house, routes):
    code = house.ticket["qrCode"].rsplit("/", 1)[1]
    for verb, path, operation in routes:
        if verb != "GET" or "{digits}" in path or "encrypted_token" in json.dumps(operation.get("parameters", "")):
            continue
        for who in house.callers(operation["x-capability"]):
            reply = send(house, who, verb, path, operation)
            if who.is_holder:
                continue
            assert code not in reply.text and not reply.headers["Content-Type"].startswith("application/pdf"), (
                f"{verb} {path} by {who.name}")


def test_what_operators_read_is_audited(house):
    operator = house.world.operator

    def reads():
        entries, cursor = [], None
        while True:
            page = expect(operator.get("/v1/audit?limit=1000" + (f"&cursor={cursor}" if cursor else "")), 200)
            entries += [one for one in page["entries"] if one["action"] == "operator.read"]
            cursor = page.get("nextCursor")
            if not cursor or not page["entries"]:
                return entries

    before = len(reads())
    expect(operator.get(f"/v1/registrations/{house.registration_id}"), 200)
    expect(operator.get(f"/userTickets/{house.holder.user_id}"), 200)
    after = reads()
    subjects = [one["subjectId"] for one in after[before:]]
    assert subjects.count(house.registration_id) == 1 and subjects.count(house.holder.user_id) == 1, subjects
    assert all(one["actor"] == f"user:{operator.user_id}" for one in after[before:])
