// Power cuts in the middle of selling: whatever a command was answered is there afterwards, nothing is half there, and
// all invariants hold.

#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <random>

#include "app/verify.hpp"
#include "domain/refunds.hpp"
#include "domain/testing/office.hpp"
#include "engine/lane.hpp"
#include "store/codec.hpp"
#include "store/sqlite/crash_disk.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace {

using namespace admit;
using namespace admit::domain;
using store::sqlite::CrashDisk;
using store::sqlite::SqliteStore;

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ADMIT_SLOWED
#endif
#endif
#ifdef ADMIT_SLOWED
constexpr std::uint64_t syncs_wanted = 120;
#else
constexpr std::uint64_t syncs_wanted = 1'000;
#endif
/// Of one office; then another opens on another disk, so that what is checked at each cut stays small.
constexpr std::uint64_t syncs_an_office = 60;

store::sqlite::Options on(const CrashDisk& disk) {
  return {.vfs = disk.name(),
          .log_limit_bytes = 60 * 4120,
          .copy_after_frames = 25,
          .copy_after = std::chrono::milliseconds(5)};
}

/// Tells two contents of a database apart, to the last column.
std::string digest(store::Store& store) {
  std::string all;
  for_each_table([&]<class Row>() {
    all += Row::table;
    for (Uuid after;;) {
      const auto page = store::scan<Row>(store, after, 500);
      if (page.empty()) break;
      for (const auto& row : page) {
        all += std::to_string(row.version);
        std::apply(
            [&](const auto&... column) {
              const auto append = [&](const auto& value) {
                if constexpr (std::is_same_v<std::decay_t<decltype(value)>, Bytes>) {
                  all += value.data;
                } else {
                  store::codec::write_json(all, value);
                }
                all += '\n';
              };
              (append(row.*column.member), ...);
            },
            Row::columns());
      }
      after = page.back().id.value;
    }
  });
  return all;
}

/// One ticket office on a disk, and people who use it.
class Sale {
 public:
  explicit Sale(CrashDisk& disk, std::uint64_t seed)
      : x_store(on(disk)), x_runner{x_store}, x_random(seed), x_office(x_runner) {
    for (int i = 0; i < 3; ++i) x_tiers.push_back(x_office.tier(1000 + 100 * i, 1'000).id);
    x_free = x_office.tier(0, 1'000).id;
  }

  SqliteStore& store() { return x_store; }

  /// Hands in some commands at once, to be saved by one commit.
  void submit() {
    x_office.now += std::chrono::milliseconds{700};
    for (auto left = 1 + x_random() % 6; left > 0; --left) submit_one();
  }
  /// Saves and answers them; false when there was nothing.
  bool step() { return x_runner.lane.step(); }
  /// Looks up what confirmed registrations brought.
  void learn() {
    for (const auto id : std::exchange(x_confirmed, {})) {
      const auto row = store::get<Registration>(x_store, id);
      REQUIRE(row.has_value());
      for (const auto ticket : x_office.tickets(*row, *row->confirmed_at)) x_tickets.push_back(ticket);
    }
  }

  /// How often each kind of command was answered with success.
  std::map<std::string, int> done;

 private:
  struct Runner {
    engine::Lane lane;
    explicit Runner(store::Store& store) : lane(store, {}) {}
    template <class Command>
    Result<typename Command::Outcome> call(Command command) {
      std::optional<Result<typename Command::Outcome>> out;
      (void)lane.submit(std::move(command), [&](auto answer) { out = std::move(answer.result); });
      while (lane.step()) {
      }
      return std::move(*out);
    }
  };

  template <class Command, class F>
  void send(const char* kind, Command command, F&& then) {
    (void)x_runner.lane.submit(std::move(command), [this, kind, then](auto answer) {
      if (!answer.result) return;
      ++done[kind];
      then(*answer.result);
    });
  }

  template <class T>
  T any(const std::vector<T>& all) {
    return all[x_random() % all.size()];
  }
  template <class T>
  T take(std::vector<T>& all) {
    const auto it = all.begin() + static_cast<std::ptrdiff_t>(x_random() % all.size());
    T out = *it;
    all.erase(it);
    return out;
  }

  void submit_one() {
    auto& o = x_office;
    switch (x_random() % 13) {
      case 0:
      case 1: {
        const UserId buyer = x_random() % 2 == 0 ? o.buyer : o.other_buyer;
        send("reserve", o.order(any(x_tiers), 1 + static_cast<std::int64_t>(x_random() % 3), buyer),
             [this](const Registration& held) { x_held.push_back(held); });
        break;
      }
      case 2:
        send("reserve for nothing", o.order(x_free, 1),
             [this](const Registration& registration) { x_confirmed.push_back(registration.id); });
        break;
      case 3:
        if (x_held.empty()) break;
        {
          const Registration held = any(x_held);
          send("begin payment",
               BeginPayment{.meta = o.meta(held.user_id), .registration_id = held.id, .payments_ready = true},
               [this](const Transaction& transaction) { x_begun.push_back(transaction); });
        }
        break;
      case 4:
      case 5:
        if (x_begun.empty()) break;
        send("pay", o.news(take(x_begun), IntentStatus::succeeded), [this](const ApplyEvent::Outcome& outcome) {
          if (!outcome.confirmed) return;
          std::erase_if(x_held, [&](const Registration& held) { return held.id == outcome.confirmed; });
          x_confirmed.push_back(outcome.confirmed);
          x_paid.push_back(outcome.confirmed);
        });
        break;
      case 6:
        if (x_tickets.empty()) break;
        send("scan", o.scan(any(x_tickets)), [this](const Admit::Outcome& outcome) {
          if (outcome.check_in.reason == DoorReason::admitted) x_admitted.push_back(outcome.check_in.id);
        });
        break;
      case 7:
        if (x_tickets.empty()) break;
        {
          auto scan = o.scan(any(x_tickets));
          scan.direction = Direction::exit;
          send("scan out", scan, [](const Admit::Outcome&) {});
        }
        break;
      case 8:
        if (x_admitted.empty()) break;
        send("annul", Annul{.meta = o.meta(), .device_id = o.gate, .check_in_id = take(x_admitted)},
             [](const Admit::Outcome&) {});
        break;
      case 9:
        if (x_held.empty()) break;
        {
          const Registration held = take(x_held);
          if (x_random() % 2 == 0) {
            send("cancel", CancelRegistration{.meta = o.meta(held.user_id), .registration_id = held.id},
                 [](const Registration&) {});
          } else {
            ExpireHeld expire{.meta = o.meta(), .registration_id = held.id};
            expire.meta.now = *held.due_at;
            send("expire", expire, [](const Registration&) {});
          }
        }
        break;
      case 10:
        if (x_begun.empty() || x_random() % 3 != 0) break;
        send("cancel payment", CancelPayment{.meta = o.meta(), .transaction_id = take(x_begun).id},
             [](const Transaction&) {});
        break;
      case 11:
        if (x_paid.empty()) break;
        send("request a refund",
             RequestRefund{.meta = o.meta(o.organiser), .registration_id = any(x_paid), .ticket_numbers = {1}},
             [this](const Refund& refund) { x_refunds.push_back(refund); });
        break;
      case 12:
        if (x_refunds.empty()) break;
        {
          const Refund refund = take(x_refunds);
          const bool fails = x_random() % 4 == 0;
          send("record a refund",
               RecordRefund{.meta = o.meta(),
                            .refund_id = refund.id,
                            .provider_id = "re_" + refund.id.text(),
                            .status = fails ? RefundStatus::failed : RefundStatus::succeeded},
               [](const Refund&) {});
        }
        break;
    }
  }

  SqliteStore x_store;
  Runner x_runner;
  std::mt19937_64 x_random;
  domain::testing::Office<Runner> x_office;
  std::vector<TierId> x_tiers;
  TierId x_free;
  std::vector<Registration> x_held;
  std::vector<Transaction> x_begun;
  std::vector<RegistrationId> x_confirmed;
  std::vector<TicketId> x_tickets;
  std::vector<CheckInId> x_admitted;
  std::vector<RegistrationId> x_paid;
  std::vector<Refund> x_refunds;
};

/// What a power cut left, to be compared with what the office held before and after the commits that it met.
struct Cut {
  std::size_t from = 0;   // commits answered before it
  std::size_t until = 0;  // commits begun
  std::string content;    // digest
};

}  // namespace

TEST_CASE("power cut: at any of a thousand syncs of a sale all that was answered is there, and every invariant holds") {
  std::mt19937_64 random(20'260'102);
  std::atomic<std::uint64_t> syncs = 0;
  std::map<std::string, int> done;
  std::mutex mutex;
  std::vector<std::string> faults;
  std::size_t commits = 0;
  std::size_t cut_away = 0;  // cuts that took a commit under way with them
  int office_number = 0;
  while (syncs < syncs_wanted && faults.empty()) {
    CrashDisk disk("sale-" + std::to_string(++office_number));
    std::vector<std::string> contents;  // after so many commits
    std::vector<Cut> cuts;
    std::atomic<std::size_t> answered = 0;
    std::atomic<std::size_t> begun = 0;
    std::atomic<bool> open = false;

    const auto look = [&](CrashDisk::Image image, std::size_t from, const char* kind) {
      Cut cut{.from = from, .until = begun};
      std::string fault;
      try {
        static std::atomic<int> number = 0;
        CrashDisk after("after-the-sale-" + std::to_string(++number), std::move(image));
        SqliteStore reopened(on(after));
        fault = reopened.integrity_error();
        cut.content = digest(reopened);
        for (const auto& check : app::verify(reopened).checks) {
          if (check.fault_count > 0) fault += check.name + ": " + check.faults.front() + "; ";
        }
      } catch (const std::exception& error) {
        fault = error.what();
      }
      const std::lock_guard lock(mutex);
      if (!fault.empty()) faults.push_back(std::string(kind) + ": " + fault);
      cuts.push_back(std::move(cut));
    };
    const auto syncs_before = syncs.load();
    disk.on_sync = [&] {
      if (!open) return;
      ++syncs;
      const std::size_t from = answered;
      look(disk.synced_only(), from, "only what was synced");
      std::mt19937_64 mine;
      {
        const std::lock_guard lock(mutex);
        mine.seed(random());
      }
      look(disk.torn(mine), from, "torn");
    };
    auto sale = std::make_unique<Sale>(disk, random());
    contents.push_back(digest(sale->store()));
    open = true;
    while (syncs < syncs_before + syncs_an_office) {
      sale->submit();
      for (;;) {
        begun = answered + 1;
        if (!sale->step()) break;
        // Only this thread writes: what is read now is what the commit left.
        contents.push_back(digest(sale->store()));
        answered = begun.load();
      }
      sale->learn();
    }
    for (const auto& [kind, times] : sale->done) done[kind] += times;
    sale.reset();  // closing the database is cut as well
    commits += answered;
    for (const auto& cut : cuts) {
      bool known = false;
      for (auto n = cut.from; n <= std::min<std::size_t>(cut.until, answered); ++n) known |= contents[n] == cut.content;
      if (!known) faults.push_back("something answered is lost or changed, or something is half there");
      if (cut.until > cut.from && cut.content == contents[cut.from]) ++cut_away;
    }
  }
  for (const auto& fault : faults) FAIL_CHECK(fault);
  for (const auto* kind : {"reserve", "reserve for nothing", "begin payment", "pay", "scan", "scan out", "annul",
                           "cancel", "expire", "cancel payment", "request a refund", "record a refund"}) {
    CAPTURE(std::string(kind));
    CHECK(done[kind] > 0);
  }
  CHECK(cut_away > 0);
  MESSAGE(syncs.load() << " syncs in " << office_number << " offices, " << commits << " commits, " << cut_away
                       << " cuts that lost only what was under way");
}
