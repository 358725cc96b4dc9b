"""The pages as they are drawn: what stands in them without scripts, in which language, how safe, how accessible."""

import datetime
import json
import re

import api
import pytest
import requests

LANGUAGES = {"en": "Tickets", "de": "Tickets", "fr": "Billets", "es": "Entradas", "pl": "Bilety"}


def page(world, path, **headers):
    return requests.get(world.base_url + path, headers={"Accept": "text/html", **headers}, timeout=api.LIMIT_S,
                        allow_redirects=False)


def test_reads_without_scripts(world, show):
    shown = page(world, f"/shows/{show[0]}", **{"Accept-Language": "de-DE,de;q=0.9"})
    assert shown.status_code == 200
    assert shown.headers["Content-Type"] == "text/html; charset=utf-8"
    for words in ('<html lang="de">', "Nachts im Museum", "Old Mill", "Parkett", "25,00", "1,50", "Europe/Berlin", "kostenlos",
                  "Bring a jumper.", "<noscript>"):
        assert words in shown.text, words


@pytest.mark.parametrize("language", LANGUAGES)
def test_speaks_the_language_asked_for(world, show, language):
    for path, headers in ((f"/shows/{show[0]}?lang={language}", {}), (f"/shows/{show[0]}", {"Accept-Language": language})):
        shown = page(world, path, **headers).text
        assert f'<html lang="{language}">' in shown
        assert f"<legend>{LANGUAGES[language]}</legend>" in shown
        words = json.loads(re.search(r'data-words="([^"]*)"', shown).group(1).replace("&quot;", '"').replace("&amp;", "&")
                           .replace("&#39;", "'").replace("&apos;", "'"))
        assert words["fees"]


def test_front_page_lists_what_is_on_sale_and_nothing_else(world, show):
    organiser = world.organiser
    draft, _ = organiser.create_show("Only a draft", publish=False)
    over, _ = organiser.create_show("Long over", saleUntil=(api.utc_now() - datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    later, _ = organiser.create_show("Next year", opens_in_s=200 * 86400, closes_in_s=201 * 86400)
    # The list is read again after two seconds.
    until = api.utc_now() + datetime.timedelta(seconds=20)
    while later not in (text := page(world, "/").text):
        assert api.utc_now() < until, text
    assert show[0] in text and draft not in text and over not in text
    assert text.index(show[0]) < text.index(later)


def test_front_door_stays_json_for_programs(world):
    about = api.expect(world.anybody.get("/"), 200)
    assert about["name"] == "Admit"


def test_what_a_title_holds_is_text(world):
    evil = '<script>alert(1)</script>"\'><img src=x onerror=alert(1)>{{t.home}}'
    show_id, _ = world.organiser.create_show(evil, venue=evil[:90], conditions=evil, tiers=[{"name": evil[:40], "price": 0}])
    shown = page(world, f"/shows/{show_id}").text
    assert "<script>alert" not in shown and "<img src=x" not in shown
    assert "&lt;script&gt;alert(1)&lt;" in shown
    assert "{{t.home}}" in shown
    listed = page(world, f"/shows/{show_id}/calendar.ics")
    assert listed.headers["Content-Type"].startswith("text/calendar")


@pytest.mark.parametrize("path", ["/shows/nothing", "/shows/0190f1c2-7b00-7000-8000-000000000000", "/checkout/x",
                                  "/orders/0190f1c2-7b00-7000-8000-000000000000"])
def test_nothing_there_is_a_page_too(world, path):
    shown = page(world, path, **{"Accept-Language": "fr"})
    assert shown.status_code == 404
    assert shown.headers["Content-Type"].startswith("text/html")
    assert "Introuvable" in shown.text


def test_a_draft_is_not_shown(world):
    draft, _ = world.organiser.create_show("Secret plan", publish=False)
    assert page(world, f"/shows/{draft}").status_code == 404
    assert page(world, f"/shows/{draft}/calendar.ics").status_code == 404


def test_policy_is_strict_and_opens_for_the_payment_form_only(world, show):
    customer = world.customer()
    held = api.expect(customer.reserve(show[0], [(show[1]["paid"], 1)]), 201)
    script = api.expect(world.anybody.get("/v1/config"), 200)["paymentScript"]
    origin = re.match(r"https?://[^/]+", script).group(0)
    for path in ("/", f"/shows/{show[0]}", f"/checkout/{held['registrationId']}", f"/orders/{held['registrationId']}"):
        shown = page(world, path)
        policy = dict(part.strip().split(" ", 1) for part in shown.headers["Content-Security-Policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["frame-ancestors"] == "'none'" and policy["base-uri"] == "'none'"
        assert not any("unsafe" in sources or "*" in sources for sources in policy.values()), policy
        assert (origin in policy["script-src"]) == path.startswith("/checkout/")
        assert shown.headers["Referrer-Policy"] == "no-referrer"
        assert shown.headers["X-Content-Type-Options"] == "nosniff"
        is_private = path.startswith(("/checkout/", "/orders/"))
        assert (shown.headers["Cache-Control"] == "no-store") == is_private
        # Nothing of the order stands in a page that anybody can ask for.
        for secret in (customer.email, "Ada Example", customer.user_id):
            assert secret not in shown.text
        assert not re.search(r"<script(?![^>]*\ssrc=)[^>]*>|<style|\sstyle=|\son[a-z]+=", shown.text)
    customer.cancel(held["registrationId"])


def test_files_are_kept_by_the_browser_under_their_version_only(world):
    link = re.search(r'href="(/assets/[^"]+/style\.css)"', page(world, "/").text).group(1)
    kept = page(world, link)
    assert kept.headers["Content-Type"].startswith("text/css") and "immutable" in kept.headers["Cache-Control"]
    other = page(world, "/assets/other/style.css")
    assert other.status_code == 200 and other.headers["Cache-Control"] == "no-store"
    for path in ("words.json", "head.mustache", "..%2fwords.json", "nothing.js"):
        assert page(world, f"/assets/other/{path}").status_code == 404


def test_no_page_is_a_load(shopper, show):
    """All that a page brings over the network, scripts and styles with it."""
    visitor = shopper()
    sizes = []
    visitor.page.on("response", lambda reply: sizes.append(len(reply.body())))
    visitor.visit(f"/shows/{show[0]}")
    visitor.page.wait_for_load_state("networkidle")
    assert 3 <= len(sizes) <= 8 and sum(sizes) < 40_000, sizes


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1100])
def test_accessible_at_every_width_and_in_the_dark(shopper, world, show, scheme, width):
    visitor = shopper(viewport={"width": width, "height": 800}, color_scheme=scheme, locale="de-DE")
    paths = {"shows": "/", "show": f"/shows/{show[0]}", "absent": "/shows/nothing"}
    visitor.allow("404")
    for name, path in paths.items():
        visitor.visit(path)
        visitor.shoot(f"{name}-{width}-{scheme}")
        assert not visitor.violations()
        overflow = visitor.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, f"{name} is {overflow} px too wide"
        for box in visitor.page.locator("button:visible, input:visible, .button:visible, footer a:visible, summary:visible").all():
            size = box.bounding_box()
            assert size["height"] >= 44 and size["width"] >= 44, (name, size, box.evaluate("e => e.outerHTML"))


def test_works_by_keyboard_alone(shopper, show):
    visitor = shopper()
    visitor.visit(f"/shows/{show[0]}")
    visitor.page.keyboard.press("Tab")
    assert visitor.page.evaluate("document.activeElement.className") == "skip"
    visitor.page.locator("li.tier input").first.focus()
    visitor.page.keyboard.press("ArrowUp")
    visitor.page.keyboard.press("ArrowUp")
    assert visitor.page.locator("#total").inner_text() == "€53.00"
    visitor.page.locator("#name").focus()
    visitor.page.keyboard.type("Ada")
    visitor.page.keyboard.press("Tab")
    visitor.page.keyboard.type("not an address")
    visitor.page.keyboard.press("Enter")
    assert "e-mail" in visitor.fault()
    assert visitor.page.evaluate("document.activeElement.id") == "email"
    assert visitor.page.locator("#email").get_attribute("aria-invalid") == "true"


def test_right_to_left_has_nothing_on_the_wrong_side(shopper, world):
    show_id, _ = world.organiser.create_show("ليلة في المتحف", venue="المتحف القديم", language="ar",
                                             tiers=[{"name": "مقعد", "price": 1000}])
    visitor = shopper(viewport={"width": 360, "height": 800})
    visitor.visit(f"/shows/{show_id}")
    title = visitor.page.locator("h1")
    assert title.get_attribute("lang") == "ar"
    assert title.evaluate("e => getComputedStyle(e).direction") == "rtl"
    visitor.page.evaluate("document.documentElement.dir = 'rtl'")
    visitor.shoot("show-360-rtl")
    assert visitor.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
