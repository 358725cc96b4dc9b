// The checkout: the hold runs, tickets get their holders' names, the payment provider's own form takes the card.

import { Payer, Refused, by_id, call, guarded, language, money, now_ms, page_path, say, show_amounts, show_fault, wait, with_buyer } from "./common.js";

const page = by_id("page");
const id = page.dataset.registration;
const path = `/v1/registrations/${id}`;
const state = (text) => {
  by_id("state").textContent = text;
  by_id("state").hidden = !text;
};

// A link that only pays does not open the order.
const to_order = () => (buyer instanceof Payer ? over(say("e_pay_link_over")) : location.replace(page_path(`/orders/${id}`)));

let buyer, registration, stripe, elements, client_secret;
let is_paying = false;

function over(text) {
  page.remove();
  state(text);
  by_id("again").hidden = false;
}

const left_ms = () => Date.parse(registration.expiresAt) - now_ms();

function tick() {
  if (!page.isConnected) return;
  const left_s = Math.max(0, Math.ceil(left_ms() / 1000));
  by_id("left").textContent = `${Math.floor(left_s / 60)}:${String(left_s % 60).padStart(2, "0")}`;
  by_id("clock").classList.toggle("late", left_s <= 60);
  if (left_s === 60 || left_s === 120) by_id("warning").textContent = say("minutes_left", { n: left_s / 60 });
  // A payment under way is not cut off here: the server holds the places a little longer than it says.
  if (left_s === 0 && !is_paying) return expire();
  setTimeout(tick, 1000 - (now_ms() % 1000));
}

async function expire() {
  try {
    registration = await buyer.call("GET", path);
  } catch {
    // Without an answer the time is over all the same.
  }
  if (registration.status === "confirmed") return to_order();
  if (registration.status === "held" && left_ms() > 0) return tick();
  over(say("expired"));
}

function show_holders(show) {
  let number = 0;
  by_id("holders").replaceChildren(...registration.lines.flatMap((line, at) => {
    const tier = show.tiers.find((one) => one.tierId === line.tierId)?.name ?? "";
    return Array.from({ length: line.quantity }, (_, k) => {
      number += 1;
      const block = document.createElement("div");
      const label = document.createElement("label");
      label.htmlFor = `holder${number}`;
      label.textContent = say("holder", { n: number, tier });
      const input = document.createElement("input");
      Object.assign(input, { id: `holder${number}`, value: line.holders[k] ?? "", maxLength: 60, dir: "auto", autocomplete: "off" });
      input.dataset.line = at;
      block.append(label, input);
      return block;
    });
  }));
}

async function save_holders() {
  if (buyer instanceof Payer) return;
  const lines = registration.lines.map((line, at) => ({
    tierId: line.tierId,
    holders: [...document.querySelectorAll(`#holders [data-line="${at}"]`)].map((input) => input.value.trim()),
  }));
  if (lines.every((line, at) => line.holders.every((name, k) => name === (registration.lines[at].holders[k] ?? "")))) return;
  registration = await buyer.call("PATCH", path, { lines });
}

/// Begins the payment, or finds the one begun before. 202: the provider is slow, ask again.
async function begin() {
  for (let tries = 0; tries < 20; tries += 1) {
    try {
      const reply = await buyer.send("POST", "/v1/payments/create-intent", { registrationId: id });
      if (reply.status === 200) return reply.content;
      await wait(1000 * (reply.retry_after_s || 2));
    } catch (refused) {
      if (refused.status !== 503 && refused.status !== 429 && refused.status !== 0) throw refused;
      await wait(1000 * (refused.retry_after_s || 2));
    }
    by_id("payment").textContent = say("provider_slow");
  }
  throw new Refused(503, "provider_unavailable");
}

const load_script = (url) => new Promise((resolve, reject) => {
  const script = document.createElement("script");
  script.src = url;
  script.onload = resolve;
  script.onerror = () => reject(new Refused(0, "offline"));
  document.head.append(script);
});

/// What the buyer reads of a refused card: our words where we have some, else the provider's.
function declined(error) {
  const reason = say(`d_${error.decline_code || error.code}`);
  const text = reason.startsWith("d_") ? (error.type === "card_error" || error.type === "validation_error" ? error.message : say("e_fault")) : reason;
  // What is missing in the form says the form itself.
  return error.type === "validation_error" ? text : `${text} ${say("still_held")}`;
}

function show_declined(error) {
  const fault = by_id("fault");
  fault.textContent = declined(error);
  fault.hidden = false;
  fault.focus();
}

async function mount(config, intent) {
  const options = { locale: language, apiVersion: config.apiVersion };
  if (intent.stripeAccount) options.stripeAccount = intent.stripeAccount;
  if (!window.Stripe) await load_script(config.paymentScript);
  stripe = window.Stripe(config.publishableKey, options);
  const is_dark = matchMedia("(prefers-color-scheme: dark)").matches;
  elements = stripe.elements({ clientSecret: client_secret, locale: language, appearance: { theme: is_dark ? "night" : "stripe" } });
  by_id("payment").replaceChildren();
  const element = elements.create("payment");
  element.on("ready", () => (by_id("submit").disabled = false));
  element.on("loaderror", () => show_fault(by_id("fault"), new Refused(0, "offline")));
  element.mount("#payment");
}

async function pay() {
  is_paying = true;
  try {
    await save_holders();
    const return_url = location.origin + page_path(`/checkout/${id}`);
    const { error, paymentIntent } = await stripe.confirmPayment({ elements, confirmParams: { return_url }, redirect: "if_required" });
    if (error) return show_declined(error);
    if (["succeeded", "processing", "requires_capture"].includes(paymentIntent.status)) return paid();
    show_declined({ code: "authentication_required" });
  } finally {
    is_paying = false;
  }
}

function paid() {
  sessionStorage.setItem(`admit:paid:${id}`, "1");
  to_order();
}

/// After the bank's page: what became of it.
async function after_return() {
  const came_back = new URLSearchParams(location.search).has("payment_intent");
  if (!came_back) return;
  history.replaceState(null, "", page_path(location.pathname));
  const { error, paymentIntent } = await stripe.retrievePaymentIntent(client_secret);
  if (error) return show_declined(error);
  if (["succeeded", "processing", "requires_capture"].includes(paymentIntent.status)) return paid();
  if (paymentIntent.last_payment_error) show_declined(paymentIntent.last_payment_error);
  else if (paymentIntent.status === "requires_action") show_declined({ code: "authentication_required" });
}

async function begin_paying() {
  const [config, intent] = await Promise.all([call("GET", "/v1/config"), begin()]);
  client_secret = intent.clientSecret;
  await mount(config, intent);
  await after_return();
}

async function open(found) {
  buyer = found;
  const show_path = `/v1/shows/${page.dataset.show}`;
  const [mine, show] = await Promise.all([buyer.call("GET", path), call("GET", show_path)]);
  registration = mine;
  if (registration.status === "confirmed") return to_order();
  if (registration.status === "cancelled") return over(say("given_back"));
  if (registration.paymentStatus === "processing") return to_order();
  if (registration.status !== "held" || left_ms() <= 0) return over(say("expired"));
  show_amounts(registration, show, page);
  show_holders(show);
  by_id("naming").hidden = by_id("giving-back").hidden = buyer instanceof Payer;
  by_id("submit").textContent = say("pay", { amount: money(registration.amount, page.dataset) });
  page.hidden = false;
  tick();
  by_id("payment").textContent = say("wait");
  try {
    await begin_paying();
  } catch (refused) {
    if (refused.code === "already_paid") return to_order();
    by_id("payment").replaceChildren();
    show_fault(by_id("fault"), refused);
  }
}

by_id("holders").addEventListener("change", () => save_holders().catch((refused) => show_fault(by_id("fault"), refused)));
by_id("pay").addEventListener("submit", (event) => {
  event.preventDefault();
  guarded(by_id("submit"), by_id("fault"), pay);
});
by_id("give-back").addEventListener("click", (event) =>
  guarded(event.target, by_id("fault"), async () => {
    registration = await buyer.call("POST", `${path}/cancel`);
    over(say("given_back"));
  }));

with_buyer(id, open).catch((fault) => show_fault(by_id("state"), fault));
