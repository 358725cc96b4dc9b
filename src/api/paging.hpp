#pragma once
// Lists: one page of an index at a time, by `?limit=` and `?cursor=`.

#include <optional>
#include <string>
#include <vector>

#include "api/services.hpp"
#include "domain/rows.hpp"

namespace admit::api {

/// `limit` and `cursor`, for the documentation of a list.
[[nodiscard]] std::vector<http::Parameter> paging_parameters();

/// One page of an index as `?limit=` (1,000 by default) and `?cursor=` want it; invalid_field for a cursor that was not
/// given out.
template <class Row>
[[nodiscard]] Expected<store::Page<Row>> page_of(store::Store& store, const http::Request& request,
                                                 std::string_view index, domain::Uuid key, bool descending = false);

[[nodiscard]] std::string cursor_text(const store::Cursor& cursor);

/// The same of the rows that `keep` holds for the caller's to see: neither the page's length nor its cursor tells of others.
template <class Row, class Keep>
[[nodiscard]] Expected<store::Page<Row>> page_where(store::Store& store, const http::Request& request,
                                                    std::string_view index, domain::Uuid key, Keep keep);

/// The page as a list in JSON, newest first: `say` makes an entry of a row, `entries` is the list's member for them.
template <class Row, class List, class Json, class Say>
[[nodiscard]] http::Response list_reply(const Services& services, const http::Request& request, std::string_view index,
                                        domain::Uuid key, std::vector<Json> List::* entries, Say say) {
  const auto rows = page_of<Row>(services.store, request, index, key, true);
  if (!rows) return rows.error();
  List out;
  for (const auto& row : rows->rows) (out.*entries).push_back(say(row));
  if (rows->next) out.next_cursor = cursor_text(*rows->next);
  return reply(200, out);
}

/// The same of what belongs to the business in the path, for whoever has the capability.
template <class Row, class List, class Json, class Say>
[[nodiscard]] http::Response business_list_reply(const Services& services, const http::Request& request,
                                                 domain::Capability capability, std::vector<Json> List::* entries,
                                                 Say say) {
  const auto business = business_for(services, request, capability);
  if (!business) return business.error();
  return list_reply<Row>(services, request, "by_business", business->id.value, entries, say);
}

// What the templates are made of.

[[nodiscard]] std::size_t limit_of(const http::Request& request);
[[nodiscard]] Expected<std::optional<store::Cursor>> cursor_of(const http::Request& request);
[[nodiscard]] http::Problem bad_cursor();

template <class Row>
Expected<store::Page<Row>> page_of(store::Store& store, const http::Request& request, std::string_view index,
                                   domain::Uuid key, bool descending) {
  auto after = cursor_of(request);
  if (!after) return std::unexpected(after.error());
  try {
    return store::list<Row>(store, index, key, limit_of(request), *std::move(after), descending);
  } catch (const store::BadCursor&) {
    return std::unexpected(bad_cursor());
  }
}

template <class Row, class Keep>
Expected<store::Page<Row>> page_where(store::Store& store, const http::Request& request, std::string_view index,
                                      domain::Uuid key, Keep keep) {
  constexpr std::size_t rows_per_read = 1000;
  auto after = cursor_of(request);
  if (!after) return std::unexpected(after.error());
  const std::size_t limit = limit_of(request);
  store::Page<Row> out;
  std::optional<store::Cursor> from = *std::move(after);  // where the read began that filled the page
  std::size_t rows_until_full = 0;
  try {
    for (auto at = from;;) {
      auto page = store::list<Row>(store, index, key, rows_per_read, at);
      for (std::size_t i = 0; i < page.rows.size(); ++i) {
        if (!keep(page.rows[i])) continue;
        if (out.rows.size() == limit) {  // there is one more: the cursor is that of the last one given
          out.next = store::list<Row>(store, index, key, rows_until_full, from).next;
          return out;
        }
        out.rows.push_back(std::move(page.rows[i]));
        from = at;
        rows_until_full = i + 1;
      }
      if (!page.next) return out;
      at = std::move(page.next);
    }
  } catch (const store::BadCursor&) {
    return std::unexpected(bad_cursor());
  }
}

}  // namespace admit::api
