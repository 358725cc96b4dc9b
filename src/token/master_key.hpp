#pragma once
// Where the master key comes from: a file that only its owner can read, the environment, or a command.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
/// As above for a file that must be there.
[[nodiscard]] crypto::Secret read_master_key_file(const std::string& path);
/// Runs a program (found by PATH; no shell) and reads the key from what it prints, at most 256 bytes. Its standard
/// input is empty, its errors go where ours go. Throws std::runtime_error when it cannot be run, does not end within
/// `limit` (it is killed then), ends with another code than 0, or prints no key; what it printed is not told.
[[nodiscard]] crypto::Secret master_key_of_command(const std::vector<std::string>& command,
                                                   std::chrono::milliseconds limit = std::chrono::seconds{15});
/// 64 hexadecimal digits, as in the file or an environment variable; throws std::runtime_error on anything else.
[[nodiscard]] crypto::Secret parse_master_key(std::string_view text);

}  // namespace admit::token
