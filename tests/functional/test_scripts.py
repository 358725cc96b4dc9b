"""What the documents tell people to run."""

import json
import os
import subprocess
import sys

import pytest

import server as servers


def test_smoke_walks_its_ten_checks(world):
    done = subprocess.run([servers.ROOT / "scripts" / "smoke.sh", world.base_url, world.server.data / "demo.json"],
                          capture_output=True, text=True, timeout=120 * servers.SLOWNESS, stdin=subprocess.DEVNULL)
    lines = [line for line in done.stdout.splitlines() if line.startswith(("PASS", "FAIL"))]
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(lines) == 10 and all(line.startswith("PASS") for line in lines), done.stdout


def test_the_commands_by_hand_of_the_readme_run_as_one_script(serve, tmp_path):
    readme = (servers.ROOT / "README.md").read_text(encoding="utf-8")
    script = readme.split("## By hand")[1].split("```sh\n")[1].split("```")[0]
    assert "DEMO=data/demo/demo.json\n" in script
    running = serve(command="demo", data=tmp_path / "data" / "demo")
    servers.wait_for_file(tmp_path / "data" / "demo" / "demo.json", running.process, servers.START_LIMIT_S * 2)
    done = subprocess.run(["bash", "-eu", "-c", script], cwd=tmp_path, capture_output=True, text=True,
                          timeout=60 * servers.SLOWNESS, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "ticket.pdf").read_bytes().startswith(b"%PDF-")
    decision = json.loads(done.stdout.splitlines()[-1])
    assert decision["valid"] and decision["ticket"]["holder"] == "Ada Example", done.stdout
    running.stop()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(servers.PRESET != "release", reason="takes its five minutes on the release build only")
def test_the_server_is_as_its_openapi_document_says(serve, tmp_path):
    """Real ids and tokens are offered as examples; no 5xx but a documented 501 or 503, every answer as documented."""
    running = serve(command="demo")
    demo = running.data / "demo.json"
    servers.wait_for_file(demo, running.process, servers.START_LIMIT_S * 2)
    done = subprocess.run(
        [sys.executable, servers.ROOT / "tests" / "functional" / "conform.py", running.base_url, demo, tmp_path / "report.json"],
        capture_output=True, text=True, timeout=560, stdin=subprocess.DEVNULL, env=dict(os.environ))
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
    assert running.stop() == 0
    running.assert_clean()
