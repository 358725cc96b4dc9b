#include "domain/proofs.hpp"

namespace admit::domain {

void put_proof(World& world, const Meta& meta, NewProof proof) {
  world.put(Proof{.id = proof.id,
                  .purpose = proof.purpose,
                  .user_id = proof.user_id,
                  .subject = proof.subject,
                  .email = std::move(proof.email),
                  .detail = std::move(proof.detail),
                  .secret_hash = std::move(proof.secret_hash),
                  .generation = proof.generation,
                  .created_at = meta.now,
                  .due_at = meta.now + proof.ttl});
}

void mail_proof(World& world, const Meta& meta, FreshIds& ids, const User& user, const MailedProof& proof,
                ProofLetter letter) {
  put_proof(world, meta,
            {.id = proof.id,
             .purpose = letter.purpose,
             .user_id = user.id,
             .email = std::move(letter.email),
             .detail = std::move(letter.detail),
             .secret_hash = proof.secret_hash,
             .generation = user.generation,
             .ttl = letter.ttl});
  put_job(world, meta, ids, JobKind::mail, proof.id.value, word(letter.purpose));
}

void need_proof(Needs& needs, ProofId id) {
  needs.change<Proof>(id);
}

Result<Proof> take_proof(World& world, const Meta& meta, ProofId id, const Bytes& secret_hash, ProofPurpose purpose) {
  const Proof* found = world.find<Proof>(id);
  // Hashes of random secrets: comparing them tells nobody anything about a secret.
  if (found == nullptr || found->purpose != purpose || found->used || !found->due_at || *found->due_at <= meta.now ||
      found->secret_hash != secret_hash) {
    return refuse(Refusal::unknown_proof, "", "This link or code is used up or too old; ask for another.");
  }
  Proof proof = *found;
  proof.used = true;
  world.put(proof);
  return proof;
}

}  // namespace admit::domain
