#pragma once
// The schema, as numbered steps. A step that was released is never edited; a change is a new step.

#include <span>
#include <string_view>

#include "store/sqlite/database.hpp"

namespace admit::store::sqlite {

struct Migration {
  int number;
  std::string_view name;
  const char* sql;
};
/// In order, numbered from 1.
[[nodiscard]] std::span<const Migration> migrations();

/// The number of the last step the database has had; 0 for an empty one.
[[nodiscard]] int schema_number(Database& db);
/// Applies what is missing, each step in a transaction of its own. Throws StoreUnavailable if the database has had a step
/// that this binary does not know.
void migrate(Database& db, Instant now);
/// For one who only reads: throws StoreUnavailable unless the database has had exactly the steps this binary knows.
void require_current_schema(Database& db);

}  // namespace admit::store::sqlite
