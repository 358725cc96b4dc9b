// The account: who it is, its tickets, how it is signed in to, where it is signed in, its data.

import { Account, Refused, by_id, call, guarded, language, page_path, say, show_fault } from "./common.js";
import { add_passkey, has_passkeys } from "./passkey.js";

const fault = by_id("fault");
const when = (text) => new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(text));

function done(key) {
  by_id("state").textContent = say(key);
  by_id("state").hidden = false;
  by_id("state").scrollIntoView({ block: "center" });
}

/// A line of a list: what it is, a smaller line below, and what can be done with it.
function line(title, detail, ...actions) {
  const item = document.createElement("li");
  item.className = "tier";
  const texts = document.createElement("div");
  const name = document.createElement("b");
  name.dir = "auto";
  name.textContent = title;
  const more = document.createElement("span");
  more.className = "soft";
  more.textContent = detail;
  texts.append(name, more);
  item.append(texts, ...actions);
  return item;
}

function action(label, about, work) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = label;
  button.setAttribute("aria-label", `${label}: ${about}`);
  button.addEventListener("click", () => guarded(button, fault, work));
  return button;
}

function on_submit(id, work) {
  const form = by_id(id);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    guarded(form.querySelector("[type=submit]"), fault, async () => {
      await work();
      form.querySelectorAll("input[type=password], input[autocomplete=one-time-code]").forEach((input) => (input.value = ""));
    });
  });
}
const on_click = (id, work) => by_id(id).addEventListener("click", () => guarded(by_id(id), fault, work));

/// What only who proved lately who they are may do; asked for the password where that was too long ago.
async function proven(me, work) {
  try {
    return await work();
  } catch (refused) {
    if (refused.code !== "confirm_first" || !by_id("prove")) throw refused;
  }
  const form = by_id("prove");
  const password = by_id("prove-password");
  form.hidden = false;
  password.focus();
  await new Promise((resolve, reject) => {
    form.onsubmit = (event) => {
      event.preventDefault();
      resolve();
    };
    by_id("prove-cancel").onclick = () => reject(new Refused(403, "confirm_first"));
  }).finally(() => (form.hidden = true));
  const code = by_id("prove-code");
  const typed = { password: password.value, ...(code.value.trim() && { code: code.value.trim() }) };
  password.value = code.value = "";
  await me.call("POST", "/v1/sessions/current/proof", typed);
  return work();
}

const to_sign_in = () => location.assign(page_path("/account/sign-in"));

async function show_orders(me) {
  const { tickets } = await me.call("GET", "/v1/userTickets?limit=1000");
  const orders = new Map();
  for (const ticket of tickets) orders.set(ticket.registrationId, [...(orders.get(ticket.registrationId) ?? []), ticket]);
  const ids = [...new Set(tickets.map((ticket) => ticket.showId))];
  const shows = new Map(await Promise.all(ids.map(async (id) => [id, await call("GET", `/v1/shows/${id}`)])));
  const lines = [...orders].map(([registration, of]) => ({ registration, count: of.length, show: shows.get(of[0].showId) }));
  lines.sort((a, b) => Date.parse(b.show.startsAt) - Date.parse(a.show.startsAt));
  by_id("orders").replaceChildren(...lines.map(({ registration, count, show }) => {
    const link = document.createElement("a");
    link.className = "button";
    link.href = page_path(`/orders/${registration}`);
    link.textContent = say("open");
    link.setAttribute("aria-label", `${say("open")}: ${show.title}`);
    return line(show.title, `${when(show.startsAt)} · ${say("tickets", { n: count })}`, link);
  }));
  by_id("no-orders").hidden = lines.length > 0;
}

async function show_passkeys(me) {
  const { passkeys } = await me.call("GET", "/v1/me/passkeys");
  by_id("passkeys").replaceChildren(...passkeys.map((passkey) =>
    line(passkey.name, passkey.usedAt ? say("used_at", { when: when(passkey.usedAt) }) : say("added_at", { when: when(passkey.createdAt) }),
         action(say("remove"), passkey.name, async () => {
           await me.call("DELETE", `/v1/me/passkeys/${passkey.passkeyId}`);
           await show_passkeys(me);
         }))));
}

async function show_factor(me, is_on) {
  by_id("prove-second").hidden = !is_on;
  by_id("prove-code").required = is_on;
  by_id("factor-off").hidden = is_on;
  by_id("factor-on").hidden = !is_on;
  by_id("confirm-factor").hidden = true;
}

async function begin_factor(me) {
  const begun = await proven(me, () => me.call("POST", "/v1/me/second-factor"));
  const svg = await me.call("GET", "/v1/me/second-factor/qr.svg");
  by_id("factor-qr").src = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  by_id("factor-secret").textContent = begun.secret;
  by_id("factor-off").hidden = true;
  by_id("confirm-factor").hidden = false;
  by_id("factor-code").focus();
}

async function confirm_factor(me) {
  const { recoveryCodes } = await me.call("POST", "/v1/me/second-factor/confirm", { code: by_id("factor-code").value.trim() });
  await show_factor(me, true);
  by_id("recovery-codes").replaceChildren(...recoveryCodes.map((code) => {
    const item = document.createElement("li");
    item.textContent = code;
    return item;
  }));
  by_id("recovery").hidden = false;
  by_id("recovery").focus();
}

async function show_sessions(me) {
  const { sessions } = await me.call("GET", "/v1/sessions");
  by_id("sessions").replaceChildren(...sessions.map((session) => {
    const is_this = session.sessionId === me.session.sessionId;
    const about = browser(session.agent);
    const detail = `${say("made_at", { when: when(session.createdAt) })} · ${session.address}`;
    return line(is_this ? `${about} (${say("here")})` : about, detail, ...(is_this ? [] : [
      action(say("end"), about, async () => {
        await me.call("DELETE", `/v1/sessions/${session.sessionId}`);
        await show_sessions(me);
      }),
    ]));
  }));
  by_id("end-others").hidden = sessions.length < 2;
}

/// The few words of a User-Agent that its owner knows.
function browser(agent) {
  const of = (list) => list.find(([sign]) => agent.includes(sign))?.[1];
  const name = of([["Edg/", "Edge"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]]);
  const system = of([["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Windows", "Windows"], ["Mac OS", "macOS"], ["Linux", "Linux"]]);
  return [name, system].filter(Boolean).join(", ") || agent || "–";
}

async function show_identities(me) {
  const { identities } = await me.call("GET", "/v1/me/identities");
  by_id("linked").hidden = identities.length === 0;
  by_id("identities").replaceChildren(...identities.map((identity) =>
    line(identity.email || identity.subject, identity.issuer, action(say("remove"), identity.issuer, async () => {
      await me.call("DELETE", `/v1/me/identities/${identity.identityId}`);
      await show_identities(me);
    }))));
}

async function download(me) {
  const whole = await me.call("GET", "/v1/me/export");
  while (whole.nextCursor) {
    const more = await me.call("GET", `/v1/me/export?cursor=${encodeURIComponent(whole.nextCursor)}`);
    for (const list of ["registrations", "tickets", "payments"]) whole[list].push(...more[list]);
    whole.nextCursor = more.nextCursor;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(whole, null, 2)], { type: "application/json" }));
  link.download = "tickets.json";
  link.click();
}

/// Who signs in in another way only has no password to give.
function show_password_fields(has_password) {
  for (const id of ["email-password", "old-password", "factor-password", "erase-password"]) {
    by_id(id).required = has_password;
    by_id(id).hidden = by_id(id).labels[0].hidden = !has_password;
  }
}

function show_profile(user) {
  by_id("who").textContent = user.name || user.email;
  by_id("email-line").textContent = user.email;
  by_id("username").value = user.email;
  by_id("name").value = user.name;
  by_id("unverified").hidden = user.emailVerified;
}

async function begin() {
  const me = await Account.find();
  if (!me) return to_sign_in();
  const user = await me.call("GET", "/v1/me");
  show_profile(user);
  show_password_fields(user.hasPassword);
  by_id("to-organiser").hidden = user.businesses.length === 0;
  by_id("add-passkey").hidden = !has_passkeys;
  by_id("page").hidden = false;

  on_click("leave", async () => {
    await me.leave();
    to_sign_in();
  });
  on_click("verify", async () => {
    await me.call("POST", "/v1/me/verification-mail");
    done("mail_sent");
  });
  on_submit("profile", async () => {
    show_profile(await me.call("PATCH", "/v1/me", { name: by_id("name").value.trim() }));
    done("saved");
  });
  on_submit("change-email", async () => {
    await me.call("POST", "/v1/me/email", { email: by_id("new-email").value.trim(), password: by_id("email-password").value });
    done("mail_sent");
  });
  on_submit("change-password", async () => {
    await me.call("POST", "/v1/me/password", { password: by_id("old-password").value, newPassword: by_id("new-password").value });
    done("saved");
    await show_sessions(me);
  });
  on_submit("add-passkey", async () => {
    await proven(me, () => add_passkey(me, by_id("passkey-name").value.trim()));
    by_id("passkey-name").value = "";
    done("passkey_added");
    await show_passkeys(me);
  });
  on_click("begin-factor", () => begin_factor(me));
  on_submit("confirm-factor", async () => {
    await confirm_factor(me);
    await show_sessions(me);
  });
  on_submit("factor-on", async () => {
    await me.call("DELETE", "/v1/me/second-factor", { password: by_id("factor-password").value, code: by_id("remove-code").value.trim() });
    by_id("recovery").hidden = true;
    await show_factor(me, false);
    done("factor_off");
  });
  on_click("end-others", async () => {
    await me.call("DELETE", "/v1/sessions");
    await show_sessions(me);
    done("others_ended");
  });
  on_click("export", () => download(me));
  on_submit("erase", async () => {
    await me.call("DELETE", "/v1/me", { password: by_id("erase-password").value });
    me.forget();
    by_id("page").hidden = true;
    done("erased");
  });
  await Promise.all([show_orders(me), show_passkeys(me), show_factor(me, user.secondFactor), show_sessions(me), show_identities(me)]);
}

by_id("insecure").hidden = isSecureContext;
begin().catch((refused) => show_fault(fault, refused));
