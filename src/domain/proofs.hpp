#pragma once
// Secrets that are good once: links in mails, codes on a screen, challenges.

#include <chrono>

#include "domain/command.hpp"

namespace admit::domain {

struct NewProof {
  ProofId id;
  ProofPurpose purpose = ProofPurpose::verify_email;
  UserId user_id;
  Uuid subject;
  std::string email;
  std::string detail;
  Bytes secret_hash;
  std::chrono::seconds ttl{};
};
void put_proof(World& world, const Meta& meta, NewProof proof);

void need_proof(Needs& needs, ProofId id);
/// Uses it up. Refuses: unknown_proof (also one of another purpose, used, over, or with another secret).
[[nodiscard]] Result<Proof> take_proof(World& world, const Meta& meta, ProofId id, const Bytes& secret_hash,
                                       ProofPurpose purpose);

}  // namespace admit::domain
