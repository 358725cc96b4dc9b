"""What must hold once everything has come to rest, of facts that others told: buyers' tickets as the office shows them,
payments as the provider's own books have them."""

import collections
import dataclasses


@dataclasses.dataclass
class Order:
    """A registration as the office's interface tells it."""

    tier: str
    quantity: int
    amount: int
    status: str
    cash: bool = False  # the box office took the money
    cancelled_show: bool = False


@dataclasses.dataclass
class Ticket:
    ticket_id: str
    registration: str
    tier: str
    status: str


@dataclasses.dataclass
class Charge:
    """Money that the provider took from a card."""

    intent: str
    registration: str
    amount: int
    refunded: int


@dataclasses.dataclass
class Facts:
    capacities: dict = dataclasses.field(default_factory=dict)  # of each tier
    orders: dict = dataclasses.field(default_factory=dict)  # by registration
    tickets: list = dataclasses.field(default_factory=list)
    charges: list = dataclasses.field(default_factory=list)
    charges_counted: int = 0  # of the provider's snapshot
    provider_ledger: dict = dataclasses.field(default_factory=dict)  # "sum", "unbalanced", "drifted": all 0
    undelivered: int = 0  # messages that the provider still has to post
    jobs: dict = dataclasses.field(default_factory=dict)  # of the office, by status
    inbox: dict = dataclasses.field(default_factory=dict)
    verified: bool = True
    verify_output: str = ""


def faults(facts):
    """A sentence for each thing that is not as it must be; none when all is well."""
    return [sentence for check in CHECKS for sentence in check(facts)]


def sold_over_capacity(facts):
    sold = collections.Counter(ticket.tier for ticket in facts.tickets if ticket.status != "revoked")
    return [f"tier {tier}: {count} tickets for {facts.capacities.get(tier, 0)} places"
            for tier, count in sold.items() if count > facts.capacities.get(tier, 0)]


def paid_for_nothing(facts):
    """Each payment is the one that its order's tickets were issued for, or has gone back to the last cent."""
    valid = collections.Counter(ticket.registration for ticket in facts.tickets if ticket.status in ("valid", "used"))
    found = []
    kept = collections.Counter()
    for charge in facts.charges:
        order = facts.orders.get(charge.registration)
        if order is None:
            found.append(f"payment {charge.intent} of an order that nobody made: {charge.registration}")
        elif charge.refunded > charge.amount:
            found.append(f"payment {charge.intent}: more went back than came")
        elif charge.refunded < charge.amount:
            kept[charge.registration] += 1
            if charge.refunded > 0:
                found.append(f"payment {charge.intent}: only {charge.refunded} of {charge.amount} went back")
            elif charge.amount != order.amount:
                found.append(f"payment {charge.intent}: {charge.amount} kept for an order of {order.amount}")
            elif valid[charge.registration] != order.quantity:
                found.append(f"payment {charge.intent}: kept, with {valid[charge.registration]} of {order.quantity} tickets")
    for registration, count in kept.items():
        if count + facts.orders[registration].cash > 1:
            found.append(f"order {registration}: paid {count + facts.orders[registration].cash} times")
    return found


def tickets_for_nothing(facts):
    """Tickets that let somebody in were paid for, by card or in cash."""
    kept = {charge.registration for charge in facts.charges if charge.refunded == 0}
    valid = {ticket.registration for ticket in facts.tickets if ticket.status in ("valid", "used")}
    return [f"order {registration}: tickets that nobody paid for" for registration in sorted(valid - kept)
            if registration not in facts.orders or not facts.orders[registration].cash
            or facts.orders[registration].cancelled_show]


def issued_wrongly(facts):
    """Each order has all its tickets once, or none."""
    found = [f"ticket {ticket_id}: issued {count} times"
             for ticket_id, count in collections.Counter(ticket.ticket_id for ticket in facts.tickets).items() if count > 1]
    issued = collections.Counter(ticket.registration for ticket in facts.tickets)
    for registration, order in facts.orders.items():
        if issued[registration] not in ((order.quantity,) if order.status == "confirmed" else (0, order.quantity)):
            found.append(f"order {registration}: {order.status}, with {issued[registration]} of {order.quantity} tickets")
    found += [f"ticket {ticket.ticket_id}: of an order that nobody made"
              for ticket in facts.tickets if ticket.registration not in facts.orders]
    return found


def not_at_rest(facts):
    found = [f"{count} jobs are {status}" for status, count in facts.jobs.items() if status != "done" and count]
    found += [f"{facts.inbox[status]} events are {status}" for status in ("waiting", "failed") if facts.inbox.get(status)]
    pending = collections.Counter(order.status for order in facts.orders.values())
    found += [f"{pending[status]} orders are {status}" for status in ("held", "expiring") if pending[status]]
    if facts.undelivered:
        found.append(f"the provider has {facts.undelivered} messages to post")
    return found


def books_differ(facts):
    found = [f"the provider's ledger: {name} is {value}" for name, value in facts.provider_ledger.items() if value != 0]
    if facts.charges_counted != len(facts.charges):
        found.append(f"the provider counts {facts.charges_counted} payments and lists {len(facts.charges)}")
    if not facts.verified:
        found.append("admit verify: " + facts.verify_output.strip()[-2000:])
    return found


CHECKS = (sold_over_capacity, paid_for_nothing, tickets_for_nothing, issued_wrongly, not_at_rest, books_differ)
