"""Buying without an account: guests, the key in the link to an order, names on tickets, the code for the box office."""

import io
import json
import uuid

import api
import pytest
import zxingcpp
from PIL import Image


def new_guest(world, email="guest@example.com", **more):
    session = api.expect(world.anybody.post("/v1/guests", {"email": email, **more}), 201)
    return api.Customer(world.base_url, session["accessToken"], session["userId"], email, None), session


def code_in(reply, kind):
    assert reply.status_code == 200, reply.text
    assert reply.headers["Content-Type"] == kind
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(reply.content)))
    assert len(found) == 1
    return found[0].text


def pay_link(caller, registration_id):
    return code_in(caller.get(f"/v1/registrations/{registration_id}/pay-qr?format=png"), "image/png")


@pytest.fixture(scope="module")
def paid_show(world):
    show_id, tiers = world.organiser.create_show("Guests welcome", maxLiveHoldsPerAddress=1000,
                                                 tiers=[{"name": "Seat", "price": 2500}, {"name": "Box", "price": 4000}])
    return show_id, tiers


def test_guest_buys_and_no_password_ever_signs_in(world, paid_show):
    email = f"{uuid.uuid4().hex}@example.com"
    guest, _ = new_guest(world, email, name="Gesa Gast", locale="de")
    _, tickets = world.buy(guest, paid_show[0], [(paid_show[1][0], 2)])
    assert len(tickets) == 2
    for password in ("", "correct horse battery"):
        reply = world.anybody.post("/v1/sessions", {"email": email, "password": password})
        assert reply.status_code in (401, 422)
    # The address is still free, and an account with it does not get at the guest's order.
    owner = world.customer(email=email)
    assert owner.user_id != guest.user_id
    assert not owner.all_tickets()
    api.refused(owner.get(f"/v1/tickets/{tickets[0]['ticketId']}"), "forbidden", 403)


def test_two_guests_of_one_address_know_nothing_of_each_other(world, paid_show):
    one, _ = new_guest(world)
    two, _ = new_guest(world)
    with world.hold(one, paid_show[0], [(paid_show[1][0], 1)]) as held:
        api.refused(two.get(f"/v1/registrations/{held['registrationId']}"), "forbidden", 403)


def test_guest_stays_signed_in_by_refreshing(world):
    _, session = new_guest(world)
    fresh = api.expect(world.anybody.post("/v1/sessions/refresh", {"refreshToken": session["refreshToken"]}), 200)
    me = api.expect(api.Caller(world.base_url, fresh["accessToken"]).get("/v1/me"), 200)
    assert me["userId"] == session["userId"] and me["roles"] == []


@pytest.mark.parametrize("body, field", [({}, "email"), ({"email": "nobody"}, "email"), ({"email": "a@b\r\nBcc: c@d.e"}, "email"),
                                         ({"email": "a@example.com", "name": "x" * 61}, "name"),
                                         ({"email": "a@example.com", "admin": True}, "admin")])
def test_guest_needs_an_address(world, body, field):
    assert api.expect(world.anybody.post("/v1/guests", body), 422)["field"] == field


def test_link_opens_a_guests_order_and_nothing_else(world, paid_show):
    guest, _ = new_guest(world)
    with world.hold(guest, paid_show[0], [(paid_show[1][0], 1)]) as held:
        registration_id = held["registrationId"]
        link = pay_link(guest, registration_id)
        path, key = link.split("#k=")
        assert path == f"{world.base_url}/checkout/{registration_id}" and len(key) == 43

        def open_order(registration, with_key):
            return world.anybody.post("/v1/guest-sessions", {"registrationId": registration, "key": with_key})

        session = api.expect(open_order(registration_id, key), 201)
        assert session["userId"] == guest.user_id
        back = api.Caller(world.base_url, session["accessToken"])
        assert api.expect(back.get(f"/v1/registrations/{registration_id}"), 200)["status"] == "held"
        for registration, wrong in ((registration_id, key[:-1] + ("A" if key[-1] != "A" else "B")), (registration_id, key[:-1]),
                                    (registration_id, "x"), (str(uuid.uuid4()), key), ("nothing", key)):
            reply = open_order(registration, wrong)
            assert reply.status_code in (401, 422), reply.text
        assert key not in world.server.output


def test_link_never_signs_in_to_an_account(world, paid_show, customer):
    with world.hold(customer, paid_show[0], [(paid_show[1][0], 1)]) as held:
        assert pay_link(customer, held["registrationId"]) == f"{world.base_url}/checkout/{held['registrationId']}"


def test_pay_code_is_for_the_buyer_the_business_and_operators(world, paid_show):
    guest, _ = new_guest(world)
    with world.hold(guest, paid_show[0], [(paid_show[1][0], 1)]) as held:
        path = f"/v1/registrations/{held['registrationId']}/pay-qr"
        link = code_in(guest.get(path + "?format=png"), "image/png")
        assert "#k=" in link
        for seller in (world.organiser, world.operator):
            assert "#p=pay_" in code_in(seller.get(path, headers={"Accept": "image/png"}), "image/png")
        svg = guest.get(path)
        assert svg.headers["Content-Type"] == "image/svg+xml" and svg.headers["Cache-Control"] == "no-store"
        api.refused(world.customer().get(path), "forbidden", 403)
        api.refused(world.anybody.get(path), "unauthenticated", 401)
        api.refused(guest.get(path + "?format=gif"), "bad_parameter", 400)
    api.refused(guest.get(path), "registration_not_held", 409)
    api.refused(guest.get(f"/v1/registrations/{uuid.uuid4()}/pay-qr"), "unknown_registration", 404)


def test_a_sellers_link_pays_and_opens_nothing(world, paid_show):
    guest, _ = new_guest(world)
    with world.hold(guest, paid_show[0], [(paid_show[1][0], 1)]) as held:
        order = f"/v1/registrations/{held['registrationId']}"
        secret = pay_link(world.organiser, held["registrationId"]).split("#p=")[1]
        assert secret not in world.server.output
        reply = world.anybody.post("/v1/guest-sessions", {"registrationId": held["registrationId"], "key": secret})
        api.refused(reply, "wrong_key", 401)
        payer = api.Customer(world.base_url, secret, guest.user_id, "", None)
        seen = api.expect(payer.get(order), 200)
        assert seen["status"] == "held" and not any(line["holders"] for line in seen["lines"])
        intent = payer.post("/v1/payments/create-intent", {"registrationId": held["registrationId"]})
        assert intent.status_code not in (401, 403), intent.text
        for refused in (payer.get("/userTickets"), payer.get("/v1/me"), payer.post(f"{order}/cancel"),
                        payer.send("PATCH", order, {"lines": []}), payer.get(f"{order}/pay-qr")):
            assert refused.status_code in (401, 422), refused.text
        with world.hold(guest, paid_show[0], [(paid_show[1][0], 1)]) as other:
            api.refused(payer.get(f"/v1/registrations/{other['registrationId']}"), "unauthenticated", 401)
            reply = payer.post("/v1/payments/create-intent", {"registrationId": other["registrationId"]})
            api.refused(reply, "unauthenticated", 401)
    api.refused(payer.get(order), "unauthenticated", 401)


def test_names_are_given_while_places_are_held(world, paid_show):
    guest, _ = new_guest(world, name="Gesa Gast")
    seat, box = paid_show[1]
    held = api.expect(guest.reserve(paid_show[0], [(seat, 2), (box, 1)]), 201)
    path = f"/v1/registrations/{held['registrationId']}"

    def name(caller, lines):
        return caller.send("PATCH", path, {"lines": [{"tierId": tier, "holders": holders} for tier, holders in lines]})

    named = api.expect(name(guest, [(seat, ["Ada", "Grace"])]), 200)
    assert [line["holders"] for line in named["lines"]] == [["Ada", "Grace"], []]
    assert named["amount"] == held["amount"]
    named = api.expect(name(guest, [(box, ["Ed"]), (seat, ["", "Grace"])]), 200)
    assert [line["holders"] for line in named["lines"]] == [["", "Grace"], ["Ed"]]
    api.refused(name(guest, [(box, ["Ed", "Joan"])]), "invalid_field", 422)
    api.refused(name(guest, [(str(uuid.uuid4()), ["Ed"])]), "unknown_tier", 422)
    api.refused(name(world.customer(), [(box, ["Eve"])]), "forbidden", 403)
    api.refused(name(world.anybody, [(box, ["Eve"])]), "unauthenticated", 401)

    intent = api.expect(guest.create_intent(held["registrationId"]), 200)
    world.provider.confirm(intent["paymentIntentId"], intent["clientSecret"])
    guest.wait_for_status(held["registrationId"], "confirmed")
    assert sorted(ticket["holder"] for ticket in guest.tickets(held["registrationId"])) == ["", "Ed", "Grace"]
    api.refused(name(guest, [(box, ["Late"])]), "registration_not_held", 409)


def test_mail_is_asked_for_again_by_who_may(world, paid_show):
    guest, _ = new_guest(world)
    registration_id, _ = world.buy(guest, paid_show[0], [(paid_show[1][0], 1)])
    path = f"/v1/registrations/{registration_id}/mail"
    for caller in (guest, world.organiser, world.operator):
        assert api.expect(caller.post(path), 202)["registrationId"] == registration_id
    api.refused(world.customer().post(path), "forbidden", 403)
    with world.hold(guest, paid_show[0], [(paid_show[1][0], 1)]) as held:
        api.refused(guest.post(f"/v1/registrations/{held['registrationId']}/mail"), "registration_not_held", 409)


def test_config_tells_a_frontend_what_it_needs_and_no_secret(world):
    config = api.expect(world.anybody.get("/v1/config"), 200)
    assert config["mode"] == "sandbox"
    assert config["publishableKey"] == world.provider.publishable_key
    assert config["apiVersion"].count("-") == 2
    assert config["paymentScript"].startswith(world.base_url + "/sandbox-provider/")
    assert world.provider.secret_key not in json.dumps(config)


def test_one_address_cannot_make_guests_without_end(serve):
    running = serve("--sandbox")
    anybody = api.Caller(running.base_url)
    for _ in range(5000):
        reply = anybody.post("/v1/guests", {"email": "flood@example.com"})
        if reply.status_code != 201:
            break
    api.refused(reply, "too_many_requests", 429)
    assert int(reply.headers["Retry-After"]) >= 1


def test_with_stripes_keys_the_checkout_lets_stripes_script_in(serve):
    running = serve(STRIPE_SECRET_KEY="sk_test_1", STRIPE_PUBLISHABLE_KEY="pk_test_1", STRIPE_WEBHOOK_SECRET="whsec_1")
    organiser = api.sign_up(running.base_url, kind=api.Organiser)
    organiser.business_id = api.expect(organiser.post("/v1/businesses", {"name": "Old Mill"}), 201)["businessId"]
    show_id, tiers = organiser.create_show(tiers=[{"price": 0}])
    order = api.expect(organiser.reserve(show_id, [(tiers[0], 1)]), 201)["registrationId"]
    config = api.expect(organiser.get("/v1/config"), 200)
    assert config["mode"] == "test" and config["publishableKey"] == "pk_test_1"
    release = config["apiVersion"].split(".")[1]
    assert config["paymentScript"] == f"https://js.stripe.com/{release}/stripe.js"

    def sources(path):
        policy = organiser.get(path, headers={"Accept": "text/html"}).headers["Content-Security-Policy"]
        return dict(part.strip().split(" ", 1) for part in policy.split(";"))

    checkout = sources(f"/checkout/{order}")
    assert checkout["script-src"] == "'self' https://js.stripe.com https://*.js.stripe.com"
    assert checkout["connect-src"] == "'self' https://api.stripe.com"
    assert checkout["frame-src"] == "https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com"
    assert checkout["style-src"] == "'self'" and checkout["frame-ancestors"] == "'none'"
    assert not any("stripe" in hosts for path in ("/", f"/shows/{show_id}", f"/orders/{order}") for hosts in sources(path).values())


def test_a_guest_is_no_organiser(world, paid_show):
    guest, _ = new_guest(world)
    api.refused(guest.post("/v1/businesses", {"name": "Stolen Hall"}), "forbidden", 403)
    business = world.organiser.business_id
    for path in ("stripe-account/refresh", "onboarding-link", "oauth-link"):
        api.refused(guest.post(f"/v1/businesses/{business}/{path}"), "forbidden", 403)


def test_an_account_makes_a_bounded_number_of_businesses(world):
    owner = world.customer()
    made = [owner.post("/v1/businesses", {"name": "Hall"}).status_code for _ in range(21)]
    assert made == [201] * 20 + [422]


def test_guests_who_give_one_address_share_its_free_tickets(world):
    show_id, [free] = world.organiser.create_show("Free for all", maxFreeTicketsPerUser=4, tiers=[{"name": "Free", "price": 0}])
    email = f"{uuid.uuid4().hex}@example.com"
    guests = [new_guest(world, email)[0] for _ in range(4)]
    replies = [guest.reserve(show_id, [(free, 2)]) for guest in guests]
    assert [reply.status_code for reply in replies] == [201, 201, 409, 409]
    api.refused(replies[2], "too_many_free_tickets")
    api.expect(new_guest(world, f"{uuid.uuid4().hex}@example.com")[0].reserve(show_id, [(free, 2)]), 201)
