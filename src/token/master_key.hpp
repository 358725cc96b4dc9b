#pragma once
// Where the master key comes from: a file that only its owner can read, or the environment.

#include <optional>
#include <string>
#include <string_view>

#include "crypto/secret.hpp"

namespace admit::token {

/// The master key's file: 64 hexadecimal digits, readable by its owner only.
struct MasterKeyFile {
  /// Nothing if the file is absent and must not be made because keys exist.
  std::optional<crypto::Secret> key;
  bool created = false;
};
/// Reads the file; where there is none and `keys_exist` is false, makes one, atomically and never over another.
/// Throws std::runtime_error, with a sentence for the operator, on a file that others can read or that holds no key.
[[nodiscard]] MasterKeyFile load_or_create_master_key(const std::string& path, bool keys_exist);
/// 64 hexadecimal digits, as in the file or an environment variable; throws std::runtime_error on anything else.
[[nodiscard]] crypto::Secret parse_master_key(std::string_view text);

}  // namespace admit::token
