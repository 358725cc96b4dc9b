// What a link in a mail is good for. Its secret stands behind the `#` and is used when the visitor says so: programs that
// look at every link of a mail use up nothing.

import { Account, Refused, by_id, call, guarded, page_path, say, show_fault } from "./common.js";

const form = by_id("link");
const purpose = form.dataset.purpose;
// The secret waits in this tab while its visitor signs in, so that no server is told.
const kept = `link ${purpose}`;
const token = new URLSearchParams(location.hash.slice(1)).get("t") ?? sessionStorage.getItem(kept);
sessionStorage.removeItem(kept);
const paths = {
  verify_email: "/v1/users/verify", change_email: "/v1/email-changes", reset_password: "/v1/password-resets/done",
  join_business: "/v1/memberships",
};

function done(word) {
  history.replaceState(null, "", location.pathname + location.search);
  form.hidden = true;
  by_id("state").textContent = say(word);
  by_id("state").hidden = false;
}

async function use() {
  if (purpose !== "reset_password") {
    const account = await Account.find();
    if (!account) {
      sessionStorage.setItem(kept, token);
      location.assign(`/account/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
      return;
    }
    await account.call("POST", paths[purpose], { token });
  } else {
    await call("POST", paths[purpose], { token, ...(purpose === "reset_password" && { password: by_id("password").value }) });
  }
  done(`done_${purpose}`);
}

if (!token) show_fault(by_id("fault"), new Refused(404, "unknown_proof"));
form.querySelector("button").disabled = !token;
const disown = by_id("disown");
disown.hidden = purpose !== "verify_email" || !token;
disown.addEventListener("click", () =>
  guarded(disown, by_id("fault"), async () => {
    await call("POST", "/v1/users/disown", { token });
    done("done_disown");
  }));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  guarded(form.querySelector("button"), by_id("fault"), use);
});
