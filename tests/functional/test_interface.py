"""The compatibility interface: paths at the root, ids in both forms, one route each for what a user has."""

import pytest

from api import expect


@pytest.fixture(scope="module")
def owner(world, open_show):
    customer = world.customer()
    registration_id, tickets = world.buy(customer, open_show[0], [(open_show[1], 2)])
    return customer, registration_id, tickets


def rows(reply):
    return next(value for value in expect(reply, 200).values() if isinstance(value, list))


@pytest.mark.parametrize("route", ["/userTickets", "/userQRcodes"])
@pytest.mark.parametrize("form", ["{r}", "{r}/{u}", "{r}?userId={u}", "{r}/USER%23{u}", "/v1{r}"])
def test_what_a_user_has(owner, route, form):
    customer, _, tickets = owner
    found = rows(customer.get(form.format(r=route, u=customer.user_id)))
    assert {row["ticketId"] for row in found} == {ticket["ticketId"] for ticket in tickets}
    assert {row["qrCode"] for row in found} == {ticket["qrCode"] for ticket in tickets}


@pytest.mark.parametrize("route", ["/userTickets", "/userQRcodes", "/businessShows"])
def test_another_users_is_not_shown(world, owner, route):
    stranger = world.customer()
    for form in (f"{route}/{owner[0].user_id}", f"{route}?userId={owner[0].user_id}"):
        reply = stranger.get(form)
        assert reply.status_code in (403, 404), reply.text
    expect(world.anybody.get(route), 401)


@pytest.mark.parametrize("form", ["/businessShows", "/businessShows/{u}", "/businessShows?userId={u}"])
def test_shows_of_a_users_business(world, open_show, form):
    found = rows(world.organiser.get(form.format(u=world.organiser.user_id)))
    ids = {row.get("showId") or row.get("eventId") for row in found}
    assert open_show[0] in ids and world.demo["showId"] in ids


def test_a_ticket_has_the_names_of_the_interface(owner):
    for ticket in owner[2]:
        for name in ("ticketId", "registrationId", "eventId", "userId", "tierId", "qrCode", "encoding", "status", "s3Key",
                     "generatedAt", "validatedAt"):
            assert name in ticket, ticket


def test_ids_are_read_with_and_without_their_prefix(world, open_show, owner):
    customer, registration_id, tickets = owner
    ticket_id = tickets[0]["ticketId"]
    for form in (ticket_id, f"TICKET%23{ticket_id}", ticket_id.upper()):
        expect(customer.get(f"/tickets/{form}/download"), 200)
    for form in (registration_id, f"REG%23{registration_id}"):
        assert expect(customer.get(f"/v1/registrations/{form}"), 200)["registrationId"] == registration_id
    held = expect(customer.post("/v1/registrations", {
        "showId": f"EVENT#{open_show[0]}", "lines": [{"tierId": open_show[1], "quantity": 1}]}), 201)
    intent = expect(customer.create_intent(f"REG#{held['registrationId']}", 2500), 200)
    assert intent["paymentIntentId"]
    customer.cancel(held["registrationId"])
    body = {"registrationId": f"REG#{registration_id}", "eventId": f"EVENT#{open_show[0]}",
            "userId": f"USER#{customer.user_id}"}
    expect(world.operator.post("/v1/tickets/generate", body), 200)


def test_both_homes_of_a_path_answer_alike(owner):
    customer, _, tickets = owner
    path = f"/tickets/{tickets[0]['ticketId']}/download"
    assert set(expect(customer.get(path), 200)) == set(expect(customer.get("/v1" + path), 200))


class TestService:
    def test_health_and_readiness(self, world):
        for path in ("/healthz", "/readyz"):
            assert world.anybody.get(path).status_code == 200

    def test_metrics_are_prometheus_text(self, world):
        reply = world.anybody.get("/metrics")
        assert reply.status_code == 200 and reply.headers["Content-Type"].startswith("text/plain")
        for line in reply.text.splitlines():
            assert line.startswith("#") or len(line.rsplit(" ", 1)) == 2, line
            if not line.startswith("#"):
                float(line.rsplit(" ", 1)[1])

    def test_every_answer_carries_a_request_id(self, world):
        own = world.anybody.get("/healthz", headers={"X-Request-Id": "my-id.1"})
        assert own.headers["X-Request-Id"] == "my-id.1"
        first, second = (world.anybody.get("/nowhere") for _ in range(2))
        assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
        assert first.json()["requestId"] == first.headers["X-Request-Id"]
        bad = world.anybody.get("/healthz", headers={"X-Request-Id": "a b<script>"})
        assert bad.headers["X-Request-Id"] != "a b<script>"

    def test_openapi_names_every_route_of_the_interface(self, world):
        document = expect(world.anybody.get("/openapi.json"), 200)
        assert document["openapi"].startswith("3.1")
        for path in ("/payments/create-intent", "/payments/webhook", "/tickets/{id}/download", "/tickets/validate",
                     "/validateQRcode", "/userTickets", "/businessShows", "/userQRcodes", "/v1/registrations",
                     "/v1/tickets/generate"):
            shape = "/".join("{}" if part.startswith("{") else part for part in path.split("/"))
            known = {"/".join("{}" if part.startswith("{") else part for part in each.split("/"))
                     for each in document["paths"]}
            assert shape in known, path

    def test_head_and_options(self, world):
        head = world.anybody.send("HEAD", "/healthz")
        assert head.status_code == 200 and head.content == b""
        options = world.anybody.send("OPTIONS", "/v1/registrations")
        assert options.status_code in (200, 204) and "POST" in options.headers["Allow"]

    def test_no_origin_is_allowed_unless_configured(self, world):
        reply = world.anybody.get("/healthz", headers={"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in reply.headers
