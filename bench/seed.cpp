#include "seed.hpp"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <random>
#include <span>
#include <tuple>
#include <utility>

#include "domain/accounts.hpp"
#include "domain/command.hpp"
#include "domain/money.hpp"
#include "domain/registrations.hpp"
#include "domain/users.hpp"
#include "identity/opaque_token.hpp"
#include "identity/password.hpp"
#include "store/sqlite/database.hpp"
#include "store/sqlite/row_sql.hpp"
#include "store/sqlite/sqlite_store.hpp"
#include "token/master_key.hpp"
#include "token/show_key.hpp"
#include "token/token.hpp"

namespace admit::bench {
namespace {

using namespace domain;
namespace sqlite = store::sqlite;

constexpr std::string_view code_url = "https://tickets.example.com";
constexpr std::int64_t tickets_per_registration = 20;
constexpr std::int64_t most_live_holds = 1'000'000;
constexpr std::int64_t sale_places = 10'000'000;
constexpr std::size_t cache_kib = 1 << 20;

/// Puts rows straight into the tables, without a log and with the indexes made at the end: nothing else has the file
/// open, and a crash only means to begin again.
class Bulk {
 public:
  explicit Bulk(const std::string& file) : x_db(file, SQLITE_OPEN_READWRITE, "", cache_kib) {
    x_db.execute("pragma journal_mode=off; pragma synchronous=off; pragma locking_mode=exclusive");
    auto indexes = x_db.prepare("select name, sql from sqlite_schema where type = 'index' and sql is not null");
    {
      sqlite::Run run(indexes);
      while (run.step()) x_indexes.emplace_back(run.text(0), run.text(1));
    }
    for (const auto& [name, sql] : x_indexes) x_db.execute(("drop index " + name).c_str());
    x_db.execute("begin exclusive");
  }

  template <class Row>
  void add(const Row& row) {
    auto& statement = x_inserts[table_of<Row>];
    if (!statement) statement = x_db.prepare(sqlite::RowSql<Row>::insert());
    sqlite::Run run(statement);
    sqlite::bind_row(run, row, 1, x_scratch);
    run.step();
    ++x_rows;
  }

  void finish() {
    for (const auto& [name, sql] : x_indexes) x_db.execute(sql.c_str());
    x_db.execute("commit; pragma journal_mode=wal");
  }
  [[nodiscard]] std::size_t rows() const { return x_rows; }

 private:
  sqlite::Database x_db;
  std::array<sqlite::Statement, table_count> x_inserts;
  std::vector<std::pair<std::string, std::string>> x_indexes;
  sqlite::Scratch x_scratch;
  std::size_t x_rows = 0;
};

void sync_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0 || ::fsync(file) != 0) throw std::runtime_error("the seeded database could not be synced");
  ::close(file);
}

/// A reproducible source of ids; nothing here is secret.
class Ids {
 public:
  template <class AnyId>
  AnyId next(Instant at) {
    ++x_count;
    return AnyId{fresh_uuid(at, Seed{0xad317, 0xbe6c4}, x_count)};
  }

 private:
  std::uint32_t x_count = 0;
};

struct ShowSetup {
  Show show;
  Tier tier;
  Quota quota;
  ShowKey key;
};

class Seeder {
 public:
  Seeder(const SeedPlan& plan, Seeded& out)
      : x_plan(plan),
        x_out(out),
        x_now(std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now())),
        x_bulk(plan.folder + "/admit.db") {}

  void run(const token::EpochRecord& epoch) {
    x_bulk.add(SealingEpoch{.id = sealing_epoch_id(epoch.epoch),
                            .number = epoch.epoch,
                            .check = {std::string(epoch.check.begin(), epoch.check.end())},
                            .created_at = ago(std::chrono::days{90})});
    add_people();
    const auto past = static_cast<std::int64_t>(x_plan.past_tickets);
    const auto door = static_cast<std::int64_t>(x_plan.door_tickets);
    ShowSetup yesterday = make_show("A show of last month", ago(std::chrono::days{30}), past, past);
    ShowSetup tonight = make_show("Tonight", x_now, door, door);
    ShowSetup sale = make_show("The big one", x_now + std::chrono::days{60}, sale_places, 0);
    x_out.door_show = tonight.show.id;
    x_out.door_tier = tonight.tier.id;
    x_out.sale_show = sale.show.id;
    x_out.sale_tier = sale.tier.id;
    x_out.sale_quota = sale.quota.id;

    const auto [old_device, old_token] = make_device(yesterday.show, "Old gate");
    const auto [device, token] = make_device(tonight.show, "Main door");
    x_out.gate_token = token;
    sell(yesterday, x_plan.past_tickets, ago(std::chrono::days{80}), &old_device);
    sell(tonight, x_plan.door_tickets, ago(std::chrono::days{20}), nullptr);
    expire_holds(sale, ago(std::chrono::days{10}));
    x_bulk.finish();
    x_out.rows = x_bulk.rows();
  }

  /// Tokens for the door's tickets, as the server would issue them.
  void make_codes() {
    const auto key = token::unwrap_show_key(*x_out.ring, x_out.door_show, 0, crypto::bytes_of(x_door_key.data));
    const auto& epoch = *x_out.ring->epoch(x_out.ring->current_epoch());
    // People do not come in the order in which they bought.
    std::ranges::shuffle(x_claims, std::mt19937_64(7));
    x_out.codes.reserve(x_claims.size());
    for (const auto& claims : x_claims)
      x_out.codes.push_back(token::qr_text(code_url, token::issue(claims, key, epoch)));
  }

 private:
  [[nodiscard]] Instant ago(std::chrono::milliseconds time) const { return x_now - time; }

  void audit(Instant at, const std::string& actor, std::string_view action, Uuid subject, ShowId show = {}) {
    x_bulk.add(AuditEntry{.id = x_ids.next<AuditId>(at),
                          .at = at,
                          .actor = actor,
                          .action = std::string(action),
                          .subject = subject,
                          .show_id = show,
                          .address = "203.0.113.7"});
  }

  void add_people() {
    const auto hash = identity::hash_password("a password that they share");
    const auto at = ago(std::chrono::days{89});
    const auto person = [&](std::string email, std::string name) {
      const User user{.id = x_ids.next<UserId>(at),
                      .email = email,
                      .name = std::move(name),
                      .locale = "en-GB",
                      .password_hash = hash,
                      .created_at = at};
      x_bulk.add(user);
      x_bulk.add(Claim{.id = email_claim(email), .kind = "email", .target = user.id.value});
      audit(at, "user:" + user.id.text(), "user.created", user.id.value);
      return user.id;
    };
    const UserId owner = person("owner@example.com", "Olive Owner");
    for (std::size_t i = 0; i < x_plan.users; ++i) {
      x_out.users.push_back(person("buyer" + std::to_string(i) + "@example.com", "Buyer " + std::to_string(i)));
    }
    x_business = {.id = x_ids.next<BusinessId>(at),
                  .owner_id = owner,
                  .name = "Philharmonie am Fluss",
                  .stripe_account = x_plan.stripe_account,
                  .charges_enabled = true,
                  .transfers_active = true,
                  .created_at = at};
    x_bulk.add(x_business);
    x_bulk.add(Claim{.id = account_claim(x_plan.stripe_account), .kind = "account", .target = x_business.id.value});
    audit(at, "user:" + owner.text(), "business.created", x_business.id.value);
  }

  /// A published show that begins an hour after `doors`, with one tier on one quota.
  ShowSetup make_show(std::string title, Instant doors, std::int64_t places, std::int64_t taken) {
    const auto at = ago(std::chrono::days{85});
    ShowSetup out;
    out.show = {.id = x_ids.next<ShowId>(at),
                .business_id = x_business.id,
                .title = std::move(title),
                .venue = "Großer Saal, Altes Kraftwerk",
                .address = "Uferstraße 12, 10115 Berlin",
                .language = "de",
                .zone = "Europe/Berlin",
                .starts_local = "2026-11-21T19:30",
                .doors_local = "2026-11-21T18:30",
                .starts_at = doors + std::chrono::hours{1},
                .doors_at = doors,
                .windows = {{doors - std::chrono::hours{1}, doors + std::chrono::hours{6}}},
                .currency = "EUR",
                .accent = "#7a1f3d",
                .conditions = "Valid for one person. No refund.",
                .status = ShowStatus::published,
                .max_live_holds_per_user = most_live_holds,
                .max_live_holds_per_address = most_live_holds,
                .tier_count = 1,
                .created_at = at};
    out.quota = {
        .id = x_ids.next<QuotaId>(at), .show_id = out.show.id, .name = "House", .size = places, .taken = taken};
    out.tier = {.id = x_ids.next<TierId>(at),
                .show_id = out.show.id,
                .name = "Balcony",
                .price_minor = 4250,
                .tax_rate_bp = 700,
                .fee_minor = 150,
                .max_per_registration = tickets_per_registration,
                .quota_ids = {out.quota.id}};
    const auto key = token::make_show_key(*x_out.ring, out.show.id, 0);
    out.key = {.id = show_key_id(out.show.id, 0),
               .show_id = out.show.id,
               .public_key = {std::string(key.public_key.begin(), key.public_key.end())},
               .wrapped_private_key = {std::string(key.wrapped_private.begin(), key.wrapped_private.end())},
               .created_at = at};
    x_bulk.add(out.show);
    x_bulk.add(out.quota);
    x_bulk.add(out.tier);
    x_bulk.add(out.key);
    const auto actor = "user:" + x_business.owner_id.text();
    audit(at, actor, "show.created", out.show.id.value, out.show.id);
    audit(at, actor, "tier.created", out.tier.id.value, out.show.id);
    audit(at, actor, "show.published", out.show.id.value, out.show.id);
    return out;
  }

  std::pair<Device, std::string> make_device(const Show& show, std::string gate) {
    const auto at = ago(std::chrono::days{81});
    Device device{.id = x_ids.next<DeviceId>(at),
                  .show_id = show.id,
                  .business_id = show.business_id,
                  .gate = std::move(gate),
                  .created_by = x_business.owner_id,
                  .created_at = at};
    const auto token = identity::make_opaque_token("gate_", device.id.value);
    device.token_hash = {std::string(token.hash.begin(), token.hash.end())};
    x_bulk.add(device);
    audit(at, "user:" + x_business.owner_id.text(), "device.created", device.id.value, show.id);
    return {device, token.text};
  }

  Registration make_registration(const ShowSetup& on, std::size_t number, std::int64_t quantity, Instant at) {
    const UserId user = x_out.users[number % x_out.users.size()];
    const auto amounts = *price_line(on.tier.price_minor, on.tier.fee_minor, on.tier.tax_rate_bp, quantity);
    Line line{.tier_id = on.tier.id,
              .quantity = quantity,
              .price_minor = on.tier.price_minor,
              .tax_rate_bp = on.tier.tax_rate_bp,
              .net_minor = amounts.net_minor,
              .tax_minor = amounts.tax_minor,
              .fee_minor = amounts.fee_minor,
              .gross_minor = amounts.gross_minor};
    for (std::int64_t k = 0; k < quantity; ++k)
      line.holders.push_back("Guest " + std::to_string(number) + "-" + std::to_string(k + 1));
    return {.id = x_ids.next<RegistrationId>(at),
            .show_id = on.show.id,
            .business_id = on.show.business_id,
            .user_id = user,
            .lines = {std::move(line)},
            .ticket_count = quantity,
            .amount_minor = amounts.gross_minor,
            .currency = on.show.currency,
            .created_at = at,
            .expires_at = at + std::chrono::seconds{on.show.hold_shown_s},
            .user_counter = derived_id<CounterId>("holds_of_user", on.show.id.value.raw() + user.value.raw()),
            .address_counter = derived_id<CounterId>("holds_of_address", on.show.id.value.raw() + "203.0.113.7"),
            .test = true};
  }

  /// Registrations held, paid and confirmed; with `gate`, all their tickets were let in.
  void sell(const ShowSetup& on, std::size_t tickets, Instant from, const Device* gate) {
    const Instant last = on.show.windows.front().until;
    for (std::size_t sold = 0, number = 0; sold < tickets; ++number) {
      const auto quantity = std::min<std::int64_t>(tickets_per_registration, static_cast<std::int64_t>(tickets - sold));
      const Instant at = from + std::chrono::milliseconds{static_cast<std::int64_t>(number) * 20};
      Registration registration = make_registration(on, number, quantity, at);
      const std::string actor = "user:" + registration.user_id.text();
      const Transaction transaction{.id = x_ids.next<TransactionId>(at),
                                    .registration_id = registration.id,
                                    .show_id = on.show.id,
                                    .payee_id = on.show.business_id,
                                    .payer_id = registration.user_id,
                                    .status = TransactionStatus::succeeded,
                                    .amount_minor = registration.amount_minor,
                                    .received_minor = registration.amount_minor,
                                    .currency = registration.currency,
                                    .stripe_account = x_plan.stripe_account,
                                    .intent_id = "pi_" + registration.id.text(),
                                    .created_at = at,
                                    .processed_at = at};
      registration.status = RegistrationStatus::confirmed;
      registration.confirmed_at = at;
      registration.transaction_id = transaction.id;
      registration.attempts = 1;
      x_bulk.add(registration);
      x_bulk.add(transaction);
      x_bulk.add(Claim{.id = intent_claim(transaction.intent_id), .kind = "intent", .target = transaction.id.value});
      x_bulk.add(Job{.id = x_ids.next<JobId>(at),
                     .subject = registration.id.value,
                     .status = JobStatus::done,
                     .attempts = 1,
                     .created_at = at});
      audit(at, actor, "registration.held", registration.id.value, on.show.id);
      audit(at, actor, "payment.begun", transaction.id.value, on.show.id);
      audit(at, "stripe", "registration.confirmed", registration.id.value, on.show.id);
      for (std::int64_t k = 1; k <= quantity; ++k, ++sold) {
        Ticket ticket{.id = ticket_id(registration.id, at, k),
                      .registration_id = registration.id,
                      .number = k,
                      .show_id = on.show.id,
                      .business_id = on.show.business_id,
                      .user_id = registration.user_id,
                      .tier_id = on.tier.id,
                      .transaction_id = transaction.id,
                      .holder = registration.lines.front().holders[static_cast<std::size_t>(k - 1)],
                      .epoch = 1,
                      .expires_at = token::expiry_for(last),
                      .issued_at = at,
                      .test = true};
        if (gate != nullptr) {
          admit(ticket, *gate, on.show.doors_at + std::chrono::milliseconds{static_cast<std::int64_t>(sold)});
        } else {
          keep_claims(ticket, transaction);
        }
        x_bulk.add(ticket);
      }
    }
    if (gate == nullptr) x_door_key = on.key.wrapped_private_key;
  }

  void admit(Ticket& ticket, const Device& gate, Instant at) {
    ticket.status = TicketStatus::used;
    ticket.entries = 1;
    ticket.inside = true;
    ticket.used_at = at;
    ticket.gate = gate.gate;
    const auto scan = derived_uuid("scan", gate.id.value.raw() + ticket.id.value.raw());
    x_bulk.add(CheckIn{.id = CheckInId{scan},
                       .show_id = ticket.show_id,
                       .ticket_id = ticket.id,
                       .device_id = gate.id,
                       .gate = gate.gate,
                       .reason = DoorReason::admitted,
                       .code_hash = scan,
                       .at = at});
    audit(at, "device:" + gate.id.text(), "ticket.admitted", ticket.id.value, ticket.show_id);
  }

  void expire_holds(const ShowSetup& on, Instant from) {
    for (std::size_t number = 0; number < x_plan.past_holds; ++number) {
      const Instant at = from + std::chrono::milliseconds{static_cast<std::int64_t>(number)};
      Registration registration = make_registration(on, number, 2, at);
      registration.status = RegistrationStatus::expired;
      x_bulk.add(registration);
      audit(at, "user:" + registration.user_id.text(), "registration.held", registration.id.value, on.show.id);
      audit(registration.expires_at, "system", "registration.expired", registration.id.value, on.show.id);
    }
  }

  void keep_claims(const Ticket& ticket, const Transaction& transaction) {
    token::Claims claims;
    claims.epoch = 1;
    claims.expires_at = ticket.expires_at;
    claims.ticket_id = ticket.id;
    claims.show_id = ticket.show_id;
    claims.ticket_business = claims.show_business = ticket.business_id;
    claims.customer = ticket.user_id;
    claims.transaction = transaction.id;
    claims.payer = transaction.payer_id;
    claims.payee = transaction.payee_id;
    x_claims.push_back(claims);
  }

  const SeedPlan& x_plan;
  Seeded& x_out;
  Instant x_now;
  Bulk x_bulk;
  Ids x_ids;
  Business x_business;
  std::vector<token::Claims> x_claims;
  Bytes x_door_key;
};

double thread_cpu_s() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::int64_t count(sqlite::Database& db, const char* sql, ShowId show) {
  auto statement = db.prepare(sql);
  sqlite::Run run(statement);
  run.bind_id(1, show.value);
  run.step();
  return run.number(0);
}

}  // namespace

Seeded seed(const SeedPlan& plan) {
  std::filesystem::create_directories(plan.folder);
  const auto begun = std::chrono::steady_clock::now();
  Seeded out;
  {
    const sqlite::SqliteStore schema({.path = plan.folder});
  }
  auto master = token::load_or_create_master_key(plan.folder + "/master.key", false);
  out.ring = std::make_shared<token::KeyRing>(std::move(master.key), std::span<const token::EpochRecord>{});
  const auto epoch = out.ring->next_epoch();
  out.ring->adopt(epoch);

  auto seeder = std::make_unique<Seeder>(plan, out);
  seeder->run(epoch);
  sync_file(plan.folder + "/admit.db");
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  const double cpu_before = thread_cpu_s();
  seeder->make_codes();
  out.codes_cpu_s = thread_cpu_s() - cpu_before;
  return out;
}

StoredCounts count_stored(const std::string& folder, ShowId show) {
  sqlite::Database db(folder + "/admit.db", SQLITE_OPEN_READONLY, "", 64 * 1024);
  const auto whole = [&](const char* sql) {
    return static_cast<std::size_t>(count(db, sql, show));
  };
  return {.admitted = whole("select count(*) from check_in where show_id = ?1 and reason = 'admitted'"),
          .tickets_used = whole("select count(*) from ticket where show_id = ?1 and status = 'used' and entries = 1"),
          .held = whole("select count(*) from registration where show_id = ?1 and status = 'held'"),
          .confirmed = whole("select count(*) from registration where show_id = ?1 and status = 'confirmed'"),
          .taken = count(db, "select coalesce(sum(taken), 0) from quota where show_id = ?1", show)};
}

}  // namespace admit::bench
