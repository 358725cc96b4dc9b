// The gates of a show: made, enrolled by a code that is good once, looked at, revoked.

#include <algorithm>

#include "api/services.hpp"
#include "document/qr.hpp"
#include "domain/devices.hpp"
#include "domain/shows.hpp"
#include "identity/opaque_token.hpp"

namespace admit::api {
namespace {

using domain::Refusal;
using http::optional;
using http::Request;
using http::required;
using http::Response;
using http::Task;
using http::Verb;

constexpr std::size_t max_listed = 1'000;

struct NewGate {
  std::string gate;
  std::optional<std::vector<std::string>> tier_ids;
  static http::Shape shape() {
    return http::object<NewGate>(
        "NewGate", {required("gate", &NewGate::gate, http::text(1, 40).example("Main door")),
                    optional("tierIds", &NewGate::tier_ids,
                             http::items(1, 50, http::uuid()).doc("Whom it may let in; every tier by default."))});
  }
};

struct EnrolmentJson {
  std::string code, url, qr_svg, expires_at;
  static http::Shape shape() {
    return http::object<EnrolmentJson>(
        "Enrolment",
        {required("code", &EnrolmentJson::code, http::text(1, 200).doc("Good once; shown once.")),
         required("url", &EnrolmentJson::url,
                  http::url().doc("What the symbol says: where to send the code, and behind `#` the code.")),
         required("qrSvg", &EnrolmentJson::qr_svg, http::multiline(1, 100'000).doc("The symbol for the scanner.")),
         required("expiresAt", &EnrolmentJson::expires_at, http::date_time())});
  }
};

struct GateJson {
  std::string device_id, show_id, gate, created_at;
  std::vector<std::string> tier_ids;
  bool enrolled = false;
  std::optional<std::string> seen_at, revoked_at;
  std::optional<EnrolmentJson> enrolment;
  static http::Shape shape() {
    return http::object<GateJson>(
        "Gate",
        {required("deviceId", &GateJson::device_id, http::uuid()), required("showId", &GateJson::show_id, http::uuid()),
         required("gate", &GateJson::gate),
         required("tierIds", &GateJson::tier_ids, http::items(0, 50, http::uuid()).doc("Empty: every tier.")),
         required("enrolled", &GateJson::enrolled, http::any().doc("A scanner has its token.")),
         required("createdAt", &GateJson::created_at, http::date_time()),
         optional("seenAt", &GateJson::seen_at, http::date_time().doc("Its last scan, to the minute.")),
         optional("revokedAt", &GateJson::revoked_at, http::date_time()), optional("enrolment", &GateJson::enrolment)});
  }
};

struct GateList {
  std::vector<GateJson> gates;
  static http::Shape shape() {
    return http::object<GateList>("GateList", {required("gates", &GateList::gates, http::items(0, 1000))});
  }
};

struct EnrolRequest {
  std::string code;
  static http::Shape shape() {
    return http::object<EnrolRequest>("EnrolRequest", {required("code", &EnrolRequest::code, http::text(1, 200))});
  }
};

struct EnrolledJson {
  std::string device_id, show_id, gate, token;
  std::vector<std::string> tier_ids;
  static http::Shape shape() {
    return http::object<EnrolledJson>(
        "EnrolledGate",
        {required("deviceId", &EnrolledJson::device_id, http::uuid()),
         required("showId", &EnrolledJson::show_id, http::uuid()), required("gate", &EnrolledJson::gate),
         required("tierIds", &EnrolledJson::tier_ids, http::items(0, 50, http::uuid())),
         required("token", &EnrolledJson::token, http::text(1, 200).doc("Shown once: keep it on the scanner only."))});
  }
};

std::vector<std::string> texts(const std::vector<domain::TierId>& ids) {
  std::vector<std::string> out;
  for (const auto& id : ids) out.push_back(id.text());
  return out;
}

GateJson gate_json(const domain::Device& device) {
  GateJson out{.device_id = device.id.text(),
               .show_id = device.show_id.text(),
               .gate = device.gate,
               .created_at = domain::text(device.created_at),
               .tier_ids = texts(device.tier_ids),
               .enrolled = !device.token_hash.data.empty()};
  if (device.seen_at) out.seen_at = domain::text(*device.seen_at);
  if (device.revoked_at) out.revoked_at = domain::text(*device.revoked_at);
  return out;
}

/// A fresh code and what a row keeps of it.
struct NewCode {
  std::string text;
  domain::Enrolment enrolment;
};

class Gates {
 public:
  explicit Gates(Services& services) : x(services) {}

  Task create(Request& request) {
    const auto in = input<domain::ShowId, NewGate>(request, agent_of(x, request));
    if (!in) co_return in.error();
    const domain::Meta meta = meta_of(x, request, in->caller);
    const auto code = new_code(meta);
    domain::CreateDevice command{.meta = meta,
                                 .device_id = domain::DeviceId{domain::fresh_uuid(meta.now, x.seed(), 0)},
                                 .show_id = in->id,
                                 .gate = in->body.gate,
                                 .tier_ids = {},
                                 .token_hash = {},
                                 .enrolment = code.enrolment};
    for (const auto& text : in->body.tier_ids.value_or(std::vector<std::string>{})) {
      command.tier_ids.push_back(checked_id<domain::TierId>(text));
    }
    co_return co_await perform(x.lane, std::move(command), 201,
                               [&](const domain::Device& made) { return with_code(made, code, meta.now); });
  }

  Task ask_enrolment(Request& request) {
    const auto in = input<domain::DeviceId>(request, agent_of(x, request));
    if (!in) co_return in.error();
    const domain::Meta meta = meta_of(x, request, in->caller);
    const auto code = new_code(meta);
    domain::AskEnrolment command{.meta = meta, .device_id = in->id, .enrolment = code.enrolment};
    const auto answer = co_await submit(x.lane, std::move(command));
    if (!answer.result) co_return problem(answer.result.error());
    co_return reply(201, with_code(*answer.result, code, meta.now));
  }

  /// By the scanner itself: the code is all it has.
  Task enrol(Request& request) {
    const auto body = body_of<EnrolRequest>(request);
    if (!body) co_return body.error();
    const auto name = identity::parse_opaque_token("enrol_", body->code);
    if (!name) co_return problem_of({Refusal::unknown_proof, "code", "This is no code of a gate."});
    // The token names the device, which is known once the code was looked up; the lane decides whether it is good.
    const auto proof = store::get<domain::Proof>(x.store, domain::ProofId{name->id});
    const auto token = identity::make_opaque_token("gate_", proof ? proof->subject : domain::Uuid{});
    domain::EnrolDevice command{.meta = meta_of(x, request),
                                .enrolment = {domain::ProofId{name->id}, {std::string(crypto::text_of(name->hash))}},
                                .token_hash = {std::string(crypto::text_of(token.hash))}};
    co_return co_await perform(x.lane, std::move(command), 200, [&](const domain::Device& device) {
      return EnrolledJson{.device_id = device.id.text(),
                          .show_id = device.show_id.text(),
                          .gate = device.gate,
                          .token = token.text,
                          .tier_ids = texts(device.tier_ids)};
    });
  }

  Response list(Request& request) {
    const auto in = input<domain::ShowId>(request, agent_of(x, request));
    if (!in) return in.error();
    const auto show = row_of<domain::Show>(x, in->id);
    if (!show) return show.error();
    if (!may(x, in->caller, show->business_id, domain::Capability::see_check_ins)) {
      return problem_of(
          {Refusal::forbidden, "showId", "The show belongs to another business, or your role may not do this."});
    }
    GateList out;
    for (const auto& device : store::list<domain::Device>(x.store, "by_show", show->id.value, max_listed).rows) {
      out.gates.push_back(gate_json(device));
    }
    return reply(200, out);
  }

  Task revoke(Request& request) {
    const auto in = input<domain::DeviceId>(request, agent_of(x, request));
    if (!in) co_return in.error();
    const auto answer =
        co_await submit(x.lane, domain::RevokeDevice{.meta = meta_of(x, request, in->caller), .device_id = in->id});
    if (!answer.result) co_return problem(answer.result.error());
    co_return reply(200, gate_json(*answer.result));
  }

 private:
  /// An unknown device is no fault of a token here.
  static http::Problem problem(const domain::Error& error) {
    http::Problem out = problem_of(error);
    if (error.code == Refusal::unknown_device) out.status = 404;
    return out;
  }

  NewCode new_code(const domain::Meta& meta) {
    const domain::ProofId id{domain::fresh_uuid(meta.now, x.seed(), 0)};
    auto token = identity::make_opaque_token("enrol_", id.value);
    return {std::move(token.text), {id, {std::string(crypto::text_of(token.hash))}}};
  }

  [[nodiscard]] GateJson with_code(const domain::Device& device, const NewCode& code, domain::Instant now) const {
    GateJson out = gate_json(device);
    std::string url = x.settings.public_url + "/v1/gates/enrol#" + code.text;
    auto symbol = document::to_svg(document::encode_qr(url, document::QrLevel::M));
    out.enrolment = {.code = code.text,
                     .url = std::move(url),
                     .qr_svg = std::move(symbol),
                     .expires_at = domain::text(now + domain::enrolment_ttl)};
    return out;
  }

  Services& x;
};

}  // namespace

void add_gates(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<Gates>(services));
  const Shared door{
      .tags = {"Door"}, .security = {"user"}, .token = "$ORGANISER_TOKEN", .capability = {"manage_gates"}};
  const Shared open{.tags = {"Door"}};
  const std::vector<http::ProblemDoc> of_gate = {
      {403, "forbidden", "It is another business's, or the role may not do this."},
      {404, "unknown_device", "There is no such gate."}};
  router.add(route(
      door, Verb::POST, "/v1/shows/{showId}/gates", on(&Gates::create),
      {.operation_id = "createGate",
       .summary = "Make a gate, with a code that enrols its scanner",
       .description =
           "The code is good once, for 15 minutes: the scanner sends it to POST /v1/gates/enrol and gets its token.",
       .request = http::json_body<NewGate>(R"({"gate": "Main door"})"),
       .replies = {http::json_reply<GateJson>(201, "The gate and the code of its scanner.")},
       .problems = refusals({Refusal::invalid_field, Refusal::unknown_show, Refusal::forbidden, Refusal::show_cancelled,
                             Refusal::unknown_tier})}));
  router.add(route(door, Verb::GET, "/v1/shows/{showId}/gates", on(&Gates::list),
                   {.operation_id = "listGates",
                    .summary = "The gates of a show, and when each was seen last",
                    .capability = {"see_check_ins"},
                    .replies = {http::json_reply<GateList>(200, "The gates, without codes and tokens.")},
                    .problems = refusals({Refusal::forbidden, Refusal::unknown_show})}));
  router.add(route(door, Verb::POST, "/v1/gates/{deviceId}/enrolment", on(&Gates::ask_enrolment),
                   {.operation_id = "enrolGateAgain",
                    .summary = "Another code for a gate: the first ran out, or its scanner is replaced",
                    .description = "The scanner enrolled before works until the new code is used.",
                    .capability = {"enrol_devices"},
                    .replies = {http::json_reply<GateJson>(201, "The gate and the new code.")},
                    .problems = of_gate}));
  router.add(
      route(open, Verb::POST, "/v1/gates/enrol", on(&Gates::enrol),
            {.operation_id = "enrolGate",
             .summary = "A scanner's code for its token, once",
             .request = http::json_body<EnrolRequest>(),
             .replies = {http::json_reply<EnrolledJson>(200, "The gate and its token, which is not shown again.")},
             .problems = refusals({Refusal::unknown_proof}),
             .curl = {{"body", R"({"code": "$ENROLMENT_CODE"})"}}}));
  router.add(route(door, Verb::DELETE, "/v1/gates/{deviceId}", on(&Gates::revoke),
                   {.operation_id = "revokeGate",
                    .summary = "Revoke a gate at once: its scanner decides nothing more",
                    .replies = {http::json_reply<GateJson>(200, "The gate, revoked.")},
                    .problems = of_gate}));
}

}  // namespace admit::api
