#pragma once
// Addresses of clients and proxies: who is calling, and whom we may call.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.hpp"

namespace admit::http {

/// An IPv6 address; an IPv4 one is held as ::ffff:a.b.c.d, and is IPv4 however it was written.
struct Address {
  std::array<std::uint8_t, 16> bytes{};

  /// `192.0.2.1` or `2001:db8::1`, nothing else (no brackets, port, zone or spaces).
  [[nodiscard]] static std::optional<Address> parse(std::string_view text);
  /// `bytes` are 4 or 16, as on the wire.
  [[nodiscard]] static Address from_bytes(std::span<const std::uint8_t> bytes);
  [[nodiscard]] bool is_v4() const;
  [[nodiscard]] std::string text() const;
  bool operator==(const Address&) const = default;
};

/// `10.0.0.0/8`, `2001:db8::/32`, or one address.
class Network {
 public:
  /// Nothing for what is no network, or has bits set behind its prefix: such a line was meant otherwise.
  [[nodiscard]] static std::optional<Network> parse(std::string_view text);
  [[nodiscard]] bool contains(const Address& address) const;

 private:
  Address x_base;
  unsigned x_bits = 128;  // of the 16 bytes
};

/// Whether an address can belong to somebody in the public Internet: not this machine, a private, link-local, shared
/// (RFC 6598), multicast, documentation, benchmarking or reserved one, nor IPv6 that stands for such an IPv4 address
/// (mapped, compatible, NAT64 64:ff9b::/96 and 64:ff9b:1::/48, 6to4, Teredo).
/// Source: IANA's registries of special-purpose addresses.
[[nodiscard]] bool is_public(const Address& address);

/// Where a connection comes from.
struct Peer {
  Address address;
  std::string text;  ///< of the address; "" where the connection has ended already

  Peer() = default;
  explicit Peer(const Address& at) : address(at), text(at.text()) {}
};

/// The client behind our own proxies: X-Forwarded-For is read from the right, as long as who wrote an entry is trusted;
/// the first that is not is the client. Several header lines are one list. An entry may have a port. What is no address
/// ends the list: the client is then the proxy that passed it on.
[[nodiscard]] Address client_of(const Address& peer, const std::vector<TextPair>& headers,
                                std::span<const Network> trusted_proxies);

}  // namespace admit::http
