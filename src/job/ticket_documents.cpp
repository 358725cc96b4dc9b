#include "job/ticket_documents.hpp"

#include <stdexcept>
#include <utility>

#include "domain/world.hpp"
#include "token/token.hpp"

namespace admit::job {
namespace {

using domain::Business;
using domain::Registration;
using domain::Show;
using domain::ShowKey;
using domain::Ticket;
using domain::Tier;
using domain::Transaction;
using domain::User;
using domain::World;

template <class Row>
void want(std::vector<domain::Need>& needs, domain::IdOf<Row> id) {
  needs.push_back({domain::table_of<Row>, id.value, false});
}

crypto::Bytes bytes_of(const domain::Bytes& bytes) { return crypto::bytes_of(bytes.data); }

token::Claims claims_of(const Ticket& ticket, const Transaction& transaction) {
  token::Claims claims;
  claims.key_number = static_cast<std::uint8_t>(ticket.key_number);
  claims.epoch = static_cast<std::uint8_t>(ticket.epoch);
  claims.sequence = static_cast<std::uint16_t>(ticket.sequence);
  claims.tier_index = static_cast<std::uint16_t>(ticket.tier_number);
  claims.expires_at = ticket.expires_at;
  claims.ticket_id = ticket.id;
  claims.show_id = ticket.show_id;
  claims.ticket_business = ticket.business_id;
  claims.customer = ticket.user_id;
  claims.transaction = ticket.transaction_id;
  claims.show_business = ticket.business_id;
  claims.payer = transaction.payer_id;
  claims.payee = transaction.payee_id;
  return claims;
}

}  // namespace

/// Lends a printer for one page; keeps it for the next one afterwards.
class TicketDocuments::Printers {
 public:
  explicit Printers(TicketDocuments& owner) : x_owner(owner) {
    const std::lock_guard lock(owner.x_printers_mutex);
    if (owner.x_idle_printers.empty()) return;
    x_printer = std::move(owner.x_idle_printers.back());
    owner.x_idle_printers.pop_back();
  }
  ~Printers() {
    if (!x_printer) return;
    const std::lock_guard lock(x_owner.x_printers_mutex);
    x_owner.x_idle_printers.push_back(std::move(x_printer));
  }
  Printers(const Printers&) = delete;
  Printers& operator=(const Printers&) = delete;
  document::TicketPrinter& printer() {
    if (!x_printer) x_printer = std::make_unique<document::TicketPrinter>();
    return *x_printer;
  }

 private:
  TicketDocuments& x_owner;
  std::unique_ptr<document::TicketPrinter> x_printer;
};

TicketDocuments::TicketDocuments(store::Store& store, const token::KeyRing& ring, object::ObjectStore& objects,
                                 std::string public_url)
    : x_store(store), x_ring(ring), x_objects(objects), x_public_url(std::move(public_url)), x_show_keys(ring) {}

std::vector<TicketCode> TicketDocuments::codes(std::span<const Ticket> tickets) {
  std::vector<domain::Need> needs;
  for (const auto& ticket : tickets) {
    want<Transaction>(needs, ticket.transaction_id);
    want<ShowKey>(needs, domain::show_key_id(ticket.show_id, ticket.key_number));
  }
  World world;
  x_store.read(needs, world);

  std::vector<TicketCode> out;
  out.reserve(tickets.size());
  for (const auto& ticket : tickets) {
    const auto number = static_cast<std::uint8_t>(ticket.key_number);
    const auto& row = world.get<ShowKey>(domain::show_key_id(ticket.show_id, ticket.key_number));
    const auto key = x_show_keys.get(ticket.show_id, number, bytes_of(row.wrapped_private_key));
    const auto* epoch = x_ring.epoch(static_cast<std::uint8_t>(ticket.epoch));
    if (epoch == nullptr) throw std::runtime_error("the sealing key of a ticket's epoch is not there");
    const auto digits = token::issue(claims_of(ticket, world.get<Transaction>(ticket.transaction_id)), *key, *epoch);
    out.push_back({token::qr_text(x_public_url, digits), token::compat_url(x_public_url, digits)});
  }
  return out;
}

std::string TicketDocuments::render(const Ticket& ticket) {
  std::vector<domain::Need> needs;
  want<Show>(needs, ticket.show_id);
  want<Business>(needs, ticket.business_id);
  want<Tier>(needs, ticket.tier_id);
  want<Registration>(needs, ticket.registration_id);
  want<User>(needs, ticket.user_id);
  World world;
  x_store.read(needs, world);
  const auto& show = world.get<Show>(ticket.show_id);
  const auto& registration = world.get<Registration>(ticket.registration_id);
  const auto& user = world.get<User>(ticket.user_id);

  document::TicketFace face;
  face.show_title = show.title;
  face.organiser = world.get<Business>(ticket.business_id).name;
  face.venue_name = show.venue;
  face.venue_address = show.address;
  face.starts_at = show.starts_at;
  face.doors_at = show.doors_at;
  face.zone = show.zone;
  face.language = user.locale.empty() ? show.language : user.locale;
  face.conditions = show.conditions;
  face.accent = show.accent;
  face.test = ticket.test;
  face.holder = ticket.holder.empty() ? user.name : ticket.holder;
  face.tier = world.get<Tier>(ticket.tier_id).name;
  for (const auto& line : registration.lines) {
    // Fee and price as the buyer paid them for this one ticket.
    if (line.tier_id == ticket.tier_id) face.price_minor = line.gross_minor / line.quantity;
  }
  face.currency = registration.currency;
  face.registration = registration.id.text();
  face.number = static_cast<int>(ticket.number);
  face.count = static_cast<int>(registration.ticket_count);
  face.qr_text = code(ticket).qr_code;
  Printers lent(*this);
  return lent.printer().render(face);
}

void TicketDocuments::store_page(const Ticket& ticket) {
  x_objects.put(object_key(ticket), render(ticket), "application/pdf");
  if (ticket.sequence > 0) x_objects.remove(object_key(ticket.id, ticket.sequence - 1));
}

void TicketDocuments::ensure_page(const Ticket& ticket) {
  if (!x_objects.exists(object_key(ticket))) store_page(ticket);
}

std::string TicketDocuments::object_key(domain::TicketId id, std::int64_t sequence) {
  return "tickets/" + id.text() + (sequence > 0 ? "-" + std::to_string(sequence) : "") + ".pdf";
}

}  // namespace admit::job
