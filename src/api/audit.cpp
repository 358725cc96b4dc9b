// The audit: who changed what, when, from where.

#include "api/paging.hpp"
#include "api/services.hpp"
#include "domain/audit_seals.hpp"

namespace admit::api {
namespace {

using domain::Refusal;
using http::Request;
using http::required;
using http::Response;
using http::Verb;

struct AuditJson {
  std::string audit_id, at, actor, action, subject, address;
  std::optional<std::string> show_id;
  static http::Shape shape() {
    return http::object<AuditJson>(
        "AuditEntry",
        {required("auditId", &AuditJson::audit_id, http::uuid()), required("at", &AuditJson::at, http::date_time()),
         required("actor", &AuditJson::actor), required("action", &AuditJson::action),
         required("subjectId", &AuditJson::subject, http::uuid()),
         required("showId", &AuditJson::show_id, http::uuid().nullable()), required("address", &AuditJson::address)});
  }
};

AuditJson to_json(const domain::AuditEntry& entry) {
  AuditJson out{.audit_id = entry.id.text(),
                .at = domain::text(entry.at),
                .actor = entry.actor,
                .action = entry.action,
                .subject = entry.subject.text(),
                .address = entry.address,
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

class Audit {
 public:
  explicit Audit(Services& services) : x(services) {}

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
}

}  // namespace admit::api
