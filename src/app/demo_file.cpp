#include "app/demo_file.hpp"

#include <utility>

#include "app/paper_scan.hpp"
#include "payment/sandbox/sandbox.hpp"

namespace admit::app {

DemoFile demo_file(App& app, const DemoHouse& house, DemoSale sale) {
  const auto& keys = app.sandbox()->keys();
  return {.base_url = app.base_url(),
          .business_id = house.business_id,
          .show_id = house.show_id,
          .registration_id = std::move(sale.registration_id),
          .ticket_id = std::move(sale.ticket_id),
          .qr_code = std::move(sale.qr_code),
          .payment_intent_id = std::move(sale.payment_intent_id),
          .tier_ids = house.tier_ids,
          .users = {.customer = std::move(sale.customer),
                    .organiser = house.organiser,
                    .op = house.op,
                    .gate = {house.gate_token}},
          .stripe = {.api_base = app.sandbox()->api_base(),
                     .secret_key = std::string(keys.secret_key.text()),
                     .publishable_key = std::string(keys.publishable_key.text()),
                     .webhook_secret = std::string(keys.webhook_secret.text()),
                     .connected_account = house.connected_account}};
}

std::filesystem::path clear_demo_file(const std::filesystem::path& folder) {
  auto path = folder / "demo.json";
  std::filesystem::remove(path);
  return path;
}

void write_demo_file(const std::filesystem::path& path, const DemoFile& file) {
  write_private(path, http::write_json(file) + "\n");
}

}  // namespace admit::app
