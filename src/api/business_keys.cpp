// A business's API keys: made, listed, revoked by its owner.

#include "api/paging.hpp"
#include "api/services.hpp"
#include "domain/access.hpp"
#include "domain/api_keys.hpp"
#include "identity/opaque_token.hpp"

namespace admit::api {
namespace {

using domain::Capability;
using domain::Refusal;
using http::optional;
using http::Request;
using http::required;
using http::Response;
using http::Task;
using http::Verb;

http::Shape scope_shape() {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < domain::word_count<Capability>(); ++i) {
    const auto capability = static_cast<Capability>(i);
    if (domain::may_be_scope(capability)) words.emplace_back(domain::word(capability));
  }
  return http::one_of(std::move(words));
}

struct NewKey {
  std::string name;
  std::vector<std::string> scopes;
  std::optional<std::int64_t> expires_in_days;
  static http::Shape shape() {
    return http::object<NewKey>(
        "NewApiKey", {required("name", &NewKey::name, http::text(1, 60).example("Accounting")),
                      required("scopes", &NewKey::scopes,
                               http::items(1, 40, scope_shape())
                                   .doc("What the key may do.")
                                   .example_raw(R"(["see_sales", "see_money"])")),
                      optional("expiresInDays", &NewKey::expires_in_days,
                               http::integer(1, domain::max_key_days).doc("Never by default.").example_raw("365"))});
  }
};

struct KeyJson {
  std::string key_id, business_id, name, created_at;
  std::vector<std::string> scopes;
  std::optional<std::string> key, expires_at, revoked_at;
  static http::Shape shape() {
    return http::object<KeyJson>(
        "ApiKey",
        {required("keyId", &KeyJson::key_id, http::uuid()), required("businessId", &KeyJson::business_id, http::uuid()),
         required("name", &KeyJson::name), required("scopes", &KeyJson::scopes, http::items(1, 40, scope_shape())),
         required("createdAt", &KeyJson::created_at, http::date_time()),
         optional("expiresAt", &KeyJson::expires_at, http::date_time()),
         optional("revokedAt", &KeyJson::revoked_at, http::date_time()),
         optional("key", &KeyJson::key, http::text(1, 200).doc("Shown once: `Authorization: Bearer key_...`."))});
  }
};

struct KeyList {
  std::vector<KeyJson> keys;
  std::optional<std::string> next_cursor;
  static http::Shape shape() {
    return http::object<KeyList>("ApiKeyList", {required("keys", &KeyList::keys, http::items(0, 1000)),
                                                optional("nextCursor", &KeyList::next_cursor, http::text(1, 200))});
  }
};

KeyJson key_json(const domain::ApiKey& row) {
  KeyJson out{.key_id = row.id.text(),
              .business_id = row.business_id.text(),
              .name = row.name,
              .created_at = domain::text(row.created_at)};
  for (const auto scope : row.scopes) out.scopes.emplace_back(domain::word(scope));
  if (row.expires_at) out.expires_at = domain::text(*row.expires_at);
  if (row.revoked_at) out.revoked_at = domain::text(*row.revoked_at);
  return out;
}

class BusinessKeys {
 public:
  explicit BusinessKeys(Services& services) : x(services) {}

  Task create(Request& request) {
    const auto in = input<domain::BusinessId, NewKey>(request, caller_of(x, request));
    if (!in) co_return in.error();
    const domain::Meta meta = meta_of(x, request, in->caller);
    const domain::ApiKeyId id{domain::fresh_uuid(meta.now, x.seed(), 0)};
    const auto token = identity::make_opaque_token("key_", id.value);
    domain::CreateApiKey command{.meta = meta,
                                 .business_id = in->id,
                                 .key_id = id,
                                 .name = in->body.name,
                                 .scopes = {},
                                 .expires_in_days = in->body.expires_in_days,
                                 .secret_hash = {std::string(crypto::text_of(token.hash))}};
    for (const auto& scope : in->body.scopes) command.scopes.push_back(*domain::parse_word<Capability>(scope));
    co_return co_await perform(x.lane, std::move(command), 201, [&](const domain::ApiKey& made) {
      KeyJson out = key_json(made);
      out.key = token.text;
      return out;
    });
  }

  Response list(Request& request) {
    return business_list_reply<domain::ApiKey>(x, request, Capability::manage_keys, &KeyList::keys, key_json);
  }

  Task revoke(Request& request) {
    const auto in = input<domain::BusinessId>(request, caller_of(x, request));
    if (!in) co_return in.error();
    const auto key = id_of<domain::ApiKeyId>(request.param("keyId"));
    if (!key) co_return key.error();
    domain::RevokeApiKey command{.meta = meta_of(x, request, in->caller), .business_id = in->id, .key_id = *key};
    co_return co_await perform(x.lane, std::move(command), 200, key_json);
  }

 private:
  Services& x;
};

}  // namespace

void add_business_keys(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<BusinessKeys>(services));
  const Shared owner{
      .tags = {"API keys"}, .security = {"user"}, .token = "$ORGANISER_TOKEN", .capability = {"manage_keys"}};
  router.add(route(
      owner, Verb::POST, "/v1/businesses/{businessId}/api-keys", on(&BusinessKeys::create),
      {.operation_id = "createApiKey",
       .summary = "Make a key for a backend; it is shown once",
       .description =
           "At most 50 live keys for a business. A key may do what its scopes say, for this business only, and never "
           "acts as a person.",
       .request = http::json_body<NewKey>(),
       .replies = {http::json_reply<KeyJson>(201, "The key.")},
       .problems =
           refusals({Refusal::invalid_field, Refusal::unknown_business, Refusal::forbidden, Refusal::too_many})}));
  router.add(route(owner, Verb::GET, "/v1/businesses/{businessId}/api-keys", on(&BusinessKeys::list),
                   {.operation_id = "listApiKeys",
                    .summary = "The keys of a business, without their secrets",
                    .parameters = paging_parameters(),
                    .replies = {http::json_reply<KeyList>(200, "The keys, newest first, revoked ones too.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::unknown_business, Refusal::forbidden})}));
  router.add(route(owner, Verb::DELETE, "/v1/businesses/{businessId}/api-keys/{keyId}", on(&BusinessKeys::revoke),
                   {.operation_id = "revokeApiKey",
                    .summary = "Revoke a key, at once",
                    .replies = {http::json_reply<KeyJson>(200, "The key, revoked.")},
                    .problems = refusals({Refusal::unknown_business, Refusal::forbidden, Refusal::unknown_key}),
                    .curl = {{"keyId", "$KEY_ID"}}}));
}

}  // namespace admit::api
