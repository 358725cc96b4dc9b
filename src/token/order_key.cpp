#include "token/order_key.hpp"

#include "crypto/encoding.hpp"

namespace admit::token {

std::string OrderKeys::key_of(domain::RegistrationId registration) const {
  const auto id = registration.value.bytes();
  return crypto::base64url(x_key.sign({id}));
}

bool OrderKeys::opens(domain::RegistrationId registration, std::string_view key) const {
  return crypto::constant_time_equal(key_of(registration), key);
}

}  // namespace admit::token
