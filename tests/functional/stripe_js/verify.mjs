// Verifies a signed webhook as Stripe's own package does. Reads {payload, header, secret} from standard input, prints
// the event's type; every altered form of it has to be refused.
import { readFileSync } from "node:fs";
import Stripe from "stripe";

const { payload, header, secret } = JSON.parse(readFileSync(0, "utf8"));
const { webhooks } = new Stripe("sk_test_contract");
const event = webhooks.constructEvent(payload, header, secret);

const altered = [
  ["body", payload + "\n", header, secret],
  ["signature", payload, header.replace(/.$/, (last) => (last === "0" ? "1" : "0")), secret],
  ["time", payload, header.replace(/t=\d+/, "t=1000000000"), secret],
  ["secret", payload, header, secret + "x"],
];
for (const [name, ...given] of altered) {
  let refused = false;
  try {
    webhooks.constructEvent(...given);
  } catch (error) {
    refused = error instanceof Stripe.errors.StripeSignatureVerificationError;
  }
  if (!refused) throw new Error(`an altered ${name} was accepted`);
}
console.log(event.type);
