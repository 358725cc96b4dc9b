#include "app/simulate.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <ostream>
#include <sstream>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "app/verify.hpp"
#include "domain/accounts.hpp"
#include "domain/cancellations.hpp"
#include "domain/devices.hpp"
#include "domain/disputes.hpp"
#include "domain/door.hpp"
#include "domain/jobs.hpp"
#include "domain/refunds.hpp"
#include "domain/registrations.hpp"
#include "domain/sha256.hpp"
#include "domain/shows.hpp"
#include "domain/users.hpp"
#include "engine/lane.hpp"
#include "store/memory/memory_store.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace admit::app {
namespace {

using namespace domain;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// All chance of a run.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : x_state(seed) {}
  std::uint64_t roll() {  // splitmix64
    std::uint64_t x = x_state += 0x9E3779B97F4A7C15ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
  }
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(roll() % n); }
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return least + static_cast<std::int64_t>(roll() % static_cast<std::uint64_t>(most - least + 1));
  }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <class T>
  T& pick(std::vector<T>& from) {
    return from[below(from.size())];
  }

 private:
  std::uint64_t x_state;
};

struct Broken {
  std::string what;
};
void expect(bool holds_true, std::string_view what) {
  if (!holds_true) throw Broken{std::string(what)};
}

/// What the provider knows. It never forgets, whatever happens to us.
class Provider {
 public:
  struct Intent {
    std::string id;
    TransactionId transaction_id;
    std::int64_t amount_minor = 0;
    std::int64_t received_minor = 0;
    std::int64_t given_back_minor = 0;    // by refunds that have not failed
    std::int64_t charged_back_minor = 0;  // by disputes that were lost
    std::string currency;
    bool manual_capture = false;
    bool disputed = false;  // now
    IntentStatus status = IntentStatus::requires_payment_method;
  };
  struct Event {
    std::string id;
    News news;
    std::optional<Instant> created;  // in whole seconds, where it is told
  };

  /// Idempotent by transaction.
  Intent& create(const Transaction& transaction) {
    const auto [it, fresh] = x_by_transaction.try_emplace(transaction.id, "pi_" + std::to_string(x_intents.size()));
    if (fresh) {
      x_intents.emplace(it->second, Intent{.id = it->second,
                                           .transaction_id = transaction.id,
                                           .amount_minor = transaction.amount_minor,
                                           .currency = transaction.currency,
                                           .manual_capture = transaction.manual_capture});
    }
    return x_intents.at(it->second);
  }
  Intent* find(TransactionId id) {
    const auto it = x_by_transaction.find(id);
    return it == x_by_transaction.end() ? nullptr : &x_intents.at(it->second);
  }

  [[nodiscard]] static IntentNews news_of(const Intent& intent, bool failed = false) {
    return {.intent_id = intent.id,
            .status = intent.status,
            .failed = failed,
            .amount_minor = intent.amount_minor,
            .received_minor = intent.received_minor,
            .capturable_minor = intent.status == IntentStatus::requires_capture ? intent.amount_minor : 0,
            .currency = intent.currency,
            .error = failed ? "card_declined" : "",
            .transaction_id = intent.transaction_id};
  }
  void say(News news, Instant at, std::optional<Instant> created = {}) {
    deliver({"evt_" + std::to_string(x_event_count++), std::move(news), created}, at);
  }
  void say(const Intent& intent, bool failed, Instant at, std::optional<Instant> created = {}) {
    say(news_of(intent, failed), at, created);
  }
  void deliver(Event event, Instant at) { x_events.emplace(std::pair(at, x_delivery_count++), std::move(event)); }
  std::optional<Event> next(Instant now) {
    if (x_events.empty() || x_events.begin()->first.first > now) return std::nullopt;
    Event event = std::move(x_events.begin()->second);
    x_events.erase(x_events.begin());
    return event;
  }

  /// Gives money back; the same again for the same `key`. nullptr where it refuses.
  RefundNews* refund(Intent& intent, const std::string& key, std::int64_t amount_minor, RefundId ours) {
    const auto known = x_refunds.find(key);
    if (known != x_refunds.end()) return &known->second;
    if (intent.disputed || intent.given_back_minor + intent.charged_back_minor + amount_minor > intent.received_minor) {
      return nullptr;
    }
    intent.given_back_minor += amount_minor;
    return &x_refunds
                .emplace(key, RefundNews{.provider_id = "re_" + std::to_string(x_refunds.size()),
                                         .intent_id = intent.id,
                                         .status = RefundStatus::pending,
                                         .amount_minor = amount_minor,
                                         .currency = intent.currency,
                                         .refund_id = ours})
                .first->second;
  }
  [[nodiscard]] bool has_events() const { return !x_events.empty(); }
  [[nodiscard]] std::map<std::string, Intent>& intents() { return x_intents; }

 private:
  std::map<std::string, Intent> x_intents;
  std::map<TransactionId, std::string> x_by_transaction;
  std::map<std::pair<Instant, std::uint64_t>, Event> x_events;
  std::map<std::string, RefundNews> x_refunds;
  std::uint64_t x_event_count = 0;
  std::uint64_t x_delivery_count = 0;
};

class Simulation {
 public:
  Simulation(const SimulateOptions& options, SimulatedSite& site, std::ostream& out)
      : x_options(options), x_site(site), x_out(out), x_dice(options.seed) {}

  bool run() {
    std::string fault;
    try {
      open_lane();
      set_up();
      storm(true);
      const std::uint64_t every = std::max<std::uint64_t>(20'000, x_options.commands / 8);
      std::uint64_t next_check = every;
      while (x_commands < x_options.commands) {
        act();
        if (x_dice.one_in(12)) run_lane();
        if (x_dice.one_in(5'000)) crash();
        if (x_commands < next_check) continue;
        check_everything();
        next_check += every;
      }
      cancel_show();  // with buyers in the middle of paying
      run_lane();
      storm(false);
      check_everything();
      settle();
      check_everything();
      check_money();
    } catch (const Broken& broken) {
      fault = broken.what;
    } catch (const std::exception& error) {
      fault = error.what();
    }
    storm(false);
    close_lane();
    print(fault);
    return fault.empty();
  }

 private:
  // What was acknowledged.
  struct TierModel {
    TierId id;
    std::int64_t price_minor = 0;
    std::int64_t most = 0;
  };
  struct TicketModel {
    TicketId id;
    std::int64_t entries = 0;
    bool unsure = false;  // a change was sent and never answered
    bool revoked = false;
  };
  struct ShowModel {
    ShowId id;
    std::vector<TierModel> tiers;
    std::vector<DeviceId> devices;
    std::vector<TicketId> tickets;
    std::map<QuotaId, std::int64_t> quotas;  // sizes
    Instant ends_at{};
  };
  struct RegistrationModel {
    UserId user;
    std::int64_t amount_minor = 0;
    bool confirmed = false;
  };
  struct Scan {
    Admit command;
    std::optional<DoorReason> reason;  // of the first answer
    std::uint64_t code = 0;
  };

  /// No faults while it lives.
  class Calm {
   public:
    explicit Calm(Simulation& simulation) : x_simulation(simulation), x_before(simulation.x_storm) {
      x_simulation.storm(false);
    }
    ~Calm() { x_simulation.storm(x_before); }
    Calm(const Calm&) = delete;
    Calm& operator=(const Calm&) = delete;

   private:
    Simulation& x_simulation;
    const bool x_before;
  };

  void storm(bool on) {
    x_storm = on;
    x_site.allow_faults(on);
  }

  // Sending.

  Meta meta(UserId user = {}, std::string actor = "system") {
    x_now += milliseconds{x_dice.between(1, 400)};
    if (x_dice.one_in(400)) x_now += minutes{x_dice.between(1, 8)};
    return {.now = x_now,
            .seed = {x_dice.roll(), x_dice.roll()},
            .user = user,
            .is_operator = user == x_operator,
            .actor = std::move(actor),
            .address = "10.0.0." + std::to_string(user.value.low % 25)};
  }

  void note(std::uint64_t number, std::string_view outcome) {
    const std::string line = x_digest + std::to_string(number) + ' ' + std::string(outcome);
    const auto digest = sha256(line);
    x_digest.assign(digest.begin(), digest.end());
  }

  /// `on_answer(result, replay)` sees the acknowledged outcome; `on_lost` is called if a crash swallowed it.
  template <class Command, class OnAnswer>
  void send(
      std::string_view name, Command command, OnAnswer on_answer, std::function<void()> on_lost = [] {},
      std::optional<engine::Idempotency<typename Command::Outcome>> idempotency = std::nullopt) {
    const std::uint64_t number = ++x_commands;
    x_unanswered[number] = std::move(on_lost);
    const bool taken = x_lane->submit(
        std::move(command),
        [this, number, name, on_answer = std::move(on_answer)](engine::Answer<typename Command::Outcome> answer) {
          expect(x_unanswered.erase(number) == 1, "a command was answered twice");
          const auto outcome = answer.replay   ? std::string_view("replay")
                               : answer.result ? std::string_view("ok")
                                               : word(answer.result.error().code);
          note(number, outcome);
          ++x_outcomes[std::string(name) + ' ' + std::string(outcome)];
          expect(answer.replay || answer.result || answer.result.error().code != Refusal::internal,
                 std::string(name) + " ended with a fault of ours");
          on_answer(answer.result, answer.replay);
        },
        std::move(idempotency));
    expect(taken, "the queue is full");
  }

  /// As send, and waits for it: for setting up, where nothing goes wrong.
  template <class Command>
  typename Command::Outcome must(Command command) {
    std::optional<typename Command::Outcome> outcome;
    send("set up", std::move(command), [&](auto& result, auto&) {
      if (result) outcome = *result;
    });
    while (x_lane->step()) {
    }
    expect(outcome.has_value(), "setting up was refused");
    return std::move(*outcome);
  }

  void open_lane() {
    engine::LaneOptions options;
    options.seed = {x_dice.roll(), x_dice.roll()};
    options.max_batch = 64;
    options.pause = [](milliseconds) {
    };
    x_lane = std::make_unique<engine::Lane>(x_site.store(), std::move(options));
  }

  void close_lane() {
    if (x_lane == nullptr) return;
    const auto counts = x_lane->counts();
    x_commits += counts.commits;
    x_conflicts += counts.conflicts;
    x_unknown += counts.unknown_outcomes;
    x_lane.reset();
  }

  void run_lane() {
    try {
      while (x_lane->step()) {
      }
    } catch (const SimulatedCrash&) {
      crash();
    }
    learn();
  }

  void crash() {
    ++x_crashes;
    close_lane();
    x_site.restart();
    open_lane();
    for (auto& [number, lost] : std::exchange(x_unanswered, {})) {
      note(number, "lost");
      lost();
    }
  }

  /// Reads committed rows as a client would, past the faults.
  template <class Row>
  std::optional<Row> look(IdOf<Row> id) {
    const Calm calm(*this);
    return store::get<Row>(x_site.store(), id);
  }

  // Setting up.

  void set_up() {
    for (std::uint64_t i = 0; i < 40; ++i) {
      const std::string name = "user" + std::to_string(i);
      const User user = must(CreateUser{.meta = meta(),
                                        .email = name + "@example.org",
                                        .name = name,
                                        .locale = "en",
                                        .password_hash = "-",
                                        .is_operator = i == 0});
      x_users.push_back(user.id);
    }
    (void)must(AddSealingEpoch{.meta = meta(), .number = 0});
    x_operator = x_users[0];
    x_organiser = x_users[1];
    x_business = must(CreateBusiness{.meta = meta(x_organiser), .name = "The Hall"}).id;
    (void)must(LinkAccount{.meta = meta(x_operator), .business_id = x_business, .account = account()});
    (void)must(SetFees{
        .meta = meta(x_operator), .business_id = x_business, .terms = {.fee_fixed_minor = 35, .fee_percent_bp = 275}});
    open_show();
    open_show();
  }

  void open_show() {
    Show draft{.id = ShowId{fresh_uuid(x_now, {x_dice.roll(), x_dice.roll()}, 0)},
               .business_id = x_business,
               .title = "Show " + std::to_string(x_shows.size()),
               .starts_at = x_now + hours{9},
               .doors_at = x_now + hours{8},
               .currency = "EUR",
               .max_live_holds_per_user = 4,
               .max_live_holds_per_address = 12,
               .max_free_tickets_per_user = 30,
               .manual_capture = x_dice.one_in(3),
               .customer_refund_until_s = x_dice.one_in(2) ? 60 : 0,
               .refund_keeps_fee = x_dice.one_in(2)};
    for (int i = 0; i < 32; ++i) {
      draft.windows.push_back({x_now + hours{8 * i}, x_now + hours{8 * i + 7}});
    }
    ShowModel model{.id = draft.id, .ends_at = draft.windows.back().until};
    (void)must(CreateShow{.meta = meta(x_organiser), .show = draft, .public_key = {"p"}, .wrapped_private_key = {"w"}});
    const Quota hall = must(CreateQuota{
        .meta = meta(x_organiser), .show_id = model.id, .name = "hall", .size = x_dice.between(100, 2'500)});
    model.quotas[hall.id] = hall.size;
    for (int i = 0; i < 4; ++i) {
      CreateTier create{.meta = meta(x_organiser),
                        .show_id = model.id,
                        .name = "tier " + std::to_string(i),
                        .price_minor = i == 3 ? 0 : x_dice.between(100, 9'000),
                        .tax_rate_bp = i * 700,
                        .fee_minor = i == 1 ? 150 : 0,
                        .max_per_registration = 8};
      if (i == 2) {
        create.capacity = x_dice.between(5, 60);
      } else {
        create.quota_ids = {hall.id};
        if (i == 3) {
          const Quota part = must(CreateQuota{
              .meta = meta(x_organiser), .show_id = model.id, .name = "balcony", .size = x_dice.between(10, 120)});
          model.quotas[part.id] = part.size;
          create.quota_ids.push_back(part.id);
        }
      }
      const auto capacity = create.capacity;
      const Tier tier = must(std::move(create));
      if (capacity) model.quotas[tier.quota_ids.front()] = *capacity;
      model.tiers.push_back({tier.id, tier.price_minor + tier.fee_minor, tier.max_per_registration});
    }
    (void)must(PublishShow{.meta = meta(x_organiser), .show_id = model.id});
    for (int i = 0; i < 3; ++i) {
      const DeviceId id{fresh_uuid(x_now, {x_dice.roll(), x_dice.roll()}, 0)};
      (void)must(CreateDevice{.meta = meta(x_organiser),
                              .device_id = id,
                              .show_id = model.id,
                              .gate = "gate " + std::to_string(i),
                              .token_hash = {"h"}});
      model.devices.push_back(id);
    }
    x_shows.push_back(std::move(model));
  }

  // Actors. Each sends at most a few commands.

  void act() {
    const auto dice = x_dice.below(1000);
    try {
      if (dice < 300) return reserve();
      if (dice < 330) return cancel();
      if (dice < 500) return pay();
      if (dice < 700) return hear_provider();
      if (dice < 715) return sweep();
      if (dice < 790) return work();
      if (dice < 920) return scan();
      if (dice < 940) return annul();
      if (dice < 945) return revoke();
      if (dice < 950) return forget();
      if (dice < 960) return disturb_provider();
      if (dice < 980) return refund();
      if (dice < 985) return box_office();
      if (dice < 990) return look_at_another_amount();
      if (dice == 998 && x_dice.one_in(15)) return cancel_show();
      if (dice == 999) return organise();
      x_now += seconds{x_dice.between(1, 20)};
    } catch (const store::StoreUnavailable&) {  // a read failed: whoever asked comes again
    } catch (const SimulatedCrash&) {
      crash();
    }
  }

  ShowModel& show() { return x_shows[x_shows.size() - 1 - x_dice.below(2)]; }

  void reserve() {
    if (!x_again.empty() && x_dice.one_in(6)) {  // the answer got lost on the way: the same again, some time later
      auto [command, key] = std::move(x_again.back());
      x_again.pop_back();
      command.meta = meta(command.meta.user, command.meta.actor);
      return submit_reserve(std::move(command), key, false);
    }
    const UserId user = x_dice.pick(x_users);
    ShowModel& at = show();
    Reserve command{.meta = meta(user, "user:" + user.text()), .show_id = at.id, .payments_ready = true};
    const auto first = x_dice.below(at.tiers.size());
    for (std::size_t i = 0; i < (x_dice.one_in(4) ? 2u : 1u); ++i) {
      const auto& tier = at.tiers[(first + i) % at.tiers.size()];
      command.lines.push_back({tier.id, x_dice.between(1, x_dice.one_in(30) ? tier.most + 1 : 3), {"Ada L."}});
    }
    std::string key;
    if (!x_dice.one_in(3)) key = "key" + std::to_string(x_commands);
    if (!key.empty() && x_dice.one_in(5)) x_again.emplace_back(command, key);
    submit_reserve(std::move(command), key, x_dice.one_in(5));
  }

  void submit_reserve(Reserve command, const std::string& key, bool repeat) {
    const RegistrationId would_be{fresh_uuid(command.meta.now, command.meta.seed, 0)};
    std::optional<engine::Idempotency<Registration>> idempotency;
    if (!key.empty()) {
      idempotency.emplace(derived_id<ClaimId>("key", command.meta.user.text() + key),
                          derived_uuid("body", command.show_id.text()),
                          [](const Registration& registration) { return engine::Replay{201, registration.id.text()}; });
    }
    const UserId user = command.meta.user;
    Reserve again = command;
    again.meta = meta(user, command.meta.actor);
    send(
        "reserve", std::move(command),
        [this, user, key](Result<Registration>& result, std::optional<engine::Replay>& replay) {
          if (replay) {
            const auto it = x_replies.find(key);
            expect(it == x_replies.end() || it->second == replay->body, "a repeat got another answer than the first");
            x_replies.emplace(key, replay->body);
            if (it == x_replies.end()) x_to_learn.push_back(*RegistrationId::parse(replay->body));
            return;
          }
          if (!result) return;
          if (!key.empty()) expect(x_replies.emplace(key, result->id.text()).second, "one key reserved twice");
          remember(*result, user);
        },
        [this, would_be, again, key] {
          x_maybe.insert(would_be);
          if (!key.empty()) submit_reserve(again, key, false);
        },
        std::move(idempotency));
    if (repeat) submit_reserve(std::move(again), key, false);
  }

  void remember(const Registration& registration, UserId user) {
    const auto [it, fresh] = x_registrations.try_emplace(
        registration.id, RegistrationModel{.user = user, .amount_minor = registration.amount_minor});
    expect(fresh, "two reservations got one id");
    if (registration.status == RegistrationStatus::held) {
      x_held.push_back(registration.id);
    } else {
      x_to_learn.push_back(registration.id);
    }
  }

  /// Somebody was told of these: they must be there.
  void learn() {
    for (const RegistrationId id : std::exchange(x_to_learn, {})) {
      const auto registration = look<Registration>(id);
      expect(registration.has_value(), "an acknowledged registration is not there");
      auto& model = x_registrations
                        .try_emplace(id, RegistrationModel{.user = registration->user_id,
                                                           .amount_minor = registration->amount_minor})
                        .first->second;
      if (registration->status == RegistrationStatus::held) x_held.push_back(id);
      if (registration->status != RegistrationStatus::confirmed || model.confirmed) continue;
      model.confirmed = true;
      x_sold_registrations.push_back(id);
      x_sold += static_cast<std::uint64_t>(registration->ticket_count);
      const auto at = std::ranges::find(x_shows, registration->show_id, &ShowModel::id);
      for (std::int64_t k = 1; k <= registration->ticket_count; ++k) {
        const TicketId ticket = ticket_id(id, *registration->confirmed_at, k);
        x_tickets.try_emplace(ticket, TicketModel{.id = ticket});
        at->tickets.push_back(ticket);
      }
    }
  }

  /// A registration that was held when last heard of; now and then one is forgotten.
  std::optional<RegistrationId> some_held() {
    if (x_held.empty()) return std::nullopt;
    const auto i = x_held.size() - 1 - x_dice.below(std::min<std::size_t>(x_held.size(), 60));
    const RegistrationId id = x_held[i];
    if (x_dice.one_in(4)) x_held.erase(x_held.begin() + static_cast<std::ptrdiff_t>(i));
    return id;
  }

  void cancel() {
    const auto id = some_held();
    if (!id) return;
    const UserId user = x_dice.one_in(10) ? x_dice.pick(x_users) : x_registrations.at(*id).user;
    send("cancel", CancelRegistration{.meta = meta(user), .registration_id = *id}, [](auto&, auto&) {});
  }

  void pay() {
    const auto id = some_held();
    if (!id) return;
    const auto& model = x_registrations.at(*id);
    BeginPayment command{.meta = meta(model.user), .registration_id = *id, .payments_ready = true};
    if (x_dice.one_in(3)) command.amount_minor = model.amount_minor + (x_dice.one_in(20) ? 1 : 0);
    send("begin payment", std::move(command), [this, amount = model.amount_minor](Result<Transaction>& result, auto&) {
      if (!result) return;
      expect(result->amount_minor == amount, "a payment of another amount than the registration's");
      x_to_pay.push_back(*result);
    });
    if (!x_to_pay.empty()) use_card();
  }

  /// The buyer's browser with the provider: we hear of it by events only, and of the intent's id if the call comes
  /// back.
  void use_card() {
    const Transaction transaction = std::move(x_to_pay.back());
    x_to_pay.pop_back();
    auto& intent = x_provider.create(transaction);
    if (!x_dice.one_in(4)) {
      send("record intent", RecordIntent{.meta = meta(), .transaction_id = transaction.id, .intent_id = intent.id},
           [](auto&, auto&) {});
    }
    if (intent.status == IntentStatus::succeeded || intent.status == IntentStatus::canceled ||
        intent.status == IntentStatus::requires_capture) {
      return;
    }
    Instant at = x_now;
    const auto tell = [&](IntentStatus status, bool failed = false) {
      if (status == IntentStatus::succeeded && intent.manual_capture) status = IntentStatus::requires_capture;
      if (status == IntentStatus::succeeded) receive(intent);
      intent.status = status;
      at += milliseconds{x_dice.between(0, 3'000)};
      // Late, and so out of order and perhaps after the hold.
      x_provider.say(intent, failed, x_dice.one_in(8) ? at + minutes{x_dice.between(1, 60)} : at,
                     std::chrono::floor<seconds>(at));
    };
    switch (x_dice.below(12)) {
      case 0:
        return;  // closed the page
      case 10:
        tell(IntentStatus::processing);
        return tell(IntentStatus::requires_payment_method, true);
      case 11:
        tell(IntentStatus::requires_payment_method, true);
        tell(IntentStatus::requires_action);
        tell(IntentStatus::processing);
        return tell(IntentStatus::succeeded);
      case 1:
        return tell(IntentStatus::requires_payment_method, true);
      case 2:
        tell(IntentStatus::requires_payment_method, true);
        return tell(IntentStatus::succeeded);
      case 3:
        tell(IntentStatus::requires_action);
        return tell(IntentStatus::succeeded);
      case 4:
        return tell(IntentStatus::requires_action);
      case 5:
        tell(IntentStatus::processing);
        return tell(IntentStatus::succeeded);
      default:
        return tell(IntentStatus::succeeded);
    }
  }

  /// The buyer is charged, now and then another amount than was asked for.
  void receive(Provider::Intent& intent) {
    intent.received_minor = intent.amount_minor;
    if (x_dice.one_in(60)) intent.received_minor = std::max<std::int64_t>(1, intent.received_minor - 1);
    x_paid.push_back(intent.transaction_id);
    ++x_purchases;
  }

  /// What happens at the provider without us: somebody gives money back there, a bank takes it back.
  void disturb_provider() {
    if (x_dice.one_in(40)) x_outage_until = x_now + minutes{x_dice.between(1, 30)};
    if (x_dice.one_in(60)) {
      auto closed = account();
      closed.charges_enabled = false;
      x_provider.say(closed, x_now + seconds{x_dice.between(0, 60)});
      x_provider.say(account(), x_now + seconds{x_dice.between(0, 60)});
    }
    if (x_paid.empty()) return;
    auto& intent = *x_provider.find(x_dice.pick(x_paid));
    if (x_dice.one_in(3)) return dispute(intent);
    const std::int64_t left = intent.received_minor - intent.given_back_minor - intent.charged_back_minor;
    if (left <= 0) return;
    const std::int64_t amount = x_dice.one_in(3) ? x_dice.between(1, left) : left;
    if (auto* refund = x_provider.refund(intent, "elsewhere" + std::to_string(x_elsewhere++), amount, {})) {
      go_on(intent, *refund);
    }
  }

  /// From `pending` to its end, told as it goes; in any order.
  void go_on(Provider::Intent& intent, RefundNews& refund) {
    const auto soon = [this] {
      return x_now + seconds{x_dice.between(0, 600)};
    };
    if (x_dice.one_in(2)) x_provider.say(refund, soon());
    refund.status = RefundStatus::succeeded;
    if (x_dice.one_in(15)) {
      if (x_dice.one_in(2)) x_provider.say(refund, soon());
      refund.status = RefundStatus::failed;
      refund.failure_reason = "expired_or_canceled_card";
      intent.given_back_minor -= refund.amount_minor;
    }
    x_provider.say(refund, soon());
    x_provider.say(
        ChargeNews{.charge_id = "ch_" + intent.id, .intent_id = intent.id, .refunded_minor = intent.given_back_minor},
        soon());
  }

  void dispute(Provider::Intent& intent) {
    if (intent.disputed || intent.charged_back_minor > 0) return;
    const std::int64_t amount = intent.received_minor - intent.given_back_minor;
    if (amount <= 0) return;
    const bool inquiry = x_dice.one_in(4);
    DisputeNews news{.provider_id = "du_" + std::to_string(x_disputes++),
                     .intent_id = intent.id,
                     .status = inquiry ? "warning_needs_response" : "needs_response",
                     .reason = "fraudulent",
                     .amount_minor = amount,
                     .currency = intent.currency};
    intent.disputed = true;
    if (!inquiry) news.movements.push_back({news.provider_id + "_taken", -amount, 1'500, intent.currency});
    x_provider.say(news, x_now + seconds{x_dice.between(0, 60)});
    const bool lost = x_dice.one_in(2);
    news.status = inquiry ? "warning_closed" : lost ? "lost" : "won";
    if (!inquiry && !lost) news.movements.push_back({news.provider_id + "_back", amount, -1'500, intent.currency});
    x_closing.emplace_back(x_now + minutes{x_dice.between(1, 600)}, std::move(news));
  }

  void close_disputes() {
    std::erase_if(x_closing, [&](std::pair<Instant, DisputeNews>& closing) {
      if (closing.first > x_now) return false;
      const DisputeNews& news = closing.second;
      auto& intent = x_provider.intents().at(news.intent_id);
      intent.disputed = false;
      if (news.status == "lost") intent.charged_back_minor += news.amount_minor;
      if (x_dice.one_in(3)) x_provider.say(news, x_now);  // twice, as two events
      x_provider.say(news, x_now + seconds{x_dice.between(0, 30)});
      return true;
    });
  }

  void refund() {
    if (x_sold_registrations.empty()) return;
    const RegistrationId id = x_dice.pick(x_sold_registrations);
    RequestRefund command{.meta = meta(x_dice.one_in(2) ? x_registrations.at(id).user : x_organiser),
                          .registration_id = id};
    if (x_dice.one_in(3)) command.ticket_numbers = {x_dice.between(1, 3)};
    if (x_dice.one_in(6)) command.amount_minor = x_dice.between(1, 500);
    if (x_dice.one_in(10)) {  // all of it, as an amount
      const auto registration = look<Registration>(id);
      if (registration && registration->amount_minor > 0) command.amount_minor = registration->amount_minor;
    }
    send("refund", std::move(command), [this](Result<Refund>& result, auto&) {
      if (result) revoked(*result);
    });
  }
  void revoked(const Refund& refund) {
    const auto registration = look<Registration>(refund.registration_id);
    expect(registration && registration->confirmed_at, "money goes back for what was never sold");
    for (const std::int64_t number : refund.ticket_numbers) {
      const auto ticket = x_tickets.find(ticket_id(registration->id, *registration->confirmed_at, number));
      if (ticket != x_tickets.end()) ticket->second.revoked = true;
    }
  }

  void box_office() {
    if (const auto id = some_held()) {
      send("pay cash", PayCash{.meta = meta(x_organiser), .registration_id = *id},
           [this, id](Result<Registration>& result, auto&) {
             if (result) x_to_learn.push_back(*id);
           });
    }
  }

  void look_at_another_amount() {
    if (x_in_review.empty()) return;
    const TransactionId id = x_in_review.back();
    x_in_review.pop_back();
    send("accept payment", AcceptPayment{.meta = meta(x_operator), .transaction_id = id},
         [this](Result<Registration>& result, auto&) {
           if (result) x_to_learn.push_back(result->id);
         });
  }

  void cancel_show() {
    const ShowId id = x_shows[x_shows.size() - 2].id;
    send("cancel show", CancelShow{.meta = meta(x_organiser), .show_id = id},
         [this](Result<Cancellation>& result, auto&) {
           if (result) x_cancelled.insert(result->show_id);
         });
  }

  static AccountNews account() {
    return {.account_id = "acct_hall", .charges_enabled = true, .transfers_active = true, .details_submitted = true};
  }

  void hear_provider() {
    close_disputes();
    if (auto event = x_provider.next(x_now)) {
      const bool twice = x_dice.one_in(8);
      submit_event(*event);
      if (twice) x_provider.deliver(std::move(*event), x_now + seconds{x_dice.between(0, 900)});
    }
  }

  ApplyEvent command_of(const Provider::Event& event) {
    return {
        .meta = meta({}, "stripe"),
        .event_id = event.id,
        .type = "event",
        .object_id = std::holds_alternative<IntentNews>(event.news) ? std::get<IntentNews>(event.news).intent_id : "",
        .payload = "{}",
        .news = event.news,
        .failed = x_dice.one_in(200),
        .created = event.created};
  }

  void submit_event(Provider::Event event) {
    x_events.try_emplace(inbox_id(event.id), event);
    send(
        "apply event", command_of(event),
        [this, event](Result<ApplyEvent::Outcome>& result, auto&) {
          if (!result) return x_provider.deliver(event, x_now + seconds{30});  // answered 503: it comes again
          take_event(event, *result);
        },
        [this, event] { x_provider.deliver(event, x_now + seconds{30}); });
  }

  void take_event(const Provider::Event& event, const ApplyEvent::Outcome& outcome) {
    const auto [it, fresh] = x_event_details.try_emplace(event.id, outcome.detail);
    const bool open = it->second == "fault" || it->second == "unknown_intent" || it->second == "refund_unknown" ||
                      it->second == "same_second";
    expect(fresh || open || it->second == outcome.detail, "an event was applied twice");
    it->second = outcome.detail;
    ++x_outcomes["event " + outcome.detail];
    constexpr std::array<std::string_view, 7> known_flags{"late_success",   "second_payment",          "amount_differs",
                                                          "show_cancelled", "refunded_before_success", "no_places",
                                                          "refund_unknown"};
    expect(
        outcome.status != InboxStatus::flagged || std::ranges::find(known_flags, outcome.detail) != known_flags.end(),
        "an event was flagged: " + outcome.detail);
    if (const auto* news = std::get_if<IntentNews>(&event.news)) {
      if (outcome.detail == "confirmed" || outcome.detail == "reallocated") confirmed(news->transaction_id);
      if (outcome.detail == "amount_differs" && x_dice.one_in(2)) x_in_review.push_back(news->transaction_id);
    }
  }

  void confirmed(TransactionId id) {
    const auto transaction = look<Transaction>(id);
    expect(transaction && transaction->status == TransactionStatus::succeeded, "an acknowledged payment is not there");
    x_to_learn.push_back(transaction->registration_id);
  }

  void sweep() {
    for (const auto& registration : store::due<Registration>(x_site.store(), x_now, 5)) {
      send("expire", ExpireHeld{.meta = meta(), .registration_id = registration.id}, [](auto&, auto&) {});
    }
  }

  void work() {
    // One that was given up lies on the desk, and somebody revives it.
    for (const JobId id : std::exchange(x_dead, {})) {
      send("revive job", ReviveJob{.meta = meta(x_operator), .job_id = id}, [](auto&, auto&) {});
    }
    for (const auto& job : store::due<Job>(x_site.store(), x_now, 10)) {
      const Uuid lease{x_dice.roll(), x_dice.roll()};
      send("lease job", LeaseJob{.meta = meta(), .job_id = job.id, .lease = lease, .until = x_now + seconds{60}},
           [this, lease](Result<Job>& result, auto&) {
             if (result) x_leased.emplace_back(*result, lease);
           });
    }
    for (const auto& [job, lease] : std::exchange(x_leased, {})) {
      std::string error = x_dice.one_in(20) ? "no route to the provider" : "";
      if (error.empty()) error = do_job(job, lease);
      if (error != "later") finish(job, lease, std::move(error));
    }
    for (auto& [job, lease, error] : std::exchange(x_to_finish, {})) finish(job, lease, std::move(error));
  }

  void finish(const Job& job, Uuid lease, std::string error) {
    send("finish job",
         FinishJob{.meta = meta(),
                   .job_id = job.id,
                   .lease = lease,
                   .error = std::move(error),
                   .retry_at = x_now + seconds{30}},
         [this](Result<Job>& result, auto&) {
           if (result && result->status == JobStatus::dead) x_dead.push_back(result->id);
         });
  }

  /// "" for done, "later" where the answer to a command tells.
  std::string do_job(const Job& job, Uuid lease) {
    const bool asks_provider = job.kind != JobKind::render_tickets && job.kind != JobKind::mail &&
                               job.kind != JobKind::cancel_show && job.kind != JobKind::apply_event;
    if (asks_provider && x_now < x_outage_until) return "the provider is away";
    switch (job.kind) {
      case JobKind::cancel_intent:
        return cancel_intent(TransactionId{job.subject});
      case JobKind::capture_intent:
        return capture_intent(TransactionId{job.subject});
      case JobKind::refund_intent:
        return refund_intent(RefundId{job.subject});
      case JobKind::refresh_account:
        send("record account", RecordAccount{.meta = meta(), .business_id = x_business, .account = account()},
             [](auto&, auto&) {});
        return "";
      case JobKind::reverse_transfer: {
        const auto dispute = look<Dispute>(DisputeId{job.subject});
        expect(dispute.has_value(), "a dispute is not there");
        send("record reversal",
             RecordDisputeReversal{.meta = meta(),
                                   .dispute_id = dispute->id,
                                   .amount_minor = x_dice.one_in(5) ? 0 : dispute->amount_minor},
             [](auto&, auto&) {});
        return "";
      }
      case JobKind::collect_evidence:
        send("record evidence", RecordEvidence{.meta = meta(), .dispute_id = DisputeId{job.subject}},
             [](auto&, auto&) {});
        return "";
      case JobKind::apply_event: {
        const auto& event = x_events.at(InboxId{job.subject});
        ApplyEvent command = command_of(event);
        command.failed = false;
        command.retry = true;
        if (const auto* news = std::get_if<IntentNews>(&event.news)) {  // its object as it is now
          const auto& intent = x_provider.intents().at(news->intent_id);
          command.news =
              Provider::news_of(intent, news->failed && intent.status == IntentStatus::requires_payment_method);
          command.fresh = true;
        }
        send("apply event again", std::move(command),
             [this, event, job, lease](Result<ApplyEvent::Outcome>& result, auto&) {
               if (!result) return;
               take_event(event, *result);
               x_to_finish.emplace_back(job, lease,
                                        result->status == InboxStatus::waiting ? "waits for its payment" : "");
             });
        return "later";
      }
      case JobKind::cancel_show:
        return cancel_part(ShowId{job.subject});
      case JobKind::render_tickets:
      case JobKind::create_intent:
      case JobKind::mail:
      case JobKind::create_identity:
      case JobKind::create_account:
      case JobKind::join_guests:
      case JobKind::erase_person:
      case JobKind::revoke_access:
      case JobKind::set_identity_password:
      case JobKind::erase_identity:
        return "";
    }
    return "";
  }

  /// A few registrations at a time; where it stopped is noted, so that it goes on there after a crash.
  std::string cancel_part(ShowId show) {
    const Calm calm(*this);
    const auto progress = store::get<Cancellation>(x_site.store(), cancellation_id(show));
    expect(progress.has_value(), "a cancellation is not there");
    if (progress->finished_at) return "";
    std::optional<store::Cursor> after;
    if (progress->after_id) after = store::Cursor{progress->after_order, progress->after_id.value};
    const auto page = store::list<Registration>(x_site.store(), "by_show", show.value, 20, after);
    RecordCancellation record{.meta = meta(), .show_id = show, .finished = !page.next};
    for (const auto& registration : page.rows) {
      send("cancel for show", CancelForShow{.meta = meta(), .registration_id = registration.id}, [](auto&, auto&) {});
    }
    record.done = progress->done + static_cast<std::int64_t>(page.rows.size());
    record.total = record.done;
    if (page.next) {
      record.after_order = page.next->order;
      record.after_id = RegistrationId{page.next->id};
    }
    const bool finished = record.finished;
    send("record cancellation", std::move(record), [](auto&, auto&) {});
    return finished ? "" : "there are more";
  }

  std::string cancel_intent(TransactionId id) {
    auto* intent = x_provider.find(id);
    if (intent == nullptr) {
      send("cancel payment", CancelPayment{.meta = meta(), .transaction_id = id}, [](auto&, auto&) {});
      return "";
    }
    if (intent->status == IntentStatus::succeeded || intent->status == IntentStatus::canceled) return "";
    if (intent->status == IntentStatus::processing) {
      send("apply news", ApplyNews{.meta = meta(), .news = Provider::news_of(*intent)}, [](auto&, auto&) {});
      return "it is being processed";
    }
    intent->status = IntentStatus::canceled;
    x_provider.say(*intent, false, x_now + milliseconds{x_dice.between(0, 2'000)});
    return "";
  }

  std::string capture_intent(TransactionId id) {
    auto* intent = x_provider.find(id);
    expect(intent != nullptr, "something unknown was to be captured");
    if (intent->status != IntentStatus::requires_capture) return "";
    receive(*intent);
    intent->status = IntentStatus::succeeded;
    x_provider.say(*intent, false, x_now + seconds{x_dice.one_in(12) ? x_dice.between(1, 5'000) : 1});
    return "";
  }

  std::string refund_intent(RefundId id) {
    const auto refund = look<Refund>(id);
    expect(refund.has_value(), "a refund is not there");
    if (refund->status != RefundStatus::due) return "";
    auto* intent = x_provider.find(refund->transaction_id);
    expect(intent != nullptr, "money goes back that never came");
    RecordRefund record{.meta = meta(), .refund_id = id};
    if (auto* taken = x_provider.refund(*intent, id.text(), refund->amount_minor, id)) {
      const bool fresh = taken->status == RefundStatus::pending;
      record.provider_id = taken->provider_id;
      record.status = taken->status;
      record.without_reversal = x_dice.one_in(25);
      if (fresh) go_on(*intent, *taken);
      if (x_dice.one_in(8)) return "the answer was lost";
    } else {
      record.status = RefundStatus::failed;
      record.error = "charge_already_refunded";
    }
    send("record refund", std::move(record), [](auto&, auto&) {});
    return "";
  }

  void scan() {
    if (!x_scans.empty() && x_dice.one_in(6)) {  // the answer got lost on the way to the gate: the same again
      const auto i = x_scans.size() - 1 - x_dice.below(std::min<std::size_t>(x_scans.size(), 200));
      return submit_scan(i, x_dice.one_in(12));
    }
    ShowModel& at = show();
    ShowModel& from = x_dice.one_in(20) ? show() : at;
    if (at.tickets.empty() || from.tickets.empty()) return;
    Scan scan;
    scan.code = x_dice.roll();
    scan.command.device_id = x_dice.pick(at.devices);
    scan.command.nonce = x_dice.one_in(4) ? "" : "n" + std::to_string(x_commands);
    scan.command.direction = x_dice.one_in(7) ? Direction::exit : Direction::entry;
    if (x_dice.one_in(30)) {
      scan.command.unreadable = DoorReason::forged;
    } else {
      scan.command.opened = OpenedCode{x_dice.one_in(40) ? TicketId{Uuid{x_dice.roll(), 1}} : x_dice.pick(from.tickets),
                                       from.id, x_dice.one_in(50) ? 1 : 0};
    }
    x_scans.push_back(std::move(scan));
    submit_scan(x_scans.size() - 1, false);
  }

  void submit_scan(std::size_t i, bool other_code) {
    Admit command = x_scans[i].command;
    command.meta = meta({}, "device:" + command.device_id.text());
    command.code_hash = {x_scans[i].code, other_code ? 2u : 1u};
    const bool has_nonce = !command.nonce.empty();
    const TicketId ticket = command.opened ? command.opened->ticket_id : TicketId{};
    const auto unsure = [this, ticket] {
      const auto known = x_tickets.find(ticket);
      if (known != x_tickets.end()) known->second.unsure = true;
    };
    send(
        "scan", std::move(command),
        [this, i, has_nonce, other_code](Result<Admit::Outcome>& result, auto&) {
          if (!result) {
            expect(other_code || result.error().code != Refusal::nonce_reused, "a repeated scan was taken for another");
            return;
          }
          auto& first = x_scans[i].reason;
          expect(!other_code || !has_nonce || !first, "one nonce stood for two codes");
          const auto reason = result->check_in.reason;
          if (has_nonce) {
            expect(!first || *first == reason, "a repeated scan was decided twice");
            first = reason;
          }
          take_scan(*result);
        },
        [this, i, has_nonce, other_code, unsure] {
          unsure();
          if (has_nonce) submit_scan(i, other_code);
        });
  }

  void take_scan(const Admit::Outcome& outcome) {
    const CheckIn& scan = outcome.check_in;
    if (!x_check_ins.try_emplace(scan.id, scan.reason).second) return;
    if (scan.reason != DoorReason::admitted) return;
    auto& ticket = x_tickets.at(scan.ticket_id);
    expect(!ticket.revoked, "a revoked ticket was let in");
    expect(ticket.unsure || ticket.entries == 0, "somebody was let in twice");
    ++ticket.entries;
    ++x_admitted;
    x_entries.push_back(scan);
  }

  void annul() {
    if (x_entries.empty()) return;
    const auto i = x_entries.size() - 1 - x_dice.below(std::min<std::size_t>(x_entries.size(), 20));
    const CheckIn entry = x_entries[i];
    const DeviceId device = x_dice.one_in(8) ? x_dice.pick(show().devices) : entry.device_id;
    send(
        "annul", Annul{.meta = meta({}, "device:" + device.text()), .device_id = device, .check_in_id = entry.id},
        [this, entry](Result<Admit::Outcome>& result, auto&) {
          if (!result) return;
          expect(x_annulled.insert(entry.id).second, "an entry was annulled twice");
          --x_tickets.at(entry.ticket_id).entries;
        },
        [this, entry] { x_tickets.at(entry.ticket_id).unsure = true; });
  }

  void revoke() {
    ShowModel& at = show();
    if (at.tickets.empty() || !x_dice.one_in(3)) return;
    const TicketId id = x_dice.pick(at.tickets);
    const UserId user = x_dice.one_in(6) ? x_dice.pick(x_users) : x_organiser;
    send("revoke", RevokeTicket{.meta = meta(user, "user:" + user.text()), .ticket_id = id},
         [this, id](Result<Ticket>& result, auto&) {
           if (result) x_tickets.at(id).revoked = true;
         });
  }

  void forget() { x_site.store().purge(x_now, 50); }

  /// A new show when the last one is old; the oldest in play leaves it.
  void organise() {
    run_lane();
    const Calm calm(*this);
    if (x_shows.back().ends_at < x_now + hours{100} || x_dice.one_in(5)) open_show();
    learn();
  }

  // Checking.

  /// Lets everything come to rest: no faults, no new buyers.
  void settle() {
    x_outage_until = x_now;
    for (int round = 0; round < 500; ++round) {
      x_now += minutes{round < 60 ? 1 : 15};
      while (x_lane->step()) {
      }
      learn();
      close_disputes();
      while (auto event = x_provider.next(x_now)) submit_event(std::move(*event));
      for (int i = 0; i < 20; ++i) {
        sweep();
        while (x_lane->step()) {
        }
      }
      for (int i = 0; i < 50; ++i) {
        work();
        while (x_lane->step()) {
        }
      }
      if (!x_provider.has_events() && x_leased.empty() && x_unanswered.empty() && x_closing.empty() &&
          store::due<Registration>(x_site.store(), x_now + hours{1000}, 1).empty() &&
          store::due<Job>(x_site.store(), x_now + hours{1000}, 1).empty()) {
        return;
      }
    }
    throw Broken{"the office never comes to rest"};
  }

  void check_everything() {
    run_lane();
    const Calm calm(*this);
    ++x_checks;
    auto& store = x_site.store();
    const auto report = verify(store);
    for (const auto& check : report.checks) {
      expect(check.fault_count == 0, check.name + ": " + (check.faults.empty() ? "" : check.faults.front()));
    }
    std::size_t found = 0;
    each<Registration>(store, [&](const Registration& row) {
      const auto it = x_registrations.find(row.id);
      if (it == x_registrations.end()) return expect(x_maybe.contains(row.id), "a registration that nobody asked for");
      ++found;
      expect(row.user_id == it->second.user && row.amount_minor == it->second.amount_minor,
             "a registration is not what was acknowledged");
      expect(!it->second.confirmed || row.status == RegistrationStatus::confirmed,
             "a confirmed registration is not any more");
    });
    expect(found == x_registrations.size(), "an acknowledged registration is gone");
    found = 0;
    each<CheckIn>(store, [&](const CheckIn& row) {
      const auto it = x_check_ins.find(row.id);
      if (it == x_check_ins.end()) return;
      ++found;
      expect(row.reason == it->second, "a check-in is not what was acknowledged");
      expect(!x_annulled.contains(row.id) || row.annulled_at, "an annulled entry is not any more");
    });
    expect(found == x_check_ins.size(), "an acknowledged check-in is gone");
    found = 0;
    std::unordered_set<TransactionId> disputed;
    each<Transaction>(store, [&](const Transaction& row) {
      if (row.open_disputes > 0) disputed.insert(row.id);
    });
    each<Ticket>(store, [&](const Ticket& row) {
      expect(row.status != (disputed.contains(row.transaction_id) ? TicketStatus::valid : TicketStatus::frozen),
             "a ticket is frozen without a dispute, or valid with one");
      const auto it = x_tickets.find(row.id);
      if (it == x_tickets.end()) return;
      ++found;
      expect(!it->second.revoked || row.status == TicketStatus::revoked, "a revoked ticket is not any more");
      expect(it->second.unsure || row.entries == it->second.entries,
             "a ticket's entries are not what was acknowledged");
    });
    expect(found == x_tickets.size(), "an acknowledged ticket is gone");
    each<Quota>(store, [&](const Quota& row) {
      for (const auto& at : x_shows) {
        const auto it = at.quotas.find(row.id);
        if (it != at.quotas.end())
          expect(row.size == it->second && row.taken <= it->second, "more was sold than there is");
      }
    });
  }

  template <class Row, class F>
  static void each(store::Store& store, F&& f) {
    Uuid after;
    for (;;) {
      const auto page = store::scan<Row>(store, after, 1000);
      if (page.empty()) return;
      std::ranges::for_each(page, f);
      after = page.back().id.value;
    }
  }

  /// At rest, whoever paid has tickets or the money back, whoever did not holds nothing, and the books say the same as
  /// the provider.
  void check_money() {
    auto& store = x_site.store();
    for (const auto& [id, intent] : x_provider.intents()) {
      const auto transaction = store::get<Transaction>(store, intent.transaction_id);
      expect(transaction.has_value(), "a payment is not there");
      const bool paid = intent.status == IntentStatus::succeeded;
      expect(paid == (transaction->status == TransactionStatus::succeeded), "a payment is not what the provider says");
      const auto registration = store::get<Registration>(store, transaction->registration_id);
      expect(registration.has_value(), "a payment is for nothing");
      expect(paid || intent.status == IntentStatus::canceled || transaction->intent_id.empty(),
             "what has ended can still be paid");
      if (!paid) continue;
      const bool sold =
          registration->status == RegistrationStatus::confirmed && registration->transaction_id == transaction->id;
      std::int64_t given_back = 0;
      bool told = false;  // that money which should go back cannot
      for (std::int64_t n = 1; n <= transaction->refund_count; ++n) {
        const auto refund = store::get<Refund>(store, refund_id(transaction->id, n));
        expect(refund.has_value(), "a refund is gone");
        expect(refund->status != RefundStatus::due && refund->status != RefundStatus::pending, "a refund never ended");
        if (refund->status == RefundStatus::succeeded && refund->reason != RefundReason::dispute) {
          given_back += refund->amount_minor;
        }
        told |= store::get<Alert>(store, alert_id(AlertKind::refund_failed, refund->id.value)).has_value();
      }
      expect(given_back == intent.given_back_minor, "what was given back is not what the provider says");
      const std::int64_t gone = given_back + intent.charged_back_minor;
      expect(sold || told || gone >= intent.received_minor, "somebody paid, and has neither tickets nor the money");
      expect(!x_cancelled.contains(registration->show_id) || told || gone >= intent.received_minor,
             "a cancelled show keeps money");
      if (!sold || gone > 0) ++x_undone;
      std::int64_t buyer = 0;
      std::int64_t disputed = 0;
      for (const auto& entry : store::list<LedgerEntry>(store, "by_transaction", transaction->id.value, 1'000).rows) {
        expect(entry.amount_minor > 0 && entry.debit != entry.credit, "a movement of nothing");
        if (entry.debit == LedgerAccount::buyer) buyer += entry.amount_minor;
        if (entry.credit == LedgerAccount::buyer) buyer -= entry.amount_minor;
        if (entry.debit == LedgerAccount::disputed) disputed += entry.amount_minor;
        if (entry.credit == LedgerAccount::disputed) disputed -= entry.amount_minor;
      }
      expect(buyer == gone - intent.received_minor, "the books are not what the provider says");
      expect(disputed == 0, "a dispute is settled and its money is nowhere");
    }
    each<Registration>(store, [&](const Registration& row) {
      expect(row.status != RegistrationStatus::held && row.status != RegistrationStatus::expiring,
             "places are held for nobody");
    });
    each<Ticket>(store, [&](const Ticket& row) {
      expect(row.status != TicketStatus::frozen, "a ticket is frozen for ever");
      expect(row.status != TicketStatus::valid || !x_cancelled.contains(row.show_id),
             "a ticket for a cancelled show is valid");
    });
    each<InboxEvent>(store, [&](const InboxEvent& row) {
      expect(row.status != InboxStatus::failed && row.status != InboxStatus::waiting, "an event was never applied");
    });
  }

  void print(const std::string& fault) {
    x_out << "seed=" << x_options.seed << " commands=" << x_commands << " shows=" << x_shows.size()
          << " registrations=" << x_registrations.size() << " sold=" << x_sold << " admitted=" << x_admitted
          << " commits=" << x_commits << " conflicts=" << x_conflicts << " unknown_outcomes=" << x_unknown
          << " crashes=" << x_crashes << " checks=" << x_checks << " purchases=" << x_purchases
          << " undone=" << x_undone << '\n';
    for (const auto& [outcome, n] : x_outcomes) x_out << "  " << outcome << ": " << n << '\n';
    std::ostringstream hex;
    for (const char c : x_digest) {
      constexpr std::string_view digits = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      hex << digits[byte >> 4] << digits[byte & 15];
    }
    x_out << "digest=" << hex.str() << '\n';
    if (fault.empty()) {
      x_out << "simulate=ok\n";
    } else {
      x_out << "simulate=broken seed=" << x_options.seed << " command=" << x_commands << ": " << fault << '\n';
    }
  }

  const SimulateOptions x_options;
  SimulatedSite& x_site;
  std::ostream& x_out;
  Dice x_dice;
  Instant x_now = from_unix_ms(1'800'000'000'000);
  bool x_storm = false;
  std::unique_ptr<engine::Lane> x_lane;
  Provider x_provider;

  UserId x_operator;
  UserId x_organiser;
  BusinessId x_business;
  std::vector<UserId> x_users;
  std::vector<ShowModel> x_shows;

  std::map<RegistrationId, RegistrationModel> x_registrations;
  std::unordered_set<RegistrationId> x_maybe;  // sent, never answered
  std::vector<std::pair<Reserve, std::string>> x_again;
  std::vector<RegistrationId> x_held;
  std::vector<RegistrationId> x_to_learn;
  std::unordered_map<std::string, std::string> x_replies;
  std::vector<Transaction> x_to_pay;
  std::unordered_map<std::string, std::string> x_event_details;
  std::map<InboxId, Provider::Event> x_events;
  std::vector<TransactionId> x_paid;
  std::vector<TransactionId> x_in_review;
  std::vector<RegistrationId> x_sold_registrations;
  std::vector<std::pair<Instant, DisputeNews>> x_closing;
  std::unordered_set<ShowId> x_cancelled;
  std::vector<JobId> x_dead;
  std::vector<std::tuple<Job, Uuid, std::string>> x_to_finish;
  Instant x_outage_until{};
  std::vector<std::pair<Job, Uuid>> x_leased;
  std::unordered_map<TicketId, TicketModel> x_tickets;
  std::vector<Scan> x_scans;
  std::unordered_map<CheckInId, DoorReason> x_check_ins;
  std::vector<CheckIn> x_entries;
  std::unordered_set<CheckInId> x_annulled;

  std::map<std::uint64_t, std::function<void()>> x_unanswered;
  std::uint64_t x_commands = 0;
  std::uint64_t x_sold = 0;
  std::uint64_t x_admitted = 0;
  std::uint64_t x_crashes = 0;
  std::uint64_t x_checks = 0;
  std::uint64_t x_purchases = 0;
  std::uint64_t x_undone = 0;  // of these, given back or late
  std::uint64_t x_disputes = 0;
  std::uint64_t x_elsewhere = 0;
  std::uint64_t x_commits = 0;
  std::uint64_t x_conflicts = 0;
  std::uint64_t x_unknown = 0;
  std::map<std::string, std::uint64_t> x_outcomes;
  std::string x_digest;
};

/// Everything that can go wrong with a store, and the process dying before a save, or after it and before its answer.
class CrashingFaults final : public store::memory::Faults {
 public:
  explicit CrashingFaults(std::uint64_t seed)
      : x_dice(seed),
        x_faults(seed + 1, {.unavailable_ppm = 10'000,
                            .conflict_ppm = 50'000,
                            .lost_ack_saved_ppm = 20'000,
                            .lost_ack_not_saved_ppm = 20'000}) {}

  store::memory::Fault next(store::memory::Call call) override {
    using store::memory::Fault;
    if (!allowed) return Fault::none;
    if (std::exchange(x_crash_next, false)) throw SimulatedCrash{};
    if (call == store::memory::Call::save) {
      if (x_dice.one_in(250)) throw SimulatedCrash{};
      if (x_dice.one_in(250)) {
        x_crash_next = true;
        return Fault::lost_ack_saved;
      }
    }
    return x_faults.next(call);
  }

  bool allowed = false;

 private:
  Dice x_dice;
  store::memory::SeededFaults x_faults;
  bool x_crash_next = false;
};

class MemorySite final : public SimulatedSite {
 public:
  explicit MemorySite(std::uint64_t seed) : x_faults(seed) { x_store.inject(&x_faults); }
  store::Store& store() override { return x_store; }
  void restart() override { x_store.crash(); }
  void allow_faults(bool allowed) override { x_faults.allowed = allowed; }

 private:
  CrashingFaults x_faults;
  store::memory::MemoryStore x_store;
};

class SqliteSite final : public SimulatedSite {
 public:
  explicit SqliteSite(std::filesystem::path folder) : x_folder(std::move(folder)) { restart(); }
  store::Store& store() override { return *x_store; }
  void restart() override {
    x_store.reset();
    store::sqlite::Options options;
    options.path = x_folder;
    x_store = std::make_unique<store::sqlite::SqliteStore>(std::move(options));
  }
  void allow_faults(bool) override {}

 private:
  std::filesystem::path x_folder;
  std::unique_ptr<store::sqlite::SqliteStore> x_store;
};

}  // namespace

std::unique_ptr<SimulatedSite> make_site(const SimulateOptions& options) {
  switch (options.store) {
    case SimulatedStore::memory:
      return std::make_unique<MemorySite>(options.seed);
    case SimulatedStore::sqlite:
      return std::make_unique<SqliteSite>(options.folder);
  }
  return nullptr;
}

bool simulate(const SimulateOptions& options, SimulatedSite& site, std::ostream& out) {
  return Simulation(options, site, out).run();
}

bool simulate(const SimulateOptions& options, std::ostream& out) {
  const auto site = make_site(options);
  return simulate(options, *site, out);
}

}  // namespace admit::app
