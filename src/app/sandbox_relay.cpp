#include "app/sandbox_relay.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace admit::app {
namespace {

using http::Request;
using http::Response;
using http::Task;
using http::Verb;

constexpr std::chrono::seconds reply_limit{60};
constexpr std::array<std::string_view, 3> sent_headers{"Content-Type", "Origin", "Accept"};

/// A reply's type must outlive it: one of these, the last for any other.
std::string_view lasting(std::string_view type) {
  static constexpr std::array<std::string_view, 4> types{"text/html; charset=utf-8", "text/javascript; charset=utf-8",
                                                         "application/json", "text/plain; charset=utf-8"};
  const auto* const found = std::ranges::find(types, type);
  return found != types.end() ? *found : types.back();
}

/// Of the sandbox's reply, what is about its body or about who may read it.
bool is_passed_on(std::string_view name) {
  static constexpr std::array<std::string_view, 7> names{"content-security-policy",
                                                         "cache-control",
                                                         "location",
                                                         "referrer-policy",
                                                         "vary",
                                                         "access-control-allow-origin",
                                                         "access-control-expose-headers"};
  std::string lower(name);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::ranges::find(names, lower) != names.end();
}

Task relay(http::Client& client, std::string api_base, Request& request) {
  http::ClientRequest asked{.method = std::string(http::word(request.verb)),
                            .url = std::move(api_base) + std::string(request.path.substr(sandbox_prefix.size())),
                            .body = std::string(request.body),
                            .total_limit = reply_limit};
  for (const auto name : sent_headers) {
    if (const auto value = request.header(name)) asked.headers.push_back({std::string(name), std::string(*value)});
  }
  auto told = co_await client.send(std::move(asked));
  if (!told) co_return http::Problem{503, "provider_unavailable", "The sandbox does not answer; try again.", "", 2};
  Response out(told->status, lasting(told->header("Content-Type").value_or("")), std::move(told->body));
  for (auto& header : told->headers) {
    if (is_passed_on(header.name)) out.headers.push_back(std::move(header));
  }
  co_return out;
}

}  // namespace

void add_sandbox_relay(http::Router& router, http::Client& client, std::string api_base) {
  const auto add = [&](Verb verb, std::string_view path) {
    router.add({.verb = verb,
                .path_template = std::string(sandbox_prefix) + std::string(path),
                .handler = [&client, api_base](Request& request) { return relay(client, api_base, request); },
                .doc = {.is_hidden = true},
                .options = {.cors = false}});
  };
  add(Verb::GET, "/sandbox/stripe.js");
  add(Verb::POST, "/sandbox/payment_intents/{id}");
  add(Verb::POST, "/v1/payment_intents/{id}/confirm");
  add(Verb::GET, "/sandbox/3ds/{id}");
  add(Verb::POST, "/sandbox/3ds/{id}/{answer}");
  add(Verb::GET, "/sandbox/onboarding/{id}");
  add(Verb::POST, "/sandbox/onboarding/{id}");
}

}  // namespace admit::app
