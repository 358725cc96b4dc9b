#pragma once
// Objects as files under one folder; links point at our own `/files/` route and are signed by HMAC.

#include <filesystem>
#include <string>
#include <string_view>

#include "crypto/hash.hpp"
#include "object/object_store.hpp"

namespace admit::object {

/// One process at a time: what an earlier one left half written is cleared at the start.
class FolderStore final : public ObjectStore {
 public:
  /// Makes the folder where it is absent. `public_url` is scheme, host and port under which the server is reached;
  /// `link_key` is 32 secret bytes, the same at every start.
  FolderStore(std::filesystem::path root, std::string public_url, crypto::Bytes link_key);

  void put(std::string_view key, std::string_view bytes, std::string_view content_type) override;
  [[nodiscard]] std::optional<std::string> get(std::string_view key) override;
  [[nodiscard]] bool exists(std::string_view key) override;
  void remove(std::string_view key) override;
  /// `PUBLIC_URL/files/<key>?expires=<unix seconds>&filename=<name>&signature=<base64url>`
  [[nodiscard]] Link signed_link(std::string_view key, domain::Instant now, std::string_view filename = {},
                                 std::chrono::seconds ttl = link_ttl) override;

  enum class LinkCheck { valid, forged, expired };
  /// Checks the parts of a link as they came in the request; a link that is forged is never called expired.
  [[nodiscard]] LinkCheck verify_link(std::string_view key, std::string_view expires, std::string_view filename,
                                      std::string_view signature, domain::Instant now) const;

 private:
  [[nodiscard]] std::filesystem::path path_of(std::string_view key) const;
  [[nodiscard]] std::string signature_of(std::string_view key, std::string_view expires,
                                         std::string_view filename) const;

  std::filesystem::path x_root;
  std::string x_public_url;
  crypto::HmacKey x_link_key;
};

}  // namespace admit::object
