#pragma once
// demo.json: what a script needs to go on where a demo ended.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/demo_office.hpp"

namespace admit::app {

struct DemoUsers {
  struct Gate {
    std::string token;
    static http::Shape shape() { return http::object<Gate>("DemoGate", {http::required("token", &Gate::token)}); }
  };
  DemoUser customer, organiser, op;
  Gate gate;
  static http::Shape shape() {
    return http::object<DemoUsers>(
        "DemoUsers",
        {http::required("customer", &DemoUsers::customer), http::required("organiser", &DemoUsers::organiser),
         http::required("operator", &DemoUsers::op), http::required("gate", &DemoUsers::gate)});
  }
};

struct DemoStripe {
  std::string api_base, secret_key, publishable_key, webhook_secret, connected_account;
  static http::Shape shape() {
    return http::object<DemoStripe>("DemoStripe", {http::required("apiBase", &DemoStripe::api_base),
                                                   http::required("secretKey", &DemoStripe::secret_key),
                                                   http::required("publishableKey", &DemoStripe::publishable_key),
                                                   http::required("webhookSecret", &DemoStripe::webhook_secret),
                                                   http::required("connectedAccount", &DemoStripe::connected_account)});
  }
};

/// What a script needs to go on: demo.json.
struct DemoFile {
  std::string base_url, business_id, show_id, registration_id, ticket_id, qr_code;
  std::optional<std::string> payment_intent_id;  // of a sale that cost something
  std::vector<std::string> tier_ids;
  DemoUsers users;
  DemoStripe stripe;
  static http::Shape shape() {
    using http::required;
    return http::object<DemoFile>(
        "DemoFile", {required("baseUrl", &DemoFile::base_url), required("businessId", &DemoFile::business_id),
                     required("showId", &DemoFile::show_id), required("tierIds", &DemoFile::tier_ids),
                     required("registrationId", &DemoFile::registration_id),
                     http::optional("paymentIntentId", &DemoFile::payment_intent_id),
                     required("ticketId", &DemoFile::ticket_id), required("qrCode", &DemoFile::qr_code),
                     required("users", &DemoFile::users), required("stripe", &DemoFile::stripe)});
  }
};

/// One of what was sold.
struct DemoSale {
  DemoUser customer;
  std::string registration_id;
  std::optional<std::string> payment_intent_id;
  std::string ticket_id, qr_code;
};

/// `app` has a sandbox.
[[nodiscard]] DemoFile demo_file(App& app, const DemoHouse& house, DemoSale sale);
/// The path of the file in a data folder, where one of an earlier run, with another address, is removed.
[[nodiscard]] std::filesystem::path clear_demo_file(const std::filesystem::path& folder);
void write_demo_file(const std::filesystem::path& path, const DemoFile& file);

}  // namespace admit::app
