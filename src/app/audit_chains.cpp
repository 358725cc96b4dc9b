#include "app/audit_chains.hpp"

#include <algorithm>
#include <utility>

namespace admit::app {

using namespace domain;

AuditChains::AuditChains(store::Store& store, Tell tell, AuditProof proof)
    : x_store(store), x_tell(std::move(tell)), x_proof(std::move(proof)) {
  x_anchor = store::get<AuditHead>(store, audit_head_id(anchor_chain));
  for (std::int64_t number = 0; number < audit_chains; ++number) {
    auto& chain = x_chains[static_cast<std::size_t>(number)];
    chain.head = store::get<AuditHead>(store, audit_head_id(number));
    next(chain, number);
  }
}

void AuditChains::next(Chain& chain, std::int64_t number_of_chain) {
  if (chain.seal) chain.sealed = digest_of(chain.seal->digest);
  chain.seal.reset();
  if (!chain.head || chain.number >= chain.head->number) return;
  ++chain.number;
  const auto id = audit_seal_id(number_of_chain, chain.number);
  chain.seal = store::get<AuditSeal>(x_store, id);
  chain.count = 0;
  chain.digest = chain.sealed;
  if (!chain.seal) {
    x_tell(AuditSeal::table, id.value,
           "stretch " + std::to_string(chain.number) + " of chain " + std::to_string(number_of_chain) + " is gone");
    chain.number = chain.head->number;
    return;
  }
  if (digest_of(chain.seal->previous) != chain.sealed) {
    x_tell(AuditSeal::table, id.value, "does not go on where the stretch before ended");
  }
}

void AuditChains::close(Chain& chain) {
  const auto& seal = *chain.seal;
  if (chain.digest != digest_of(seal.digest) || chain.count != seal.count) {
    x_tell(AuditSeal::table, seal.id.value, "an entry of its stretch was changed, taken out or put in");
  }
  next(chain, seal.chain);
}

void AuditChains::take(const AuditEntry& entry) {
  x_newest = std::max(x_newest, entry.at);
  if (!x_anchor || entry.id > x_anchor->last) {
    if (!x_open) x_open = entry;
    return;
  }
  ++x_examined;
  auto& chain = x_chains[static_cast<std::size_t>(audit_chain_of(entry))];
  while (chain.seal && entry.id > chain.seal->last) close(chain);
  if (!chain.seal) {
    x_tell(AuditEntry::table, entry.id.value, "is older than what is sealed, but in no stretch");
    return;
  }
  chain.digest = extended(chain.digest, entry);
  ++chain.count;
  if (entry.id == chain.seal->last) close(chain);
}

void AuditChains::finish() {
  for (auto& chain : x_chains) {
    while (chain.seal) close(chain);
    if (chain.head && chain.sealed != digest_of(chain.head->digest)) {
      x_tell(AuditHead::table, chain.head->id.value, "is not the end of its chain");
    }
  }
  if (x_anchor) check_anchors();
  if (x_open && x_proof.sealed_after && x_open->at + *x_proof.sealed_after < x_newest) {
    x_tell(AuditEntry::table, x_open->id.value,
           "is in no stretch, though it is old enough: the end of the chains was taken away, or nothing seals them");
  }
  if (x_proof.kept) {
    const auto id = audit_seal_id(anchor_chain, x_proof.kept->number);
    const auto anchor = store::get<AuditSeal>(x_store, id);
    if (!anchor || digest_of(anchor->digest) != x_proof.kept->digest) {
      x_tell(AuditSeal::table, id.value,
             "anchor " + std::to_string(x_proof.kept->number) + " is not the one that was written down");
    }
  }
  for (std::int64_t number = 0; number <= anchor_chain; ++number) {
    const auto& head = number == anchor_chain ? x_anchor : x_chains[static_cast<std::size_t>(number)].head;
    const auto behind = audit_seal_id(number, (head ? head->number : 0) + 1);
    if (store::get<AuditSeal>(x_store, behind)) {
      x_tell(AuditSeal::table, behind.value, "stands behind the end of its chain");
    }
  }
}

void AuditChains::check_anchors() {
  ChainHeads heads;
  std::array<std::optional<AuditSeal>, audit_chains> coming;
  const auto look = [&](std::size_t i) {
    coming[i] = store::get<AuditSeal>(x_store, audit_seal_id(static_cast<std::int64_t>(i), heads[i].number + 1));
  };
  for (std::size_t i = 0; i < heads.size(); ++i) look(i);
  AuditDigest before{};
  for (std::int64_t number = 1; number <= x_anchor->number; ++number) {
    const auto id = audit_seal_id(anchor_chain, number);
    const auto anchor = store::get<AuditSeal>(x_store, id);
    if (!anchor) {
      x_tell(AuditSeal::table, id.value, "anchor " + std::to_string(number) + " is gone");
      return;
    }
    std::int64_t count = 0;
    for (std::size_t i = 0; i < heads.size(); ++i) {
      if (!coming[i] || coming[i]->at != anchor->at) continue;
      heads[i] = {heads[i].number + 1, digest_of(coming[i]->digest)};
      count += coming[i]->count;
      look(i);
    }
    const bool is_ours = !x_proof.key || digest_of(anchor->digest) == anchored(*x_proof.key, before, heads);
    if (digest_of(anchor->previous) != before || !is_ours || anchor->count != count) {
      x_tell(AuditSeal::table, id.value, "anchor " + std::to_string(number) + " does not hold its chains");
    }
    before = digest_of(anchor->digest);
  }
  if (before != digest_of(x_anchor->digest)) {
    x_tell(AuditHead::table, x_anchor->id.value, "is not the last anchor");
  }
}

}  // namespace admit::app
