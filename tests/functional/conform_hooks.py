"""What schemathesis is told about this installation: who calls each operation, and ids that exist.

Two of three calls of an operation get real values wherever a parameter or field has a name we know; every third stays as it
was made up. What ends sign-ins or accounts is called by accounts made for it.
"""

import collections
import io
import json
import os
import pathlib
import types
import urllib.parse
import uuid

import schemathesis
import zxingcpp
from PIL import Image

import api
import people
from accounts import totp
from authenticator import Authenticator

with open(os.environ["ADMIT_DEMO_JSON"], encoding="utf-8") as file:
    demo = json.load(file)
world = api.World(types.SimpleNamespace(
    base_url=os.environ["ADMIT_BASE_URL"], data=pathlib.Path(os.environ["ADMIT_DEMO_JSON"]).parent), demo)
for role in ("organiser", "operator", "demo_customer"):
    party = getattr(world, role)
    party.token = api.sign_in(world.base_url, party.email, party.password).token
report = open(os.environ["ADMIT_CONFORM_REPORT"], "a", encoding="utf-8", buffering=1)

show_id, (paid_tier, free_tier) = world.organiser.create_show(
    "Held to its word", tiers=[{"price": 2500}, {"price": 0}], maxFreeTicketsPerUser=100_000, maxLiveHoldsPerAddress=1000)
quota_id = api.expect(world.organiser.post(f"/v1/shows/{show_id}/quotas", {"name": "Hall", "size": 500}), 201)["quotaId"]
called_off, _ = world.organiser.create_show("Called off")
gate = world.gate(show_id)
buyer = world.customer()
elsewhere = people.owner(world)
mails = people.mails(world)


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


def new_guest():
    session = api.expect(world.anybody.post("/v1/guests", {"email": buyer.email}), 201)
    return api.Customer(world.base_url, session["accessToken"], session["userId"], buyer.email, None)


def hold():
    """A guest's order that is not paid yet."""
    guest = new_guest()
    return {"by": guest.token, "registrationId": api.expect(guest.reserve(show_id, [(paid_tier, 1)]), 201)["registrationId"]}


def checked_in():
    _, ticket = sold()
    gate.scan(ticket["qrCode"])
    return next(row["checkInId"] for row in world.organiser.check_ins(show_id) if row["ticketId"] == ticket["ticketId"])


def unpaid():
    """The same, called by others."""
    return {"registrationId": hold()["registrationId"]}


def paid():
    """An order, paid for at the box office."""
    order = unpaid()
    api.expect(world.organiser.post(f"/v1/registrations/{order['registrationId']}/cash"), 200)
    return order


def odd_sum():
    """A payment of another amount than was asked for, and what waits for an operator since."""
    guest = new_guest()
    registration_id = api.expect(guest.reserve(show_id, [(paid_tier, 1)]), 201)["registrationId"]
    intent = world.provider.intent(api.expect(guest.create_intent(registration_id), 200)["paymentIntentId"])
    event = world.provider.event("payment_intent.succeeded", dict(intent, status="succeeded", amount_received=2499))
    assert world.provider.send_event(event).status_code == 200
    found = api.expect(world.operator.get(f"/v1/registrations/{registration_id}/transactions"), 200)
    transaction_id = found["transactions"][0]["transactionId"]
    alerts = api.expect(world.operator.get("/v1/alerts?limit=1000"), 200)["alerts"]
    alert_id = next(alert["alertId"] for alert in alerts if alert["subjectId"] in (transaction_id, registration_id))
    return {"transactionId": transaction_id, "alertId": alert_id, "eventId": event["id"]}


def provider_event():
    """What the provider sends, signed over these very bytes."""
    payload = json.dumps(world.provider.event("payout.created", {"id": f"po_{uuid.uuid4().hex}", "object": "payout"})).encode()
    at, mac = world.provider.signature(payload)
    return {"data": payload, "headers": {"Stripe-Signature": f"t={at},v1={mac}"}}


def guest_order():
    """A guest's order, and the key in the link to it."""
    guest = new_guest()
    registration_id = api.expect(guest.reserve(show_id, [(paid_tier, 1)]), 201)["registrationId"]
    symbol = guest.get(f"/v1/registrations/{registration_id}/pay-qr?format=png").content
    link = zxingcpp.read_barcodes(Image.open(io.BytesIO(symbol)))[0].text
    return {"registrationId": registration_id, "key": link.split("#k=")[1]}


def new_gate():
    return api.expect(world.organiser.post(f"/v1/shows/{show_id}/gates", {"gate": "Side"}), 201)["deviceId"]


def enrolment():
    made = api.expect(world.organiser.post(f"/v1/shows/{show_id}/gates", {"gate": "Side"}), 201)
    return {"code": made["enrolment"]["code"]}


def new_member():
    return {"userId": people.member(world, world.organiser, "gate").user_id}


def an_invitation():
    people.prove(world, world.organiser)
    path = f"/v1/businesses/{demo['businessId']}"
    invited = {"email": f"{uuid.uuid4().hex}@example.com", "role": "gate"}
    api.expect(world.organiser.post(f"{path}/members", invited), 202)
    listed = api.expect(world.organiser.get(f"{path}/invitations?limit=1000"), 200)["invitations"]
    return {"invitationId": next(one["invitationId"] for one in listed if one["email"] == invited["email"])}


def invited():
    account = people.verified(world)
    return {"by": account.token, "token": people.invitation(world, world.organiser, account.email, "gate")}


def new_key():
    made = people.key(elsewhere, "see_shows")
    return {"by": elsewhere.token, "businessId": elsewhere.business_id, "keyId": made.key_id}


def spare():
    """An account that may be lost."""
    account = world.customer()
    return {"by": account.token, "userId": account.user_id, "password": account.password, "newPassword": uuid.uuid4().hex}


def unproven():
    account = world.customer()
    return {"by": account.token, "token": mails.wait(account.email, "verify-email")}


def disowned():
    """Whoever got the mail of an account that somebody else made."""
    return {"token": mails.wait(world.customer().email, "verify-email")}


def new_address():
    account, address = world.customer(), f"{uuid.uuid4().hex}@example.com"
    api.expect(account.post("/v1/me/email", {"email": address, "password": account.password}), 204)
    return {"by": account.token, "token": mails.wait(address, "change-email")}


def forgotten():
    account = world.customer()
    api.expect(world.anybody.post("/v1/password-resets", {"email": account.email}), 204)
    return {"token": mails.wait(account.email, "reset-password"), "password": uuid.uuid4().hex}


def proven():
    return {"by": people.verified(world).token}


def begun_second_factor():
    account = people.verified(world)
    secret = api.expect(account.post("/v1/me/second-factor"), 201)["secret"]
    return {"by": account.token, "code": totp(secret)}


def second_factor():
    account = people.verified(world)
    secret = api.expect(account.post("/v1/me/second-factor"), 201)["secret"]
    codes = api.expect(account.post("/v1/me/second-factor/confirm", {"code": totp(secret)}), 200)["recoveryCodes"]
    return {"by": account.token, "password": account.password, "code": codes[0]}


def authenticator():
    return Authenticator(world.base_url, urllib.parse.urlsplit(world.base_url).hostname)


def begun_passkey():
    account = people.verified(world)
    return {"by": account.token, **authenticator().create(api.expect(account.post("/v1/me/passkeys/options"), 201))}


def passkey():
    """A new account's passkey, and a sign-in with it."""
    account, owned = people.verified(world), authenticator()
    options = api.expect(account.post("/v1/me/passkeys/options"), 201)
    added = api.expect(account.post("/v1/me/passkeys", {"name": "Phone", **owned.create(options)}), 201)
    asked = api.expect(world.anybody.post("/v1/sessions/passkey/options"), 201)
    return {"by": account.token, "passkeyId": added["passkeyId"], **owned.get(asked)}


def other_session():
    body = {"email": buyer.email, "password": buyer.password}
    return {"sessionId": api.expect(world.anybody.post("/v1/sessions", body), 201)["sessionId"]}


def file_link():
    """The parts of a signed link."""
    link = api.expect(buyer.get(f"/tickets/{one_ticket['ticketId']}/download"), 200)["downloadUrl"]
    parts = urllib.parse.urlsplit(link)
    return {"file": parts.path.rsplit("/", 1)[1], **dict(urllib.parse.parse_qsl(parts.query))}


def refresh_token():
    body = {"email": buyer.email, "password": buyer.password}
    return api.expect(world.anybody.post("/v1/sessions", body), 201)["refreshToken"]


# Values of one operation that are used up by it, or mean something else there; keyed by method and end of the path. `by` is
# the token to call with, `data` a body to the byte.
special = [
    ("POST", "/create-intent", lambda: {**hold(), "amount": 2500}),
    ("POST", "/webhook", provider_event),
    ("PATCH", "/registrations/{registrationId}", lambda: {**hold(), "tierId": paid_tier, "holders": ["Ada"]}),
    ("GET", "/pay-qr", hold),
    ("POST", "/cash", unpaid),
    ("POST", "/print", paid),
    ("POST", "/registrations/{registrationId}/refunds", lambda: {**paid(), "amount": 1}),
    ("POST", "/registrations/{registrationId}/cancel", hold),
    ("POST", "/shows/{showId}/cancel", lambda: {"showId": called_off}),
    ("GET", "/cancellation", lambda: {"showId": called_off}),
    ("POST", "/accept", odd_sum),
    ("POST", "/resolve", odd_sum),
    ("GET", "/payments/events/{eventId}", odd_sum),
    ("POST", "/annul", lambda: dict.fromkeys(("id", "checkInId"), checked_in())),
    ("POST", "/users", lambda: {"email": f"{uuid.uuid4().hex}@example.com"}),
    ("POST", "/users/verify", unproven),
    ("POST", "/users/disown", disowned),
    ("POST", "/email-changes", new_address),
    ("POST", "/password-resets/done", forgotten),
    ("POST", "/sessions", lambda: {"email": buyer.email, "password": buyer.password}),
    ("POST", "/sessions/refresh", lambda: {"refreshToken": refresh_token()}),
    ("POST", "/sessions/passkey", passkey),
    ("POST", "/guest-sessions", guest_order),
    ("DELETE", "/v1/sessions", spare),
    ("DELETE", "/v1/sessions/current", spare),
    ("DELETE", "/v1/sessions/{sessionId}", other_session),
    ("PUT", "/users/{userId}/lock", lambda: {"userId": world.customer().user_id}),
    ("DELETE", "/users/{userId}/lock", lambda: {"userId": world.customer().user_id}),
    ("DELETE", "/users/{userId}/sessions", lambda: {"userId": world.customer().user_id}),
    ("DELETE", "/v1/me", spare),
    ("POST", "/v1/me/password", spare),
    ("POST", "/v1/me/email", lambda: {**spare(), "email": f"{uuid.uuid4().hex}@example.com"}),
    ("POST", "/v1/me/verification-mail", spare),
    ("POST", "/v1/me/second-factor", proven),
    ("POST", "/v1/me/passkeys/options", proven),
    ("DELETE", "/v1/me/second-factor", second_factor),
    ("GET", "/v1/me/second-factor/qr.svg", begun_second_factor),
    ("POST", "/v1/me/second-factor/confirm", begun_second_factor),
    ("POST", "/v1/me/passkeys", begun_passkey),
    ("PATCH", "/passkeys/{passkeyId}", passkey),
    ("DELETE", "/passkeys/{passkeyId}", passkey),
    ("POST", "/gates/enrol", enrolment),
    ("POST", "/gates/{deviceId}/enrolment", lambda: {"deviceId": new_gate()}),
    ("DELETE", "/gates/{deviceId}", lambda: {"deviceId": new_gate()}),
    ("POST", "/businesses", spare),
    ("POST", "/memberships", invited),
    ("PATCH", "/members/{userId}", new_member),
    ("DELETE", "/members/{userId}", new_member),
    ("DELETE", "/invitations/{invitationId}", an_invitation),
    ("DELETE", "/api-keys/{keyId}", new_key),
    ("PUT", "/fees", lambda: {"businessId": elsewhere.business_id}),
    ("GET", "/files/tickets/{file}", file_link),
    ("POST", "/tickets/{ticketId}/revoke", lambda: {"ticketId": sold()[1]["ticketId"]}),
    ("GET", "/businessShows", lambda: {"userId": world.organiser.user_id}),
    ("GET", "/businessShows/{userId}", lambda: {"userId": world.organiser.user_id}),
    ("POST", "/tickets/validate", lambda: {"qrCode": one_ticket["qrCode"], "nonce": uuid.uuid4().hex}),
]
tokens = {"user": lambda: buyer.token, "gate": lambda: gate.token, "organiser": lambda: world.organiser.token,
          "operator": lambda: world.operator.token}
# Where `user` must be the owner of the business.
organisers_paths = ("/business", "/shows", "/tiers", "/quotas", "/gates", "/devices", "/check-ins", "/publish", "/revoke",
                    "/refunds", "/transactions", "/cash", "/print", "/alerts")
# Answers that use nothing up.
UNREAD = (400, 405, 415, 422)
RENEWALS = 4
offered, used_up, renewed = {}, set(), collections.Counter()
# schemathesis makes up ids from earlier answers, too: here they would end what the other calls live on.
ENDS = ("/cancel", "/revoke")
made = collections.Counter()


def replace(value, values):
    """`value` with every field that has a known name set to what exists."""
    if isinstance(value, dict):
        return {name: values[name] if name in values else replace(inner, values) for name, inner in value.items()}
    if isinstance(value, list):
        return [replace(inner, values) for inner in value]
    return value


def offer(operation):
    """The special values of an operation: the same ones until a call has used them up, new ones a few times only."""
    if operation.label in used_up and renewed[operation.label] < RENEWALS:
        renewed[operation.label] += 1
        offered.pop(operation.label)
    used_up.discard(operation.label)
    if operation.label not in offered:
        offered[operation.label] = {}
        for method, end, fresh in special:
            if operation.method.upper() == method and operation.path.endswith(end):
                offered[operation.label].update(fresh())
    return offered[operation.label]


def token_for(operation):
    words = {name for rule in operation.definition.raw.get("security") or [] for name in rule}
    if "gate" in words:
        return tokens["gate"]()
    if "operator" in words and "user" not in words:
        return tokens["operator"]()
    if words:
        mine = any(part in operation.path for part in organisers_paths)
        return tokens["organiser" if mine else "user"]()
    return None


@schemathesis.hook
def before_call(context, case, kwargs):
    operation = case.operation
    made[operation.label] += 1
    is_its_own = case.method.upper() == operation.method.upper()  # schemathesis tries other methods on the path, too
    values = {**known, **(offer(operation) if is_its_own else {})}
    token = values.pop("by", None) or token_for(operation)
    if token:
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}"}
    if not is_its_own:
        return
    if made[operation.label] % 3 == 0:
        if operation.method.upper() == "DELETE" or operation.path.endswith(ENDS):
            case.path_parameters = {name: str(uuid.uuid4()) for name in case.path_parameters or {}}
        return
    if "data" in values:
        kwargs["data"] = values["data"]
        case.headers = {**(case.headers or {}), **values["headers"]}
    if case.path_parameters:
        case.path_parameters = {name: values.get(name, value) for name, value in case.path_parameters.items()}
    if case.query:
        case.query = {name: values.get(name, value) for name, value in case.query.items()}
    if isinstance(case.body, (dict, list)):
        case.body = replace(case.body, values)


@schemathesis.hook
def after_call(context, case, response):
    label, method = case.operation.label, case.method.upper()
    if method != case.operation.method.upper():
        label = f"{method} {case.operation.path}"
    elif response.status_code not in UNREAD:
        used_up.add(label)
    report.write(json.dumps({"operation": label, "status": response.status_code}) + "\n")
