#pragma once
// The mails that decisions want: each a job whose `detail` says which, about the row that is its subject.

#include <functional>
#include <optional>
#include <string>

#include "domain/rows.hpp"
#include "job/provider_jobs.hpp"
#include "job/ticket_documents.hpp"
#include "mail/mailer.hpp"
#include "mail/message.hpp"
#include "store/store.hpp"

namespace admit::job {

struct MailOptions {
  mail::Mailbox from;
  std::optional<mail::Mailbox> reply_to;
  std::string public_url;
  /// The link that opens an order for its buyer, without signing in.
  std::function<std::string(domain::RegistrationId)> order_link;
};

/// Any thread that may block.
class Mails {
 public:
  Mails(store::Store& store, TicketDocuments& documents, mail::Mailer& mailer, MailOptions options);

  /// Sends it. A mail whose recipient or words are refused for good counts as failed like any other: it ends on the desk.
  [[nodiscard]] Tried send(const domain::Job& job);

 private:
  struct Draft;
  [[nodiscard]] bool write(const domain::Job& job, Draft& draft);
  [[nodiscard]] bool about_registration(domain::RegistrationId id, Draft& draft);
  void to_buyer(Draft& draft);
  void to_organiser(domain::BusinessId id, Draft& draft);
  void attach_tickets(Draft& draft);

  store::Store& x_store;
  TicketDocuments& x_documents;
  mail::Mailer& x_mailer;
  MailOptions x_options;
};

}  // namespace admit::job
