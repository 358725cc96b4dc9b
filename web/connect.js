// The way back from the payment provider: whoever began signs in, and the account is linked.

import { Buyer, by_id, call, guarded, page_path, say } from "./common.js";

const form = by_id("connect");

async function finish() {
  const session = await call("POST", "/v1/sessions", { email: by_id("email").value.trim(), password: by_id("password").value });
  const organiser = new Buyer("", session);
  try {
    const { code, state } = form.dataset;
    const business = await organiser.call("POST", "/v1/connect/oauth", { code, state });
    form.hidden = true;
    by_id("state").textContent = say(business.canSell ? "connected" : "connected_missing");
    by_id("state").hidden = false;
    history.replaceState(null, "", page_path(location.pathname));
  } catch (fault) {
    // The way back is used up by now.
    if (fault.code === "payment_refused" || fault.code === "provider_unavailable") fault.message = say("connect_refused");
    throw fault;
  } finally {
    await organiser.call("DELETE", "/v1/sessions/current").catch(() => {});
  }
}

if (form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    guarded(form.querySelector("button"), by_id("fault"), finish);
  });
}
