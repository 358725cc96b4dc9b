"""The installation that the tests of a run share."""

import api
import pytest
import server as servers


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """One installation for the whole run, started by `admit demo` as a newcomer would. Stopped and checked at the end."""
    data = tmp_path_factory.mktemp("world") / "data"
    running = servers.Server("demo", data)
    try:
        demo = servers.wait_for_file(data / "demo.json", running.process, servers.START_LIMIT_S * 2)
        yield api.World(running, demo)
    except BaseException:
        running.kill()
        raise
    code = running.stop()
    assert code == 0, f"ended with {code}:\n{running.output[-3000:]}"
    running.assert_clean()
    checked = servers.run("verify", "--data", data)
    assert checked.returncode == 0, checked.stdout + checked.stderr
