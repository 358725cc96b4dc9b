#include "identity/webauthn.hpp"

#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/rs256.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <memory>
#include <new>
#include <optional>

#include "crypto/hash.hpp"

namespace admit::identity {
namespace {

namespace json = boost::json;

constexpr std::uint8_t user_present = 0x01, user_verified = 0x04;
constexpr std::size_t max_client_data_depth = 8;

using Made = std::unique_ptr<fido_cred_t, decltype([](fido_cred_t* cred) { fido_cred_free(&cred); })>;
using Used = std::unique_ptr<fido_assert_t, decltype([](fido_assert_t* used) { fido_assert_free(&used); })>;

const unsigned char* data_of(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

std::string copy(const unsigned char* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// The little of CBOR (RFC 8949) that an attestation object is made of: definite lengths only.
class Cbor {
 public:
  explicit Cbor(std::string_view bytes) : x_left(bytes) {}

  enum Major : std::uint8_t { byte_string = 2, text_string = 3, list = 4, map = 5, tag = 6 };

  /// The bytes of a string of this kind.
  std::optional<std::string_view> string(Major major) {
    const auto head = read_head();
    if (!head || head->major != major || head->value > x_left.size()) return std::nullopt;
    return take(head->value);
  }
  std::optional<std::uint64_t> entries() {
    const auto head = read_head();
    return head && head->major == map ? std::optional(head->value) : std::nullopt;
  }
  /// One whole item, as it is written.
  std::optional<std::string_view> item() {
    const std::string_view from = x_left;
    if (!skip(0)) return std::nullopt;
    return from.substr(0, from.size() - x_left.size());
  }
  [[nodiscard]] bool at_end() const { return x_left.empty(); }

 private:
  struct Head {
    std::uint8_t major;
    std::uint64_t value;
  };
  static constexpr int max_depth = 4;

  std::string_view take(std::size_t size) {
    const auto taken = x_left.substr(0, size);
    x_left.remove_prefix(size);
    return taken;
  }
  std::optional<Head> read_head() {
    if (x_left.empty()) return std::nullopt;
    const auto first = static_cast<std::uint8_t>(take(1).front());
    const std::uint8_t major = first >> 5, more = first & 0x1F;
    if (more < 24) return Head{major, more};
    const std::size_t size = std::size_t{1} << (more - 24);
    if (more > 27 || size > x_left.size()) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : take(size)) value = value << 8 | static_cast<std::uint8_t>(c);
    return Head{major, value};
  }
  bool skip(int depth) {
    const auto head = read_head();
    if (!head || depth > max_depth) return false;
    if (head->major == byte_string || head->major == text_string) {
      if (head->value > x_left.size()) return false;
      take(head->value);
      return true;
    }
    // Each entry takes a byte at least, so that a great count cannot keep us busy.
    std::uint64_t inner = head->major == list ? head->value : head->major == map ? head->value * 2 : head->major == tag;
    if (head->value > x_left.size() && (head->major == list || head->major == map)) return false;
    for (; inner > 0; --inner) {
      if (!skip(depth + 1)) return false;
    }
    return true;
  }

  std::string_view x_left;
};

struct AttestationObject {
  std::string_view format, statement, authenticator_data;
};

std::optional<AttestationObject> read_attestation_object(std::string_view bytes) {
  Cbor cbor(bytes);
  AttestationObject out;
  const auto entries = cbor.entries();
  if (!entries || *entries != 3) return std::nullopt;
  for (int i = 0; i < 3; ++i) {
    const auto name = cbor.string(Cbor::text_string);
    if (!name) return std::nullopt;
    std::string_view* part = *name == "fmt"        ? &out.format
                             : *name == "attStmt"  ? &out.statement
                             : *name == "authData" ? &out.authenticator_data
                                                   : nullptr;
    if (part == nullptr || part->data() != nullptr) return std::nullopt;
    const auto value = part == &out.format      ? cbor.string(Cbor::text_string)
                       : part == &out.statement ? cbor.item()
                                                : cbor.string(Cbor::byte_string);
    if (!value) return std::nullopt;
    *part = *value;
  }
  return cbor.at_end() ? std::optional(out) : std::nullopt;
}

/// Whether what follows the fixed part of authenticator data is whole items of CBOR. libcbor sets aside memory for as
/// many entries as a map promises, so that must be known to be true before it is asked.
bool is_sound(std::string_view authenticator_data, bool with_credential) {
  constexpr std::size_t fixed_bytes = 37, aaguid_bytes = 16, length_bytes = 2;
  std::size_t at = fixed_bytes;
  if (with_credential) {
    const auto byte = [&](std::size_t i) {
      return std::size_t{static_cast<std::uint8_t>(authenticator_data[i])};
    };
    at += aaguid_bytes + length_bytes;
    if (authenticator_data.size() < at) return false;
    at += byte(at - 2) << 8 | byte(at - 1);
  }
  if (authenticator_data.size() < at) return false;
  Cbor rest(authenticator_data.substr(at));
  while (!rest.at_end()) {
    if (!rest.item()) return false;
  }
  return true;
}

bool is_verified(std::uint8_t flags) {
  return (flags & user_present) != 0 && (flags & user_verified) != 0;
}

/// Level 2, 8.2: a key that signs for itself, or nothing at all.
bool is_good_statement(fido_cred_t* cred, const AttestationObject& object) {
  if (object.format == "none") return object.statement == "\xA0";
  if (object.format != "packed") return false;
  return fido_cred_set_fmt(cred, "packed") == FIDO_OK &&
         fido_cred_set_attstmt(cred, data_of(object.statement), object.statement.size()) == FIDO_OK &&
         fido_cred_verify_self(cred) == FIDO_OK;
}

template <class Key, auto New, auto Free, auto Read>
int verify_with(const fido_assert_t* used, int algorithm, std::string_view key) {
  const std::unique_ptr<Key, decltype([](Key* made) { Free(&made); })> made(New());
  if (!made) throw std::bad_alloc();
  if (Read(made.get(), key.data(), key.size()) != FIDO_OK) return FIDO_ERR_INVALID_ARGUMENT;
  return fido_assert_verify(used, 0, algorithm, made.get());
}

}  // namespace

std::string_view word(PasskeyFault fault) {
  switch (fault) {
    case PasskeyFault::malformed:
      return "malformed";
    case PasskeyFault::wrong_type:
      return "wrong_type";
    case PasskeyFault::wrong_origin:
      return "wrong_origin";
    case PasskeyFault::wrong_party:
      return "wrong_party";
    case PasskeyFault::unsupported_attestation:
      return "unsupported_attestation";
    case PasskeyFault::unsupported_algorithm:
      return "unsupported_algorithm";
    case PasskeyFault::user_not_verified:
      return "user_not_verified";
    case PasskeyFault::wrong_signature:
      return "wrong_signature";
  }
  return "";
}

RelyingParty relying_party(std::string_view public_url) {
  std::string url(public_url);
  std::ranges::transform(url, url.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const auto from = url.find("://") + 3;
  std::string authority = url.substr(from, url.find('/', from) - from);
  const std::string scheme = url.substr(0, from);
  for (const auto& [with, port] : {std::pair{"https://", ":443"}, std::pair{"http://", ":80"}}) {
    if (scheme == with && authority.ends_with(port)) authority.resize(authority.size() - std::string_view(port).size());
  }
  return {authority.substr(0, authority.find(':')), scheme + authority};
}

std::expected<std::string, PasskeyFault> read_client_data(const RelyingParty& party, Ceremony ceremony,
                                                          std::string_view client_data) {
  if (client_data.size() > client_data_limit_bytes) return std::unexpected(PasskeyFault::malformed);
  std::error_code fault;
  const json::value value = json::parse(client_data, fault, {}, {.max_depth = max_client_data_depth});
  const auto* object = fault ? nullptr : value.if_object();
  if (object == nullptr) return std::unexpected(PasskeyFault::malformed);
  const auto text = [&](std::string_view name) -> std::optional<std::string_view> {
    const auto* found = object->if_contains(name);
    if (found == nullptr || !found->is_string()) return std::nullopt;
    return std::string_view(found->get_string());
  };
  const auto type = text("type"), challenge = text("challenge"), origin = text("origin");
  if (!type || !challenge || !origin) return std::unexpected(PasskeyFault::malformed);
  if (*type != (ceremony == Ceremony::create ? "webauthn.create" : "webauthn.get")) {
    return std::unexpected(PasskeyFault::wrong_type);
  }
  const auto* crossing = object->if_contains("crossOrigin");
  const bool is_framed = (crossing != nullptr && *crossing != json::value(false)) || object->contains("topOrigin");
  if (*origin != party.origin || is_framed) return std::unexpected(PasskeyFault::wrong_origin);
  return std::string(*challenge);
}

std::expected<NewCredential, PasskeyFault> check_registration(const RelyingParty& party, std::string_view client_data,
                                                              std::string_view attestation_object) {
  if (attestation_object.size() > attestation_limit_bytes) return std::unexpected(PasskeyFault::malformed);
  const auto object = read_attestation_object(attestation_object);
  if (!object || object->authenticator_data.size() > authenticator_data_limit_bytes + credential_id_limit_bytes ||
      !is_sound(object->authenticator_data, true)) {
    return std::unexpected(PasskeyFault::malformed);
  }
  const auto client_data_hash = crypto::sha256(client_data);
  // libfido2 reads a key only of the algorithm that it is told to expect.
  for (const int algorithm : {COSE_ES256, COSE_EDDSA, COSE_RS256}) {
    const Made cred(fido_cred_new());
    if (!cred) throw std::bad_alloc();
    const auto& data = object->authenticator_data;
    if (fido_cred_set_type(cred.get(), algorithm) != FIDO_OK ||
        fido_cred_set_rp(cred.get(), party.id.c_str(), nullptr) != FIDO_OK ||
        fido_cred_set_clientdata_hash(cred.get(), client_data_hash.data(), client_data_hash.size()) != FIDO_OK ||
        fido_cred_set_authdata_raw(cred.get(), data_of(data), data.size()) != FIDO_OK) {
      continue;
    }
    const auto party_hash = crypto::sha256(party.id);
    if (!data.starts_with(crypto::text_of(party_hash))) return std::unexpected(PasskeyFault::wrong_party);
    if (!is_verified(fido_cred_flags(cred.get()))) return std::unexpected(PasskeyFault::user_not_verified);
    if (!is_good_statement(cred.get(), *object)) return std::unexpected(PasskeyFault::unsupported_attestation);
    NewCredential out{.id = copy(fido_cred_id_ptr(cred.get()), fido_cred_id_len(cred.get())),
                      .key = {algorithm, copy(fido_cred_pubkey_ptr(cred.get()), fido_cred_pubkey_len(cred.get()))},
                      .sign_count = fido_cred_sigcount(cred.get())};
    if (out.id.empty() || out.id.size() > credential_id_limit_bytes) return std::unexpected(PasskeyFault::malformed);
    return out;
  }
  return std::unexpected(PasskeyFault::unsupported_algorithm);
}

std::expected<std::uint32_t, PasskeyFault> check_assertion(const RelyingParty& party, const PasskeyKey& key,
                                                           std::string_view client_data,
                                                           std::string_view authenticator_data,
                                                           std::string_view signature) {
  if (authenticator_data.size() > authenticator_data_limit_bytes || signature.size() > signature_limit_bytes ||
      !is_sound(authenticator_data, false)) {
    return std::unexpected(PasskeyFault::malformed);
  }
  const auto client_data_hash = crypto::sha256(client_data);
  const Used used(fido_assert_new());
  if (!used) throw std::bad_alloc();
  if (fido_assert_set_count(used.get(), 1) != FIDO_OK || fido_assert_set_rp(used.get(), party.id.c_str()) != FIDO_OK ||
      fido_assert_set_clientdata_hash(used.get(), client_data_hash.data(), client_data_hash.size()) != FIDO_OK ||
      fido_assert_set_authdata_raw(used.get(), 0, data_of(authenticator_data), authenticator_data.size()) != FIDO_OK ||
      fido_assert_set_sig(used.get(), 0, data_of(signature), signature.size()) != FIDO_OK) {
    return std::unexpected(PasskeyFault::malformed);
  }
  const auto party_hash = crypto::sha256(party.id);
  if (!authenticator_data.starts_with(crypto::text_of(party_hash))) return std::unexpected(PasskeyFault::wrong_party);
  if (!is_verified(fido_assert_flags(used.get(), 0))) return std::unexpected(PasskeyFault::user_not_verified);
  const auto algorithm = static_cast<int>(key.algorithm);
  int verdict = FIDO_ERR_UNSUPPORTED_ALGORITHM;
  if (algorithm == COSE_ES256) {
    verdict =
        verify_with<es256_pk_t, es256_pk_new, es256_pk_free, es256_pk_from_ptr>(used.get(), algorithm, key.public_key);
  } else if (algorithm == COSE_EDDSA) {
    verdict =
        verify_with<eddsa_pk_t, eddsa_pk_new, eddsa_pk_free, eddsa_pk_from_ptr>(used.get(), algorithm, key.public_key);
  } else if (algorithm == COSE_RS256) {
    verdict =
        verify_with<rs256_pk_t, rs256_pk_new, rs256_pk_free, rs256_pk_from_ptr>(used.get(), algorithm, key.public_key);
  }
  if (verdict != FIDO_OK) return std::unexpected(PasskeyFault::wrong_signature);
  return fido_assert_sigcount(used.get(), 0);
}

}  // namespace admit::identity
