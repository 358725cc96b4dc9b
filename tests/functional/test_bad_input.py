"""Whatever comes in: a clear answer or a clean close, and nothing lost."""

import json
import socket
import time
import urllib.parse
import uuid

import re

import pytest

from api import expect

SOME_ID = "0198c0de-0000-7000-8000-000000000001"


@pytest.fixture(scope="module")
def buyer(world):
    return world.customer()


def registration(show_id, tier_id, **changes):
    body = {"showId": show_id, "lines": [{"tierId": tier_id, "quantity": 1}]}
    body.update(changes)
    return body


# name, text sent (SHOW and TIER stand for real ids), status, code, field (None: not checked)
BODIES = [
    ("empty", "", 400, "bad_json", None),
    ("not json", "hello", 400, "bad_json", None),
    ("cut short", '{"showId": "SHOW", "lines": [', 400, "bad_json", None),
    ("something behind", '{"showId": "SHOW", "lines": [{"tierId": "TIER", "quantity": 1}]} x', 400, "bad_json", None),
    ("comment", '{/* */"showId": "SHOW", "lines": []}', 400, "bad_json", None),
    ("trailing comma", '{"showId": "SHOW", "lines": [{"tierId": "TIER", "quantity": 1,}]}', 400, "bad_json", None),
    ("single quotes", "{'showId': 'SHOW'}", 400, "bad_json", None),
    ("NaN", '{"showId": "SHOW", "lines": [{"tierId": "TIER", "quantity": NaN}]}', 400, "bad_json", None),
    ("leading zero", '{"showId": "SHOW", "lines": [{"tierId": "TIER", "quantity": 01}]}', 400, "bad_json", None),
    ("half a surrogate", '{"showId": "\\ud800", "lines": []}', 400, "bad_json", None),
    ("control character", '{"showId": "a\nb", "lines": []}', 400, "bad_json", None),
    ("duplicate key", '{"showId": "SHOW", "showId": "SHOW", "lines": [{"tierId": "TIER", "quantity": 1}]}', 422, "bad_field", "showId"),
    ("deep nesting", "[" * 1000 + "]" * 1000, 422, "bad_field", None),
    ("deep object", '{"a":' * 1000 + "1" + "}" * 1000, 422, "bad_field", "a"),
    ("a list", "[]", 422, "bad_field", None),
    ("a text", '"hello"', 422, "bad_field", None),
    ("null", "null", 422, "bad_field", None),
    ("nothing in it", "{}", 422, "bad_field", "showId"),
    ("unknown field", '{"showId": "SHOW", "lines": [{"tierId": "TIER", "quantity": 1}], "discount": 100}', 422, "bad_field", "discount"),
    ("field in other case", '{"showid": "SHOW", "lines": [{"tierId": "TIER", "quantity": 1}]}', 422, "bad_field", "showid"),
    ("price sent", '{"showId": "SHOW", "lines": [{"tierId": "TIER", "quantity": 1, "price": 1}]}', 422, "bad_field", "lines[0].price"),
    ("number for text", '{"showId": 7, "lines": [{"tierId": "TIER", "quantity": 1}]}', 422, "bad_field", "showId"),
    ("text for number", '{"showId": "SHOW", "lines": [{"tierId": "TIER", "quantity": "1"}]}', 422, "bad_field", "lines[0].quantity"),
    ("fraction", '{"showId": "SHOW", "lines": [{"tierId": "TIER", "quantity": 1.5}]}', 422, "bad_field", "lines[0].quantity"),
    ("zero", '{"showId": "SHOW", "lines": [{"tierId": "TIER", "quantity": 0}]}', 422, "bad_field", "lines[0].quantity"),
    ("negative", '{"showId": "SHOW", "lines": [{"tierId": "TIER", "quantity": -1}]}', 422, "bad_field", "lines[0].quantity"),
    ("over 64 bits", '{"showId": "SHOW", "lines": [{"tierId": "TIER", "quantity": 99999999999999999999}]}', 422, "bad_field", "lines[0].quantity"),
    ("exponent", '{"showId": "SHOW", "lines": [{"tierId": "TIER", "quantity": 1e400}]}', None, None, None),
    ("null for number", '{"showId": "SHOW", "lines": [{"tierId": "TIER", "quantity": null}]}', 422, "bad_field", "lines[0].quantity"),
    ("true for number", '{"showId": "SHOW", "lines": [{"tierId": "TIER", "quantity": true}]}', 422, "bad_field", "lines[0].quantity"),
    ("object for list", '{"showId": "SHOW", "lines": {"tierId": "TIER", "quantity": 1}}', 422, "bad_field", "lines"),
    ("no lines", '{"showId": "SHOW", "lines": []}', 422, "bad_field", "lines"),
    ("no uuid", '{"showId": "show", "lines": [{"tierId": "TIER", "quantity": 1}]}', 422, "bad_field", "showId"),
    ("other prefix", '{"showId": "TICKET#SHOW", "lines": [{"tierId": "TIER", "quantity": 1}]}', 422, "bad_field", "showId"),
    ("holder with NUL", '{"showId": "SHOW", "lines": [{"tierId": "TIER", "quantity": 1, "holders": ["a\\u0000"]}]}', 422, "bad_field", "lines[0].holders[0]"),
    ("long holder", '{"showId": "SHOW", "lines": [{"tierId": "TIER", "quantity": 1, "holders": ["%s"]}]}' % ("a" * 5000), 422, "bad_field", "lines[0].holders[0]"),
    ("holder that turns the line", '{"showId": "SHOW", "lines": [{"tierId": "TIER", "quantity": 1, "holders": ["a\\u202eb"]}]}', 422, "invalid_field", "lines[0].holders[0]"),
    ("holder with C1", '{"showId": "SHOW", "lines": [{"tierId": "TIER", "quantity": 1, "holders": ["a\\u0085"]}]}', 422, "invalid_field", "lines[0].holders[0]"),
    ("unknown show", '{"showId": "%s", "lines": [{"tierId": "TIER", "quantity": 1}]}' % SOME_ID, 404, "unknown_show", None),
    ("unknown tier", '{"showId": "SHOW", "lines": [{"tierId": "%s", "quantity": 1}]}' % SOME_ID, None, "unknown_tier", None),
]


@pytest.mark.parametrize("name, text, status, code, field", BODIES, ids=[case[0] for case in BODIES])
def test_a_bad_body_gets_its_own_answer(open_show, buyer, name, text, status, code, field):
    text = text.replace("SHOW", open_show[0]).replace("TIER", open_show[1])
    reply = buyer.send("POST", "/v1/registrations", raw=text.encode())
    assert 400 <= reply.status_code < 500
    problem = expect(reply, status or reply.status_code, code)
    if field is not None:
        assert problem.get("field") == field, problem
    assert len(problem["detail"]) < 500


@pytest.mark.parametrize("raw", [b'{"showId": "\xff\xfe"}', b'{"showId": "\xc0\xaf"}', b'{"showId": "\xed\xa0\x80"}',
                                 b'\xef\xbb\xbf{}', b'{"showId": "\xf5\x80\x80\x80"}'])
def test_bytes_that_are_not_utf8_are_refused(buyer, raw):
    expect(buyer.send("POST", "/v1/registrations", raw=raw), 400, "bad_json")


def test_a_fault_named_first_is_answered_first(buyer):
    """Two faults in one body: always the same answer."""
    raw = b'{"showId": 1, "lines": 2}'
    fields = {expect(buyer.send("POST", "/v1/registrations", raw=raw), 422)["field"] for _ in range(3)}
    assert fields == {"showId"}


def test_other_content_types_are_refused(buyer):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml"):
        reply = buyer.send("POST", "/v1/registrations", raw=b"{}", headers={"Content-Type": kind})
        expect(reply, 415)


def test_a_body_where_none_is_taken_is_refused(world, buyer):
    """Of every route without one, as the document lists them."""
    paths = expect(world.anybody.get("/openapi.json"), 200)["paths"]
    bare = [(method.upper(), re.sub(r"\{\w+\}", SOME_ID, path)) for path, methods in paths.items()
            for method, operation in methods.items() if method != "get" and "requestBody" not in operation]
    assert ("POST", f"/v1/registrations/{SOME_ID}/cancel") in bare and len(bare) > 5
    for method, path in bare:
        for raw in (b'{"amount": 1}', b"[]", b"null", b"x", b"{}{}"):
            expect(buyer.send(method, path, raw=raw), 400, "unexpected_body")


@pytest.mark.parametrize("raw", [b"", b"{}", b" {\r\n} "])
def test_an_empty_body_is_none(buyer, open_show, raw):
    with_hold = expect(buyer.reserve(open_show[0], [(open_show[1], 1)]), 201)
    expect(buyer.send("POST", f"/v1/registrations/{with_hold['registrationId']}/cancel", raw=raw), 200)


@pytest.mark.parametrize("field, value, code", [("currency", "XTS", "invalid_field"), ("currency", "HRK", "invalid_field"),
                                                ("currency", "ABC", "invalid_field"), ("currency", "eur", "bad_field"),
                                                ("language", "xx", "invalid_field"), ("language", "qqq-DE", "invalid_field")])
def test_a_currency_or_language_that_is_none_is_refused(world, field, value, code):
    body = {"title": "Evening", "zone": "Europe/Vienna", "startsLocal": "2027-05-01T20:00", "currency": "EUR", field: value}
    reply = world.organiser.post(f"/v1/businesses/{world.organiser.business_id}/shows", body)
    assert expect(reply, 422, code)["field"] == field


@pytest.mark.parametrize("path, body", [("/v1/users", {"password": "correct horse battery", "name": "Ada"}), ("/v1/guests", {})])
def test_an_account_with_a_language_that_is_none_is_refused(world, path, body):
    reply = world.anybody.post(path, {"email": f"{uuid.uuid4().hex}@example.com", "locale": "xx", **body})
    assert expect(reply, 422, "invalid_field")["field"] == "locale"


def test_a_huge_body_is_refused(buyer):
    reply = buyer.send("POST", "/v1/registrations", raw=b'{"showId": "' + b"a" * 3_000_000 + b'"}')
    expect(reply, 413)


# method, path, status
TARGETS = [
    ("GET", "/nowhere", 404),
    ("GET", "/v1/nowhere", 404),
    ("GET", "/v1/registrations", 405),
    ("PUT", "/payments/create-intent", 405),
    ("GET", "/tickets/validate", 405),
    ("DELETE", "/healthz", 405),
    ("GET", "/tickets/not-a-uuid/download", 400),
    ("GET", f"/tickets/{SOME_ID}/download", 404),
    ("GET", f"/tickets/REG%23{SOME_ID}/download", 400),
    ("GET", f"/v1/registrations/{SOME_ID}", 404),
    ("GET", "/v1/registrations/%zz", 400),
    ("GET", "/v1/registrations/%ff%fe", 400),
    ("GET", "/v1/registrations/%00", 400),
    ("GET", "/userTickets?userId=x", 400),
    ("GET", "/userTickets?userId=%", 400),
    ("GET", f"/userTickets/{SOME_ID}", None),
]


@pytest.mark.parametrize("method, path, status", TARGETS, ids=[f"{case[0]} {case[1]}" for case in TARGETS])
def test_a_bad_target_gets_its_own_answer(buyer, method, path, status):
    reply = buyer.send(method, path)
    if status is None:
        assert reply.status_code in (403, 404)
    else:
        expect(reply, status)
    if status == 405:
        assert reply.headers["Allow"]


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "é", "a" * 9000],
                         ids=["empty", "short", "dots", "alg none", "not ascii", "long"])
def test_a_bad_token_is_told_so(world, token):
    reply = world.anybody.get("/userTickets", headers={"Authorization": f"Bearer {token}".encode("utf-8")})
    assert reply.status_code in (400, 401, 431)
    expect(reply, reply.status_code)
    if reply.status_code == 401:
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")


class Wire:
    """One raw connection."""

    def __init__(self, base_url, limit_s=30):
        parts = urllib.parse.urlsplit(base_url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=limit_s)
        self.host = parts.netloc

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, text):
        self.socket.sendall(text.replace("HOST", self.host).encode("latin-1"))

    def rest(self):
        """Everything until the other side closes."""
        got = b""
        try:
            while part := self.socket.recv(65536):
                got += part
        except ConnectionResetError:
            pass
        return got.decode("latin-1")


RAW = [
    ("no HTTP", "hello\r\n\r\n"),
    ("version 3", "GET /healthz HTTP/3.0\r\nHost: HOST\r\n\r\n"),
    ("two lengths", "POST /v1/sessions HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef"),
    ("length and chunked", "POST /v1/sessions HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("negative length", "POST /v1/sessions HTTP/1.1\r\nHost: HOST\r\nContent-Length: -1\r\n\r\n"),
    ("endless length", "POST /v1/sessions HTTP/1.1\r\nHost: HOST\r\nContent-Length: 99999999999999999999\r\n\r\n"),
    ("bad chunk", "POST /v1/sessions HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"),
    ("space in name", "GET /healthz HTTP/1.1\r\nHost : HOST\r\n\r\n"),
    ("folded header", "GET /healthz HTTP/1.1\r\nHost: HOST\r\nX-A: b\r\n c\r\nX-Bad\r\n\r\n"),
    ("NUL in header", "GET /healthz HTTP/1.1\r\nHost: HOST\r\nX-A: b\0c\r\n\r\n"),
    ("long target", "GET /" + "a" * 20000 + " HTTP/1.1\r\nHost: HOST\r\n\r\n"),
    ("many headers", "GET /healthz HTTP/1.1\r\nHost: HOST\r\n" + "".join(f"X-{n}: 1\r\n" for n in range(500)) + "\r\n"),
    ("big header", "GET /healthz HTTP/1.1\r\nHost: HOST\r\nX-A: " + "a" * 100000 + "\r\n\r\n"),
]


@pytest.mark.parametrize("name, text", RAW, ids=[case[0] for case in RAW])
def test_a_broken_request_is_answered_or_closed(world, name, text):
    with Wire(world.base_url) as wire:
        try:
            wire.send(text)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = wire.rest()
    assert answer == "" or answer.startswith("HTTP/1.1 4") or answer.startswith("HTTP/1.1 505"), answer[:200]
    assert len(re.findall(r"^HTTP/1\.1 \d", answer, re.MULTILINE)) <= 1, "one broken request, two answers: smuggling"
    assert world.anybody.get("/healthz").status_code == 200


def test_pipelined_requests_are_answered_in_order(world):
    with Wire(world.base_url) as wire:
        one = "GET /healthz HTTP/1.1\r\nHost: HOST\r\nX-Request-Id: n{}\r\n\r\n"
        last = "GET /nowhere HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nX-Request-Id: last\r\n\r\n"
        wire.send("".join(one.format(number) for number in range(20)) + last)
        answer = wire.rest().lower()
    places = [answer.index(f"x-request-id: n{number}\r\n") for number in range(20)] + [answer.index("x-request-id: last")]
    assert places == sorted(places)


def test_bytes_one_at_a_time_are_a_request_all_the_same(world):
    with Wire(world.base_url) as wire:
        for character in "GET /healthz HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n".replace("HOST", wire.host):
            wire.send(character)
        assert wire.rest().startswith("HTTP/1.1 200")


def test_a_half_closed_connection_still_gets_its_answer(world):
    with Wire(world.base_url) as wire:
        wire.send("GET /healthz HTTP/1.1\r\nHost: HOST\r\n\r\n")
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.rest().startswith("HTTP/1.1 200")


def test_silent_connections_do_not_keep_others_out(world):
    wires = [Wire(world.base_url) for _ in range(200)]
    try:
        for wire in wires[:100]:
            wire.send("POST /v1/sessions HTTP/1.1\r\nHost: HOST\r\nContent-Le")
        begin = time.monotonic()
        assert world.anybody.get("/healthz").status_code == 200
        assert time.monotonic() - begin < 2
    finally:
        for wire in wires:
            wire.socket.close()


@pytest.mark.slow
def test_a_request_that_never_ends_is_closed(world):
    with Wire(world.base_url, limit_s=45) as wire:
        wire.send("GET /healthz HTTP/1.1\r\nHost: HOST\r\nX-Slow: ")
        begin = time.monotonic()
        answer = wire.rest()
        assert time.monotonic() - begin < 40
        assert answer == "" or answer.startswith("HTTP/1.1 408")


def test_a_client_that_leaves_early_harms_nobody(world, open_show, buyer):
    text = json.dumps(registration(open_show[0], open_show[1]))
    for _ in range(20):
        with Wire(world.base_url) as wire:
            wire.send(f"POST /v1/registrations HTTP/1.1\r\nHost: HOST\r\nAuthorization: Bearer {uuid.uuid4().hex}\r\n"
                      f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text[:-5]}")
    assert world.anybody.get("/healthz").status_code == 200
