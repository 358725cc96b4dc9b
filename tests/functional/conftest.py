import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import server as servers  # noqa: E402
from installation import world  # noqa: E402, F401


@pytest.fixture(scope="module")
def open_show(world):
    """A show of this module, doors open: (show id, paid tier, free tier)."""
    show_id, tiers = world.organiser.create_show(
        "Doors open", tiers=[{"name": "Seat", "price": 2500}, {"name": "Guest", "price": 0}])
    return show_id, tiers[0], tiers[1]


@pytest.fixture(scope="module")
def gate(world, open_show):
    return world.gate(open_show[0])


@pytest.fixture
def customer(world):
    return world.customer()


@pytest.fixture
def serve(tmp_path):
    """Starts `admit serve` (or another command) on a folder of its own, or on `data`; stopped when the test ends."""
    running = []

    def start(*arguments, command="serve", data=None, **more):
        one = servers.Server(command, data or tmp_path / "data", arguments=arguments, **more)
        running.append(one)
        return one

    yield start
    for one in running:
        if one.process.poll() is None:
            one.stop()
