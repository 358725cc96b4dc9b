"""What an organiser takes away."""

import csv
import io

import people
from api import expect, refused


def table(reply):
    assert reply.status_code == 200, reply.text
    assert reply.headers["Content-Type"] == "text/csv; charset=utf-8" and "attachment" in reply.headers["Content-Disposition"]
    text = reply.content.decode("utf-8")
    assert text.startswith("\ufeff") and text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def test_the_tables_of_a_show(world):
    organiser = world.organiser
    show_id, [seat] = organiser.create_show("Tables", tiers=[{"name": "=SUM(A1)", "price": 2500}])
    buyer = world.customer(name="+Ada, \"the\" first")
    held = expect(buyer.reserve(show_id, [(seat, 2, ["@cmd", "Bob"])]), 201)["registrationId"]
    expect(organiser.post(f"/v1/registrations/{held}/cash"), 200)
    [row] = table(organiser.get(f"/v1/shows/{show_id}/registrations.csv"))
    assert row["registrationId"] == held and row["status"] == "confirmed" and row["email"] == buyer.email
    assert row["buyer"] == "'+Ada, \"the\" first" and row["tier"] == "'=SUM(A1)" and row["holders"] == "'@cmd; Bob"
    assert (row["quantity"], row["gross"], row["currency"]) == ("2", "5000", "EUR")
    [paid] = table(organiser.get(f"/v1/shows/{show_id}/transactions.csv"))
    assert (paid["provider"], paid["amount"], paid["soldBy"]) == ("cash", "5000", f"user:{organiser.user_id}")
    listed = expect(organiser.get(f"/v1/shows/{show_id}/registrations"), 200)["registrations"]
    assert [one["registrationId"] for one in listed] == [held]


def test_only_for_who_may_take_data_away(world):
    organiser = world.organiser
    show_id, _ = organiser.create_show("Tables of others", tiers=[{"price": 0}])
    path = f"/v1/shows/{show_id}/registrations.csv"
    refused(people.owner(world).get(path), "forbidden", 403)
    refused(people.member(world, organiser, "box_office").get(path), "forbidden", 403)
    assert table(people.member(world, organiser, "finance").get(path)) == []
    refused(organiser.get(path + "?cursor=AAAA"), "invalid_field", 422)


def test_an_organiser_sees_of_a_customer_what_is_for_its_own_shows(world, open_show):
    customer, other = world.customer(), people.owner(world)
    _, [ticket] = world.buy(customer, open_show[0], [(open_show[2], 1)])
    other_show, [free] = other.create_show("Elsewhere", tiers=[{"price": 0}])
    _, [foreign] = world.buy(customer, other_show, [(free, 1)])
    foreign = [one for one in customer.all_tickets() if one["showId"] == other_show][0]
    for path in (f"/userTickets/{customer.user_id}", f"/v1/userTickets?userId={customer.user_id}"):
        for organiser, own in ((world.organiser, ticket), (other, foreign)):
            [told] = expect(organiser.get(path), 200)["tickets"]
            assert told["ticketId"] == own["ticketId"] and told["status"] == "valid"
            assert not {"qrCode", "encoding", "s3Key"} & set(told)
        assert len(expect(world.operator.get(path), 200)["tickets"]) == 2
        refused(world.customer().get(path), "forbidden", 403)
    # What is elsewhere shows in no page and no cursor.
    stranger = people.owner(world)
    for organiser, own in ((world.organiser, [ticket]), (other, [foreign]), (stranger, [])):
        told = expect(organiser.get(f"/userTickets/{customer.user_id}?limit=1"), 200)
        assert [one["ticketId"] for one in told["tickets"]] == [one["ticketId"] for one in own]
        assert "nextCursor" not in told
    _, [second] = world.buy(customer, open_show[0], [(open_show[2], 1)])
    path = f"/userTickets/{customer.user_id}?limit=1"
    first = expect(world.organiser.get(path), 200)
    rest = expect(world.organiser.get(f"{path}&cursor={first['nextCursor']}"), 200)
    assert "nextCursor" not in rest
    assert {one["ticketId"] for one in first["tickets"] + rest["tickets"]} == {ticket["ticketId"], second["ticketId"]}
    refused(world.organiser.get(f"/userQRcodes/{customer.user_id}"), "forbidden", 403)
    refused(world.operator.get(f"/userQRcodes/{customer.user_id}"), "forbidden", 403)
