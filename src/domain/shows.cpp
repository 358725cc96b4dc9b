#include "domain/shows.hpp"

#include <algorithm>

#include "domain/access.hpp"
#include "domain/catalogue.hpp"
#include "domain/money.hpp"

namespace admit::domain {
namespace {

/// The show, if it is there and the caller may do this to it.
Result<Show> show_for(const Meta& meta, ShowId id, const World& world, Capability capability) {
  const Show* show = world.find<Show>(id);
  if (show == nullptr) return refuse(Refusal::unknown_show, "showId", "There is no such show.");
  if (!may(world, meta, show->business_id, capability)) {
    return refuse(Refusal::forbidden, "showId", "The show belongs to another business, or your role may not do this.");
  }
  if (show->status == ShowStatus::cancelled) return refuse(Refusal::show_cancelled, "showId", "The show is cancelled.");
  return *show;
}

void need_show(Needs& needs, const Meta& meta, ShowId id, bool change) {
  const auto* show = change ? needs.change<Show>(id) : needs.read<Show>(id);
  if (show != nullptr) need_access(needs, meta, show->business_id);
}

bool in_range(std::int64_t value, std::int64_t least, std::int64_t most) {
  return least <= value && value <= most;
}

Result<void> check(const Show& show) {
  const auto bad = [](std::string field, std::string what) {
    return refuse(Refusal::invalid_field, std::move(field), std::move(what));
  };
  if (!is_text(show.title, 200)) return bad("title", "Give a title of 1 to 200 bytes.");
  if (show.venue.size() > 200) return bad("venue", "The venue's name has at most 200 bytes.");
  if (show.address.size() > 300) return bad("address", "The address has at most 300 bytes.");
  if (show.conditions.size() > 500) return bad("conditions", "The conditions have at most 500 bytes.");
  if (!is_currency(show.currency)) return bad("currency", "Give the ISO 4217 code of a currency in use, like EUR.");
  if (show.windows.empty() || show.windows.size() > max_windows_per_show) {
    return bad("windows", "Give 1 to 32 admission windows.");
  }
  for (const auto& window : show.windows) {
    if (window.until <= window.from) return bad("windows", "An admission window must end after it begins.");
  }
  if (show.doors_at > show.starts_at) return bad("doors", "The doors must open before the show starts.");
  if (show.sale_from && show.sale_until && *show.sale_until <= *show.sale_from) {
    return bad("saleUntil", "The sale must end after it begins.");
  }
  if (!in_range(show.hold_shown_s, 60, 3600)) return bad("holdSeconds", "A hold lasts 60 to 3600 seconds.");
  if (!in_range(show.hold_grace_s, 0, 1800)) return bad("holdGraceSeconds", "The grace lasts 0 to 1800 seconds.");
  if (!in_range(show.max_tickets_per_registration, 1, max_tickets_hard)) {
    return bad("maxTicketsPerRegistration", "A registration holds 1 to 40 tickets.");
  }
  if (!in_range(show.max_live_holds_per_user, 1, 1'000'000)) {
    return bad("maxLiveHoldsPerUser", "Give a number from 1 to 1000000.");
  }
  if (!in_range(show.max_live_holds_per_address, 1, 1'000'000)) {
    return bad("maxLiveHoldsPerAddress", "Give a number from 1 to 1000000.");
  }
  if (!in_range(show.max_free_tickets_per_user, 0, 1'000'000)) {
    return bad("maxFreeTicketsPerUser", "Give a number from 0 to 1000000.");
  }
  if (!in_range(show.customer_refund_until_s, 0, 366 * 24 * 3600)) {
    return bad("customerRefundUntilSeconds", "Give 0 to 31622400 seconds before the doors; 0 for never.");
  }
  return {};
}

}  // namespace

void needs(const CreateShow& command, Needs& needs) {
  need_access(needs, command.meta, command.show.business_id);
  needs.change<Show>(command.show.id);
  needs.change<ShowKey>(show_key_id(command.show.id, 0));
}

Result<Show> decide(const CreateShow& command, World& world) {
  if (auto ok = check(command.show); !ok) return std::unexpected(ok.error());
  const Business* business = world.find<Business>(command.show.business_id);
  if (business == nullptr) return refuse(Refusal::unknown_business, "businessId", "There is no such business.");
  if (!may(world, command.meta, *business, Capability::manage_shows)) {
    return refuse(Refusal::forbidden, "businessId", "The business belongs to somebody else, or your role may not do this.");
  }
  if (world.find<Show>(command.show.id) != nullptr)
    return refuse(Refusal::conflict, "", "There is a show with this id.");
  FreshIds ids(command.meta);
  Show show = command.show;
  show.status = ShowStatus::draft;
  show.tier_count = 0;
  show.key_number = 0;
  show.created_at = command.meta.now;
  world.put(show);
  world.put(ShowKey{.id = show_key_id(show.id, 0),
                    .show_id = show.id,
                    .number = 0,
                    .public_key = command.public_key,
                    .wrapped_private_key = command.wrapped_private_key,
                    .created_at = command.meta.now});
  audit(world, command.meta, ids, "show.created", show.id.value, show.id);
  return show;
}

void needs(const CreateQuota& command, Needs& needs) {
  need_show(needs, command.meta, command.show_id, false);
}

Result<Quota> decide(const CreateQuota& command, World& world) {
  if (!is_text(command.name, 100)) return refuse(Refusal::invalid_field, "name", "Give a name of 1 to 100 bytes.");
  if (!in_range(command.size, 0, max_quota_size)) {
    return refuse(Refusal::invalid_field, "size", "Give a number of places from 0 to 10000000.");
  }
  auto show = show_for(command.meta, command.show_id, world, Capability::manage_shows);
  if (!show) return std::unexpected(show.error());
  FreshIds ids(command.meta);
  Quota quota{.id = ids.next<QuotaId>(), .show_id = show->id, .name = command.name, .size = command.size};
  world.put(quota);
  audit(world, command.meta, ids, "quota.created", quota.id.value, show->id);
  return quota;
}

void needs(const CreateTier& command, Needs& needs) {
  need_show(needs, command.meta, command.show_id, true);
  for (const QuotaId quota : command.quota_ids) needs.read<Quota>(quota);
}

Result<Tier> decide(const CreateTier& command, World& world) {
  const auto bad = [](std::string field, std::string what) {
    return refuse(Refusal::invalid_field, std::move(field), std::move(what));
  };
  if (!is_text(command.name, 100)) return bad("name", "Give a name of 1 to 100 bytes.");
  if (!in_range(command.price_minor, 0, max_amount_minor))
    return bad("price", "Give a price from 0 to 99999999 minor units.");
  if (!in_range(command.fee_minor, 0, max_amount_minor))
    return bad("fee", "Give a fee from 0 to 99999999 minor units.");
  if (!in_range(command.tax_rate_bp, 0, max_tax_rate_bp))
    return bad("taxRate", "Give a tax rate from 0 to 10000 basis points.");
  if (!in_range(command.max_per_registration, 1, max_tickets_hard)) {
    return bad("maxPerRegistration", "A registration takes 1 to 40 tickets of a tier.");
  }
  if (!in_range(command.min_per_registration, 1, command.max_per_registration)) {
    return bad("minPerRegistration", "The minimum is at least 1 and at most the maximum.");
  }
  if (command.capacity && !in_range(*command.capacity, 0, max_quota_size)) {
    return bad("capacity", "Give a number of places from 0 to 10000000.");
  }
  if (command.capacity.has_value() == !command.quota_ids.empty()) {
    return bad("quotaIds", "Give either the quotas to draw from, or a capacity of the tier's own.");
  }
  if (command.quota_ids.size() > max_quotas_per_tier) return bad("quotaIds", "A tier draws from at most 8 quotas.");
  auto show = show_for(command.meta, command.show_id, world, Capability::manage_shows);
  if (!show) return std::unexpected(show.error());
  const std::int64_t cost = command.price_minor + command.fee_minor;
  if (!is_chargeable(cost, show->currency)) {
    return bad("price", "Price and fee together cannot be charged in this currency: its last digits must be zero.");
  }
  if (cost > 0 && cost * command.min_per_registration < minimum_charge_minor(show->currency)) {
    return bad("price", "The least amount that can be charged in this currency is " +
                            std::to_string(minimum_charge_minor(show->currency)) + " minor units.");
  }
  for (std::size_t i = 0; i < command.quota_ids.size(); ++i) {
    const Quota* quota = world.find<Quota>(command.quota_ids[i]);
    if (quota == nullptr || quota->show_id != show->id ||
        std::ranges::count(command.quota_ids, command.quota_ids[i]) > 1) {
      return bad("quotaIds[" + std::to_string(i) + "]", "Name each quota of this show at most once.");
    }
  }
  if (show->tier_count >= max_tiers_per_show) return bad("showId", "A show has at most 100 tiers.");

  FreshIds ids(command.meta);
  Tier tier{.id = ids.next<TierId>(),
            .show_id = show->id,
            .number = show->tier_count,
            .name = command.name,
            .price_minor = command.price_minor,
            .tax_rate_bp = command.tax_rate_bp,
            .fee_minor = command.fee_minor,
            .min_per_registration = command.min_per_registration,
            .max_per_registration = command.max_per_registration,
            .quota_ids = command.quota_ids};
  if (command.capacity) {
    Quota quota{.id = ids.next<QuotaId>(), .show_id = show->id, .name = command.name, .size = *command.capacity};
    tier.quota_ids = {quota.id};
    audit(world, command.meta, ids, "quota.created", quota.id.value, show->id);
    world.put(std::move(quota));
  }
  ++show->tier_count;
  world.put(*show);
  world.put(tier);
  audit(world, command.meta, ids, "tier.created", tier.id.value, show->id,
        "price " + std::to_string(tier.price_minor) + ", fee " + std::to_string(tier.fee_minor));
  return tier;
}

void needs(const PublishShow& command, Needs& needs) {
  need_show(needs, command.meta, command.show_id, true);
}

Result<Show> decide(const PublishShow& command, World& world) {
  auto show = show_for(command.meta, command.show_id, world, Capability::manage_shows);
  if (!show) return show;
  if (show->status == ShowStatus::published) return show;
  if (world.get<Business>(show->business_id).closed_at) {
    return refuse(Refusal::sale_closed, "", "The business is closed: its owner is gone.");
  }
  if (show->tier_count == 0) return refuse(Refusal::show_incomplete, "tiers", "Add a tier before publishing the show.");
  show->status = ShowStatus::published;
  show->catalogue = catalogue_key(show->starts_at);
  world.put(*show);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "show.published", show->id.value, show->id);
  return show;
}

void needs(const RotateShowKey& command, Needs& needs) {
  need_show(needs, command.meta, command.show_id, true);
  needs.change<ShowKey>(show_key_id(command.show_id, command.number));
}

Result<ShowKey> decide(const RotateShowKey& command, World& world) {
  auto show = show_for(command.meta, command.show_id, world, Capability::manage_shows);
  if (!show) return std::unexpected(show.error());
  if (command.number != show->key_number + 1 || command.number > 255) {
    return refuse(Refusal::conflict, "number", "The next key of the show has another number.");
  }
  ShowKey key{.id = show_key_id(show->id, command.number),
              .show_id = show->id,
              .number = command.number,
              .public_key = command.public_key,
              .wrapped_private_key = command.wrapped_private_key,
              .created_at = command.meta.now};
  show->key_number = command.number;
  world.put(*show);
  world.put(key);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "show_key.rotated", key.id.value, show->id);
  return key;
}

void needs(const AddSealingEpoch& command, Needs& needs) {
  needs.change<SealingEpoch>(sealing_epoch_id(command.number));
}

Result<SealingEpoch> decide(const AddSealingEpoch& command, World& world) {
  const CounterId id = sealing_epoch_id(command.number);
  if (world.find<SealingEpoch>(id) != nullptr)
    return refuse(Refusal::conflict, "number", "The epoch is there already.");
  SealingEpoch epoch{.id = id, .number = command.number, .check = command.check, .created_at = command.meta.now};
  world.put(epoch);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "sealing_epoch.added", id.value);
  return epoch;
}

}  // namespace admit::domain
