// Drives a server that speaks Stripe's API with Stripe's own package: create, confirm, capture, cancel, refund, account,
// link, list events. Reads {apiBase, secretKey, connectedAccount} from standard input; prints what it saw as JSON.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import Stripe from "stripe";

const given = JSON.parse(readFileSync(0, "utf8"));
const base = new URL(given.apiBase);
const stripe = new Stripe(given.secretKey, {
  host: base.hostname,
  port: base.port,
  protocol: base.protocol.slice(0, -1),
  maxNetworkRetries: 2,
  timeout: 20_000,
  telemetry: false,
});

const order = {
  amount: 2500,
  currency: "eur",
  automatic_payment_methods: { enabled: true },
  application_fee_amount: 125,
  transfer_data: { destination: given.connectedAccount },
  metadata: { test: "package" },
};
const pay = { payment_method: "pm_card_visa", return_url: "https://shop.example/back" };

const created = await stripe.paymentIntents.create(order, { idempotencyKey: "package-1" });
assert.equal(created.status, "requires_payment_method");
const again = await stripe.paymentIntents.create(order, { idempotencyKey: "package-1" });
assert.equal(again.id, created.id);
await assert.rejects(stripe.paymentIntents.create({ ...order, amount: 9 }, { idempotencyKey: "package-1" }),
  Stripe.errors.StripeIdempotencyError);

const paid = await stripe.paymentIntents.confirm(created.id, pay);
assert.equal(paid.status, "succeeded");
assert.equal(paid.amount_received, 2500);
const expanded = await stripe.paymentIntents.retrieve(created.id, { expand: ["latest_charge"] });
assert.equal(expanded.latest_charge.object, "charge");
assert.equal(expanded.latest_charge.paid, true);

await assert.rejects(stripe.paymentIntents.cancel(created.id), (error) => {
  assert.equal(error.code, "payment_intent_unexpected_state");
  assert.equal(error.payment_intent.status, "succeeded");
  return true;
});

const held = await stripe.paymentIntents.create({ ...order, capture_method: "manual" });
const holding = await stripe.paymentIntents.confirm(held.id, pay);
assert.equal(holding.status, "requires_capture");
assert.equal(holding.amount_capturable, 2500);
const captured = await stripe.paymentIntents.capture(held.id, { amount_to_capture: 2000, application_fee_amount: 100 });
assert.equal(captured.status, "succeeded");
assert.equal(captured.amount_received, 2000);

const abandoned = await stripe.paymentIntents.create(order);
const cancelled = await stripe.paymentIntents.cancel(abandoned.id, { cancellation_reason: "abandoned" });
assert.equal(cancelled.status, "canceled");

const declined = await stripe.paymentIntents.create(order);
await assert.rejects(
  stripe.paymentIntents.confirm(declined.id, { ...pay, payment_method: "pm_card_visa_chargeDeclined" }),
  (error) => error instanceof Stripe.errors.StripeCardError && error.code === "card_declined");

const part = await stripe.refunds.create({
  payment_intent: created.id, amount: 1000, reverse_transfer: true, refund_application_fee: true,
});
assert.equal(part.amount, 1000);
assert.ok(["succeeded", "pending"].includes(part.status));
const rest = await stripe.refunds.create({ payment_intent: created.id, reverse_transfer: true, refund_application_fee: true });
assert.equal(rest.amount, 1500);
await assert.rejects(stripe.refunds.create({ payment_intent: created.id }), { code: "charge_already_refunded" });
assert.equal((await stripe.refunds.list({ payment_intent: created.id })).data.length, 2);

const account = await stripe.accounts.create({
  country: "DE",
  email: "organiser@shop.example",
  controller: {
    fees: { payer: "application" },
    losses: { payments: "application" },
    requirement_collection: "stripe",
    stripe_dashboard: { type: "express" },
  },
  capabilities: { card_payments: { requested: true }, transfers: { requested: true } },
});
assert.equal(account.charges_enabled, false);
assert.equal((await stripe.accounts.retrieve(account.id)).id, account.id);
const link = await stripe.accountLinks.create({
  account: account.id,
  refresh_url: "https://shop.example/refresh",
  return_url: "https://shop.example/return",
  type: "account_onboarding",
});
assert.ok(link.url.startsWith("http"));
await assert.rejects(stripe.paymentIntents.retrieve("pi_nobody"), { statusCode: 404, code: "resource_missing" });
await assert.rejects(stripe.paymentIntents.create({ ...order, colour: "red" }), { statusCode: 400, code: "parameter_unknown" });

const types = new Set();
let events = 0;
for await (const event of stripe.events.list({ limit: 3 })) {
  assert.equal(event.object, "event");
  types.add(event.type);
  if (++events === 500) break;
}
const some = await stripe.events.list({ types: ["charge.refunded"], limit: 1 });
assert.equal(some.data[0].type, "charge.refunded");
assert.equal((await stripe.events.retrieve(some.data[0].id)).id, some.data[0].id);
console.log(JSON.stringify({ types: [...types].sort() }));
