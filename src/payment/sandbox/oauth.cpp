// Connecting an account that is there already: the page that asks, the code, and its end.

#include <boost/json.hpp>

#include "payment/sandbox/objects.hpp"

namespace admit::payment::sandbox {

namespace json = boost::json;

namespace {

constexpr std::int64_t code_s = 300;

/// The words of OAuth are not those of the API: `{"error": "invalid_grant", "error_description": "..."}`.
Refused oauth_error(std::string_view error, std::string description) {
  return Refused(ApiError{400, {{"oauth", error}, {"message", std::move(description)}}});
}

std::string with_query(std::string_view url, const std::vector<http::FormField>& fields) {
  return std::string{url} + (url.find('?') == std::string_view::npos ? "?" : "&") + http::write_form(fields);
}

}  // namespace

json::object application_of(Call& call) {
  return {{"id", private_value(call, "client_id")}, {"object", "application"}, {"name", "Ticket platform"}};
}

Reply check_authorization(Call& call) {
  if (auto fits = call.params.check({{"response_type", Kind::word, true, "code"},
                                     {"client_id", Kind::text, true},
                                     {"scope", Kind::word, false, "read_write read_only"},
                                     {"state"},
                                     {"redirect_uri"},
                                     {"always_prompt", Kind::boolean},
                                     {"stripe_landing", Kind::word, false, "login register"},
                                     {"stripe_user", Kind::nested},
                                     {"suggested_capabilities", Kind::nested}});
      !fits) {
    return Refused(std::move(fits.error()));
  }
  const auto back = call.params.text("redirect_uri");
  if (call.params.text("client_id") != private_value(call, "client_id")) {
    return oauth_error("invalid_client", "No application matches the supplied client identifier");
  }
  if (!back.starts_with("http://") && !back.starts_with("https://")) {
    return oauth_error("invalid_redirect_uri", "Give the redirect_uri to come back to.");
  }
  return json::object{{"redirect_uri", back}, {"state", call.params.text("state")}};
}

Reply answer_authorization(Call& call) {
  const auto& params = call.params;
  if (auto fits = params.check({{"client_id", Kind::text, true},
                                {"redirect_uri", Kind::text, true},
                                {"state"},
                                {"scope", Kind::word, false, "read_write read_only"},
                                {"answer", Kind::word, true, "new incomplete existing deny"},
                                {"account"}});
      !fits) {
    return Refused(std::move(fits.error()));
  }
  const auto back = params.text("redirect_uri");
  if (params.text("client_id") != private_value(call, "client_id") ||
      (!back.starts_with("http://") && !back.starts_with("https://"))) {
    return oauth_error("invalid_client", "No application matches the supplied client identifier");
  }
  call.is_begun = true;
  std::vector<http::FormField> answer;
  if (!params.text("state").empty()) answer.emplace_back("state", params.text("state"));
  const auto choice = params.text("answer");
  if (choice == "deny") {
    answer.emplace_back("error", "access_denied");
    answer.emplace_back("error_description", "The user denied your request");
    return json::object{{"url", with_query(back, answer)}};
  }
  std::string account_id{params.text("account")};
  if (choice != "existing") {
    const Params own{{{"type", "standard"},
                      {"capabilities[card_payments][requested]", "true"},
                      {"capabilities[transfers][requested]", "true"}}};
    Call make{.database = call.database, .faults = call.faults, .now = call.now, .params = own};
    auto account = create_account(make);
    if (!account) return account;
    account_id = text_in(*account, "id");
    if (choice == "new") {
      const Params open{{{"state", "complete"}}};
      Call finish{.database = call.database, .faults = call.faults, .now = call.now, .params = open, .id = account_id};
      if (auto opened = change_account(finish); !opened) return opened;
      call.deliveries.insert(call.deliveries.end(), finish.deliveries.begin(), finish.deliveries.end());
    }
  } else if (const auto known = load_object(call, "account", account_id, "account"); !known) {
    return known;
  }
  const auto code = "ac_sbx_" + random_word(32);
  keep_private(call, "code:" + code,
               json::serialize(json::object{{"account", account_id}, {"expires_at", unix_s(call.now) + code_s}}));
  answer.emplace_back("scope", "read_write");
  answer.emplace_back("code", code);
  return json::object{{"url", with_query(back, answer)}};
}

Reply exchange_code(Call& call) {
  if (auto fits =
          call.params.check({{"grant_type", Kind::text, true}, {"code"}, {"client_secret"}, {"client_id"}, {"scope"}});
      !fits) {
    return oauth_error("invalid_request", std::string{text_in(fits.error().error, "message")});
  }
  if (call.params.text("grant_type") != "authorization_code") {
    return oauth_error("unsupported_grant_type", "grant_type is authorization_code");
  }
  const auto name = "code:" + std::string{call.params.text("code")};
  const auto kept = private_value(call, name);
  if (kept.empty()) return oauth_error("invalid_grant", "Authorization code does not exist or was used");
  const auto code = json::parse(kept).get_object();
  call.is_begun = true;
  keep_private(call, name, "");
  if (number_in(code, "expires_at") < unix_s(call.now))
    return oauth_error("invalid_grant", "Authorization code expired");
  const std::string account{text_in(code, "account")};
  keep_private(call, "gone:" + account, "");
  return json::object{{"access_token", "sk_test_sbx_" + random_word(24)},
                      {"livemode", false},
                      {"refresh_token", "rt_sbx_" + random_word(24)},
                      {"scope", "read_write"},
                      {"stripe_publishable_key", "pk_test_sbx_" + random_word(24)},
                      {"stripe_user_id", account},
                      {"token_type", "bearer"}};
}

Reply deauthorize(Call& call) {
  if (auto fits =
          call.params.check({{"client_id", Kind::text, true}, {"stripe_user_id", Kind::text, true}, {"client_secret"}});
      !fits) {
    return oauth_error("invalid_request", std::string{text_in(fits.error().error, "message")});
  }
  const std::string account{call.params.text("stripe_user_id")};
  if (call.params.text("client_id") != private_value(call, "client_id") || !find_object(call, "account", account) ||
      !private_value(call, "gone:" + account).empty()) {
    return oauth_error("invalid_client", "This application is not connected to that account");
  }
  call.is_begun = true;
  keep_private(call, "gone:" + account, "deauthorized");
  emit_for(call, account, "account.application.deauthorized", application_of(call));
  return json::object{{"stripe_user_id", account}};
}

}  // namespace admit::payment::sandbox
