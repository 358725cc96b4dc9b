#include "http/rate_limit.hpp"

#include <algorithm>
#include <bit>

namespace admit::http {
namespace {

constexpr std::int64_t window_s = 60;
constexpr std::int64_t window_ns = window_s * 1'000'000'000;

constexpr std::array<std::string_view, route_class_count> words{"exempt", "sign-in", "write", "read", "scan"};

constexpr std::int64_t whole_seconds(std::int64_t ns) {
  return (ns + 999'999'999) / 1'000'000'000;
}

void append_policy(std::string& out, std::string_view whose, RouteClass kind, std::int64_t quota) {
  out += '"';
  out += whose;
  out += words[static_cast<std::size_t>(kind)];
  out += "\";q=";
  out += std::to_string(quota);
  out += ";w=60";
}

}  // namespace

RateLimiter::RateLimiter(RateLimitOptions options)
    : x_options(std::move(options)),
      x_sets(std::bit_ceil(std::max<std::size_t>(x_options.capacity, shard_count * ways) / ways)),
      x_buckets(std::make_unique<Bucket[]>(x_sets * ways)) {}

RateLimiter::Taken RateLimiter::take(std::uint64_t key, std::int64_t quota, std::int64_t now_ns) {
  const std::size_t set = key & (x_sets - 1);
  const std::lock_guard lock{x_mutexes[set % shard_count]};
  Bucket* const begin = x_buckets.get() + set * ways;
  Bucket* bucket = begin;
  for (Bucket* at = begin; at != begin + ways; ++at) {
    if (at->key == key) {
      bucket = at;
      break;
    }
    if (at->full_at_ns < bucket->full_at_ns) bucket = at;
  }
  if (bucket->key != key) *bucket = {key, now_ns};
  const std::int64_t cost_ns = std::max<std::int64_t>(window_ns / quota, 1);
  const std::int64_t debt_ns = std::max<std::int64_t>(bucket->full_at_ns - now_ns, 0);
  const std::int64_t most_ns = cost_ns * quota;
  if (debt_ns + cost_ns > most_ns) return {true, 0, debt_ns, debt_ns + cost_ns - most_ns};
  bucket->full_at_ns = now_ns + debt_ns + cost_ns;
  return {false, (most_ns - debt_ns - cost_ns) / cost_ns, debt_ns + cost_ns, 0};
}

Standing RateLimiter::take(RouteClass kind, const Address& address, std::string_view caller, Time now) {
  const auto index = static_cast<std::size_t>(kind);
  const std::int64_t now_ns = now.time_since_epoch().count();
  Standing out{.kind = kind};
  out.has_caller = !caller.empty() && x_options.caller[index] > 0;
  bool is_limited = false;
  const auto count = [&](std::string_view whose, std::int64_t quota, bool is_caller) {
    // No text of one kind is one of the other, nor of another class.
    const auto taken = take(x_hash(whose) ^ (0x9e3779b97f4a7c15ull * (index * 2 + (is_caller ? 1 : 0))), quota, now_ns);
    const auto reset_s = whole_seconds(taken.reset_ns);
    if (!is_limited || taken.is_refused || taken.left < out.left) {
      out.is_caller = is_caller;
      out.left = taken.left;
      out.reset_s = reset_s;
    }
    is_limited = true;
    out.is_refused = taken.is_refused;
    if (taken.is_refused) out.retry_after_s = static_cast<int>(std::max<std::int64_t>(whole_seconds(taken.wait_ns), 1));
  };
  if (x_options.address[index] > 0) {
    const std::size_t size = address.is_v4() ? 16 : 8;
    count({reinterpret_cast<const char*>(address.bytes.data()), size}, x_options.address[index], false);
  }
  if (!out.is_refused && out.has_caller) count(caller, x_options.caller[index], true);
  if (!is_limited) out.kind = RouteClass::exempt;
  if (out.is_refused) x_refused.fetch_add(1, std::memory_order_relaxed);
  return out;
}

void RateLimiter::render(const Standing& standing, std::string& out) const {
  if (standing.kind == RouteClass::exempt) return;
  const auto index = static_cast<std::size_t>(standing.kind);
  out += "RateLimit-Policy: ";
  if (x_options.address[index] > 0) append_policy(out, "address-", standing.kind, x_options.address[index]);
  if (standing.has_caller) {
    if (x_options.address[index] > 0) out += ", ";
    append_policy(out, "caller-", standing.kind, x_options.caller[index]);
  }
  out += "\r\nRateLimit: \"";
  out += standing.is_caller ? "caller-" : "address-";
  out += words[index];
  out += "\";r=";
  out += std::to_string(standing.left);
  out += ";t=";
  out += std::to_string(standing.reset_s);
  out += "\r\n";
}

}  // namespace admit::http
