#include "domain/devices.hpp"

#include <algorithm>

#include "domain/access.hpp"
#include "domain/proofs.hpp"
#include "domain/sale.hpp"

namespace admit::domain {
namespace {

/// The token that a code replaces: once the device has another, the code is void.
std::string replaced(const Device& device) {
  return derived_id<DeviceId>("token", device.token_hash.data).text();
}

void put_enrolment(World& world, const Meta& meta, const Device& device, const Enrolment& enrolment) {
  put_proof(world, meta,
            {.id = enrolment.id,
             .purpose = ProofPurpose::enrol_device,
             .user_id = meta.user,
             .subject = device.id.value,
             .email = {},
             .detail = replaced(device) + (meta.key ? " " + meta.key.text() : ""),
             .secret_hash = enrolment.secret_hash,
             .ttl = enrolment_ttl});
}

/// Who made the code, as if they asked now: it is as good as what they still may do. `user` is the account's row, none
/// where a key made it.
Meta by_maker(const Proof& proof, const User* user, Instant now) {
  Meta maker;
  maker.now = now;
  maker.user = proof.user_id;
  maker.is_operator = user != nullptr && user->is_operator;
  const auto space = proof.detail.find(' ');
  if (space != std::string::npos) maker.key = ApiKeyId::parse(proof.detail.substr(space + 1)).value_or(ApiKeyId{});
  return maker;
}

Result<Device> device_for(const Meta& meta, DeviceId id, const World& world, Capability capability) {
  const Device* device = world.find<Device>(id);
  if (device == nullptr) return refuse(Refusal::unknown_device, "deviceId", "There is no such gate.");
  if (!may(world, meta, device->business_id, capability)) {
    return refuse(Refusal::forbidden, "deviceId",
                  "The gate belongs to another business, or your role may not do this.");
  }
  return *device;
}

void need_device(Needs& needs, const Meta& meta, DeviceId id) {
  if (const auto* device = needs.change<Device>(id)) need_access(needs, meta, device->business_id);
}

}  // namespace

void needs(const CreateDevice& command, Needs& needs) {
  if (const auto* show = needs.read<Show>(command.show_id)) need_access(needs, command.meta, show->business_id);
  needs.change<Device>(command.device_id);
  for (const auto& tier : command.tier_ids) needs.read<Tier>(tier);
  if (command.enrolment) need_proof(needs, command.enrolment->id);
}

Result<Device> decide(const CreateDevice& command, World& world) {
  if (!is_text(command.gate, 100)) {
    return refuse(Refusal::invalid_field, "gate", "Give the gate a name of 1 to 100 bytes.");
  }
  const Show* show = world.find<Show>(command.show_id);
  if (show == nullptr) return refuse(Refusal::unknown_show, "showId", "There is no such show.");
  if (!may(world, command.meta, show->business_id, Capability::manage_gates)) {
    return refuse(Refusal::forbidden, "showId", "The show belongs to another business, or your role may not do this.");
  }
  if (show->status == ShowStatus::cancelled) return refuse(Refusal::show_cancelled, "showId", "The show is cancelled.");
  auto tiers = command.tier_ids;
  std::ranges::sort(tiers);
  const auto repeated = std::ranges::unique(tiers);
  tiers.erase(repeated.begin(), repeated.end());
  for (const auto& id : tiers) {
    const Tier* tier = world.find<Tier>(id);
    if (tier == nullptr || tier->show_id != show->id) {
      return refuse(Refusal::unknown_tier, "tierIds", "The show has no such tier.");
    }
  }
  if (world.find<Device>(command.device_id) != nullptr) {
    return refuse(Refusal::conflict, "", "There is a gate with this id.");
  }
  Device device{.id = command.device_id,
                .show_id = show->id,
                .business_id = show->business_id,
                .gate = command.gate,
                .tier_ids = std::move(tiers),
                .token_hash = command.enrolment ? Bytes{} : command.token_hash,
                .created_by = command.meta.user,
                .created_at = command.meta.now};
  world.put(device);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "device.created", device.id.value, device.show_id);
  if (command.enrolment) put_enrolment(world, command.meta, device, *command.enrolment);
  return device;
}

void needs(const AskEnrolment& command, Needs& needs) {
  need_device(needs, command.meta, command.device_id);
  need_proof(needs, command.enrolment.id);
}

Result<Device> decide(const AskEnrolment& command, World& world) {
  auto device = device_for(command.meta, command.device_id, world, Capability::enrol_devices);
  if (!device) return device;
  if (device->revoked_at) return refuse(Refusal::unknown_device, "deviceId", "The gate was revoked; make another.");
  put_enrolment(world, command.meta, *device, command.enrolment);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "device.enrolment_asked", device->id.value, device->show_id);
  return device;
}

void needs(const EnrolDevice& command, Needs& needs) {
  need_proof(needs, command.enrolment.id);
  if (const auto* proof = needs.change<Proof>(command.enrolment.id)) {
    const auto* device = needs.change<Device>(DeviceId{proof->subject});
    const auto* user = proof->user_id ? needs.read<User>(proof->user_id) : nullptr;
    if (device != nullptr) need_access(needs, by_maker(*proof, user, command.meta.now), device->business_id);
  }
}

Result<Device> decide(const EnrolDevice& command, World& world) {
  const auto proof =
      take_proof(world, command.meta, command.enrolment.id, command.enrolment.secret_hash, ProofPurpose::enrol_device);
  if (!proof) return std::unexpected(proof.error());
  const Device* found = world.find<Device>(DeviceId{proof->subject});
  const User* user = proof->user_id ? world.find<User>(proof->user_id) : nullptr;
  const bool is_good = found != nullptr && !found->revoked_at && proof->detail.starts_with(replaced(*found)) &&
                       (user == nullptr || !user->locked_at) &&
                       may(world, by_maker(*proof, user, command.meta.now), found->business_id, Capability::enrol_devices);
  if (!is_good) {
    return refuse(Refusal::unknown_proof, "code", "This code is used up or too old; ask for another.");
  }
  Device device = *found;
  device.token_hash = command.token_hash;
  world.put(device);
  Meta meta = command.meta;
  meta.actor = "device:" + device.id.text();
  FreshIds ids(meta);
  audit(world, meta, ids, "device.enrolled", device.id.value, device.show_id);
  return device;
}

void needs(const RevokeDevice& command, Needs& needs) {
  need_device(needs, command.meta, command.device_id);
}

Result<Device> decide(const RevokeDevice& command, World& world) {
  auto device = device_for(command.meta, command.device_id, world, Capability::manage_gates);
  if (!device || device->revoked_at) return device;
  device->revoked_at = command.meta.now;
  world.put(*device);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "device.revoked", device->id.value, device->show_id);
  return device;
}

}  // namespace admit::domain
