"""An organiser links an account that is there already: away to the provider, and back."""

import api
from shopper import REFUSED


def test_an_account_is_linked_by_whoever_began(shopper, world):
    organiser = api.sign_up(world.base_url, kind=api.Organiser)
    business = api.expect(organiser.post("/v1/businesses", {"name": "New Stage"}), 201)["businessId"]
    begun = api.expect(organiser.post(f"/v1/businesses/{business}/oauth-link"), 201)
    at = shopper(locale="de-DE")
    at.allow(REFUSED)
    at.allow("status of 410")
    at.visit(begun["url"])
    at.page.locator("#new").click()
    at.page.wait_for_url("**/connect/oauth?*")
    assert at.violations() == []
    at.page.get_by_role("link", name="English").click()
    at.page.get_by_role("heading", name="Connect a payment account").wait_for()

    def sign_in(email, password):
        at.page.locator("#email").fill(email)
        at.page.locator("#password").fill(password)
        at.page.locator("#connect button").click()

    stranger = world.customer()
    sign_in(stranger.email, stranger.password)
    at.page.get_by_text("was begun by another account").wait_for()
    sign_in(organiser.email, organiser.password)
    at.page.get_by_text("the payment account can take payments").wait_for()
    at.shoot("connect")
    assert at.violations() == []
    assert "code=" not in at.page.url and at.page.url.endswith("/connect/oauth?lang=en")
    assert api.expect(organiser.get(f"/v1/businesses/{business}"), 200)["canSell"]
    at.page.reload()
    at.page.get_by_text("used before").wait_for()
