// The order: until the tickets are there, then the tickets, and what was given back.

import { by_id, call, guarded, money, now_ms, page_path, say, show_amounts, show_fault, wait, with_buyer } from "./common.js";

const page = by_id("page");
const id = page.dataset.registration;
const path = `/v1/registrations/${id}`;
const mark = `admit:paid:${id}`;
let just_paid = sessionStorage.getItem(mark) !== null;
/// A failure that the server knew of before this payment is not this one's.
const stale_ms = 15000;
const limit_ms = 120000;
const at_once = 4;

const state = (key, is_done = false) => {
  by_id("state").textContent = [key].flat().map((one) => say(one)).join(" ");
  by_id("state").className = is_done ? "done" : "note";
  by_id("state").hidden = false;
};

async function pdf(buyer, ticket) {
  const link = await buyer.call("GET", `/v1/tickets/${ticket.ticketId}/download`);
  location.assign(link.downloadUrl);
}

function show_ticket(buyer, ticket, show, owner, of) {
  const card = by_id("ticket").content.cloneNode(true).firstElementChild;
  card.querySelector("h2").textContent = say("ticket", { n: ticket.number, of });
  card.querySelector(".holder").textContent = ticket.holder || owner.name;
  const tier = show.tiers.find((one) => one.tierId === ticket.tierId)?.name ?? "";
  card.querySelector(".tier-name").textContent = tier;
  card.querySelector(".tier-name").lang = show.language;
  by_id("tickets").append(card);
  const image = card.querySelector("img");
  if (ticket.status !== "valid") {
    card.classList.toggle("void", ticket.status !== "used");
    card.querySelector(".tier-name").append(` · ${say(`ticket_${ticket.status}`)}`);
  }
  const button = card.querySelector(".pdf");
  button.setAttribute("aria-label", `${button.textContent}: ${say("ticket", { n: ticket.number, of })}`);
  button.addEventListener("click", () => guarded(button, by_id("fault"), () => pdf(buyer, ticket)));
  return async () => {
    const svg = await buyer.call("GET", `/v1/tickets/${ticket.ticketId}/qr.svg`);
    image.src = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
    image.alt = say("qr_of", { n: ticket.number });
  };
}

/// The caller's tickets of this registration, page by page.
async function tickets_of(buyer, registration) {
  const found = [];
  let cursor = "";
  do {
    const list = await buyer.call("GET", `/v1/userTickets?limit=1000${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    found.push(...list.tickets.filter((ticket) => ticket.registrationId === id));
    cursor = list.nextCursor;
  } while (cursor && found.length < registration.ticketIds.length);
  return found.sort((a, b) => a.number - b.number);
}

async function show_tickets(buyer, registration, show) {
  const [tickets, owner] = await Promise.all([tickets_of(buyer, registration), buyer.call("GET", "/v1/me")]);
  by_id("tickets").replaceChildren();
  const drawings = tickets.map((ticket) => show_ticket(buyer, ticket, show, owner, tickets.length));
  const next = async () => {
    for (let draw = drawings.shift(); draw; draw = drawings.shift()) await draw();
  };
  await Promise.all(Array.from({ length: at_once }, next));
}

/// What became of money on its way back; false where there is none.
function show_refunds(registration) {
  const refunds = registration.refunds.filter((refund) => refund.amount > 0 && refund.status !== "cancelled");
  const sum = (is_counted) => refunds.filter(is_counted).reduce((total, refund) => total + refund.amount, 0);
  const returned = sum((refund) => refund.status === "succeeded");
  by_id("refunded").hidden = returned === 0;
  by_id("refunded").lastElementChild.textContent = money(returned, page.dataset);
  if (refunds.length === 0) return false;
  if (sum((refund) => refund.status === "failed") > 0) state("refund_failed");
  else if (sum((refund) => refund.status !== "succeeded") > 0) state("refund_pending");
  else state(returned < registration.amount ? "refund_partial" : "refund_done", true);
  return true;
}

async function confirmed(buyer, registration, show) {
  sessionStorage.removeItem(mark);
  if (!show_refunds(registration)) state("confirmed", true);
  by_id("resend").hidden = false;
  await show_tickets(buyer, registration, show);
}

/// What an order that is not paid yet is waiting for, as a key of the words.
function waits_for(registration, opened_ms) {
  const payment = registration.paymentStatus;
  if (payment === "processing") {
    failed_before = false;
    return "processing";
  }
  const is_stale = just_paid && failed_before && now_ms() - opened_ms < stale_ms;
  if ((payment === "failed" || payment === "cancelled") && !is_stale) {
    sessionStorage.removeItem(mark);
    just_paid = false;
    return ["pay_failed", "still_held"];
  }
  if (just_paid) return "being_made";
  return payment === "requires_action" ? "needs_action" : "not_paid";
}

let failed_before = just_paid;

async function look(buyer, show) {
  const opened_ms = now_ms();
  const until = opened_ms + limit_ms;
  for (let pause_ms = 400; ; pause_ms = Math.min(pause_ms * 1.5, 5000)) {
    const registration = await buyer.call("GET", path);
    show_amounts(registration, show, page);
    by_id("money").hidden = false;
    if (registration.status === "confirmed") return confirmed(buyer, registration, show);
    if (registration.status === "expired" || registration.status === "cancelled") {
      sessionStorage.removeItem(mark);
      by_id("unpaid").hidden = true;
      by_id("again").hidden = false;
      return show_refunds(registration) || state(registration.status === "expired" ? "expired" : "given_back");
    }
    const reason = waits_for(registration, opened_ms);
    const can_pay = registration.status === "held" && Date.parse(registration.expiresAt) > now_ms();
    by_id("unpaid").hidden = !can_pay || reason === "being_made" || reason === "processing";
    state(Array.isArray(reason) && !can_pay ? reason[0] : reason);
    if (now_ms() > until) {
      if (reason === "being_made") state("takes_longer");
      by_id("look").hidden = false;
      return;
    }
    await wait(pause_ms);
  }
}

with_buyer(id, async (buyer) => {
  const show = await call("GET", `/v1/shows/${page.dataset.show}`);
  page.hidden = false;
  by_id("look").firstElementChild.addEventListener("click", () => {
    by_id("look").hidden = true;
    look(buyer, show).catch((fault) => show_fault(by_id("fault"), fault));
  });
  by_id("resend").addEventListener("click", (event) =>
    guarded(event.target, by_id("fault"), async () => {
      await buyer.call("POST", `${path}/mail`);
      state("resent", true);
    }));
  await look(buyer, show);
}).catch((fault) => show_fault(by_id("fault"), fault));
