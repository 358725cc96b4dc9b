#pragma once
// Work that walks all registrations of a show.

#include <functional>
#include <string>

#include "domain/instant.hpp"
#include "domain/rows.hpp"
#include "engine/lane.hpp"
#include "store/store.hpp"

namespace admit::job {

/// Ends every registration of a cancelled show, from where it was left off; notes how far it came after each page.
/// "" when all are done, else what went wrong, or `goes on` when `is_over` said so. Safe to repeat.
[[nodiscard]] std::string cancel_show(engine::Lane& lane, store::Store& store, domain::ShowId show,
                                      const std::function<domain::Meta()>& meta, const std::function<bool()>& is_over);

}  // namespace admit::job
