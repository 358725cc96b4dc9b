"""Mails over real SMTP: what arrives, read by a parser that is not ours, and what becomes of refusals."""

import datetime
import os
import shutil
import socket
import subprocess
import threading
import time
import unicodedata

import pytest
import requests

import server as servers
from api import Caller, expect
from mail_server import PASSWORD, USER, Catcher, MailServer, attachments_of, body_of, make_certificate
from paper import decode_with_both, is_sound

PROBE = servers.BINARY.parent / "src" / "mail" / "mail_probe"
MAILDEV = servers.ROOT / "build" / "node" / "node_modules" / "maildev" / "bin" / "maildev"
KINDS = ["order_confirmed", "refund_done", "registration_cancelled", "tickets_returned", "payment_failed", "late_refund",
         "second_payment", "amount_differs", "show_cancelled", "refund_failed", "payout_failed", "dispute_opened"]


def probe(verb, url, *, password="", **more):
    """Runs the probe; returns what it printed, its code checked against that."""
    arguments = [part for name, value in {"url": url, "to": "zoe@example.org", **more}.items()
                 for part in (f"--{name}", str(value))]
    done = subprocess.run([PROBE, verb, *arguments], env=servers.environment(MAIL_PROBE_PASSWORD=password),
                          timeout=60 * servers.SLOWNESS, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert not servers.SANITIZER_REPORT.search(done.stderr), done.stderr
    assert done.returncode == (0 if done.stdout == "ok\n" else 1), done.stdout + done.stderr
    if password:
        assert password not in done.stdout + done.stderr
    return done.stdout.strip()


def send(url, **more):
    return probe("send", url, **{"starttls": "none", **more})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def ticket_pdf(world, open_show, tmp_path_factory):
    """A real ticket: (path of its PDF, its code)."""
    customer = world.customer()
    _, [ticket] = world.buy(customer, open_show[0], [(open_show[1], 1, ["Zoë"])])
    link = expect(customer.get(f"/tickets/{ticket['ticketId']}/download"), 200)
    path = tmp_path_factory.mktemp("pdf") / "ticket.pdf"
    path.write_bytes(Caller(world.base_url).get(link["downloadUrl"]).content)
    return path, ticket["qrCode"]


def test_the_ticket_arrives_and_its_code_can_be_scanned(ticket_pdf):
    path, code = ticket_pdf
    with MailServer(Catcher()) as server:
        assert send(server.url, pdf=path, name="Zoë Żółć 🎟", id="job-7") == "ok"
    [(sender, recipients, mail, raw)] = server.catcher.mails
    assert (sender, recipients) == ("tickets@example.com", ["zoe@example.org"])
    assert mail["From"] == "Lantern Concerts <tickets@example.com>"
    assert mail["Reply-To"] == "help@example.com"
    [to] = mail["To"].addresses
    assert (to.display_name, to.addr_spec) == ("Zoë Żółć 🎟", "zoe@example.org")
    assert mail["Subject"] == "Your tickets: Chamber Music by Candlelight"
    assert mail["Message-ID"] == "<job-7@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == datetime.datetime(2026, 11, 21, 18, tzinfo=datetime.timezone.utc)
    assert mail.get_content_type() == "multipart/mixed" and not mail.defects
    assert "Hello Zoë Żółć 🎟," in body_of(mail, "plain")
    assert "Zoë Żółć 🎟" in body_of(mail, "html")

    attached = attachments_of(mail)
    assert list(attached) == ["Żółta kartka 1.pdf", "show.ics"]
    kind, pdf = attached["Żółta kartka 1.pdf"]
    assert kind == "application/pdf" and pdf == path.read_bytes() and is_sound(pdf)
    assert decode_with_both(pdf) == [code]
    kind, calendar = attached["show.ics"]
    assert kind == "text/calendar"
    assert b"\r\nDTSTART:20261122T180000Z\r\n" in calendar and b"\r\nUID:registration-1@tickets.example\r\n" in calendar
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "pl"])
def test_every_kind_arrives_as_it_was_written(language, tmp_path):
    show = "„Łódź” & مسرحية 東京 🎻 " + "x" * 20
    done = subprocess.run([PROBE, "letters", "--folder", tmp_path, "--show", show], timeout=60)
    assert done.returncode == 0
    with MailServer(Catcher()) as server:
        for kind in KINDS:
            assert send(server.url, kind=kind, language=language, show=show) == "ok"
    assert len(server.catcher.mails) == len(KINDS)
    for kind, (_, _, mail, raw) in zip(KINDS, server.catcher.mails):
        subject, text = (tmp_path / f"{kind}.{language}.txt").read_text(encoding="utf-8").split("\n\n", 1)
        assert mail["Subject"] == subject
        assert mail["Content-Language"] == language
        html = (tmp_path / f"{kind}.{language}.html").read_text(encoding="utf-8")
        assert body_of(mail, "plain").replace("\r\n", "\n") == text
        assert body_of(mail, "html").replace("\r\n", "\n") == html
        assert not mail.defects and raw.isascii()
        assert not any(unicodedata.category(c) == "Cc" for c in subject)


def test_what_people_typed_adds_no_header_and_no_recipient():
    evil = "x\r\nBcc: evil@example.com\r\n\r\n.\r\nRCPT TO:<evil@example.com>\r\n"
    with MailServer(Catcher()) as server:
        assert send(server.url, show=evil) == "ok"
        assert send(server.url, name=evil).startswith("permanent 0 ")
        assert send(server.url, to="zoe@example.org>\r\nRCPT TO:<evil@example.com").startswith("permanent 0 ")
        assert send(server.url, id=evil).startswith("permanent 0 ")
    [(_, recipients, mail, _)] = server.catcher.mails
    assert recipients == ["zoe@example.org"] and mail["Bcc"] is None
    assert mail["Subject"] == "Your tickets: x Bcc: evil@example.com . RCPT TO:<evil@example.com>"


def test_several_mails_go_over_one_connection():
    with MailServer(Catcher()) as server:
        assert send(server.url, times=3) == "ok"
    assert len(server.catcher.mails) == 3
    assert len(server.catcher.sessions) == 1


def test_a_kept_connection_that_the_server_ended_is_replaced():
    with MailServer(Catcher(one_each=True)) as server:
        assert send(server.url, times=3) == "ok"
    assert len(server.catcher.mails) == 3
    assert len(server.catcher.sessions) == 3


@pytest.mark.parametrize("command, line, expected", [
    ("MAIL", "451 4.3.0 later", "temporary 451"),
    ("MAIL", "530 5.7.0 sign in first", "settings 530"),
    ("MAIL", "550 5.7.1 not your domain", "settings 550"),
    ("MAIL", "552 5.3.4 too large", "permanent 552"),
    ("RCPT", "450 4.2.0 greylisted", "temporary 450"),
    ("RCPT", "452 4.2.2 mailbox full", "temporary 452"),
    ("RCPT", "550 5.1.1 no such user", "permanent 550"),
    ("RCPT", "553 5.1.3 bad address", "permanent 553"),
    ("DATA", "451 4.7.1 later", "temporary 451"),
    ("DATA", "554 5.7.1 refused as spam", "permanent 554"),
])
def test_a_refusal_says_whether_to_try_again(command, line, expected):
    with MailServer(Catcher({command: line})) as server:
        answer = send(server.url)
    assert answer.startswith(expected + " "), answer
    assert line in answer
    assert not server.catcher.mails


@pytest.mark.parametrize("greeting, expected", [("421 4.3.2 too busy", "away 421"),
                                                ("554 5.7.1 not for you", "settings 554")])
def test_a_server_may_refuse_at_once(greeting, expected):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def refuse():
            with listener.accept()[0] as caller:
                caller.sendall(greeting.encode() + b"\r\n")
                caller.recv(1000)
        refusing = threading.Thread(target=refuse)
        refusing.start()
        answer = send(f"smtp://127.0.0.1:{listener.getsockname()[1]}")
        refusing.join()
    assert answer.startswith(expected + " ") and greeting in answer, answer


def test_a_connection_lost_before_the_answer_is_tried_again():
    with MailServer(Catcher({"DATA": "drop"})) as server:
        assert send(server.url).startswith("temporary ")


def test_a_server_that_says_nothing_is_left_at_the_time_limit():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert send(f"smtp://127.0.0.1:{silent.getsockname()[1]}", limit_ms=500).startswith("away 0 ")


def test_a_mail_larger_than_the_server_takes_is_not_tried_again(tmp_path):
    (tmp_path / "large.pdf").write_bytes(os.urandom(100_000))
    with MailServer(Catcher(), data_size_limit=50_000) as server:
        assert send(server.url, pdf=tmp_path / "large.pdf").startswith("permanent 552 ")
        assert send(server.url, pdf=tmp_path / "large.pdf", limit_bytes=60_000).startswith("permanent 0 ")
    assert not server.catcher.mails


def test_addresses_beyond_ascii_need_a_server_that_takes_them():
    with MailServer(Catcher()) as server:
        assert send(server.url, to="zoë@bücher.example") == "ok"
        assert send(server.url, to="zoe@bücher.example") == "ok"
    assert [recipients for _, recipients, _, _ in server.catcher.mails] == [
        ["zoë@xn--bcher-kva.example"], ["zoe@xn--bcher-kva.example"]]
    with MailServer(Catcher(unsaid="SMTPUTF8")) as server:
        assert send(server.url, to="zoë@example.org").startswith("permanent 0 ")
        assert send(server.url, to="zoe@bücher.example") == "ok"
    assert len(server.catcher.mails) == 1


def test_starttls_comes_before_the_password(certificate):
    context, trusted = certificate
    with MailServer(Catcher(), certificate=context, starttls=True, sign_in=True) as server:
        assert probe("send", server.url, user=USER, password=PASSWORD, ca=trusted) == "ok"
        assert server.catcher.sessions[-1].ssl and server.catcher.sessions[-1].authenticated
    assert len(server.catcher.mails) == 1


def test_without_starttls_nothing_is_said(certificate):
    with MailServer(Catcher()) as server:
        assert probe("send", server.url).startswith("settings ")
        assert probe("check", server.url).startswith("settings ")
    assert not server.catcher.mails


def test_a_certificate_nobody_vouches_for_is_refused(certificate):
    context, _ = certificate
    with MailServer(Catcher(), certificate=context, starttls=True) as server:
        assert probe("send", server.url).startswith("settings ")
    with MailServer(Catcher(), certificate=context, implicit=True) as server:
        assert probe("send", server.url).startswith("settings ")
    assert not server.catcher.mails


def test_tls_from_the_first_byte(certificate):
    context, trusted = certificate
    with MailServer(Catcher(), certificate=context, implicit=True) as server:
        assert probe("send", server.url, ca=trusted) == "ok"
    assert len(server.catcher.mails) == 1


def test_a_wrong_password_is_the_operators_to_mend(certificate):
    context, trusted = certificate
    with MailServer(Catcher(), certificate=context, starttls=True, sign_in=True) as server:
        for verb in ("send", "check"):
            assert probe(verb, server.url, user=USER, password="hunter2", ca=trusted).startswith("settings 535 ")
        assert probe("send", server.url, ca=trusted).startswith("settings 530 ")
    assert not server.catcher.mails


def test_the_check_goes_all_the_way_but_sends_nothing(certificate):
    context, trusted = certificate
    refusing = Catcher({"MAIL": "550 no mail, please"})
    with MailServer(refusing, certificate=context, starttls=True, sign_in=True) as server:
        assert probe("check", server.url + "/office.test", user=USER, password=PASSWORD, ca=trusted) == "ok"
        assert server.catcher.sessions[-1].authenticated
        assert server.catcher.sessions[-1].host_name == "office.test"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert probe("check", f"smtp://127.0.0.1:{port}").startswith("away 0 ")


@pytest.mark.skipif(not (shutil.which("node") and MAILDEV.exists()),
                    reason="needs node and `npm install --prefix build/node maildev@2.2.1`")
def test_maildev_reads_the_same(ticket_pdf):
    path, code = ticket_pdf
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        smtp, web = one.getsockname()[1], two.getsockname()[1]
    command = ["node", MAILDEV, "--ip", "127.0.0.1", "--smtp", str(smtp), "--web-ip", "127.0.0.1", "--web", str(web)]
    maildev = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while probe("check", f"smtp://127.0.0.1:{smtp}", starttls="none") != "ok":
            assert time.monotonic() < deadline and maildev.poll() is None, "MailDev does not start"
            time.sleep(0.2)
        assert send(f"smtp://127.0.0.1:{smtp}", pdf=path, name="Zoë 🎟", show="مسرحية الليلة — تذاكرك") == "ok"
        [mail] = requests.get(f"http://127.0.0.1:{web}/email", timeout=30).json()
        assert mail["subject"] == "Your tickets: \u2068مسرحية الليلة — تذاكرك\u2069"
        assert mail["to"] == [{"address": "zoe@example.org", "name": "Zoë 🎟"}]
        assert "Hello Zoë 🎟," in mail["text"] and "Hello Zoë 🎟," in mail["html"]
        assert [part["fileName"] for part in mail["attachments"]] == ["Żółta kartka 1.pdf", "show.ics"]
        pdf = requests.get(f"http://127.0.0.1:{web}/email/{mail['id']}/attachment/"
                           + requests.utils.quote(mail["attachments"][0]["generatedFileName"]), timeout=30).content
        assert decode_with_both(pdf) == [code]
    finally:
        maildev.terminate()
        maildev.wait(timeout=30)


def test_all_jobs_of_a_kind_are_tried_again_by_an_operator(world):
    """Nothing is dead here: what a dead one becomes is seen in the rules' own tests."""
    assert expect(world.operator.post("/v1/jobs/revive", {"kind": "mail"}), 200) == {"revived": 0, "isAll": True}
    assert world.operator.post("/v1/jobs/revive", {"kind": "nothing"}).status_code == 422
    assert world.organiser.post("/v1/jobs/revive", {"kind": "mail"}).status_code == 403
