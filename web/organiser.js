// A business: who works for it, its keys, what was changed. Each part is shown to the roles that may see it, by the table
// that the interface's document carries.

import { Account, by_id, call, guarded, language, page_path, say, show_fault } from "./common.js";

const fault = by_id("fault");
const roles = ["manager", "finance", "box_office", "gate"];
const when = (text) => new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(text));

function made(tag, values = {}, ...children) {
  const element = Object.assign(document.createElement(tag), values);
  element.append(...children);
  return element;
}

const line = (title, detail, ...actions) =>
  made("li", { className: "tier" },
       made("div", {}, made("b", { textContent: title, dir: "auto" }), made("span", { textContent: detail, className: "soft" })), ...actions);

function action(label, about, work) {
  const button = made("button", { type: "button", textContent: label });
  button.setAttribute("aria-label", `${label}: ${about}`);
  button.addEventListener("click", () => guarded(button, fault, work));
  return button;
}

const options = (values, label, chosen) =>
  values.map((value) => made("option", { value, textContent: label(value), selected: value === chosen }));

/// What each role may, and what a key may: as the document of the interface says of its routes.
async function read_table() {
  const document = await call("GET", "/openapi.json");
  const table = { owner: new Set(), manager: new Set(), finance: new Set(), box_office: new Set(), gate: new Set() };
  for (const path of Object.values(document.paths)) {
    for (const operation of Object.values(path)) {
      const [needed, ...more] = (operation["x-capability"] ?? []).filter((word) => word !== "operator");
      if (more.length > 0 || !(needed in parts)) continue;
      for (const role of operation["x-roles"] ?? []) table[role].add(needed);
    }
  }
  return { table, scopes: document.components.schemas.NewApiKey.properties.scopes.items.enum };
}

async function show_members(me, business) {
  const { members } = await me.call("GET", `/v1/businesses/${business}/members`);
  const again = () => show_members(me, business);
  by_id("members").replaceChildren(...members.filter((member) => !member.removedAt).map((member) => {
    const title = member.name || member.email || member.userId;
    const path = `/v1/businesses/${business}/members/${member.userId}`;
    if (member.role === "owner") return line(title, say("role_owner"));
    const choice = made("select", { ariaLabel: `${by_id("invite-role").labels[0].textContent}: ${title}` },
                        ...options(roles, (role) => say(`role_${role}`), member.role));
    choice.addEventListener("change", () => guarded(choice, fault, () => me.call("PATCH", path, { role: choice.value }).then(again)));
    return line(title, member.email ?? "", choice,
                action(say("remove"), title, () => me.call("DELETE", path).then(again)));
  }));
}

async function show_keys(me, business) {
  const path = `/v1/businesses/${business}/api-keys`;
  const { keys } = await me.call("GET", path);
  by_id("keys").replaceChildren(...keys.filter((key) => !key.revokedAt).map((key) =>
    line(key.name, `${say("added_at", { when: when(key.createdAt) })} · ${key.scopes.join(", ")}`,
         action(say("remove"), key.name, () => me.call("DELETE", `${path}/${key.keyId}`).then(() => show_keys(me, business))))));
}

/// The newest. An answer may hold few or none, and more lie behind it.
async function show_audit(me, business) {
  const entries = [];
  let cursor = "";
  for (let asked = 0; asked < 5 && cursor !== undefined && entries.length < 50; ++asked) {
    const page = await me.call("GET", `/v1/businesses/${business}/audit?limit=50${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    entries.push(...page.entries);
    cursor = page.nextCursor;
  }
  by_id("audit").replaceChildren(...entries.map((entry) =>
    line(entry.action, [when(entry.at), entry.actor, entry.address].filter(Boolean).join(" · "))));
}

const parts = { manage_members: show_members, manage_keys: show_keys, see_audit: show_audit };

async function show(me, table, business, role) {
  by_id("new-key").hidden = true;
  await Promise.all([...document.querySelectorAll("[data-may]")].map(async (part) => {
    part.hidden = !table[role].has(part.dataset.may);
    if (!part.hidden) await parts[part.dataset.may](me, business);
  }));
}

function on_submit(id, work) {
  const form = by_id(id);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    guarded(form.querySelector("[type=submit]"), fault, async () => {
      await work();
      form.reset();
    });
  });
}

async function begin() {
  const me = await Account.find();
  if (!me) return location.assign(`/account/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  const { businesses } = await me.call("GET", "/v1/me");
  by_id("none").hidden = businesses.length > 0;
  if (businesses.length === 0) return;
  const { table, scopes } = await read_table();
  const choice = by_id("business");
  choice.replaceChildren(...businesses.map(({ businessId, name }) => made("option", { value: businessId, textContent: name })));
  by_id("choice").hidden = businesses.length < 2;
  by_id("invite-role").replaceChildren(...options(roles, (role) => say(`role_${role}`)));
  by_id("scopes").replaceChildren(...scopes.map((scope) =>
    made("label", { className: "check" }, made("input", { type: "checkbox", value: scope }), made("code", { textContent: scope }))));
  const chosen = () => businesses.find(({ businessId }) => businessId === choice.value);
  choice.addEventListener("change", () => guarded(choice, fault, () => show(me, table, choice.value, chosen().role)));

  on_submit("invite", async () => {
    await me.call("POST", `/v1/businesses/${choice.value}/members`, { email: by_id("invite-email").value.trim(), role: by_id("invite-role").value });
    by_id("state").textContent = say("invited");
    by_id("state").hidden = false;
  });
  on_submit("make-key", async () => {
    const wanted = [...by_id("scopes").querySelectorAll(":checked")].map(({ value }) => value);
    const { key } = await me.call("POST", `/v1/businesses/${choice.value}/api-keys`, { name: by_id("key-name").value.trim(), scopes: wanted });
    by_id("new-key").querySelector("code").textContent = key;
    by_id("new-key").hidden = false;
    by_id("new-key").focus();
    await show_keys(me, choice.value);
  });
  await show(me, table, choice.value, chosen().role);
  by_id("page").hidden = false;
}

by_id("insecure").hidden = isSecureContext;
begin().catch((refused) => show_fault(fault, refused));
