// rooms: token
// Whatever a scanner reads: the parser never fails otherwise than by a reason, what it accepts has one text, and
// nothing opens or verifies that was not issued.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "token/token.hpp"

using namespace admit;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

struct Keys {
  token::KeyRing ring{crypto::Secret(32), {}};
  crypto::SigningKey show = crypto::SigningKey::from_seed(crypto::Secret(32).bytes());
  token::Claims claims;
  std::string digits;

  Keys() {
    ring.adopt(ring.next_epoch());
    claims.epoch = 1;
    claims.expires_at = token::expiry_for(domain::from_unix_ms(1'800'000'000'000));
    claims.ticket_id = {{1, 2}};
    digits = token::issue(claims, show, *ring.epoch(1));
  }
};

void check(const token::Outcome<token::Token>& token, const Keys& keys) {
  if (!token) {
    require(!token::word(token.error()).empty());
    return;
  }
  const auto again = token::parse(token->digits());
  require(again && again->header() == token->header());
  if (const auto claims = token::open(*token, keys.ring)) require(*claims == keys.claims);
  if (token::verify(*token, keys.show.public_key())) require(token->digits() == keys.digits);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Keys keys;
  const crypto::Bytes bytes{data, size};
  check(token::parse(crypto::text_of(bytes)), keys);
  check(token::parse_bytes(bytes), keys);

  // The genuine token with one place overwritten.
  if (size >= 3) {
    std::string changed = keys.digits;
    const std::size_t at = (data[0] << 8 | data[1]) % changed.size();
    const std::string_view put = crypto::text_of(bytes.subspan(2));
    changed.replace(at, put.size(), put);
    check(token::parse(changed), keys);
  }
  return 0;
}
