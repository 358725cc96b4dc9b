// New keys beside a running server: the codes issued before stay good.

#include "api/services.hpp"
#include "crypto/encoding.hpp"
#include "domain/shows.hpp"
#include "token/show_key.hpp"

namespace admit::api {
namespace {

using domain::Refusal;
using http::Request;
using http::Task;
using http::Verb;

constexpr std::int64_t last_key_number = 255;

struct RotateRequest {
  std::optional<std::string> show_id;
  static http::Shape shape() {
    return http::object<RotateRequest>(
        "RotateRequest", {http::optional("showId", &RotateRequest::show_id,
                                         http::uuid({"EVENT#"}).doc("A new signing key for this show; without it, a new sealing epoch."))});
  }
};

struct RotatedJson {
  std::optional<std::int64_t> epoch, key_number;
  std::optional<std::string> show_id;
  static http::Shape shape() {
    return http::object<RotatedJson>(
        "RotatedKeys", {http::optional("epoch", &RotatedJson::epoch, http::integer(0, 255).doc("The sealing epoch of new codes.")),
                        http::optional("showId", &RotatedJson::show_id, http::uuid()),
                        http::optional("keyNumber", &RotatedJson::key_number,
                                       http::integer(0, 255).doc("The show's signing key of new codes."))});
  }
};

class Keys {
 public:
  explicit Keys(Services& services) : x(services) {}

  Task rotate(Request& request) {
    const auto in = input<None, RotateRequest>(request, operator_of(x, request));
    if (!in) co_return in.error();
    if (in->body.show_id) co_return co_await rotate_show(meta_of(x, request, in->caller), checked_id<domain::ShowId>(*in->body.show_id));
    const auto record = x.ring.next_epoch();
    domain::AddSealingEpoch command{.meta = meta_of(x, request, in->caller),
                                    .number = record.epoch,
                                    .check = {std::string(record.check.begin(), record.check.end())}};
    const auto added = co_await submit(x.lane, std::move(command));
    if (!added.result) co_return problem_of(added.result.error());
    x.ring.adopt(record);
    co_return reply(200, RotatedJson{.epoch = added.result->number});
  }

 private:
  Task rotate_show(domain::Meta meta, domain::ShowId id) {
    const auto show = row_of<domain::Show>(x, id);
    if (!show) co_return show.error();
    if (show->key_number >= last_key_number) {
      co_return problem_of({Refusal::invalid_field, "showId", "A show has at most 256 keys."});
    }
    const auto number = show->key_number + 1;
    const auto key = token::make_show_key(x.ring, id, static_cast<std::uint8_t>(number));
    domain::RotateShowKey command{.meta = std::move(meta), .show_id = id, .number = number};
    command.public_key.data = crypto::text_of(key.public_key);
    command.wrapped_private_key.data = crypto::text_of(key.wrapped_private);
    const auto rotated = co_await submit(x.lane, std::move(command));
    if (!rotated.result) co_return problem_of(rotated.result.error());
    co_return reply(200, RotatedJson{.key_number = rotated.result->number, .show_id = id.text()});
  }

  Services& x;
};

}  // namespace

void add_keys(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<Keys>(services));
  const Shared operators{.tags = {"System"}, .security = {"operator"}, .token = "$OPERATOR_TOKEN"};
  router.add(route(operators, Verb::POST, "/v1/keys/rotate", on(&Keys::rotate),
                   {.operation_id = "rotateKeys",
                    .summary = "Begin a new sealing epoch, or give a show a new signing key",
                    .description = "For codes made from now on; those issued before stay good.",
                    .request = http::json_body<RotateRequest>(R"({"showId": "0190f1c2-7b00-7000-8000-000000000000"})"),
                    .replies = {http::json_reply<RotatedJson>(200, "What new codes carry.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::forbidden, Refusal::unknown_show,
                                          Refusal::show_cancelled}),
                    .curl = {{"body", R"({"showId": "$SHOW_ID"})"}}}));
}

}  // namespace admit::api
