"""Accounts in a browser: signing up and in, passkeys, the second factor, a new password, ending sign-ins."""

import api
import pytest
import server as servers
from accounts import fresh_email, link_to, totp
from shopper import REFUSED, Shopper

PASSWORD = "a long enough secret"


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """An installation under the name localhost, where browsers allow passkeys without https."""
    data = tmp_path_factory.mktemp("office") / "data"
    running = servers.Server("demo", data, listen="localhost:0")
    try:
        demo = servers.wait_for_file(data / "demo.json", running.process, servers.START_LIMIT_S * 2)
        yield api.World(running, demo)
    except BaseException:
        running.kill()
        raise
    assert running.stop() == 0, running.output[-3000:]
    running.assert_clean()


@pytest.fixture
def visitor(chromium, office, request):
    """Somebody with a phone."""
    one = Shopper(chromium, office, viewport={"width": 390, "height": 844})
    one.allow(REFUSED)
    yield one
    one.close()
    if not getattr(request.node, "failed", False):
        one.assert_content()


def sign_up(visitor, email, name="Ada Example"):
    visitor.visit("/account/sign-up")
    visitor.page.locator("#name").fill(name)
    visitor.page.locator("#email").fill(email)
    visitor.page.locator("#password").fill(PASSWORD)
    visitor.page.locator("[type=submit]").click()
    at_home(visitor)


def confirm(visitor, office, email):
    """By the link that was mailed."""
    visitor.visit(f"/account/verify-email#t={link_to(office, email, 'verify-email')}")
    tidy(visitor, "verify-email")
    visitor.page.locator("[type=submit]").click()
    visitor.page.get_by_text("Confirmed. This address").wait_for()
    assert "#" not in visitor.page.url
    visitor.page.get_by_role("link", name="To your account").click()
    at_home(visitor)


def at_home(visitor):
    visitor.page.wait_for_url("**/account")
    visitor.page.locator("#page:not([hidden])").wait_for()


def sign_in(visitor, email, password=PASSWORD):
    visitor.visit("/account/sign-in")
    visitor.page.locator("#email").fill(email)
    visitor.page.locator("#password").fill(password)
    visitor.page.locator("[type=submit]").click()


def leave(visitor):
    visitor.page.locator("#leave").click()
    visitor.page.wait_for_url("**/account/sign-in")
    visitor.page.locator("#sign-in").wait_for()


def tidy(visitor, name):
    """Nothing in the way of anybody, and nothing beyond the edge of a phone."""
    visitor.shoot(name)
    assert visitor.violations() == []
    assert visitor.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_passkey_is_added_and_signs_in(visitor, office):
    devtools = visitor.context.new_cdp_session(visitor.page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True}})
    email = fresh_email()
    sign_up(visitor, email)
    confirm(visitor, office, email)
    visitor.page.locator("#passkey-name").fill("Ada's phone")
    visitor.page.locator("#add-passkey [type=submit]").click()
    visitor.page.get_by_text("The passkey is added").wait_for()
    visitor.page.locator("#passkeys li").wait_for()
    tidy(visitor, "account-passkey")
    leave(visitor)
    visitor.page.locator("#passkey").click()
    at_home(visitor)
    visitor.page.locator("#passkeys").get_by_text("Last used").wait_for()
    visitor.page.locator("#passkeys").get_by_role("button").click()
    visitor.page.locator("#passkeys li").wait_for(state="detached")
    leave(visitor)
    visitor.page.locator("#passkey").click()
    visitor.page.locator("#fault").get_by_text("wrong").wait_for()


def test_a_sign_in_outlives_a_reload_and_no_script_can_read_it(visitor):
    sign_up(visitor, fresh_email())
    visitor.page.reload()
    at_home(visitor)
    assert "refresh_" not in visitor.page.evaluate(
        "document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")
    cookies = visitor.context.cookies()
    assert {cookie["name"] for cookie in cookies} == {"__Host-session", "__Host-browser"}
    assert all(cookie["httpOnly"] and cookie["secure"] and cookie["sameSite"] == "Strict" for cookie in cookies)
    # Two tabs at once: both go on.
    second = visitor.context.new_page()
    second.goto(visitor.page.url, wait_until="commit")
    visitor.page.reload(wait_until="commit")
    for page in (second, visitor.page):
        page.locator("#page:not([hidden])").wait_for()
    leave(visitor)
    # What tells this browser from one that guesses stays.
    assert [cookie["name"] for cookie in visitor.context.cookies()] == ["__Host-browser"]


def test_a_form_on_another_site_changes_nothing(visitor, office):
    sign_up(visitor, fresh_email())
    before = visitor.context.cookies()
    # localhost and 127.0.0.1 are different sites.
    other = visitor.context.new_page()
    other.goto(office.base_url.replace("localhost", "127.0.0.1") + "/shows/nothing")
    target = office.base_url + "/v1/sessions/refresh"
    answer = other.evaluate("""target => fetch(target, {method: "POST", credentials: "include", body: "{}",
        headers: {"Admit-Page": "1", "Content-Type": "application/json"}}).then(() => "answered", () => "refused")""", target)
    assert answer == "refused"
    reply = visitor.context.request.fetch(target, method="POST", headers={
        "Content-Type": "text/plain", "Origin": "http://127.0.0.1", "Sec-Fetch-Site": "cross-site"}, data="{}")
    assert reply.status in (403, 415)
    assert visitor.context.cookies() == before
    visitor.page.reload()
    at_home(visitor)


def test_an_address_is_verified_and_a_second_factor_asked_for(visitor, office):
    email = fresh_email()
    sign_up(visitor, email)
    visitor.page.locator("#unverified").wait_for()
    confirm(visitor, office, email)
    assert not visitor.page.locator("#unverified").is_visible()

    visitor.page.locator("#begin-factor").click()
    visitor.page.locator("#factor-qr[src^=blob]").wait_for()
    secret = visitor.page.locator("#factor-secret").inner_text()
    assert f"secret={secret}" in visitor.scanned(visitor.page.locator("#factor-qr"))
    visitor.page.locator("#factor-code").fill(totp(secret))
    visitor.page.locator("#confirm-factor [type=submit]").click()
    codes = visitor.page.locator("#recovery-codes li")
    codes.first.wait_for()
    recovery = codes.all_inner_texts()
    assert len(set(recovery)) == len(recovery) >= 8
    tidy(visitor, "account-second-factor")
    leave(visitor)

    sign_in(visitor, email)
    code = visitor.page.locator("#code")
    code.wait_for()
    tidy(visitor, "sign-in-code")
    code.fill("000000" if totp(secret) != "000000" else "111111")
    visitor.page.locator("[type=submit]").click()
    visitor.page.locator("#fault").wait_for()
    code.fill(recovery[0])
    visitor.page.locator("[type=submit]").click()
    at_home(visitor)
    visitor.page.locator("#factor-on").wait_for()


def test_a_new_address_is_taken_into_use_by_its_own_account_only(visitor, chromium, office):
    email, wanted = fresh_email(), fresh_email()
    sign_up(visitor, email)
    account = api.sign_in(office.base_url, email, PASSWORD)
    api.expect(account.post("/v1/me/email", {"email": wanted, "password": PASSWORD}), 204)
    link = f"/account/change-email#t={link_to(office, wanted, 'change-email')}"
    reader = Shopper(chromium, office)  # whoever reads the mail of that address, and has an account
    try:
        reader.allow("status of 403")
        reader.allow(REFUSED)
        sign_up(reader, fresh_email())
        reader.visit(link)
        reader.page.locator("[type=submit]").click()
        reader.page.locator("#fault").get_by_text("the account that this is about").wait_for()
    finally:
        reader.close()
    leave(visitor)
    visitor.visit(link)
    visitor.page.locator("[type=submit]").click()
    visitor.page.wait_for_url("**/account/sign-in?next=*")
    assert "proof_" not in visitor.page.url
    visitor.page.locator("#email").fill(email)
    visitor.page.locator("#password").fill(PASSWORD)
    visitor.page.locator("[type=submit]").click()
    visitor.page.wait_for_url("**/account/change-email*")
    visitor.page.locator("#link [type=submit]").click()
    visitor.page.get_by_text("Your account has the new address.").wait_for()
    assert api.expect(account.get("/v1/me"), 200)["email"] == wanted


def test_a_forgotten_password_is_set_anew_and_ends_other_sign_ins(visitor, chromium, office):
    email = fresh_email()
    sign_up(visitor, email)
    other = Shopper(chromium, office)
    try:
        other.visit("/account/forgot")
        other.page.locator("#email").fill(email)
        other.page.locator("[type=submit]").click()
        other.page.get_by_text("If this address has an account").wait_for()
        link = f"/account/reset-password#t={link_to(office, email, 'reset-password')}"
        other.visit(link)
        other.page.locator("#password").fill("another long secret")
        other.page.locator("[type=submit]").click()
        other.page.get_by_text("Sign in with it").wait_for()
        other.allow(REFUSED)
        other.allow("status of 404")
        other.page.goto("about:blank")
        other.visit(link)
        other.page.locator("#password").fill("a third long secret")
        other.page.locator("[type=submit]").click()
        other.page.locator("#fault").get_by_text("used before").wait_for()
        other.assert_content()
    finally:
        other.close()
    visitor.page.reload()
    visitor.page.wait_for_url("**/account/sign-in")
    sign_in(visitor, email)
    visitor.page.locator("#fault").get_by_text("wrong").wait_for()
    sign_in(visitor, email, "another long secret")
    at_home(visitor)


def test_sign_ins_are_listed_and_ended(visitor, chromium, office):
    email = fresh_email()
    sign_up(visitor, email)
    other = Shopper(chromium, office)
    other.allow(REFUSED)
    try:
        sign_in(other, email)
        at_home(other)
        visitor.page.reload()
        at_home(visitor)
        listed = visitor.page.locator("#sessions li")
        listed.nth(1).wait_for()
        assert visitor.page.locator("#sessions").get_by_text("this browser").count() == 1
        visitor.page.locator("#sessions").get_by_role("button").click()
        listed.nth(1).wait_for(state="detached")
        other.page.reload()
        other.page.wait_for_url("**/account/sign-in")
        other.assert_content()
    finally:
        other.close()


def test_an_organiser_sees_members_and_keys(visitor, office):
    email = fresh_email()
    visitor.visit("/account/sign-up")
    visitor.page.locator("summary").click()
    visitor.page.locator("#business").fill("The Old Mill")
    sign_up_fields = {"#name": "Ada Example", "#email": email, "#password": PASSWORD}
    for field, value in sign_up_fields.items():
        visitor.page.locator(field).fill(value)
    visitor.page.locator("[type=submit]").click()
    at_home(visitor)
    visitor.page.locator("#to-organiser").click()
    visitor.page.locator("#members").get_by_text("Ada Example").wait_for()
    visitor.page.locator("#key-name").fill("Accounting")
    visitor.page.get_by_label("see_sales").check()
    visitor.page.locator("#make-key [type=submit]").click()
    visitor.page.locator("#new-key:not([hidden])").wait_for()
    assert visitor.page.locator("#new-key code").inner_text().startswith("key_")
    tidy(visitor, "organiser")
    visitor.page.locator("#keys").get_by_role("button").click()
    visitor.page.locator("#keys li").wait_for(state="detached")


def test_an_account_buys_and_finds_its_tickets(visitor, office):
    show_id, _ = office.organiser.create_show("Nachts im Museum", tiers=[{"name": "Helferin", "price": 0}])
    sign_up(visitor, fresh_email())
    visitor.visit(f"/shows/{show_id}")
    visitor.page.get_by_text("You buy as").wait_for()
    visitor.reserve()  # one of the only tier is chosen already
    visitor.wait_for_tickets()
    visitor.page.get_by_role("link", name="Your account").click()
    at_home(visitor)
    visitor.page.locator("#orders").get_by_role("link").click()
    visitor.wait_for_tickets()
