// What an organiser takes away: the registrations of a show as a list, and registrations and payments as tables.

#include <algorithm>
#include <vector>

#include "api/csv.hpp"
#include "api/paging.hpp"
#include "api/registration_json.hpp"
#include "api/services.hpp"

namespace admit::api {
namespace {

using domain::Capability;
using domain::Refusal;
using domain::Registration;
using http::Request;
using http::Response;
using http::Task;
using http::Verb;

constexpr std::size_t rows_per_read = 1'000;
constexpr std::size_t rows_per_table = 10'000;
constexpr std::size_t max_payments_told = 100;

struct RegistrationList {
  std::vector<RegistrationJson> registrations;
  std::optional<std::string> next_cursor;
  static http::Shape shape() {
    return http::object<RegistrationList>(
        "RegistrationList", {http::required("registrations", &RegistrationList::registrations, http::items(0, 1000)),
                             http::optional("nextCursor", &RegistrationList::next_cursor, http::text(1, 200))});
  }
};

std::string text_of(const std::optional<domain::Instant>& at) {
  return at ? domain::text(*at) : std::string();
}

void put_heads(Csv& csv, std::initializer_list<std::string_view> heads) {
  for (const auto head : heads) csv.text(head);
  csv.end_row();
}

class Exports {
 public:
  explicit Exports(Services& services) : x(services) {}

  Response list(Request& request) {
    const auto show = show_for(request, Capability::see_sales);
    if (!show) return show.error();
    return list_reply<Registration>(x, request, "by_show", show->value, &RegistrationList::registrations,
                                    [](const Registration& row) { return to_json(row); });
  }

  Task registrations(Request& request) {
    return table(request, "registrations", &Exports::head_registrations, &Exports::put_registrations);
  }
  Task transactions(Request& request) {
    return table(request, "payments", &Exports::head_transactions, &Exports::put_transactions);
  }

 private:
  using Head = void (*)(Csv&);
  using Put = void (Exports::*)(Csv&, const std::vector<Registration>&);

  Expected<domain::ShowId> show_for(const Request& request, Capability capability) {
    const auto in = input<domain::ShowId>(request, agent_of(x, request));
    if (!in) return std::unexpected(in.error());
    const auto show = row_of<domain::Show>(x, in->id);
    if (!show) return std::unexpected(show.error());
    if (!may(x, in->caller, show->business_id, capability)) {
      return std::unexpected(problem_of(
          {Refusal::forbidden, "showId", "The show belongs to another business, or your role may not do this."}));
    }
    return show->id;
  }

  /// Pages that can be put behind each other: mark and heads stand on the first.
  Task table(Request& request, std::string name, Head head, Put put) {
    const auto show = show_for(request, Capability::export_data);
    if (!show) co_return show.error();
    auto after = cursor_of(request);
    if (!after) co_return after.error();
    const bool is_first = !after->has_value();
    struct Made {
      std::string body;
      std::optional<store::Cursor> next;
      bool is_bad = false;
    };
    auto made = co_await on_pool(x.pool, [&]() -> Made {
      Made out;
      Csv csv;
      if (is_first) head(csv);
      try {
        std::optional<store::Cursor> at = *after;
        for (std::size_t rows = 0; rows < rows_per_table; rows += rows_per_read) {
          auto page = store::list<Registration>(x.store, "by_show", show->value, rows_per_read, std::move(at));
          (this->*put)(csv, page.rows);
          at = std::move(page.next);
          if (!at) break;
        }
        out.next = std::move(at);
      } catch (const store::BadCursor&) {
        out.is_bad = true;
      }
      out.body = (is_first ? std::string(csv_mark) : std::string()) + csv.take();
      return out;
    });
    if (made.is_bad) co_return bad_cursor();
    Response reply(200, "text/csv; charset=utf-8", std::move(made.body));
    reply.headers.push_back({"Content-Disposition", "attachment; filename=\"" + name + "-" + show->text() + ".csv\""});
    if (made.next) {
      const std::string path(request.path);
      reply.headers.push_back({"Link", "<" + path + "?cursor=" + cursor_text(*made.next) + ">; rel=\"next\""});
    }
    co_return reply;
  }

  static void head_registrations(Csv& csv) {
    put_heads(csv, {"registrationId", "status", "createdAt", "confirmedAt", "buyer", "email", "tier", "quantity",
                    "holders", "net", "tax", "fee", "gross", "currency", "test"});
  }

  /// A row for each line: tickets of one tier in one registration.
  void put_registrations(Csv& csv, const std::vector<Registration>& rows) {
    std::vector<domain::Need> needs;
    for (const auto& row : rows) {
      needs.push_back({domain::table_of<domain::User>, row.user_id.value, false});
      for (const auto& line : row.lines) needs.push_back({domain::table_of<domain::Tier>, line.tier_id.value, false});
    }
    std::ranges::sort(needs, {}, [](const domain::Need& need) { return std::pair(need.table, need.id); });
    const auto repeated =
        std::ranges::unique(needs, {}, [](const domain::Need& need) { return std::pair(need.table, need.id); });
    needs.erase(repeated.begin(), repeated.end());
    domain::World world;
    x.store.read(needs, world);
    for (const auto& row : rows) {
      const auto& user = world.get<domain::User>(row.user_id);
      for (const auto& line : row.lines) {
        std::string holders;
        for (const auto& holder : line.holders) holders += (holders.empty() ? "" : "; ") + holder;
        csv.text(row.id.text())
            .text(domain::word(row.status))
            .text(domain::text(row.created_at))
            .text(text_of(row.confirmed_at))
            .text(user.name)
            .text(user.email)
            .text(world.get<domain::Tier>(line.tier_id).name)
            .number(line.quantity)
            .text(holders)
            .number(line.net_minor)
            .number(line.tax_minor)
            .number(line.fee_minor)
            .number(line.gross_minor)
            .text(row.currency)
            .text(row.test ? "yes" : "no")
            .end_row();
      }
    }
  }

  static void head_transactions(Csv& csv) {
    put_heads(csv, {"transactionId", "registrationId", "attempt", "provider", "status", "amount", "received",
                    "refunded", "applicationFee", "tax", "currency", "createdAt", "processedAt", "soldBy"});
  }

  void put_transactions(Csv& csv, const std::vector<Registration>& rows) {
    for (const auto& row : rows) {
      for (const auto& paid :
           store::list<domain::Transaction>(x.store, "by_registration", row.id.value, max_payments_told).rows) {
        csv.text(paid.id.text())
            .text(paid.registration_id.text())
            .number(paid.attempt)
            .text(domain::word(paid.provider))
            .text(domain::word(paid.status))
            .number(paid.amount_minor)
            .number(paid.received_minor)
            .number(paid.refunded_minor)
            .number(paid.application_fee_minor)
            .number(paid.tax_minor)
            .text(paid.currency)
            .text(domain::text(paid.created_at))
            .text(text_of(paid.processed_at))
            .text(paid.sold_by)
            .end_row();
      }
    }
  }

  Services& x;
};

}  // namespace

void add_exports(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<Exports>(services));
  const Shared organiser{
      .tags = {"Registrations"}, .security = {"user"}, .token = "$ORGANISER_TOKEN", .capability = {"export_data"}};
  const auto problems = refusals({Refusal::invalid_field, Refusal::forbidden, Refusal::unknown_show});
  router.add(route(organiser, Verb::GET, "/v1/shows/{showId}/registrations", on(&Exports::list),
                   {.operation_id = "listRegistrations",
                    .summary = "The registrations of a show, for its business",
                    .description = "With their status, never with a code, a page or a link.",
                    .capability = {"see_sales"},
                    .parameters = paging_parameters(),
                    .replies = {http::json_reply<RegistrationList>(
                        200, "The registrations, newest first; nextCursor where there are more.")},
                    .problems = problems}));
  const auto add = [&](std::string path, http::Handler handler, std::string operation, std::string summary) {
    router.add(route(
        organiser, Verb::GET, std::move(path), std::move(handler),
        {.operation_id = std::move(operation),
         .summary = std::move(summary),
         .description =
             "RFC 4180 in UTF-8, amounts in minor units. Up to 10,000 registrations a page; the header Link names the "
             "next, which can be put behind this one. What begins like a formula has an apostrophe before it.",
         .parameters = {http::query_param("cursor", http::text(1, 200))},
         .replies = {http::plain_reply(200, "The table.", "text/csv; charset=utf-8")},
         .problems = problems}));
  };
  add("/v1/shows/{showId}/registrations.csv", on(&Exports::registrations), "exportRegistrations",
      "The registrations of a show as a table");
  add("/v1/shows/{showId}/transactions.csv", on(&Exports::transactions), "exportTransactions",
      "The payments of a show as a table");
}

}  // namespace admit::api
