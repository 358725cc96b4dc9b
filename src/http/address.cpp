#include "http/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "http/wire.hpp"

namespace admit::http {
namespace {

constexpr int max_hops = 32;
constexpr std::size_t v4_at = 12;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// An entry of X-Forwarded-For: an address, `1.2.3.4:567`, `[2001:db8::1]` or `[2001:db8::1]:567`.
std::optional<Address> parse_entry(std::string_view text) {
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const auto rest = text.substr(close + 1);
    if (!rest.empty() &&
        (!rest.starts_with(':') || rest.find_first_not_of("0123456789", 1) != std::string_view::npos)) {
      return std::nullopt;
    }
    return Address::parse(text.substr(1, close - 1));
  }
  if (std::ranges::count(text, ':') == 1) {
    const auto colon = text.find(':');
    if (text.find_first_not_of("0123456789", colon + 1) != std::string_view::npos) return std::nullopt;
    text = text.substr(0, colon);
  }
  return Address::parse(text);
}

std::vector<Network> networks(std::initializer_list<const char*> texts) {
  std::vector<Network> out;
  for (const auto* text : texts) out.push_back(Network::parse(text).value());
  return out;
}

}  // namespace

Address Address::from_bytes(std::span<const std::uint8_t> given) {
  Address out;
  if (given.size() == 4) {
    out.bytes[10] = out.bytes[11] = 0xff;
    std::ranges::copy(given, out.bytes.begin() + v4_at);
  } else {
    std::ranges::copy(given.first(16), out.bytes.begin());
  }
  return out;
}

std::optional<Address> Address::parse(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.empty() || text.size() >= terminated.size()) return std::nullopt;
  std::ranges::copy(text, terminated.begin());
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(AF_INET, terminated.data(), bytes.data()) == 1) return from_bytes(std::span(bytes).first(4));
  if (inet_pton(AF_INET6, terminated.data(), bytes.data()) == 1) return from_bytes(bytes);
  return std::nullopt;
}

bool Address::is_v4() const {
  return bytes[10] == 0xff && bytes[11] == 0xff &&
         std::all_of(bytes.begin(), bytes.begin() + 10, [](auto byte) { return byte == 0; });
}

std::string Address::text() const {
  std::array<char, INET6_ADDRSTRLEN> out{};
  const bool v4 = is_v4();
  inet_ntop(v4 ? AF_INET : AF_INET6, bytes.data() + (v4 ? v4_at : 0), out.data(), out.size());
  return out.data();
}

std::optional<Network> Network::parse(std::string_view text) {
  Network out;
  const auto slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  out.x_base = *address;
  if (slash == std::string_view::npos) return out;
  const auto digits = text.substr(slash + 1);
  const bool v4 = text.find(':') == std::string_view::npos;
  unsigned bits = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (fault != std::errc{} || end != digits.data() + digits.size() || bits > (v4 ? 32 : 128)) return std::nullopt;
  out.x_bits = bits + (v4 ? 96 : 0);
  for (unsigned bit = out.x_bits; bit < 128; ++bit) {
    if ((out.x_base.bytes[bit / 8] >> (7 - bit % 8) & 1) != 0) return std::nullopt;
  }
  return out;
}

bool Network::contains(const Address& address) const {
  const unsigned whole = x_bits / 8;
  if (std::memcmp(x_base.bytes.data(), address.bytes.data(), whole) != 0) return false;
  const unsigned rest = x_bits % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  return ((x_base.bytes[whole] ^ address.bytes[whole]) & mask) == 0;
}

bool is_public(const Address& address) {
  static const auto special_v4 =
      networks({"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
                "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
                "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"});
  // Outside of 2000::/3 nothing is given out; inside, what is not for anybody's host.
  static const auto global_v6 = networks({"2000::/3"});
  static const auto special_v6 = networks({"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"});
  const auto in = [&](const std::vector<Network>& list) {
    return std::ranges::any_of(list, [&](const Network& network) { return network.contains(address); });
  };
  return address.is_v4() ? !in(special_v4) : in(global_v6) && !in(special_v6);
}

Address client_of(const Address& peer, const std::vector<TextPair>& headers, std::span<const Network> trusted_proxies) {
  const auto is_trusted = [&](const Address& address) {
    return std::ranges::any_of(trusted_proxies, [&](const Network& network) { return network.contains(address); });
  };
  Address client = peer;
  int hops = 0;
  for (auto header = headers.rbegin(); header != headers.rend(); ++header) {
    if (!wire::same_text(header->first, "x-forwarded-for")) continue;
    std::string_view list = header->second;
    while (true) {
      if (!is_trusted(client) || ++hops > max_hops) return client;
      const auto comma = list.rfind(',');
      const auto entry = parse_entry(trimmed(comma == std::string_view::npos ? list : list.substr(comma + 1)));
      if (!entry) return client;
      client = *entry;
      if (comma == std::string_view::npos) break;
      list = list.substr(0, comma);
    }
  }
  return client;
}

}  // namespace admit::http
