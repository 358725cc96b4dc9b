#pragma once
// The mails that decisions want: each a job whose `detail` says which, about the row that is its subject.

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "domain/rows.hpp"
#include "job/provider_jobs.hpp"
#include "job/ticket_documents.hpp"
#include "mail/mailer.hpp"
#include "mail/message.hpp"
#include "store/store.hpp"

namespace admit::job {

/// How many mails one address gets in an hour; what is too much waits. Of so many addresses at once, of more none
/// waits.
inline constexpr int max_mails_an_hour = 20;
inline constexpr std::size_t max_counted_addresses = 10'000;

struct MailOptions {
  mail::Mailbox from;
  std::optional<mail::Mailbox> reply_to;
  std::string public_url;
  /// The link that opens an order for its buyer, without signing in.
  std::function<std::string(domain::RegistrationId)> order_link;
  /// The link that brings back what a proof stands for.
  std::function<std::string(domain::ProofPurpose, domain::ProofId)> proof_link;
  bool log_links = false;  // nobody gets these mails: who tries it out finds such links in the log
};

/// Any thread that may block.
class Mails {
 public:
  Mails(store::Store& store, TicketDocuments& documents, mail::Mailer& mailer, MailOptions options);

  /// Sends it. A mail whose recipient or words are refused for good counts as failed like any other: it ends on the
  /// desk. One that is to be tried later is tried over more than a day. While the server is away nothing counts as a
  /// try.
  [[nodiscard]] Tried send(const domain::Job& job);

 private:
  using Moment = std::chrono::steady_clock::time_point;
  struct Draft;
  struct Hour {
    Moment since;
    int count = 0;
  };
  [[nodiscard]] bool write(const domain::Job& job, Draft& draft);
  [[nodiscard]] bool about_registration(domain::RegistrationId id, Draft& draft);
  [[nodiscard]] bool is_moot(const domain::Job& job);
  [[nodiscard]] bool about_sign_in(const domain::Job& job, Draft& draft);
  [[nodiscard]] bool about_account(const domain::Job& job, Draft& draft);
  void to_buyer(Draft& draft);
  void to_organiser(domain::BusinessId id, Draft& draft);
  void attach_tickets(Draft& draft);
  void write_money_letter(Draft& draft, const domain::Refund& refund);
  void write_given_back(Draft& draft, const domain::Refund& refund);
  [[nodiscard]] bool is_away();
  /// How long this address has to wait for one more; none: it is counted.
  [[nodiscard]] std::optional<std::chrono::seconds> take_turn(const std::string& address);
  void give_turn_back(const std::string& address);

  store::Store& x_store;
  TicketDocuments& x_documents;
  mail::Mailer& x_mailer;
  MailOptions x_options;
  std::mutex x_guard;
  Moment x_away_until{};
  std::map<std::string, Hour> x_hours;
};

}  // namespace admit::job
