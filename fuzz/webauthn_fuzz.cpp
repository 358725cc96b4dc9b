// rooms: identity
// What a browser sends about a passkey: the readers never fail otherwise than by a reason, and nothing that was not
// signed is taken for the use of a key.

#include <cstdint>
#include <cstdlib>

#include "crypto/hash.hpp"
#include "identity/webauthn.hpp"

using namespace admit;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

const identity::RelyingParty party{"localhost", "http://localhost:8080"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = crypto::text_of({data, size});
  if (const auto challenge = identity::read_client_data(party, identity::Ceremony::get, bytes)) {
    require(bytes.size() <= identity::client_data_limit_bytes);
  }
  // A registration, as it is and with our domain's hash at the authenticator's data.
  if (const auto made = identity::check_registration(party, "{}", bytes)) {
    require(!made->id.empty() && made->id.size() <= identity::credential_id_limit_bytes);
    require(!made->key.public_key.empty());
    require(!identity::check_assertion(party, made->key, "{}", bytes, bytes));
  }
  const auto party_hash = crypto::sha256(party.id);
  const std::string authenticator_data = std::string(crypto::text_of(party_hash)) + std::string(bytes);
  for (const auto& key :
       {identity::PasskeyKey{-7, std::string(64, '\1')}, identity::PasskeyKey{-8, std::string(32, '\1')},
        identity::PasskeyKey{-257, std::string(259, '\1')}, identity::PasskeyKey{-35, std::string(96, '\1')}}) {
    require(!identity::check_assertion(party, key, "{}", authenticator_data, bytes.substr(bytes.size() / 2)));
  }
  return 0;
}
