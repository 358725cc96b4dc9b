// The door: deciding scans, taking them back, and showing anybody whether a ticket was really bought.

#include "api/door_json.hpp"
#include "api/services.hpp"
#include "crypto/hash.hpp"
#include "crypto/html.hpp"
#include "domain/door.hpp"
#include "log/log.hpp"
#include "token/token.hpp"

namespace admit::api {
namespace {

using domain::DoorReason;
using domain::Refusal;
using http::Request;
using http::Response;
using http::Task;
using http::Verb;

struct ValidateRequest {
  std::string qr_code;
  std::optional<std::string> nonce, direction;
  static http::Shape shape() {
    using namespace http;
    return http::object<ValidateRequest>(
        "ValidateRequest",
        {required("qrCode", &ValidateRequest::qr_code, text(1, 2048).doc("The text of the scanned symbol.")),
         optional("nonce", &ValidateRequest::nonce,
                  word_text(1, 100).doc("Made by the scanner for each scan: a repeat answers as the first did.").example("scan-1")),
         optional("direction", &ValidateRequest::direction, one_of({"entry", "exit"}).example("entry"))});
  }
};

struct DecisionJson {
  bool valid = false;
  std::optional<TicketJson> ticket;
  std::string message, reason, check_in_id;
  bool replay = false;
  static http::Shape shape() {
    using namespace http;
    return http::object<DecisionJson>(
        "Decision", {required("valid", &DecisionJson::valid), required("ticket", &DecisionJson::ticket, any().nullable().doc("Null unless it is one of this gate's show.")),
                     required("message", &DecisionJson::message, text(1, 200).doc("For the person at the door.")),
                     required("reason", &DecisionJson::reason, one_of(reasons())),
                     required("checkInId", &DecisionJson::check_in_id, uuid()),
                     required("replay", &DecisionJson::replay, any().doc("The answer to an earlier scan with this nonce."))});
  }
  static std::vector<std::string> reasons() {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < domain::word_count<DoorReason>(); ++i) {
      out.emplace_back(domain::word(static_cast<DoorReason>(i)));
    }
    return out;
  }
};

struct BoughtJson {
  bool valid = false;
  std::optional<std::string> show, tier, status;
  std::string message;
  static http::Shape shape() {
    using namespace http;
    return http::object<BoughtJson>("Bought", {required("valid", &BoughtJson::valid, any().doc("It was really bought and not revoked.")),
                                         required("show", &BoughtJson::show, text(0, 200).nullable()),
                                         required("tier", &BoughtJson::tier, text(0, 100).nullable()),
                                         required("status", &BoughtJson::status, one_of({"valid", "used", "revoked"}).nullable()),
                                         required("message", &BoughtJson::message)});
  }
};

/// What the person at the door reads: one neutral word for everything that is not a genuine ticket of this show.
std::string message_of(const domain::Admit::Outcome& outcome) {
  if (outcome.check_in.annulled_at) return "This entry was taken back; scan the ticket again.";
  switch (outcome.check_in.reason) {
    case DoorReason::admitted: return "Welcome.";
    case DoorReason::exited: return "Goodbye.";
    case DoorReason::malformed:
    case DoorReason::unsupported_code:
    case DoorReason::forged:
    case DoorReason::unknown: return "Not a valid ticket.";
    case DoorReason::unsigned_code:
      return "Not a valid ticket: ids in clear text are not signed, anybody could have written them. Scan the ticket's own code.";
    case DoorReason::revoked: return "This ticket was cancelled.";
    case DoorReason::frozen: return "The payment of this ticket is disputed; it does not admit now.";
    case DoorReason::superseded: return "There is a newer copy of this ticket; ask for that one.";
    case DoorReason::other_show: return "This ticket is for another show.";
    case DoorReason::other_tier: return "This ticket is for another entrance.";
    case DoorReason::outside_window: return "The doors are not open for this ticket now.";
    case DoorReason::already_used: {
      std::string text = "Already used";
      if (outcome.ticket && outcome.ticket->used_at) text += " at " + domain::text(*outcome.ticket->used_at).substr(11, 8) + " UTC";
      if (outcome.ticket && !outcome.ticket->gate.empty()) text += ", " + outcome.ticket->gate;
      return text + ".";
    }
    case DoorReason::not_inside: return "This ticket is not inside.";
  }
  return "Not a valid ticket.";
}

DoorReason door_reason(token::Reason reason) {
  switch (reason) {
    case token::Reason::unsigned_code: return DoorReason::unsigned_code;
    case token::Reason::rotating_profile:
    case token::Reason::compact_profile: return DoorReason::unsupported_code;
    case token::Reason::wrong_seal:
    case token::Reason::wrong_nonce:
    case token::Reason::unknown_signing_key:
    case token::Reason::wrong_signature: return DoorReason::forged;
    default: return DoorReason::malformed;
  }
}

/// A code opened by its seal; where the sealing key is missing, by its signature, with an alarm.
struct Opening {
  std::optional<domain::OpenedCode> code;
  DoorReason reason = DoorReason::malformed;
};

Opening open_code(const Services& services, std::string_view text) {
  const auto token = token::parse(text);
  if (!token) return {{}, door_reason(token.error())};
  const auto& header = token->header();
  const domain::OpenedCode opened{header.ticket_id, header.show_id, header.sequence};
  const auto claims = token::open(*token, services.ring);
  if (claims) return {opened, {}};
  if (!token::seal_untried(claims.error())) return {{}, door_reason(claims.error())};
  const auto key = store::get<domain::ShowKey>(services.store, domain::show_key_id(header.show_id, header.key_number));
  if (!key || key->public_key.data.size() != 32) return {{}, DoorReason::forged};
  crypto::PublicKey public_key;
  std::copy(key->public_key.data.begin(), key->public_key.data.end(), public_key.begin());
  if (!token::verify(*token, public_key)) return {{}, DoorReason::forged};
  log::error("a ticket's sealing key is not there; admitted by signature and row",
             {{"epoch", static_cast<int>(header.epoch)}, {"reason", token::word(claims.error())}});
  return {opened, {}};
}

std::string page_of(const BoughtJson& bought) {
  const char* colour = !bought.valid ? "#9b1c1c" : bought.status == "used" ? "#8a5a00" : "#14673a";
  std::string out =
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\"><meta name=\"robots\" content=\"noindex\"><title>Ticket</title><style>"
      "body{margin:0;min-height:100vh;display:grid;place-items:center;font:18px/1.5 system-ui,sans-serif;background:#f4f4f1;"
      "color:#1c1c1c}main{background:#fff;border-radius:16px;padding:40px;max-width:26rem;margin:16px;box-shadow:0 8px 30px "
      "#0002;border-top:10px solid ";
  out += colour;
  out += "}h1{font-size:1.6rem;margin:0 0 .5rem;color:";
  out += colour;
  out += "}p{margin:.3rem 0}small{color:#595959}</style></head><body><main><h1>" + crypto::html_text(bought.message) + "</h1>";
  if (bought.show) out += "<p>" + crypto::html_text(*bought.show) + "</p>";
  if (bought.tier) out += "<p>" + crypto::html_text(*bought.tier) + "</p>";
  out += "<p><small>Looking at a ticket never uses it up. It is let in at the door only.</small></p></main></body></html>";
  return out;
}

class Door {
 public:
  explicit Door(Services& services) : x(services) {}

  Task validate(Request& request) {
    auto in = input<None, ValidateRequest>(request, device_of(x, request));
    if (!in) co_return in.error();
    const domain::Device& device = *in->caller;
    ValidateRequest& body = in->body;
    const auto opening = open_code(x, body.qr_code);
    const auto digest = crypto::sha256(body.qr_code);
    domain::Admit command{.meta = meta_of(x, request, device),
                          .device_id = device.id,
                          .opened = opening.code,
                          .unreadable = opening.reason,
                          .code_hash = domain::Uuid::from_bytes(digest.data()),
                          .nonce = std::move(body.nonce).value_or(""),
                          .direction = body.direction == "exit" ? domain::Direction::exit : domain::Direction::entry};
    co_return co_await perform(x.lane, std::move(command), 200, decision);
  }

  Task annul(Request& request) {
    const auto id = id_of<domain::CheckInId>(request.param("checkInId"));
    domain::Annul command;
    if (request.bearer().value_or("").starts_with("gate_")) {
      const auto device = device_of(x, request);
      if (!device) co_return device.error();
      command.meta = meta_of(x, request, **device);
      command.device_id = (*device)->id;
    } else {
      const auto caller = agent_of(x, request);
      if (!caller) co_return caller.error();
      command.meta = meta_of(x, request, *caller);
    }
    if (!id) co_return id.error();
    command.check_in_id = *id;
    co_return co_await perform(x.lane, std::move(command), 200, [](const domain::Annul::Outcome& outcome) {
      return to_json(outcome.check_in);
    });
  }

  /// Never checks anybody in: link previews and prefetchers fetch URLs. One answer for every bad code.
  Response view(Request& request) {
    BoughtJson out{.message = "Not a valid ticket."};
    const auto opening = open_code(x, request.query("encrypted_token").value_or(request.param("digits")));
    if (opening.code) {
      const auto ticket = store::get<domain::Ticket>(x.store, opening.code->ticket_id);
      if (ticket && ticket->sequence == opening.code->sequence && ticket->show_id == opening.code->show_id) {
        const auto show = store::get<domain::Show>(x.store, ticket->show_id);
        const auto tier = store::get<domain::Tier>(x.store, ticket->tier_id);
        out.valid = ticket->status != domain::TicketStatus::revoked;
        out.status = std::string(domain::word(ticket->status));
        if (show) out.show = show->title;
        if (tier) out.tier = tier->name;
        out.message = ticket->status == domain::TicketStatus::valid  ? "This ticket was really bought."
                      : ticket->status == domain::TicketStatus::used ? "This ticket was really bought and has been used."
                                                                     : "This ticket was cancelled.";
      }
    }
    if (!request.wants_page()) return reply(200, out);
    Response page(200, "text/html; charset=utf-8", page_of(out));
    page.headers.push_back({"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"});
    return page;
  }

 private:
  static DecisionJson decision(const domain::Admit::Outcome& outcome) {
    DecisionJson out{.valid = outcome.valid,
                     .message = message_of(outcome),
                     .reason = std::string(domain::word(outcome.check_in.reason)),
                     .check_in_id = outcome.check_in.id.text(),
                     .replay = outcome.replay};
    if (outcome.ticket) out.ticket = to_json(*outcome.ticket, nullptr);
    return out;
  }

  Services& x;
};

}  // namespace

void add_door(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<Door>(services));
  const Shared gate{.tags = {"Door"}, .security = {"gate"}};
  const Shared open{.tags = {"Door", "Compatibility"}};
  add_twice(router, route(gate, Verb::POST, "/tickets/validate", on(&Door::validate),
                          {.operation_id = "validateTicket",
                           .summary = "Decide one scan: in, out, or why not",
                           .description = "Every decided scan is answered 200, refused ones too, and stays in the show's list of check-ins. "
                                          "The same nonce from the same gate answers as it first did.",
                           .tags = {"Door", "Compatibility"},
                           .request = http::json_body<ValidateRequest>(),
                           .replies = {http::json_reply<DecisionJson>(200, "What was decided.")},
                           .problems = refusals({Refusal::nonce_reused, Refusal::unknown_device}),
                           .curl = {{"body", R"({"qrCode": "$QR_CODE"})"}}}));
  router.add(route(gate, Verb::POST, "/v1/check-ins/{checkInId}/annul", on(&Door::annul),
                   {.operation_id = "annulCheckIn",
                    .summary = "Take an entry back: the same gate, or the business, within 15 minutes",
                    .security = {"gate", "user"},
                    .capability = {"device", "annul_check_ins"},
                    .replies = {http::json_reply<CheckInJson>(200, "The check-in, annulled.")},
                    .problems = refusals({Refusal::unknown_device, Refusal::unknown_check_in, Refusal::forbidden, Refusal::other_device,
                                          Refusal::not_an_entry, Refusal::already_annulled, Refusal::annul_too_late})}));
  const auto add_view = [&](std::string path, std::string operation, http::Parameter code) {
    add_twice(router, route(open, Verb::GET, std::move(path), on(&Door::view),
                            {.operation_id = std::move(operation),
                             .summary = "Whether a ticket was really bought; never checks in",
                             .description = "A page for a browser, JSON for a program.",
                             .parameters = {std::move(code)},
                             .replies = {http::json_reply<BoughtJson>(200, "What anybody may know."),
                                         http::plain_reply(200, "The same as a page.", "text/html; charset=utf-8")},
                             .curl = {{"encrypted_token", "$DIGITS"}, {"digits", "$DIGITS"}}}));
  };
  add_view("/validateQRcode", "validateQRcode", http::query_param("encrypted_token", http::text(1, 2048), true));
  add_view("/V/{digits}", "viewTicket", http::path_param("digits", http::text(1, 2048)));
  add_view("/v/{digits}", "viewTicketLower", http::path_param("digits", http::text(1, 2048)));
}

}  // namespace admit::api
