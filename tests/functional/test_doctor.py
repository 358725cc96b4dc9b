"""`admit doctor` finds each fault by itself and says what to do; `admit stripe check` and `admit frontend-env`."""

import contextlib
import email.utils
import http.server
import json
import os
import re
import sqlite3
import threading
import time

import mail_server
import pytest
import requests
import sandbox_lab
import server as servers

FAULT = "FAULT  "


class Proxy:
    """Passes requests on to `target` as they are, except for what `on_request` (body, headers -> body) and `on_reply`
    (path, status, headers, body -> the same three) do with them. `on_reply` may answer instead of asking."""

    def __init__(self, target, on_request=None, on_reply=None, skew_s=0, answer=None):
        session = requests.Session()
        session.trust_env = False

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name: value for name, value in self.headers.items()
                           if name.lower() not in ("host", "content-length", "connection", "accept-encoding")}
                if answer:
                    status, reply_headers, reply = answer
                else:
                    if on_request:
                        body = on_request(body, headers)
                    got = session.request(self.command, target + self.path, data=body, headers=headers,
                                          allow_redirects=False, timeout=30)
                    status, reply = got.status_code, got.content
                    reply_headers = {"Content-Type": got.headers.get("Content-Type", "text/plain")}
                    if on_reply:
                        reply = on_reply(self.path, reply)
                self.send_response_only(status)
                self.send_header("Date", email.utils.formatdate(time.time() + skew_s, usegmt=True))
                for name, value in {**reply_headers, "Content-Length": str(len(reply))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply)

            do_GET = do_POST = do

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """A running server with the sandbox, healthy; for tests that change nothing of it."""
    running = servers.Server("serve", tmp_path_factory.mktemp("office") / "data", arguments=["--sandbox"])
    running.told = servers.wait_for_file(running.data / "sandbox.json", running.process, servers.START_LIMIT_S)
    yield running
    assert running.stop() == 0
    running.assert_clean()


def doctor(running, public_url=None, arguments=("--sandbox",), **more):
    listen = running.base_url.removeprefix("http://")
    return servers.run("doctor", *arguments, "--data", running.data, "--listen", listen,
                       "--public-url", public_url or running.base_url, **more)


def keys(told, **more):
    """The sandbox's keys as one gives those of the real provider."""
    return {"ADMIT_STRIPE_API_BASE": told["apiBase"], "STRIPE_SECRET_KEY": told["secretKey"],
            "STRIPE_PUBLISHABLE_KEY": told["publishableKey"], "STRIPE_WEBHOOK_SECRET": told["webhookSecret"],
            "STRIPE_CONNECT_WEBHOOK_SECRET": told["connectWebhookSecret"], **more}


def faults(ended):
    return [line for line in ended.stdout.splitlines() if line.startswith(FAULT)]


def finds(ended, what, *parts):
    """Exit 1, and among the faults one of `what` that says all `parts`, with what to do below it."""
    assert ended.returncode == 1, ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()
    found = [at for at, line in enumerate(lines) if line.startswith(f"{FAULT}{what}: ")]
    assert found, ended.stdout
    assert all(part in lines[found[0]] for part in parts), lines[found[0]]
    assert lines[found[0] + 1].startswith("       do: ") and len(lines[found[0] + 1]) > 20, ended.stdout
    return lines[found[0] + 1]


def finds_only(ended, what, *parts):
    remedy = finds(ended, what, *parts)
    assert len(faults(ended)) == 1, ended.stdout
    return remedy


def test_a_healthy_installation_has_no_fault_and_keeps_the_test_event_as_ignored(office):
    with Proxy(office.base_url) as proxy:
        ended = doctor(office, proxy.url)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        lines = ended.stdout.splitlines()
        for what in ("master key", "database", "sealing key", "fonts", "key", "endpoint", "mode", "webhook",
                     "endpoint for connected accounts", "webhook for connected accounts", "clock, public URL"):
            assert any(line.startswith(f"ok     {what}: ") for line in lines), (what, ended.stdout)
    secrets = {value for name, value in office.told.items() if "ecret" in name}
    assert not any(secret in ended.stdout + ended.stderr for secret in secrets)
    with contextlib.closing(sqlite3.connect(f"file:{office.data}/admit.db?mode=ro", uri=True)) as db:
        kept = db.execute("select distinct status from inbox_event where type = 'admit.self_test'").fetchall()
    assert kept == [("ignored",)]


def test_a_body_that_is_written_again_on_the_way_is_told_from_a_wrong_secret(office):
    def rewrite(body, headers):
        return json.dumps(json.loads(body)).encode() if body else body

    with Proxy(office.base_url, on_request=rewrite) as proxy:
        remedy = finds(doctor(office, proxy.url), "webhook", "changed on the way")
        assert "proxy" in remedy


def test_a_body_that_only_lost_its_last_line_end_is_found(office):
    with Proxy(office.base_url, on_request=lambda body, headers: body.rstrip()) as proxy:
        finds(doctor(office, proxy.url), "webhook for connected accounts", "changed on the way")


def test_a_signature_header_that_the_proxy_drops_is_found(office):
    def drop(body, headers):
        headers.pop("Stripe-Signature", None)
        return body

    with Proxy(office.base_url, on_request=drop) as proxy:
        finds(doctor(office, proxy.url), "webhook", "Stripe-Signature is changed on the way")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_found_with_where_to(office, status):
    with Proxy("", answer=(status, {"Location": "https://www.example.com/payments/webhook"}, b"")) as proxy:
        remedy = finds(doctor(office, proxy.url), "webhook", f"({status})", "https://www.example.com/payments/webhook")
        assert "redirects" in remedy


def test_somebody_else_who_answers_the_webhook_is_found(office):
    with Proxy("", answer=(200, {}, b"<html>It works!</html>")) as proxy:
        finds(doctor(office, proxy.url), "webhook", "somebody else")


def test_a_path_that_is_not_passed_on_is_found(office):
    with Proxy("", answer=(404, {}, b"")) as proxy:
        assert "/payments/webhook" in finds(doctor(office, proxy.url), "webhook", "404")


def test_a_public_url_where_nobody_answers_is_found(office):
    with Proxy("") as proxy:
        url = proxy.url
    finds(doctor(office, url), "webhook", "cannot be reached")


@pytest.mark.parametrize("skew_s, word", [(120, "ahead"), (-120, "behind")])
def test_a_public_clock_that_is_off_is_found(office, skew_s, word):
    with Proxy(office.base_url, skew_s=skew_s) as proxy:
        assert "NTP" in finds_only(doctor(office, proxy.url), "clock, public URL", word)


def test_a_clock_that_differs_from_the_provider_is_found(office):
    with Proxy(office.told["apiBase"], skew_s=90) as provider:
        ended = doctor(office, arguments=(), **keys(office.told, ADMIT_STRIPE_API_BASE=provider.url))
        assert "NTP" in finds(ended, "clock, provider", "ahead")


def test_a_clock_that_is_off_by_less_is_fine(office):
    with Proxy(office.base_url, skew_s=40) as proxy:
        assert doctor(office, proxy.url).returncode == 0


@pytest.mark.parametrize("name, what", [("STRIPE_WEBHOOK_SECRET", "webhook"),
                                        ("STRIPE_CONNECT_WEBHOOK_SECRET", "webhook for connected accounts")])
def test_a_wrong_secret_is_found(office, name, what):
    ended = doctor(office, arguments=(), **keys(office.told, **{name: "whsec_of_another_endpoint"}))
    finds(ended, what, "also without the proxy")
    assert "whsec_of_another_endpoint" not in ended.stdout + ended.stderr


def test_a_server_in_another_mode_is_found(office):
    finds(doctor(office, arguments=(), **keys(office.told)), "mode", "mode sandbox", "mode test")


def test_a_live_key_beside_test_ones_is_found(office):
    live = {"STRIPE_SECRET_KEY": "sk_live_forty_two"}
    ended = doctor(office, arguments=(), **keys(office.told, **live, STRIPE_PUBLISHABLE_KEY=""))
    finds(ended, "public URL", "https")
    finds(ended, "key", "does not know this secret key")
    finds(ended, "mode", "mode live")
    ended = doctor(office, arguments=(), **keys(office.told, **live))
    assert ended.returncode == 2 and "one of the two Stripe keys is live" in ended.stderr
    assert "forty_two" not in ended.stdout + ended.stderr


def test_a_key_that_the_provider_does_not_know_is_found(office):
    ended = doctor(office, arguments=(), **keys(office.told, STRIPE_SECRET_KEY="sk_test_of_nobody"))
    finds(ended, "key", "does not know this secret key")
    assert "of_nobody" not in ended.stdout + ended.stderr


def change_endpoints(change):
    """Applied to each webhook endpoint as the provider lists it."""
    def on_reply(path, body):
        if not path.startswith("/v1/webhook_endpoints"):
            return body
        listed = json.loads(body)
        for endpoint in listed["data"]:
            endpoint.update(change(endpoint))
        return json.dumps(listed).encode()
    return on_reply


@pytest.mark.parametrize("change, parts", [
    (lambda endpoint: {"api_version": "2020-08-27"}, ["sends version 2020-08-27", "we read 2026-10-28.endive"]),
    (lambda endpoint: {"api_version": None}, ["the account's default"]),
    (lambda endpoint: {"status": "disabled"}, ["is disabled"]),
    (lambda endpoint: {"livemode": True}, ["live mode"]),
    (lambda endpoint: {"enabled_events": ["payment_intent.succeeded"]},
     ["is not sent", "payment_intent.payment_failed", "charge.dispute.created"]),
    (lambda endpoint: {"url": "https://elsewhere.example.com/payments/webhook"}, ["none of the provider's"]),
])
def test_an_endpoint_that_is_not_as_we_need_it_is_found(office, change, parts):
    with Proxy(office.told["apiBase"], on_reply=change_endpoints(change)) as provider:
        finds(doctor(office, arguments=(), **keys(office.told, ADMIT_STRIPE_API_BASE=provider.url)), "endpoint", *parts)


def test_each_kind_of_endpoint_needs_its_own_types(office):
    def of_accounts(endpoint):
        return {"enabled_events": ["account.updated", "account.application.deauthorized", "payout.failed"]}

    with Proxy(office.told["apiBase"], on_reply=change_endpoints(of_accounts)) as provider:
        settings = keys(office.told, ADMIT_STRIPE_API_BASE=provider.url)
        ended = doctor(office, arguments=(), **settings)
        finds(ended, "endpoint", "is not sent", "payment_intent.succeeded")
        assert "ok     endpoint for connected accounts: " in ended.stdout
        ended = doctor(office, arguments=(), **settings, ADMIT_CHARGE_MODEL="direct")
        finds(ended, "endpoint for connected accounts", "is not sent", "payment_intent.succeeded")


def test_the_documents_name_the_types_that_the_program_follows():
    source = (servers.ROOT / "src/job/provider_jobs.cpp").read_text()
    followed = re.findall(r'"([a-z_.]+)"', source.split("all_followed_types{")[1].split("};")[0])
    assert len(followed) > 10
    setup = (servers.ROOT / "docs/STRIPE_SETUP.md").read_text()
    assert re.findall(r"^[a-z_]+(?:\.[a-z_]+)+$", setup, re.MULTILINE) == followed
    table = (servers.ROOT / "docs/payments.md").read_text()
    assert [name for name in followed if name not in table and f"`.{name.rsplit('.', 1)[1]}`" not in table] == []


def test_missing_fonts_are_found_by_script(office, tmp_path):
    (tmp_path / "fonts.conf").write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
        f"<dir>/usr/share/fonts/truetype/dejavu</dir><cachedir>{tmp_path}/cache</cachedir></fontconfig>")
    remedy = finds_only(doctor(office, FONTCONFIG_FILE=str(tmp_path / "fonts.conf")), "fonts", "Devanagari", "Thai",
                        "Chinese", "Japanese", "Korean")
    assert "fonts-noto-cjk" in remedy


@pytest.fixture
def folder(tmp_path):
    """The data folder of a server that has ended: (folder, what to run the doctor on it with)."""
    data = tmp_path / "data"
    assert servers.Server("serve", data).stop() == 0
    return data


def examine(data, *arguments, **more):
    return servers.run("doctor", "--data", data, "--listen", "127.0.0.1:1", "--public-url", "http://127.0.0.1:1", *arguments,
                       **more)


def test_without_a_provider_only_this_machine_is_looked_at(folder):
    ended = examine(folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "skip   payments: no Stripe key" in ended.stdout


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_master_key_that_others_can_read_is_found(folder, mode):
    os.chmod(folder / "master.key", mode)
    ended = examine(folder)
    assert "chmod 600" in finds_only(ended, "master key", "can be read by others")


def test_a_master_key_that_is_missing_or_another_is_found(folder):
    key = (folder / "master.key").read_text().strip()
    (folder / "master.key").write_text("0" * len(key) + "\n")
    finds_only(examine(folder), "sealing key", "not the one")
    (folder / "master.key").unlink()
    finds_only(examine(folder), "master key", "is missing")


def test_a_database_that_lacks_migrations_is_found(folder):
    with contextlib.closing(sqlite3.connect(folder / "admit.db")) as db, db:
        db.execute("delete from schema_migration where number = (select max(number) from schema_migration)")
    assert "starting the server" in finds_only(examine(folder), "database", "this binary wants")


def test_a_database_of_a_newer_binary_is_found(folder):
    with contextlib.closing(sqlite3.connect(folder / "admit.db")) as db, db:
        db.execute("insert into schema_migration values (999, 'from the future', 0)")
    finds_only(examine(folder), "database", "schema 999", "newer binary")


def test_a_mail_server_that_refuses_us_is_found(folder):
    settings = {"ADMIT_MAIL_FROM": "tickets@example.com", "ADMIT_SMTP_STARTTLS": "none"}
    with mail_server.MailServer(mail_server.Catcher()) as server:
        ended = examine(folder, ADMIT_SMTP_URL=server.url, **settings)
        assert ended.returncode == 0 and "ok     mail: " in ended.stdout, ended.stdout + ended.stderr
        url = server.url
        finds_only(examine(folder, ADMIT_SMTP_URL=url, **{**settings, "ADMIT_SMTP_STARTTLS": "required"}), "mail")
    assert "smtp_url" in finds_only(examine(folder, ADMIT_SMTP_URL=url, **settings), "mail", "refused us")


@pytest.mark.parametrize("mode, is_good", [(0o600, True), (0o640, False), (0o666, False)])
def test_a_configuration_file_with_a_secret_that_others_can_read_is_found(folder, tmp_path, mode, is_good):
    file = tmp_path / "admit.toml"
    file.write_text('smtp_password = "hunter2"\nsmtp_user = "mail"\n')
    file.chmod(mode)
    ended = examine(folder, "--config", file)
    assert "hunter2" not in ended.stdout + ended.stderr
    if is_good:
        assert ended.returncode == 0, ended.stdout
    else:
        assert "chmod 600" in finds_only(ended, "configuration file", "can be read by others")
    file.write_text('smtp_user = "mail"\n')
    assert examine(folder, "--config", file).returncode == 0


def test_without_a_public_url_it_says_what_it_wants(folder):
    ended = servers.run("doctor", "--data", folder)
    assert ended.returncode == 2 and "--public-url" in ended.stderr


# admit stripe check

def test_stripe_check_tells_whose_key_it_is_and_no_secret(office):
    for ended, mode in [(servers.run("stripe", "check", "--sandbox", "--data", office.data), "sandbox"),
                        (servers.run("stripe", "check", **keys(office.told)), "test")]:
        assert ended.returncode == 0, ended.stdout + ended.stderr
        told = dict(line.split(maxsplit=1) for line in ended.stdout.splitlines())
        account = sandbox_lab.Lab(office.told).get("/v1/account")
        assert told["mode"] == f"{mode}: no money moves"
        assert (told["account"], told["country"]) == (account["id"], account["country"])
        assert told["currency"] == account["default_currency"].upper()
        assert int(told["webhooks"]) >= 2
        assert f"{office.base_url}/payments/webhook" in told and f"{office.base_url}/payments/webhook/connect" in told
        assert not any(value in ended.stdout for name, value in office.told.items() if "ecret" in name)


@pytest.mark.parametrize("settings, sentence", [
    ({"STRIPE_SECRET_KEY": "sk_test_of_nobody"}, "does not know this secret key"),
    ({"ADMIT_STRIPE_API_BASE": "http://127.0.0.1:1"}, "did not answer"),
    ({"STRIPE_SECRET_KEY": ""}, "no Stripe key is configured"),
])
def test_stripe_check_says_why_a_key_does_not_work(office, settings, sentence):
    ended = servers.run("stripe", "check", **keys(office.told, **settings))
    assert ended.returncode == 1 and sentence in ended.stderr, ended.stdout + ended.stderr
    assert "of_nobody" not in ended.stdout + ended.stderr


def test_keys_can_be_tried_before_there_is_a_webhook(tmp_path):
    """The first step of docs/STRIPE_SETUP.md; what takes payments wants the webhook's secret all the same."""
    keys = {"STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_PUBLISHABLE_KEY": "pk_test_1"}
    nobody = {**keys, "ADMIT_STRIPE_API_BASE": "http://127.0.0.1:1"}
    ended = servers.run("stripe", "check", "--data", tmp_path, **nobody)
    assert ended.returncode == 1 and "did not answer" in ended.stderr, ended.stderr
    ended = servers.run("frontend-env", "--data", tmp_path, **keys)
    assert ended.returncode == 0 and "REACT_APP_STRIPE_PUBLISHABLE_KEY=pk_test_1" in ended.stdout, ended.stderr
    for command in (["serve", "--listen", "127.0.0.1:0"], ["doctor", "--public-url", "http://127.0.0.1:1"]):
        ended = servers.run(*command, "--data", tmp_path / "data", **keys)
        assert ended.returncode == 2 and "stripe_webhook_secrets" in ended.stderr, ended.stderr


def test_stripe_check_wants_a_running_sandbox(tmp_path):
    ended = servers.run("stripe", "check", "--sandbox", "--data", tmp_path)
    assert ended.returncode == 2 and "serve --sandbox" in ended.stderr


# admit frontend-env

def test_frontend_env_writes_the_two_variables_and_leaves_the_rest_of_the_file(tmp_path):
    file = tmp_path / ".env"
    file.write_text("REACT_APP_TITLE=Tickets\nREACT_APP_API_URL=http://old.example.com\n")
    settings = {"STRIPE_PUBLISHABLE_KEY": "pk_test_forty_two", "ADMIT_PUBLIC_URL": "https://tickets.example.com"}
    lines = ["REACT_APP_STRIPE_PUBLISHABLE_KEY=pk_test_forty_two", "REACT_APP_API_URL=https://tickets.example.com"]
    assert servers.run("frontend-env", **settings).stdout.splitlines() == lines
    for _ in range(2):
        assert servers.run("frontend-env", "--out", file, **settings).returncode == 0
        assert file.read_text().splitlines() == ["REACT_APP_TITLE=Tickets", *lines]


def test_frontend_env_knows_the_sandbox(office):
    ended = servers.run("frontend-env", "--sandbox", "--data", office.data, "--listen", office.base_url.removeprefix("http://"))
    assert ended.stdout.splitlines() == [f"REACT_APP_STRIPE_PUBLISHABLE_KEY={office.told['publishableKey']}",
                                         f"REACT_APP_API_URL={office.base_url}"]


@pytest.mark.parametrize("key", ["sk_test_forty_two", "rk_test_forty_two", "whsec_forty_two", ""])
def test_frontend_env_refuses_a_key_that_is_secret(tmp_path, key):
    file = tmp_path / ".env"
    ended = servers.run("frontend-env", "--out", file, STRIPE_PUBLISHABLE_KEY=key)
    assert ended.returncode == 2 and "stripe_publishable_key" in ended.stderr
    assert "forty_two" not in ended.stdout + ended.stderr and not file.exists()
