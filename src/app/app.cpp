#include "app/app.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "api/services.hpp"
#include "app/limits.hpp"
#include "app/metrics.hpp"
#include "app/ring.hpp"
#include "app/sandbox_relay.hpp"
#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "domain/shows.hpp"
#include "engine/device_view.hpp"
#include "engine/lane.hpp"
#include "engine/revocation_board.hpp"
#include "engine/sale_view.hpp"
#include "http/client.hpp"
#include "identity/external_tokens.hpp"
#include "job/identity_jobs.hpp"
#include "http/server.hpp"
#include "job/audit_sealer.hpp"
#include "job/mails.hpp"
#include "job/provider_jobs.hpp"
#include "log/log.hpp"
#include "mail/folder_mailer.hpp"
#include "mail/smtp_mailer.hpp"
#include "object/folder_store.hpp"
#include "payment/stripe_client.hpp"
#include "store/sqlite/sqlite_store.hpp"
#include "token/order_key.hpp"
#include "token/proof_key.hpp"

#ifndef ADMIT_VERSION
#define ADMIT_VERSION "0.1.0"
#endif

namespace admit::app {
namespace {

constexpr std::chrono::seconds drain_limit{15};

std::string url_of(const Config& config, std::uint16_t port) {
  const auto host = Config::address("listen", config.listen).host;
  const bool v6 = host.find(':') != std::string::npos;
  return (config.tls_cert.empty() ? "http://" : "https://") + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

/// A provider's document, and for how long it says that it holds (RFC 9111, 5.2.2.1).
std::expected<identity::Fetched, std::string> fetch_document(http::Client& client, const std::string& url) {
  http::ClientRequest request{.url = url, .headers = {{"Accept", "application/json"}}};
  request.total_limit = std::chrono::seconds{5};
  request.max_reply_bytes = identity::jwks_limit_bytes;
  const auto reply = client.send_blocking(std::move(request));
  if (!reply) return std::unexpected(std::string(http::word(reply.error().fault)));
  if (reply->status != 200) return std::unexpected("HTTP " + std::to_string(reply->status));
  identity::Fetched out{.body = reply->body, .max_age = std::nullopt};
  const std::string_view control = reply->header("Cache-Control").value_or("");
  if (const auto at = control.find("max-age="); at != std::string_view::npos) {
    std::int64_t seconds = 0;
    const auto text = control.substr(at + 8);
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (fault == std::errc{} && seconds >= 0) {
      out.max_age = std::min<std::chrono::seconds>(std::chrono::seconds{seconds}, identity::keys_age_most);
    }
  }
  return out;
}

/// Stripe.js of the release that we speak: the word behind the date of the interface's version.
std::string stripe_script() {
  return "https://js.stripe.com/" + std::string(payment::stripe_version.substr(payment::stripe_version.find('.') + 1)) + "/stripe.js";
}

}  // namespace

/// Fetched from the system many at a time: each command wants one. Ids are made of them, no secrets.
domain::Seed random_seed() {
  constexpr std::size_t size = 16;
  thread_local std::array<std::uint8_t, 64 * size> bytes;
  thread_local std::size_t used = bytes.size();
  if (used == bytes.size()) {
    crypto::fill_random(bytes);
    used = 0;
  }
  const auto uuid = domain::Uuid::from_bytes(bytes.data() + used);
  used += size;
  return {uuid.high, uuid.low};
}

domain::Instant system_now() { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

/// Ends the lane's thread also where something built after it throws.
class LaneRunner {
 public:
  explicit LaneRunner(engine::Lane& lane) : x_lane(lane), x_thread([&lane] { lane.run(); }) {}
  ~LaneRunner() { stop(); }
  LaneRunner(const LaneRunner&) = delete;
  LaneRunner& operator=(const LaneRunner&) = delete;
  void stop() {
    x_lane.stop();
    if (x_thread.joinable()) x_thread.join();
  }

 private:
  engine::Lane& x_lane;
  std::thread x_thread;
};

/// Members stand in the order in which they are built; what stands below uses what stands above.
struct App::Parts {
  Parts(const Config& given, job::Clock the_clock)
      : config(given),
        clock(the_clock ? std::move(the_clock) : job::Clock(system_now)),
        store({.path = config.data}),
        ring(open_ring(config, store)),
        sale(store),
        devices(store),
        lane(store, {.name = "lane-0",
                     .seed = random_seed(),
                     .max_queue = static_cast<std::size_t>(config.max_queue),
                     .on_commit = [this](const domain::Changes& changes) {
                       sale.on_commit(changes);
                       devices.on_commit(changes);
                       for (const auto& put : changes.of<domain::Revocation>()) refuse(*put.row);
                     }}),
        lane_runner(lane),
        server(server_options(), router),
        base_url(url_of(config, server.port())),
        public_url(config.public_url.empty() ? base_url : config.public_url),
        objects(config.data + "/objects", public_url, ring->derive("admit/link/1").bytes()),
        documents(store, *ring, objects, public_url),
        tokens(public_url, crypto::SigningKey::from_seed(ring->derive("admit/identity/1").bytes())),
        pool(2, 512),
        password_pool(1, 64),
        installation_id(crypto::base64url(ring->derive("admit/installation/1").bytes()).substr(0, 16)),
        order_keys(*ring),
        proof_keys(*ring),
        revocations(store, [this](const domain::Revocation& row) { refuse(row); }) {
    if (ring->current_epoch() == 0) add_epoch();
    open_payments();
    if (payments) {
      provider_jobs.emplace(lane, store, *payments, clock, random_seed, [this] { return ring->current_epoch(); },
                            installation_id);
    }
    open_mail();
    open_identity();
    workers.emplace(lane, store, documents, provider_jobs ? &*provider_jobs : nullptr, mails ? &*mails : nullptr, clock,
                    random_seed, identity_jobs ? &*identity_jobs : nullptr);
    const std::chrono::seconds seal_after{config.audit_seal_after_s};
    sealer.emplace(lane, store, clock, random_seed, job::SealerOptions{.lag = seal_after, .interval = seal_after, .key = audit_key_of(*ring)});
    services.emplace(api::Services{.settings = {.public_url = public_url,
                                                .publishable_key = publishable_key,
                                                .payment_script = payment_script,
                                                .api_version = std::string(payment::stripe_version),
                                                .is_sandbox = config.sandbox,
                                                .version = ADMIT_VERSION,
                                                .installation_id = installation_id,
                                                .fee_terms = fee_terms()},
                                   .lane = lane,
                                   .sale = sale,
                                   .devices = devices,
                                   .store = store,
                                   .ring = *ring,
                                   .documents = documents,
                                   .workers = *workers,
                                   .objects = objects,
                                   .tokens = tokens,
                                   .payments = payments.get(),
                                   .webhooks = webhooks ? &*webhooks : nullptr,
                                   .connect_webhooks = connect_webhooks ? &*connect_webhooks : nullptr,
                                   .pool = pool,
                                   .password_pool = password_pool,
                                   .clock = clock,
                                   .seed = random_seed,
                                   .metrics_text = {},
                                   .is_ready = [this] { return is_ready(); }});
    services->external = external.get();
    services->external_client = identity_client.get();
    const auto metrics_text = [this] { return app::metrics_text(lane.counts(), workers->counts(), store.figures(), server.stats()); };
    if (!config.metrics_listen.empty()) {
      open_metrics(metrics_text);
    } else if (serves_metrics(config)) {
      services->metrics_text = metrics_text;
    }
    api::add_all(router, *services);
    if (sandbox) add_sandbox_relay(router, *client, sandbox->api_base());
  }

  ~Parts() { stop(); }

  void start() {
    if (sandbox) sandbox->start();
    revocations.start();
    if (external) external->start();
    workers->start(static_cast<unsigned>(config.workers));
    sealer->start();
    server.start();
    if (metrics_server) metrics_server->start();
  }

  void stop() {
    if (std::exchange(stopped, true)) return;
    if (external) external->stop();
    if (sandbox) sandbox->stop();
    server.stop(drain_limit);
    if (metrics_server) metrics_server->stop(std::chrono::seconds{1});
    if (workers) workers->stop();
    revocations.stop();
    if (sealer) sealer->stop();
    pool.join();
    password_pool.join();
    lane_runner.stop();
  }

  http::ServerOptions server_options() {
    const auto address = Config::address("listen", config.listen);
    return {.host = address.host,
            .port = address.port,
            .threads = static_cast<unsigned>(config.threads),
            .max_connections = static_cast<std::size_t>(config.max_connections),
            .cors_origins = config.cors_origins,
            .trusted_proxies = trusted_proxies_of(config),
            .rate_limits = rate_limits_of(config,
                                          [this](std::string_view token) -> std::optional<domain::UserId> {
                                            const auto claims = tokens.verify(token, clock());
                                            return claims ? std::optional((*claims)->user) : external_caller(token);
                                          }),
            .tls_certificate_file = config.tls_cert,
            .tls_key_file = config.tls_key,
            .is_https = !config.tls_cert.empty() || config.public_url.starts_with("https://"),
            .means_unavailable =
                [](const std::exception& fault) { return dynamic_cast<const store::StoreUnavailable*>(&fault) != nullptr; },
            .access_log = config.access_log};
  }

  void refuse(const domain::Revocation& row) { tokens.revoke(row.subject, row.at, row.kept, clock()); }

  void add_epoch() {
    const auto record = ring->next_epoch();
    const auto added = lane.call(domain::AddSealingEpoch{
        .meta = {.now = clock(), .seed = random_seed(), .actor = "system"},
        .number = record.epoch,
        .check = {std::string(record.check.begin(), record.check.end())}});
    if (!added) throw ConfigError("the first sealing epoch could not be stored: " + added.error().detail);
    ring->adopt(record);
  }

  void open_payments() {
    payment::StripeOptions options{.api_base = config.stripe_api_base,
                                   .client_id = config.stripe_client_id,
                                   .node_count = static_cast<int>(config.nodes)};
    std::vector<crypto::Secret> secrets;
    std::vector<crypto::Secret> connect_secrets;
    if (config.sandbox) {
      sandbox = std::make_unique<payment::sandbox::Sandbox>(payment::sandbox::SandboxOptions{
          .folder = config.data + "/sandbox",
          .page_base = public_url + std::string(sandbox_prefix),
          .webhook_url = base_url + "/payments/webhook",
          .connect_webhook_url = base_url + "/payments/webhook/connect",
          .clock = clock,
          .time_scale = static_cast<double>(config.sandbox_pace_percent) / 100,
          .profile = config.sandbox_profile,
          .seed = static_cast<std::uint64_t>(config.sandbox_seed)});
      options.api_base = sandbox->api_base();
      options.connect_base = sandbox->api_base();
      options.client_id = sandbox->keys().client_id;
      options.secret_key = sandbox->keys().secret_key.copy();
      publishable_key = sandbox->keys().publishable_key.text();
      payment_script = public_url + std::string(sandbox_prefix) + "/sandbox/stripe.js";
      secrets.push_back(sandbox->keys().webhook_secret.copy());
      connect_secrets.push_back(sandbox->keys().connect_webhook_secret.copy());
    } else if (!config.stripe_secret_key.empty()) {
      options.secret_key = crypto::Secret(config.stripe_secret_key);
      publishable_key = config.stripe_publishable_key;
      if (!publishable_key.empty()) payment_script = stripe_script();
      for (const auto& secret : config.stripe_webhook_secrets) secrets.emplace_back(std::string_view(secret));
      for (const auto& secret : config.stripe_connect_webhook_secrets) connect_secrets.emplace_back(std::string_view(secret));
    } else {
      return;
    }
    client = std::make_unique<http::Client>(http::ClientOptions{.max_connections_per_origin = 64});
    payments = std::make_unique<payment::StripeClient>(*client, std::move(options));
    webhooks.emplace(std::move(secrets));
    if (!connect_secrets.empty()) connect_webhooks.emplace(std::move(connect_secrets));
  }

  domain::FeeTerms fee_terms() const {
    return {.fee_fixed_minor = config.application_fee_fixed,
            .fee_percent_bp = config.application_fee_bp,
            .charge_model = *domain::parse_word<domain::ChargeModel>(config.charge_model),
            .on_behalf_of = config.on_behalf_of};
  }

  /// Without a mail server the sandbox's mails are files to look at, and nobody else's are sent.
  void open_mail() {
    job::MailOptions options{.from = {"Admit", "tickets@localhost"},
                             .reply_to = {},
                             .public_url = public_url,
                             .order_link = [this](domain::RegistrationId id) {
                               return public_url + "/orders/" + id.text() + "#k=" + order_keys.key_of(id);
                             },
                             .proof_link =
                                 [this](domain::ProofPurpose purpose, domain::ProofId id) {
                                   // Behind the #, so that no server's log and no referrer sees it.
                                   std::string page(domain::word(purpose));
                                   std::ranges::replace(page, '_', '-');
                                   return public_url + "/account/" + page +
                                          "#t=" + proof_keys.text_of(id);
                                 },
                             .log_links = config.smtp_url.empty() && config.logs_links};
    if (!config.mail_from.empty()) options.from = mailbox("mail_from", config.mail_from);
    if (!config.mail_reply_to.empty()) options.reply_to = mailbox("mail_reply_to", config.mail_reply_to);
    if (!config.smtp_url.empty()) {
      try {
        mailer = std::make_unique<mail::SmtpMailer>(
            mail::SmtpOptions{.url = config.smtp_url,
                              .user = config.smtp_user,
                              .password = crypto::Secret(config.smtp_password),
                              .starttls = *domain::parse_word<mail::Starttls>(config.smtp_starttls),
                              .ca_file = config.smtp_ca_file});
      } catch (const std::invalid_argument& e) {
        throw ConfigError(std::string("smtp_url: ") + e.what());
      }
    } else if (config.sandbox) {
      mailer = std::make_unique<mail::FolderMailer>(config.data + "/mail");
    } else {
      return;
    }
    mails.emplace(store, documents, *mailer, std::move(options));
  }

  /// Other providers of identities: their keys are read by a thread of its own.
  void open_identity() {
    auto providers = identity_providers(config.identity);
    if (providers.empty()) return;
    identity_client = std::make_unique<http::Client>();
    external = std::make_unique<identity::ExternalTokens>(
        std::move(providers), [this](const std::string& url) { return fetch_document(*identity_client, url); },
        [](const identity::Provider& provider, const std::string& reason) {
          log::warning("a provider of identities could not be read", {{"provider", provider.name}, {"reason", reason}});
        });
    if (const auto* provider = external->sign_up_provider()) {
      identity_jobs.emplace(lane, store, *identity_client,
                            job::IdentityAdmin{provider->issuer, provider->service_key.copy()}, clock, random_seed);
    }
  }

  /// Whom a provider's token is counted for; its account may not be there yet.
  std::optional<domain::UserId> external_caller(std::string_view token) {
    if (!external || !token.starts_with("eyJ")) return std::nullopt;
    const auto verified = external->verify(token, clock());
    if (!verified) return std::nullopt;
    const auto& [provider, claims, generation] = **verified;
    return domain::UserId{domain::identity_id(provider->issuer, claims.subject).value};
  }

  void open_metrics(std::function<std::string()> text) {
    const auto address = Config::address("metrics_listen", config.metrics_listen);
    metrics_router.add({.verb = http::Verb::GET,
                        .path_template = "/metrics",
                        .handler = [text = std::move(text)](http::Request&) {
                          return http::Response(200, "text/plain; version=0.0.4; charset=utf-8", text());
                        }});
    metrics_server = std::make_unique<http::Server>(
        http::ServerOptions{.host = address.host, .port = address.port, .threads = 1, .max_connections = 32}, metrics_router);
  }

  bool is_ready() {
    try {
      (void)store::get<domain::LaneMark>(store, domain::CounterId{});
      return true;
    } catch (const store::StoreUnavailable&) {
      return false;
    }
  }

  Config config;
  job::Clock clock;
  store::sqlite::SqliteStore store;
  std::unique_ptr<token::KeyRing> ring;
  engine::SaleView sale;
  engine::DeviceView devices;
  engine::Lane lane;
  LaneRunner lane_runner;
  http::Router router;
  http::Server server;
  std::string base_url;
  std::string public_url;
  object::FolderStore objects;
  job::TicketDocuments documents;
  identity::AccessTokens tokens;
  api::Pool pool;
  api::Pool password_pool;
  std::string installation_id;
  token::OrderKeys order_keys;
  token::ProofKeys proof_keys;
  engine::RevocationBoard revocations;
  std::unique_ptr<payment::sandbox::Sandbox> sandbox;
  std::string publishable_key;
  std::string payment_script;
  std::unique_ptr<http::Client> client;
  std::unique_ptr<payment::StripeClient> payments;
  std::optional<payment::WebhookVerifier> webhooks;
  std::optional<payment::WebhookVerifier> connect_webhooks;
  std::optional<job::ProviderJobs> provider_jobs;
  std::unique_ptr<mail::Mailer> mailer;
  std::optional<job::Mails> mails;
  std::unique_ptr<http::Client> identity_client;
  std::unique_ptr<identity::ExternalTokens> external;
  std::optional<job::IdentityJobs> identity_jobs;
  std::optional<job::Workers> workers;
  std::optional<job::AuditSealer> sealer;
  std::optional<api::Services> services;
  http::Router metrics_router;
  std::unique_ptr<http::Server> metrics_server;
  bool stopped = false;
};

App::App(const Config& config, job::Clock clock) : x_parts(std::make_unique<Parts>(config, std::move(clock))) {}
App::~App() = default;
void App::start() { x_parts->start(); }
void App::stop() { x_parts->stop(); }
std::string App::base_url() const { return x_parts->base_url; }
std::string App::public_url() const { return x_parts->public_url; }
engine::Lane& App::lane() { return x_parts->lane; }
store::Store& App::store() { return x_parts->store; }
payment::sandbox::Sandbox* App::sandbox() { return x_parts->sandbox.get(); }
const http::Router& App::router() const { return x_parts->router; }
domain::Instant App::now() const { return x_parts->clock(); }

domain::Meta App::meta(std::string actor) const {
  return {.now = x_parts->clock(), .seed = random_seed(), .is_operator = true, .actor = std::move(actor)};
}

}  // namespace admit::app
