"""What schemathesis is told about this installation: who calls each operation, and ids that exist.

Two of three calls of an operation get real values wherever a parameter or field has a name we know; every third stays as it
was made up.
"""

import collections
import functools
import json
import os
import pathlib
import types
import urllib.parse
import uuid

import schemathesis

import api
import people

with open(os.environ["ADMIT_DEMO_JSON"], encoding="utf-8") as file:
    demo = json.load(file)
world = api.World(types.SimpleNamespace(
    base_url=os.environ["ADMIT_BASE_URL"], data=pathlib.Path(os.environ["ADMIT_DEMO_JSON"]).parent), demo)
for role in ("organiser", "operator", "demo_customer"):
    party = getattr(world, role)
    party.token = api.sign_in(world.base_url, party.email, party.password).token
report = open(os.environ["ADMIT_CONFORM_REPORT"], "a", encoding="utf-8", buffering=1)

show_id, (paid_tier, free_tier) = world.organiser.create_show(
    "Held to its word", tiers=[{"price": 2500}, {"price": 0}], maxFreeTicketsPerUser=100_000)
quota_id = api.expect(world.organiser.post(f"/v1/shows/{show_id}/quotas", {"name": "Hall", "size": 500}), 201)["quotaId"]
called_off, _ = world.organiser.create_show("Called off")
gate = world.gate(show_id)
buyer = world.customer()


def sold():
    registration_id, [ticket] = world.buy(buyer, show_id, [(free_tier, 1)])
    return registration_id, ticket


order_id, one_ticket = sold()
digits = one_ticket["qrCode"].rsplit("/", 1)[1]
known = {
    "businessId": demo["businessId"], "showId": show_id, "eventId": show_id, "tierId": free_tier, "quotaId": quota_id,
    "quotaIds": [quota_id], "registrationId": order_id, "ticketId": one_ticket["ticketId"], "id": one_ticket["ticketId"],
    "qrCode": one_ticket["qrCode"], "encrypted_token": digits, "digits": digits, "userId": buyer.user_id, "uuid": buyer.user_id,
    "zone": "Etc/UTC", "stripeAccount": demo["stripe"]["connectedAccount"],
}


holds = []
keys = []


def held():
    for _ in range(2):
        reply = buyer.reserve(show_id, [(paid_tier, 1)])
        if reply.status_code == 201:
            return reply.json()["registrationId"]
        for old in holds:
            buyer.cancel(old)
        holds.clear()
    return order_id


def hold():
    holds.append(held())
    return holds[-1]


def checked_in():
    _, ticket = sold()
    gate.scan(ticket["qrCode"])
    return next(row["checkInId"] for row in world.organiser.check_ins(show_id) if row["ticketId"] == ticket["ticketId"])


def new_gate():
    return api.expect(world.organiser.post(f"/v1/shows/{show_id}/gates", {"gate": "Side"}), 201)["deviceId"]


def enrolment():
    made = api.expect(world.organiser.post(f"/v1/shows/{show_id}/gates", {"gate": "Side"}), 201)
    return {"code": made["enrolment"]["code"]}


def new_member():
    return {"userId": people.member(world, world.organiser, "gate").user_id}


@functools.cache
def an_invitation():
    """Withdrawing it twice is fine."""
    people.prove(world, world.organiser)
    path = f"/v1/businesses/{demo['businessId']}"
    invited = {"email": f"{uuid.uuid4().hex}@example.com", "role": "gate"}
    api.expect(world.organiser.post(f"{path}/members", invited), 202)
    listed = api.expect(world.organiser.get(f"{path}/invitations?limit=1000"), 200)["invitations"]
    return {"invitationId": next(one["invitationId"] for one in listed if one["email"] == invited["email"])}


def new_key():
    made = people.key(world.organiser, "see_shows")
    keys.append(made.key_id)
    for old in keys[:-5]:
        world.organiser.send("DELETE", f"/v1/businesses/{demo['businessId']}/api-keys/{old}")
    del keys[:-5]
    return {"keyId": made.key_id}


def file_link():
    """The parts of a signed link."""
    link = api.expect(buyer.get(f"/tickets/{one_ticket['ticketId']}/download"), 200)["downloadUrl"]
    parts = urllib.parse.urlsplit(link)
    return {"file": parts.path.rsplit("/", 1)[1], **dict(urllib.parse.parse_qsl(parts.query))}


def refresh_token():
    body = {"email": buyer.email, "password": buyer.password}
    return api.expect(world.anybody.post("/v1/sessions", body), 201)["refreshToken"]


# Values of one operation that are used up by it, or mean something else there; keyed by method and end of the path.
special = [
    ("POST", "/create-intent", lambda: {"registrationId": hold(), "amount": 2500}),
    ("POST", "/cancel", lambda: {"registrationId": hold(), "id": hold(), "showId": called_off}),
    ("GET", "/cancellation", lambda: {"showId": called_off}),
    ("POST", "/annul", lambda: dict.fromkeys(("id", "checkInId"), checked_in())),
    ("POST", "/users", lambda: {"email": f"{uuid.uuid4().hex}@example.com"}),
    ("POST", "/sessions", lambda: {"email": buyer.email, "password": buyer.password}),
    ("POST", "/sessions/refresh", lambda: {"refreshToken": refresh_token()}),
    ("POST", "/gates/enrol", enrolment),
    ("POST", "/gates/{deviceId}/enrolment", lambda: {"deviceId": new_gate()}),
    ("PATCH", "/members/{userId}", new_member),
    ("DELETE", "/members/{userId}", new_member),
    ("DELETE", "/invitations/{invitationId}", an_invitation),
    ("DELETE", "/api-keys/{keyId}", new_key),
    ("DELETE", "/gates/{deviceId}", lambda: {"deviceId": new_gate()}),
    ("GET", "/files/tickets/{file}", file_link),
    ("POST", "/tickets/{ticketId}/revoke", lambda: {"ticketId": sold()[1]["ticketId"]}),
    ("GET", "/businessShows", lambda: {"userId": world.organiser.user_id}),
    ("GET", "/businessShows/{userId}", lambda: {"userId": world.organiser.user_id}),
    ("POST", "/tickets/validate", lambda: {"qrCode": one_ticket["qrCode"], "nonce": uuid.uuid4().hex}),
]
tokens = {"user": lambda: buyer.token, "gate": lambda: gate.token, "organiser": lambda: world.organiser.token,
          "operator": lambda: world.operator.token}
# Where `user` must be the owner of the business.
organisers_paths = ("/business", "/shows", "/tiers", "/quotas", "/gates", "/devices", "/check-ins", "/publish", "/revoke")
made = collections.Counter()


def replace(value, values):
    """`value` with every field that has a known name set to what exists."""
    if isinstance(value, dict):
        return {name: values[name] if name in values else replace(inner, values) for name, inner in value.items()}
    if isinstance(value, list):
        return [replace(inner, values) for inner in value]
    return value


def token_for(operation):
    if operation.method.upper() == "DELETE" and operation.path.endswith("/sessions/current"):
        return api.sign_in(world.base_url, buyer.email, buyer.password).token  # ended by this very call
    words = {name for rule in operation.definition.raw.get("security") or [] for name in rule}
    if "gate" in words:
        return tokens["gate"]()
    if "operator" in words and "user" not in words:
        return tokens["operator"]()
    if words:
        path = operation.path
        mine = any(part in path for part in organisers_paths)
        return tokens["organiser" if mine else "user"]()
    return None


@schemathesis.hook
def before_call(context, case, kwargs):
    operation = case.operation
    made[operation.label] += 1
    token = token_for(operation)
    if token:
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}"}
    if made[operation.label] % 3 == 0:
        return
    values = dict(known)
    for method, end, fresh in special:
        if operation.method.upper() == method and operation.path.endswith(end):
            values.update(fresh())
    if case.path_parameters:
        case.path_parameters = {name: values.get(name, value) for name, value in case.path_parameters.items()}
    if case.query:
        case.query = {name: values.get(name, value) for name, value in case.query.items()}
    if isinstance(case.body, (dict, list)):
        case.body = replace(case.body, values)


@schemathesis.hook
def after_call(context, case, response):
    report.write(json.dumps({"operation": case.operation.label, "status": response.status_code}) + "\n")
