"""Every command in docs/API_ENDPOINTS.md works as it stands."""

import io
import os
import re
import subprocess
import uuid

import pytest
import zxingcpp
from PIL import Image

import people
import server as servers
from accounts import link_to, totp
from api import Caller, expect, sign_in

DOCUMENT = servers.ROOT / "docs" / "API_ENDPOINTS.md"
BLOCK = re.compile(r"^## (?P<route>[A-Z]+ `[^`]+`)\n(?P<text>.*?)^```sh\n(?P<command>.*?)\n```$", re.MULTILINE | re.DOTALL)


def commands():
    text = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else ""
    return [(match["route"].replace("`", ""), match["command"]) for match in BLOCK.finditer(text)]


@pytest.fixture(scope="module")
def variables(world, open_show):
    """What the document's $NAMES stand for; fresh for each command that uses something up."""
    show_id, seat, guest = open_show
    gate = world.gate(show_id)

    def fresh(route):
        customer = world.customer()
        tier = seat if "/refunds" in route else guest
        _, [ticket] = world.buy(customer, show_id, [(tier, 1)])
        values = {
            "BASE": world.base_url, "SHOW_ID": show_id, "EVENT_ID": show_id, "TIER_ID": guest, "USER_ID": customer.user_id,
            "BUSINESS_ID": world.demo["businessId"], "TICKET_ID": ticket["ticketId"], "ID": ticket["ticketId"],
            "REGISTRATION_ID": ticket["registrationId"], "QR_CODE": ticket["qrCode"],
            "DIGITS": ticket["qrCode"].rsplit("/", 1)[1], "ENCRYPTED_TOKEN": ticket["qrCode"].rsplit("/", 1)[1],
            "USER_TOKEN": customer.token, "GATE_TOKEN": gate.token, "ORGANISER_TOKEN": world.organiser.token,
            "OPERATOR_TOKEN": world.operator.token, "ORGANISER_ID": world.organiser.user_id,
            "STRIPE_ACCOUNT": world.provider.connected_account, "EMAIL": customer.email, "PASSWORD": customer.password,
            "NONCE": uuid.uuid4().hex, "IDEMPOTENCY_KEY": uuid.uuid4().hex, "NEW_EMAIL": f"{uuid.uuid4().hex}@example.com",
        }
        session = sign_in(world.base_url, customer.email, customer.password)
        if route == "DELETE /v1/sessions/current":
            values["USER_TOKEN"] = session.token
        if "{sessionId}" in route:
            values["SESSION_ID"] = expect(customer.get("/v1/sessions"), 200)["sessions"][0]["sessionId"]
        if route in ("POST /v1/users/verify", "POST /v1/users/disown", "POST /v1/email-changes", "POST /v1/password-resets/done"):
            values.update(mailed(world, customer))
        if ("second-factor" in route or "passkeys" in route) and not expect(customer.get("/v1/me"), 200)["emailVerified"]:
            people.verify(world, customer)
        if "second-factor/" in route or route == "DELETE /v1/me/second-factor":
            secret = expect(customer.post("/v1/me/second-factor"), 201)["secret"]
            values["TOTP_CODE"] = totp(secret)
            if route.startswith("DELETE"):
                confirmed = expect(customer.post("/v1/me/second-factor/confirm", {"code": values["TOTP_CODE"]}), 200)
                values["RECOVERY_CODE"] = confirmed["recoveryCodes"][0]
        if "sessions/refresh" in route:
            body = {"email": customer.email, "password": customer.password}
            values["REFRESH_TOKEN"] = expect(world.anybody.post("/v1/sessions", body), 201)["refreshToken"]
        if route.endswith(("/create-intent", "/cancel", "/pay-qr")) or route.startswith("PATCH "):
            values["HELD_REGISTRATION_ID"] = expect(customer.reserve(show_id, [(seat, 1)]), 201)["registrationId"]
            values["TIER_ID"] = seat
        if route.endswith("/guest-sessions"):
            guest_token = expect(world.anybody.post("/v1/guests", {"email": customer.email}), 201)["accessToken"]
            buyer = Caller(world.base_url, guest_token)
            held = expect(buyer.post("/v1/registrations", {"showId": show_id, "lines": [{"tierId": seat, "quantity": 1}]}), 201)
            values["GUEST_REGISTRATION_ID"] = held["registrationId"]
            symbol = buyer.get(f"/v1/registrations/{held['registrationId']}/pay-qr?format=png").content
            values["ORDER_KEY"] = zxingcpp.read_barcodes(Image.open(io.BytesIO(symbol)))[0].text.split("#k=")[1]
        if route.endswith("/cash"):
            values["CASH_REGISTRATION_ID"] = expect(customer.reserve(show_id, [(seat, 1)]), 201)["registrationId"]
        if route.endswith("/cancel") or route.endswith("/cancellation"):
            values["CANCELLED_SHOW_ID"], _ = world.organiser.create_show("Off")
        if route.endswith("/cancellation"):
            expect(world.organiser.post(f"/v1/shows/{values['CANCELLED_SHOW_ID']}/cancel"), 202)
        if route.endswith("/accept") or route.endswith("/resolve") or "/events/" in route:
            values.update(review(world, customer, show_id, seat))
        values["JOB_ID"] = values["DEAD_JOB_ID"] = values["PASSKEY_ID"] = values["IDENTITY_ID"] = str(uuid.uuid4())
        values["IDENTITY_TOKEN"] = "a.b.c"
        if "/files/" in route:
            link = expect(customer.get(f"/tickets/{ticket['ticketId']}/download"), 200)
            values["DOWNLOAD_URL"] = link["downloadUrl"]
        if "/revoke" in route:
            values["OTHER_TICKET_ID"] = ticket["ticketId"]
        if "/annul" in route:
            gate.scan(ticket["qrCode"])
            row = next(row for row in world.organiser.check_ins(show_id) if row["ticketId"] == ticket["ticketId"])
            values["ID"] = values["CHECK_IN_ID"] = row["checkInId"]
        if "/members" in route or "/invitations" in route:
            people.prove(world, world.organiser)
        if "/invitations/{" in route:
            expect(people.invite(world.organiser, f"{uuid.uuid4().hex}@example.com", "gate"), 202)
            listed = expect(world.organiser.get(f"/v1/businesses/{world.demo['businessId']}/invitations"), 200)
            values["INVITATION_ID"] = listed["invitations"][-1]["invitationId"]
        if "/members/{" in route:
            values["MEMBER_ID"] = people.member(world, world.organiser, "gate").user_id
        if "/api-keys/{" in route:
            values["KEY_ID"] = people.key(world.organiser, "see_shows").key_id
        if route.endswith("/gates/enrol"):
            made = expect(world.organiser.post(f"/v1/shows/{show_id}/gates", {"gate": "Side"}), 201)
            values["ENROLMENT_CODE"] = made["enrolment"]["code"]
        if route.endswith("/memberships"):
            invited = people.verified(world)
            values["USER_TOKEN"] = invited.token
            values["INVITATION"] = people.invitation(world, world.organiser, invited.email, "gate")
        if route.endswith("/print"):
            values["SOLD_REGISTRATION_ID"] = expect(customer.reserve(show_id, [(seat, 1)]), 201)["registrationId"]
            expect(world.organiser.post(f"/v1/registrations/{values['SOLD_REGISTRATION_ID']}/cash"), 200)
        if "/gates/{" in route:
            made = expect(world.organiser.post(f"/v1/shows/{show_id}/gates", {"gate": "Side"}), 201)
            values["DEVICE_ID"] = made["deviceId"]
        return values, customer

    return fresh


def mailed(world, customer):
    """The secrets in the links that an account is mailed."""
    new_address = f"{uuid.uuid4().hex}@example.com"
    verification = link_to(world, customer.email, "verify-email")
    expect(customer.post("/v1/me/email", {"email": new_address, "password": customer.password}), 204)
    expect(world.anybody.post("/v1/password-resets", {"email": customer.email}), 204)
    return {"VERIFICATION": verification, "EMAIL_CHANGE": link_to(world, new_address, "change-email"),
            "PASSWORD_RESET": link_to(world, customer.email, "reset-password")}


def review(world, customer, show_id, seat):
    """A payment of another amount than was asked for, which waits for an operator."""
    registration_id = expect(customer.reserve(show_id, [(seat, 1)]), 201)["registrationId"]
    intent_id = expect(customer.create_intent(registration_id), 200)["paymentIntentId"]
    intent = world.provider.intent(intent_id)
    paid = dict(intent, status="succeeded", amount_received=intent["amount"] - 1)
    event = world.provider.event("payment_intent.succeeded", paid)
    assert world.provider.send_event(event).status_code == 200
    [payment] = expect(world.operator.get(f"/v1/registrations/{registration_id}/transactions"), 200)["transactions"]
    alerts = expect(world.operator.get("/v1/alerts?limit=1000"), 200)["alerts"]
    alert = next(alert for alert in alerts if alert["subjectId"] in (payment["transactionId"], registration_id))
    return {"REVIEW_TRANSACTION_ID": payment["transactionId"], "ALERT_ID": alert["alertId"],
            "PROVIDER_EVENT_ID": event["id"]}


# What nobody but the provider can do, what was used up before, what is not there.
REFUSED = {"/payments/webhook": "400", "/payments/webhook/connect": "400", "/connect/refresh": "410",
           "/v1/connect/oauth": "409", "/v1/jobs/{jobId}": "404", "/v1/jobs/{jobId}/revive": "404"}


# The same, where other verbs of the path work. Passkeys need an authenticator, identities a provider.
REFUSED_ROUTES = {"POST /v1/me/passkeys": "422", "PATCH /v1/me/passkeys/{passkeyId}": "404",
                  "DELETE /v1/me/passkeys/{passkeyId}": "404", "POST /v1/sessions/passkey": "401",
                  "POST /v1/me/identities": "422", "DELETE /v1/me/identities/{identityId}": "404"}


def test_the_document_is_there():
    assert len(commands()) >= 20


@pytest.mark.parametrize("route, command", commands(), ids=[route for route, _ in commands()])
def test_the_command_is_answered_as_documented(world, variables, tmp_path, route, command):
    values, customer = variables(route)
    body = tmp_path / "body"
    script = command.replace("curl -sS", f"curl -sS --noproxy '*' --max-time 30 -o {body} -w '%{{http_code}}'", 1)
    script = script.replace("ada@example.com", values["NEW_EMAIL"] if route == "POST /v1/users" else customer.email)
    script = script.replace("correct horse battery", customer.password)
    done = subprocess.run(["bash", "-uc", script], env={**os.environ, **values}, capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{script}\n{done.stderr}"
    answer = body.read_text(errors="replace")[:500] if body.exists() else ""
    path = route.split(" ")[1].split("?")[0]
    expected = REFUSED_ROUTES.get(route) or REFUSED.get(path, REFUSED.get(path.removeprefix("/v1")))
    if expected:
        assert done.stdout == expected, f"{script}\n{done.stdout} {answer}"
    else:
        assert done.stdout.startswith("2"), f"{script}\n{done.stdout} {answer}"
    if "HELD_REGISTRATION_ID" in values and not route.endswith("/cancel"):
        customer.cancel(values["HELD_REGISTRATION_ID"])
