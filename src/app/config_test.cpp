#include "app/config.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

using namespace admit::app;

TEST_CASE("config: a command that serves nobody needs no secret of a provider of identities") {
  std::string folder = (std::filesystem::temp_directory_path() / "admit-config-XXXXXX").string();
  REQUIRE(mkdtemp(folder.data()) != nullptr);
  const std::string path = folder + "/admit.toml";
  const auto nothing = [](const char*) -> const char* { return nullptr; };
  std::ofstream(path) << "data = \"somewhere\"\n[identity.login]\nclient_secret_env = \"A_SECRET\"\n";
  CHECK_THROWS_AS((void)load_config(path, nothing), ConfigError);
  const auto config = load_config(path, nothing, false);
  CHECK(config.data == "somewhere");
  CHECK(config.identity.empty());
  std::filesystem::remove_all(folder);
}

TEST_CASE("config: metrics are on the customers' address for this machine only, never under a public one") {
  Config config;
  CHECK(serves_metrics(config));
  for (const auto* url : {"http://127.0.0.1:8080", "http://localhost", "http://localhost:80", "https://[::1]:8443"}) {
    config.public_url = url;
    CHECK(serves_metrics(config));
  }
  for (const auto* url : {"https://tickets.example.com", "http://localhost.example.com", "http://192.0.2.1"}) {
    config.public_url = url;
    CHECK_FALSE(serves_metrics(config));
  }
  config.public_url.clear();
  config.metrics_listen = "127.0.0.1:9100";
  CHECK_FALSE(serves_metrics(config));
}

}  // namespace
