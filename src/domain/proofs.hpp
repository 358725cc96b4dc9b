#pragma once
// Secrets that are good once: links in mails, codes on a screen, challenges.

#include <chrono>

#include "domain/command.hpp"

namespace admit::domain {

/// A secret that is mailed; made by the caller, as the mail's link is.
struct MailedProof {
  ProofId id;
  Bytes secret_hash;
};

struct NewProof {
  ProofId id;
  ProofPurpose purpose = ProofPurpose::verify_email;
  UserId user_id;
  Uuid subject;
  std::string email;
  std::string detail;
  Bytes secret_hash;
  std::int64_t generation = 0;
  std::chrono::seconds ttl{};
};
void put_proof(World& world, const Meta& meta, NewProof proof);

/// What a link about an account says beside its secret.
struct ProofLetter {
  ProofPurpose purpose = ProofPurpose::verify_email;
  std::string email;   // where it goes
  std::string detail;  // as Proof has it
  std::chrono::seconds ttl{};
};
/// Has a link mailed. It is void as soon as what signs in to the account changes: generation.
void mail_proof(World& world, const Meta& meta, FreshIds& ids, const User& user, const MailedProof& proof,
                ProofLetter letter);

void need_proof(Needs& needs, ProofId id);
/// Uses it up. Refuses: unknown_proof (also one of another purpose, used, over, or with another secret).
[[nodiscard]] Result<Proof> take_proof(World& world, const Meta& meta, ProofId id, const Bytes& secret_hash,
                                       ProofPurpose purpose);

}  // namespace admit::domain
