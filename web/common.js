// What the pages share: words, money, and calls of the HTTP interface with the buyer's token.

export const by_id = (id) => document.getElementById(id);
export const language = document.documentElement.lang;
const words = JSON.parse(document.body.dataset.words);

export const say = (key, values = {}) =>
  Object.entries(values).reduce((text, [name, value]) => text.replaceAll(`{${name}}`, value), words[key] ?? key);

export const money = (minor, { currency, digits }) =>
  new Intl.NumberFormat(language, {
    style: "currency", currency, minimumFractionDigits: +digits, maximumFractionDigits: +digits,
  }).format(minor / 10 ** digits);

/// A path of ours in the language the visitor chose.
export const page_path = (path) => {
  const chosen = new URLSearchParams(location.search).get("lang");
  return chosen ? `${path}?lang=${encodeURIComponent(chosen)}` : path;
};

export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// The server's clock, by the header Date: the visitor's own may be wrong by hours. The header's second is counted as
// over, so that no page promises more time than there is.
let ahead_ms = 0;
export const now_ms = () => Date.now() + ahead_ms;

export class Refused extends Error {
  constructor(status, code, detail, field, retry_after_s) {
    super(words[`e_${code}_${field}`] ?? words[`e_${code}`] ?? (status < 500 && detail ? detail : words.e_fault));
    Object.assign(this, { status, code, field, retry_after_s });
  }
}

const limit_ms = 30000;

// `as_page`: with the cookie of who is signed in here, and the header that no foreign page can send.
async function send(method, path, body, token, as_page = false) {
  const headers = as_page ? { "Admit-Page": "1" } : {};
  if (body) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  let reply;
  try {
    reply = await fetch(path, {
      method, headers, body: body && JSON.stringify(body), credentials: as_page ? "same-origin" : "omit",
      keepalive: as_page, signal: AbortSignal.timeout(limit_ms),
    });
  } catch {
    throw new Refused(0, "offline");
  }
  const told = Date.parse(reply.headers.get("Date"));
  if (told) ahead_ms = told + 999 - Date.now();
  const is_json = /json/.test(reply.headers.get("Content-Type"));
  const content = reply.status === 204 ? null : is_json ? await reply.json() : await reply.text();
  if (!reply.ok) {
    throw new Refused(reply.status, content?.code, content?.detail, content?.field, +reply.headers.get("Retry-After"));
  }
  return { status: reply.status, content, retry_after_s: +reply.headers.get("Retry-After") };
}

/// Anybody's call.
export const call = async (method, path, body) => (await send(method, path, body)).content;

// One tab knows one buyer per registration: gone when the tab is closed, and never in a URL that a server sees.
const place = (registration) => `admit:${registration}`;
export const remember = (registration, session) => sessionStorage.setItem(place(registration), JSON.stringify(session));

/// Calls with an access token, renewed a little before it ends.
class Person {
  constructor(session) {
    this.session = session;
  }

  /// A token that is good for a while.
  async token() {
    if (!this.session || Date.parse(this.session.expiresAt) - now_ms() < 30000) {
      // Of several calls at once only one may spend the refresh token.
      this.renewal ??= this.renew().finally(() => (this.renewal = null));
      this.session = await this.renewal;
    }
    return this.session.accessToken;
  }

  async send(method, path, body) {
    return send(method, path, body, await this.token());
  }

  async call(method, path, body) {
    return (await this.send(method, path, body)).content;
  }
}

const pay_place = (registration) => `admit:pay:${registration}`;

/// Who was shown a link to pay for one registration: sees it and pays it while it is held, nothing else.
export class Payer extends Person {
  constructor(link) {
    super(null);
    this.link = link;
  }

  async token() {
    return this.link;
  }
}

/// The buyer of one registration: by what this tab remembers, or by the key behind the `#` of an order's link.
export class Buyer extends Person {
  constructor(registration, session) {
    super(session);
    this.registration = registration;
  }

  static async find(registration) {
    const behind = new URLSearchParams(location.hash.slice(1));
    const key = behind.get("k"), link = behind.get("p");
    if (link) {
      history.replaceState(null, "", location.pathname + location.search);
      sessionStorage.setItem(pay_place(registration), link);
    }
    if (key) {
      history.replaceState(null, "", location.pathname + location.search);
      const session = await call("POST", "/v1/guest-sessions", { registrationId: registration, key });
      remember(registration, session);
    }
    const kept = sessionStorage.getItem(place(registration));
    if (kept) return new Buyer(registration, JSON.parse(kept));
    const paying = sessionStorage.getItem(pay_place(registration));
    return paying ? new Payer(paying) : null;
  }

  static async sign_in(registration, email, password) {
    const session = await call("POST", "/v1/sessions", { email, password });
    const buyer = new Buyer(registration, session);
    await buyer.call("GET", `/v1/registrations/${registration}`);
    remember(registration, session);
    return buyer;
  }

  async renew() {
    const session = await call("POST", "/v1/sessions/refresh", { refreshToken: this.session.refreshToken });
    remember(this.registration, session);
    return session;
  }
}

// Says that there is a cookie, and nothing of it: without one nobody need ask.
const mark = "admit:signed-in";
/// One tab after the other.
const in_turn = (work) => (navigator.locks ? navigator.locks.request(mark, work) : work());

/// Who is signed in in this browser. The refresh token is a cookie that no script reads; the access token stays here.
export class Account extends Person {
  static async find() {
    if (!localStorage.getItem(mark)) return null;
    const account = new Account(null);
    try {
      account.session = await account.renew();
    } catch (fault) {
      if (fault.status !== 401) throw fault;
      localStorage.removeItem(mark);
      return null;
    }
    return account;
  }

  /// The cookie will be there when the visitor comes back.
  static expect() {
    localStorage.setItem(mark, "1");
  }

  static async enter(path, body) {
    const { content } = await send("POST", path, body, null, true);
    Account.expect();
    return new Account(content);
  }

  renew() {
    return in_turn(async () => (await send("POST", "/v1/sessions/refresh", {}, null, true)).content);
  }

  async leave() {
    await send("DELETE", "/v1/sessions/current", null, await this.token(), true);
    this.forget();
  }

  forget() {
    localStorage.removeItem(mark);
  }
}

export const show_fault = (element, fault) => {
  if (!(fault instanceof Refused)) console.error(fault);
  element.textContent = fault instanceof Refused ? fault.message : words.e_fault;
  element.hidden = false;
};

/// Runs `work` with the form's button off; what it refuses is shown in `fault`.
export async function guarded(button, fault, work) {
  if (button.disabled) return;
  button.disabled = true;
  fault.hidden = true;
  try {
    await work();
  } catch (refused) {
    show_fault(fault, refused);
  } finally {
    button.disabled = false;
  }
}

/// The buyer, or the account that is signed in here; asked to sign in where there is neither; `then` runs once there is one.
export async function with_buyer(registration, then) {
  const enter = by_id("enter");
  let reason, buyer;
  try {
    buyer = (await Buyer.find(registration)) ?? (await Account.find());
    if (buyer) return await then(buyer);
  } catch (fault) {
    if (fault.status !== 401 && fault.status !== 403) throw fault;
    if (buyer instanceof Payer) throw new Refused(401, "pay_link_over");
    sessionStorage.removeItem(place(registration));
    reason = fault;
  }
  enter.hidden = false;
  if (reason) show_fault(by_id("enter-fault"), reason);
  enter.addEventListener("submit", (event) => {
    event.preventDefault();
    guarded(enter.querySelector("button"), by_id("enter-fault"), async () => {
      const buyer = await Buyer.sign_in(registration, by_id("email").value.trim(), by_id("password").value);
      enter.hidden = true;
      await then(buyer);
    });
  });
}

const row = (label, value, tongue) => {
  const line = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  head.dir = "auto";
  if (tongue) head.lang = tongue;
  head.textContent = label;
  const cell = document.createElement("td");
  cell.textContent = value;
  line.append(head, cell);
  return line;
};

/// Lines, booking fees, total and the tax within them.
export function show_amounts(registration, show, page) {
  const in_words = (minor) => money(minor, page.dataset);
  const lines = registration.lines.map((line) =>
    row(`${line.quantity} × ${show.tiers.find((tier) => tier.tierId === line.tierId)?.name ?? ""}`,
        in_words(line.price * line.quantity), show.language));
  const sum = (field) => registration.lines.reduce((total, line) => total + line[field], 0);
  if (sum("fee")) lines.push(row(say("fees"), in_words(sum("fee"))));
  by_id("lines").replaceChildren(...lines);
  by_id("total").textContent = in_words(registration.amount);
  by_id("tax").textContent = in_words(sum("tax"));
  by_id("tax").closest("tr").hidden = !sum("tax");
}
