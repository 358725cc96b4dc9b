#include "store/sqlite/migrations.hpp"

#include <array>

namespace admit::store::sqlite {

namespace {

// Tables keep SQLite's rowid: an id finds its row through a small index, so that a change of a wide row rewrites one
// page and inserts go to the end of the table, whatever the id. Audit entries are small, never changed and made in the
// order of their ids: they are their own index.
constexpr const char* step_1 = R"sql(
create table user_account (
  id blob not null primary key, email text not null, name text not null, locale text not null,
  password_hash text not null, is_operator integer not null, created_at integer not null,
  version integer not null
) strict;

create table session (
  id blob not null primary key, user_id blob not null, refresh_hash blob not null,
  created_at integer not null, expires_at integer not null, ended_at integer,
  version integer not null
) strict;
create index session_by_user on session (user_id, created_at, id);

create table claim (
  id blob not null primary key, kind text not null, target blob not null,
  version integer not null
) strict;

create table business (
  id blob not null primary key, owner_id blob not null, name text not null,
  stripe_account text not null, charges_enabled integer not null, created_at integer not null,
  version integer not null
) strict;
create index business_by_owner on business (owner_id, created_at, id);

create table show (
  id blob not null primary key, business_id blob not null, title text not null, venue text not null,
  address text not null, language text not null, zone text not null, starts_local text not null,
  doors_local text not null, starts_at integer not null, doors_at integer not null,
  windows text not null, currency text not null, accent text not null, conditions text not null,
  status text not null, sale_from integer, sale_until integer, hold_shown_s integer not null,
  hold_grace_s integer not null, max_tickets_per_registration integer not null,
  max_live_holds_per_user integer not null, max_live_holds_per_address integer not null,
  tier_count integer not null, key_number integer not null, created_at integer not null,
  version integer not null
) strict;
create index show_by_business on show (business_id, starts_at, id);

create table show_key (
  id blob not null primary key, show_id blob not null, number integer not null,
  public_key blob not null, wrapped_private_key blob not null, created_at integer not null,
  version integer not null
) strict;
create index show_key_by_show on show_key (show_id, number, id);

create table tier (
  id blob not null primary key, show_id blob not null, number integer not null, name text not null,
  price_minor integer not null, tax_rate_bp integer not null, fee_minor integer not null,
  min_per_registration integer not null, max_per_registration integer not null,
  quota_ids text not null, rule text not null,
  version integer not null
) strict;
create index tier_by_show on tier (show_id, number, id);

create table quota (
  id blob not null primary key, show_id blob not null, name text not null, size integer not null,
  taken integer not null,
  version integer not null
) strict;
create index quota_by_show on quota (show_id, name, id);

create table hold_counter (
  id blob not null primary key, show_id blob not null, size integer not null, taken integer not null,
  version integer not null
) strict;
create index hold_counter_idle on hold_counter (id) where taken = 0;

create table registration (
  id blob not null primary key, show_id blob not null, business_id blob not null,
  user_id blob not null, status text not null, lines text not null, ticket_count integer not null,
  amount_minor integer not null, currency text not null, created_at integer not null,
  expires_at integer not null, confirmed_at integer, due_at integer, user_counter blob not null,
  address_counter blob not null, transaction_id blob not null, attempts integer not null,
  test integer not null, flag text not null,
  version integer not null
) strict;
create index registration_by_user on registration (user_id, created_at, id);
create index registration_by_show on registration (show_id, created_at, id);
create index registration_due on registration (due_at, id) where due_at is not null;

create table payment_transaction (
  id blob not null primary key, registration_id blob not null, show_id blob not null,
  payee_id blob not null, payer_id blob not null, provider text not null, status text not null,
  attempt integer not null, amount_minor integer not null, received_minor integer not null,
  currency text not null, stripe_account text not null, intent_id text not null,
  last_error text not null, flag text not null, created_at integer not null, processed_at integer,
  version integer not null
) strict;
create index payment_transaction_by_registration on payment_transaction (registration_id, attempt, id);
create unique index payment_transaction_one_per_attempt on payment_transaction (registration_id, attempt);

create table ticket (
  id blob not null primary key, registration_id blob not null, number integer not null,
  show_id blob not null, business_id blob not null, user_id blob not null, tier_id blob not null,
  transaction_id blob not null, holder text not null, tier_number integer not null,
  status text not null, key_number integer not null, epoch integer not null,
  sequence integer not null, expires_at integer not null, issued_at integer not null,
  entries integer not null, inside integer not null, used_at integer, gate text not null,
  test integer not null,
  version integer not null
) strict;
create index ticket_by_user on ticket (user_id, issued_at, id);
create index ticket_by_show on ticket (show_id, issued_at, id);
create unique index ticket_one_per_number on ticket (registration_id, number);

create table check_in (
  id blob not null primary key, show_id blob not null, ticket_id blob not null,
  device_id blob not null, gate text not null, direction text not null, reason text not null,
  code_hash blob not null, at integer not null, annulled_at integer,
  version integer not null
) strict;
create index check_in_by_show on check_in (show_id, at, id);

create table device (
  id blob not null primary key, show_id blob not null, business_id blob not null, gate text not null,
  token_hash blob not null, created_by blob not null, created_at integer not null,
  revoked_at integer,
  version integer not null
) strict;
create index device_by_show on device (show_id, created_at, id);

create table job (
  id blob not null primary key, kind text not null, subject blob not null, status text not null,
  due_at integer, attempts integer not null, lease blob not null, last_error text not null,
  created_at integer not null,
  version integer not null
) strict;
create index job_due on job (due_at, id) where due_at is not null;

create table inbox_event (
  id blob not null primary key, event_id text not null, type text not null, object_id text not null,
  account text not null, livemode integer not null, payload text not null, status text not null,
  detail text not null, received_at integer not null,
  version integer not null
) strict;

create table idempotent_reply (
  id blob not null primary key, body_hash blob not null, status integer not null, body text not null,
  due_at integer,
  version integer not null
) strict;
create index idempotent_reply_due on idempotent_reply (due_at, id) where due_at is not null;

create table audit_entry (
  id blob not null primary key, at integer not null, actor text not null, action text not null,
  subject blob not null, show_id blob not null, address text not null,
  version integer not null
) strict, without rowid;

create table lane_mark (
  id blob not null primary key, batch blob not null,
  version integer not null
) strict;

create table sealing_epoch (
  id blob not null primary key, number integer not null, check_value blob not null,
  created_at integer not null,
  version integer not null
) strict;
)sql";

/// What was paid before the ledger was kept has no entries: `booked` tells.
constexpr const char* step_2 = R"sql(
alter table business add column transfers_active integer not null default 0;
alter table business add column details_submitted integer not null default 0;
alter table business add column deauthorized integer not null default 0;
alter table business add column requirement text not null default '';
alter table business add column fee_fixed_minor integer not null default 0;
alter table business add column fee_percent_bp integer not null default 0;
alter table business add column charge_model text not null default 'destination';
alter table business add column on_behalf_of integer not null default 0;
update business set transfers_active = charges_enabled, details_submitted = charges_enabled;

alter table show add column max_free_tickets_per_user integer not null default 20;
alter table show add column manual_capture integer not null default 0;
alter table show add column customer_refund_until_s integer not null default 0;
alter table show add column refund_keeps_fee integer not null default 0;

alter table payment_transaction add column received_currency text not null default '';
alter table payment_transaction add column application_fee_minor integer not null default 0;
alter table payment_transaction add column tax_minor integer not null default 0;
alter table payment_transaction add column charge_model text not null default 'destination';
alter table payment_transaction add column on_behalf_of integer not null default 0;
alter table payment_transaction add column manual_capture integer not null default 0;
alter table payment_transaction add column livemode integer not null default 0;
alter table payment_transaction add column charge_id text not null default '';
alter table payment_transaction add column booked integer not null default 0;
alter table payment_transaction add column refund_count integer not null default 0;
alter table payment_transaction add column refund_minor integer not null default 0;
alter table payment_transaction add column refunded_minor integer not null default 0;
alter table payment_transaction add column fee_back_minor integer not null default 0;
alter table payment_transaction add column tax_back_minor integer not null default 0;
alter table payment_transaction add column open_disputes integer not null default 0;
alter table payment_transaction add column review_until integer;
update payment_transaction set received_currency = currency where received_minor > 0;

create table refund (
  id blob not null primary key, transaction_id blob not null, registration_id blob not null,
  show_id blob not null, business_id blob not null, number integer not null,
  amount_minor integer not null, currency text not null, reason text not null, status text not null,
  provider_id text not null, ticket_numbers text not null, reverse_transfer integer not null,
  fee_back_minor integer not null, tax_back_minor integer not null, places_freed integer not null,
  last_error text not null, created_by text not null, created_at integer not null,
  processed_at integer,
  version integer not null
) strict;
create index refund_by_registration on refund (registration_id, created_at, id);
create index refund_by_show on refund (show_id, created_at, id);
create index refund_by_business on refund (business_id, created_at, id);

create table dispute (
  id blob not null primary key, provider_id text not null, transaction_id blob not null,
  registration_id blob not null, show_id blob not null, business_id blob not null,
  amount_minor integer not null, currency text not null, reason text not null, status text not null,
  is_inquiry integer not null, outcome text not null, fee_minor integer not null,
  reversed_minor integer not null, evidence_sent integer not null, evidence_due_at integer,
  opened_at integer not null, closed_at integer,
  version integer not null
) strict;
create index dispute_by_registration on dispute (registration_id, opened_at, id);
create index dispute_by_business on dispute (business_id, opened_at, id);

create table ledger_entry (
  id blob not null primary key, at integer not null, kind text not null, debit text not null,
  credit text not null, amount_minor integer not null, currency text not null,
  business_id blob not null, transaction_id blob not null, source blob not null,
  version integer not null
) strict;
create index ledger_entry_by_transaction on ledger_entry (transaction_id, at, id);
create index ledger_entry_by_business on ledger_entry (business_id, at, id);

create table cancellation (
  id blob not null primary key, show_id blob not null, total integer not null, done integer not null,
  after_order text not null, after_id blob not null, started_by text not null,
  started_at integer not null, finished_at integer,
  version integer not null
) strict;

create table alert (
  id blob not null primary key, kind text not null, subject blob not null, business_id blob not null,
  show_id blob not null, detail text not null, desk blob not null, at integer not null,
  resolved_at integer,
  version integer not null
) strict;
create index alert_by_desk on alert (desk, at, id);
create index alert_by_business on alert (business_id, at, id);

create table link_state (
  id blob not null primary key, purpose text not null, business_id blob not null, user_id blob not null,
  used integer not null, due_at integer,
  version integer not null
) strict;
create index link_state_due on link_state (due_at, id) where due_at is not null;

alter table job add column detail text not null default '';

alter table inbox_event add column due_at integer;
update inbox_event set due_at = received_at + 7776000000;
create index inbox_event_due on inbox_event (due_at, id) where due_at is not null;
)sql";

// The catalogue's key is the sixteen letters of domain::catalogue_key().
constexpr const char* step_3 = R"sql(
alter table user_account add column guest integer not null default 0;
alter table show add column catalogue blob not null default x'00000000000000000000000000000000';
update show set catalogue = cast('shows of ' || strftime('%Y-%m', starts_at / 1000, 'unixepoch') as blob)
  where status = 'published';
create index show_by_catalogue on show (catalogue, starts_at, id);
)sql";

// The list's key is the sixteen letters of domain::inbox_desk().
constexpr const char* step_4 = R"sql(
alter table inbox_event add column desk blob not null default x'00000000000000000000000000000000';
update inbox_event set desk = cast(substr('events ' || status || '         ', 1, 16) as blob)
  where status in ('flagged', 'failed', 'waiting');
create index inbox_event_by_desk on inbox_event (desk, received_at, id);
)sql";

constexpr const char* step_5 = R"sql(
alter table user_account add column email_verified integer not null default 0;
alter table user_account add column totp_secret blob not null default x'';
alter table user_account add column totp_confirmed integer not null default 0;
alter table user_account add column totp_step integer not null default 0;
alter table user_account add column recovery_hashes text not null default '[]';
alter table user_account add column guest_key blob not null default x'00000000000000000000000000000000';
alter table user_account add column signed_out_at integer;
alter table user_account add column kept_session blob not null default x'00000000000000000000000000000000';
alter table user_account add column erased_at integer;
alter table user_account add column generation integer not null default 0;
alter table user_account add column tokens_since integer;
alter table user_account add column voided_at integer;
alter table user_account add column locked_at integer;
alter table link_state add column session_id blob not null default x'00000000000000000000000000000000';
alter table link_state add column generation integer not null default 0;
create index user_account_by_guest_key on user_account (guest_key, created_at, id);
alter table session add column previous_hash blob not null default x'';
alter table session add column rotated_at integer;
alter table session add column method text not null default 'password';
alter table session add column agent text not null default '';
alter table session add column address text not null default '';
alter table session add column rotations text not null default '[]';
alter table session add column proven_at integer;
alter table business add column closed_at integer;
alter table business add column linked_at integer;
update business set linked_at = created_at where stripe_account <> '';
alter table audit_entry add column detail text not null default '';
alter table business add column member_count integer not null default 0;
alter table business add column key_count integer not null default 0;
alter table payment_transaction add column sold_by text not null default '';
alter table payment_transaction add column printed_at integer;
alter table device add column tier_ids text not null default '[]';
alter table device add column seen_at integer;
alter table payment_transaction add column round integer not null default 0;
alter table payment_transaction add column told_at integer;
alter table refund add column round integer not null default 0;

create table member (
  id blob not null primary key, business_id blob not null, user_id blob not null, role text not null,
  added_by blob not null, added_at integer not null, removed_at integer,
  version integer not null
) strict;
create index member_by_business on member (business_id, added_at, id);
create index member_by_user on member (user_id, added_at, id);

create table api_key (
  id blob not null primary key, business_id blob not null, name text not null, scopes text not null,
  secret_hash blob not null, created_by blob not null, created_at integer not null, expires_at integer,
  revoked_at integer,
  version integer not null
) strict;
create index api_key_by_business on api_key (business_id, created_at, id);

create table passkey (
  id blob not null primary key, user_id blob not null, credential_id blob not null, algorithm integer not null,
  public_key blob not null, sign_count integer not null, name text not null, created_at integer not null,
  used_at integer, removed_at integer,
  version integer not null
) strict;
create index passkey_by_user on passkey (user_id, created_at, id);

create table external_identity (
  id blob not null primary key, user_id blob not null, issuer text not null, subject text not null,
  email text not null, linked_at integer not null, unlinked_at integer,
  version integer not null
) strict;
create index external_identity_by_user on external_identity (user_id, linked_at, id);

create table proof (
  id blob not null primary key, purpose text not null, user_id blob not null, subject blob not null,
  email text not null, detail text not null, secret_hash blob not null, generation integer not null, used integer not null,
  created_at integer not null, due_at integer,
  version integer not null
) strict;
create index proof_by_user on proof (user_id, created_at, id);
create index proof_due on proof (due_at, id) where due_at is not null;

create table throttle (
  id blob not null primary key, failures integer not null, since integer not null, due_at integer,
  version integer not null
) strict;
create index throttle_due on throttle (due_at, id) where due_at is not null;

create table known_network (
  id blob not null primary key, user_id blob not null, seen_at integer not null, due_at integer,
  version integer not null
) strict;
create index known_network_by_user on known_network (user_id, seen_at, id);
create index known_network_due on known_network (due_at, id) where due_at is not null;

create table invitation (
  id blob not null primary key, business_id blob not null, email text not null, role text not null,
  invited_by blob not null, proof_id blob not null, created_at integer not null, due_at integer,
  version integer not null
) strict;
create index invitation_by_business on invitation (business_id, created_at, id);
create index invitation_by_inviter on invitation (invited_by, created_at, id);
create index invitation_due on invitation (due_at, id) where due_at is not null;

create table revocation (
  id blob not null primary key, subject blob not null, kept blob not null, board blob not null, at integer not null, due_at integer,
  version integer not null
) strict;
create index revocation_by_board on revocation (board, at, id);
create index revocation_due on revocation (due_at, id) where due_at is not null;

create table audit_seal (
  id blob not null primary key, chain integer not null, number integer not null, last_entry blob not null,
  entries integer not null, previous blob not null, digest blob not null, at integer not null,
  version integer not null
) strict;

create table audit_head (
  id blob not null primary key, number integer not null, last_entry blob not null, digest blob not null,
  version integer not null
) strict;
)sql";

constexpr std::array steps{
    Migration{1, "the first schema", step_1},
    Migration{2, "refunds, disputes, the ledger", step_2},
    Migration{3, "guests, and shows by month", step_3},
    Migration{4, "provider events by what became of them", step_4},
    Migration{5, "members, keys, passkeys, sessions that tell more", step_5},
};

void apply(Database& db, const Migration& step, Instant now) {
  db.execute(step.sql);
  auto insert = db.prepare("insert into schema_migration (number, name, applied_at) values (?1, ?2, ?3)");
  Run run(insert);
  run.bind(1, step.number);
  run.bind_text(2, step.name);
  run.bind(3, domain::to_unix_ms(now));
  run.step();
}

void refuse_newer(int number) {
  if (number > steps.back().number) {
    throw StoreUnavailable("the database has schema " + std::to_string(number) + ", this binary knows " +
                           std::to_string(steps.back().number) + ": use the newer binary");
  }
}

}  // namespace

std::span<const Migration> migrations() {
  return steps;
}

int schema_number(Database& db) {
  auto table = db.prepare("select 1 from sqlite_schema where type = 'table' and name = 'schema_migration'");
  if (!Run(table).step()) return 0;
  auto newest = db.prepare("select coalesce(max(number), 0) from schema_migration");
  Run run(newest);
  run.step();
  return static_cast<int>(run.number(0));
}

void migrate(Database& db, Instant now) {
  int number = schema_number(db);
  refuse_newer(number);
  for (const auto& step : steps) {
    if (step.number <= number) continue;
    db.execute("begin immediate");
    try {
      db.execute(
          "create table if not exists schema_migration "
          "(number integer primary key, name text not null, applied_at integer not null) strict");
      apply(db, step, now);
      db.execute("commit");
    } catch (...) {
      // Where the failure has ended the transaction already, this fails too, and that is no news.
      sqlite3_exec(db.raw(), "rollback", nullptr, nullptr, nullptr);
      throw;
    }
    number = step.number;
  }
}

void require_current_schema(Database& db) {
  const int number = schema_number(db);
  refuse_newer(number);
  if (number < steps.back().number) {
    throw StoreUnavailable("the database has schema " + std::to_string(number) + ", this binary wants " +
                           std::to_string(steps.back().number) + ": start the server once to bring it up to date");
  }
}

}  // namespace admit::store::sqlite
