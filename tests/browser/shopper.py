"""What a buyer does with the pages. Selectors stand here and nowhere else."""

import io
import os
import pathlib
import re

import zxingcpp
from PIL import Image

CARDS = {
    "good": "4242424242424242",
    "declined": "4000000000000002",
    "no_funds": "4000000000009995",
    "challenge": "4000002760003184",
    "slow": "4000000000007106",
}
LIMIT_MS = 30_000
# What the browser says of a refusal that a test provokes.
REFUSED = "the server responded with a status of (402|409|401|403)"
SHOTS = os.environ.get("ADMIT_SCREENSHOTS")


class Shopper:
    def __init__(self, chromium, world, **context):
        context.setdefault("locale", "en-GB")
        context.setdefault("viewport", {"width": 1100, "height": 900})
        self.world = world
        self.context = chromium.new_context(**context)
        self.context.set_default_timeout(LIMIT_MS)
        self.page = self.context.new_page()
        self.complaints = []
        self.page.on("console", lambda message: message.type in ("error", "warning") and self._complain(message))
        self.page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        self.allowed = []

    def _complain(self, message):
        self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def close(self):
        self.context.close()

    def allow(self, pattern):
        """A complaint that the test provokes, such as the browser's line about a refused request."""
        self.allowed.append(re.compile(pattern))

    def assert_content(self):
        left = [text for text in self.complaints if not any(pattern.search(text) for pattern in self.allowed)]
        assert not left, "\n".join(left)

    def shoot(self, name):
        if SHOTS:
            pathlib.Path(SHOTS).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)

    def visit(self, path):
        url = path if path.startswith("http") else self.world.base_url + path
        return self.page.goto(url)

    def violations(self, besides=()):
        """What axe-core finds wrong for people who see, hear or move differently. `besides`: parts that are not ours."""
        from axe_playwright_python.sync_playwright import Axe

        rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
        context = {"exclude": [[part] for part in besides]} if besides else None
        found = Axe().run(self.page, context=context, options=rules).response["violations"]
        return [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found]

    # The show's page.

    def choose(self, tier, count):
        row = self.page.locator("li.tier", has_text=tier)
        for _ in range(count):
            row.get_by_role("button").last.click()

    def say_who(self, email="guest@example.com", name="Gesa Gast"):
        self.page.locator("#name").fill(name)
        self.page.locator("#email").fill(email)

    def reserve(self):
        self.page.locator("#order [type=submit]").click()

    def hold(self, show_id, tier="Parkett", count=1, **more):
        """From the show's page to the checkout; returns the registration's id."""
        self.visit(f"/shows/{show_id}")
        self.choose(tier, count)
        self.say_who(**more)
        self.reserve()
        self.page.wait_for_url("**/checkout/*")
        self.page.locator("#submit:not([disabled])").wait_for()
        return self.registration()

    def registration(self):
        return re.search(r"/(?:checkout|orders)/([0-9a-f-]{36})", self.page.url).group(1)

    # The checkout.

    def fill_card(self, card):
        self.page.locator("#sbx-card-number").fill(CARDS[card])
        self.page.locator("#sbx-card-expiry").fill("12 / 34")
        self.page.locator("#sbx-card-cvc").fill("123")

    def pay(self, card="good"):
        self.fill_card(card)
        self.page.locator("#submit").click()

    def fault(self):
        box = self.page.locator("#fault")
        box.wait_for()
        return box.inner_text()

    # The order.

    def wait_for_tickets(self, count=1):
        self.page.wait_for_url("**/orders/*")
        self.page.locator("#tickets .ticket img[src]").nth(count - 1).wait_for()
        assert self.page.locator("#tickets .ticket").count() == count

    def scanned(self, image):
        """The code in a picture of the page."""
        image.scroll_into_view_if_needed()
        found = zxingcpp.read_barcodes(Image.open(io.BytesIO(image.screenshot())))
        assert len(found) == 1, found
        return found[0].text

    def session(self, registration_id):
        """What the tab keeps of its buyer."""
        return self.page.evaluate("key => JSON.parse(sessionStorage.getItem(key))", f"admit:{registration_id}")
