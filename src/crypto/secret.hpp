#pragma once
// Bytes that must not be seen: wiped when they go, never printed, never copied by accident.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace admit::crypto {

using Bytes = std::span<const std::uint8_t>;

/// Overwrites memory in a way the compiler may not leave out.
void wipe(void* memory, std::size_t size) noexcept;

/// The bytes of a text, without copying.
[[nodiscard]] inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Owns secret bytes. Move-only; the memory is wiped when it is released. It has no operator<< and no formatter on
/// purpose.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::size_t size) : x_bytes(size) {}
  explicit Secret(Bytes bytes) : x_bytes(bytes.begin(), bytes.end()) {}
  explicit Secret(std::string_view text) : Secret(bytes_of(text)) {}
  Secret(Secret&& other) noexcept : x_bytes(std::exchange(other.x_bytes, {})) {}
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      wipe(x_bytes.data(), x_bytes.size());
      x_bytes = std::exchange(other.x_bytes, {});
    }
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { wipe(x_bytes.data(), x_bytes.size()); }

  /// Takes the text and wipes where it was.
  static Secret take(std::string& text) {
    Secret secret{std::string_view{text}};
    wipe(text.data(), text.size());
    text.clear();
    return secret;
  }
  /// A deliberate copy.
  [[nodiscard]] Secret copy() const { return Secret{bytes()}; }

  [[nodiscard]] Bytes bytes() const { return x_bytes; }
  [[nodiscard]] std::span<std::uint8_t> writable() { return x_bytes; }
  [[nodiscard]] std::string_view text() const { return text_of(x_bytes); }
  [[nodiscard]] std::size_t size() const { return x_bytes.size(); }
  [[nodiscard]] bool empty() const { return x_bytes.empty(); }

 private:
  std::vector<std::uint8_t> x_bytes;
};

}  // namespace admit::crypto
