#include "identity/webauthn.hpp"

#include <doctest/doctest.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <memory>

#include "crypto/encoding.hpp"
#include "crypto/hash.hpp"

namespace admit::identity {
namespace {

/// What an authenticator writes in CBOR.
struct Cbor {
  std::string bytes;

  Cbor& head(int major, std::uint64_t value) {
    const auto first = [&](int more) {
      bytes += static_cast<char>(major << 5 | more);
    };
    if (value < 24) {
      first(static_cast<int>(value));
    } else if (value < 0x100) {
      first(24);
      bytes += static_cast<char>(value);
    } else {
      first(25);
      bytes += static_cast<char>(value >> 8);
      bytes += static_cast<char>(value);
    }
    return *this;
  }
  Cbor& map(std::uint64_t entries) { return head(5, entries); }
  Cbor& number(std::int64_t value) {
    return value < 0 ? head(1, static_cast<std::uint64_t>(-1 - value)) : head(0, static_cast<std::uint64_t>(value));
  }
  Cbor& text(std::string_view value) {
    head(3, value.size()).bytes += value;
    return *this;
  }
  Cbor& string(std::string_view value) {
    head(2, value.size()).bytes += value;
    return *this;
  }
};

std::string raw(crypto::Bytes bytes) {
  return std::string(crypto::text_of(bytes));
}

/// A key of each kind that we take, as an authenticator holds it.
class Authenticator {
 public:
  explicit Authenticator(int algorithm) : x_algorithm(algorithm) {
    x_key.reset(algorithm == -7     ? EVP_EC_gen("P-256")
                : algorithm == -8   ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                : algorithm == -257 ? EVP_RSA_gen(2048)
                                    : EVP_EC_gen("P-384"));
    REQUIRE(x_key);
  }

  std::string party = "tickets.example";
  std::uint8_t flags = 0x45;  // present, verified, with a credential
  std::uint32_t count = 0;
  std::string id = std::string(32, '\x17');

  [[nodiscard]] std::string cose() const {
    Cbor out;
    if (x_algorithm == -8) {
      out.map(4).number(1).number(1).number(3).number(-8).number(-1).number(6).number(-2).string(octets());
    } else if (x_algorithm == -257) {
      out.map(4).number(1).number(3).number(3).number(-257);
      out.number(-1).string(number(OSSL_PKEY_PARAM_RSA_N)).number(-2).string(number(OSSL_PKEY_PARAM_RSA_E));
    } else {
      const bool is_256 = x_algorithm == -7;
      const std::string point = octets();
      const std::size_t half = (point.size() - 1) / 2;
      out.map(5).number(1).number(2).number(3).number(x_algorithm).number(-1).number(is_256 ? 1 : 2);
      out.number(-2).string(point.substr(1, half)).number(-3).string(point.substr(1 + half));
    }
    return out.bytes;
  }

  [[nodiscard]] std::string data(bool with_credential) const {
    std::string out = raw(crypto::sha256(party));
    out += static_cast<char>(with_credential ? flags : flags & ~0x40);
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(count >> shift);
    if (!with_credential) return out;
    out += std::string(16, '\0');
    out += static_cast<char>(id.size() >> 8);
    out += static_cast<char>(id.size());
    return out + id + cose();
  }
  [[nodiscard]] std::string attestation() const {
    return Cbor{}.map(3).text("fmt").text("none").text("attStmt").map(0).text("authData").string(data(true)).bytes;
  }
  /// The key's statement about itself.
  [[nodiscard]] std::string self_attestation(const std::string& client_data) const {
    Cbor out;
    out.map(3).text("fmt").text("packed").text("attStmt").map(2).text("alg").number(x_algorithm);
    out.text("sig").string(sign(data(true), client_data)).text("authData").string(data(true));
    return out.bytes;
  }
  [[nodiscard]] std::string sign(const std::string& authenticator_data, const std::string& client_data) const {
    const std::string text = authenticator_data + raw(crypto::sha256(client_data));
    const std::unique_ptr<EVP_MD_CTX, decltype([](EVP_MD_CTX* c) { EVP_MD_CTX_free(c); })> context(EVP_MD_CTX_new());
    const EVP_MD* digest = x_algorithm == -8 ? nullptr : EVP_sha256();
    REQUIRE(EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, x_key.get()) == 1);
    std::string out(512, '\0');
    std::size_t size = out.size();
    REQUIRE(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                           reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1);
    out.resize(size);
    return out;
  }

 private:
  [[nodiscard]] std::string octets() const {
    std::string out(200, '\0');
    std::size_t size = 0;
    REQUIRE(EVP_PKEY_get_octet_string_param(x_key.get(), OSSL_PKEY_PARAM_PUB_KEY,
                                            reinterpret_cast<unsigned char*>(out.data()), out.size(), &size) == 1);
    out.resize(size);
    return out;
  }
  [[nodiscard]] std::string number(const char* name) const {
    BIGNUM* value = nullptr;
    REQUIRE(EVP_PKEY_get_bn_param(x_key.get(), name, &value) == 1);
    std::string out(static_cast<std::size_t>(BN_num_bytes(value)), '\0');
    BN_bn2bin(value, reinterpret_cast<unsigned char*>(out.data()));
    BN_free(value);
    return out;
  }

  int x_algorithm;
  std::unique_ptr<EVP_PKEY, decltype([](EVP_PKEY* key) { EVP_PKEY_free(key); })> x_key;
};

const RelyingParty ours{"tickets.example", "https://tickets.example"};

std::string client_data(std::string_view type = "webauthn.get", std::string_view more = "") {
  return R"({"type":")" + std::string(type) + R"(","challenge":"Y2hhbGxlbmdl","origin":"https://tickets.example")" +
         std::string(more) + "}";
}

auto registered(const Authenticator& with) {
  return check_registration(ours, client_data("webauthn.create"), with.attestation());
}

TEST_CASE("relying party: the domain, and the origin as a browser writes it") {
  CHECK(relying_party("https://Tickets.Example").id == "tickets.example");
  CHECK(relying_party("https://tickets.example:443").origin == "https://tickets.example");
  CHECK(relying_party("https://tickets.example:8443").origin == "https://tickets.example:8443");
  CHECK(relying_party("https://tickets.example:8443").id == "tickets.example");
  CHECK(relying_party("http://localhost:8080/").origin == "http://localhost:8080");
  CHECK(relying_party("http://localhost:80").origin == "http://localhost");
}

TEST_CASE("client data: the challenge, of the right ceremony, from our own page and no frame") {
  const auto read = [](const std::string& data) {
    return read_client_data(ours, Ceremony::get, data);
  };
  CHECK(read(client_data()) == "Y2hhbGxlbmdl");
  CHECK(read(client_data("webauthn.get", R"(,"crossOrigin":false,"other_keys_can_be_added_here":"x")")).has_value());
  CHECK(read_client_data(ours, Ceremony::create, client_data("webauthn.create")).has_value());
  CHECK(read(client_data("webauthn.create")).error() == PasskeyFault::wrong_type);
  CHECK(read(client_data("webauthn.get", R"(,"crossOrigin":true)")).error() == PasskeyFault::wrong_origin);
  CHECK(read(client_data("webauthn.get", R"(,"crossOrigin":"no")")).error() == PasskeyFault::wrong_origin);
  CHECK(read(client_data("webauthn.get", R"(,"topOrigin":"https://evil.example")")).error() ==
        PasskeyFault::wrong_origin);
  for (const auto* origin : {"http://tickets.example", "https://tickets.example.evil.example",
                             "https://tickets.example:8443", "https://TICKETS.example", "https://tickets.example/"}) {
    const std::string other = R"({"type":"webauthn.get","challenge":"x","origin":")" + std::string(origin) + R"("})";
    CHECK_MESSAGE(read(other).error() == PasskeyFault::wrong_origin, origin);
  }
  for (const std::string text :
       {"", "{}", "[]", "null", R"({"type":"webauthn.get","origin":"https://tickets.example"})",
        R"({"type":1,"challenge":"x","origin":"https://tickets.example"})"}) {
    CHECK_MESSAGE(read(text).error() == PasskeyFault::malformed, text);
  }
  CHECK(read(client_data() + "x").error() == PasskeyFault::malformed);
  CHECK(read(client_data("webauthn.get", R"(,"x":")" + std::string(client_data_limit_bytes, 'x') + '"')).error() ==
        PasskeyFault::malformed);
  CHECK(read(client_data("webauthn.get", R"(,"x":)" + std::string(20, '[') + std::string(20, ']'))).error() ==
        PasskeyFault::malformed);
}

TEST_CASE("passkey: made and used with each algorithm that we take") {
  for (const int algorithm : {-7, -8, -257}) {
    CAPTURE(algorithm);
    Authenticator authenticator(algorithm);
    authenticator.count = 0x01020304;
    const auto made = registered(authenticator);
    REQUIRE(made);
    CHECK(made->id == authenticator.id);
    CHECK(made->key.algorithm == algorithm);
    CHECK(made->sign_count == 0x01020304);
    authenticator.count += 1;
    const std::string data = authenticator.data(false), signature = authenticator.sign(data, client_data());
    CHECK(check_assertion(ours, made->key, client_data(), data, signature) == 0x01020305);

    const auto fault = [&](const std::string& said, const std::string& with, const std::string& signed_with) {
      return check_assertion(ours, made->key, said, with, signed_with).error();
    };
    std::string bent = signature;
    bent.back() = static_cast<char>(bent.back() ^ 1);
    CHECK(fault(client_data(), data, bent) == PasskeyFault::wrong_signature);
    CHECK(fault(client_data("webauthn.get", R"(,"x":1)"), data, signature) == PasskeyFault::wrong_signature);
    std::string other_count = data;
    other_count.back() = 'x';
    CHECK(fault(client_data(), other_count, signature) == PasskeyFault::wrong_signature);
    CHECK(fault(client_data(), data.substr(0, 36), signature) == PasskeyFault::malformed);
    CHECK(fault(client_data(), data, "") == PasskeyFault::malformed);
    CHECK(fault(client_data(), data, std::string(signature_limit_bytes + 1, 'x')) == PasskeyFault::malformed);
    CHECK(fault(client_data(), data + std::string(authenticator_data_limit_bytes, 'x'), signature) ==
          PasskeyFault::malformed);
    const auto stranger = registered(Authenticator(algorithm));
    REQUIRE(stranger);
    CHECK(check_assertion(ours, stranger->key, client_data(), data, signature).error() ==
          PasskeyFault::wrong_signature);
  }
}

TEST_CASE("passkey: of another domain, or without a PIN, finger or face, is refused") {
  Authenticator authenticator(-7);
  const auto made = registered(authenticator);
  REQUIRE(made);
  const auto used = [&] {
    const std::string data = authenticator.data(false);
    return check_assertion(ours, made->key, client_data(), data, authenticator.sign(data, client_data()));
  };
  REQUIRE(used());
  for (const std::uint8_t flags : {0x41, 0x44, 0x40}) {
    authenticator.flags = flags;
    CHECK(registered(authenticator).error() == PasskeyFault::user_not_verified);
    CHECK(used().error() == PasskeyFault::user_not_verified);
  }
  authenticator.flags = 0x45;
  authenticator.party = "evil.example";
  CHECK(registered(authenticator).error() == PasskeyFault::wrong_party);
  CHECK(used().error() == PasskeyFault::wrong_party);
}

TEST_CASE("passkey: a key may sign for itself, and no other statement is taken") {
  for (const int algorithm : {-7, -8, -257}) {
    CAPTURE(algorithm);
    const Authenticator authenticator(algorithm);
    const std::string said = client_data("webauthn.create");
    CHECK(check_registration(ours, said, authenticator.self_attestation(said)).has_value());
    CHECK(check_registration(ours, said, authenticator.self_attestation(client_data())).error() ==
          PasskeyFault::unsupported_attestation);
  }
  const Authenticator authenticator(-7);
  const auto fault = [&](const Cbor& with) {
    return check_registration(ours, client_data(), with.bytes).error();
  };
  const auto data = authenticator.data(true);
  CHECK(fault(Cbor{}.map(3).text("fmt").text("tpm").text("attStmt").map(0).text("authData").string(data)) ==
        PasskeyFault::unsupported_attestation);
  CHECK(fault(Cbor{}
                  .map(3)
                  .text("fmt")
                  .text("none")
                  .text("attStmt")
                  .map(1)
                  .text("x")
                  .number(1)
                  .text("authData")
                  .string(data)) == PasskeyFault::unsupported_attestation);
}

TEST_CASE("attestation object: anything else than three known entries in plain CBOR is malformed") {
  const Authenticator authenticator(-7);
  const std::string good = authenticator.attestation(), data = authenticator.data(true);
  const auto fault = [](const std::string& bytes) {
    return check_registration(ours, "", bytes).error();
  };
  REQUIRE(check_registration(ours, "", good));
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK_MESSAGE(fault(good.substr(0, size)) == PasskeyFault::malformed, size);
  }
  CHECK(fault(good + 'x') == PasskeyFault::malformed);
  CHECK(fault(Cbor{}.map(2).text("fmt").text("none").text("authData").string(data).bytes) == PasskeyFault::malformed);
  CHECK(fault(Cbor{}.map(3).text("fmt").text("none").text("fmt").text("none").text("authData").string(data).bytes) ==
        PasskeyFault::malformed);
  CHECK(fault(Cbor{}.map(3).text("fmt").text("none").text("attStmt").map(0).text("authData").text(data).bytes) ==
        PasskeyFault::malformed);
  // Of unknown length, or deeper and longer than it can be.
  CHECK(fault("\xBF" + good.substr(1) + "\xFF") == PasskeyFault::malformed);
  const std::string head = Cbor{}.map(3).text("fmt").text("none").text("attStmt").bytes;
  CHECK(fault(head + std::string(100, '\x81')) == PasskeyFault::malformed);
  CHECK(fault(head + "\x9B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF") == PasskeyFault::malformed);
  CHECK(fault(head + "\xBB\x80" + std::string(7, '\0')) == PasskeyFault::malformed);
  CHECK(fault(std::string(attestation_limit_bytes + 1, 'x')) == PasskeyFault::malformed);

  // A map that promises more than there is, behind the fixed part of the authenticator's data.
  const std::string promise("\xBA\x88\x90\x87\xB2", 5);
  CHECK(fault(Cbor{}
                  .map(3)
                  .text("fmt")
                  .text("none")
                  .text("attStmt")
                  .map(0)
                  .text("authData")
                  .string(data + promise)
                  .bytes) == PasskeyFault::malformed);
  CHECK(check_assertion(ours, {-7, std::string(64, 'x')}, "", authenticator.data(false) + promise, "x").error() ==
        PasskeyFault::malformed);

  CHECK(registered(Authenticator(-35)).error() == PasskeyFault::unsupported_algorithm);
  Authenticator nameless(-7);
  nameless.id.clear();
  CHECK_FALSE(registered(nameless));
}

}  // namespace
}  // namespace admit::identity
