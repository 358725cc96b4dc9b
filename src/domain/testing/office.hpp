#pragma once
// A small ticket office for tests: an organiser with a show on sale, buyers, gates and a provider's messages.

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "domain/accounts.hpp"
#include "domain/alerts.hpp"
#include "domain/cancellations.hpp"
#include "domain/devices.hpp"
#include "domain/disputes.hpp"
#include "domain/door.hpp"
#include "domain/jobs.hpp"
#include "domain/refunds.hpp"
#include "domain/registrations.hpp"
#include "domain/shows.hpp"
#include "domain/sessions.hpp"
#include "domain/users.hpp"

namespace admit::domain::testing {

/// Why a command was refused that must have been.
template <class T>
[[nodiscard]] Refusal code(const Result<T>& result) {
  REQUIRE_FALSE(result.has_value());
  return result.error().code;
}

/// Runs commands on rows that live in a World; whatever was not put is not there.
class Rows {
 public:
  World world;

  template <class Command>
  Result<typename Command::Outcome> call(const Command& command) {
    load(command);
    world.savepoint();
    auto result = decide(command, world);
    if (!result) world.rollback();
    return result;
  }

  template <class Command>
  void load(const Command& command) {
    for (;;) {
      Needs wanted(world);
      needs(command, wanted);
      if (wanted.missing().empty()) return;
      for (const auto& need : wanted.missing()) world.fill_absent(need.table, need.id);
    }
  }

  template <class Row>
  [[nodiscard]] const Row& get(IdOf<Row> id) const {
    return world.get<Row>(id);
  }
};

/// `Runner::call(command)` gives a Result. Everything here must succeed; a refusal is a std::runtime_error.
template <class Runner>
class Office {
 public:
  Runner& runner;
  Instant now = from_unix_ms(1'800'000'000'000);
  UserId organiser, buyer, other_buyer, operator_;
  BusinessId business;
  ShowId show;
  DeviceId gate, other_gate;

  explicit Office(Runner& with) : runner(with) {
    organiser = user("organiser");
    buyer = user("buyer");
    other_buyer = user("other");
    operator_ = must(CreateUser{.meta = meta(),
                                .email = "root@example.org",
                                .name = "root",
                                .locale = "en",
                                .password_hash = "-",
                                .is_operator = true})
                    .id;
    must(AddSealingEpoch{.meta = meta(), .number = 0});
    business = must(CreateBusiness{.meta = meta(organiser), .name = "The Hall"}).id;
    must(LinkAccount{.meta = by_operator(), .business_id = business, .account = account()});
    show = new_show();
    gate = device(show, "north");
    other_gate = device(show, "south");
  }

  Meta meta(UserId user = {}) {
    ++x_seed;
    return {.now = now, .seed = {x_seed, 7}, .user = user, .actor = "user:" + user.text(), .address = "10.0.0.1"};
  }
  Meta by_operator() {
    Meta out = meta(operator_);
    out.is_operator = true;
    return out;
  }
  template <class AnyId>
  AnyId fresh() {
    return AnyId{fresh_uuid(now, {++x_seed, 11}, 0)};
  }

  template <class Command>
  auto call(Command command) {
    return runner.call(std::move(command));
  }
  template <class Command>
  typename Command::Outcome must(Command command) {
    auto result = runner.call(std::move(command));
    if (!result)
      throw std::runtime_error("refused: " + std::string(word(result.error().code)) + ", " + result.error().detail);
    return std::move(*result);
  }

  /// Of the business, as it is when it can sell.
  static AccountNews account(std::string id = "acct_hall") {
    return {.account_id = std::move(id),
            .charges_enabled = true,
            .transfers_active = true,
            .payouts_enabled = true,
            .details_submitted = true};
  }

  UserId user(const std::string& name) {
    return must(CreateUser{
                    .meta = meta(), .email = name + "@example.org", .name = name, .locale = "en", .password_hash = "-"})
        .id;
  }

  /// As if the account had followed the link to confirm its address.
  void prove_address(UserId id) {
    const MailedProof proof{fresh<ProofId>(), {"proof"}};
    must(ResendVerification{meta(id), proof});
    must(VerifyEmail{.meta = meta(id), .proof = proof});
  }

  /// A draft that is as it should be: open for sale and at the doors for a day from now.
  Show draft() {
    return {.id = fresh<ShowId>(),
            .business_id = business,
            .title = "A show",
            .starts_at = now + std::chrono::hours{1},
            .doors_at = now,
            .windows = {{now, now + std::chrono::hours{24}}},
            .currency = "EUR"};
  }
  CreateShow create(Show show_draft) {
    return {.meta = meta(organiser), .show = std::move(show_draft), .public_key = {"p"}, .wrapped_private_key = {"w"}};
  }
  /// Published with one tier nobody draws from, so that it may be published.
  ShowId new_show() { return new_show(draft()); }
  ShowId new_show(Show show_draft) {
    const ShowId id = must(create(std::move(show_draft))).id;
    must(CreateTier{.meta = meta(organiser), .show_id = id, .name = "none left", .price_minor = 100, .capacity = 0});
    must(PublishShow{.meta = meta(organiser), .show_id = id});
    return id;
  }
  DeviceId device(ShowId at, const std::string& name) {
    return must(CreateDevice{.meta = meta(organiser),
                             .device_id = fresh<DeviceId>(),
                             .show_id = at,
                             .gate = name,
                             .token_hash = {"h"}})
        .id;
  }
  QuotaId quota(std::int64_t size) {
    return must(CreateQuota{.meta = meta(organiser), .show_id = show, .name = "quota", .size = size}).id;
  }
  Tier tier(std::int64_t price_minor, std::int64_t capacity) {
    return must(CreateTier{
        .meta = meta(organiser), .show_id = show, .name = "tier", .price_minor = price_minor, .capacity = capacity});
  }
  Tier tier(std::int64_t price_minor, std::vector<QuotaId> quotas) {
    return must(CreateTier{.meta = meta(organiser),
                           .show_id = show,
                           .name = "tier",
                           .price_minor = price_minor,
                           .quota_ids = std::move(quotas)});
  }

  Reserve order(TierId tier_id, std::int64_t quantity, UserId by = {}) {
    return {.meta = meta(by ? by : buyer),
            .show_id = show,
            .lines = {{tier_id, quantity, {"Ada Lovelace"}}},
            .payments_ready = true};
  }
  Registration reserve(TierId tier_id, std::int64_t quantity, UserId by = {}) {
    return must(order(tier_id, quantity, by));
  }

  Transaction begin(const Registration& registration) {
    return must(
        BeginPayment{.meta = meta(registration.user_id), .registration_id = registration.id, .payments_ready = true});
  }
  /// What the provider says of a payment, as an event of its own.
  ApplyEvent news(const Transaction& transaction, IntentStatus status, bool failed = false) {
    const std::string intent = "pi_" + transaction.id.text();
    return {.meta = meta(),
            .event_id = "evt_" + std::to_string(++x_events),
            .type = "payment_intent",
            .object_id = intent,
            .payload = "{}",
            .news = IntentNews{.intent_id = intent,
                                 .status = status,
                                 .failed = failed,
                                 .amount_minor = transaction.amount_minor,
                                 .received_minor = status == IntentStatus::succeeded ? transaction.amount_minor : 0,
                                 .currency = transaction.currency,
                                 .error = failed ? "card_declined" : "",
                                 .transaction_id = transaction.id}};
  }
  /// Any other news, as an event of its own.
  ApplyEvent event(News about) {
    return {.meta = meta(),
            .event_id = "evt_" + std::to_string(++x_events),
            .type = "other",
            .object_id = "obj",
            .payload = "{}",
            .news = std::move(about)};
  }
  static std::string intent_of(const Transaction& transaction) { return "pi_" + transaction.id.text(); }

  /// The tickets of a registration that was just paid.
  std::vector<TicketId> pay(const Registration& registration) {
    must(news(begin(registration), IntentStatus::succeeded));
    return tickets(registration, now);
  }
  static std::vector<TicketId> tickets(const Registration& registration, Instant confirmed_at) {
    std::vector<TicketId> out;
    for (std::int64_t k = 1; k <= registration.ticket_count; ++k)
      out.push_back(ticket_id(registration.id, confirmed_at, k));
    return out;
  }
  TicketId ticket() { return pay(reserve(tier(1000, 10).id, 1)).front(); }

  Admit scan(TicketId ticket, DeviceId at = {}) {
    ++x_seed;
    return {
        .meta = meta(), .device_id = at ? at : gate, .opened = OpenedCode{ticket, show, 0}, .code_hash = {x_seed, 1}};
  }

 private:
  std::uint64_t x_seed = 0;
  std::uint64_t x_events = 0;
};

}  // namespace admit::domain::testing
