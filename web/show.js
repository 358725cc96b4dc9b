// The show page: choose tickets, say who buys, hold the places.

import { Account, Buyer, Refused, by_id, call, guarded, language, money, page_path, remember, say, show_fault } from "./common.js";

const form = by_id("order");

const inputs = () => [...form.querySelectorAll("input[data-tier]")];

function count() {
  const chosen = inputs().map((input) => ({
    tierId: input.dataset.tier, quantity: Math.max(0, Math.trunc(+input.value) || 0), input,
  })).filter((line) => line.quantity > 0);
  const sum = chosen.reduce((total, { quantity, input }) => total + quantity * (+input.dataset.price + +input.dataset.fee), 0);
  by_id("total").textContent = money(sum, form.dataset);
  form.querySelector("[type=submit]").disabled = chosen.length === 0;
  return chosen;
}

function step(button) {
  const input = button.parentElement.querySelector("input");
  const least = +input.dataset.least;
  const up = +button.dataset.step > 0;
  let next = (+input.value || 0) + (up ? 1 : -1);
  // Below a tier's minimum there is only none.
  if (next > 0 && next < least) next = up ? least : 0;
  input.value = Math.min(Math.max(next, 0), +input.max);
  count();
}

function invalid(input, is_invalid) {
  input.setAttribute("aria-invalid", is_invalid);
  if (is_invalid) input.focus();
  return is_invalid;
}

let account = null;

/// Whoever is signed in here need not say who buys.
async function greet() {
  account = await Account.find();
  if (!account) return;
  const { email } = await account.call("GET", "/v1/me");
  by_id("signed-in").textContent = say("buying_as", { email });
  by_id("signed-in").hidden = false;
  by_id("who").hidden = true;
}

/// The buyer by what the form says: an account's password, or a guest.
async function sign_in() {
  const [name, email, password] = ["name", "email", "password"].map(by_id);
  if (invalid(email, !email.checkValidity())) throw new Refused(422, "email");
  if (!password.value && invalid(name, !name.value.trim())) throw new Refused(422, "name");
  return password.value
    ? call("POST", "/v1/sessions", { email: email.value.trim(), password: password.value })
    : call("POST", "/v1/guests", { email: email.value.trim(), name: name.value.trim(), locale: language });
}

async function reserve() {
  const buyer = account ?? new Buyer("", await sign_in());
  const lines = count().map(({ tierId, quantity }) => ({ tierId, quantity }));
  const held = await buyer.call("POST", "/v1/registrations", { showId: form.dataset.show, lines });
  if (!account) remember(held.registrationId, buyer.session);
  location.assign(page_path(`/${held.status === "confirmed" ? "orders" : "checkout"}/${held.registrationId}`));
}

if (form) {
  form.addEventListener("click", (event) => {
    if (event.target.dataset.step) step(event.target);
  });
  form.addEventListener("input", count);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    guarded(form.querySelector("[type=submit]"), by_id("fault"), reserve);
  });
  // Coming back by the browser's button brings the numbers back, after the scripts.
  addEventListener("pageshow", count);
  count();
  greet().catch((fault) => show_fault(by_id("fault"), fault));
}
