#include "payment/sandbox/pages.hpp"

#include <array>

#include "crypto/html.hpp"

namespace admit::payment::sandbox {

using crypto::html_text;

namespace {

constexpr std::string_view head = R"(<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>TEST</title>
<style>body{font:18px/1.5 sans-serif;max-width:28em;margin:12vh auto;padding:0 1em}
button{font:inherit;padding:.5em 1em;margin:0 1em 1em 0}b{background:#fd0;padding:0 .4em}input{font:inherit}</style>
<p><b>TEST &ndash; no money moves</b>
)";

constexpr std::string_view lab = R"(<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Payments lab</title>
<style>body{font:15px/1.45 sans-serif;margin:1.5em;max-width:80em}b.test{background:#fd0;padding:0 .4em}
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ccc;padding:.25em .6em;text-align:left;
vertical-align:top}tr.pick{cursor:pointer}tr.pick:hover{background:#eef}button,select,input{font:inherit;margin:.15em}
fieldset{border:1px solid #ccc;margin:.8em 0}pre{background:#f4f4f4;padding:.6em;overflow:auto}.bad{color:#a00}
.call{color:#555}.event{color:#036}</style>
<h1>Payments lab</h1><p><b class="test">TEST &ndash; no money moves</b> <span id="state"></span></p>
<form id="enter"><label>Secret key of the sandbox <input id="key" type="password" autocomplete="off" size="40"></label>
<button>Open</button></form>
<div id="lab" hidden>
<fieldset><legend>Everything</legend>
<button data-post="/__sbx/drain">Deliver all now</button><button data-post="/__sbx/hold">Hold deliveries</button>
<button data-post="/__sbx/release">Release</button>
<button data-post="/__sbx/release?order=reverse">Release in reverse</button>
<button data-post="/__sbx/clock/advance" data-form="seconds=600">+10 min</button>
<button data-post="/__sbx/clock/advance" data-form="seconds=86400">+1 day</button>
<select id="profile"><option>prompt<option>calm<option>realistic<option>chaos<option>outage</select>
<button id="take">Take this profile</button><button id="fresh">Look again</button></fieldset>
<table><thead><tr><th>Payment<th>Amount<th>State<th>Account<th>Made</tr></thead><tbody id="payments"></tbody></table>
<section id="one" hidden><h2 id="title"></h2><fieldset id="tools"></fieldset>
<table><thead><tr><th>When<th>What<th>Outcome</tr></thead><tbody id="story"></tbody></table></section>
<h2>Events</h2>
<form id="tell"><label>Tell of <input id="about" required size="34" placeholder="pi_…, ch_…, re_…, dp_…, acct_…"></label>
<label>the event <input id="type" required size="34" list="types" placeholder="payment_intent.succeeded"></label>
<datalist id="types"></datalist><button>Send</button></form>
<table><thead><tr><th>When<th>What<th>Of<th>Account<th>Event</tr></thead><tbody id="events"></tbody></table>
<h2>As a command</h2><pre id="curl"></pre><h2>State</h2><pre id="snapshot"></pre></div>
<script src="/sandbox/lab.js"></script></html>
)";

constexpr std::string_view lab_js = R"JS('use strict';
(() => {
  const by = (id) => document.getElementById(id);
  let key = sessionStorage.getItem('sbx-key') || '';
  let open = null;
  const types = ['payment_intent.created', 'payment_intent.requires_action', 'payment_intent.processing',
    'payment_intent.amount_capturable_updated', 'payment_intent.succeeded', 'payment_intent.payment_failed',
    'payment_intent.canceled', 'charge.succeeded', 'charge.failed', 'charge.captured', 'charge.expired', 'charge.updated',
    'charge.refunded', 'refund.created', 'refund.updated', 'refund.failed', 'charge.dispute.created',
    'charge.dispute.updated', 'charge.dispute.funds_withdrawn', 'charge.dispute.funds_reinstated',
    'charge.dispute.closed', 'radar.early_fraud_warning.created', 'transfer.created', 'transfer.reversed',
    'application_fee.created', 'application_fee.refunded', 'payout.paid', 'payout.failed', 'account.updated',
    'account.application.deauthorized'];

  async function call(method, path, form) {
    const reply = await fetch(path, {method, body: form, headers: {
      Authorization: 'Bearer ' + key, 'Content-Type': 'application/x-www-form-urlencoded',
      ...(open && open.account ? {'Stripe-Account': open.account} : {})}});
    const body = await reply.json();
    if (!reply.ok) throw new Error((body.error && body.error.message) || body.detail || String(reply.status));
    return body;
  }
  const cell = (row, text, name) => {
    const one = row.insertCell();
    one.textContent = text;
    if (name) one.className = name;
  };
  const at = (ms) => new Date(ms).toISOString().replace('T', ' ').slice(0, 23);
  function told(text, bad) {
    by('state').textContent = text;
    by('state').className = bad ? 'bad' : '';
  }
  async function act(path, form) {
    by('curl').textContent = `curl -X POST ${location.origin}${path} -H "Authorization: Bearer $SANDBOX_KEY"` +
      (open && open.account ? ` -H "Stripe-Account: ${open.account}"` : '') + (form ? ` -d '${form}'` : '');
    try {
      const body = await call('POST', path, form || '');
      told('done: ' + JSON.stringify(body).slice(0, 120));
    } catch (error) {
      told(error.message, true);
    }
    await look();
  }
  function tool(text, path, form) {
    const button = document.createElement('button');
    button.textContent = text;
    button.onclick = () => act(path, form);
    by('tools').append(button);
  }
  function againButton(event) {
    const again = document.createElement('button');
    again.textContent = 'Post again';
    again.onclick = () => act(`/__sbx/events/${event}/resend`, 'times=1');
    return again;
  }
  async function story() {
    if (!open) return;
    const found = await call('GET', '/__sbx/timeline?subject=' + encodeURIComponent(open.id));
    by('one').hidden = false;
    by('title').textContent = open.id;
    by('tools').replaceChildren();
    const about = encodeURIComponent(open.id);
    tool('Refund', '/v1/refunds', 'payment_intent=' + about);
    tool('Dispute', '/__sbx/disputes', 'payment_intent=' + about + '&kind=chargeback');
    tool('Inquiry', '/__sbx/disputes', 'payment_intent=' + about + '&kind=inquiry');
    tool('Fraud warning', '/__sbx/disputes', 'payment_intent=' + about + '&kind=warning');
    tool('Bank says yes', '/__sbx/payment_intents/' + about + '/settle', 'outcome=succeeded');
    tool('Bank says no', '/__sbx/payment_intents/' + about + '/settle', 'outcome=failed');
    tool('Cancel', '/v1/payment_intents/' + about + '/cancel');
    tool('Capture', '/v1/payment_intents/' + about + '/capture');
    const lines = found.calls.map((one) => ({at: one.at_ms, name: 'call', what: `${one.method} ${one.path}`,
      outcome: one.status + (one.code ? ' ' + one.code : '') + ' ' + one.request_id}));
    for (const event of found.events) {
      lines.push({at: event.at_ms, name: 'event', what: event.type, outcome: event.id, event: event.id});
      for (const one of event.attempts) {
        lines.push({at: one.at_ms || one.due_ms, name: 'delivery', what: event.type + ' to ' + one.endpoint,
          outcome: one.result + (one.took_ms === undefined ? '' : ` in ${one.took_ms} ms`) + (one.fault ? ' ' + one.fault : '')});
      }
    }
    lines.sort((a, b) => a.at - b.at);
    by('story').replaceChildren();
    for (const line of lines) {
      const row = by('story').insertRow();
      cell(row, at(line.at));
      cell(row, line.what, line.name);
      cell(row, line.outcome);
      if (line.event) row.lastChild.append(' ', againButton(line.event));
    }
  }
  async function look() {
    try {
      const snapshot = await call('GET', '/__sbx/snapshot');
      const {payments, events} = await call('GET', '/__sbx/timeline');
      by('enter').hidden = true;
      by('lab').hidden = false;
      by('profile').value = snapshot.faults.profile;
      by('snapshot').textContent = JSON.stringify(snapshot, null, 1);
      by('payments').replaceChildren();
      for (const payment of payments) {
        const row = by('payments').insertRow();
        row.className = 'pick';
        cell(row, payment.id);
        cell(row, payment.amount + ' ' + payment.currency);
        cell(row, payment.status);
        cell(row, payment.account);
        cell(row, at(payment.created * 1000));
        row.onclick = () => {
          open = payment;
          by('about').value = payment.id;
          story().catch((error) => told(error.message, true));
        };
      }
      by('events').replaceChildren();
      for (const event of events) {
        const row = by('events').insertRow();
        cell(row, at(event.at_ms));
        cell(row, event.type, 'event');
        cell(row, event.subject);
        cell(row, event.account);
        cell(row, event.id);
        row.lastChild.append(' ', againButton(event.id));
      }
      await story();
    } catch (error) {
      by('enter').hidden = false;
      if (key) told(error.message, true);
    }
  }
  by('enter').onsubmit = (event) => {
    event.preventDefault();
    key = by('key').value.trim();
    sessionStorage.setItem('sbx-key', key);
    look();
  };
  for (const button of document.querySelectorAll('button[data-post]')) {
    button.onclick = () => act(button.dataset.post, button.dataset.form);
  }
  by('types').append(...types.map((type) => new Option(type)));
  by('tell').onsubmit = (event) => {
    event.preventDefault();
    act('/__sbx/events', new URLSearchParams({type: by('type').value.trim(), object: by('about').value.trim()}).toString());
  };
  by('take').onclick = () => act('/__sbx/faults', 'profile=' + by('profile').value);
  by('fresh').onclick = look;
  if (key) look();
})();
)JS";

constexpr std::string_view stripe_js = R"JS('use strict';
// A stand-in for Stripe.js: the part a checkout page with the Payment Element needs. TEST - no money moves.
(() => {
  // What stands before our own path: a server may pass us on under its own address.
  const base = document.currentScript.src.replace(/\/(v3|sandbox\/stripe\.js)([?#].*)?$/, '');
  const quick = [
    ['pay', '4242 pay', '4242 4242 4242 4242'],
    ['decline', 'decline', '4000 0000 0000 0002'],
    ['3ds', '3-D Secure', '4000 0027 6000 3184'],
    ['slow', 'slow bank', '4000 0000 0000 7106'],
    ['late', 'pay late', '4000 0000 0000 7304'],
  ];
  const intentOf = (secret) => {
    const match = /^(pi_[A-Za-z0-9]+)_secret_[A-Za-z0-9]+$/.exec(String(secret));
    if (!match) throw new Error('clientSecret is not the client secret of a PaymentIntent');
    return match[1];
  };
  const make = (name, style, parts) => {
    const node = document.createElement(name);
    Object.assign(node.style, style || {});
    Object.assign(node, parts || {});
    return node;
  };

  class PaymentElement {
    constructor() {
      this.listeners = {};
      this.node = null;
      this.fields = {};
    }
    on(name, listener) {
      (this.listeners[name] = this.listeners[name] || []).push(listener);
      return this;
    }
    once(name, listener) {
      const wrapped = (event) => { this.off(name, wrapped); listener(event); };
      return this.on(name, wrapped);
    }
    off(name, listener) {
      this.listeners[name] = (this.listeners[name] || []).filter((one) => listener && one !== listener);
      return this;
    }
    tell(name, more) {
      for (const listener of this.listeners[name] || []) listener({elementType: 'payment', ...more});
    }
    field(name, label, hint, limit, autocomplete) {
      const text = make('label', {display: 'block', margin: '0 0 .6em'}, {textContent: label});
      const input = make('input', {display: 'block', width: '100%', boxSizing: 'border-box', font: 'inherit', padding: '.5em'},
        {id: 'sbx-card-' + name, placeholder: hint, maxLength: limit, inputMode: 'numeric', autocomplete});
      input.addEventListener('input', () => this.changed());
      input.addEventListener('focus', () => this.tell('focus'));
      input.addEventListener('blur', () => this.tell('blur'));
      text.append(input);
      this.fields[name] = input;
      return text;
    }
    mount(where) {
      const target = typeof where === 'string' ? document.querySelector(where) : where;
      if (!target) throw new Error('there is no element to mount in: ' + where);
      this.node = make('div', {border: '1px solid #bbb', borderRadius: '6px', padding: '1em'});
      this.node.dataset.sbx = 'payment';
      const banner = make('p', {background: '#fd0', color: '#000', padding: '.2em .5em', margin: '0 0 .8em', fontWeight: 'bold'},
        {textContent: 'TEST \u2013 no money moves'});
      const buttons = make('p', {margin: '0 0 .8em'});
      for (const [name, text, number] of quick) {
        const button = make('button', {font: 'inherit', margin: '0 .4em .4em 0', padding: '.3em .6em'}, {type: 'button', textContent: text});
        button.dataset.sbx = name;
        button.addEventListener('click', () => {
          this.fill(number);
          const form = this.node.closest('form');
          if (form) form.requestSubmit();
        });
        buttons.append(button);
      }
      this.node.append(banner, buttons, this.field('number', 'Card number', '4242 4242 4242 4242', 23, 'off'),
        this.field('expiry', 'Expiry', 'MM / YY', 7, 'off'), this.field('cvc', 'CVC', '123', 4, 'off'));
      target.replaceChildren(this.node);
      setTimeout(() => this.tell('ready'), 0);
      return this;
    }
    fill(number) {
      this.fields.number.value = number;
      this.fields.expiry.value = '12 / ' + String((new Date().getFullYear() + 3) % 100).padStart(2, '0');
      this.fields.cvc.value = '123';
      this.changed();
    }
    card() {
      const expiry = /^\s*(\d{1,2})\s*\/?\s*(\d{2}|\d{4})\s*$/.exec(this.fields.expiry.value);
      const number = this.fields.number.value.replace(/[\s-]/g, '');
      const cvc = this.fields.cvc.value.trim();
      return {number, month: expiry ? expiry[1] : '', year: expiry ? expiry[2] : '', cvc,
        complete: /^\d{12,19}$/.test(number) && expiry !== null && /^\d{3,4}$/.test(cvc)};
    }
    changed() {
      const card = this.card();
      this.tell('change', {complete: card.complete, empty: card.number === '', collapsed: false, value: {type: 'card'}});
    }
    update() {}
    focus() { this.fields.number.focus(); }
    clear() { for (const input of Object.values(this.fields)) input.value = ''; }
    unmount() { if (this.node) this.node.remove(); this.node = null; }
    destroy() { this.unmount(); this.tell('destroy'); }
  }

  class Elements {
    constructor(options) {
      this.options = options || {};
      this.payment = null;
    }
    create(type) {
      if (type !== 'payment') throw new Error('this stand-in has the payment element only, not ' + type);
      if (this.payment) throw new Error('there is a payment element already');
      this.payment = new PaymentElement();
      return this.payment;
    }
    getElement(type) { return type === 'payment' ? this.payment : null; }
    update(options) { Object.assign(this.options, options); }
    fetchUpdates() { return Promise.resolve({}); }
    submit() {
      if (this.payment && this.payment.node && this.payment.card().complete) return Promise.resolve({selectedPaymentMethod: 'card'});
      return Promise.resolve({error: {type: 'validation_error', code: 'incomplete_number', message: 'Your card number is incomplete.'}});
    }
  }

  class StripeStandIn {
    constructor(key, options) {
      if (!/^pk_test_/.test(String(key))) throw new Error('this stand-in takes the publishable key of the sandbox only');
      this.key = key;
      this.account = options && options.stripeAccount;
    }
    elements(options) { return new Elements(options); }
    async send(path, secret, more) {
      const form = new URLSearchParams({key: this.key, client_secret: secret, ...(more || {})});
      if (this.account) form.set('_stripe_account', this.account);
      try {
        const reply = await fetch(base + path, {method: 'POST', body: form, credentials: 'omit'});
        const body = await reply.json();
        return body.error ? {error: body.error} : {paymentIntent: body};
      } catch (failed) {
        return {error: {type: 'api_connection_error', message: 'The payment could not be sent. Try again.'}};
      }
    }
    retrievePaymentIntent(secret) {
      // The secret goes in a body, which no log keeps.
      return this.send('/sandbox/payment_intents/' + intentOf(secret), secret);
    }
    leave(url) {
      window.location.assign(url);
      return new Promise(() => {});
    }
    async handleNextAction({clientSecret}) {
      const found = await this.retrievePaymentIntent(clientSecret);
      const action = found.paymentIntent && found.paymentIntent.next_action;
      return action && action.redirect_to_url ? this.leave(action.redirect_to_url.url) : found;
    }
    async confirmPayment({elements, clientSecret, confirmParams, redirect}) {
      const secret = clientSecret || (elements && elements.options.clientSecret);
      const params = confirmParams || {};
      const more = {};
      if (params.return_url) more.return_url = params.return_url;
      if (redirect !== 'if_required' && !params.return_url) throw new Error('confirmParams.return_url is missing');
      if (params.receipt_email) more.receipt_email = params.receipt_email;
      if (params.payment_method) {
        more.payment_method = params.payment_method;
      } else {
        const element = elements && elements.getElement('payment');
        if (!element || !element.node) throw new Error('no payment element is mounted');
        const card = element.card();
        Object.assign(more, {'payment_method_data[type]': 'card', 'payment_method_data[card][number]': card.number,
          'payment_method_data[card][exp_month]': card.month, 'payment_method_data[card][exp_year]': card.year,
          'payment_method_data[card][cvc]': card.cvc});
      }
      const done = await this.send('/v1/payment_intents/' + intentOf(secret) + '/confirm', secret, more);
      if (done.error) return done;
      const action = done.paymentIntent.next_action;
      if (action && action.redirect_to_url) return this.leave(action.redirect_to_url.url);
      if (redirect === 'if_required') return done;
      const back = new URL(params.return_url, window.location.href);
      back.searchParams.set('payment_intent', done.paymentIntent.id);
      back.searchParams.set('redirect_status', done.paymentIntent.status === 'succeeded' ? 'succeeded' : 'pending');
      return this.leave(back.href);
    }
  }
  window.Stripe = (key, options) => new StripeStandIn(key, options);
  window.Stripe.version = 'sandbox';
})();
)JS";

}  // namespace

std::string action_page(std::string_view intent_id) {
  const auto path = html_text(intent_id);  // beside this page
  return std::string{head} +
         "<h1>Is it you who pays?</h1>\n<form method=\"post\"><button id=\"complete\" formaction=\"" + path +
         "/complete\">Complete</button>\n<button id=\"fail\" formaction=\"" + path +
         "/fail\">Fail</button>\n<button id=\"close\" formaction=\"" + path + "/close\">Close</button></form></html>\n";
}

std::string onboarding_page(std::string_view account, std::string_view session) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> choices{
      {{"complete", "Complete"},
       {"needs_document", "Needs document"},
       {"rejected", "Reject"},
       {"bank_account_missing", "Bank account missing"}}};
  auto page = std::string{head} + "<h1>Your account " + html_text(account) +
              "</h1>\n<form method=\"post\" action=\"" + html_text(session) + "\">\n";
  for (const auto& [word, text] : choices) {
    page += "<button name=\"state\" id=\"" + std::string{word} + "\" value=\"" + std::string{word} + "\">" +
            std::string{text} + "</button>\n";
  }
  return page + "</form></html>\n";
}

std::string authorize_page(const std::vector<http::FormField>& hidden) {
  auto page = std::string{head} +
              "<h1>Connect your account?</h1>\n<p>The platform may then take payments in your name.</p>\n"
              "<form method=\"post\" action=\"/oauth/authorize\">\n";
  for (const auto& [name, value] : hidden) {
    page += "<input type=\"hidden\" name=\"" + html_text(name) + "\" value=\"" + html_text(value) + "\">\n";
  }
  return page +
         "<button name=\"answer\" id=\"new\" value=\"new\">Connect an account that can charge</button>\n"
         "<button name=\"answer\" id=\"incomplete\" value=\"incomplete\">Connect one that cannot yet</button>\n"
         "<p><label>Account <input name=\"account\" placeholder=\"acct_…\"></label>\n"
         "<button name=\"answer\" id=\"existing\" value=\"existing\">Connect this one</button></p>\n"
         "<button name=\"answer\" id=\"deny\" value=\"deny\">Deny</button></form></html>\n";
}

std::string plain_page(std::string_view sentence) {
  return std::string{head} + "<p>" + html_text(sentence) + "</p></html>\n";
}

std::string_view stripe_script() {
  return stripe_js;
}

std::string_view lab_page() {
  return lab;
}

std::string_view lab_script() {
  return lab_js;
}

}  // namespace admit::payment::sandbox
