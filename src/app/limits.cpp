#include "app/limits.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace admit::app {
namespace {

bool is_in(const auto& list, std::string_view text) {
  return std::ranges::find(list, text) != std::ranges::end(list);
}

/// What anybody may send without being a try at somebody's account: a guest's order, and a session that goes on.
constexpr std::array<std::string_view, 2> open_writes{"/v1/guests", "/v1/sessions/refresh"};
constexpr std::array<std::string_view, 3> probes{"/healthz", "/readyz", "/metrics"};

}  // namespace

http::RouteClass class_of(const http::Route& route) {
  using enum http::RouteClass;
  const std::string_view path = route.path_template;
  if (is_in(probes, path)) return exempt;
  // Signed by the provider, who sends much at once after a pause of ours.
  if (path.contains("/payments/webhook")) return exempt;
  if (is_in(route.doc.security, "gate")) return scan;
  if (route.verb == http::Verb::GET || route.verb == http::Verb::HEAD) return read;
  if (route.doc.security.empty() && !is_in(open_writes, path)) return sign_in;
  return write;
}

std::optional<http::RateLimitOptions> rate_limits_of(
    const Config& config, std::function<std::optional<domain::UserId>(std::string_view token)> user_of) {
  if (!config.rate_limits) return std::nullopt;
  const auto quotas = [](std::int64_t sign_ins, std::int64_t writes, std::int64_t reads, std::int64_t scans) {
    http::Quotas out{};
    out[static_cast<std::size_t>(http::RouteClass::sign_in)] = sign_ins;
    out[static_cast<std::size_t>(http::RouteClass::write)] = writes;
    out[static_cast<std::size_t>(http::RouteClass::read)] = reads;
    out[static_cast<std::size_t>(http::RouteClass::scan)] = scans;
    return out;
  };
  http::RateLimitOptions out;
  out.address = quotas(config.address_sign_ins, config.address_writes, config.address_reads, config.address_scans);
  out.caller = quotas(config.address_sign_ins, config.caller_writes, config.caller_reads, config.caller_scans);
  out.class_of = class_of;
  out.caller_of = [user_of = std::move(user_of)](const http::Request& request) -> std::string {
    const auto token = request.bearer();
    if (!token) return {};
    if (!token->starts_with("gate_") && !token->starts_with("key_")) {
      if (const auto user = user_of(*token)) return "user:" + user->text();
    }
    return "token:" + std::string(*token);
  };
  return out;
}

std::vector<http::Network> trusted_proxies_of(const Config& config) {
  std::vector<http::Network> out;
  for (const auto& text : config.trusted_proxies) {
    if (const auto network = http::Network::parse(text)) out.push_back(*network);
  }
  return out;
}

}  // namespace admit::app
