#pragma once
// The port to where files are kept: a local folder, or a store that speaks S3.

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "domain/instant.hpp"

namespace admit::object {

inline constexpr std::size_t key_limit_bytes = 200;
inline constexpr std::size_t object_limit_bytes = 64u << 20;
inline constexpr std::chrono::seconds link_ttl{15 * 60};

/// True for `tickets/{id}.pdf` and the like: segments of [A-Za-z0-9._-] parted by single slashes, none beginning with a
/// dot, at most 200 bytes.
[[nodiscard]] bool valid_key(std::string_view key);

/// A file name fit for a header and a query: every other character becomes `-`; `file` if nothing is left.
[[nodiscard]] std::string safe_filename(std::string_view name);

struct Link {
  std::string url;
  domain::Instant expires_at{};
};

/// Thread-safe. Calls may block for as long as a disk or a remote store takes. A key that is not valid is a bug of the
/// caller (std::logic_error); a store that cannot be reached, a full disk and an object above the limit are
/// std::runtime_error.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  /// Durable when it returns; replaces what was there at once, so that no reader sees half.
  virtual void put(std::string_view key, std::string_view bytes, std::string_view content_type) = 0;
  [[nodiscard]] virtual std::optional<std::string> get(std::string_view key) = 0;
  [[nodiscard]] virtual bool exists(std::string_view key) = 0;
  /// Removing what is not there is no error.
  virtual void remove(std::string_view key) = 0;
  /// A link that lets anybody who holds it download the object until it expires, as an attachment called `filename`
  /// (the key's last segment if empty). Whole seconds.
  [[nodiscard]] virtual Link signed_link(std::string_view key, domain::Instant now, std::string_view filename = {},
                                         std::chrono::seconds ttl = link_ttl) = 0;
};

}  // namespace admit::object
