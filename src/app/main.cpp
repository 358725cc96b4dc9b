// The command line.

#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "app/app.hpp"
#include "app/config.hpp"
#include "app/demo.hpp"
#include "app/doctor.hpp"
#include "app/keys.hpp"
#include "app/operator.hpp"
#include "app/paper_scan.hpp"
#include "app/ring.hpp"
#include "app/signal_wait.hpp"
#include "app/simulate.hpp"
#include "app/stripe_check.hpp"
#include "app/verify.hpp"
#include "crypto/encoding.hpp"
#include "http/json.hpp"
#include "http/openapi.hpp"
#include "log/log.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace admit::app {
namespace {

constexpr int exit_broken = 1;
constexpr int exit_cannot = 2;

struct Common {
  std::optional<std::string> config;
  std::optional<std::string> data;
  std::optional<std::string> listen;
  std::optional<std::string> metrics_listen;
  std::optional<std::string> public_url;
  std::optional<std::string> tls_cert;
  std::optional<std::string> tls_key;
  bool sandbox = false;
  bool serves = true;  // without it no secret of a provider of identities is asked for
};

Config config_of(const Common& common) {
  check_variables(environ);
  Config config = load_config(common.config, [](const char* name) -> const char* { return std::getenv(name); },
                              common.serves);
  if (common.data) config.data = *common.data;
  if (common.listen) config.listen = *common.listen;
  if (common.metrics_listen) config.metrics_listen = *common.metrics_listen;
  if (common.public_url) config.public_url = *common.public_url;
  if (common.sandbox) config.sandbox = true;
  if (common.tls_cert) config.tls_cert = *common.tls_cert;
  if (common.tls_key) config.tls_key = *common.tls_key;
  check(config);
  log::configure({.level = *log::parse_level(config.log_level), .stream = log::Stream::standard_out});
  return config;
}

int serve(const Common& common) {
  const Config config = config_of(common);
  check_webhooks(config);
  const SignalWait signals;
  App app(config);
  app.start();
  std::cout << "listening on " + app.base_url() + "\n" << std::flush;  // in one piece: others write to the log already
  if (const auto* sandbox = app.sandbox()) {
    const auto file = write_sandbox_file(config.data, *sandbox);
    std::cout << "payments come from the sandbox: no money moves, tickets say TEST; its address and keys are in " << file.string()
              << std::endl;
  } else if (config.stripe_secret_key.empty()) {
    std::cout << "no Stripe key is configured: paid tickets are not sold (free ones are). Set STRIPE_SECRET_KEY and "
                 "STRIPE_WEBHOOK_SECRET, or try --sandbox"
              << std::endl;
  }
  signals.wait();
  log::info("stopping");
  app.stop();
  return 0;
}

/// N:DIGEST, as the log tells an anchor.
AuditProof::Kept kept_anchor(const std::string& text) {
  const auto colon = text.find(':');
  AuditProof::Kept out;
  const auto* end = text.data() + std::min(colon, text.size());
  const auto read = std::from_chars(text.data(), end, out.number);
  const auto digest = colon == std::string::npos ? std::nullopt : crypto::from_hex(text.substr(colon + 1));
  if (read.ec != std::errc() || read.ptr != end || out.number < 1 || !digest || digest->size() != out.digest.size()) {
    throw ConfigError("--anchor: give N:DIGEST as the log tells it, like 12:" + std::string(64, 'a'));
  }
  std::ranges::copy(*digest, out.digest.begin());
  return out;
}

int verify_folder(const Common& common, const std::optional<std::string>& anchor) {
  AuditProof audit;
  if (anchor) audit.kept = kept_anchor(*anchor);
  const Config config = config_of(common);
  if (!std::filesystem::exists(std::filesystem::path(config.data) / "admit.db")) {
    std::cerr << "admit: there is no database in " << config.data << "\n";
    return exit_cannot;
  }
  store::sqlite::SqliteStore store({.path = config.data, .read_only = true});
  const std::string damage = store.integrity_error();
  if (!damage.empty()) {
    std::cout << "the database file is damaged: " << damage << "\n";
    return exit_broken;
  }
  audit.sealed_after = sealed_for_sure(std::chrono::seconds{config.audit_seal_after_s});
  try {
    audit.key = audit_key_of(*open_ring(config, store));
  } catch (const ConfigError& missing) {
    std::cout << "not checked: who made the audit's anchors (" << missing.what() << ")\n";
  }
  return verify(store, std::cout, audit) ? 0 : exit_broken;
}

int run_doctor(const Common& common) {
  const Config config = config_of(common);
  check_webhooks(config);
  if (config.public_url.empty()) throw ConfigError("--public-url: give what customers and the payment provider reach the server under");
  log::configure({.level = log::Level::off});
  return doctor(config, std::cout);
}

/// A folder of its own under the system's temporary one.
std::string temporary_folder() {
  std::string folder = (std::filesystem::temp_directory_path() / "admit-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary folder can be made");
  return folder;
}

/// The text of docs/API_ENDPOINTS.md.
int print_endpoints() {
  log::configure({.level = log::Level::off});
  Config config;
  config.data = temporary_folder();
  config.listen = "127.0.0.1:0";
  std::cout << http::endpoints_markdown(App(config).router());
  std::filesystem::remove_all(config.data);
  return 0;
}

int run_simulation(SimulateOptions options, const std::string& kind) {
  if (kind == "memory") return simulate(options, std::cout) ? 0 : exit_broken;
  options.store = SimulatedStore::sqlite;
  const std::string folder = temporary_folder();
  options.folder = folder;
  if (!simulate(options, std::cout)) {
    std::cout << "the database is left in " << folder << "\n";
    return exit_broken;
  }
  std::filesystem::remove_all(folder);
  return 0;
}

int run(int argc, char** argv) {
  CLI::App cli{"Admit: a ticket office in one program"};
  cli.require_subcommand(1);
  Common common;
  int result = 0;
  const auto with_data = [&](CLI::App* command) {
    command->add_option("--data", common.data, "data folder");
    command->add_option("--config", common.config, "TOML file; every key is also an ADMIT_… variable");
  };

  auto* serve_command = cli.add_subcommand("serve", "run the server until it is told to stop");
  with_data(serve_command);
  serve_command->add_option("--listen", common.listen, "HOST:PORT; port 0 picks one");
  serve_command->add_option("--metrics-listen", common.metrics_listen, "HOST:PORT for /metrics alone");
  serve_command->add_flag("--sandbox", common.sandbox, "take payments from the sandbox: no money moves");
  serve_command->add_option("--tls-cert", common.tls_cert, "PEM file of the certificate and its chain: serve https; read again when it changes");
  serve_command->add_option("--tls-key", common.tls_key, "PEM file of its key");
  serve_command->callback([&] { result = serve(common); });

  DemoOptions demo_options;
  auto* demo_command = cli.add_subcommand("demo", "sell one ticket from end to end, then keep the server running");
  with_data(demo_command);
  demo_command->add_option("--listen", common.listen, "HOST:PORT; without it 127.0.0.1:8080, or the next free port");
  demo_command->add_flag("--once", demo_options.once, "end after the sale");
  demo_command->add_option("--input", demo_options.input, "sell the show of this file instead; see docs/input.md");
  demo_command->callback([&] {
    common.sandbox = true;
    if (!common.data) common.data = "data/demo";
    Config config = config_of(common);
    config.public_url.clear();  // the demo is for this machine
    config.logs_links = true;
    config.rate_limits = false;  // and all its parties call from it
    result = demo(config, demo_options, common.listen.has_value());
  });

  auto* verify_command = cli.add_subcommand("verify", "check the invariants of a data folder");
  with_data(verify_command);
  std::optional<std::string> anchor;
  verify_command->add_option("--anchor", anchor, "N:DIGEST of an anchor of the audit that the log told: it must still stand");
  verify_command->callback([&] {
    common.serves = false;
    result = verify_folder(common, anchor);
  });

  SimulateOptions simulate_options;
  std::string simulate_store = "memory";
  auto* simulate_command = cli.add_subcommand("simulate", "play buyers, payments, gates and crashes on a virtual clock");
  simulate_command->add_option("--seed", simulate_options.seed, "the same seed gives the same run")->required();
  simulate_command->add_option("--commands", simulate_options.commands, "how many commands to play")->required();
  simulate_command->add_option("--store", simulate_store, "memory or sqlite")->check(CLI::IsMember({"memory", "sqlite"}));
  simulate_command->callback([&] { result = run_simulation(simulate_options, simulate_store); });

  KeysOptions keys_options;
  auto* keys_command = cli.add_subcommand("keys", "list or rotate the keys of a data folder");
  keys_command->require_subcommand(1);
  auto* keys_list = keys_command->add_subcommand("list", "sealing epochs and the keys of shows");
  with_data(keys_list);
  keys_list->callback([&] { result = list_keys(config_of(common), std::cout); });
  auto* keys_rotate = keys_command->add_subcommand("rotate", "begin the next sealing epoch, or a show's next signing key");
  with_data(keys_rotate);
  keys_rotate->add_option("--show", keys_options.show, "the show whose signing key is rotated");
  keys_rotate->callback([&] { result = rotate_keys(config_of(common), keys_options, std::cout); });

  cli.add_subcommand("endpoints", "print docs/API_ENDPOINTS.md, made from the table of routes")->callback([&] {
    result = print_endpoints();
  });

  OperatorOptions operator_options;
  auto* operator_command = cli.add_subcommand("operator", "create an operator's account (the password is read from standard input), or take the role back");
  with_data(operator_command);
  operator_command->add_option("--email", operator_options.email, "e-mail address to sign in with")->required();
  operator_command->add_option("--name", operator_options.name, "name");
  operator_command->add_flag("--remove", operator_options.remove, "take the role back from the account with this address");
  operator_command->callback([&] {
    common.serves = false;
    result = create_operator(config_of(common), operator_options, std::cin, std::cout);
  });

  const auto with_sandbox = [&](CLI::App* command) {
    command->add_flag("--sandbox", common.sandbox, "with the keys of the sandbox that runs on the data folder");
  };
  auto* doctor_command = cli.add_subcommand("doctor", "find what is wrong with an installation, beside the running server");
  with_data(doctor_command);
  with_sandbox(doctor_command);
  doctor_command->add_option("--public-url", common.public_url, "what the payment provider posts to, like https://tickets.example.com");
  doctor_command->add_option("--listen", common.listen, "HOST:PORT that the server listens on");
  doctor_command->callback([&] { result = run_doctor(common); });

  auto* stripe_command = cli.add_subcommand("stripe", "ask the payment provider");
  stripe_command->require_subcommand(1);
  auto* stripe_check = stripe_command->add_subcommand("check", "prove that the key works: mode, account, webhook endpoints");
  with_data(stripe_check);
  with_sandbox(stripe_check);
  stripe_check->callback([&] {
    const Config config = config_of(common);
    log::configure({.level = log::Level::off});
    result = check_stripe(config, std::cout, std::cerr);
  });

  std::optional<std::string> env_file;
  auto* env_command = cli.add_subcommand("frontend-env", "write the variables of a frontend's build");
  with_data(env_command);
  with_sandbox(env_command);
  env_command->add_option("--listen", common.listen, "HOST:PORT that the server listens on, where no public_url is set");
  env_command->add_option("--out", env_file, "the file; its other lines stay");
  env_command->callback([&] { result = write_frontend_env(config_of(common), env_file, std::cout); });

  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return cli.exit(e);
  } catch (const ConfigError& e) {
    std::cerr << "admit: " << e.what() << "\n";
    return exit_cannot;
  } catch (const std::exception& e) {
    std::cerr << "admit: " << e.what() << "\n";
    return exit_cannot;
  }
  return result;
}

}  // namespace
}  // namespace admit::app

int main(int argc, char** argv) {
  umask(077);  // databases, keys and tickets are for their owner only
  // A batch of the lane takes and frees some MiB; the C library would give them back to the system each time.
  mallopt(M_TRIM_THRESHOLD, 32 << 20);
  return admit::app::run(argc, argv);
}
