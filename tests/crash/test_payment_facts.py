"""Each rule of payment_facts is seen to fail, on facts that are broken in one place."""

import copy

import pytest

from payment_facts import Charge, Facts, Order, Ticket, faults


def all_well():
    """One order paid by card, one given back, one late and given back, one in cash that was paid by card as well, one expired."""
    return Facts(
        capacities={"seat": 4},
        orders={"card": Order("seat", 2, 3000, "confirmed"), "back": Order("seat", 1, 1500, "confirmed"),
                "late": Order("seat", 1, 1500, "expired"), "cash": Order("seat", 1, 1500, "confirmed", cash=True),
                "gone": Order("seat", 1, 1500, "expired")},
        tickets=[Ticket("t1", "card", "seat", "valid"), Ticket("t2", "card", "seat", "used"),
                 Ticket("t3", "back", "seat", "revoked"), Ticket("t4", "cash", "seat", "valid")],
        charges=[Charge("pi_1", "card", 3000, 0), Charge("pi_2", "back", 1500, 1500), Charge("pi_3", "late", 1500, 1500),
                 Charge("pi_4", "cash", 1500, 1500)],
        charges_counted=4, provider_ledger={"sum": 0, "unbalanced": 0, "drifted": 0}, jobs={"done": 9},
        inbox={"applied": 5, "flagged": 2, "ignored": 1})


def test_facts_as_they_should_be_have_no_fault():
    assert faults(all_well()) == []


CHANGES = []


def change(name):
    """Breaks the facts in one place and returns what must be said about it."""
    def keep(function):
        CHANGES.append(pytest.param(function, id=name))
        return function
    return keep


@change("one place too few")
def _(facts):
    facts.capacities["seat"] = 2
    return "3 tickets for 2 places"


@change("paid, no tickets")
def _(facts):
    facts.orders["gone"].status = "confirmed"
    facts.charges.append(Charge("pi_5", "gone", 1500, 0))
    facts.charges_counted += 1
    return "kept, with 0 of 1 tickets"


@change("paid, expired, not given back")
def _(facts):
    facts.charges[2].refunded = 0
    return "kept, with 0 of 1 tickets"


@change("paid, tickets revoked, not given back")
def _(facts):
    facts.charges[1].refunded = 0
    return "kept, with 0 of 1 tickets"


@change("one ticket of two")
def _(facts):
    facts.tickets[1].status = "revoked"
    return "kept, with 1 of 2 tickets"


@change("not all of it given back")
def _(facts):
    facts.charges[2].refunded = 1499
    return "only 1499 of 1500 went back"


@change("given back twice")
def _(facts):
    facts.charges[1].refunded = 3000
    return "more went back than came"


@change("paid twice by card")
def _(facts):
    facts.charges.append(Charge("pi_5", "card", 3000, 0))
    facts.charges_counted += 1
    return "order card: paid 2 times"


@change("paid by card and in cash")
def _(facts):
    facts.charges[3].refunded = 0
    return "order cash: paid 2 times"


@change("another amount kept")
def _(facts):
    facts.charges[0].amount = 2999
    return "2999 kept for an order of 3000"


@change("a payment of no order")
def _(facts):
    facts.charges[0].registration = "nobody"
    return "of an order that nobody made: nobody"


@change("given back, tickets valid")
def _(facts):
    facts.tickets[2].status = "valid"
    return "order back: tickets that nobody paid for"


@change("the show cancelled, tickets valid")
def _(facts):
    facts.orders["cash"].cancelled_show = True
    return "order cash: tickets that nobody paid for"


@change("a ticket issued twice")
def _(facts):
    facts.tickets.append(copy.copy(facts.tickets[0]))
    return "ticket t1: issued 2 times"


@change("a ticket too many")
def _(facts):
    facts.tickets.append(Ticket("t5", "card", "seat", "revoked"))
    return "order card: confirmed, with 3 of 2 tickets"


@change("confirmed, no ticket")
def _(facts):
    facts.orders["gone"].status = "confirmed"
    return "order gone: confirmed, with 0 of 1 tickets"


@change("a ticket of no order")
def _(facts):
    facts.tickets.append(Ticket("t5", "nobody", "seat", "revoked"))
    return "ticket t5: of an order that nobody made"


@change("a job that waits")
def _(facts):
    facts.jobs["due"] = 1
    return "1 jobs are due"


@change("a job given up")
def _(facts):
    facts.jobs["dead"] = 2
    return "2 jobs are dead"


@change("an event that waits")
def _(facts):
    facts.inbox["waiting"] = 3
    return "3 events are waiting"


@change("an event that failed")
def _(facts):
    facts.inbox["failed"] = 1
    return "1 events are failed"


@change("a hold without end")
def _(facts):
    facts.orders["gone"].status = "expiring"
    return "1 orders are expiring"


@change("a message under way")
def _(facts):
    facts.undelivered = 1
    return "1 messages to post"


@change("the provider's ledger")
def _(facts):
    facts.provider_ledger["sum"] = -1
    return "sum is -1"


@change("a payment overlooked")
def _(facts):
    facts.charges_counted = 5
    return "counts 5 payments and lists 4"


@change("the office's own verify")
def _(facts):
    facts.verified, facts.verify_output = False, "the ledger sums to 1"
    return "admit verify: the ledger sums to 1"


@pytest.mark.parametrize("broken", CHANGES)
def test_what_is_broken_is_told(broken):
    facts = all_well()
    sentence = broken(facts)
    assert any(sentence in fault for fault in faults(facts)), faults(facts)
