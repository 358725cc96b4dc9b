#pragma once
// HTTP/1.1 messages from bytes, strictly (RFC 9112): what two readers could take differently is refused. No I/O.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.hpp"

namespace admit::http::wire {

enum class Fault : std::uint8_t {
  none,
  malformed,           ///< 400
  bad_target,          ///< 400
  target_too_long,     ///< 414
  head_too_big,        ///< 431
  unknown_coding,      ///< 501: a transfer coding other than chunked
  unknown_version,     ///< 505
  expectation_failed,  ///< 417
  body_too_big         ///< 413
};
/// The problem a fault is answered with; the connection is closed after it.
[[nodiscard]] Problem problem_of(Fault fault);

enum class Progress : std::uint8_t { more, done, failed };

struct HeadLimits {
  std::size_t max_bytes = 16 * 1024;
  std::size_t max_target_bytes = 8 * 1024;
  std::size_t max_headers = 100;
};

/// Views into the bytes parsed.
struct RequestHead {
  std::string_view method;
  Verb verb = Verb::other;
  std::string_view path;  ///< without query; "*" only for OPTIONS
  std::string_view query;
  bool is_http11 = true;
  bool keep_alive = true;
  bool is_chunked = false;
  bool expects_continue = false;
  std::optional<std::uint64_t> content_length;
  std::size_t size_bytes = 0;
  Fault fault = Fault::none;
};

/// Parses a head from the start of `bytes`. `scanned` remembers between calls how far the end was searched for; 0 at
/// first. `headers` is cleared and filled. Refuses: bare CR or LF, obs-fold, space before a colon, control
/// characters, Content-Length that is repeated, not digits or beside Transfer-Encoding, more than one Host or none
/// in HTTP/1.1.
[[nodiscard]] Progress parse_request_head(std::string_view bytes, const HeadLimits& limits, std::size_t& scanned,
                                          RequestHead& head, std::vector<TextPair>& headers);

struct ResponseHead {
  int status = 0;
  bool keep_alive = true;
  bool is_chunked = false;
  std::optional<std::uint64_t> content_length;
  std::size_t size_bytes = 0;
};
[[nodiscard]] Progress parse_response_head(std::string_view bytes, const HeadLimits& limits, std::size_t& scanned,
                                           ResponseHead& head, std::vector<TextPair>& headers);

/// Puts a chunked body together, in any portions. Extensions are dropped (at most 256 bytes a line), trailers too
/// (at most 8 KiB).
class ChunkDecoder {
 public:
  explicit ChunkDecoder(std::size_t limit_bytes) : x_limit_bytes(limit_bytes) {}
  /// Takes from the front of `bytes`; `used` says how many. After `done` the rest belongs to the next message.
  [[nodiscard]] Progress feed(std::string_view bytes, std::size_t& used, std::string& out);
  [[nodiscard]] Fault fault() const { return x_fault; }

 private:
  enum class At : std::uint8_t { size, extension, size_lf, data, data_cr, data_lf, trailer, trailer_lf };
  Progress fail(Fault fault);
  std::size_t x_limit_bytes;
  std::uint64_t x_left = 0;
  std::size_t x_line_bytes = 0;
  std::size_t x_trailer_bytes = 0;
  unsigned x_digits = 0;
  At x_at = At::size;
  Fault x_fault = Fault::none;
};

[[nodiscard]] bool same_text(std::string_view a, std::string_view b);  ///< ASCII letters in either case
[[nodiscard]] bool is_token(std::string_view text);

}  // namespace admit::http::wire
