"""Gates: enrolled by a code that is good once, for all or some tiers, seen, revoked."""

import re

import api
import people
from api import Gate, expect, refused


def new_gate(world, show_id, **more):
    return expect(world.organiser.post(f"/v1/shows/{show_id}/gates", {"gate": "West", **more}), 201)


def test_the_code_is_good_once(world, open_show):
    made = new_gate(world, open_show[0])
    code = made["enrolment"]["code"]
    assert made["enrolled"] is False and "token" not in made
    assert made["enrolment"]["url"].endswith("/v1/gates/enrol#" + code)
    assert made["enrolment"]["qrSvg"].startswith("<svg") or "<svg" in made["enrolment"]["qrSvg"][:200]
    enrolled = expect(world.anybody.post("/v1/gates/enrol", {"code": code}), 200)
    assert enrolled["showId"] == open_show[0] and enrolled["gate"] == "West"
    assert Gate(world.base_url, enrolled["token"]).scan("x")["reason"] == "malformed"
    for wrong in (code, code[:-1] + "_", "enrol_x", enrolled["token"]):
        refused(world.anybody.post("/v1/gates/enrol", {"code": wrong}), "unknown_proof", 404)


def test_a_new_scanner_ends_the_one_before(world, open_show):
    made = new_gate(world, open_show[0])
    old = Gate(world.base_url, api.enrol(world.base_url, made["enrolment"]["code"]))
    steward = people.member(world, world.organiser, "gate")
    again = expect(steward.post(f"/v1/gates/{made['deviceId']}/enrolment"), 201)
    assert old.scan("x")["reason"] == "malformed"
    new = Gate(world.base_url, api.enrol(world.base_url, again["enrolment"]["code"]))
    expect(old.validate("x"), 401, "unauthenticated")
    assert new.scan("x")["reason"] == "malformed"
    refused(steward.post(f"/v1/shows/{open_show[0]}/gates", {"gate": "Mine"}), "forbidden", 403)


def test_a_gate_lets_in_its_tiers_only(world, open_show, customer):
    show_id, seat, free = open_show
    _, [ticket] = world.buy(customer, show_id, [(free, 1)])
    limited = new_gate(world, show_id, tierIds=[seat])
    assert limited["tierIds"] == [seat]
    gate = Gate(world.base_url, api.enrol(world.base_url, limited["enrolment"]["code"]))
    decided = gate.scan(ticket["qrCode"])
    assert (decided["valid"], decided["reason"]) == (False, "other_tier")
    assert gate.scan(ticket["qrCode"], direction="exit")["reason"] == "not_inside"
    elsewhere, [foreign] = world.organiser.create_show("Elsewhere", tiers=[{"price": 0}])
    refused(world.organiser.post(f"/v1/shows/{show_id}/gates", {"gate": "x", "tierIds": [foreign]}), "unknown_tier", 422)


def test_when_a_gate_was_seen_is_told(world, open_show):
    made = new_gate(world, open_show[0])

    def told():
        gates = expect(world.organiser.get(f"/v1/shows/{open_show[0]}/gates"), 200)["gates"]
        return next(one for one in gates if one["deviceId"] == made["deviceId"])

    gate = Gate(world.base_url, api.enrol(world.base_url, made["enrolment"]["code"]))
    assert told()["enrolled"] is True and "seenAt" not in told()
    gate.scan("x")
    assert re.fullmatch(r"[0-9T:-]+:00(\.000)?Z", told()["seenAt"])
    expect(world.organiser.send("DELETE", f"/v1/gates/{made['deviceId']}"), 200)
    expect(gate.validate("x"), 401, "unauthenticated")
    refused(world.organiser.post(f"/v1/gates/{made['deviceId']}/enrolment"), "unknown_device", 404)
