#pragma once
// The rows of accounts and access: who belongs to a business, with what somebody signs in, and what is remembered to
// keep others out.

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "domain/describe.hpp"
#include "domain/id.hpp"
#include "domain/instant.hpp"
#include "domain/words.hpp"

namespace admit::domain {

/// What somebody is to a business. What each may do: `src/domain/access.hpp`.
ADMIT_WORDS(MemberRole, owner, manager, finance, box_office, gate)
/// One thing that may be done for a business.
ADMIT_WORDS(Capability, see_business, manage_business, manage_members, manage_keys, connect_account, see_shows,
            manage_shows, cancel_shows, see_sales, sell, refund, see_money, manage_gates, enrol_devices, see_check_ins,
            annul_check_ins, revoke_tickets, settle_alerts, export_data, see_audit)
/// What a secret that is good once stands for.
ADMIT_WORDS(ProofPurpose, verify_email, reset_password, change_email, join_business, enrol_device, add_passkey,
            passkey_sign_in, external_sign_in)

/// Somebody who works for a business beside its owner. Its id is derived from both: member_id().
struct Member {
  MemberId id;
  BusinessId business_id;
  UserId user_id;
  MemberRole role = MemberRole::gate;
  UserId added_by;
  Instant added_at{};
  std::optional<Instant> removed_at;
  std::uint64_t version = 0;

  static constexpr std::string_view table = "member";
  static constexpr auto columns() {
    return std::tuple{column("id", &Member::id),
                      column("business_id", &Member::business_id),
                      column("user_id", &Member::user_id),
                      column("role", &Member::role),
                      column("added_by", &Member::added_by),
                      column("added_at", &Member::added_at),
                      column("removed_at", &Member::removed_at)};
  }
  static constexpr auto indexes() {
    return std::tuple{index("by_business", &Member::business_id, &Member::added_at),
                      index("by_user", &Member::user_id, &Member::added_at)};
  }
  static constexpr auto uniques() { return std::tuple{}; }
};
[[nodiscard]] inline MemberId member_id(BusinessId business, UserId user) {
  return derived_id<MemberId>("member", business.value.raw() + user.value.raw());
}

/// A backend's way in, for one business; the key itself is kept as a hash.
struct ApiKey {
  ApiKeyId id;
  BusinessId business_id;
  std::string name;
  std::vector<Capability> scopes;
  Bytes secret_hash;
  UserId created_by;
  Instant created_at{};
  std::optional<Instant> expires_at;
  std::optional<Instant> revoked_at;
  std::uint64_t version = 0;

  static constexpr std::string_view table = "api_key";
  static constexpr auto columns() {
    return std::tuple{column("id", &ApiKey::id),
                      column("business_id", &ApiKey::business_id),
                      column("name", &ApiKey::name),
                      column("scopes", &ApiKey::scopes),
                      column("secret_hash", &ApiKey::secret_hash),
                      column("created_by", &ApiKey::created_by),
                      column("created_at", &ApiKey::created_at),
                      column("expires_at", &ApiKey::expires_at),
                      column("revoked_at", &ApiKey::revoked_at)};
  }
  static constexpr auto indexes() {
    return std::tuple{index("by_business", &ApiKey::business_id, &ApiKey::created_at)};
  }
  static constexpr auto uniques() { return std::tuple{}; }
};

/// A WebAuthn credential. Its id is derived from the credential's: passkey_id().
struct Passkey {
  PasskeyId id;
  UserId user_id;
  Bytes credential_id;
  std::int64_t algorithm = 0;  // COSE: -7 ES256, -8 EdDSA, -257 RS256
  Bytes public_key;            // as its algorithm's part of COSE has it
  std::int64_t sign_count = 0;
  std::string name;
  Instant created_at{};
  std::optional<Instant> used_at;
  std::optional<Instant> removed_at;
  std::uint64_t version = 0;

  static constexpr std::string_view table = "passkey";
  static constexpr auto columns() {
    return std::tuple{column("id", &Passkey::id),
                      column("user_id", &Passkey::user_id),
                      column("credential_id", &Passkey::credential_id),
                      column("algorithm", &Passkey::algorithm),
                      column("public_key", &Passkey::public_key),
                      column("sign_count", &Passkey::sign_count),
                      column("name", &Passkey::name),
                      column("created_at", &Passkey::created_at),
                      column("used_at", &Passkey::used_at),
                      column("removed_at", &Passkey::removed_at)};
  }
  static constexpr auto indexes() { return std::tuple{index("by_user", &Passkey::user_id, &Passkey::created_at)}; }
  static constexpr auto uniques() { return std::tuple{}; }
};
[[nodiscard]] inline PasskeyId passkey_id(std::string_view credential_id) {
  return derived_id<PasskeyId>("passkey", credential_id);
}

/// Somebody's name at a provider of identities. Its id is derived from issuer and subject: identity_id().
struct ExternalIdentity {
  IdentityId id;
  UserId user_id;
  std::string issuer;
  std::string subject;
  std::string email;  // as the provider last said; "" none
  Instant linked_at{};
  std::optional<Instant> unlinked_at;  // never again by its address alone
  std::uint64_t version = 0;

  static constexpr std::string_view table = "external_identity";
  static constexpr auto columns() {
    return std::tuple{column("id", &ExternalIdentity::id),         column("user_id", &ExternalIdentity::user_id),
                      column("issuer", &ExternalIdentity::issuer), column("subject", &ExternalIdentity::subject),
                      column("email", &ExternalIdentity::email),   column("linked_at", &ExternalIdentity::linked_at),
                      column("unlinked_at", &ExternalIdentity::unlinked_at)};
  }
  static constexpr auto indexes() {
    return std::tuple{index("by_user", &ExternalIdentity::user_id, &ExternalIdentity::linked_at)};
  }
  static constexpr auto uniques() { return std::tuple{}; }
};
[[nodiscard]] inline IdentityId identity_id(std::string_view issuer, std::string_view subject) {
  std::string text(issuer);
  text.append(1, '\0').append(subject);
  return derived_id<IdentityId>("identity", text);
}

/// A secret that is good once, and for a time: in a mail, on a gate's screen, as a challenge. Kept as a hash.
struct Proof {
  ProofId id;
  ProofPurpose purpose = ProofPurpose::verify_email;
  UserId user_id;      // whose it is; none where that is not known yet
  Uuid subject;        // the business or device it is about
  std::string email;   // the address it was sent to
  std::string detail;  // a role, a challenge; <= 500 bytes
  Bytes secret_hash;
  std::int64_t generation = 0;  // of its account, when it was made
  bool used = false;
  Instant created_at{};
  std::optional<Instant> due_at;  // good until then, and forgotten after it
  std::uint64_t version = 0;

  static constexpr std::string_view table = "proof";
  static constexpr bool forgotten_when_due = true;
  static constexpr auto columns() {
    return std::tuple{column("id", &Proof::id),
                      column("purpose", &Proof::purpose),
                      column("user_id", &Proof::user_id),
                      column("subject", &Proof::subject),
                      column("email", &Proof::email),
                      column("detail", &Proof::detail),
                      column("secret_hash", &Proof::secret_hash),
                      column("generation", &Proof::generation),
                      column("used", &Proof::used),
                      column("created_at", &Proof::created_at),
                      column("due_at", &Proof::due_at)};
  }
  static constexpr auto indexes() { return std::tuple{index("by_user", &Proof::user_id, &Proof::created_at)}; }
  static constexpr auto uniques() { return std::tuple{}; }
};

/// How often something failed lately. Its id is derived from what is counted: throttle_id().
struct Throttle {
  ThrottleId id;
  std::int64_t failures = 0;
  Instant since{};
  std::optional<Instant> due_at;  // forgotten then
  std::uint64_t version = 0;

  static constexpr std::string_view table = "throttle";
  static constexpr bool forgotten_when_due = true;
  static constexpr auto columns() {
    return std::tuple{column("id", &Throttle::id), column("failures", &Throttle::failures),
                      column("since", &Throttle::since), column("due_at", &Throttle::due_at)};
  }
  static constexpr auto indexes() { return std::tuple{}; }
  static constexpr auto uniques() { return std::tuple{}; }
};
[[nodiscard]] inline ThrottleId throttle_id(std::string_view kind, std::string_view text) {
  std::string whole(kind);
  whole.append(1, '\0').append(text);
  return derived_id<ThrottleId>("throttle", whole);
}

/// A network that somebody signed in from: guesses from elsewhere do not keep them out. Derived: known_network_id().
struct KnownNetwork {
  ThrottleId id;
  UserId user_id;
  Instant seen_at{};
  std::optional<Instant> due_at;
  std::uint64_t version = 0;

  static constexpr std::string_view table = "known_network";
  static constexpr bool forgotten_when_due = true;
  static constexpr auto columns() {
    return std::tuple{column("id", &KnownNetwork::id), column("user_id", &KnownNetwork::user_id),
                      column("seen_at", &KnownNetwork::seen_at), column("due_at", &KnownNetwork::due_at)};
  }
  static constexpr auto indexes() {
    return std::tuple{index("by_user", &KnownNetwork::user_id, &KnownNetwork::seen_at)};
  }
  static constexpr auto uniques() { return std::tuple{}; }
};
/// Who is wanted by a business: the newest invitation of an address, the only one that lets it join. Derived:
/// invitation_id().
struct Invitation {
  InvitationId id;
  BusinessId business_id;
  std::string email;  // normal
  MemberRole role = MemberRole::gate;
  UserId invited_by;
  ProofId proof_id;  // none: withdrawn, or taken
  Instant created_at{};
  std::optional<Instant> due_at;  // good until then, and forgotten after it
  std::uint64_t version = 0;

  static constexpr std::string_view table = "invitation";
  static constexpr bool forgotten_when_due = true;
  static constexpr auto columns() {
    return std::tuple{column("id", &Invitation::id),
                      column("business_id", &Invitation::business_id),
                      column("email", &Invitation::email),
                      column("role", &Invitation::role),
                      column("invited_by", &Invitation::invited_by),
                      column("proof_id", &Invitation::proof_id),
                      column("created_at", &Invitation::created_at),
                      column("due_at", &Invitation::due_at)};
  }
  static constexpr auto indexes() {
    return std::tuple{index("by_business", &Invitation::business_id, &Invitation::created_at),
                      index("by_inviter", &Invitation::invited_by, &Invitation::created_at)};
  }
  static constexpr auto uniques() { return std::tuple{}; }
};
[[nodiscard]] inline InvitationId invitation_id(BusinessId business, std::string_view normal_email) {
  return derived_id<InvitationId>("invitation", business.value.raw() + std::string(normal_email));
}

[[nodiscard]] inline ThrottleId known_network_id(UserId user, std::string_view network) {
  return derived_id<ThrottleId>("network", user.value.raw() + std::string(network));
}

/// What is no longer let in: a session, a key, a device, an account. Every node reads the newest and refuses them.
/// Kept until the last access token that it could concern has expired.
struct Revocation {
  RevocationId id;
  Uuid subject;
  SessionId kept;  // of an account: the one sign-in that goes on
  CounterId board = board_id();
  Instant at{};
  std::optional<Instant> due_at;
  std::uint64_t version = 0;

  static constexpr std::string_view table = "revocation";
  static constexpr bool forgotten_when_due = true;
  static constexpr auto columns() {
    return std::tuple{column("id", &Revocation::id),     column("subject", &Revocation::subject),
                      column("kept", &Revocation::kept), column("board", &Revocation::board),
                      column("at", &Revocation::at),     column("due_at", &Revocation::due_at)};
  }
  static constexpr auto indexes() { return std::tuple{index("by_board", &Revocation::board, &Revocation::at)}; }
  static constexpr auto uniques() { return std::tuple{}; }

  /// The one list of them.
  static CounterId board_id() { return derived_id<CounterId>("board", "revocations"); }
};

/// A stretch of one of the audit's chains: which entries, and a hash over them and the stretch before. Derived:
/// audit_seal_id().
struct AuditSeal {
  AuditSealId id;
  std::int64_t chain = 0;   // 0 to 15; 16 anchors the heads of the others
  std::int64_t number = 0;  // from 1
  AuditId last;             // the newest entry that it takes in
  std::int64_t count = 0;   // entries
  Bytes previous;
  Bytes digest;
  Instant at{};
  std::uint64_t version = 0;

  static constexpr std::string_view table = "audit_seal";
  static constexpr auto columns() {
    return std::tuple{column("id", &AuditSeal::id),         column("chain", &AuditSeal::chain),
                      column("number", &AuditSeal::number), column("last_entry", &AuditSeal::last),
                      column("entries", &AuditSeal::count), column("previous", &AuditSeal::previous),
                      column("digest", &AuditSeal::digest), column("at", &AuditSeal::at)};
  }
  static constexpr auto indexes() { return std::tuple{}; }
  static constexpr auto uniques() { return std::tuple{}; }
};
[[nodiscard]] inline AuditSealId audit_seal_id(std::int64_t chain, std::int64_t number) {
  return derived_id<AuditSealId>("audit_seal", std::to_string(chain) + ":" + std::to_string(number));
}

/// The newest seal of a chain. Derived: audit_head_id().
struct AuditHead {
  CounterId id;
  std::int64_t number = 0;
  AuditId last;
  Bytes digest;
  std::uint64_t version = 0;

  static constexpr std::string_view table = "audit_head";
  static constexpr auto columns() {
    return std::tuple{column("id", &AuditHead::id), column("number", &AuditHead::number),
                      column("last_entry", &AuditHead::last), column("digest", &AuditHead::digest)};
  }
  static constexpr auto indexes() { return std::tuple{}; }
  static constexpr auto uniques() { return std::tuple{}; }
};
[[nodiscard]] inline CounterId audit_head_id(std::int64_t chain) {
  return derived_id<CounterId>("audit_head", std::to_string(chain));
}

}  // namespace admit::domain
