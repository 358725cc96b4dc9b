#pragma once
// What is done to a person's many rows after they proved their address, or left.

#include <functional>

#include "domain/command.hpp"
#include "engine/lane.hpp"
#include "job/provider_jobs.hpp"
#include "job/ticket_documents.hpp"
#include "store/store.hpp"

namespace admit::job {

/// Each call is one try; both may be repeated, and go on where an earlier one stopped.
struct PeopleJobs {
  engine::Lane& lane;
  store::Store& store;
  TicketDocuments& documents;
  std::function<domain::Meta()> meta;
  std::function<bool()> is_stopping;

  /// Orders of guests with the account's address go to the account.
  [[nodiscard]] Tried join_guests(domain::UserId id) const;
  /// Holders' names, pages that show them, and what else tells who somebody was.
  [[nodiscard]] Tried erase_person(domain::UserId id) const;
  /// An account that was taken over from whoever made it: keys and gates of before are revoked.
  [[nodiscard]] Tried revoke_access(domain::UserId id) const;

 private:
  [[nodiscard]] Tried stopped() const;
  /// A business whose owner was erased or has taken it over; "" or why not.
  [[nodiscard]] std::string close(domain::BusinessId id) const;
  [[nodiscard]] std::string close_all(domain::UserId owner) const;
};

}  // namespace admit::job
