"""Buying with a browser: the card, the bank's page, the time that runs out, and the way back."""

import datetime
import io
import re

import api
import pytest
import zxingcpp
from PIL import Image
from shopper import REFUSED


@pytest.fixture(scope="module")
def short_hold(world):
    """A show whose places are held for a minute."""
    show_id, _ = world.organiser.create_show("Short breath", holdSeconds=60, holdGraceSeconds=0, maxLiveHoldsPerAddress=1000,
                                             tiers=[{"name": "Parkett", "price": 2500}])
    return show_id


def test_pays_and_is_let_in(shopper, world, show):
    buyer = shopper(locale="de-DE", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    registration = buyer.hold(show[0], count=2)
    page = buyer.page
    assert page.locator("#total").inner_text().replace("\xa0", " ") == "53,00 €"
    assert page.locator("#tax").inner_text().replace("\xa0", " ") == "3,47 €"
    assert re.fullmatch(r"(10:00|9:\d\d)", page.locator("#left").inner_text())
    page.locator("#holder1").fill("Ada Müller")
    page.locator("#holder2").fill("عمر")
    buyer.shoot("checkout-390")
    assert not buyer.violations(besides=["#payment"])
    buyer.pay()
    buyer.wait_for_tickets(2)
    buyer.shoot("order-390")
    assert not buyer.violations()
    tickets = page.locator("#tickets .ticket")
    assert "Ada Müller" in tickets.nth(0).inner_text() and "عمر" in tickets.nth(1).inner_text()

    token = buyer.session(registration)["accessToken"]
    guest = api.Caller(world.base_url, token)
    mine = api.expect(guest.get(f"/v1/registrations/{registration}"), 200)
    gate = world.gate(show[0])
    for at, ticket_id in enumerate(mine["ticketIds"]):
        code = buyer.scanned(tickets.nth(at).locator("img"))
        assert code == api.expect(guest.get(f"/v1/tickets/{ticket_id}"), 200)["qrCode"]
        assert gate.scan(code)["valid"]

    with page.expect_download() as download:
        tickets.nth(0).locator(".pdf").click()
    assert open(download.value.path(), "rb").read(5) == b"%PDF-"
    assert token not in page.content()


def test_a_declined_card_keeps_the_places_and_another_pays(shopper, show):
    buyer = shopper(locale="fr-FR")
    buyer.allow(REFUSED)
    buyer.hold(show[0])
    left = buyer.page.locator("#left")
    buyer.pay("no_funds")
    told = buyer.fault()
    assert "Le solde de cette carte est insuffisant." in told and "Vos places sont toujours gardées" in told
    assert buyer.page.evaluate("document.activeElement.id") == "fault"
    assert left.is_visible()
    buyer.shoot("declined-1100")
    buyer.pay("declined")
    buyer.page.get_by_text("La banque a refusé la carte.").wait_for()
    buyer.pay("good")
    buyer.wait_for_tickets()


def test_the_bank_says_yes(shopper, show):
    buyer = shopper()
    registration = buyer.hold(show[0])
    buyer.pay("challenge")
    buyer.page.locator("#complete").click()
    buyer.wait_for_tickets()
    assert buyer.registration() == registration
    assert "secret" not in buyer.page.url


def test_the_bank_says_no_and_the_buyer_pays_another_way(shopper, show):
    buyer = shopper()
    buyer.allow(REFUSED)
    registration = buyer.hold(show[0])
    buyer.pay("challenge")
    buyer.page.locator("#fail").click()
    buyer.page.wait_for_url(f"**/checkout/{registration}*")
    assert "The bank did not confirm the payment." in buyer.fault()
    assert "still held" in buyer.fault()
    assert "secret" not in buyer.page.url
    buyer.page.locator("#submit:not([disabled])").wait_for()
    buyer.pay("good")
    buyer.wait_for_tickets()


def test_the_time_runs_out(shopper, world, short_hold):
    buyer = shopper()
    registration = buyer.hold(short_hold)
    buyer.page.locator("#clock.late").wait_for()
    buyer.page.get_by_text("The time to pay is over").wait_for(timeout=90_000)
    assert not buyer.page.locator("#submit").is_visible()
    buyer.shoot("expired-1100")
    buyer.page.get_by_role("link", name="Back to the show").click()
    buyer.page.wait_for_url(f"**/shows/{short_hold}")
    buyer.visit(f"/checkout/{registration}")
    buyer.page.get_by_text("The time to pay is over").wait_for()


def test_a_clock_that_is_hours_wrong_counts_the_same(shopper, show):
    buyer = shopper()
    buyer.page.clock.install(time=datetime.datetime.now() + datetime.timedelta(hours=5))
    buyer.hold(show[0])
    assert re.fullmatch(r"(10:00|9:\d\d)", buyer.page.locator("#left").inner_text())


def test_money_given_back_is_shown(shopper, show):
    buyer = shopper()
    registration = buyer.hold(show[0], count=2)
    buyer.pay()
    buyer.wait_for_tickets(2)
    assert not buyer.page.locator("#refunded").is_visible()
    refunds = []

    def tell(route):
        reply = route.fetch()
        told = reply.json()
        assert told["refunds"] == []
        route.fulfill(response=reply, json={**told, "refunds": refunds})

    buyer.page.route(f"**/v1/registrations/{registration}", tell)
    for changes, words, back in (([(5300, "due")], "Your refund is under way", None),
                                 ([(1000, "succeeded")], "A part of your money has been refunded.", "€10.00"),
                                 ([(1000, "succeeded"), (4300, "pending")], "Your refund is under way", "€10.00"),
                                 ([(1000, "succeeded"), (4300, "succeeded")], "Your money has been refunded.", "€53.00"),
                                 ([(5300, "failed")], "The refund could not be paid out.", None),
                                 ([(5300, "cancelled")], "Paid. Here are your tickets.", None)):
        refunds[:] = [{"amount": amount, "status": status, "ticketNumbers": []} for amount, status in changes]
        buyer.page.reload()
        buyer.page.locator("#state", has_text=words).wait_for()
        assert buyer.page.locator("#refunded").is_visible() == (back is not None)
        assert back is None or buyer.page.locator("#refunded td").inner_text() == back
    buyer.shoot("refunded-1100")


def test_a_mail_is_sent_again(shopper, show):
    buyer = shopper()
    buyer.hold(show[0])
    buyer.pay()
    buyer.wait_for_tickets()
    buyer.page.locator("#resend").click()
    buyer.page.get_by_text("The e-mail is on its way.").wait_for()


def test_free_tickets_need_no_payment(shopper, show):
    buyer = shopper()
    buyer.visit(f"/shows/{show[0]}")
    buyer.choose("Helferin", 1)
    buyer.say_who()
    buyer.reserve()
    buyer.wait_for_tickets()


def test_gives_places_back(shopper, show):
    buyer = shopper()
    buyer.hold(show[0])
    buyer.page.locator("#give-back").click()
    buyer.page.get_by_text("The places were given back.").wait_for()
    assert buyer.page.get_by_role("link", name="Back to the show").is_visible()


def test_says_in_words_what_is_refused(shopper, world):
    show_id, tiers = world.organiser.create_show("Nearly full", tiers=[{"name": "Parkett", "price": 1000, "capacity": 1}])
    buyer = shopper(locale="es-ES")
    buyer.allow(REFUSED)
    buyer.visit(f"/shows/{show_id}")
    assert "quedan 1" in buyer.page.locator("li.tier").inner_text()
    with world.hold(world.customer(), show_id, [(tiers[0], 1)]):
        buyer.say_who()
        buyer.reserve()
        assert buyer.fault() == "No quedan plazas suficientes."
        buyer.page.reload()
        assert "agotado" in buyer.page.locator("li.tier").inner_text()


def test_an_account_signs_in_and_its_order_asks_for_the_same_account(shopper, world, show):
    customer = world.customer(name="Konto Kunde")
    buyer = shopper()
    buyer.visit(f"/shows/{show[0]}")
    buyer.choose("Parkett", 1)
    buyer.page.locator("#email").fill(customer.email)
    buyer.page.locator("summary").click()
    buyer.page.locator("#password").fill(customer.password)
    buyer.reserve()
    buyer.page.wait_for_url("**/checkout/*")
    buyer.page.locator("#submit:not([disabled])").wait_for()
    buyer.pay()
    buyer.wait_for_tickets()
    order = buyer.registration()

    stranger, other = world.customer(), shopper()
    other.allow(REFUSED)
    other.visit(f"/orders/{order}")
    for who, password in ((stranger, stranger.password), (customer, "wrong password"), (customer, customer.password)):
        other.page.locator("#enter #email").fill(who.email)
        other.page.locator("#enter #password").fill(password)
        other.page.locator("#enter button").click()
        if password == customer.password and who is customer:
            break
        other.page.locator("#enter-fault").wait_for()
    other.wait_for_tickets()


def test_a_guest_comes_back_by_the_link_on_another_device(shopper, world, show):
    buyer = shopper()
    registration = buyer.hold(show[0])
    guest = api.Caller(world.base_url, buyer.session(registration)["accessToken"])
    symbol = guest.get(f"/v1/registrations/{registration}/pay-qr?format=png")
    link = zxingcpp.read_barcodes(Image.open(io.BytesIO(symbol.content)))[0].text
    assert link.startswith(f"{world.base_url}/checkout/{registration}#k=")

    phone = shopper(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    asked = []
    phone.page.on("request", lambda request: asked.append((request.url, request.headers.get("referer", ""))))
    phone.visit(link)
    phone.page.locator("#submit:not([disabled])").wait_for()
    key = link.split("#k=")[1]
    assert key not in phone.page.url
    assert not any(key in url or key in referrer for url, referrer in asked)
    phone.pay()
    phone.wait_for_tickets()

    again = shopper()
    again.visit(f"/orders/{registration}#k={key}")
    again.wait_for_tickets()
    wrong = shopper()
    wrong.allow(REFUSED)
    wrong.visit(f"/orders/{registration}#k={key[:-1]}{'A' if key[-1] != 'A' else 'B'}")
    wrong.page.get_by_text("This link is not valid or no longer valid.").wait_for()
    assert wrong.page.locator("#tickets .ticket").count() == 0


def test_a_business_that_is_charged_directly_is_paid(shopper, world):
    organiser = api.sign_up(world.base_url, kind=api.Organiser)
    organiser.business_id = api.expect(organiser.post("/v1/businesses", {"name": "Own Account"}), 201)["businessId"]
    path = f"/v1/businesses/{organiser.business_id}"
    api.expect(world.operator.send("PUT", f"{path}/fees", {"fixed": 0, "percentBp": 500, "chargeModel": "direct"}), 200)
    account = api.expect(organiser.post(f"{path}/stripe-account", {}), 200)["stripeAccount"]
    link = api.expect(organiser.post(f"{path}/onboarding-link"), 201)["url"]
    onboarding = shopper()
    onboarding.visit(link)
    onboarding.page.locator("#complete").click()
    onboarding.page.get_by_text("Your account can take payments.").wait_for()
    show_id, _ = organiser.create_show("Direct", tiers=[{"name": "Parkett", "price": 2500}])
    buyer = shopper()
    registration = buyer.hold(show_id, count=0)  # the only tier is chosen once
    buyer.pay()
    buyer.wait_for_tickets()
    [paid] = api.expect(organiser.get(f"/v1/registrations/{registration}/transactions"), 200)["transactions"]
    assert paid["stripeAccount"] == account and paid["status"] == "succeeded"


def settle(world, organiser, registration, outcome):
    [payment] = api.expect(organiser.get(f"/v1/registrations/{registration}/transactions"), 200)["transactions"]
    done = world.provider.session.post(f"{world.provider.api_base}/__sbx/payment_intents/{payment['intentId']}/settle",
                                       data={"outcome": outcome}, timeout=30,
                                       headers={"Authorization": f"Bearer {world.provider.secret_key}"})
    assert done.status_code == 200, done.text


def test_a_slow_bank_is_told_of_as_it_is_and_leads_back_when_it_says_no(shopper, world, show):
    buyer = shopper()
    buyer.allow(REFUSED)
    registration = buyer.hold(show[0])
    buyer.pay("slow")
    buyer.page.wait_for_url("**/orders/*")
    buyer.page.get_by_text("Your bank is still working on this payment.").wait_for()
    assert not buyer.page.locator("#unpaid").is_visible()
    buyer.visit(f"/checkout/{registration}")  # nothing to pay while the bank thinks
    buyer.page.wait_for_url("**/orders/*")
    settle(world, world.organiser, registration, "failed")
    buyer.page.get_by_text("The payment failed. Nothing was charged. Your places are still held").wait_for()
    buyer.page.locator("#unpaid a").click()
    buyer.page.locator("#submit:not([disabled])").wait_for()
    buyer.pay()
    buyer.wait_for_tickets()


def test_the_form_comes_from_where_the_page_does(shopper, world, show):
    """The sandbox listens on its own machine only: a phone, or a page behind TLS, could not load it from there."""
    buyer = shopper()
    asked = []
    buyer.page.on("request", lambda request: asked.append(request.url))
    buyer.hold(show[0])
    buyer.pay("challenge")
    buyer.page.locator("#complete").click()
    buyer.wait_for_tickets()
    assert any("/sandbox-provider/" in url for url in asked)
    assert not [url for url in asked if not url.startswith((world.base_url + "/", "blob:"))], asked


def test_long_words_stay_on_a_small_phone(shopper, world):
    word = "Rindfleischetikettierungsaufgabengesetz"
    show_id, _ = world.organiser.create_show(word, tiers=[{"name": word, "price": 2500}], maxLiveHoldsPerAddress=1000)
    buyer = shopper(viewport={"width": 320, "height": 640}, is_mobile=True, has_touch=True)
    fits = "document.documentElement.scrollWidth <= innerWidth && [...document.querySelectorAll('.card *')].every("
    fits += "(one) => one.getBoundingClientRect().right <= innerWidth)"
    buyer.hold(show_id, tier=word, count=0)
    assert buyer.page.evaluate(fits)
    buyer.shoot("checkout-320")
    buyer.visit(f"/shows/{show_id}")
    assert buyer.page.evaluate(fits)
    buyer.shoot("show-320")
    buyer.page.go_back()
    buyer.page.locator("#submit:not([disabled])").wait_for()
    buyer.pay()
    buyer.wait_for_tickets()
    assert buyer.page.evaluate(fits)
    buyer.shoot("order-320")
