#include "api/paging.hpp"

#include <charconv>

#include "crypto/encoding.hpp"
#include "crypto/hash.hpp"

namespace admit::api {

std::vector<http::Parameter> paging_parameters() {
  return {http::query_param("limit", http::integer(1, 1000)), http::query_param("cursor", http::text(1, 200))};
}

std::size_t limit_of(const http::Request& request) {
  const auto text = request.query("limit").value_or("1000");
  std::size_t limit = 1000;
  std::from_chars(text.data(), text.data() + text.size(), limit);  // its range was checked by the server
  return limit;
}

http::Problem bad_cursor() {
  return problem_of({domain::Refusal::invalid_field, "cursor", "Give a cursor as it was in nextCursor."});
}

Expected<std::optional<store::Cursor>> cursor_of(const http::Request& request) {
  const auto text = request.query("cursor");
  if (!text) return std::nullopt;
  const auto bytes = crypto::from_base64url(*text);
  if (!bytes || bytes->size() < 16) return std::unexpected(bad_cursor());
  return store::Cursor{std::string(bytes->begin() + 16, bytes->end()), domain::Uuid::from_bytes(bytes->data())};
}

std::string cursor_text(const store::Cursor& cursor) {
  const auto id = cursor.id.bytes();
  std::string joined(id.begin(), id.end());
  joined += cursor.order;
  return crypto::base64url(crypto::bytes_of(joined));
}

}  // namespace admit::api
