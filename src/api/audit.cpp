// The audit: who changed what, when, from where.

#include <algorithm>
#include <set>

#include "api/paging.hpp"
#include "api/services.hpp"
#include "domain/audit_seals.hpp"

namespace admit::api {
namespace {

using domain::Refusal;
using http::Request;
using http::required;
using http::Response;
using http::Task;
using http::Verb;

struct AuditJson {
  std::string audit_id, at, actor, action, subject, address, detail;
  std::optional<std::string> show_id;
  static http::Shape shape() {
    return http::object<AuditJson>(
        "AuditEntry",
        {required("auditId", &AuditJson::audit_id, http::uuid()), required("at", &AuditJson::at, http::date_time()),
         required("actor", &AuditJson::actor), required("action", &AuditJson::action),
         required("subjectId", &AuditJson::subject, http::uuid()),
         required("showId", &AuditJson::show_id, http::uuid().nullable()), required("address", &AuditJson::address),
         required("detail", &AuditJson::detail,
                  http::text(0, 500).doc("What it was and is now, where the action alone does not tell."))});
  }
};

AuditJson to_json(const domain::AuditEntry& entry) {
  AuditJson out{.audit_id = entry.id.text(),
                .at = domain::text(entry.at),
                .actor = entry.actor,
                .action = entry.action,
                .subject = entry.subject.text(),
                .address = entry.address,
                .detail = entry.detail,
                .show_id = {}};
  if (entry.show_id) out.show_id = entry.show_id.text();
  return out;
}

struct AuditList {
  std::vector<AuditJson> entries;
  std::optional<std::string> next_cursor;
  static http::Shape shape() {
    return http::object<AuditList>("AuditList",
                                   {required("entries", &AuditList::entries, http::items(0, 1000)),
                                    http::optional("nextCursor", &AuditList::next_cursor, http::text(1, 200))});
  }
};

constexpr std::size_t page_rows = 1'000;
constexpr std::size_t max_shows = 10'000;
/// Of one answer: what is not found among so many is behind its cursor.
constexpr std::size_t max_examined = 20'000;
constexpr std::size_t window_rows = 5'000;
constexpr std::chrono::seconds first_window{60}, least_window{1}, widest_window{std::chrono::days{30}};

/// What a business may see: of its shows and itself. Where from, only of its own people, keys and gates.
class OfBusiness {
 public:
  OfBusiness(store::Store& store, const domain::Business& business) : x_business(business) {
    x_people.insert("user:" + business.owner_id.text());
    each<domain::Member>(store, [&](const auto& member) { x_people.insert("user:" + member.user_id.text()); });
    each<domain::Show>(store, [&](const auto& show) { x_shows.insert(show.id); });
  }
  [[nodiscard]] bool has(const domain::AuditEntry& entry) const {
    return entry.show_id ? x_shows.contains(entry.show_id) : entry.subject == x_business.id.value;
  }
  [[nodiscard]] AuditJson say(const domain::AuditEntry& entry) const {
    auto out = to_json(entry);
    const bool is_own =
        entry.actor.starts_with("device:") || entry.actor.starts_with("key:") || x_people.contains(entry.actor);
    if (!is_own) out.address.clear();
    return out;
  }

 private:
  template <class Row>
  void each(store::Store& store, auto&& take) {
    std::optional<store::Cursor> at;
    for (std::size_t rows = 0; rows < max_shows; rows += page_rows) {
      const auto page = store::list<Row>(store, "by_business", x_business.id.value, page_rows, at);
      std::ranges::for_each(page.rows, take);
      at = page.next;
      if (!at) return;
    }
  }

  const domain::Business& x_business;
  std::set<std::string> x_people;
  std::set<domain::ShowId> x_shows;
};

/// The entries with ids from `from` to before `until`; nullopt where there are more than window_rows.
std::optional<std::vector<domain::AuditEntry>> window(store::Store& store, domain::Uuid from, domain::Uuid until,
                                                      bool whole) {
  std::vector<domain::AuditEntry> out;
  for (domain::Uuid after = from;;) {
    auto page = store::scan<domain::AuditEntry>(store, after, page_rows);
    for (auto& entry : page) {
      if (entry.id.value >= until) return out;
      out.push_back(std::move(entry));
    }
    if (page.size() < page_rows) return out;
    if (out.size() > window_rows && !whole) return std::nullopt;
    after = out.back().id.value;
  }
}

class Audit {
 public:
  explicit Audit(Services& services) : x(services) {}

  /// There is no index by business, which every scan at a door would pay for: the table is in the order of time, so it
  /// is read backwards in windows that grow while they hold little.
  Task of_business(Request& request) {
    auto business = business_for(x, request, domain::Capability::see_audit);
    if (!business) co_return business.error();
    const auto now = x.clock();
    domain::Uuid until = domain::first_of(now + std::chrono::milliseconds{1});
    if (const auto cursor = request.query("cursor")) {
      const auto id = domain::Uuid::parse(*cursor);
      if (!id) co_return bad_cursor();
      until = *id;
    }
    const auto limit = limit_of(request);
    co_return co_await on_pool(
        x.pool, [this, business = *business, until, limit] { return reply(200, newest(business, until, limit)); });
  }

  /// What the account itself did. The table is read forwards, so many rows for an answer.
  Task of_person(Request& request) {
    const auto caller = caller_of(x, request);
    if (!caller) co_return caller.error();
    const auto user = row_of<domain::User>(x, caller->user);
    if (!user) co_return user.error();
    domain::Uuid after = domain::first_of(user->created_at);
    if (const auto cursor = request.query("cursor")) {
      const auto id = domain::Uuid::parse(*cursor);
      if (!id) co_return bad_cursor();
      after = std::max(after, *id);
    }
    const auto limit = limit_of(request);
    co_return co_await on_pool(x.pool, [this, who = "user:" + user->id.text(), after, limit]() mutable {
      AuditList out;
      for (std::size_t examined = 0; examined < max_examined; examined += page_rows) {
        const auto page = store::scan<domain::AuditEntry>(x.store, after, page_rows);
        for (const auto& entry : page) {
          after = entry.id.value;
          if (entry.actor != who) continue;
          out.entries.push_back(to_json(entry));
          if (out.entries.size() < limit) continue;
          out.next_cursor = after.text();
          return reply(200, out);
        }
        if (page.size() < page_rows) return reply(200, out);
      }
      out.next_cursor = after.text();
      return reply(200, out);
    });
  }

  Response list(Request& request) {
    const auto caller = operator_of(x, request);
    if (!caller) return caller.error();
    // Ids begin with their moment, so the table is in the order of time, and a moment is a place in it.
    domain::Uuid after;
    if (const auto from = request.query("from")) {
      const auto moment = domain::parse_instant(*from);
      if (!moment) return problem_of({Refusal::invalid_field, "from", "Give a moment like 2026-07-01T18:00:00Z."});
      after = domain::first_of(*moment);
    }
    if (const auto cursor = request.query("cursor")) {
      const auto id = domain::Uuid::parse(*cursor);
      if (!id) return bad_cursor();
      after = *id;
    }
    const auto limit = limit_of(request);
    AuditList out;
    for (const auto& entry : store::scan<domain::AuditEntry>(x.store, after, limit))
      out.entries.push_back(to_json(entry));
    if (out.entries.size() == limit) out.next_cursor = out.entries.back().audit_id;
    return reply(200, out);
  }

 private:
  [[nodiscard]] AuditList newest(const domain::Business& business, domain::Uuid until, std::size_t limit) {
    const OfBusiness theirs(x.store, business);
    const domain::Uuid begin = domain::first_of(business.created_at);
    AuditList out;
    auto width = first_window;
    for (std::size_t examined = 0; examined < max_examined && until > begin;) {
      const domain::Uuid from = std::max(begin, domain::first_of(domain::moment_of(until) - width));
      const auto entries = window(x.store, from, until, width == least_window);
      if (!entries) {
        examined += window_rows;
        width = std::max(width / 8, least_window);
        continue;
      }
      examined += entries->size();
      for (auto entry = entries->rbegin(); entry != entries->rend(); ++entry) {
        if (!theirs.has(*entry)) continue;
        out.entries.push_back(theirs.say(*entry));
        if (out.entries.size() < limit) continue;
        out.next_cursor = entry->id.text();
        return out;
      }
      until = from;
      if (entries->size() < window_rows / 8) width = std::min(width * 4, widest_window);
    }
    if (until > begin) out.next_cursor = until.text();
    return out;
  }

  Services& x;
};

}  // namespace

void add_audit(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<Audit>(services));
  const Shared operators{.tags = {"Operators"}, .security = {"operator"}, .token = "$OPERATOR_TOKEN"};
  auto parameters = paging_parameters();
  parameters.push_back(http::query_param("from", http::date_time()));
  router.add(route(operators, Verb::GET, "/v1/audit", on(&Audit::list),
                   {.operation_id = "listAudit",
                    .summary = "Who changed what, when and from where, oldest first",
                    .description = "Begins at `from`. The last page's cursor, where it was full, also finds what is "
                                   "written later.",
                    .parameters = std::move(parameters),
                    .replies = {http::json_reply<AuditList>(200, "The entries; nextCursor where there may be more.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::forbidden})}));
  const Shared person{.tags = {"Accounts"}, .security = {"user"}, .capability = {"user"}};
  router.add(route(person, Verb::GET, "/v1/me/audit", on(&Audit::of_person),
                   {.operation_id = "listOwnAudit",
                    .summary = "What the account itself did, when and from where, oldest first",
                    .description = "A part of what exportPerson gives. An answer looks through 20,000 entries of the "
                                   "installation at the most: follow nextCursor, also behind an empty one.",
                    .parameters = paging_parameters(),
                    .replies = {http::json_reply<AuditList>(200, "The entries; nextCursor where there may be more.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::unknown_user})}));
  const Shared people{
      .tags = {"Businesses"}, .security = {"user"}, .token = "$ORGANISER_TOKEN", .capability = {"see_audit"}};
  router.add(route(
      people, Verb::GET, "/v1/businesses/{businessId}/audit", on(&Audit::of_business),
      {.operation_id = "listBusinessAudit",
       .summary = "Who changed what of a business and its shows, newest first",
       .description = "The address is told of the business's own people, keys and gates. An answer looks through "
                      "20,000 entries of the installation at the most: follow nextCursor, also behind an empty one.",
       .parameters = paging_parameters(),
       .replies = {http::json_reply<AuditList>(200, "The entries; nextCursor where there may be more.")},
       .problems = refusals({Refusal::invalid_field, Refusal::forbidden, Refusal::unknown_business})}));
}

}  // namespace admit::api
