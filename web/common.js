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
    super(words[`e_${code}`] ?? (status < 500 && detail ? detail : words.e_fault));
    Object.assign(this, { status, code, field, retry_after_s });
  }
}

const limit_ms = 30000;

async function send(method, path, body, token) {
  const headers = {};
  if (body) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  let reply;
  try {
    reply = await fetch(path, {
      method, headers, body: body && JSON.stringify(body), credentials: "omit", signal: AbortSignal.timeout(limit_ms),
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

/// The buyer of one registration: by what this tab remembers, or by the key behind the `#` of an order's link.
export class Buyer {
  constructor(registration, session) {
    this.registration = registration;
    this.session = session;
  }

  static async find(registration) {
    const key = new URLSearchParams(location.hash.slice(1)).get("k");
    if (key) {
      history.replaceState(null, "", location.pathname + location.search);
      const session = await call("POST", "/v1/guest-sessions", { registrationId: registration, key });
      remember(registration, session);
    }
    const kept = sessionStorage.getItem(place(registration));
    return kept ? new Buyer(registration, JSON.parse(kept)) : null;
  }

  static async sign_in(registration, email, password) {
    const session = await call("POST", "/v1/sessions", { email, password });
    const buyer = new Buyer(registration, session);
    await buyer.call("GET", `/v1/registrations/${registration}`);
    remember(registration, session);
    return buyer;
  }

  async send(method, path, body) {
    if (Date.parse(this.session.expiresAt) - now_ms() < 30000) {
      // Of several calls at once only one may spend the refresh token.
      this.renewal ??= call("POST", "/v1/sessions/refresh", { refreshToken: this.session.refreshToken })
        .finally(() => (this.renewal = null));
      this.session = await this.renewal;
      remember(this.registration, this.session);
    }
    return send(method, path, body, this.session.accessToken);
  }

  async call(method, path, body) {
    return (await this.send(method, path, body)).content;
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

/// The buyer, asked to sign in where this tab knows none; `then` runs once there is one.
export async function with_buyer(registration, then) {
  const enter = by_id("enter");
  let reason;
  try {
    const buyer = await Buyer.find(registration);
    if (buyer) return await then(buyer);
  } catch (fault) {
    if (fault.status !== 401 && fault.status !== 403) throw fault;
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
