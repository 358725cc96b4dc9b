#pragma once
// What every command carries, and the ids a decision makes.
//
// A command is a struct with a member `meta` and a type `Outcome`, and two free functions beside it:
//   void needs(const Command&, Needs&);                  names the rows it wants
//   Result<Command::Outcome> decide(const Command&, World&);  refuses, or changes the world and tells the outcome
// A refusal leaves the world as it was: the engine takes back whatever was put before it.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "domain/result.hpp"
#include "domain/world.hpp"

namespace admit::domain {

/// Who sends a command, when, from where. `now` and `seed` are all the time and chance a decision has.
struct Meta {
  Instant now{};
  Seed seed;
  UserId user;             // the signed-in account, none for a key, a device, a provider or a worker
  ApiKeyId key;            // the business's key, where one was sent
  bool is_operator = false;
  std::string actor;       // for the audit: user:ID, key:ID, device:ID, stripe, system
  std::string address;     // the client's
};

/// Fresh ids of one command, in order.
class FreshIds {
 public:
  explicit FreshIds(const Meta& meta) : x_now(meta.now), x_seed(meta.seed) {}
  template <class AnyId>
  AnyId next() {
    return AnyId{fresh_uuid(x_now, x_seed, x_count++)};
  }

 private:
  Instant x_now;
  Seed x_seed;
  std::uint32_t x_count = 0;
};

/// Writes the audit entry of a change; `detail` where the action alone does not tell what changed, never a secret.
inline void audit(World& world, const Meta& meta, FreshIds& ids, std::string_view action, Uuid subject, ShowId show = {},
                  std::string_view detail = {}) {
  world.put(AuditEntry{.id = ids.next<AuditId>(),
                       .at = meta.now,
                       .actor = meta.actor,
                       .action = std::string(action),
                       .subject = subject,
                       .show_id = show,
                       .address = meta.address,
                       .detail = std::string(detail)});
}

/// Puts work to be done outside the transaction, due after `delay`.
inline JobId put_job(World& world, const Meta& meta, FreshIds& ids, JobKind kind, Uuid subject,
                     std::string_view detail = {}, std::chrono::seconds delay = {}) {
  Job job{.id = ids.next<JobId>(),
          .kind = kind,
          .subject = subject,
          .detail = std::string(detail),
          .due_at = meta.now + delay,
          .created_at = meta.now};
  const JobId id = job.id;
  world.put(std::move(job));
  return id;
}

/// A text field that must hold 1 to `limit` bytes.
inline bool is_text(std::string_view text, std::size_t limit_bytes) { return !text.empty() && text.size() <= limit_bytes; }

/// The first bytes of a UTF-8 text, at most `limit_bytes`, without half a character at the end.
inline std::string first_bytes(std::string_view text, std::size_t limit_bytes) {
  std::size_t end = std::min(text.size(), limit_bytes);
  while (end < text.size() && end > 0 && (text[end] & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end));
}

}  // namespace admit::domain
