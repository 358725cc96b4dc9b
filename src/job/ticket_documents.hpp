#pragma once
// What a ticket looks like outside the database: its code, its page, its place in the object store.

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "document/ticket_printer.hpp"
#include "domain/rows.hpp"
#include "object/object_store.hpp"
#include "store/store.hpp"
#include "token/key_ring.hpp"
#include "token/show_key.hpp"

namespace admit::job {

/// The code of a ticket in its two forms.
struct TicketCode {
  std::string qr_code;   // exactly what the QR symbol says
  std::string encoding;  // the compatibility interface's URL
};

/// Makes codes and pages from rows and keys. Everything is derived: the same ticket gives the same code and the same page.
/// Thread-safe. Rendering takes a fraction of a millisecond to some milliseconds: keep it off I/O threads.
class TicketDocuments {
 public:
  TicketDocuments(store::Store& store, const token::KeyRing& ring, object::ObjectStore& objects, std::string public_url);

  /// In the order of `tickets`. Throws store::StoreUnavailable, or std::runtime_error when keys are missing.
  [[nodiscard]] std::vector<TicketCode> codes(std::span<const domain::Ticket> tickets);
  [[nodiscard]] TicketCode code(const domain::Ticket& ticket) { return codes({&ticket, 1}).front(); }

  /// The PDF.
  [[nodiscard]] std::string render(const domain::Ticket& ticket);
  /// Renders and stores it; removes the page of the sequence before, so that its link never shows the next holder's code.
  void store_page(const domain::Ticket& ticket);
  /// As store_page, unless it is stored already.
  void ensure_page(const domain::Ticket& ticket);

  /// `tickets/{id}.pdf`, from sequence 1 on `tickets/{id}-{sequence}.pdf`.
  [[nodiscard]] static std::string object_key(domain::TicketId id, std::int64_t sequence);
  [[nodiscard]] static std::string object_key(const domain::Ticket& ticket) {
    return object_key(ticket.id, ticket.sequence);
  }

 private:
  class Printers;

  store::Store& x_store;
  const token::KeyRing& x_ring;
  object::ObjectStore& x_objects;
  std::string x_public_url;
  token::ShowKeyCache x_show_keys;
  std::mutex x_printers_mutex;
  std::vector<std::unique_ptr<document::TicketPrinter>> x_idle_printers;
};

}  // namespace admit::job
