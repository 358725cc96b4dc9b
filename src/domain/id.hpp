#pragma once
// Ids: 128 bits, shown as UUIDs. Fresh ones are UUIDv7 (RFC 9562), so that rows made together lie together.

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "domain/instant.hpp"

namespace admit::domain {

/// 128 bits, big-endian halves. All zero means "none".
struct Uuid {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  auto operator<=>(const Uuid&) const = default;
  explicit operator bool() const { return high != 0 || low != 0; }

  /// 36 characters, lower case.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::array<std::uint8_t, 16> bytes() const;
  /// The same 16 bytes, to be part of a text that another id is derived from.
  [[nodiscard]] std::string raw() const;
  static Uuid from_bytes(const std::uint8_t* sixteen_bytes);
  /// Accepts exactly the 36-character form in either case; anything else is nullopt.
  static std::optional<Uuid> parse(std::string_view text);
};

/// An id of one kind of thing. `Tag::prefix` is what the compatibility interface writes before it (`TICKET#`), or "".
template <class Tag>
struct Id {
  Uuid value;

  auto operator<=>(const Id&) const = default;
  explicit operator bool() const { return static_cast<bool>(value); }
  [[nodiscard]] std::string text() const { return value.text(); }

  /// Accepts the bare UUID, or the UUID behind the kind's prefix.
  static std::optional<Id> parse(std::string_view text) {
    constexpr std::string_view prefix = Tag::prefix;
    if (!prefix.empty() && text.starts_with(prefix)) text.remove_prefix(prefix.size());
    auto uuid = Uuid::parse(text);
    if (!uuid) return std::nullopt;
    return Id{*uuid};
  }
};

#define ADMIT_ID(Name, Prefix)                         \
  struct Name##Tag {                                   \
    static constexpr std::string_view prefix = Prefix; \
  };                                                   \
  using Name = Id<Name##Tag>

ADMIT_ID(UserId, "USER#");
ADMIT_ID(SessionId, "");
ADMIT_ID(BusinessId, "");
ADMIT_ID(ShowId, "EVENT#");
ADMIT_ID(TierId, "");
ADMIT_ID(QuotaId, "");
ADMIT_ID(RegistrationId, "REG#");
ADMIT_ID(TransactionId, "");
ADMIT_ID(TicketId, "TICKET#");
ADMIT_ID(CheckInId, "");
ADMIT_ID(DeviceId, "");
ADMIT_ID(JobId, "");
ADMIT_ID(AuditId, "");
/// An id computed from a unique text (an e-mail address, a provider's id): see derived_id.
ADMIT_ID(ClaimId, "");
ADMIT_ID(CounterId, "");
ADMIT_ID(InboxId, "");
ADMIT_ID(ShowKeyId, "");
/// A month of shows: see catalogue_key.
ADMIT_ID(CatalogueId, "");
ADMIT_ID(RefundId, "");
ADMIT_ID(DisputeId, "");
ADMIT_ID(LedgerId, "");
ADMIT_ID(CancellationId, "");
ADMIT_ID(AlertId, "");
ADMIT_ID(LinkStateId, "");
ADMIT_ID(MemberId, "");
ADMIT_ID(ApiKeyId, "");
ADMIT_ID(PasskeyId, "");
ADMIT_ID(IdentityId, "");
ADMIT_ID(ProofId, "");
ADMIT_ID(InvitationId, "");
ADMIT_ID(ThrottleId, "");
ADMIT_ID(RevocationId, "");
ADMIT_ID(AuditSealId, "");
#undef ADMIT_ID

/// 128 random bits handed in with a command; all randomness a decision needs comes from it.
struct Seed {
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  auto operator<=>(const Seed&) const = default;
};

/// The k-th fresh id of a command: UUIDv7 with `now` as its time and 74 bits mixed from (seed, k).
[[nodiscard]] Uuid fresh_uuid(Instant now, Seed seed, std::uint32_t k);

/// The id of something known by a unique text: UUIDv8 over SHA-256(kind || 0 || text). Two different texts
/// never share one for any purpose of ours, so a unique text becomes a primary key.
[[nodiscard]] Uuid derived_uuid(std::string_view kind, std::string_view text);
template <class AnyId>
[[nodiscard]] AnyId derived_id(std::string_view kind, std::string_view text) {
  return AnyId{derived_uuid(kind, text)};
}

}  // namespace admit::domain

template <>
struct std::hash<admit::domain::Uuid> {
  std::size_t operator()(const admit::domain::Uuid& id) const noexcept {
    return static_cast<std::size_t>(id.low ^ (id.high * 0x9E3779B97F4A7C15ull));
  }
};
template <class Tag>
struct std::hash<admit::domain::Id<Tag>> {
  std::size_t operator()(const admit::domain::Id<Tag>& id) const noexcept {
    return std::hash<admit::domain::Uuid>{}(id.value);
  }
};
