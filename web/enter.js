// Signing in and up, and asking for a new password.

import { Account, Refused, by_id, call, guarded, language, page_path, say, show_fault } from "./common.js";
import { has_passkeys, sign_in_with_passkey } from "./passkey.js";

/// Where the visitor was going: a path of ours, or the account.
function next() {
  const asked = new URLSearchParams(location.search).get("next") ?? "";
  const url = new URL(asked, location.origin);
  return /^\/[^/\\]/.test(asked) && url.origin === location.origin ? url.pathname + url.search + url.hash : page_path("/account");
}

const text = (id) => by_id(id).value.trim();

/// `work` on submit, with its refusals in the form.
function on_submit(id, work) {
  const form = by_id(id);
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    guarded(form.querySelector("[type=submit]"), by_id("fault"), work);
  });
  return form;
}

async function sign_in() {
  const code = text("code");
  try {
    await Account.enter("/v1/sessions", { email: text("email"), password: by_id("password").value, ...(code && { code }) });
  } catch (fault) {
    if (fault.code !== "second_factor_required") throw fault;
    by_id("second").hidden = false;
    by_id("code").required = true;
    by_id("code").focus();
    return;
  }
  location.assign(next());
}

async function sign_up() {
  const account = { email: text("email"), password: by_id("password").value, name: text("name"), locale: language };
  const business = text("business");
  await call("POST", "/v1/users", { ...account, ...(business && { business: { name: business } }) });
  await Account.enter("/v1/sessions", { email: account.email, password: account.password });
  location.assign(next());
}

async function forgot() {
  await call("POST", "/v1/password-resets", { email: text("email") });
  by_id("forgot").hidden = true;
  by_id("state").textContent = say("reset_sent");
  by_id("state").hidden = false;
}

if (on_submit("sign-in", sign_in)) {
  const button = by_id("passkey");
  button.hidden = by_id("or").hidden = !has_passkeys;
  button.addEventListener("click", () =>
    guarded(button, by_id("fault"), async () => {
      await sign_in_with_passkey();
      location.assign(next());
    }));
  call("GET", "/v1/identity-providers").then(({ providers }) =>
    by_id("providers").replaceChildren(...providers.filter(({ signInPath }) => signInPath).map(({ name, signInPath }) => {
      const line = document.createElement("li");
      const link = document.createElement("a");
      link.className = "button";
      link.href = `${signInPath}?next=${encodeURIComponent(next())}`;
      link.addEventListener("click", () => Account.expect());
      link.textContent = say("sign_in_with", { name });
      line.append(link);
      return line;
    }))).catch((fault) => show_fault(by_id("fault"), fault));
  const error = new URLSearchParams(location.search).get("error");
  if (error) show_fault(by_id("fault"), new Refused(400, /^[a-z_]{1,40}$/.test(error) ? error : "fault", say("e_external")));
}
on_submit("sign-up", sign_up);
on_submit("forgot", forgot);
by_id("insecure").hidden = isSecureContext;
