"""The master key: where it may come from, what is refused, and that rotation keeps what is printed good."""

import re
import secrets
import stat
import subprocess

import server as servers
from api import Caller, expect, sign_in

KEY = "".join(f"{byte:02x}" for byte in range(32))


def start_and_stop(serve, data, **settings):
    running = serve("--sandbox", data=data, **settings)
    assert Caller(running.base_url).get("/readyz").status_code == 200
    assert running.stop() == 0
    assert KEY not in running.output
    return running


def refused(data, **settings):
    done = servers.run("serve", "--data", data, "--listen", "127.0.0.1:0", "--sandbox", **settings)
    assert done.returncode == 2, done.stdout + done.stderr
    assert KEY not in done.stdout + done.stderr
    return done.stderr


def test_each_place_of_the_key_opens_the_same_folder(serve, tmp_path):
    data = tmp_path / "data"
    start_and_stop(serve, data, ADMIT_MASTER_KEY=KEY)
    assert not (data / "master.key").exists()
    file = tmp_path / "key"
    file.write_text(KEY + "\n", encoding="ascii")
    file.chmod(0o600)
    start_and_stop(serve, data, ADMIT_MASTER_KEY_FILE=str(file))
    start_and_stop(serve, data, ADMIT_MASTER_KEY_COMMAND=f"cat,{file}")
    (data / "master.key").write_text(KEY, encoding="ascii")
    (data / "master.key").chmod(0o600)
    start_and_stop(serve, data)
    # A configuration file has the words of the command apart.
    config = tmp_path / "admit.toml"
    config.write_text(f'master_key_command = ["sh", "-c", "cat {file}"]\n', encoding="utf-8")
    running = serve("--sandbox", "--config", config, data=data)
    assert running.stop() == 0


def test_another_key_or_none_is_told_before_anything_is_written(serve, tmp_path):
    data = tmp_path / "data"
    start_and_stop(serve, data, ADMIT_MASTER_KEY=KEY)
    assert "not the one this data folder was made with" in refused(data, ADMIT_MASTER_KEY=secrets.token_hex(32))
    assert "missing though keys exist" in refused(data)
    assert not (data / "master.key").exists()
    file = tmp_path / "key"
    file.write_text(KEY, encoding="ascii")
    file.chmod(0o644)
    assert "chmod 600" in refused(data, ADMIT_MASTER_KEY_FILE=str(file))
    assert "cannot open the master key" in refused(data, ADMIT_MASTER_KEY_FILE=str(tmp_path / "nothing"))
    assert "one of master_key" in refused(data, ADMIT_MASTER_KEY=KEY, ADMIT_MASTER_KEY_FILE=str(file))
    assert "failed" in refused(data, ADMIT_MASTER_KEY_COMMAND="false")
    assert "prints no key" in refused(data, ADMIT_MASTER_KEY_COMMAND="echo,nothing")
    assert "cannot be run" in refused(data, ADMIT_MASTER_KEY_COMMAND="/nonexistent/program")
    start_and_stop(serve, data, ADMIT_MASTER_KEY=KEY)


def test_the_first_start_makes_a_key_for_its_owner_alone(serve, tmp_path):
    data = tmp_path / "data"
    running = serve("--sandbox", data=data)
    assert running.stop() == 0
    file = data / "master.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text(encoding="ascii").strip() not in running.output
    assert re.fullmatch(r"[0-9a-f]{64}\n", file.read_text(encoding="ascii"))


def test_rotation_keeps_printed_tickets_good(world, open_show, gate):
    before = world.customer()
    _, old = world.buy(before, open_show[0], [(open_show[2], 1)])
    rotated = expect(world.operator.post("/v1/keys/rotate", {}), 200)
    assert rotated
    _, new = world.buy(world.customer(), open_show[0], [(open_show[2], 1)])
    code = expect(before.get("/userQRcodes"), 200)
    digits = re.search(r"\d{100,}", str(code)).group()
    assert gate.scan(digits)["valid"] is True
    assert old and new


def test_there_is_no_operator_until_one_is_made(serve, tmp_path):
    data = tmp_path / "data"
    running = serve("--sandbox", data=data)
    anybody = Caller(running.base_url)
    for email, password in (("admin@example.com", "admin"), ("admin", "admin"), ("root@localhost", "password"), ("operator@example.com", "")):
        assert anybody.post("/v1/sessions", {"email": email, "password": password}).status_code in (401, 422)
    assert running.stop() == 0

    def make(password):
        return subprocess.run([str(servers.BINARY), "operator", "--data", str(data), "--email", "ada@example.com"],
                              input=password + "\n", capture_output=True, text=True, env=servers.environment(), timeout=60)

    assert make("").returncode == 2 and make("short").returncode == 2
    password = "canary " + secrets.token_hex(8)
    made = make(password)
    assert made.returncode == 0 and password not in made.stdout + made.stderr
    running = serve("--sandbox", data=data)
    operator = sign_in(running.base_url, "ada@example.com", password)
    assert operator.get("/v1/audit").status_code == 200
