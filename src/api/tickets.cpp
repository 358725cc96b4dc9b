// Tickets for those who hold them: as JSON, as a page, as a symbol, by a link.

#include <algorithm>

#include "api/door_json.hpp"
#include "api/paging.hpp"
#include "api/services.hpp"
#include "api/show_view.hpp"
#include "document/qr.hpp"
#include "domain/door.hpp"
#include "domain/registrations.hpp"
#include "log/log.hpp"

namespace admit::api {
namespace {

using domain::Refusal;
using domain::Ticket;
using http::Request;
using http::Response;
using http::Task;
using http::Verb;

constexpr int png_pixels_per_module = 8;

struct TicketList {
  std::vector<TicketJson> tickets;
  std::optional<std::string> next_cursor;
  static http::Shape shape() {
    return http::object<TicketList>("TicketList",
                                    {http::required("tickets", &TicketList::tickets, http::items(0, 1000)),
                                     http::optional("nextCursor", &TicketList::next_cursor, http::text(1, 200))});
  }
};

struct CodeJson {
  std::string ticket_id, show_id, status, qr_code, encoding;
  static http::Shape shape() {
    using namespace http;
    return http::object<CodeJson>(
        "Code", {required("ticketId", &CodeJson::ticket_id, uuid()), required("showId", &CodeJson::show_id, uuid()),
                 required("status", &CodeJson::status, one_of({"valid", "used", "revoked"})),
                 required("qrCode", &CodeJson::qr_code, text(1, 2048)),
                 required("encoding", &CodeJson::encoding, text(1, 2048))});
  }
};

struct CodeList {
  std::vector<CodeJson> qr_codes;
  std::optional<std::string> next_cursor;
  static http::Shape shape() {
    return http::object<CodeList>("CodeList",
                                  {http::required("qrCodes", &CodeList::qr_codes, http::items(0, 1000)),
                                   http::optional("nextCursor", &CodeList::next_cursor, http::text(1, 200))});
  }
};

struct DownloadJson {
  std::string download_url, expires_at;
  static http::Shape shape() {
    return http::object<DownloadJson>("Download",
                                      {http::required("downloadUrl", &DownloadJson::download_url, http::url()),
                                       http::required("expiresAt", &DownloadJson::expires_at, http::date_time())});
  }
};

struct GenerateRequest {
  std::string registration_id, event_id, user_id;
  static http::Shape shape() {
    using namespace http;
    return http::object<GenerateRequest>("GenerateRequest",
                                         {required("registrationId", &GenerateRequest::registration_id, uuid({"REG#"})),
                                          required("eventId", &GenerateRequest::event_id, uuid({"EVENT#"})),
                                          required("userId", &GenerateRequest::user_id, uuid({"USER#"}))});
  }
};

struct Generated {
  std::string ticket_id, s3_key;
  std::vector<TicketJson> tickets;
  static http::Shape shape() {
    using namespace http;
    return http::object<Generated>("Generated", {required("ticketId", &Generated::ticket_id, uuid().doc("The first.")),
                                                 required("s3Key", &Generated::s3_key, text(1, 200)),
                                                 required("tickets", &Generated::tickets, items(1, 40))});
  }
};

class Tickets {
 public:
  explicit Tickets(Services& services) : x(services) {}

  Task show(Request& request) {
    const auto ticket = own_ticket(request);
    if (!ticket) co_return ticket.error();
    const auto code = co_await on_pool(x.pool, [this, ticket = *ticket] { return x.documents.code(ticket); });
    co_return reply(200, to_json(*ticket, &code));
  }

  Task pdf(Request& request) {
    const auto ticket = own_ticket(request);
    if (!ticket) co_return ticket.error();
    auto page = co_await on_pool(x.pool, [this, ticket = *ticket] { return x.documents.render(ticket); });
    Response out(200, "application/pdf", std::move(page));
    out.headers.push_back({"Content-Disposition", "attachment; filename=\"ticket-" + ticket->id.text() + ".pdf\""});
    co_return out;
  }

  Task svg(Request& request) {
    const auto ticket = own_ticket(request);
    if (!ticket) co_return ticket.error();
    auto image = co_await on_pool(x.pool, [this, ticket = *ticket] {
      return document::to_svg(document::encode_qr(x.documents.code(ticket).qr_code, document::QrLevel::Q));
    });
    co_return Response(200, "image/svg+xml", std::move(image));
  }

  Task png(Request& request) {
    const auto ticket = own_ticket(request);
    if (!ticket) co_return ticket.error();
    auto image = co_await on_pool(x.pool, [this, ticket = *ticket] {
      return document::to_png(document::encode_qr(x.documents.code(ticket).qr_code, document::QrLevel::Q),
                              png_pixels_per_module);
    });
    co_return Response(200, "image/png", std::move(image));
  }

  /// A page that no worker has made yet is made here.
  Task download(Request& request) {
    const auto ticket = own_ticket(request);
    if (!ticket) co_return ticket.error();
    const auto link = co_await on_pool(x.pool, [this, ticket = *ticket] {
      x.documents.ensure_page(ticket);
      return x.objects.signed_link(job::TicketDocuments::object_key(ticket), x.clock(),
                                   "ticket-" + ticket.id.text() + ".pdf");
    });
    co_return reply(200, DownloadJson{link.url, domain::text(link.expires_at)});
  }

  /// What a signed link points at.
  Task file(Request& request) {
    const std::string key = "tickets/" + std::string(request.param("file"));
    const std::string filename(request.query("filename").value_or(""));
    const http::Problem gone{404, "unknown_file", "There is no such file, or the link is not whole.", "", 0};
    if (!object::valid_key(key)) co_return gone;
    switch (x.objects.verify_link(key, request.query("expires").value_or(""), filename,
                                  request.query("signature").value_or(""), x.clock())) {
      case object::FolderStore::LinkCheck::forged:
        co_return gone;
      case object::FolderStore::LinkCheck::expired:
        co_return http::Problem{410, "link_expired", "The link has expired; ask for a new one.", "", 0};
      case object::FolderStore::LinkCheck::valid:
        break;
    }
    auto bytes = co_await on_pool(x.pool, [this, key] { return x.objects.get(key); });
    if (!bytes) co_return gone;
    Response out(200, "application/pdf", std::move(*bytes));
    out.headers.push_back(
        {"Content-Disposition",
         "attachment; filename=\"" + object::safe_filename(filename.empty() ? "ticket.pdf" : filename) + "\""});
    co_return out;
  }

  /// One's own with their codes; of another user those of the businesses whose sales the caller may see, without.
  Task list(Request& request) {
    const auto caller = agent_of(x, request);
    if (!caller) co_return caller.error();
    if (caller->key && businesses_for(x, *caller, domain::Capability::see_sales).empty()) {
      co_return problem_of({Refusal::forbidden, "", "The key may not see sales."});
    }
    const auto named = caller->key ? named_user(request) : named_user(request, caller->user);
    if (!named) co_return named.error();
    if (*named != caller->user) co_return co_await list_of(request, *caller, *named);
    auto page = page_of<Ticket>(x.store, request, "by_user", caller->user.value);
    if (!page) co_return page.error();
    auto codes = co_await on_pool(x.pool, [this, &rows = page->rows] { return x.documents.codes(rows); });
    TicketList out;
    for (std::size_t i = 0; i < codes.size(); ++i) out.tickets.push_back(to_json(page->rows[i], &codes[i]));
    if (page->next) out.next_cursor = cursor_text(*page->next);
    co_return reply(200, out);
  }

  Task list_codes(Request& request) {
    auto page = own_page(request);
    if (!page) co_return page.error();
    auto codes = co_await on_pool(x.pool, [this, &rows = page->rows] { return x.documents.codes(rows); });
    CodeList out;
    for (std::size_t i = 0; i < codes.size(); ++i) {
      const Ticket& ticket = page->rows[i];
      out.qr_codes.push_back({ticket.id.text(), ticket.show_id.text(), std::string(domain::word(ticket.status)),
                              std::move(codes[i].qr_code), std::move(codes[i].encoding)});
    }
    if (page->next) out.next_cursor = cursor_text(*page->next);
    co_return reply(200, out);
  }

  Task generate(Request& request) {
    const auto in = input<None, GenerateRequest>(request, operator_of(x, request));
    if (!in) co_return in.error();
    domain::GenerateTickets command{.meta = meta_of(x, request, in->caller),
                                    .registration_id = checked_id<domain::RegistrationId>(in->body.registration_id),
                                    .show_id = checked_id<domain::ShowId>(in->body.event_id),
                                    .user_id = checked_id<domain::UserId>(in->body.user_id)};
    auto answer = co_await submit(x.lane, std::move(command));
    if (!answer.result) co_return problem_of(answer.result.error());
    auto out = co_await on_pool(x.pool, [this, registration = *answer.result] {
      Generated made;
      for (std::int64_t number = 1; number <= registration.ticket_count; ++number) {
        const auto ticket =
            store::get<Ticket>(x.store, domain::ticket_id(registration.id, *registration.confirmed_at, number));
        if (!ticket) throw std::runtime_error("a ticket of a confirmed registration is missing");
        x.documents.ensure_page(*ticket);
        made.tickets.push_back(to_json(*ticket, nullptr));
        if (number == 1) made.s3_key = job::TicketDocuments::object_key(*ticket);
      }
      made.ticket_id = made.tickets.front().ticket_id;
      return made;
    });
    co_return reply(200, out);
  }

  Task revoke(Request& request) {
    const auto in = input<domain::TicketId>(request, agent_of(x, request));
    if (!in) co_return in.error();
    domain::RevokeTicket command{.meta = meta_of(x, request, in->caller), .ticket_id = in->id};
    co_return co_await perform(x.lane, std::move(command), 200,
                               [](const Ticket& revoked) { return to_json(revoked, nullptr); });
  }

 private:
  Task list_of(Request& request, Caller caller, domain::UserId user) {
    const auto businesses = businesses_for(x, caller, domain::Capability::see_sales);
    if (businesses.empty() && !caller.is_operator) {
      co_return problem_of({Refusal::forbidden, "userId", "These are another user's tickets."});
    }
    const auto page = page_where<Ticket>(x.store, request, "by_user", user.value, [&](const Ticket& ticket) {
      return caller.is_operator || std::ranges::find(businesses, ticket.business_id) != businesses.end();
    });
    if (!page) co_return page.error();
    TicketList out;
    for (const auto& ticket : page->rows) out.tickets.push_back(to_json(ticket, nullptr));
    if (page->next) out.next_cursor = cursor_text(*page->next);
    co_return reply(200, out);
  }

  Expected<Ticket> own_ticket(const Request& request) {
    const auto in = input<domain::TicketId>(request, caller_of(x, request));
    if (!in) return std::unexpected(in.error());
    auto ticket = row_of<Ticket>(x, in->id);
    if (ticket && ticket->user_id != in->caller.user) {
      return std::unexpected(problem_of({Refusal::forbidden, "ticketId", "The ticket belongs to another account."}));
    }
    return ticket;
  }

  /// A page of the caller's tickets; codes are for the holder's account only, whoever asks.
  Expected<store::Page<Ticket>> own_page(const Request& request) {
    const auto caller = caller_of(x, request);
    if (!caller) return std::unexpected(caller.error());
    const auto named = named_user(request, caller->user);
    if (!named) return std::unexpected(named.error());
    if (*named != caller->user) {
      return std::unexpected(problem_of({Refusal::forbidden, "userId", "These are another user's tickets."}));
    }
    return page_of<Ticket>(x.store, request, "by_user", caller->user.value);
  }

  Services& x;
};

}  // namespace

void add_tickets(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<Tickets>(services));
  const Shared user{.tags = {"Tickets"}, .security = {"user"}, .capability = {"holder"}};
  const Shared open{.tags = {"Tickets"}};
  const Shared organiser{
      .tags = {"Tickets"}, .security = {"user"}, .token = "$ORGANISER_TOKEN", .capability = {"revoke_tickets"}};
  const Shared operators{.tags = {"Tickets", "Compatibility"}, .security = {"operator"}, .token = "$OPERATOR_TOKEN"};
  const auto own = refusals({Refusal::forbidden, Refusal::unknown_ticket});
  const auto add_own = [&](std::string path, http::Handler handler, std::string operation, std::string summary,
                           http::ReplyDoc reply) {
    router.add(route(user, Verb::GET, std::move(path), std::move(handler),
                     {.operation_id = std::move(operation),
                      .summary = std::move(summary),
                      .replies = {std::move(reply)},
                      .problems = own}));
  };
  add_own("/v1/tickets/{ticketId}", on(&Tickets::show), "getTicket", "One's own ticket",
          http::json_reply<TicketJson>(200, "The ticket with its code."));
  add_own("/v1/tickets/{ticketId}/pdf", on(&Tickets::pdf), "getTicketPdf", "The ticket as a page to print",
          http::plain_reply(200, "One page A4.", "application/pdf"));
  add_own("/v1/tickets/{ticketId}/qr.svg", on(&Tickets::svg), "getTicketSvg", "The QR symbol for a screen, as SVG",
          http::plain_reply(200, "The symbol.", "image/svg+xml"));
  add_own("/v1/tickets/{ticketId}/qr.png", on(&Tickets::png), "getTicketPng", "The QR symbol for a screen, as PNG",
          http::plain_reply(200, "The symbol.", "image/png"));
  add_twice(router, route(user, Verb::GET, "/tickets/{ticketId}/download", on(&Tickets::download),
                          {.operation_id = "downloadTicket",
                           .summary = "A link to one's own ticket that lives 15 minutes",
                           .tags = {"Tickets", "Compatibility"},
                           .replies = {http::json_reply<DownloadJson>(200, "The link.")},
                           .problems = own}));
  router.add(route(
      open, Verb::GET, "/files/tickets/{file}", on(&Tickets::file),
      {.operation_id = "getFile",
       .summary = "What a download link points at",
       .parameters = {http::path_param("file", http::text(1, 150)), http::query_param("expires", http::text(0, 20)),
                      http::query_param("filename", http::text(0, 200)),
                      http::query_param("signature", http::text(0, 100))},
       .replies = {http::plain_reply(200, "The page.", "application/pdf")},
       .problems = {{404, "unknown_file", "There is no such file, or the link is not whole."},
                    {410, "link_expired", "More than 15 minutes have passed; ask for a new link."}},
       .curl = {{"file", "$TICKET_ID.pdf"}, {"url", "$DOWNLOAD_URL"}}}));
  router.add(route(
      operators, Verb::POST, "/v1/tickets/generate", on(&Tickets::generate),
      {.operation_id = "generateTickets",
       .summary = "Make again what is missing of a confirmed registration's tickets",
       .request = http::json_body<GenerateRequest>(),
       .replies = {http::json_reply<Generated>(200, "The tickets; without codes, which are their holder's.")},
       .problems = refusals(
           {Refusal::forbidden, Refusal::unknown_registration, Refusal::invalid_field, Refusal::registration_not_held}),
       .curl = {{"body", R"({"registrationId": "$REGISTRATION_ID", "eventId": "$SHOW_ID", "userId": "$USER_ID"})"}}}));
  router.add(route(organiser, Verb::POST, "/v1/tickets/{ticketId}/revoke", on(&Tickets::revoke),
                   {.operation_id = "revokeTicket",
                    .summary = "Make a ticket worthless, by its business",
                    .replies = {http::json_reply<TicketJson>(200, "The ticket, revoked; without its code.")},
                    .problems = own,
                    .curl = {{"ticketId", "$OTHER_TICKET_ID"}}}));
  const auto paging = paging_parameters();
  const auto listed = refusals({Refusal::forbidden, Refusal::unknown_user, Refusal::invalid_field});
  add_by_user(
      router,
      route(user, Verb::GET, "/userTickets", on(&Tickets::list),
            {.operation_id = "userTickets",
             .summary = "All of a user's tickets in one call",
             .description =
                 "Up to 1,000; beyond that with nextCursor. One's own with their codes; another user's as far as "
                 "they are for a business whose sales the caller may see, without code, page and link.",
             .tags = {"Compatibility"},
             .capability = {"holder", "see_sales"},
             .parameters = paging,
             .replies = {http::json_reply<TicketList>(200, "The tickets; their codes for the holder only.")},
             .problems = listed}));
  add_by_user(
      router,
      route(user, Verb::GET, "/userQRcodes", on(&Tickets::list_codes),
            {.operation_id = "userQRcodes",
             .summary = "The codes of all of one's own tickets",
             .description =
                 "Nobody else's: only the holder's account gets a code. Up to 1,000; beyond that with nextCursor.",
             .tags = {"Compatibility"},
             .parameters = paging,
             .replies = {http::json_reply<CodeList>(200, "The codes.")},
             .problems = listed}));
}

}  // namespace admit::api
