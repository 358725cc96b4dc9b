#include "api/show_json.hpp"

#include "domain/accounts.hpp"

namespace admit::api {

using http::required;

http::Shape FeesJson::shape() {
  return http::object<FeesJson>(
      "Fees", {required("fixed", &FeesJson::fixed, http::integer(0, 99'999'999).doc("Of each payment, in minor units.")),
               required("percentBp", &FeesJson::percent_bp, http::integer(0, 10'000).doc("Of each payment, in basis points.")),
               http::optional("chargeModel", &FeesJson::charge_model, http::one_of({"destination", "direct"})),
               http::optional("onBehalfOf", &FeesJson::on_behalf_of,
                              http::boolean().doc("The business is the merchant of record."))});
}

http::Shape BusinessJson::shape() {
  return http::object<BusinessJson>(
      "Business", {required("businessId", &BusinessJson::business_id, http::uuid()), required("name", &BusinessJson::name),
                   required("ownerId", &BusinessJson::owner_id, http::uuid()),
                   required("stripeAccount", &BusinessJson::stripe_account,
                            http::text(1, 255).nullable().doc("The connected account that is paid; null until one is linked.")),
                   required("chargesEnabled", &BusinessJson::charges_enabled),
                   required("canSell", &BusinessJson::can_sell, http::boolean().doc("Tickets that cost money.")),
                   required("missing", &BusinessJson::missing,
                            http::text(0, 700).nullable().doc("What keeps it from selling, for people.")),
                   required("fees", &BusinessJson::fees),
                   required("createdAt", &BusinessJson::created_at, http::date_time())});
}

BusinessJson to_json(const domain::Business& business) {
  BusinessJson out{business.id.text(), business.name, business.owner_id.text(), domain::text(business.created_at), {},
                   business.charges_enabled};
  if (!business.stripe_account.empty()) out.stripe_account = business.stripe_account;
  out.missing = domain::sales_gate(business);
  out.can_sell = !out.missing;
  out.fees = {.fixed = business.fee_fixed_minor,
              .percent_bp = business.fee_percent_bp,
              .charge_model = std::string(domain::word(business.charge_model)),
              .on_behalf_of = business.on_behalf_of};
  return out;
}

http::Shape WindowJson::shape() {
  return http::object<WindowJson>("Window", {required("from", &WindowJson::from, http::date_time()),
                                             required("until", &WindowJson::until, http::date_time())});
}

http::Shape TierJson::shape() {
  return http::object<TierJson>(
      "Tier",
      {required("tierId", &TierJson::tier_id, http::uuid()), required("name", &TierJson::name),
       required("price", &TierJson::price, http::integer(0, 99'999'999).doc("Gross, in minor units.")),
       required("fee", &TierJson::fee, http::integer(0, 99'999'999).doc("Booking fee per ticket, on top.")),
       required("taxRate", &TierJson::tax_rate, http::integer(0, 10'000).doc("Of price and fee, in basis points.")),
       required("currency", &TierJson::currency, http::currency()),
       required("minPerRegistration", &TierJson::min_per_registration),
       required("maxPerRegistration", &TierJson::max_per_registration),
       required("quotaIds", &TierJson::quota_ids, http::items(1, 8, http::uuid())),
       required("available", &TierJson::available,
                http::integer(0, 100).doc("Places left, told up to 100; 0 means sold out for now."))});
}

TierJson to_json(const domain::Tier& tier, const std::string& currency, std::int64_t available) {
  TierJson out{.tier_id = tier.id.text(), .name = tier.name, .currency = currency, .price = tier.price_minor, .fee = tier.fee_minor,
               .tax_rate = tier.tax_rate_bp, .min_per_registration = tier.min_per_registration,
               .max_per_registration = tier.max_per_registration, .available = available};
  for (const auto& id : tier.quota_ids) out.quota_ids.push_back(id.text());
  return out;
}

http::Shape QuotaJson::shape() {
  return http::object<QuotaJson>("Quota", {required("quotaId", &QuotaJson::quota_id, http::uuid()), required("name", &QuotaJson::name),
                                           required("size", &QuotaJson::size), required("taken", &QuotaJson::taken)});
}

QuotaJson to_json(const domain::Quota& quota) { return {quota.id.text(), quota.name, quota.size, quota.taken}; }

http::Shape ShowJson::shape() {
  return http::object<ShowJson>(
      "Show",
      {required("showId", &ShowJson::show_id, http::uuid()),
       required("eventId", &ShowJson::event_id, http::uuid().doc("The same as showId.")),
       required("businessId", &ShowJson::business_id, http::uuid()), required("title", &ShowJson::title),
       required("venue", &ShowJson::venue), required("address", &ShowJson::address), required("language", &ShowJson::language),
       required("zone", &ShowJson::zone), required("startsLocal", &ShowJson::starts_local, http::local_time()),
       required("doorsLocal", &ShowJson::doors_local, http::local_time()),
       required("startsAt", &ShowJson::starts_at, http::date_time()), required("doorsAt", &ShowJson::doors_at, http::date_time()),
       required("windows", &ShowJson::windows, http::items(1, 32).doc("When the doors admit.")),
       required("currency", &ShowJson::currency, http::currency()),
       required("status", &ShowJson::status, http::one_of({"draft", "published", "cancelled"})),
       required("saleFrom", &ShowJson::sale_from, http::date_time().nullable()),
       required("saleUntil", &ShowJson::sale_until, http::date_time().nullable()),
       required("holdSeconds", &ShowJson::hold_seconds),
       required("maxTicketsPerRegistration", &ShowJson::max_tickets_per_registration),
       required("conditions", &ShowJson::conditions), required("tiers", &ShowJson::tiers, http::items(0, 100))});
}

ShowJson to_json(const domain::Show& show, std::vector<TierJson> tiers) {
  ShowJson out{.show_id = show.id.text(), .event_id = show.id.text(), .business_id = show.business_id.text(), .title = show.title,
               .venue = show.venue, .address = show.address, .language = show.language, .zone = show.zone,
               .starts_local = show.starts_local, .doors_local = show.doors_local, .starts_at = domain::text(show.starts_at),
               .doors_at = domain::text(show.doors_at), .currency = show.currency, .status = std::string(domain::word(show.status)),
               .conditions = show.conditions, .hold_seconds = show.hold_shown_s,
               .max_tickets_per_registration = show.max_tickets_per_registration, .tiers = std::move(tiers)};
  for (const auto& window : show.windows) out.windows.push_back({domain::text(window.from), domain::text(window.until)});
  if (show.sale_from) out.sale_from = domain::text(*show.sale_from);
  if (show.sale_until) out.sale_until = domain::text(*show.sale_until);
  return out;
}

}  // namespace admit::api
