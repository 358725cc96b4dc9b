"""The link to a ticket's PDF: for its owner, for a quarter of an hour, and not to be altered."""

import datetime
import urllib.parse

import pytest

from api import Caller, expect
from paper import decode_with_both, is_sound, page_count, text_of


@pytest.fixture(scope="module")
def bought(world, open_show):
    customer = world.customer()
    _, [ticket] = world.buy(customer, open_show[0], [(open_show[1], 1, ["Ίρις Παπαδοπούλου"])])
    return customer, ticket


def link_of(customer, ticket):
    return expect(customer.get(f"/tickets/{ticket['ticketId']}/download"), 200)


def test_the_owner_gets_a_link_for_a_quarter_of_an_hour(bought):
    customer, ticket = bought
    link = link_of(customer, ticket)
    expires = datetime.datetime.fromisoformat(link["expiresAt"].replace("Z", "+00:00"))
    left = (expires - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    assert 890 <= left <= 905
    assert set(link) == {"downloadUrl", "expiresAt"}


def test_the_link_needs_nothing_else_and_is_not_cached(world, bought):
    reply = Caller(world.base_url).get(link_of(*bought)["downloadUrl"])
    assert reply.status_code == 200
    assert reply.headers["Content-Type"] == "application/pdf"
    assert "no-store" in reply.headers["Cache-Control"]
    assert reply.headers["Content-Disposition"].startswith("attachment")


def test_the_document_is_sound(world, bought):
    customer, ticket = bought
    pdf = Caller(world.base_url).get(link_of(customer, ticket)["downloadUrl"]).content
    assert page_count(pdf) == 1 and is_sound(pdf)
    text = text_of(pdf)
    for words in ("Doors open", "Old Mill", "Ίρις Παπαδοπούλου", "Seat", "TEST"):
        assert words in text, f"{words} is not on the ticket:\n{text}"
    assert decode_with_both(pdf) == [ticket["qrCode"]]


def test_others_get_none(world, bought):
    _, ticket = bought
    path = f"/tickets/{ticket['ticketId']}/download"
    expect(world.anybody.get(path), 401)
    expect(Caller(world.base_url, "not-a-token").get(path), 401)
    stranger = world.customer().get(path)
    assert stranger.status_code in (403, 404)
    expect(stranger, stranger.status_code)


def test_an_altered_link_opens_nothing(world, bought):
    url = link_of(*bought)["downloadUrl"]
    _, other = world.buy(bought[0], bought[1]["eventId"], [(bought[1]["tierId"], 1)])
    parts = urllib.parse.urlsplit(url)
    query = urllib.parse.parse_qsl(parts.query)
    assert query, "a signed link carries its signature in the query"
    altered = [
        url.replace(bought[1]["ticketId"], other[0]["ticketId"]),
        url.split("?")[0],
        url + "0",
        url[:-1],
    ]
    for index, (name, value) in enumerate(query):
        changed = list(query)
        changed[index] = (name, str(int(value) + 900) if value.isdigit() else value[:-1] + ("0" if value[-1] != "0" else "1"))
        altered.append(urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode(changed))))
        dropped = query[:index] + query[index + 1:]
        altered.append(urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode(dropped))))
    for link in altered:
        assert link != url
        reply = Caller(world.base_url).get(link)
        assert reply.status_code in (400, 403, 404), (link, reply.status_code)
        assert not reply.content.startswith(b"%PDF")


def test_the_host_of_the_request_does_not_reach_the_link(bought):
    customer, ticket = bought
    reply = customer.get(f"/tickets/{ticket['ticketId']}/download",
                         headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    if reply.status_code == 200:
        assert "evil.example" not in reply.json()["downloadUrl"]


def test_no_path_leaves_the_folder(world, bought):
    url = link_of(*bought)["downloadUrl"]
    parts = urllib.parse.urlsplit(url)
    folder = parts.path.rsplit("/", 1)[0]
    for name in ("..%2f..%2fadmit.db", "%2e%2e/%2e%2e/admit.db", "....//admit.db", "%00", "a" * 5000):
        reply = Caller(world.base_url).get(urllib.parse.urlunsplit(parts._replace(path=f"{folder}/{name}")))
        assert reply.status_code in (400, 403, 404, 414), (name, reply.status_code)


@pytest.mark.parametrize("kind, begins", [("pdf", b"%PDF-"), ("qr.png", b"\x89PNG"), ("qr.svg", b"<")])
def test_the_ticket_in_each_form(world, bought, kind, begins):
    customer, ticket = bought
    path = f"/v1/tickets/{ticket['ticketId']}/{kind}"
    reply = customer.get(path)
    assert reply.status_code == 200 and reply.content.startswith(begins), reply.text[:200]
    assert world.anybody.get(path).status_code == 401
    assert world.customer().get(path).status_code in (403, 404)
