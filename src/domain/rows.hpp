#pragma once
// What is stored: plain rows, one struct a table. The words are those of docs/glossary.md.

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "domain/account_rows.hpp"
#include "domain/describe.hpp"
#include "domain/id.hpp"
#include "domain/instant.hpp"
#include "domain/words.hpp"

namespace admit::domain {

ADMIT_WORDS(ShowStatus, draft, published, cancelled)
ADMIT_WORDS(AdmissionRule, once)
ADMIT_WORDS(RegistrationStatus, held, expiring, expired, confirmed, cancelled)
ADMIT_WORDS(Provider, stripe, none_, cash)
ADMIT_WORDS(TransactionStatus, created, requires_action, requires_capture, processing, succeeded, failed, cancelled)
/// How a payment reaches its business: charged by us and transferred, or charged on the business's own account.
ADMIT_WORDS(ChargeModel, destination, direct)
/// `frozen`: a dispute about its payment is open.
ADMIT_WORDS(TicketStatus, valid, used, revoked, frozen)
ADMIT_WORDS(RefundReason, customer, organiser, show_cancelled, late_success, second_payment, amount_differs, provider,
            dispute)
/// `due`: wanted, the provider has not taken it yet.
ADMIT_WORDS(RefundStatus, due, pending, requires_action, succeeded, failed, cancelled)
ADMIT_WORDS(DisputeOutcome, open_, won, lost, closed)
ADMIT_WORDS(LedgerKind, charge, transfer, application_fee, tax, refund, transfer_reversal, fee_refund, tax_reversal,
            refund_returned, dispute, dispute_fee, dispute_reversal, dispute_settled)
ADMIT_WORDS(LedgerAccount, buyer, platform, business, platform_fee, tax, disputed, provider_fee)
/// What a person should look at.
ADMIT_WORDS(AlertKind, dead_job, amount_differs, late_success, second_payment, refund_failed, refund_unknown, receivable,
            dispute, fraud_warning, payout_failed, account_closed, authorization_lapsed, token_reused)
ADMIT_WORDS(Direction, entry, exit)
/// What was decided about one scan, in order of precedence. The first two let somebody through.
ADMIT_WORDS(DoorReason, admitted, exited, malformed, unsigned_code, unsupported_code, forged, unknown, other_show, revoked,
            frozen, superseded, other_tier, outside_window, already_used, not_inside)
ADMIT_WORDS(JobKind, render_tickets, create_intent, cancel_intent, capture_intent, refund_intent, apply_event,
            refresh_account, cancel_show, reverse_transfer, collect_evidence, mail, create_identity,
            create_account, join_guests, erase_person, revoke_access, set_identity_password, erase_identity)
/// Why somebody was sent to the payment provider.
ADMIT_WORDS(LinkPurpose, onboarding, oauth)
ADMIT_WORDS(JobStatus, due, done, dead)
/// `waiting`: speaks of a payment that is not known yet, and is tried again.
ADMIT_WORDS(InboxStatus, applied, ignored, flagged, failed, waiting)

/// An account, or a guest. The e-mail address of an account is unique by a Claim.
struct User {
  UserId id;
  std::string email;
  std::string name;
  std::string locale;  // BCP 47
  std::string password_hash;
  bool is_operator = false;
  bool guest = false;  // bought without an account: its e-mail address is no Claim, no password signs it in
  CounterId guest_key;  // the guests of one address are found by it: guest_key(); none for an account
  bool email_verified = false;
  Bytes totp_secret;                       // sealed; empty: no second factor, or one that is not confirmed yet
  bool totp_confirmed = false;
  std::int64_t totp_step = 0;              // the last one that was used: none before it is good any more
  std::vector<std::string> recovery_hashes;  // SHA-256 in base64url; each is good once
  std::optional<Instant> signed_out_at;    // sign-ins from before it have ended,
  SessionId kept_session;                  // but for this one
  std::int64_t generation = 0;             // of what signs in: links mailed before it was raised are void
  std::optional<Instant> voided_at;        // who made the account was not whose address it is: keys and gates of before are void
  std::optional<Instant> tokens_since;     // tokens of other providers issued until then are refused
  std::optional<Instant> locked_at;        // by an operator: nobody signs in
  std::optional<Instant> erased_at;        // name and address are gone, nobody signs in
  Instant created_at{};
  std::uint64_t version = 0;

  static constexpr std::string_view table = "user_account";
  static constexpr auto columns() {
    return std::tuple{column("id", &User::id), column("email", &User::email), column("name", &User::name),
                      column("locale", &User::locale), column("password_hash", &User::password_hash),
                      column("is_operator", &User::is_operator), column("guest", &User::guest),
                      column("guest_key", &User::guest_key), column("email_verified", &User::email_verified), column("totp_secret", &User::totp_secret),
                      column("totp_confirmed", &User::totp_confirmed), column("totp_step", &User::totp_step),
                      column("recovery_hashes", &User::recovery_hashes),
                      column("signed_out_at", &User::signed_out_at), column("kept_session", &User::kept_session),
                      column("generation", &User::generation), column("tokens_since", &User::tokens_since),
                      column("voided_at", &User::voided_at), column("locked_at", &User::locked_at),
                      column("erased_at", &User::erased_at), column("created_at", &User::created_at)};
  }
  static constexpr auto indexes() { return std::tuple{index("by_guest_key", &User::guest_key, &User::created_at)}; }
  static constexpr auto uniques() { return std::tuple{}; }
};

[[nodiscard]] inline CounterId guest_key(std::string_view normal_email) {
  return derived_id<CounterId>("guest", normal_email);
}

/// One sign-in. The refresh token is kept as its hash and replaced at every use; the one before is kept as well, to
/// tell two tabs from a thief.
struct Session {
  SessionId id;
  UserId user_id;
  Bytes refresh_hash;
  Bytes previous_hash;
  std::optional<Instant> rotated_at;
  std::vector<Instant> rotations;      // when the last tokens were replaced, within the grace; the newest last
  std::optional<Instant> proven_at;    // when its person last gave a password anew; none: as it began
  std::string method;   // password, password+totp, passkey, link, external
  std::string agent;    // the client's User-Agent, its first 200 bytes
  std::string address;  // where it began
  Instant created_at{};
  Instant expires_at{};
  std::optional<Instant> ended_at;
  std::uint64_t version = 0;

  static constexpr std::string_view table = "session";
  static constexpr auto columns() {
    return std::tuple{column("id", &Session::id), column("user_id", &Session::user_id),
                      column("refresh_hash", &Session::refresh_hash),
                      column("previous_hash", &Session::previous_hash), column("rotated_at", &Session::rotated_at),
                      column("rotations", &Session::rotations), column("proven_at", &Session::proven_at),
                      column("method", &Session::method), column("agent", &Session::agent),
                      column("address", &Session::address), column("created_at", &Session::created_at),
                      column("expires_at", &Session::expires_at), column("ended_at", &Session::ended_at)};
  }
  static constexpr auto indexes() { return std::tuple{index("by_user", &Session::user_id, &Session::created_at)}; }
  static constexpr auto uniques() { return std::tuple{}; }
};

/// A unique text and what it stands for: `email` -> user, `intent` -> transaction, `account` -> business,
/// `refund` -> refund.
/// Its id is derived from kind and text, so that the primary key makes it unique.
struct Claim {
  ClaimId id;
  std::string kind;
  Uuid target;
  std::uint64_t version = 0;

  static constexpr std::string_view table = "claim";
  static constexpr auto columns() {
    return std::tuple{column("id", &Claim::id), column("kind", &Claim::kind), column("target", &Claim::target)};
  }
  static constexpr auto indexes() { return std::tuple{}; }
  static constexpr auto uniques() { return std::tuple{}; }
};

/// The organiser who sells and is paid.
struct Business {
  BusinessId id;
  UserId owner_id;
  std::string name;
  std::string stripe_account;  // "" until one is linked
  std::optional<Instant> linked_at;  // when it was
  bool charges_enabled = false;
  bool transfers_active = false;
  bool details_submitted = false;
  bool deauthorized = false;  // it disconnected itself from us
  std::string requirement;    // what its account is missing, for people; "" nothing
  std::int64_t fee_fixed_minor = 0;  // our share of each payment: fixed and in basis points
  std::int64_t fee_percent_bp = 0;
  ChargeModel charge_model = ChargeModel::destination;
  bool on_behalf_of = false;  // the business is the merchant of record
  std::int64_t member_count = 0;  // live ones, the owner not counted
  std::int64_t key_count = 0;     // API keys that are not revoked
  Instant created_at{};
  std::optional<Instant> closed_at;  // its owner is gone: nothing of it is sold any more
  std::uint64_t version = 0;

  static constexpr std::string_view table = "business";
  static constexpr auto columns() {
    return std::tuple{column("id", &Business::id), column("owner_id", &Business::owner_id), column("name", &Business::name),
                      column("stripe_account", &Business::stripe_account), column("linked_at", &Business::linked_at),
                      column("charges_enabled", &Business::charges_enabled),
                      column("transfers_active", &Business::transfers_active),
                      column("details_submitted", &Business::details_submitted),
                      column("deauthorized", &Business::deauthorized), column("requirement", &Business::requirement),
                      column("fee_fixed_minor", &Business::fee_fixed_minor),
                      column("fee_percent_bp", &Business::fee_percent_bp),
                      column("charge_model", &Business::charge_model), column("on_behalf_of", &Business::on_behalf_of),
                      column("member_count", &Business::member_count), column("key_count", &Business::key_count),
                      column("created_at", &Business::created_at), column("closed_at", &Business::closed_at)};
  }
  static constexpr auto indexes() { return std::tuple{index("by_owner", &Business::owner_id, &Business::created_at)}; }
  static constexpr auto uniques() { return std::tuple{}; }
};

/// One dated event. Local wall time and zone are the truth; the instants are computed from them when it is written.
struct Show {
  ShowId id;
  BusinessId business_id;
  std::string title;
  std::string venue;
  std::string address;
  std::string language;  // BCP 47: the show's own, for a buyer who named none
  std::string zone;      // IANA
  std::string starts_local;  // YYYY-MM-DDTHH:MM
  std::string doors_local;
  Instant starts_at{};
  Instant doors_at{};
  std::vector<Window> windows;  // when it admits
  std::string currency;
  std::string accent;  // #rrggbb
  std::string conditions;
  ShowStatus status = ShowStatus::draft;
  std::optional<Instant> sale_from;
  std::optional<Instant> sale_until;
  std::int64_t hold_shown_s = 600;
  std::int64_t hold_grace_s = 180;
  std::int64_t max_tickets_per_registration = 20;
  std::int64_t max_live_holds_per_user = 5;
  std::int64_t max_live_holds_per_address = 50;
  std::int64_t max_free_tickets_per_user = 20;
  bool manual_capture = false;  // a card is only reserved first, and charged once the places are sure
  std::int64_t customer_refund_until_s = 0;  // before the doors: until then a buyer may give tickets back; 0: never
  bool refund_keeps_fee = false;             // the booking fee is not given back to such a buyer
  std::int64_t tier_count = 0;
  std::int64_t key_number = 0;  // the show's signing key that new tickets carry
  CatalogueId catalogue;        // the month it is listed under once it is published: catalogue_key()
  Instant created_at{};
  std::uint64_t version = 0;

  static constexpr std::string_view table = "show";
  static constexpr auto columns() {
    return std::tuple{
        column("id", &Show::id), column("business_id", &Show::business_id), column("title", &Show::title),
        column("venue", &Show::venue), column("address", &Show::address), column("language", &Show::language),
        column("zone", &Show::zone), column("starts_local", &Show::starts_local), column("doors_local", &Show::doors_local),
        column("starts_at", &Show::starts_at), column("doors_at", &Show::doors_at), column("windows", &Show::windows),
        column("currency", &Show::currency), column("accent", &Show::accent), column("conditions", &Show::conditions),
        column("status", &Show::status), column("sale_from", &Show::sale_from), column("sale_until", &Show::sale_until),
        column("hold_shown_s", &Show::hold_shown_s), column("hold_grace_s", &Show::hold_grace_s),
        column("max_tickets_per_registration", &Show::max_tickets_per_registration),
        column("max_live_holds_per_user", &Show::max_live_holds_per_user),
        column("max_live_holds_per_address", &Show::max_live_holds_per_address),
        column("max_free_tickets_per_user", &Show::max_free_tickets_per_user),
        column("manual_capture", &Show::manual_capture),
        column("customer_refund_until_s", &Show::customer_refund_until_s),
        column("refund_keeps_fee", &Show::refund_keeps_fee), column("tier_count", &Show::tier_count),
        column("key_number", &Show::key_number), column("catalogue", &Show::catalogue),
        column("created_at", &Show::created_at)};
  }
  static constexpr auto indexes() {
    return std::tuple{index("by_business", &Show::business_id, &Show::starts_at),
                      index("by_catalogue", &Show::catalogue, &Show::starts_at)};
  }
  static constexpr auto uniques() { return std::tuple{}; }
};

/// One Ed25519 pair of a show; the private half is sealed by a key that the store never sees.
struct ShowKey {
  ShowKeyId id;  // derived from show and number: show_key_id()
  ShowId show_id;
  std::int64_t number = 0;
  Bytes public_key;
  Bytes wrapped_private_key;
  Instant created_at{};
  std::uint64_t version = 0;

  static constexpr std::string_view table = "show_key";
  static constexpr auto columns() {
    return std::tuple{column("id", &ShowKey::id), column("show_id", &ShowKey::show_id), column("number", &ShowKey::number),
                      column("public_key", &ShowKey::public_key),
                      column("wrapped_private_key", &ShowKey::wrapped_private_key),
                      column("created_at", &ShowKey::created_at)};
  }
  static constexpr auto indexes() { return std::tuple{index("by_show", &ShowKey::show_id, &ShowKey::number)}; }
  static constexpr auto uniques() { return std::tuple{}; }
};
[[nodiscard]] inline ShowKeyId show_key_id(ShowId show, std::int64_t number) {
  return derived_id<ShowKeyId>("show_key", show.text() + "/" + std::to_string(number));
}

/// A ticket type with a price.
struct Tier {
  TierId id;
  ShowId show_id;
  std::int64_t number = 0;  // place among the show's tiers, from 0: the token's tier index
  std::string name;
  std::int64_t price_minor = 0;  // gross
  std::int64_t tax_rate_bp = 0;
  std::int64_t fee_minor = 0;  // booking fee per ticket, paid by the buyer on top
  std::int64_t min_per_registration = 1;
  std::int64_t max_per_registration = 10;
  std::vector<QuotaId> quota_ids;  // draws from every one of them; the smallest counts
  AdmissionRule rule = AdmissionRule::once;
  std::uint64_t version = 0;

  static constexpr std::string_view table = "tier";
  static constexpr auto columns() {
    return std::tuple{column("id", &Tier::id), column("show_id", &Tier::show_id), column("number", &Tier::number),
                      column("name", &Tier::name), column("price_minor", &Tier::price_minor),
                      column("tax_rate_bp", &Tier::tax_rate_bp), column("fee_minor", &Tier::fee_minor),
                      column("min_per_registration", &Tier::min_per_registration),
                      column("max_per_registration", &Tier::max_per_registration), column("quota_ids", &Tier::quota_ids),
                      column("rule", &Tier::rule)};
  }
  static constexpr auto indexes() { return std::tuple{index("by_show", &Tier::show_id, &Tier::number)}; }
  static constexpr auto uniques() { return std::tuple{}; }
};

/// A capacity. `taken` counts the places of held, expiring and confirmed registrations.
struct Quota {
  QuotaId id;
  ShowId show_id;
  std::string name;
  std::int64_t size = 0;
  std::int64_t taken = 0;
  std::uint64_t version = 0;

  static constexpr std::string_view table = "quota";
  static constexpr auto columns() {
    return std::tuple{column("id", &Quota::id), column("show_id", &Quota::show_id), column("name", &Quota::name),
                      column("size", &Quota::size), column("taken", &Quota::taken)};
  }
  static constexpr auto indexes() { return std::tuple{index("by_show", &Quota::show_id, &Quota::name)}; }
  static constexpr auto uniques() { return std::tuple{}; }
};

/// How many holds of one show live for one user or one client address; or how many of its free tickets one user or one
/// e-mail address has; or, of no show, how many businesses a user made.
struct HoldCounter {
  CounterId id;
  ShowId show_id;
  std::int64_t size = 0;
  std::int64_t taken = 0;
  std::uint64_t version = 0;

  static constexpr std::string_view table = "hold_counter";
  static constexpr auto columns() {
    return std::tuple{column("id", &HoldCounter::id), column("show_id", &HoldCounter::show_id),
                      column("size", &HoldCounter::size), column("taken", &HoldCounter::taken)};
  }
  static constexpr auto indexes() { return std::tuple{}; }
  static constexpr auto uniques() { return std::tuple{}; }
};

/// Some tickets of one tier inside a registration. Amounts are of the whole line.
struct Line {
  TierId tier_id;
  std::int64_t quantity = 0;
  std::vector<std::string> holders;  // at most `quantity` names, in ticket order
  std::int64_t price_minor = 0;      // one ticket
  std::int64_t tax_rate_bp = 0;
  std::int64_t net_minor = 0;
  std::int64_t tax_minor = 0;
  std::int64_t fee_minor = 0;
  std::int64_t gross_minor = 0;

  static constexpr auto columns() {
    return std::tuple{column("tier_id", &Line::tier_id), column("quantity", &Line::quantity),
                      column("holders", &Line::holders), column("price_minor", &Line::price_minor),
                      column("tax_rate_bp", &Line::tax_rate_bp), column("net_minor", &Line::net_minor),
                      column("tax_minor", &Line::tax_minor), column("fee_minor", &Line::fee_minor),
                      column("gross_minor", &Line::gross_minor)};
  }
  bool operator==(const Line&) const = default;
};

/// An order.
struct Registration {
  RegistrationId id;
  ShowId show_id;
  BusinessId business_id;
  UserId user_id;
  RegistrationStatus status = RegistrationStatus::held;
  std::vector<Line> lines;
  std::int64_t ticket_count = 0;
  std::int64_t amount_minor = 0;
  std::string currency;
  Instant created_at{};
  Instant expires_at{};           // as shown to the buyer
  std::optional<Instant> confirmed_at;
  std::optional<Instant> due_at;  // when ExpireHeld should look at it next; empty once nothing is left to do
  CounterId user_counter;         // the live-hold counters that it fills while held; where it costs nothing, those of
  CounterId address_counter;      // free tickets: of its user, and of the user's e-mail address
  TransactionId transaction_id;   // the open or successful payment
  std::int64_t attempts = 0;      // payments begun
  bool test = false;              // bought while no money could move
  std::string flag;               // a word an operator should look at, "" usually
  std::uint64_t version = 0;

  static constexpr std::string_view table = "registration";
  static constexpr auto columns() {
    return std::tuple{
        column("id", &Registration::id), column("show_id", &Registration::show_id),
        column("business_id", &Registration::business_id), column("user_id", &Registration::user_id),
        column("status", &Registration::status), column("lines", &Registration::lines),
        column("ticket_count", &Registration::ticket_count), column("amount_minor", &Registration::amount_minor),
        column("currency", &Registration::currency), column("created_at", &Registration::created_at),
        column("expires_at", &Registration::expires_at), column("confirmed_at", &Registration::confirmed_at),
        column("due_at", &Registration::due_at),
        column("user_counter", &Registration::user_counter), column("address_counter", &Registration::address_counter),
        column("transaction_id", &Registration::transaction_id), column("attempts", &Registration::attempts),
        column("test", &Registration::test), column("flag", &Registration::flag)};
  }
  static constexpr auto indexes() {
    return std::tuple{index("by_user", &Registration::user_id, &Registration::created_at),
                      index("by_show", &Registration::show_id, &Registration::created_at)};
  }
  static constexpr auto uniques() { return std::tuple{}; }
};

/// One payment of a registration.
struct Transaction {
  TransactionId id;
  RegistrationId registration_id;
  ShowId show_id;
  BusinessId payee_id;
  UserId payer_id;
  Provider provider = Provider::stripe;
  TransactionStatus status = TransactionStatus::created;
  std::int64_t attempt = 1;
  std::int64_t amount_minor = 0;
  std::int64_t received_minor = 0;
  std::string currency;
  std::string received_currency;  // "" until something was received
  std::int64_t application_fee_minor = 0;  // our share of the amount
  std::int64_t tax_minor = 0;              // the tax in the amount
  ChargeModel charge_model = ChargeModel::destination;
  bool on_behalf_of = false;
  bool manual_capture = false;
  bool livemode = false;
  std::string stripe_account;  // never "" for provider stripe
  std::string intent_id;       // the provider's, "" until it answered
  std::string charge_id;       // the provider's, "" until it was heard of
  std::string last_error;      // the provider's code
  std::string flag;
  bool booked = false;              // its ledger entries are written
  std::int64_t refund_count = 0;    // refunds ever made: refund_id() finds them
  std::int64_t refund_minor = 0;    // sum of the refunds that have not failed
  std::int64_t refunded_minor = 0;  // of these, what was given back
  std::int64_t fee_back_minor = 0;  // of application_fee_minor, given back with refund_minor
  std::int64_t tax_back_minor = 0;  // of tax_minor
  std::int64_t open_disputes = 0;   // inquiries not counted
  std::optional<Instant> review_until;  // another amount was paid than asked for: until then an operator may accept it
  std::int64_t round = 0;           // how often the provider was asked anew to begin it, each time by a key of its own
  std::optional<Instant> told_at;   // `created` of the newest event that changed it: what is older changes nothing
  std::string sold_by;                  // who took the cash, as AuditEntry::actor; "" for other payments
  std::optional<Instant> printed_at;    // when they printed the tickets: once
  Instant created_at{};
  std::optional<Instant> processed_at;
  std::uint64_t version = 0;

  static constexpr std::string_view table = "payment_transaction";
  static constexpr auto columns() {
    return std::tuple{column("id", &Transaction::id), column("registration_id", &Transaction::registration_id),
                      column("show_id", &Transaction::show_id), column("payee_id", &Transaction::payee_id),
                      column("payer_id", &Transaction::payer_id), column("provider", &Transaction::provider),
                      column("status", &Transaction::status), column("attempt", &Transaction::attempt),
                      column("amount_minor", &Transaction::amount_minor),
                      column("received_minor", &Transaction::received_minor), column("currency", &Transaction::currency),
                      column("received_currency", &Transaction::received_currency),
                      column("application_fee_minor", &Transaction::application_fee_minor),
                      column("tax_minor", &Transaction::tax_minor), column("charge_model", &Transaction::charge_model),
                      column("on_behalf_of", &Transaction::on_behalf_of),
                      column("manual_capture", &Transaction::manual_capture), column("livemode", &Transaction::livemode),
                      column("stripe_account", &Transaction::stripe_account), column("intent_id", &Transaction::intent_id),
                      column("charge_id", &Transaction::charge_id), column("last_error", &Transaction::last_error),
                      column("flag", &Transaction::flag), column("booked", &Transaction::booked),
                      column("refund_count", &Transaction::refund_count),
                      column("refund_minor", &Transaction::refund_minor),
                      column("refunded_minor", &Transaction::refunded_minor),
                      column("fee_back_minor", &Transaction::fee_back_minor),
                      column("tax_back_minor", &Transaction::tax_back_minor),
                      column("open_disputes", &Transaction::open_disputes),
                      column("review_until", &Transaction::review_until), column("round", &Transaction::round),
                      column("told_at", &Transaction::told_at), column("sold_by", &Transaction::sold_by),
                      column("printed_at", &Transaction::printed_at),
                      column("created_at", &Transaction::created_at), column("processed_at", &Transaction::processed_at)};
  }
  static constexpr auto indexes() {
    return std::tuple{index("by_registration", &Transaction::registration_id, &Transaction::attempt)};
  }
  static constexpr auto uniques() {
    return std::tuple{unique("one_per_attempt", &Transaction::registration_id, &Transaction::attempt)};
  }
};

/// Money that goes back to the buyer of one payment.
struct Refund {
  RefundId id;  // refund_id()
  TransactionId transaction_id;
  RegistrationId registration_id;
  ShowId show_id;
  BusinessId business_id;
  std::int64_t number = 0;  // from 1 within the transaction
  std::int64_t amount_minor = 0;  // 0 where the tickets were free
  std::string currency;
  RefundReason reason = RefundReason::organiser;
  RefundStatus status = RefundStatus::due;
  std::string provider_id;  // "" until the provider took it
  std::vector<std::int64_t> ticket_numbers;  // the tickets that end with it
  bool reverse_transfer = false;      // what the business was sent comes back with it
  std::int64_t fee_back_minor = 0;    // our share that goes back to the business
  std::int64_t tax_back_minor = 0;
  bool places_freed = false;          // its tickets' places can be sold again
  std::int64_t round = 0;             // how often the provider was asked anew, each time by a key of its own
  std::string last_error;
  std::string created_by;  // as AuditEntry::actor
  Instant created_at{};
  std::optional<Instant> processed_at;
  std::uint64_t version = 0;

  static constexpr std::string_view table = "refund";
  static constexpr auto columns() {
    return std::tuple{column("id", &Refund::id), column("transaction_id", &Refund::transaction_id),
                      column("registration_id", &Refund::registration_id), column("show_id", &Refund::show_id),
                      column("business_id", &Refund::business_id), column("number", &Refund::number),
                      column("amount_minor", &Refund::amount_minor), column("currency", &Refund::currency),
                      column("reason", &Refund::reason), column("status", &Refund::status),
                      column("provider_id", &Refund::provider_id), column("ticket_numbers", &Refund::ticket_numbers),
                      column("reverse_transfer", &Refund::reverse_transfer),
                      column("fee_back_minor", &Refund::fee_back_minor),
                      column("tax_back_minor", &Refund::tax_back_minor), column("places_freed", &Refund::places_freed),
                      column("round", &Refund::round), column("last_error", &Refund::last_error),
                      column("created_by", &Refund::created_by),
                      column("created_at", &Refund::created_at), column("processed_at", &Refund::processed_at)};
  }
  static constexpr auto indexes() {
    return std::tuple{index("by_registration", &Refund::registration_id, &Refund::created_at),
                      index("by_show", &Refund::show_id, &Refund::created_at),
                      index("by_business", &Refund::business_id, &Refund::created_at)};
  }
  static constexpr auto uniques() { return std::tuple{}; }
};
[[nodiscard]] inline RefundId refund_id(TransactionId transaction, std::int64_t number) {
  return derived_id<RefundId>("refund", transaction.text() + "/" + std::to_string(number));
}

/// A buyer's bank took money back, or asks whether it should.
struct Dispute {
  DisputeId id;  // derived from the provider's: dispute_id()
  std::string provider_id;
  TransactionId transaction_id;
  RegistrationId registration_id;
  ShowId show_id;
  BusinessId business_id;
  std::int64_t amount_minor = 0;
  std::string currency;
  std::string reason;      // as the provider says
  std::string status;      // as the provider says
  bool is_inquiry = true;  // no money has moved
  DisputeOutcome outcome = DisputeOutcome::open_;
  std::int64_t fee_minor = 0;       // what the provider charged for it
  std::int64_t reversed_minor = 0;  // got back from the business after it was lost
  bool evidence_sent = false;
  std::optional<Instant> evidence_due_at;
  Instant opened_at{};
  std::optional<Instant> closed_at;
  std::uint64_t version = 0;

  static constexpr std::string_view table = "dispute";
  static constexpr auto columns() {
    return std::tuple{column("id", &Dispute::id), column("provider_id", &Dispute::provider_id),
                      column("transaction_id", &Dispute::transaction_id),
                      column("registration_id", &Dispute::registration_id), column("show_id", &Dispute::show_id),
                      column("business_id", &Dispute::business_id), column("amount_minor", &Dispute::amount_minor),
                      column("currency", &Dispute::currency), column("reason", &Dispute::reason),
                      column("status", &Dispute::status), column("is_inquiry", &Dispute::is_inquiry),
                      column("outcome", &Dispute::outcome), column("fee_minor", &Dispute::fee_minor),
                      column("reversed_minor", &Dispute::reversed_minor),
                      column("evidence_sent", &Dispute::evidence_sent),
                      column("evidence_due_at", &Dispute::evidence_due_at), column("opened_at", &Dispute::opened_at),
                      column("closed_at", &Dispute::closed_at)};
  }
  static constexpr auto indexes() {
    return std::tuple{index("by_registration", &Dispute::registration_id, &Dispute::opened_at),
                      index("by_business", &Dispute::business_id, &Dispute::opened_at)};
  }
  static constexpr auto uniques() { return std::tuple{}; }
};
[[nodiscard]] inline DisputeId dispute_id(std::string_view provider_id) {
  return derived_id<DisputeId>("dispute", provider_id);
}

/// One movement of money from the account `credit` to the account `debit`, so that all accounts together are always
/// zero. Its id is derived from what moved it: it cannot be written twice.
struct LedgerEntry {
  LedgerId id;
  Instant at{};
  LedgerKind kind = LedgerKind::charge;
  LedgerAccount debit = LedgerAccount::platform;
  LedgerAccount credit = LedgerAccount::buyer;
  std::int64_t amount_minor = 0;  // above 0
  std::string currency;
  BusinessId business_id;
  TransactionId transaction_id;
  Uuid source;  // the refund or dispute, none for the payment itself
  std::uint64_t version = 0;

  static constexpr std::string_view table = "ledger_entry";
  static constexpr auto columns() {
    return std::tuple{column("id", &LedgerEntry::id), column("at", &LedgerEntry::at), column("kind", &LedgerEntry::kind),
                      column("debit", &LedgerEntry::debit), column("credit", &LedgerEntry::credit),
                      column("amount_minor", &LedgerEntry::amount_minor), column("currency", &LedgerEntry::currency),
                      column("business_id", &LedgerEntry::business_id),
                      column("transaction_id", &LedgerEntry::transaction_id), column("source", &LedgerEntry::source)};
  }
  static constexpr auto indexes() {
    return std::tuple{index("by_transaction", &LedgerEntry::transaction_id, &LedgerEntry::at),
                      index("by_business", &LedgerEntry::business_id, &LedgerEntry::at)};
  }
  static constexpr auto uniques() { return std::tuple{}; }
};

/// How far the cancellation of a whole show has come.
struct Cancellation {
  CancellationId id;  // cancellation_id()
  ShowId show_id;
  std::int64_t total = 0;  // registrations of the show, as far as counted
  std::int64_t done = 0;
  std::string after_order;  // where to go on: the cursor of the list of registrations, "" at the beginning
  RegistrationId after_id;
  std::string started_by;
  Instant started_at{};
  std::optional<Instant> finished_at;
  std::uint64_t version = 0;

  static constexpr std::string_view table = "cancellation";
  static constexpr auto columns() {
    return std::tuple{column("id", &Cancellation::id), column("show_id", &Cancellation::show_id),
                      column("total", &Cancellation::total), column("done", &Cancellation::done),
                      column("after_order", &Cancellation::after_order), column("after_id", &Cancellation::after_id),
                      column("started_by", &Cancellation::started_by), column("started_at", &Cancellation::started_at),
                      column("finished_at", &Cancellation::finished_at)};
  }
  static constexpr auto indexes() { return std::tuple{}; }
  static constexpr auto uniques() { return std::tuple{}; }
};
[[nodiscard]] inline CancellationId cancellation_id(ShowId show) {
  return derived_id<CancellationId>("cancellation", show.value.raw());
}

/// Something a person should look at, until somebody says that it is settled.
struct Alert {
  AlertId id;  // derived from kind and subject: alert_id()
  AlertKind kind = AlertKind::dead_job;
  Uuid subject;  // the job, registration, transaction, refund, dispute or business
  BusinessId business_id;  // none where it is the operator's alone
  ShowId show_id;
  std::string detail;  // <= 200 bytes
  CounterId desk;      // alert_desk(): where it lies, open or settled
  Instant at{};
  std::optional<Instant> resolved_at;
  std::uint64_t version = 0;

  static constexpr std::string_view table = "alert";
  static constexpr auto columns() {
    return std::tuple{column("id", &Alert::id), column("kind", &Alert::kind), column("subject", &Alert::subject),
                      column("business_id", &Alert::business_id), column("show_id", &Alert::show_id),
                      column("detail", &Alert::detail), column("desk", &Alert::desk), column("at", &Alert::at),
                      column("resolved_at", &Alert::resolved_at)};
  }
  static constexpr auto indexes() {
    return std::tuple{index("by_desk", &Alert::desk, &Alert::at), index("by_business", &Alert::business_id, &Alert::at)};
  }
  static constexpr auto uniques() { return std::tuple{}; }
};
[[nodiscard]] inline AlertId alert_id(AlertKind kind, Uuid subject) {
  return derived_id<AlertId>("alert", std::string(word(kind)) + "/" + subject.raw());
}
/// The key of the list of all alerts that are open, or that are settled.
[[nodiscard]] inline CounterId alert_desk(bool open) {
  return derived_id<CounterId>("alert_desk", open ? "open" : "settled");
}

/// The id of the number-th ticket (from 1) of a registration confirmed at that instant: the same however often it is
/// asked for, so that issuing twice is impossible and finding a registration's tickets needs no index.
[[nodiscard]] inline TicketId ticket_id(RegistrationId registration, Instant confirmed_at, std::int64_t number) {
  return TicketId{fresh_uuid(confirmed_at, Seed{registration.value.high, registration.value.low},
                             static_cast<std::uint32_t>(number))};
}

/// What lets one person in. The code's text is derived from this row and the keys, never stored.
struct Ticket {
  TicketId id;
  RegistrationId registration_id;
  std::int64_t number = 0;  // from 1 within the registration
  ShowId show_id;
  BusinessId business_id;
  UserId user_id;
  TierId tier_id;
  TransactionId transaction_id;
  std::string holder;
  std::int64_t tier_number = 0;
  TicketStatus status = TicketStatus::valid;
  std::int64_t key_number = 0;
  std::int64_t epoch = 0;
  std::int64_t sequence = 0;
  Instant expires_at{};
  Instant issued_at{};
  std::int64_t entries = 0;
  bool inside = false;
  std::optional<Instant> used_at;
  std::string gate;
  bool test = false;
  std::uint64_t version = 0;

  static constexpr std::string_view table = "ticket";
  static constexpr auto columns() {
    return std::tuple{column("id", &Ticket::id), column("registration_id", &Ticket::registration_id),
                      column("number", &Ticket::number), column("show_id", &Ticket::show_id),
                      column("business_id", &Ticket::business_id), column("user_id", &Ticket::user_id),
                      column("tier_id", &Ticket::tier_id), column("transaction_id", &Ticket::transaction_id),
                      column("holder", &Ticket::holder), column("tier_number", &Ticket::tier_number),
                      column("status", &Ticket::status), column("key_number", &Ticket::key_number),
                      column("epoch", &Ticket::epoch), column("sequence", &Ticket::sequence),
                      column("expires_at", &Ticket::expires_at), column("issued_at", &Ticket::issued_at),
                      column("entries", &Ticket::entries), column("inside", &Ticket::inside),
                      column("used_at", &Ticket::used_at), column("gate", &Ticket::gate), column("test", &Ticket::test)};
  }
  static constexpr auto indexes() {
    return std::tuple{index("by_user", &Ticket::user_id, &Ticket::issued_at),
                      index("by_show", &Ticket::show_id, &Ticket::issued_at)};
  }
  static constexpr auto uniques() {
    return std::tuple{unique("one_per_number", &Ticket::registration_id, &Ticket::number)};
  }
};

/// One scan and what was decided. Its id is derived from device and nonce where the scan had a nonce.
struct CheckIn {
  CheckInId id;
  ShowId show_id;       // the device's
  TicketId ticket_id;   // none where the code names none of this show's
  DeviceId device_id;
  std::string gate;
  Direction direction = Direction::entry;
  DoorReason reason = DoorReason::unknown;
  Uuid code_hash;       // tells a repeated nonce with another code apart
  Instant at{};
  std::optional<Instant> annulled_at;
  std::uint64_t version = 0;

  static constexpr std::string_view table = "check_in";
  static constexpr auto columns() {
    return std::tuple{column("id", &CheckIn::id), column("show_id", &CheckIn::show_id),
                      column("ticket_id", &CheckIn::ticket_id), column("device_id", &CheckIn::device_id),
                      column("gate", &CheckIn::gate), column("direction", &CheckIn::direction),
                      column("reason", &CheckIn::reason), column("code_hash", &CheckIn::code_hash),
                      column("at", &CheckIn::at), column("annulled_at", &CheckIn::annulled_at)};
  }
  static constexpr auto indexes() { return std::tuple{index("by_show", &CheckIn::show_id, &CheckIn::at)}; }
  static constexpr auto uniques() { return std::tuple{}; }
};

/// A gate's scanner for one show; its token is kept as a hash.
struct Device {
  DeviceId id;
  ShowId show_id;
  BusinessId business_id;
  std::string gate;
  std::vector<TierId> tier_ids;  // whom it may let in; empty: every tier
  Bytes token_hash;              // empty until it is enrolled
  UserId created_by;
  Instant created_at{};
  std::optional<Instant> seen_at;  // to the minute
  std::optional<Instant> revoked_at;
  std::uint64_t version = 0;

  static constexpr std::string_view table = "device";
  static constexpr auto columns() {
    return std::tuple{column("id", &Device::id), column("show_id", &Device::show_id),
                      column("business_id", &Device::business_id), column("gate", &Device::gate),
                      column("tier_ids", &Device::tier_ids), column("token_hash", &Device::token_hash),
                      column("created_by", &Device::created_by), column("created_at", &Device::created_at),
                      column("seen_at", &Device::seen_at), column("revoked_at", &Device::revoked_at)};
  }
  static constexpr auto indexes() { return std::tuple{index("by_show", &Device::show_id, &Device::created_at)}; }
  static constexpr auto uniques() { return std::tuple{}; }
};

/// Work outside the transaction that wants it: done at least once, by whoever holds its lease (`due_at` moved ahead).
struct Job {
  JobId id;
  JobKind kind = JobKind::render_tickets;
  Uuid subject;
  std::string detail;  // for a mail, which one; <= 200 bytes
  JobStatus status = JobStatus::due;
  std::optional<Instant> due_at;  // when it may be taken next; empty when done or dead
  std::int64_t attempts = 0;
  Uuid lease;  // who took it last
  std::string last_error;
  Instant created_at{};
  std::uint64_t version = 0;

  static constexpr std::string_view table = "job";
  static constexpr auto columns() {
    return std::tuple{column("id", &Job::id), column("kind", &Job::kind), column("subject", &Job::subject),
                      column("detail", &Job::detail), column("status", &Job::status), column("due_at", &Job::due_at), column("attempts", &Job::attempts),
                      column("lease", &Job::lease), column("last_error", &Job::last_error),
                      column("created_at", &Job::created_at)};
  }
  static constexpr auto indexes() { return std::tuple{}; }
  static constexpr auto uniques() { return std::tuple{}; }
};

/// One provider event, kept before it is answered. Its id is derived from the provider's event id.
struct InboxEvent {
  InboxId id;
  std::string event_id;
  std::string type;
  std::string object_id;
  std::string account;
  bool livemode = false;
  std::string payload;
  InboxStatus status = InboxStatus::ignored;
  std::string detail;
  CounterId desk;  // inbox_desk(status): where it is found by who looks after it
  Instant received_at{};
  std::optional<Instant> due_at;  // when it may be forgotten
  std::uint64_t version = 0;

  static constexpr std::string_view table = "inbox_event";
  static constexpr bool forgotten_when_due = true;
  static constexpr auto columns() {
    return std::tuple{column("id", &InboxEvent::id), column("event_id", &InboxEvent::event_id),
                      column("type", &InboxEvent::type), column("object_id", &InboxEvent::object_id),
                      column("account", &InboxEvent::account), column("livemode", &InboxEvent::livemode),
                      column("payload", &InboxEvent::payload), column("status", &InboxEvent::status),
                      column("detail", &InboxEvent::detail), column("desk", &InboxEvent::desk),
                      column("received_at", &InboxEvent::received_at), column("due_at", &InboxEvent::due_at)};
  }
  static constexpr auto indexes() {
    return std::tuple{index("by_desk", &InboxEvent::desk, &InboxEvent::received_at)};
  }
  static constexpr auto uniques() { return std::tuple{}; }
};
/// The key of the list of the events of a status. Its bytes are sixteen characters, `events flagged  `; none for what is
/// applied or ignored: nobody has to look at these.
[[nodiscard]] inline CounterId inbox_desk(InboxStatus status) {
  if (status == InboxStatus::applied || status == InboxStatus::ignored) return {};
  std::string key = "events " + std::string(word(status));
  key.resize(16, ' ');
  return CounterId{Uuid::from_bytes(reinterpret_cast<const std::uint8_t*>(key.data()))};
}

/// A way out to the payment provider that has not come back yet. Its id is derived from a random text that was given
/// along; the text itself is not kept.
struct LinkState {
  LinkStateId id;
  LinkPurpose purpose = LinkPurpose::onboarding;
  BusinessId business_id;
  UserId user_id;
  SessionId session_id;          // the sign-in it was made by; none for a token of another provider
  std::int64_t generation = 0;   // of what signs in to the account, when it was made
  bool used = false;
  std::optional<Instant> due_at;  // good until then, and forgotten after it
  std::uint64_t version = 0;

  static constexpr std::string_view table = "link_state";
  static constexpr bool forgotten_when_due = true;
  static constexpr auto columns() {
    return std::tuple{column("id", &LinkState::id), column("purpose", &LinkState::purpose),
                      column("business_id", &LinkState::business_id), column("user_id", &LinkState::user_id),
                      column("session_id", &LinkState::session_id), column("generation", &LinkState::generation),
                      column("used", &LinkState::used), column("due_at", &LinkState::due_at)};
  }
  static constexpr auto indexes() { return std::tuple{}; }
  static constexpr auto uniques() { return std::tuple{}; }
};

/// The answer once given to (caller, route, Idempotency-Key); its id is derived from these.
struct IdempotentReply {
  ClaimId id;
  Uuid body_hash;
  std::int64_t status = 0;
  std::string body;
  std::optional<Instant> due_at;  // when it may be forgotten
  std::uint64_t version = 0;

  static constexpr std::string_view table = "idempotent_reply";
  static constexpr bool forgotten_when_due = true;
  static constexpr auto columns() {
    return std::tuple{column("id", &IdempotentReply::id), column("body_hash", &IdempotentReply::body_hash),
                      column("status", &IdempotentReply::status), column("body", &IdempotentReply::body),
                      column("due_at", &IdempotentReply::due_at)};
  }
  static constexpr auto indexes() { return std::tuple{}; }
  static constexpr auto uniques() { return std::tuple{}; }
};

/// One change: who, what, to what, from where. Written in the transaction of the change.
struct AuditEntry {
  AuditId id;
  Instant at{};
  std::string actor;  // user:ID, device:ID, stripe, system
  std::string action;
  Uuid subject;
  ShowId show_id;
  std::string address;
  std::string detail;  // what it was and is now, where the action alone does not tell; never a secret
  std::uint64_t version = 0;

  static constexpr std::string_view table = "audit_entry";
  static constexpr auto columns() {
    return std::tuple{column("id", &AuditEntry::id), column("at", &AuditEntry::at), column("actor", &AuditEntry::actor),
                      column("action", &AuditEntry::action), column("subject", &AuditEntry::subject),
                      column("show_id", &AuditEntry::show_id), column("address", &AuditEntry::address),
                      column("detail", &AuditEntry::detail)};
  }
  static constexpr auto indexes() { return std::tuple{}; }
  static constexpr auto uniques() { return std::tuple{}; }
};

/// The last batch a lane saved: read back when the answer to a commit was lost.
struct LaneMark {
  CounterId id;
  Uuid batch;
  std::uint64_t version = 0;

  static constexpr std::string_view table = "lane_mark";
  static constexpr auto columns() { return std::tuple{column("id", &LaneMark::id), column("batch", &LaneMark::batch)}; }
  static constexpr auto indexes() { return std::tuple{}; }
  static constexpr auto uniques() { return std::tuple{}; }
};

/// A sealing epoch of the key ring: no secret, only what tells a right master key from a wrong one.
struct SealingEpoch {
  CounterId id;  // derived from the number: sealing_epoch_id()
  std::int64_t number = 0;
  Bytes check;
  Instant created_at{};
  std::uint64_t version = 0;

  static constexpr std::string_view table = "sealing_epoch";
  static constexpr auto columns() {
    return std::tuple{column("id", &SealingEpoch::id), column("number", &SealingEpoch::number),
                      column("check_value", &SealingEpoch::check), column("created_at", &SealingEpoch::created_at)};
  }
  static constexpr auto indexes() { return std::tuple{}; }
  static constexpr auto uniques() { return std::tuple{}; }
};
[[nodiscard]] inline CounterId sealing_epoch_id(std::int64_t number) {
  return derived_id<CounterId>("sealing_epoch", std::to_string(number));
}

/// Every row type, in the fixed order in which tables are loaded, locked and saved.
template <template <class...> class To>
using AllRows = To<User, Session, Claim, Business, Show, ShowKey, Tier, Quota, HoldCounter, Registration, Transaction,
                   Refund, Dispute, LedgerEntry, Cancellation, Ticket, CheckIn, Device, Job, InboxEvent, LinkState,
                   IdempotentReply, AuditEntry, Alert, LaneMark, SealingEpoch, Member, ApiKey, Passkey, ExternalIdentity,
                   Proof, Throttle, KnownNetwork, Revocation, AuditSeal, AuditHead, Invitation>;
using AnyRow = AllRows<std::variant>;

template <class Row>
using IdOf = decltype(Row::id);

/// Rows that a store may delete once they are due.
template <class Row>
concept Forgettable = requires { requires Row::forgotten_when_due; };

}  // namespace admit::domain
