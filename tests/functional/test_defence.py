"""The walls: TLS, proxies, limits, and requests that two readers could read differently."""

import concurrent.futures
import json
import os
import random
import re
import shutil
import socket
import ssl
import subprocess
import time

import pytest
import requests

import server as servers
from api import Caller, World, expect, sign_in

BINDING_S = 10


def talk(base_url, sent, limit_s=BINDING_S):
    """All that comes back until the other side closes."""
    host, port = base_url.split("//")[1].split(":")
    with socket.create_connection((host, int(port)), timeout=limit_s) as link:
        link.sendall(sent if isinstance(sent, bytes) else sent.encode("latin-1"))
        out = b""
        while True:
            try:
                got = link.recv(65536)
            except ConnectionResetError:
                return out
            if not got:
                return out
            out += got


def statuses(answer):
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


# Smuggling: whoever stands in front could read another number of requests than we do. Each must be one refusal and a close.

SMUGGLED = "GET /healthz?smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = "POST /v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
SMUGGLING = {
    "two lengths that differ": HEAD + "Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
    "two lengths that agree": HEAD + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "a list of lengths": HEAD + "Content-Length: 0, 44\r\n\r\n",
    "length and chunks": HEAD + "Content-Length: 44\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": HEAD + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "length with a sign": HEAD + "Content-Length: +0\r\n\r\n",
    "length in hexadecimal": HEAD + "Content-Length: 0x0\r\n\r\n",
    "length with a space": HEAD + "Content-Length: 0 0\r\n\r\n",
    "an empty length": HEAD + "Content-Length:\r\n\r\n",
    "a length beyond 64 bits": HEAD + "Content-Length: 18446744073709551616\r\n\r\n",
    "a coding after chunks": HEAD + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a coding before chunks": HEAD + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "an unknown coding": HEAD + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a coding with a vertical tab": HEAD + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunks twice": HEAD + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a coding in HTTP/1.0": HEAD.replace("1.1", "1.0") + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded coding": HEAD + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a folded header": HEAD + "X-A: b\r\n\tContent-Length: 44\r\n\r\n",
    "a space before the colon": HEAD + "Content-Length : 44\r\n\r\n",
    "a space before the name": HEAD + " Content-Length: 44\r\n\r\n",
    "a bare LF in the head": HEAD + "X-A: b\nContent-Length: 44\r\n\r\n",
    "a bare CR in the head": HEAD + "X-A: b\rContent-Length: 44\r\n\r\n",
    "a NUL in a header": HEAD + "X-A: b\0\r\n\r\n",
    "a header without a colon": HEAD + "Content-Length 44\r\n\r\n",
    "a chunk size with a sign": HEAD + "Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n",
    "a chunk size with a prefix": HEAD + "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    "a chunk size that is empty": HEAD + "Transfer-Encoding: chunked\r\n\r\n\r\n\r\n",
    "a chunk size beyond 64 bits": HEAD + "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n",
    "a chunk that ends in LF": HEAD + "Transfer-Encoding: chunked\r\n\r\n1\n{\r\n0\r\n\r\n",
    "a chunk longer than it says": HEAD + "Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
    "two hosts": "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "no host": "GET /healthz HTTP/1.1\r\n\r\n",
    "a space in the target": "GET /healthz x HTTP/1.1\r\nHost: a\r\n\r\n",
    "a tab after the method": "GET\t/healthz HTTP/1.1\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("name", SMUGGLING)
def test_what_could_be_read_as_two_requests_is_refused(world, name):
    answer = talk(world.base_url, SMUGGLING[name] + SMUGGLED)
    assert len(statuses(answer)) == 1, answer
    assert statuses(answer)[0] in (400, 413, 501), answer
    assert b"onnection: close" in answer


OVERSIZED = {
    "a head without an end": (b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * 200_000, 431),
    "a thousand headers": (b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + b"X: 1\r\n" * 1_000 + b"\r\n", 431),
    "a target without an end": (b"GET /" + b"a" * 100_000, 414),
    "a method without an end": (b"G" * 100_000, 400),
    "a body that is announced": (HEAD.encode() + b"Content-Length: 1000000000\r\n\r\n", 413),
    "chunks without an end": (HEAD.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + b"1000\r\n" + b"x" * 4096 + b"\r\n" +
                              (b"1000\r\n" + b"x" * 4096 + b"\r\n") * 100, 413),
    "a chunk's extension": (HEAD.encode() + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 10_000, 400),
    "trailers without an end": (HEAD.encode() + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X-A: b\r\n" * 10_000, 431),
}


@pytest.mark.parametrize("name", OVERSIZED)
def test_what_is_too_big_is_refused_early(world, name):
    sent, status = OVERSIZED[name]
    answer = talk(world.base_url, sent)
    assert statuses(answer)[:1] == [status], answer[:300]


def test_queries_and_parameters_are_bounded(world):
    assert world.anybody.get("/?" + "&".join(f"a{n}=1" for n in range(100))).status_code == 400
    assert world.operator.get("/v1/audit?cursor=" + "a" * 5_000).status_code == 400
    deep = "[" * 5_000 + "]" * 5_000
    assert world.anybody.send("POST", "/v1/sessions", raw=deep.encode()).status_code in (400, 422)


def test_a_token_of_any_length_is_refused(world):
    for size in (1, 100, 2_000, 8_000, 15_000):
        for token in ("a" * size, "eyJ" + "A" * size + ".e30.A", "gate_" + "A" * size, "key_" + "A" * size):
            reply = Caller(world.base_url, token).get("/userTickets")
            assert reply.status_code in (401, 431), (size, reply.status_code)


# Paths and headers.

@pytest.mark.parametrize("path", ["/../etc/passwd", "/assets/../../master.key", "/assets/%2e%2e/%2e%2e/master.key",
                                  "/assets/..%2f..%2fmaster.key", "/assets/..%5c..%5cmaster.key", "/assets/%00master.key",
                                  "/objects/../master.key", "/objects/tickets/../../master.key",
                                  "/objects/tickets/%2e%2e/%2e%2e/master.key", "/objects//etc/passwd",
                                  "/objects/tickets/..%2f..%2fmaster.key", "/objects/.%2e/admit.db", "/objects/%2fetc%2fpasswd",
                                  "//etc/passwd", "/objects/tickets/.hidden", "/v1/../metrics"])
@pytest.mark.parametrize("query", ["", "?expires=9999999999&signature=AAAA&filename=x"])
def test_no_path_leaves_its_folder(world, path, query):
    answer = talk(world.base_url, f"GET {path}{query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert statuses(answer)[0] in (400, 403, 404, 405), answer[:300]
    assert b"root:" not in answer and b"SQLite" not in answer


def test_what_a_caller_sends_makes_no_header(world):
    for evil in ("a%0d%0aSet-Cookie:%20x=1", "a%0aX-Evil:%201", "a%0d%0a%0d%0a<script>"):
        for path in (f"/{evil}", f"/?cursor={evil}", f"/v1/connect/oauth?state={evil}&code={evil}",
                     f"/validateQRcode?encrypted_token={evil}", f"/objects/{evil}?filename={evil}", f"/v1/shows/{evil}"):
            reply = world.anybody.get(path)
            assert "Set-Cookie" not in reply.headers and "X-Evil" not in reply.headers, path
    answer = talk(world.base_url, "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Request-Id: a b<c>\r\nConnection: close\r\n\r\n")
    assert b"a b<c>" not in answer
    # Links are made from the configuration, never from what a caller says his host is.
    reply = world.anybody.get("/", headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example",
                                            "X-Forwarded-Proto": "https", "Accept": "application/json"})
    assert "evil.example" not in reply.text


# Headers of replies.

def test_every_reply_says_what_a_browser_may_do_with_it(world):
    for path in ("/healthz", "/", "/nowhere", "/openapi.json", "/userTickets"):
        headers = world.anybody.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Referrer-Policy"], path
        assert headers["Cache-Control"], path
        assert "Server" not in headers and "Access-Control-Allow-Credentials" not in headers


def test_pages_run_only_what_is_ours(world):
    page = world.anybody.get("/", headers={"Accept": "text/html"})
    assert page.headers["Content-Type"].startswith("text/html")
    policy = {part.strip().split(" ")[0]: part.strip().split(" ")[1:]
              for part in page.headers["Content-Security-Policy"].split(";")}
    assert policy["default-src"] == ["'none'"] or policy["default-src"] == ["'self'"]
    assert policy["frame-ancestors"] == ["'none'"]
    assert policy["base-uri"] == ["'none'"]
    for directive, sources in policy.items():
        assert not {"'unsafe-eval'", "*", "http:", "https:"} & set(sources), (directive, sources)
    assert "'unsafe-inline'" not in policy.get("script-src", [])
    assert "camera=(self)" in page.headers["Permissions-Policy"]
    assert page.headers["Cross-Origin-Opener-Policy"].startswith("same-origin")
    assert page.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert page.raw.headers.getlist("Content-Security-Policy") == [page.headers["Content-Security-Policy"]]


def test_other_origins_are_answered_by_the_list_and_without_credentials(serve, tmp_path):
    running = serve("--sandbox", ADMIT_CORS_ORIGINS="https://tickets.example")
    anybody = Caller(running.base_url)
    good = anybody.get("/", headers={"Origin": "https://tickets.example"}).headers
    assert good["Access-Control-Allow-Origin"] == "https://tickets.example"
    assert "Access-Control-Allow-Credentials" not in good and "Origin" in good["Vary"]
    for origin in ("https://evil.example", "null", "https://tickets.example.evil.example", "http://tickets.example"):
        headers = anybody.get("/", headers={"Origin": origin}).headers
        assert "Access-Control-Allow-Origin" not in headers, origin
    for bad in ("tickets.example", "https://tickets.example/", "https://Tickets.example", "https://tickets.example:443", "ftp://x"):
        done = servers.run("serve", "--data", tmp_path / "other", "--listen", "127.0.0.1:0", ADMIT_CORS_ORIGINS=bad)
        assert done.returncode == 2 and "cors_origins" in done.stderr, bad


# Limits and proxies.

def test_who_asks_too_often_is_told_when_to_come_back(serve):
    running = serve("--sandbox", ADMIT_RATE_LIMITS="true", ADMIT_ADDRESS_SIGN_INS="3", ADMIT_ADDRESS_READS="5",
                    ADMIT_TRUSTED_PROXIES="127.0.0.0/8")
    anybody = Caller(running.base_url)

    def sign_in_from(address):
        return anybody.post("/v1/sessions", {"email": "nobody@example.com", "password": "some long password"},
                            headers={"X-Forwarded-For": address})

    first = sign_in_from("198.51.100.7")
    assert first.headers["RateLimit-Policy"] == '"address-sign-in";q=3;w=60'
    assert re.fullmatch(r'"address-sign-in";r=2;t=(19|20)', first.headers["RateLimit"])
    for _ in range(2):
        assert sign_in_from("198.51.100.7").status_code == 401
    refused = sign_in_from("198.51.100.7")
    expect(refused, 429, "too_many_requests")
    assert 1 <= int(refused.headers["Retry-After"]) <= 20
    # Nobody else pays for it: not another address, not another kind of request, and a made-up entry helps nobody.
    assert sign_in_from("198.51.100.8").status_code == 401
    assert sign_in_from("203.0.113.1, 198.51.100.7").status_code == 429
    assert anybody.get("/", headers={"X-Forwarded-For": "198.51.100.7"}).status_code == 200
    # A network of IPv6 is one caller.
    for n in range(3):
        assert sign_in_from(f"2001:db8:0:7::{n}").status_code == 401
    assert sign_in_from("2001:db8:0:7:ffff::1").status_code == 429
    assert sign_in_from("2001:db8:0:8::1").status_code == 401
    # Probes are never refused.
    for _ in range(20):
        assert anybody.get("/healthz", headers={"X-Forwarded-For": "198.51.100.7"}).status_code == 200


def test_without_a_trusted_proxy_nobody_chooses_his_address(serve):
    running = serve("--sandbox", ADMIT_RATE_LIMITS="true", ADMIT_ADDRESS_READS="5")
    anybody = Caller(running.base_url)
    seen = [anybody.get("/", headers={"X-Forwarded-For": f"198.51.100.{n}", "Forwarded": f"for=198.51.100.{n}",
                                              "X-Real-IP": f"198.51.100.{n}"}).status_code for n in range(8)]
    assert seen == [200] * 5 + [429] * 3


@pytest.mark.parametrize("value", ["10.0.0.1/8", "localhost", "10.0.0.0/40", "10.0.0.0/8,nonsense"])
def test_a_proxy_that_is_no_network_is_told(tmp_path, value):
    done = servers.run("serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", ADMIT_TRUSTED_PROXIES=value)
    assert done.returncode == 2 and "trusted_proxies" in done.stderr


# Who has an account is not to be learnt from the work that a sign-in makes.

def test_a_sign_in_computes_one_password_whoever_tries(serve):
    running = serve("--sandbox")
    anybody = Caller(running.base_url)
    email, password = "somebody@example.com", "a sentence nobody guesses"
    expect(anybody.post("/v1/users", {"email": email, "password": password, "name": "Ada"}), 201)

    def computed():
        text = anybody.get("/metrics").text
        return int(re.search(r"^admit_password_computations_total (\d+)$", text, re.M).group(1))

    answers = []
    for tried, right in ((email, False), ("nobody@example.com", False), (email.upper(), False), (email, True)):
        before = computed()
        reply = anybody.post("/v1/sessions", {"email": tried, "password": password if right else "another long sentence"})
        assert computed() - before == 1, tried
        assert reply.status_code == (201 if right else 401)
        if not right:
            body = reply.json()
            body.pop("requestId")
            answers.append((body, sorted(set(reply.headers) - {"X-Request-Id", "Date"})))
    assert answers[0] == answers[1] == answers[2]


# Forged tokens and codes over the wire; the unit tests of the rooms identity and token change tens of thousands.

def mutated(text, alphabet, times, seed):
    chance = random.Random(seed)
    for _ in range(times):
        kind, at = chance.randrange(4), chance.randrange(len(text))
        if kind == 0:
            yield text[:at] + chance.choice(alphabet) + text[at + 1:]
        elif kind == 1:
            yield text[:at] + text[at + 1:]
        elif kind == 2:
            yield text[:at] + chance.choice(alphabet) + text[at:]
        else:
            yield text[:at]


def test_changed_access_tokens_are_refused(world):
    token = world.demo_customer.token
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    caller = Caller(world.base_url)
    assert caller.get("/userTickets", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    tried = 0
    for forged in mutated(token, alphabet, 500, 1):
        if forged == token:
            continue
        tried += 1
        reply = caller.get("/userTickets", headers={"Authorization": f"Bearer {forged}"})
        assert reply.status_code == 401, forged
    assert tried > 400


def test_changed_codes_are_refused_at_the_door(world, open_show, gate):
    customer = world.customer()
    _, tickets = world.buy(customer, open_show[0], [(open_show[2], 1)])
    code = tickets[0]["qrCode"] if "qrCode" in tickets[0] else customer.get("/userQRcodes").json()["qrCodes"][0]["qrCode"]
    digits = re.search(r"\d{100,}", code).group()
    # A server opens the seal, which covers all before the signature; a changed signature is for gates without it to see.
    sealed, signature = digits[:len(digits) // 2], digits[len(digits) // 2:]
    tried = 0
    for forged in mutated(sealed, "0123456789", 500, 2):
        if forged == sealed:
            continue
        forged += signature
        tried += 1
        decided = gate.validate(forged)
        assert decided.status_code == 200 and decided.json()["valid"] is False, forged
        assert decided.json()["ticket"] is None
    assert tried > 400
    assert gate.scan(digits)["valid"] is True


# TLS.

def openssl(*arguments, folder):
    subprocess.run(["openssl", *map(str, arguments)], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ca")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca.key", "-out",
            "ca.pem", "-days", "2", "-subj", "/CN=A test's authority", folder=folder)
    return folder


def issue(authority, name, serial):
    """A certificate for `localhost` and 127.0.0.1: (certificate, key)."""
    (authority / f"{name}.ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n", encoding="ascii")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key", "-out",
            f"{name}.csr", "-subj", f"/CN={name}", folder=authority)
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", serial, "-days", "1",
            "-out", f"{name}.pem", "-extfile", f"{name}.ext", folder=authority)
    return authority / f"{name}.pem", authority / f"{name}.key"


LISTENING_TLS = re.compile(r"listening on (https://\S+:\d+)")




@pytest.fixture
def tls(authority, tmp_path, monkeypatch):
    monkeypatch.setattr(servers, "LISTENING", LISTENING_TLS)
    certificate, key = issue(authority, "first", 1001)
    in_use = tmp_path / "tls.pem", tmp_path / "tls.key"
    shutil.copy(certificate, in_use[0])
    shutil.copy(key, in_use[1])
    running = servers.Server("serve", tmp_path / "data", arguments=["--tls-cert", in_use[0], "--tls-key", in_use[1]])
    running.files = in_use
    running.port = int(running.base_url.rsplit(":", 1)[1])
    yield running
    if running.process.poll() is None:
        running.stop()


def context_of(authority, **more):
    context = ssl.create_default_context(cafile=str(authority / "ca.pem"))
    for name, value in more.items():
        setattr(context, name, value)
    return context


def serial_of(port, authority):
    with socket.create_connection(("127.0.0.1", port), timeout=BINDING_S) as link:
        with context_of(authority).wrap_socket(link, server_hostname="localhost") as secure:
            return int(secure.getpeercert()["serialNumber"], 16)


def test_tls_serves_requests_of_any_size_over_kept_connections(tls, authority):
    session = requests.Session()
    session.trust_env = False
    session.verify = str(authority / "ca.pem")
    for _ in range(3):
        reply = session.get(tls.base_url + "/healthz", timeout=BINDING_S)
        assert reply.status_code == 200
        assert reply.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert len(session.get(tls.base_url + "/openapi.json", timeout=BINDING_S).content) > 100_000
    big = session.post(tls.base_url + "/v1/sessions", data=b"{" + b" " * 60_000, timeout=BINDING_S,
                       headers={"Content-Type": "application/json"})
    assert big.status_code == 400
    pieces = session.post(tls.base_url + "/v1/sessions", data=iter([b"{"] * 50), timeout=BINDING_S,
                          headers={"Content-Type": "application/json"})
    assert pieces.status_code == 400
    # Many at once, each with requests behind one another.
    def some(_):
        with socket.create_connection(("127.0.0.1", tls.port), timeout=BINDING_S) as link:
            with context_of(authority).wrap_socket(link, server_hostname="localhost") as secure:
                secure.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * 20 +
                               b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                out = b""
                while got := secure.recv(65536):
                    out += got
                return len(statuses(out))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(some, range(24))) == [21] * 24
    assert tls.stop() == 0
    tls.assert_clean()


def test_tls_takes_no_old_protocol_and_no_weak_cipher(tls, authority):
    def negotiated(*options):
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{tls.port}", "-CAfile", str(authority / "ca.pem"),
                               *options], input="", capture_output=True, text=True, timeout=30)
        found = re.search(r"(?:Protocol  *: |New, )(TLSv1[.0-9]*)", done.stdout)
        cipher = re.search(r"Cipher is (\S+)", done.stdout)
        name = cipher.group(1) if cipher else "(NONE)"
        return (found.group(1), name) if found and name != "(NONE)" else None

    assert negotiated("-tls1_3")[0] == "TLSv1.3"
    assert negotiated("-tls1_2")[0] == "TLSv1.2"
    assert negotiated("-tls1_1", "-cipher", "ALL:@SECLEVEL=0") is None
    assert negotiated("-tls1", "-cipher", "ALL:@SECLEVEL=0") is None
    assert negotiated("-tls1_2", "-cipher", "AES128-SHA:AES256-GCM-SHA384:@SECLEVEL=0") is None
    assert negotiated("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0") is None
    with pytest.raises(ssl.SSLCertVerificationError):
        with socket.create_connection(("127.0.0.1", tls.port), timeout=BINDING_S) as link:
            ssl.create_default_context().wrap_socket(link, server_hostname="localhost")
    # Plain HTTP there is no request.
    assert statuses(talk(f"http://127.0.0.1:{tls.port}", "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")) == []


def test_a_new_certificate_is_taken_and_a_bad_one_is_not(tls, authority):
    def becomes(serial, limit_s=BINDING_S):
        until = time.monotonic() + limit_s
        while serial_of(tls.port, authority) != serial:
            assert time.monotonic() < until
            time.sleep(0.1)

    assert serial_of(tls.port, authority) == 1001
    kept = socket.create_connection(("127.0.0.1", tls.port), timeout=BINDING_S)
    kept = context_of(authority).wrap_socket(kept, server_hostname="localhost")
    for new, old in zip(issue(authority, "second", 1002), tls.files):
        shutil.copy(new, old.with_suffix(".new"))
        os.replace(old.with_suffix(".new"), old)
    becomes(1002)
    # Who was connected stays so.
    kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert statuses(kept.recv(65536)) == [200]
    kept.close()
    tls.files[0].write_text("-----BEGIN CERTIFICATE-----\nnonsense\n", encoding="ascii")
    tls.wait_for(re.compile("cannot be used; the old one stays"))
    assert serial_of(tls.port, authority) == 1002
    # A certificate without its key is none.
    shutil.copy(issue(authority, "third", 1003)[0], tls.files[0])
    time.sleep(1.5)
    assert serial_of(tls.port, authority) == 1002
    shutil.copy(authority / "third.key", tls.files[1])
    becomes(1003)
    assert tls.stop() == 0


def test_handshakes_that_never_end_keep_nobody_out(tls, authority):
    begun = time.monotonic()
    silent = [socket.create_connection(("127.0.0.1", tls.port), timeout=60) for _ in range(200)]
    for link in silent[::2]:
        link.sendall(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a hello
    assert serial_of(tls.port, authority) == 1001
    for link in silent:  # each is closed by the server
        try:
            assert link.recv(100) == b""
        except ConnectionResetError:
            pass
        link.close()
    assert time.monotonic() - begun < 50
    assert serial_of(tls.port, authority) == 1001


@pytest.mark.parametrize("change, word", [("certificate", "tls.pem"), ("key", "tls.key"), ("other", "tls.key"), ("half", "tls_cert")])
def test_files_of_tls_that_cannot_be_used_are_told_at_the_start(authority, tmp_path, change, word):
    certificate, key = issue(authority, "first", 1001)
    shutil.copy(certificate, tmp_path / "tls.pem")
    shutil.copy(issue(authority, "second", 1002)[1] if change == "other" else key, tmp_path / "tls.key")
    if change == "certificate":
        (tmp_path / "tls.pem").write_text("nonsense", encoding="ascii")
    if change == "key":
        (tmp_path / "tls.key").unlink()
    arguments = ["--tls-cert", tmp_path / "tls.pem"] + ([] if change == "half" else ["--tls-key", tmp_path / "tls.key"])
    done = servers.run("serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", *arguments)
    assert done.returncode == 2 and word in done.stderr, done.stderr


def test_what_the_document_points_at_is_there():
    """Every file named in docs/security.md and docs/keys.md."""
    for name in ("security.md", "keys.md"):
        text = (servers.ROOT / "docs" / name).read_text(encoding="utf-8")
        beside = {path.name for folder in ("src", "tests") for path in (servers.ROOT / folder).rglob("*_test.cpp")}
        for named in re.findall(r"`((?:src|docs|tests|cmake|deps)/[\w./-]+)`", text):
            assert (servers.ROOT / named).exists(), named
        for named in re.findall(r"`(\w+_test\.cpp)`", text):
            assert named in beside, named
        for named in re.findall(r"`(test_\w+\.py)`", text):
            assert (servers.ROOT / "tests" / "functional" / named).exists(), named
