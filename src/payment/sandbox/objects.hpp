#pragma once
// Inside the sandbox: stored objects, lists of them, and the events of their changes.

#include "payment/sandbox/api.hpp"

namespace admit::payment::sandbox {

void insert_object(Call& call, const boost::json::object& object);
void update_object(Call& call, const boost::json::object& object);
[[nodiscard]] std::optional<boost::json::object> find_object(Call& call, std::string_view type, std::string_view id);
/// 404 `resource_missing` where there is none.
[[nodiscard]] Reply load_object(Call& call, std::string_view type, std::string_view id, std::string_view param);

/// Newest first, by `limit`, `starting_after` and `created[...]`.
[[nodiscard]] Reply list_objects(Call& call, std::string_view type, std::string_view url);

/// Writes the event of a change, and its delivery where its type is posted. In the transaction of the change.
void emit(Call& call, std::string_view type, const boost::json::object& object, std::string_view account = {});

[[nodiscard]] inline std::int64_t unix_s(domain::Instant at) {
  return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
}

struct Page {
  std::int64_t limit = 10;
  std::int64_t from_s = 0;   ///< created >= from_s
  std::int64_t until_s = 0;  ///< created <= until_s
};
[[nodiscard]] Outcome<Page> read_page(const Params& params);
[[nodiscard]] boost::json::object list_of(boost::json::array data, bool has_more, std::string_view url);

}  // namespace admit::payment::sandbox
