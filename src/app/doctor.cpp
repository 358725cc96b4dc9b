#include "app/doctor.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <optional>
#include <string_view>

#include "app/app.hpp"
#include "app/ring.hpp"
#include "app/stripe_check.hpp"
#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "document/fonts.hpp"
#include "http/json.hpp"
#include "job/provider_jobs.hpp"
#include "mail/smtp_mailer.hpp"
#include "payment/keys.hpp"
#include "payment/webhook.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace admit::app {
namespace {

using namespace std::chrono_literals;

constexpr auto skew_limit = 60s;
constexpr auto reply_limit = 15s;
constexpr std::size_t shown_limit_bytes = 200;
constexpr std::string_view platform_path = "/payments/webhook";
constexpr std::string_view connect_path = "/payments/webhook/connect";

class Report {
 public:
  explicit Report(std::ostream& out) : x_out(out) {}
  void ok(std::string_view what, std::string_view finding) { x_out << "ok     " << what << ": " << finding << "\n"; }
  void skip(std::string_view what, std::string_view why) { x_out << "skip   " << what << ": " << why << "\n"; }
  void fault(std::string_view what, std::string_view finding, std::string_view remedy) {
    x_out << "FAULT  " << what << ": " << finding << "\n       do: " << remedy << std::endl;
    x_has_fault = true;
  }
  [[nodiscard]] bool has_fault() const { return x_has_fault; }

 private:
  std::ostream& x_out;
  bool x_has_fault = false;
};

/// Of somebody else: cut, and without what could drive a terminal.
std::string shown(std::string_view text) {
  std::string out(text.substr(0, shown_limit_bytes));
  std::ranges::replace_if(out, [](unsigned char c) { return c < 0x20 || c >= 0x7F; }, '?');
  return out;
}

std::string join(const std::vector<std::string_view>& words) {
  std::string out;
  for (const auto word : words) out += (out.empty() ? "" : ", ") + std::string(word);
  return out;
}

// On this machine.

void check_master_key(Report& report, const Config& config) {
  const std::string what = "master key";
  if (!config.master_key.empty()) return report.ok(what, "it comes from the configuration");
  const std::string file = config.data + "/master.key";
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) {
    if (!std::filesystem::exists(config.data + "/admit.db"))
      return report.skip(what, "the server makes it at its first start");
    return report.fault(what, file + " is missing though there is a database",
                        "put your copy of master.key back; without it no ticket can be read");
  }
  if ((info.st_mode & 077) != 0) {
    return report.fault(what, file + " can be read by others",
                        "run 'chmod 600 " + file + "'; the server does not start like this");
  }
  report.ok(what, "only its owner can read it");
}

void check_config_file(Report& report, const Config& config) {
  if (config.secret_file.empty()) return;
  const std::string what = "configuration file";
  struct stat info{};
  if (::stat(config.secret_file.c_str(), &info) == 0 && (info.st_mode & 077) != 0) {
    return report.fault(what, config.secret_file + " holds a secret and can be read by others",
                        "run 'chmod 600 " + config.secret_file + "', and give out new secrets if others had access");
  }
  report.ok(what, "it holds a secret, and only its owner can read it");
}

/// `has_key`: a master key can be read.
void check_database(Report& report, const Config& config, bool has_key) {
  const std::string what = "database";
  if (!std::filesystem::exists(config.data + "/admit.db")) {
    return report.skip(what, "there is none in " + config.data + " yet; the server makes it at its first start");
  }
  try {
    store::sqlite::SqliteStore store({.path = config.data, .read_only = true});
    report.ok(what, "its schema is the one of this program");
    if (!has_key) return;
    (void)open_ring(config, store);
    report.ok("sealing key", "it fits the database");
  } catch (const store::StoreUnavailable& e) {
    report.fault(what, e.what(),
                 "a database is brought up to date by starting the server of this version; an older server "
                 "never opens a newer database");
  } catch (const std::exception& e) {
    report.fault("sealing key", e.what(),
                 "give the master key this data folder was made with, in a file only its owner can read");
  }
}

void check_fonts(Report& report) {
  const auto missing = document::scripts_without_font();
  if (missing.empty()) return report.ok("fonts", "every script we print has one");
  report.fault("fonts", "none for " + join(missing),
               "run 'apt install fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji' and start the server again");
}

void check_mail(Report& report, const Config& config) {
  const std::string what = "mail";
  if (config.smtp_url.empty()) {
    return report.skip(what, config.sandbox ? "the sandbox's mails are files in the folder 'mail'"
                                            : "smtp_url is not set: no mail is sent");
  }
  const std::string remedy =
      "check smtp_url, smtp_user, SMTP_PASSWORD and smtp_starttls against what your mail service tells";
  try {
    mail::SmtpMailer mailer({.url = config.smtp_url,
                             .user = config.smtp_user,
                             .password = crypto::Secret(config.smtp_password),
                             .starttls = *domain::parse_word<mail::Starttls>(config.smtp_starttls),
                             .ca_file = config.smtp_ca_file,
                             .total_limit = reply_limit});
    const auto checked = mailer.check();
    if (checked) return report.ok(what, "the mail server takes us");
    report.fault(what, "the mail server refused us: " + shown(checked.error().reason), remedy);
  } catch (const std::invalid_argument& e) {
    report.fault(what, e.what(), remedy);
  }
}

// Clocks.

/// How far the other clock is ahead of ours; nothing where the reply tells no time.
std::optional<std::chrono::seconds> ahead(const http::ClientReply& reply) {
  const auto date = reply.header("Date");
  if (!date) return std::nullopt;
  std::tm parts{};
  if (strptime(std::string(*date).c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts) == nullptr) return std::nullopt;
  return std::chrono::seconds{timegm(&parts)} -
         std::chrono::floor<std::chrono::seconds>(system_now().time_since_epoch());
}

void check_clock(Report& report, std::string_view whose, const http::ClientReply& reply) {
  const std::string what = "clock, " + std::string(whose);
  const auto skew = ahead(reply);
  if (!skew) return report.skip(what, "its replies tell no time");
  const auto apart = std::to_string(std::abs(skew->count())) + " s";
  if (std::chrono::abs(*skew) <= skew_limit) return report.ok(what, "within " + apart + " of ours");
  report.fault(what, "it is " + apart + (skew->count() > 0 ? " ahead of ours" : " behind ours"),
               "let NTP set the clocks ('timedatectl set-ntp true'): a signature older than 300 s is refused");
}

// The provider.

http::ClientRequest get(std::string url) {
  return {.url = std::move(url), .connect_limit = 5s, .total_limit = reply_limit, .max_reply_bytes = 64 * 1024};
}

bool is_needed(std::string_view type, bool is_connect, bool is_direct) {
  const bool tells_of_accounts = type.starts_with("account.") || type.starts_with("payout.");
  return is_connect == (tells_of_accounts || is_direct);
}

std::string_view without_slash(std::string_view url) {
  while (url.ends_with('/')) url.remove_suffix(1);
  return url;
}

void check_endpoint(Report& report, const Config& config, const std::vector<payment::Endpoint>& endpoints,
                    bool is_connect) {
  const std::string what = is_connect ? "endpoint for connected accounts" : "endpoint";
  const std::string path(is_connect ? connect_path : platform_path);
  const auto points_here = [&](const payment::Endpoint& endpoint) {
    return without_slash(endpoint.url) == config.public_url + path ||
           (config.sandbox && without_slash(endpoint.url) == local_url(config) + path);
  };
  const payment::Endpoint* found = nullptr;
  for (const auto& endpoint : endpoints) {
    if (points_here(endpoint) && (found == nullptr || endpoint.status == "enabled")) found = &endpoint;
  }
  const bool is_live = payment::is_live_key(config.stripe_secret_key);
  if (found == nullptr) {
    return report.fault(what,
                        "none of the provider's " + std::to_string(endpoints.size()) +
                            " endpoints of this mode has the address " + config.public_url + path,
                        std::string("make one in the dashboard, in ") + (is_live ? "live" : "test") +
                            " mode, and configure its whsec_…; with 'stripe listen' there is none, and that is fine");
  }
  bool is_good = true;
  const auto fault = [&](const std::string& finding, const std::string& remedy) {
    report.fault(what, found->id + " " + finding, remedy);
    is_good = false;
  };
  if (found->livemode != is_live) {
    fault(std::string("is of ") + (found->livemode ? "live" : "test") + " mode, the key is not",
          "configure key and secret of the same mode");
  }
  if (found->status != "enabled") {
    fault("is " + shown(found->status),
          "switch it on in the dashboard; what it missed comes with POST /v1/payments/reconcile");
  }
  if (found->api_version != payment::stripe_version) {
    fault("sends version " + (found->api_version.empty() ? "of the account's default" : shown(found->api_version)) +
              ", we read " + std::string(payment::stripe_version),
          "make a new endpoint with api_version=" + std::string(payment::stripe_version) +
              "; an endpoint's version cannot be changed");
  }
  std::vector<std::string_view> missing;
  for (const auto type : job::followed_types()) {
    if (is_needed(type, is_connect, config.charge_model == "direct") && !found->gets(type)) {
      missing.push_back(type);
    }
  }
  if (!missing.empty()) fault("is not sent " + join(missing), "add these types to the endpoint in the dashboard");
  if (is_good) report.ok(what, found->id + " is enabled, in our version, with every type we follow");
}

void check_provider(Report& report, const Config& config, Provider& provider) {
  const auto reply = provider.client.send_blocking(get(config.stripe_api_base + "/"));
  if (reply) check_clock(report, "provider", *reply);
  const auto key = payment::blocking(provider.payments.check_key());
  if (!key) {
    report.fault("key", sentence_of(key.error()), "'admit stripe check' tries it alone");
    return;
  }
  if (key->livemode != provider.payments.livemode()) {
    report.fault("key", std::string("it reads ") + (key->livemode ? "test" : "live") + ", the provider says otherwise",
                 "copy the key again from the dashboard");
  } else {
    report.ok("key", key->account.id + (key->livemode ? ", live: money moves" : ", test: no money moves"));
  }
  const auto endpoints = payment::blocking(provider.payments.list_endpoints());
  if (!endpoints && endpoints.error().http_status == 403)
    return report.skip("endpoint", "the restricted key may not list them");
  if (!endpoints)
    return report.fault("endpoint", sentence_of(endpoints.error()), "'admit stripe check' tries it alone");
  check_endpoint(report, config, *endpoints, false);
  if (!config.stripe_connect_webhook_secrets.empty() || config.charge_model == "direct") {
    check_endpoint(report, config, *endpoints, true);
  }
}

// The way of a webhook.

struct SelfTest {
  std::string body;
  std::string signature;
};

/// Its body is one that whoever parses and writes JSON again, or trims, cannot leave as it is.
SelfTest self_test(bool livemode, std::string_view secret) {
  const auto now_s = std::chrono::floor<std::chrono::seconds>(system_now().time_since_epoch()).count();
  SelfTest test;
  test.body = "{\"id\": \"evt_admit_self_test_" + crypto::hex(crypto::random_bytes<12>()) +
              "\",  \"object\":\"event\", \"type\":\"admit.self_test\", \"api_version\": " +
              http::quoted(payment::stripe_version) + ", \"created\":" + std::to_string(now_s) +
              ", \"livemode\":" + (livemode ? "true" : "false") +
              ",\r\n \"data\":{\"object\":{\"object\":\"admit.self_test\", \"number\":1.50e1, "
              "\"text\":\"Zażółć \\u0106\\/<&> 漢字\"}}}\n \n";
  test.signature = payment::signature_header(crypto::bytes_of(secret), test.body, now_s);
  return test;
}

http::ClientResult post(http::Client& client, std::string url, const SelfTest& test) {
  auto request = get(std::move(url));
  request.method = "POST";
  request.headers = {{"Content-Type", "application/json; charset=utf-8"}, {"Stripe-Signature", test.signature}};
  request.body = test.body;
  return client.send_blocking(std::move(request));
}

struct Taken {
  bool received = false;
  static http::Shape shape() { return http::object<Taken>("Taken", {http::required("received", &Taken::received)}); }
};
bool is_taken(const http::ClientReply& reply) {
  if (reply.status != 200) return false;
  const auto taken = http::read_json<Taken>(reply.body, {.ignore_unknown_fields = true});
  return taken && taken->received;
}

void explain(Report& report, const std::string& what, const http::ClientFailure& failure, const std::string& url) {
  const std::string finding = url + " cannot be reached (" + std::string(word(failure.fault)) + ")";
  if (failure.fault == http::ClientFault::bad_certificate) {
    return report.fault(
        what, finding,
        "give the proxy a certificate for this name with its whole chain; the provider refuses any other");
  }
  report.fault(what, finding,
               "see that the name leads to this machine, the proxy runs, and the port is open from outside");
}

/// The public URL said no to the signature: was it changed on the way, or is the secret wrong?
void explain_signature(Report& report, const std::string& what, http::Client& client, const std::string& local,
                       const SelfTest& test) {
  const auto direct = post(client, local, test);
  if (!direct) {
    return report.fault(what, "the signature is refused, and nothing answers at " + local + " to compare with",
                        "run this on the server's machine with the --listen it has");
  }
  if (is_taken(*direct)) {
    return report.fault(what, "body or Stripe-Signature is changed on the way: the same bytes hold at " + local,
                        "let the proxy pass this path on as it is: no rewriting of bodies or headers, no JSON parsing, "
                        "no firewall rules");
  }
  report.fault(what,
               "the server refuses the signature also without the proxy: it has another secret than this configuration",
               "give server and doctor the same configuration, with the whsec_… of this very endpoint and mode, and "
               "start the server again");
}

void check_way(Report& report, const Config& config, http::Client& client, bool is_connect, std::string_view secret) {
  const std::string what = is_connect ? "webhook for connected accounts" : "webhook";
  const std::string path(is_connect ? connect_path : platform_path);
  const std::string url = config.public_url + path;
  const auto test = self_test(payment::is_live_key(config.stripe_secret_key), secret);
  const auto reply = post(client, url, test);
  if (!reply) return explain(report, what, reply.error(), url);
  if (!is_connect) check_clock(report, "public URL", *reply);
  if (is_taken(*reply)) return report.ok(what, url + " takes signed events unchanged");
  const auto status = std::to_string(reply->status);
  if (reply->status >= 300 && reply->status < 400) {
    const auto where = reply->header("Location");
    return report.fault(
        what, url + " redirects (" + status + ")" + (where ? " to " + shown(*where) : ""),
        "give the provider, and --public-url, the address it ends at: webhooks do not follow redirects");
  }
  if (reply->status == 400) return explain_signature(report, what, client, local_url(config) + path, test);
  if (reply->status >= 200 && reply->status < 300) {
    return report.fault(what,
                        url + " answers " + status + ", but not as this program does: somebody else takes the events",
                        "let the proxy pass " + path + " on to " + config.listen);
  }
  if (reply->status == 409) {
    return report.fault(what, "the running server has no secret for this webhook", "start it with this configuration");
  }
  if (reply->status == 401 || reply->status == 403 || reply->status == 404 || reply->status == 405) {
    return report.fault(
        what, url + " answers " + status,
        "let the proxy pass POST " + path + " on to " + config.listen + ", without a password and for every client");
  }
  report.fault(what, url + " answers " + status, "see the log of proxy and server for POST " + path);
}

struct ServerConfig {
  std::string mode;
  static http::Shape shape() {
    return http::object<ServerConfig>("ServerConfig", {http::required("mode", &ServerConfig::mode)});
  }
};

/// Secrets and keys fit each other only within one mode, which the running server tells.
void check_mode(Report& report, const Config& config, http::Client& client) {
  const std::string ours = config.sandbox                                   ? "sandbox"
                           : payment::is_live_key(config.stripe_secret_key) ? "live"
                                                                            : "test";
  const auto reply = client.send_blocking(get(local_url(config) + "/v1/config"));
  const auto told = reply && reply->status == 200
                        ? http::read_json<ServerConfig>(reply->body, {.ignore_unknown_fields = true})
                        : std::unexpected(http::Problem{});
  if (!told) {
    return report.fault("server", "nothing that is this program answers at " + local_url(config),
                        "start the server, and run this on its machine with the --listen it has");
  }
  if (told->mode != ours) {
    return report.fault("mode",
                        "the running server is in mode " + shown(told->mode) + ", this configuration in mode " + ours,
                        "give server and doctor the same keys, all of one mode, and start the server again");
  }
  report.ok("mode", "the running server is in mode " + ours + ", as configured");
}

}  // namespace

int doctor(const Config& given, std::ostream& out) {
  const Config config = with_provider_keys(given);
  Report report(out);
  check_master_key(report, config);
  check_database(report, config, !report.has_fault());
  check_config_file(report, config);
  check_fonts(report);
  check_mail(report, config);
  if (config.stripe_secret_key.empty()) {
    report.skip("payments", "no Stripe key is configured: paid tickets are not sold");
    return report.has_fault() ? 1 : 0;
  }
  if (payment::is_live_key(config.stripe_secret_key) && !config.public_url.starts_with("https://")) {
    report.fault("public URL", "a live key wants https", "put a proxy with TLS in front and give its address");
  }
  Provider provider(config);
  check_provider(report, config, provider);
  check_mode(report, config, provider.client);
  for (const auto& secret : config.stripe_webhook_secrets) check_way(report, config, provider.client, false, secret);
  for (const auto& secret : config.stripe_connect_webhook_secrets)
    check_way(report, config, provider.client, true, secret);
  if (config.stripe_connect_webhook_secrets.empty()) {
    report.skip("webhook for connected accounts",
                "stripe_connect_webhook_secrets is not set: changes of organisers' accounts are not heard of");
  }
  return report.has_fault() ? 1 : 0;
}

}  // namespace admit::app
