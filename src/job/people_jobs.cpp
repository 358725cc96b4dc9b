#include "job/people_jobs.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "domain/people.hpp"
#include "job/call_all.hpp"

namespace admit::job {
namespace {

constexpr std::size_t rows_per_read = 100;

/// Calls `f` with each page of an index until it gives a fault.
template <class Row, class F>
std::string each_page(store::Store& store, std::string_view index, domain::Uuid key, F f) {
  std::optional<store::Cursor> after;
  do {
    auto page = store::list<Row>(store, index, key, rows_per_read, std::move(after));
    after = std::move(page.next);
    if (auto fault = f(page.rows); !fault.empty()) return fault;
  } while (after);
  return "";
}

template <class Row>
std::vector<domain::IdOf<Row>> ids_of(const std::vector<Row>& rows) {
  std::vector<domain::IdOf<Row>> out;
  for (const auto& row : rows) out.push_back(row.id);
  return out;
}

}  // namespace

Tried PeopleJobs::stopped() const {
  Tried tried("the server stops");
  tried.is_away = true;
  return tried;
}

Tried PeopleJobs::join_guests(domain::UserId id) const {
  const auto user = store::get<domain::User>(store, id);
  if (!user || user->erased_at || !user->email_verified) return "";
  for (;;) {
    const auto guests =
        store::list<domain::User>(store, "by_guest_key", domain::guest_key(user->email).value, rows_per_read);
    if (guests.rows.empty()) return "";
    for (const auto& guest : guests.rows) {
      if (is_stopping()) return stopped();
      // Those that joined are no more in the list.
      for (;;) {
        const auto orders = store::list<domain::Registration>(store, "by_user", guest.id.value, rows_per_read);
        if (orders.rows.empty()) break;
        std::vector<domain::JoinRegistration> joins;
        for (const auto& order : orders.rows) {
          joins.push_back({.meta = meta(), .guest_id = guest.id, .user_id = id, .registration_id = order.id});
        }
        for (const auto& joined : call_all(lane, std::move(joins))) {
          if (!joined) return joined.error().detail;
        }
      }
      const auto ended = lane.call(domain::EndGuest{.meta = meta(), .guest_id = guest.id});
      if (!ended) return ended.error().detail;
    }
  }
}

std::string PeopleJobs::close(domain::BusinessId id) const {
  const auto call = [&](std::vector<domain::ApiKeyId> keys, std::vector<domain::DeviceId> devices) -> std::string {
    if (is_stopping()) return "the server stops";
    const auto closed = lane.call(domain::CloseBusiness{
        .meta = meta(), .business_id = id, .key_ids = std::move(keys), .device_ids = std::move(devices)});
    return closed ? "" : closed.error().detail;
  };
  auto fault = call({}, {});
  if (fault.empty()) {
    fault = each_page<domain::ApiKey>(store, "by_business", id.value,
                                      [&](const auto& rows) { return call(ids_of(rows), {}); });
  }
  if (!fault.empty()) return fault;
  return each_page<domain::Show>(store, "by_business", id.value, [&](const auto& shows) -> std::string {
    for (const auto& show : shows) {
      auto broken = each_page<domain::Device>(store, "by_show", show.id.value,
                                              [&](const auto& rows) { return call({}, ids_of(rows)); });
      if (!broken.empty()) return broken;
    }
    return "";
  });
}

std::string PeopleJobs::close_all(domain::UserId owner) const {
  return each_page<domain::Business>(store, "by_owner", owner.value, [&](const auto& rows) -> std::string {
    for (const auto& business : rows) {
      if (auto fault = close(business.id); !fault.empty()) return fault;
    }
    return "";
  });
}

Tried PeopleJobs::revoke_access(domain::UserId id) const {
  auto fault = close_all(id);
  return is_stopping() ? stopped() : Tried(std::move(fault));
}

Tried PeopleJobs::erase_person(domain::UserId id) const {
  const auto user = store::get<domain::User>(store, id);
  if (!user || !user->erased_at) return "there is nobody to erase";
  const auto names = [&](const std::vector<domain::Registration>& orders) -> std::string {
    if (is_stopping()) return "the server stops";
    std::vector<domain::EraseNames> erase;
    for (const auto& order : orders) erase.push_back({.meta = meta(), .registration_id = order.id});
    for (const auto& erased : call_all(lane, std::move(erase))) {
      if (!erased) return erased.error().detail;
    }
    for (const auto& order : orders) {
      for (std::int64_t number = 1; order.confirmed_at && number <= order.ticket_count; ++number) {
        const auto ticket = store::get<domain::Ticket>(store, domain::ticket_id(order.id, *order.confirmed_at, number));
        if (ticket) documents.store_page(*ticket);
      }
    }
    return "";
  };
  const auto traces = [&](auto ids) -> std::string {
    domain::EraseTraces command{.meta = meta(), .user_id = id};
    ids(command);
    const auto erased = lane.call(std::move(command));
    return erased ? "" : erased.error().detail;
  };
  auto fault = each_page<domain::Registration>(store, "by_user", id.value, names);
  if (fault.empty()) {
    fault = each_page<domain::Session>(store, "by_user", id.value, [&](const auto& rows) {
      return traces([&](domain::EraseTraces& command) { command.session_ids = ids_of(rows); });
    });
  }
  if (fault.empty()) {
    fault = each_page<domain::Passkey>(store, "by_user", id.value, [&](const auto& rows) {
      return traces([&](domain::EraseTraces& command) { command.passkey_ids = ids_of(rows); });
    });
  }
  if (fault.empty()) {
    fault = each_page<domain::Member>(store, "by_user", id.value, [&](const auto& rows) {
      return traces([&](domain::EraseTraces& command) { command.member_ids = ids_of(rows); });
    });
  }
  if (fault.empty()) {
    fault = each_page<domain::Proof>(store, "by_user", id.value, [&](const auto& rows) {
      return traces([&](domain::EraseTraces& command) { command.proof_ids = ids_of(rows); });
    });
  }
  if (fault.empty()) fault = close_all(id);
  // Those that were erased are no more in the list.
  while (fault.empty()) {
    const auto networks = store::list<domain::KnownNetwork>(store, "by_user", id.value, rows_per_read);
    if (networks.rows.empty()) break;
    fault = traces([&](domain::EraseTraces& command) { command.network_ids = ids_of(networks.rows); });
  }
  while (fault.empty()) {
    const auto identities = store::list<domain::ExternalIdentity>(store, "by_user", id.value, rows_per_read);
    if (identities.rows.empty()) break;
    fault = traces([&](domain::EraseTraces& command) { command.identity_ids = ids_of(identities.rows); });
  }
  if (!fault.empty() && is_stopping()) return stopped();
  return fault;
}

}  // namespace admit::job
