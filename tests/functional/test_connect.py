"""A business's account at the payment provider: made, filled in, looked at again, linked, and the gate it keeps."""

import json
import re
import time
import urllib.parse
import uuid

import api
import pytest
import server as servers
from api import Organiser, expect, refused, sign_up

LANGUAGES = {"en": "Connect a payment account", "de": "Zahlungskonto verbinden", "fr": "Relier un compte de paiement",
             "es": "Conectar una cuenta de pago", "pl": "Połącz konto płatnicze"}


def with_business(base_url):
    one = sign_up(base_url, kind=Organiser)
    one.business_id = expect(one.post("/v1/businesses", {"name": "New Stage"}), 201)["businessId"]
    return one


def of_business(organiser, path=""):
    return f"/v1/businesses/{organiser.business_id}{path}"


def onboard(provider, organiser, state="complete"):
    """Fills in the provider's form; gives the address that it leads back to."""
    link = expect(organiser.post(of_business(organiser, "/onboarding-link")), 201)
    form = provider.session.get(link["url"], timeout=api.LIMIT_S)
    assert form.status_code == 200, form.text
    action = re.search(r'<form method="post" action="([^"]+)"', form.text).group(1)
    sent = provider.session.post(urllib.parse.urljoin(link["url"], action), data={"state": state}, timeout=api.LIMIT_S,
                                 allow_redirects=False)
    assert sent.status_code == 303, sent.text
    return sent.headers["Location"]


def begin(organiser):
    """(where to go, the state that goes along)"""
    url = expect(organiser.post(of_business(organiser, "/oauth-link")), 201)["url"]
    return url, urllib.parse.parse_qs(urllib.parse.urlparse(url).query)["state"][0]


def authorize(provider, url, answer="new", account=None):
    """Answers the provider's page as its owner does; gives the address it leads back to."""
    shown = provider.session.get(url, timeout=api.LIMIT_S)
    assert shown.status_code == 200 and 'id="deny"' in shown.text, shown.text
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', shown.text))
    if account:
        hidden["account"] = account
    back = provider.session.post(provider.api_base + "/oauth/authorize", data={**hidden, "answer": answer},
                                 timeout=api.LIMIT_S, allow_redirects=False)
    assert back.status_code == 303, back.text
    return back.headers["Location"]


def brought_back(url):
    return {name: values[0] for name, values in urllib.parse.parse_qs(urllib.parse.urlparse(url).query).items()}


def page(world, url, **headers):
    return world.anybody.get(url, headers={"Accept": "text/html", **headers})


def deauthorize(provider, client_id, account):
    done = provider.session.post(provider.api_base + "/oauth/deauthorize", timeout=api.LIMIT_S,
                                 data={"client_id": client_id, "stripe_user_id": account},
                                 headers={"Authorization": f"Bearer {provider.secret_key}"})
    assert done.status_code == 200, done.text


def wait_until_closed(organiser, limit_s=20):
    until = time.monotonic() + limit_s * servers.SLOWNESS
    while (business := expect(organiser.get(of_business(organiser)), 200))["canSell"]:
        assert time.monotonic() < until, business
        time.sleep(0.02)
    return business


@pytest.fixture
def organiser(world):
    return with_business(world.base_url)


def test_nothing_is_sold_before_the_account_can_charge(world, organiser, customer):
    show_id, [seat] = organiser.create_show("Not yet")
    assert "no payment account" in refused(customer.reserve(show_id, [(seat, 1)]), "payments_unavailable", 409)["detail"]
    path = f"/v1/businesses/{organiser.business_id}"
    refused(customer.post(f"{path}/stripe-account", {}), "forbidden", 403)
    refused(organiser.post(f"{path}/onboarding-link"), "payments_unavailable", 409)
    made = expect(organiser.post(f"{path}/stripe-account", {"country": "DE", "email": organiser.email}), 200)
    assert made["stripeAccount"].startswith("acct_")
    assert not made["canSell"] and made["missing"]
    again = expect(organiser.post(f"{path}/stripe-account", {}), 200)
    assert again["stripeAccount"] == made["stripeAccount"], "one account, however often it is asked for"
    problem = refused(customer.reserve(show_id, [(seat, 1)]), "payments_unavailable", 409)
    assert problem["detail"] == made["missing"], "the buyer's caller is told what the organiser is"


def test_onboarding_opens_the_sale(world, organiser, customer):
    show_id, [seat] = organiser.create_show("Soon")
    expect(organiser.post(of_business(organiser, "/stripe-account"), {"country": "DE"}), 200)
    back = onboard(world.provider, organiser, "needs_document")
    returned = page(world, back)
    assert returned.status_code == 200 and "missing" in returned.text
    business = expect(organiser.get(of_business(organiser)), 200)
    assert not business["canSell"] and "individual verification document" in business["missing"]
    refused(customer.reserve(show_id, [(seat, 1)]), "payments_unavailable", 409)
    returned = page(world, onboard(world.provider, organiser))
    assert returned.status_code == 200 and "Your account can take payments." in returned.text
    business = expect(organiser.get(of_business(organiser)), 200)
    assert business["canSell"] and business["missing"] is None
    with world.hold(customer, show_id, [(seat, 1)]) as held:
        intent = expect(customer.create_intent(held["registrationId"]), 200)
        paid = world.provider.intent(intent["paymentIntentId"])
        assert paid["transfer_data"]["destination"] == business["stripeAccount"]


def test_an_onboarding_link_is_good_once(world, organiser):
    expect(organiser.post(of_business(organiser, "/stripe-account"), {"country": "DE"}), 200)
    link = expect(organiser.post(of_business(organiser, "/onboarding-link")), 201)
    assert world.provider.session.get(link["url"], timeout=api.LIMIT_S).status_code == 200
    again = world.provider.session.get(link["url"], timeout=api.LIMIT_S, allow_redirects=False)
    assert again.status_code == 303 and "/connect/refresh?state=" in again.headers["Location"]
    onward = world.anybody.get(again.headers["Location"])
    assert onward.status_code == 303, "on to a new form"
    assert world.provider.session.get(onward.headers["Location"], timeout=api.LIMIT_S).status_code == 200


def test_the_way_to_the_payment_account_ends_with_the_sign_in(world, organiser):
    expect(organiser.post(of_business(organiser, "/stripe-account"), {"country": "DE"}), 200)

    def way_back():
        signed_in = api.sign_in(world.base_url, organiser.email, organiser.password)
        link = expect(api.Caller(world.base_url, signed_in.token).post(of_business(organiser, "/onboarding-link")), 201)
        world.provider.session.get(link["url"], timeout=api.LIMIT_S)
        again = world.provider.session.get(link["url"], timeout=api.LIMIT_S, allow_redirects=False)
        return signed_in, again.headers["Location"]

    signed_in, back = way_back()
    expect(api.Caller(world.base_url, signed_in.token).send("DELETE", "/v1/sessions/current"), 204)
    assert world.anybody.get(back).status_code == 410
    signed_in, back = way_back()
    assert world.operator.send("PUT", f"/v1/users/{organiser.user_id}/lock").status_code == 204
    assert world.anybody.get(back).status_code == 410
    assert world.operator.send("DELETE", f"/v1/users/{organiser.user_id}/lock").status_code == 204


def test_a_used_up_way_back_leads_nowhere(world, organiser):
    assert world.anybody.get(f"/connect/refresh?state={uuid.uuid4().hex}").status_code == 410
    assert world.anybody.get(f"/connect/return?businessId={uuid.uuid4()}").status_code == 404
    refused(organiser.post("/v1/connect/oauth", {"code": "ac_123", "state": uuid.uuid4().hex}), "link_used_up", 409)


def test_linking_by_oauth_is_bound_to_who_began(world, organiser):
    begun = expect(organiser.post(f"/v1/businesses/{organiser.business_id}/oauth-link"), 201)
    state = begun["url"].split("state=")[1].split("&")[0]
    stranger = sign_up(world.base_url)
    refused(stranger.post("/v1/connect/oauth", {"code": "ac_123", "state": state}), "link_used_up", 409)
    # The code is wrong, but the way back was the right one: it is the provider that refuses.
    refused_by_provider = organiser.post("/v1/connect/oauth", {"code": "ac_123", "state": state})
    assert refused_by_provider.status_code == 502, refused_by_provider.text
    refused(organiser.post("/v1/connect/oauth", {"code": "ac_123", "state": state}), "link_used_up", 409)


def test_an_account_belongs_to_one_business(world, organiser):
    body = {"stripeAccount": world.provider.connected_account}
    path = f"/v1/businesses/{organiser.business_id}/stripe-account"
    refused(organiser.send("PUT", path, body), "forbidden", 403)
    refused(world.operator.send("PUT", path, body), "account_taken", 409)


def test_the_platforms_share(world, organiser):
    path = f"/v1/businesses/{organiser.business_id}"
    refused(organiser.send("PUT", f"{path}/fees", {"fixed": 0, "percentBp": 0}), "forbidden", 403)
    set_to = expect(world.operator.send("PUT", f"{path}/fees", {"fixed": 30, "percentBp": 250, "onBehalfOf": True}), 200)
    assert set_to["fees"] == {"fixed": 30, "percentBp": 250, "chargeModel": "destination", "onBehalfOf": True}
    refused(world.operator.send("PUT", f"{path}/fees", {"fixed": 0, "percentBp": 10001}), "bad_field", 422)


def test_an_account_is_linked_on_the_page_that_the_provider_leads_back_to(world, organiser, customer):
    show_id, [seat] = organiser.create_show("Linked")
    url, state = begin(organiser)
    back = authorize(world.provider, url)
    assert back.startswith(world.base_url + "/connect/oauth?")
    came = brought_back(back)
    assert came["state"] == state
    for language, title in LANGUAGES.items():
        shown = page(world, back, **{"Accept-Language": language})
        assert shown.status_code == 200 and f"<h1>{title}</h1>" in shown.text
        assert f'data-code="{came["code"]}"' in shown.text and f'data-state="{state}"' in shown.text
    policy = shown.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; connect-src 'self';") and "unsafe" not in policy
    assert shown.headers["Cache-Control"] == "no-store" and shown.headers["Referrer-Policy"] == "no-referrer"
    refused(customer.reserve(show_id, [(seat, 1)]), "payments_unavailable", 409)

    brought = {"code": came["code"], "state": state}
    refused(customer.post("/v1/connect/oauth", brought), "link_used_up", 409)
    linked = expect(organiser.post("/v1/connect/oauth", brought), 200)
    assert linked["businessId"] == organiser.business_id and linked["canSell"]
    with world.hold(customer, show_id, [(seat, 1)]):
        pass
    refused(organiser.post("/v1/connect/oauth", brought), "link_used_up", 409)
    used = page(world, back)
    assert used.status_code == 410 and "data-code" not in used.text and "used before" in used.text
    taken = authorize(world.provider, begin(other := with_business(world.base_url))[0], "existing", linked["stripeAccount"])
    came = brought_back(taken)
    refused(other.post("/v1/connect/oauth", {"code": came["code"], "state": came["state"]}), "account_taken", 409)


def test_the_way_back_says_what_went_wrong(world, organiser):
    denied = authorize(world.provider, begin(organiser)[0], "deny")
    assert brought_back(denied)["error"] == "access_denied"
    shown = page(world, denied, **{"Accept-Language": "de"})
    assert shown.status_code == 200 and "Sie haben abgelehnt" in shown.text and "data-code" not in shown.text
    assert "?lang=fr&amp;error=access_denied" in shown.text, "another language says the same"
    other = page(world, "/connect/oauth?error=invalid_scope&error_description=Call+0800+SCAM&state=x")
    assert "connected nothing: invalid_scope." in other.text and "SCAM" not in other.text
    odd = page(world, "/connect/oauth?error=%3Cscript%3E&state=x")
    assert "connected nothing: error." in odd.text and "<script>" not in odd.text
    state = begin(organiser)[1]
    for query in ("", "?code=ac_1", f"?state={state}", f"?code=ac_1&state={state}x", f"?code=ac_1&state={uuid.uuid4().hex}"):
        assert page(world, "/connect/oauth" + query).status_code == 410, query
    assert page(world, f"/connect/oauth?code=ac_1&state={state}").status_code == 200


def test_an_account_that_disconnects_closes_the_sale(world, organiser, customer):
    show_id, [seat] = organiser.create_show("Gone")
    url, _ = begin(organiser)
    client_id = brought_back(url)["client_id"]
    came = brought_back(authorize(world.provider, url))
    account = expect(organiser.post("/v1/connect/oauth", {"code": came["code"], "state": came["state"]}), 200)["stripeAccount"]
    with world.hold(customer, show_id, [(seat, 1)]):
        pass
    deauthorize(world.provider, client_id, account)
    business = wait_until_closed(organiser)
    assert business["stripeAccount"] == account and "disconnected" in business["missing"]
    assert refused(customer.reserve(show_id, [(seat, 1)]), "payments_unavailable", 409)["detail"] == business["missing"]
    again = organiser.post(of_business(organiser, "/stripe-account/refresh"))
    assert again.status_code == 502, "the provider does not let us see it any more"
    refused(customer.reserve(show_id, [(seat, 1)]), "payments_unavailable", 409)

    # The same account, linked again, opens the sale again.
    came = brought_back(authorize(world.provider, begin(organiser)[0], "existing", account))
    assert expect(organiser.post("/v1/connect/oauth", {"code": came["code"], "state": came["state"]}), 200)["canSell"]
    with world.hold(customer, show_id, [(seat, 1)]):
        pass
    deauthorize(world.provider, client_id, account)
    wait_until_closed(organiser)
    # And so does a new one.
    made = expect(organiser.post(of_business(organiser, "/stripe-account"), {"country": "DE"}), 200)
    assert made["stripeAccount"] != account and not made["canSell"]
    page(world, onboard(world.provider, organiser))
    with world.hold(customer, show_id, [(seat, 1)]):
        pass


def test_only_the_connect_endpoints_secret_closes_a_sale(serve, tmp_path):
    running = serve("--sandbox")
    told = servers.wait_for_file(running.data / "sandbox.json", running.process, servers.START_LIMIT_S)
    provider = api.Provider(running.base_url, {**told, "connectedAccount": ""})
    organiser, customer = with_business(running.base_url), sign_up(running.base_url)
    show_id, [seat] = organiser.create_show("Signed")
    account = expect(organiser.post(of_business(organiser, "/stripe-account"), {"country": "DE"}), 200)["stripeAccount"]
    assert api.Caller(running.base_url).get(onboard(provider, organiser)).status_code == 200
    expect(customer.reserve(show_id, [(seat, 1)]), 201)
    time.sleep(2 * servers.SLOWNESS)  # what the account's own events asked for is done: it would find the account gone
    # The provider's own message is kept back, so that it is ours that closes the sale.
    control = {"Authorization": f"Bearer {told['secretKey']}"}
    assert provider.session.post(told["apiBase"] + "/__sbx/hold", headers=control, timeout=api.LIMIT_S).status_code == 200
    deauthorize(provider, told["clientId"], account)
    event = provider.event("account.application.deauthorized", {"id": told["clientId"], "object": "application"}, account=account)
    payload = json.dumps(event).encode()

    def deliver(secret, path):
        at, mac = provider.signature(payload, secret=secret)
        return provider.deliver(payload, f"t={at},v1={mac}", path).status_code

    assert deliver(told["webhookSecret"], "/payments/webhook/connect") == 400
    assert deliver(told["connectWebhookSecret"], "/payments/webhook") == 400
    expect(customer.reserve(show_id, [(seat, 1)]), 201)
    assert deliver(told["connectWebhookSecret"], "/payments/webhook/connect") == 200
    assert "disconnected" in refused(customer.reserve(show_id, [(seat, 1)]), "payments_unavailable", 409)["detail"]


def test_coming_back_asks_the_provider_once_a_minute_whoever_opens_it(world):
    organiser = with_business(world.base_url)
    account = expect(organiser.post(of_business(organiser, "/stripe-account"), {}), 200)["stripeAccount"]

    def asked():
        reply = world.provider.session.get(f"{world.provider.api_base}/__sbx/timeline", params={"subject": account}, timeout=30,
                                           headers={"Authorization": f"Bearer {world.provider.secret_key}"})
        calls = expect(reply, 200)["calls"]
        return sum(call["method"] == "GET" and call["path"] == f"/v1/accounts/{account}" for call in calls)

    before = asked()
    path = f"/connect/return?businessId={organiser.business_id}"
    for language, words in (("en", "Something is still missing"), ("de", "Es fehlt noch etwas"), ("pl", "Czegoś jeszcze brakuje")):
        for _ in range(10):
            shown = page(world, path, **{"Accept-Language": language})
            assert shown.status_code == 200 and words in shown.text and f'lang="{language}"' in shown.text
    assert asked() - before <= 1
    assert page(world, f"/connect/return?businessId={uuid.uuid4()}").status_code == 404
    used = page(world, "/connect/refresh?state=nothing", **{"Accept-Language": "fr"})
    assert used.status_code == 410 and 'lang="fr"' in used.text and "Revenez" in used.text
