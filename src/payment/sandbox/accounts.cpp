// Connected accounts: what they are, what they may do, and the page that lets them do more.

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "payment/sandbox/objects.hpp"

namespace admit::payment::sandbox {

namespace json = boost::json;

namespace {

constexpr std::int64_t link_s = 300;
constexpr std::string_view platform_id = "acct_1SbxPlatform";

json::object no_requirements() {
  return {{"alternatives", json::array{}},  {"current_deadline", nullptr},
          {"currently_due", json::array{}}, {"disabled_reason", nullptr},
          {"errors", json::array{}},        {"eventually_due", json::array{}},
          {"past_due", json::array{}},      {"pending_verification", json::array{}}};
}

/// Where an account stands.
struct Standing {
  std::string_view state;
  bool can_charge = false;
  bool can_pay_out = false;
  bool is_submitted = false;
  std::string_view capability = "inactive";
  std::string_view disabled_reason;
  std::string_view due;      ///< commas between
  std::string_view pending;  ///< the same
};
constexpr std::array standings{
    Standing{"new", false, false, false, "inactive", "requirements.past_due",
             "business_profile.url,external_account,tos_acceptance.date,tos_acceptance.ip", ""},
    Standing{"complete", true, true, true, "active", "", "", ""},
    Standing{"needs_document", false, false, true, "pending", "requirements.past_due",
             "individual.verification.document", ""},
    Standing{"pending_verification", false, false, true, "pending", "requirements.pending_verification", "",
             "individual.verification.document"},
    Standing{"rejected", false, false, true, "inactive", "rejected.other", "", ""},
    Standing{"bank_account_missing", true, false, true, "active", "", "external_account", ""},
};
constexpr std::string_view standing_words =
    "new complete needs_document pending_verification rejected bank_account_missing";

json::array split(std::string_view words) {
  json::array out;
  while (!words.empty()) {
    const auto end = words.find(',');
    out.emplace_back(words.substr(0, end));
    if (end == std::string_view::npos) break;
    words.remove_prefix(end + 1);
  }
  return out;
}

void set_requirements(json::object& account, const json::array& due, std::string_view disabled_reason,
                      json::array pending) {
  auto requirements = no_requirements();
  requirements["currently_due"] = due;
  requirements["eventually_due"] = due;
  if (disabled_reason.ends_with("past_due")) requirements["past_due"] = due;
  requirements["pending_verification"] = std::move(pending);
  requirements["disabled_reason"] = or_null(disabled_reason);
  json::array errors;
  for (const auto& one : due) {
    if (!one.get_string().ends_with(".document")) continue;
    errors.push_back(
        json::object{{"code", "verification_document_not_readable"},
                     {"reason", "The document could not be read. Upload it again in colour, with all four corners."},
                     {"requirement", one}});
  }
  requirements["errors"] = std::move(errors);
  account["requirements"] = std::move(requirements);
}

void take_standing(Call& call, json::object& account, const Standing& standing) {
  account["charges_enabled"] = standing.can_charge;
  account["payouts_enabled"] = standing.can_pay_out;
  account["details_submitted"] = standing.is_submitted;
  auto& capabilities = account.at("capabilities").get_object();
  for (auto& [name, status] : capabilities) status = standing.capability;
  set_requirements(account, split(standing.due), standing.disabled_reason, split(standing.pending));
  json::array banks;
  if (standing.can_pay_out) {
    banks.push_back(json::object{{"id", "ba_1SbxBank"},
                                 {"object", "bank_account"},
                                 {"account", account.at("id")},
                                 {"bank_name", "STRIPE TEST BANK"},
                                 {"country", account.at("country")},
                                 {"currency", account.at("default_currency")},
                                 {"last4", "6789"},
                                 {"status", "new"}});
  }
  account.at("external_accounts").get_object()["data"] = std::move(banks);
  if (standing.is_submitted) {
    account["tos_acceptance"] = json::object{{"date", unix_s(call.now)}, {"ip", "127.0.0.1"}, {"user_agent", nullptr}};
  }
}

json::object new_account(Call& call) {
  const auto id = fresh_id("acct");
  const auto country = call.params.find("country").value_or("DE");
  const auto currency = call.params.find("default_currency").value_or("eur");
  json::object account{
      {"id", id},
      {"object", "account"},
      {"business_profile",
       {{"mcc", nullptr},
        {"minority_owned_business_designation", nullptr},
        {"name", or_null(call.params.text("business_profile[name]"))},
        {"specified_commercial_transactions_act_url", nullptr},
        {"support_address", nullptr},
        {"support_email", nullptr},
        {"support_phone", nullptr},
        {"support_url", nullptr},
        {"url", or_null(call.params.text("business_profile[url]"))}}},
      {"business_type", or_null(call.params.text("business_type"))},
      {"capabilities", json::object{}},
      {"charges_enabled", false},
      {"controller", json::object{}},
      {"country", upper(country)},
      {"created", unix_s(call.now)},
      {"default_currency", lower(currency)},
      {"details_submitted", false},
      {"email", or_null(call.params.text("email"))},
      {"external_accounts", list_of({}, false, "/v1/accounts/" + id + "/external_accounts")},
      {"future_requirements", no_requirements()},
      {"metadata", json::object{}},
      {"payouts_enabled", false},
      {"requirements", no_requirements()},
      {"settings",
       {{"branding", {{"icon", nullptr}, {"logo", nullptr}, {"primary_color", nullptr}, {"secondary_color", nullptr}}},
        {"card_payments",
         {{"decline_on", {{"avs_failure", false}, {"cvc_failure", false}}},
          {"statement_descriptor_prefix", nullptr},
          {"statement_descriptor_prefix_kana", nullptr},
          {"statement_descriptor_prefix_kanji", nullptr}}},
        {"dashboard", {{"display_name", or_null(call.params.text("business_profile[name]"))}, {"timezone", "Etc/UTC"}}},
        {"payments",
         {{"statement_descriptor", nullptr},
          {"statement_descriptor_kana", nullptr},
          {"statement_descriptor_kanji", nullptr},
          {"statement_descriptor_prefix_kana", nullptr},
          {"statement_descriptor_prefix_kanji", nullptr}}},
        {"payouts",
         {{"debit_negative_balances", true},
          {"schedule", {{"delay_days", 2}, {"interval", "daily"}}},
          {"statement_descriptor", nullptr}}}}},
      {"tos_acceptance", {{"date", nullptr}, {"ip", nullptr}, {"user_agent", nullptr}}},
      {"type", "standard"}};
  return account;
}

/// What `type` stands for, or what the controller's properties say; both at once are refused.
Outcome<json::object> read_controller(const Params& params, std::string& type) {
  const auto given_type = params.text("type");
  const bool is_detailed =
      std::ranges::any_of(params.fields(), [](const auto& field) { return field.first.starts_with("controller["); });
  if (is_detailed && !given_type.empty()) {
    return invalid("parameters_exclusive", "type",
                   "You may not provide the type parameter and controller parameters together.");
  }
  std::string dashboard{params.find("controller[stripe_dashboard][type]").value_or("full")};
  std::string fees{params.find("controller[fees][payer]").value_or("account")};
  std::string losses{params.find("controller[losses][payments]").value_or("stripe")};
  std::string collection{params.find("controller[requirement_collection]").value_or("stripe")};
  if (given_type == "express" || given_type == "custom") {
    dashboard = given_type == "express" ? "express" : "none";
    fees = losses = "application";
    collection = given_type == "express" ? "stripe" : "application";
  }
  struct Rule {
    std::string_view name;
    const std::string& value;
    std::initializer_list<std::string_view> words;
  };
  for (const auto& rule : {Rule{"controller[stripe_dashboard][type]", dashboard, {"express", "full", "none"}},
                           Rule{"controller[fees][payer]", fees, {"account", "application"}},
                           Rule{"controller[losses][payments]", losses, {"application", "stripe"}},
                           Rule{"controller[requirement_collection]", collection, {"application", "stripe"}}}) {
    if (!is_one_of(rule.value, rule.words)) return invalid("", rule.name, "Invalid " + std::string{rule.name} + ".");
  }
  if (dashboard == "full" && losses == "application") {
    return invalid("", "controller[losses][payments]",
                   "Accounts with the full dashboard bear their losses themselves.");
  }
  type = given_type.empty() ? (dashboard == "full"      ? "standard"
                               : dashboard == "express" ? "express"
                                                        : "none")
                            : std::string{given_type};
  return json::object{{"fees", {{"payer", fees}}},
                      {"is_controller", true},
                      {"losses", {{"payments", losses}}},
                      {"requirement_collection", collection},
                      {"stripe_dashboard", {{"type", dashboard}}},
                      {"type", "application"}};
}

Outcome<json::object> read_capabilities(const Params& params) {
  json::object capabilities;
  for (const auto& [name, value] : params.fields()) {
    if (!name.starts_with("capabilities[")) continue;
    constexpr std::string_view prefix = "capabilities[";
    constexpr std::string_view suffix = "][requested]";
    if (!name.ends_with(suffix)) return invalid("parameter_unknown", name, "Received unknown parameter: " + name);
    const auto word = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
    if (value == "true") capabilities[word] = "inactive";
  }
  return capabilities;
}

/// Tells the platform by the connect endpoint what changed.
void tell(Call& call, const json::object& account, const json::object& before) {
  const std::string id{text_in(account, "id")};
  update_object(call, account);
  emit_for(call, id, "account.updated", account);
  const auto& old = before.at("capabilities").get_object();
  for (const auto& [name, status] : account.at("capabilities").get_object()) {
    const auto* was = old.if_contains(name);
    if (was != nullptr && *was == status) continue;
    const json::object capability{{"id", name},
                                  {"object", "capability"},
                                  {"account", id},
                                  {"future_requirements", no_requirements()},
                                  {"requested", true},
                                  {"requested_at", account.at("created")},
                                  {"requirements", no_requirements()},
                                  {"status", status}};
    emit_for(call, id, "capability.updated", capability);
  }
}

Reply change_standing(Call& call, json::object account, std::string_view state) {
  const auto* standing = std::ranges::find(standings, state, &Standing::state);
  const auto before = account;
  take_standing(call, account, *standing);
  tell(call, account, before);
  return account;
}

constexpr std::array create_fields{
    Field{"type", Kind::word, false, "custom express standard"},
    Field{"business_profile", Kind::nested},
    Field{"business_type", Kind::word, false, "company government_entity individual non_profit"},
    Field{"capabilities", Kind::nested},
    Field{"company", Kind::nested},
    Field{"controller", Kind::nested},
    Field{"country"},
    Field{"default_currency"},
    Field{"email"},
    Field{"individual", Kind::nested},
    Field{"metadata", Kind::metadata},
    Field{"settings", Kind::nested},
    Field{"tos_acceptance", Kind::nested},
};

json::object platform_account(Call& call) {
  auto account = new_account(call);
  account["id"] = platform_id;
  account["charges_enabled"] = account["payouts_enabled"] = account["details_submitted"] = true;
  account["capabilities"] = json::object{{"card_payments", "active"}, {"transfers", "active"}};
  account["controller"] = json::object{{"type", "account"}};
  return account;
}

}  // namespace

Reply create_account(Call& call) {
  if (auto fits = call.params.check(create_fields); !fits) return Refused(std::move(fits.error()));
  auto metadata = call.params.metadata();
  if (!metadata) return Refused(std::move(metadata.error()));
  if (const auto country = call.params.find("country"); country && country->size() != 2) {
    return invalid("", "country", "Country '" + std::string{*country} + "' is unknown.");
  }
  std::string type;
  auto controller = read_controller(call.params, type);
  if (!controller) return Refused(std::move(controller.error()));
  auto capabilities = read_capabilities(call.params);
  if (!capabilities) return Refused(std::move(capabilities.error()));
  call.is_begun = true;
  auto account = new_account(call);
  account["metadata"] = std::move(*metadata);
  account["controller"] = std::move(*controller);
  account["type"] = type;
  account["capabilities"] = std::move(*capabilities);
  take_standing(call, account, standings.front());
  insert_object(call, account);
  return account;
}

Reply retrieve_account(Call& call) {
  if (auto fits = call.params.check({}); !fits) return Refused(std::move(fits.error()));
  if (call.id == platform_id) return platform_account(call);
  if (!private_value(call, "gone:" + std::string{call.id}).empty()) {
    return refuse(403, "invalid_request_error", "account_invalid", "",
                  "The provided key does not have access to account '" + std::string{call.id} +
                      "' (or that account does not exist). Application access may have been revoked.");
  }
  return load_object(call, "account", call.id, "account");
}

Reply retrieve_own_account(Call& call) {
  if (auto fits = call.params.check({}); !fits) return Refused(std::move(fits.error()));
  if (call.account.empty()) return platform_account(call);
  const std::string id{call.account};
  const InAccount platform{call, ""};
  return load_object(call, "account", id, "account");
}

Reply list_accounts(Call& call) {
  return list_objects(call, "account", "/v1/accounts");
}

Reply update_account(Call& call) {
  if (auto fits =
          call.params.check({{"business_profile", Kind::nested},
                             {"business_type", Kind::word, false, "company government_entity individual non_profit"},
                             {"capabilities", Kind::nested},
                             {"default_currency"},
                             {"email"},
                             {"metadata", Kind::metadata},
                             {"settings", Kind::nested}});
      !fits) {
    return Refused(std::move(fits.error()));
  }
  auto account = load_object(call, "account", call.id, "account");
  if (!account) return account;
  auto metadata = call.params.metadata_over(account->at("metadata").get_object());
  if (!metadata) return Refused(std::move(metadata.error()));
  auto capabilities = read_capabilities(call.params);
  if (!capabilities) return Refused(std::move(capabilities.error()));
  call.is_begun = true;
  const auto before = *account;
  (*account)["metadata"] = std::move(*metadata);
  if (const auto email = call.params.find("email")) (*account)["email"] = or_null(*email);
  if (const auto type = call.params.find("business_type")) (*account)["business_type"] = or_null(*type);
  for (const auto* name : {"name", "url"}) {
    const auto value = call.params.find("business_profile[" + std::string{name} + "]");
    if (value) account->at("business_profile").get_object()[name] = or_null(*value);
  }
  const bool can_charge = account->at("charges_enabled").get_bool();
  for (const auto& [name, status] : *capabilities) {
    auto& known = account->at("capabilities").get_object();
    if (!known.contains(name)) known[name] = can_charge ? "active" : "inactive";
  }
  tell(call, *account, before);
  return account;
}

Reply delete_account(Call& call) {
  if (auto fits = call.params.check({}); !fits) return Refused(std::move(fits.error()));
  auto account = load_object(call, "account", call.id, "account");
  if (!account) return account;
  call.is_begun = true;
  constexpr std::string_view delete_sql = "DELETE FROM sbx_object WHERE id=? AND type='account'";
  call.database.run(delete_sql, call.id);
  keep_private(call, "gone:" + std::string{call.id}, "deleted");
  return json::object{{"id", call.id}, {"object", "account"}, {"deleted", true}};
}

Reply reject_account(Call& call) {
  if (auto fits = call.params.check({{"reason", Kind::word, true, "fraud terms_of_service other"}}); !fits) {
    return Refused(std::move(fits.error()));
  }
  auto account = load_object(call, "account", call.id, "account");
  if (!account) return account;
  call.is_begun = true;
  auto rejected = change_standing(call, std::move(*account), "rejected");
  if (!rejected) return rejected;
  rejected->at("requirements").get_object()["disabled_reason"] = "rejected." + std::string{call.params.text("reason")};
  update_object(call, *rejected);
  return rejected;
}

Reply create_login_link(Call& call) {
  if (auto fits = call.params.check({}); !fits) return Refused(std::move(fits.error()));
  const auto account = load_object(call, "account", call.id, "account");
  if (!account) return account;
  if (text_in(*account, "type") != "express") {
    return invalid("", "account", "Cannot create a login link for an account without access to the Express dashboard.");
  }
  if (!account->at("details_submitted").get_bool()) {
    return invalid("", "account", "Cannot create a login link for an account that has not completed onboarding.");
  }
  call.is_begun = true;
  return json::object{{"object", "login_link"},
                      {"created", unix_s(call.now)},
                      {"url", std::string{call.api_base} + "/sandbox/lab#" + std::string{call.id}}};
}

Reply create_account_link(Call& call) {
  const auto& params = call.params;
  if (auto fits = params.check({{"account", Kind::text, true},
                                {"type", Kind::word, true, "account_onboarding account_update"},
                                {"collect", Kind::word, false, "currently_due eventually_due"},
                                {"collection_options", Kind::nested},
                                {"refresh_url"},
                                {"return_url"}});
      !fits) {
    return Refused(std::move(fits.error()));
  }
  const auto account = load_object(call, "account", params.text("account"), "account");
  if (!account) return account;
  for (const auto* name : {"refresh_url", "return_url"}) {
    const auto url = params.find(name);
    if (!url) return invalid("parameter_missing", name, "Missing required param: " + std::string{name} + ".");
    if (!url->starts_with("http://") && !url->starts_with("https://")) {
      return invalid("url_invalid", name, "Not a valid URL");
    }
  }
  const auto collection = text_in(account->at("controller").get_object(), "requirement_collection");
  if (params.text("type") == "account_update" && collection != "application") {
    return invalid("", "type",
                   "You cannot create account_update links for accounts whose requirements Stripe collects.");
  }
  call.is_begun = true;
  const auto token = random_word(32);
  const auto expires_s = unix_s(call.now) + link_s;
  keep_private(call, "link:" + token,
               json::serialize(json::object{{"account", params.text("account")},
                                            {"expires_at", expires_s},
                                            {"refresh_url", params.text("refresh_url")},
                                            {"return_url", params.text("return_url")}}));
  return json::object{{"object", "account_link"},
                      {"created", unix_s(call.now)},
                      {"expires_at", expires_s},
                      {"url", std::string{call.page_base} + "/sandbox/onboarding/" + token}};
}

Reply change_account(Call& call) {
  const auto& params = call.params;
  if (auto fits = params.check({{"state", Kind::word, false, standing_words},
                                {"charges_enabled", Kind::boolean},
                                {"currently_due", Kind::nested},
                                {"disabled_reason"}});
      !fits) {
    return Refused(std::move(fits.error()));
  }
  auto account = load_object(call, "account", call.id, "account");
  if (!account) return account;
  call.is_begun = true;
  if (const auto state = params.find("state")) return change_standing(call, std::move(*account), *state);
  if (params.find("charges_enabled")) {
    return change_standing(call, std::move(*account), params.flag("charges_enabled") ? "complete" : "new");
  }
  const auto before = *account;
  json::array due;
  for (const auto one : params.list("currently_due")) due.emplace_back(one);
  const auto reason = params.text("disabled_reason");
  set_requirements(*account, due, reason, {});
  if (!reason.empty()) {
    (*account)["charges_enabled"] = (*account)["payouts_enabled"] = false;
    for (auto& [name, status] : account->at("capabilities").get_object()) status = "inactive";
  }
  tell(call, *account, before);
  return account;
}

Reply open_account_link(Call& call) {
  const auto kept = private_value(call, "link:" + std::string{call.id});
  if (kept.empty()) return refuse(404, "invalid_request_error", "resource_missing", "", "There is no such link.");
  const auto link = json::parse(kept).get_object();
  call.is_begun = true;
  if (link.contains("used") || number_in(link, "expires_at") < unix_s(call.now)) {
    return json::object{{"refresh_url", link.at("refresh_url")}};
  }
  auto used = link;
  used["used"] = true;
  keep_private(call, "link:" + std::string{call.id}, json::serialize(used));
  const auto session = random_word(32);
  keep_private(call, "onboarding:" + session, kept);
  return json::object{{"session", session}, {"account", link.at("account")}};
}

Reply finish_onboarding(Call& call) {
  if (auto fits = call.params.check({{"state", Kind::word, true, standing_words}}); !fits) {
    return Refused(std::move(fits.error()));
  }
  const auto name = "onboarding:" + std::string{call.id};
  const auto kept = private_value(call, name);
  if (kept.empty()) return refuse(404, "invalid_request_error", "resource_missing", "", "This page was used already.");
  const auto link = json::parse(kept).get_object();
  auto account = load_object(call, "account", text_in(link, "account"), "account");
  if (!account) return account;
  call.is_begun = true;
  keep_private(call, name, "");
  auto changed = change_standing(call, std::move(*account), call.params.text("state"));
  if (!changed) return changed;
  return json::object{{"return_url", link.at("return_url")}};
}

}  // namespace admit::payment::sandbox
