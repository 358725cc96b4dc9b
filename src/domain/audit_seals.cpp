#include "domain/audit_seals.hpp"

#include <algorithm>

#include "domain/sha256.hpp"

namespace admit::domain {
namespace {

void append(std::string& out, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 0xff);
}
void append(std::string& out, std::string_view text) {
  append(out, static_cast<std::uint64_t>(text.size()));
  out += text;
}
void append(std::string& out, const AuditDigest& digest) {
  out.append(digest.begin(), digest.end());
}

/// RFC 2104.
AuditDigest hmac(const AuditKey& key, std::string_view text) {
  std::string inner(64, '\x36'), outer(64, '\x5c');
  for (std::size_t i = 0; i < key.size(); ++i) {
    inner[i] = static_cast<char>(inner[i] ^ key[i]);
    outer[i] = static_cast<char>(outer[i] ^ key[i]);
  }
  append(outer, sha256(inner.append(text)));
  return sha256(outer);
}

ChainHead head_of(const World& world, std::int64_t chain) {
  const auto* head = world.find<AuditHead>(audit_head_id(chain));
  return head != nullptr ? ChainHead{head->number, digest_of(head->digest)} : ChainHead{};
}

void put_seal(World& world, const AuditSeal& seal) {
  world.put(seal);
  AuditHead head{.id = audit_head_id(seal.chain)};
  if (const auto* before = world.find<AuditHead>(head.id)) head = *before;
  head.number = seal.number;
  head.last = seal.last;
  head.digest = seal.digest;
  world.put(std::move(head));
}

}  // namespace

std::int64_t audit_chain_of(const AuditEntry& entry) {
  return sha256(entry.show_id.value.raw()).front() % audit_chains;
}

AuditDigest extended(const AuditDigest& before, const AuditEntry& entry) {
  std::string text = "admit/audit/entry/1";
  text.reserve(256);
  append(text, before);
  text += entry.id.value.raw();
  append(text, static_cast<std::uint64_t>(to_unix_ms(entry.at)));
  append(text, entry.actor);
  append(text, entry.action);
  text += entry.subject.raw();
  text += entry.show_id.value.raw();
  append(text, entry.address);
  append(text, entry.detail);
  return sha256(text);
}

AuditDigest anchored(const AuditKey& key, const AuditDigest& before, const ChainHeads& heads) {
  std::string text = "admit/audit/anchor/2";
  append(text, before);
  for (const auto& head : heads) {
    append(text, static_cast<std::uint64_t>(head.number));
    append(text, head.digest);
  }
  return hmac(key, text);
}

AuditDigest digest_of(const Bytes& bytes) {
  AuditDigest out{};
  if (bytes.data.size() == out.size()) std::ranges::copy(bytes.data, out.begin());
  return out;
}

Bytes bytes_of(const AuditDigest& digest) {
  return {std::string(digest.begin(), digest.end())};
}

Instant moment_of(Uuid fresh) {
  return from_unix_ms(static_cast<std::int64_t>(fresh.high >> 16));
}

Uuid first_of(Instant moment) {
  return {static_cast<std::uint64_t>(std::max<std::int64_t>(to_unix_ms(moment), 0)) << 16, 0};
}

void needs(const SealAudit& command, Needs& needs) {
  const auto* anchor = needs.change<AuditHead>(audit_head_id(anchor_chain));
  if (anchor != nullptr) needs.read<AuditSeal>(audit_seal_id(anchor_chain, anchor->number));
  needs.change<AuditSeal>(audit_seal_id(anchor_chain, (anchor != nullptr ? anchor->number : 0) + 1));
  for (std::int64_t chain = 0; chain < audit_chains; ++chain) {
    const bool grows = std::ranges::find(command.stretches, chain, &AuditStretch::chain) != command.stretches.end();
    if (!grows) {
      needs.read<AuditHead>(audit_head_id(chain));
      continue;
    }
    const auto* head = needs.change<AuditHead>(audit_head_id(chain));
    needs.change<AuditSeal>(audit_seal_id(chain, (head != nullptr ? head->number : 0) + 1));
  }
}

Result<AuditSeal> decide(const SealAudit& command, World& world) {
  const auto anchor = head_of(world, anchor_chain);
  // Rounds have moments of their own, in order: so an anchor's stretches are known by theirs.
  Instant at = command.meta.now;
  if (anchor.number > 0) {
    at = std::max(at,
                  world.get<AuditSeal>(audit_seal_id(anchor_chain, anchor.number)).at + std::chrono::milliseconds{1});
  }
  ChainHeads heads;
  for (std::int64_t chain = 0; chain < audit_chains; ++chain) {
    heads[static_cast<std::size_t>(chain)] = head_of(world, chain);
  }
  std::int64_t count = 0;
  for (const auto& stretch : command.stretches) {
    auto& head = heads[static_cast<std::size_t>(stretch.chain)];
    if (head.digest != stretch.previous) return refuse(Refusal::conflict, "", "The chain went on meanwhile.");
    head = {head.number + 1, stretch.digest};
    count += stretch.count;
    put_seal(world, AuditSeal{.id = audit_seal_id(stretch.chain, head.number),
                              .chain = stretch.chain,
                              .number = head.number,
                              .last = stretch.last,
                              .count = stretch.count,
                              .previous = bytes_of(stretch.previous),
                              .digest = bytes_of(stretch.digest),
                              .at = at});
  }
  AuditSeal out{.id = audit_seal_id(anchor_chain, anchor.number + 1),
                .chain = anchor_chain,
                .number = anchor.number + 1,
                .last = command.last,
                .count = count,
                .previous = bytes_of(anchor.digest),
                .digest = bytes_of(anchored(command.key, anchor.digest, heads)),
                .at = at};
  put_seal(world, out);
  return out;
}

void needs(const PassLane&, Needs&) {}
Result<bool> decide(const PassLane&, World&) {
  return true;
}

}  // namespace admit::domain
