#include "job/identity_jobs.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "domain/users.hpp"
#include "http/json.hpp"
#include "log/log.hpp"

namespace admit::job {
namespace {

constexpr std::size_t max_answer_bytes = 64 * 1024;
constexpr std::chrono::seconds answer_limit{10};
constexpr std::chrono::seconds longest_pause{3600};

struct UserMetadata {
  std::string name;
  static http::Shape shape() {
    return http::object<UserMetadata>("SupabaseMetadata", {http::required("name", &UserMetadata::name)});
  }
};
struct NewSupabaseUser {
  std::string id, email;
  std::optional<std::string> password_hash;
  bool email_confirm = false;
  UserMetadata user_metadata;
  static http::Shape shape() {
    using namespace http;
    return object<NewSupabaseUser>("NewSupabaseUser",
                                   {required("id", &NewSupabaseUser::id), required("email", &NewSupabaseUser::email),
                                    http::optional("password_hash", &NewSupabaseUser::password_hash),
                                    required("email_confirm", &NewSupabaseUser::email_confirm),
                                    required("user_metadata", &NewSupabaseUser::user_metadata, any())});
  }
};
struct SupabaseUser {
  std::string id, email;
  static http::Shape shape() {
    return http::object<SupabaseUser>(
        "SupabaseUser", {http::required("id", &SupabaseUser::id), http::required("email", &SupabaseUser::email)});
  }
};

struct NewPassword {
  std::string password;
  static http::Shape shape() {
    return http::object<NewPassword>("SupabasePassword", {http::required("password", &NewPassword::password)});
  }
};

/// Of every kind that a policy may ask for, below the 72 bytes of bcrypt.
std::string random_password_body() {
  return http::write_json(NewPassword{crypto::base64url(crypto::random_bytes<32>()) + "aA1!"});
}

std::optional<SupabaseUser> user_in(const std::string& body) {
  auto user = http::read_json<SupabaseUser>(body, {.ignore_unknown_fields = true});
  if (!user) return std::nullopt;
  return *std::move(user);
}

}  // namespace

struct IdentityJobs::Answer {
  int status = 0;  // 0: none came
  std::string body;
  Tried fault{""};  // where it is none that says yes or no
};

IdentityJobs::IdentityJobs(engine::Lane& lane, store::Store& store, http::Client& client, IdentityAdmin admin,
                           Clock clock, std::function<domain::Seed()> seed)
    : x_lane(lane),
      x_store(store),
      x_client(client),
      x_admin(std::move(admin)),
      x_clock(std::move(clock)),
      x_seed(std::move(seed)) {}

IdentityJobs::Answer IdentityJobs::ask(std::string method, const std::string& path, std::string body) {
  http::ClientRequest request{.method = std::move(method),
                              .url = x_admin.issuer + "/admin/users" + path,
                              .headers = {{"apikey", std::string(x_admin.service_key.text())},
                                          {"Authorization", "Bearer " + std::string(x_admin.service_key.text())},
                                          {"Accept", "application/json"}},
                              .body = std::move(body)};
  request.max_reply_bytes = max_answer_bytes;
  request.total_limit = answer_limit;
  if (!request.body.empty()) request.headers.push_back({"Content-Type", "application/json"});
  const auto reply = x_client.send_blocking(std::move(request));
  Answer answer;
  if (!reply) {
    answer.fault = Tried("the identity provider did not answer: " + std::string(http::word(reply.error().fault)));
    answer.fault.is_away = true;
    return answer;
  }
  answer.status = reply->status;
  answer.body = reply->body;
  if (reply->status == 429 || reply->status >= 500) {
    answer.fault = Tried("the identity provider answered " + std::to_string(reply->status));
    answer.fault.is_away = reply->status != 500;
    std::int64_t seconds = 0;
    const auto wait = reply->header("Retry-After").value_or("");
    std::from_chars(wait.data(), wait.data() + wait.size(), seconds);
    if (seconds > 0) answer.fault.retry_in = std::min(std::chrono::seconds{seconds}, longest_pause);
  }
  return answer;
}

Tried IdentityJobs::link(const domain::User& user, const std::string& subject) {
  const auto linked =
      x_lane.call(domain::LinkIdentity{.meta = {.now = x_clock(), .seed = x_seed(), .user = user.id, .actor = "system"},
                                       .person = {.issuer = x_admin.issuer, .subject = subject, .email = user.email},
                                       .made_at_generation = user.generation});
  return linked ? Tried("") : Tried(linked.error().detail);
}

Tried IdentityJobs::change(const std::string& method, const std::string& subject, std::string body) {
  const auto told = ask(method, "/" + subject, std::move(body));
  if (!told.fault.error.empty()) return told.fault;
  if (told.status == 200 || told.status == 204 || told.status == 404) return "";
  return "the identity provider answered " + std::to_string(told.status);
}

Tried IdentityJobs::set_password(domain::UserId id) {
  const auto user = store::get<domain::User>(x_store, id);
  if (!user || user->erased_at) return "";
  if (auto tried = change("PUT", id.text(), random_password_body()); !tried.error.empty()) return tried;
  const auto refused =
      x_lane.call(domain::RefuseTokens{.meta = {.now = x_clock(), .seed = x_seed(), .actor = "system"}, .user_id = id});
  return refused ? Tried("") : Tried(refused.error().detail);
}

Tried IdentityJobs::erase_identity(domain::UserId id) {
  return change("DELETE", id.text(), "");
}

Tried IdentityJobs::create_identity(domain::UserId id, const std::string& generation) {
  const auto user = store::get<domain::User>(x_store, id);
  if (!user || user->guest) return "";
  // Gone meanwhile: one that was made, though its answer was lost, goes too.
  if (user->erased_at || user->email.empty()) return erase_identity(id);
  const auto before = store::get<domain::ExternalIdentity>(x_store, domain::identity_id(x_admin.issuer, id.text()));
  if (before && before->user_id == id) return "";

  NewSupabaseUser wanted{
      .id = id.text(), .email = user->email, .email_confirm = user->email_verified, .user_metadata = {user->name}};
  if (!user->password_hash.empty()) wanted.password_hash = user->password_hash;
  const auto made = ask("POST", "", http::write_json(wanted));
  if (!made.fault.error.empty()) return made.fault;
  if (made.status == 200 || made.status == 201) {
    const auto there = user_in(made.body);
    if (!there) return "the identity provider's answer cannot be read";
    return link(*user, there->id);
  }
  if (made.status != 409 && made.status != 422) {
    return "the identity provider answered " + std::to_string(made.status);
  }
  // The address, or the id, is there already: ours, if an answer was lost.
  const auto found = ask("GET", "/" + id.text(), "");
  if (!found.fault.error.empty()) return found.fault;
  const auto there = found.status == 200 ? user_in(found.body) : std::nullopt;
  if (there && there->id == id.text() && domain::normal_email(there->email) == user->email) {
    // Made with the password of whoever opened the account, which may be somebody else's by now.
    if (generation != std::to_string(user->generation)) {
      if (auto tried = change("PUT", there->id, random_password_body()); !tried.error.empty()) return tried;
    }
    return link(*user, there->id);
  }
  if (found.status == 200 || found.status == 404) {
    log::info("the identity provider has another user with the address", {{"userId", id.text()}});
    return "";
  }
  return "the identity provider answered " + std::to_string(found.status);
}

Tried IdentityJobs::confirm_identity(domain::UserId id) {
  const auto user = store::get<domain::User>(x_store, id);
  if (!user || !user->email_verified || user->erased_at) return "";
  const auto page = store::list<domain::ExternalIdentity>(x_store, "by_user", id.value, domain::max_identities + 1);
  for (const auto& identity : page.rows) {
    const bool is_there = identity.issuer == x_admin.issuer && domain::Uuid::parse(identity.subject);
    if (!is_there || identity.email != user->email) continue;
    if (auto tried = change("PUT", identity.subject, R"({"email_confirm":true})"); !tried.error.empty()) return tried;
  }
  return "";
}

}  // namespace admit::job
