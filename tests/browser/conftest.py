"""A real browser (Debian's Chromium) in front of a real installation."""

import os
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "functional"))

from installation import world  # noqa: E402, F401
from shopper import Shopper  # noqa: E402

CHROMIUM = shutil.which("chromium")


def pytest_collection_modifyitems(items):
    here = pathlib.Path(__file__).parent
    for item in items:
        if CHROMIUM is None and here in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="chromium is not installed: make deps-test"))


@pytest.fixture(scope="session")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Chromium's own sandbox wants rights that root in a container has not.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield browser
        browser.close()


@pytest.fixture
def shopper(chromium, world, request):
    """Somebody at a browser of their own; what the browser complains of fails the test."""
    people = []

    def open_browser(**more):
        one = Shopper(chromium, world, **more)
        people.append(one)
        return one

    yield open_browser
    for one in people:
        one.close()
    if not getattr(request.node, "failed", False):
        for one in people:
            one.assert_content()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call":
        item.failed = report.failed


@pytest.fixture(scope="module")
def show(world):
    """(show id, {name: tier id}) with a paid tier with fee and tax, and a free one."""
    show_id, tiers = world.organiser.create_show(
        "Nachts im Museum", zone="Europe/Berlin", accent="#7a1f3d", conditions="No re-entry.\nBring a jumper.",
        maxLiveHoldsPerAddress=1000,
        tiers=[{"name": "Parkett", "price": 2500, "fee": 150, "taxRate": 700}, {"name": "Helferin", "price": 0}])
    return show_id, dict(zip(("paid", "free"), tiers))
