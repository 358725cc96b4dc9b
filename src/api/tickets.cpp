// Tickets for those who hold them: as JSON, as a page, as a symbol, by a link.

#include "api/door_json.hpp"
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

constexpr int png_pixels_per_module = 8;

struct TicketList {
  std::vector<TicketJson> tickets;
  std::optional<std::string> next_cursor;
  static http::Shape shape() {
    return http::object<TicketList>("TicketList", {http::required("tickets", &TicketList::tickets, http::items(0, 1000)),
                                                   http::optional("nextCursor", &TicketList::next_cursor, http::text(1, 200))});
  }
};

struct CodeJson {
  std::string ticket_id, show_id, status, qr_code, encoding;
  static http::Shape shape() {
    using namespace http;
    return http::object<CodeJson>("Code", {required("ticketId", &CodeJson::ticket_id, uuid()), required("showId", &CodeJson::show_id, uuid()),
                                     required("status", &CodeJson::status, one_of({"valid", "used", "revoked"})),
                                     required("qrCode", &CodeJson::qr_code, text(1, 2048)),
                                     required("encoding", &CodeJson::encoding, text(1, 2048))});
  }
};

struct CodeList {
  std::vector<CodeJson> qr_codes;
  std::optional<std::string> next_cursor;
  static http::Shape shape() {
    return http::object<CodeList>("CodeList", {http::required("qrCodes", &CodeList::qr_codes, http::items(0, 1000)),
                                               http::optional("nextCursor", &CodeList::next_cursor, http::text(1, 200))});
  }
};

struct DownloadJson {
  std::string download_url, expires_at;
  static http::Shape shape() {
    return http::object<DownloadJson>("Download", {http::required("downloadUrl", &DownloadJson::download_url, http::url()),
                                                   http::required("expiresAt", &DownloadJson::expires_at, http::date_time())});
  }
};

struct GenerateRequest {
  std::string registration_id, event_id, user_id;
  static http::Shape shape() {
    using namespace http;
    return http::object<GenerateRequest>("GenerateRequest", {required("registrationId", &GenerateRequest::registration_id, uuid({"REG#"})),
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
      return document::to_png(document::encode_qr(x.documents.code(ticket).qr_code, document::QrLevel::Q), png_pixels_per_module);
    });
    co_return Response(200, "image/png", std::move(image));
  }

  /// A page that no worker has made yet is made here.
  Task download(Request& request) {
    const auto ticket = own_ticket(request);
    if (!ticket) co_return ticket.error();
    const auto link = co_await on_pool(x.pool, [this, ticket = *ticket] {
      x.documents.ensure_page(ticket);
      return x.objects.signed_link(job::TicketDocuments::object_key(ticket), x.clock(), "ticket-" + ticket.id.text() + ".pdf");
    });
    co_return reply(200, DownloadJson{link.url, domain::text(link.expires_at)});
  }

  /// What a signed link points at.
  Task file(Request& request) {
    const std::string key = "tickets/" + std::string(request.param("file"));
    const std::string filename(request.query("filename").value_or(""));
    const http::Problem gone{404, "unknown_file", "There is no such file, or the link is not whole.", "", 0};
    if (!object::valid_key(key)) co_return gone;
    switch (x.objects.verify_link(key, request.query("expires").value_or(""), filename, request.query("signature").value_or(""),
                                  x.clock())) {
      case object::FolderStore::LinkCheck::forged: co_return gone;
      case object::FolderStore::LinkCheck::expired:
        co_return http::Problem{410, "link_expired", "The link has expired; ask for a new one.", "", 0};
      case object::FolderStore::LinkCheck::valid: break;
    }
    auto bytes = co_await on_pool(x.pool, [this, key] { return x.objects.get(key); });
    if (!bytes) co_return gone;
    Response out(200, "application/pdf", std::move(*bytes));
    out.headers.push_back({"Content-Disposition",
                           "attachment; filename=\"" + object::safe_filename(filename.empty() ? "ticket.pdf" : filename) + "\""});
    co_return out;
  }

  Task list(Request& request) {
    auto page = own_page(request);
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
    const auto caller = operator_of(x, request);
    if (!caller) co_return caller.error();
    auto body = body_of<GenerateRequest>(request);
    if (!body) co_return body.error();
    domain::GenerateTickets command{
        .meta = meta_of(x, request, *caller),
        .registration_id = domain::RegistrationId::parse(body->registration_id).value_or(domain::RegistrationId{}),
        .show_id = domain::ShowId::parse(body->event_id).value_or(domain::ShowId{}),
        .user_id = domain::UserId::parse(body->user_id).value_or(domain::UserId{})};
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
      }
      made.ticket_id = made.tickets.front().ticket_id;
      made.s3_key = made.tickets.front().s3_key;
      return made;
    });
    co_return reply(200, out);
  }

  Task revoke(Request& request) {
    const auto caller = caller_of(x, request);
    if (!caller) co_return caller.error();
    const auto id = id_of<domain::TicketId>(request.param("ticketId"), Refusal::unknown_ticket, "ticketId");
    if (!id) co_return id.error();
    auto answer = co_await submit(x.lane, domain::RevokeTicket{.meta = meta_of(x, request, *caller), .ticket_id = *id});
    if (!answer.result) co_return problem_of(answer.result.error());
    co_return reply(200, to_json(*answer.result, nullptr));
  }

 private:
  Expected<Ticket> own_ticket(const Request& request) {
    const auto caller = caller_of(x, request);
    if (!caller) return std::unexpected(caller.error());
    const auto id = id_of<domain::TicketId>(request.param("ticketId"), Refusal::unknown_ticket, "ticketId");
    if (!id) return std::unexpected(id.error());
    auto ticket = store::get<Ticket>(x.store, *id);
    if (!ticket) return std::unexpected(problem_of({Refusal::unknown_ticket, "ticketId", "There is no such ticket."}));
    if (ticket->user_id != caller->user) {
      return std::unexpected(problem_of({Refusal::forbidden, "ticketId", "The ticket belongs to another account."}));
    }
    return *std::move(ticket);
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
  auto tickets = std::make_shared<Tickets>(services);
  const auto ticket_id = http::path_param("ticketId", http::uuid({"TICKET#"}));
  const auto own = refusals({Refusal::forbidden, Refusal::unknown_ticket});
  const auto add_own = [&](std::string path, std::string operation, std::string summary, http::Handler handler, http::ReplyDoc replies) {
    router.add({.verb = http::Verb::GET,
                .path_template = std::move(path),
                .handler = std::move(handler),
                .doc = {.operation_id = std::move(operation),
                        .summary = std::move(summary),
                        .tags = {"Tickets"},
                        .security = {"user"},
                        .parameters = {ticket_id},
                        .replies = {std::move(replies)},
                        .problems = own}});
  };
  add_own("/v1/tickets/{ticketId}", "getTicket", "One's own ticket", [tickets](Request& request) { return tickets->show(request); },
          http::json_reply<TicketJson>(200, "The ticket with its code."));
  add_own("/v1/tickets/{ticketId}/pdf", "getTicketPdf", "The ticket as a page to print",
          [tickets](Request& request) { return tickets->pdf(request); }, http::plain_reply(200, "One page A4.", "application/pdf"));
  add_own("/v1/tickets/{ticketId}/qr.svg", "getTicketSvg", "The QR symbol for a screen, as SVG",
          [tickets](Request& request) { return tickets->svg(request); }, http::plain_reply(200, "The symbol.", "image/svg+xml"));
  add_own("/v1/tickets/{ticketId}/qr.png", "getTicketPng", "The QR symbol for a screen, as PNG",
          [tickets](Request& request) { return tickets->png(request); }, http::plain_reply(200, "The symbol.", "image/png"));
  add_twice(router, {.verb = http::Verb::GET,
                     .path_template = "/tickets/{ticketId}/download",
                     .handler = [tickets](Request& request) { return tickets->download(request); },
                     .doc = {.operation_id = "downloadTicket",
                             .summary = "A link to one's own ticket that lives 15 minutes",
                             .tags = {"Tickets", "Compatibility"},
                             .security = {"user"},
                             .parameters = {ticket_id},
                             .replies = {http::json_reply<DownloadJson>(200, "The link.")},
                             .problems = own}});
  router.add({.verb = http::Verb::GET,
              .path_template = "/files/tickets/{file}",
              .handler = [tickets](Request& request) { return tickets->file(request); },
              .doc = {.operation_id = "getFile",
                      .summary = "What a download link points at",
                      .tags = {"Tickets"},
                      .parameters = {http::path_param("file", http::text(1, 150)), http::query_param("expires", http::text(0, 20)),
                                     http::query_param("filename", http::text(0, 200)), http::query_param("signature", http::text(0, 100))},
                      .replies = {http::plain_reply(200, "The page.", "application/pdf")},
                      .problems = {{404, "unknown_file", "There is no such file, or the link is not whole."},
                           {410, "link_expired", "More than 15 minutes have passed; ask for a new link."}},
                      .curl = {{"file", "$TICKET_ID.pdf"}, {"url", "$DOWNLOAD_URL"}}}});
  router.add({.verb = http::Verb::POST,
              .path_template = "/v1/tickets/generate",
              .handler = [tickets](Request& request) { return tickets->generate(request); },
              .doc = {.operation_id = "generateTickets",
                      .summary = "Make again what is missing of a confirmed registration's tickets",
                      .tags = {"Tickets", "Compatibility"},
                      .security = {"operator"},
                      .request = http::json_body<GenerateRequest>(),
                      .replies = {http::json_reply<Generated>(200, "The tickets; without codes, which are their holder's.")},
                      .problems = refusals({Refusal::forbidden, Refusal::unknown_registration, Refusal::invalid_field,
                                            Refusal::registration_not_held}),
                      .curl = {{"token", "$OPERATOR_TOKEN"},
                               {"body", R"({"registrationId": "$REGISTRATION_ID", "eventId": "$SHOW_ID", "userId": "$USER_ID"})"}}}});
  router.add({.verb = http::Verb::POST,
              .path_template = "/v1/tickets/{ticketId}/revoke",
              .handler = [tickets](Request& request) { return tickets->revoke(request); },
              .doc = {.operation_id = "revokeTicket",
                      .summary = "Make a ticket worthless, by its business",
                      .tags = {"Tickets"},
                      .security = {"user"},
                      .parameters = {ticket_id},
                      .replies = {http::json_reply<TicketJson>(200, "The ticket, revoked; without its code.")},
                      .problems = own,
                      .curl = {{"token", "$ORGANISER_TOKEN"}, {"ticketId", "$OTHER_TICKET_ID"}}}});
  const std::vector<http::Parameter> paging = {http::query_param("limit", http::integer(1, 1000)),
                                               http::query_param("cursor", http::text(1, 200))};
  const auto listed = refusals({Refusal::forbidden, Refusal::unknown_user, Refusal::invalid_field});
  add_by_user(router, {.verb = http::Verb::GET,
                       .path_template = "/userTickets",
                       .handler = [tickets](Request& request) { return tickets->list(request); },
                       .doc = {.operation_id = "userTickets",
                               .summary = "All of one's own tickets in one call",
                               .description = "Up to 1,000; beyond that with nextCursor.",
                               .tags = {"Compatibility"},
                               .security = {"user"},
                               .parameters = paging,
                               .replies = {http::json_reply<TicketList>(200, "The tickets with their codes.")},
                               .problems = listed}});
  add_by_user(router, {.verb = http::Verb::GET,
                       .path_template = "/userQRcodes",
                       .handler = [tickets](Request& request) { return tickets->list_codes(request); },
                       .doc = {.operation_id = "userQRcodes",
                               .summary = "The codes of all of one's own tickets",
                               .tags = {"Compatibility"},
                               .security = {"user"},
                               .parameters = paging,
                               .replies = {http::json_reply<CodeList>(200, "The codes.")},
                               .problems = listed}});
}

}  // namespace admit::api
