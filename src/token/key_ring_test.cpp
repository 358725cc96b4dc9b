#include "token/key_ring.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "token/master_key.hpp"
#include "token/show_key.hpp"
#include "token/token.hpp"

using namespace admit;
using namespace admit::token;

namespace {

crypto::Secret test_master(std::uint8_t first = 0) {
  crypto::Secret master(32);
  for (std::uint8_t i = 0; i < 32; ++i) master.writable()[i] = static_cast<std::uint8_t>(first + i);
  return master;
}

const domain::ShowId show{{1, 2}};

struct Folder {
  std::filesystem::path path;
  Folder() : path(std::filesystem::temp_directory_path() / ("admit-" + crypto::hex(crypto::random_bytes<8>()))) {
    std::filesystem::create_directory(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  [[nodiscard]] std::string file() const { return path / "master.key"; }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator{path}, {}));
  }
};

}  // namespace

TEST_CASE("keys: the derivations are those of the published test vector") {
  // Master key 00 01 … 1f, epoch 1; computed by an independent implementation.
  const EpochKeys keys{test_master().bytes(), 1};
  CHECK(crypto::hex(keys.seal_key()) == "dc219c9085894324d2a482c12ec48b4e48dcb32ff7cd10577892c4d9026a958f");
  const auto nonce_key = *crypto::from_hex("6e7f7b988794450d77fc5e15f0d05b6e6e9b54ae7786eb01892d7274ea791e25");
  CHECK(keys.nonce_key().sign({crypto::bytes_of("x")}) == crypto::hmac_sha256(nonce_key, "x"));
  CHECK(crypto::hex(keys.check()) == "5be10f72398371d7424496668889ff3a");
  const KeyRing ring{test_master(), {}};
  CHECK(crypto::hex(ring.derive("admit/wrap/1").bytes()) ==
        "1bd09111eeaca90283f6ed6d425ec22c25d74b707dd326c3bddba06c40a3c27d");
  CHECK(crypto::hex(ring.root_key().seed().bytes()) ==
        "daaa0309a4e883406a250fac229e1fa844ece862809989f0fe4f4dad2e6a3905");
}

TEST_CASE("ring: rotation adds an epoch and keeps the old ones") {
  KeyRing ring{test_master(), {}};
  CHECK(ring.current_epoch() == 0);
  CHECK(ring.epoch(1) == nullptr);
  std::vector<EpochRecord> stored;
  for (std::uint8_t epoch = 1; epoch <= 3; ++epoch) {
    stored.push_back(ring.next_epoch());
    CHECK(stored.back().epoch == epoch);
    CHECK(ring.current_epoch() == epoch - 1);
    ring.adopt(stored.back());
    CHECK(ring.current_epoch() == epoch);
  }
  ring.adopt(stored[0]);
  CHECK(ring.current_epoch() == 3);
  const KeyRing again{test_master(), stored};
  CHECK(again.current_epoch() == 3);
  CHECK(again.master_fits());
  for (std::uint8_t epoch = 1; epoch <= 3; ++epoch) {
    REQUIRE(again.epoch(epoch) != nullptr);
    CHECK(crypto::constant_time_equal(again.epoch(epoch)->seal_key(), ring.epoch(epoch)->seal_key()));
  }
  CHECK_FALSE(crypto::constant_time_equal(again.epoch(1)->seal_key(), again.epoch(2)->seal_key()));
}

TEST_CASE("ring: a wrong master key is told from a missing one, and neither makes keys") {
  KeyRing first{test_master(), {}};
  const std::vector<EpochRecord> stored{first.next_epoch()};

  const KeyRing wrong{test_master(1), stored};
  CHECK(wrong.epoch(1) == nullptr);
  CHECK(wrong.state(1) == EpochState::wrong_key);
  CHECK_FALSE(wrong.master_fits());
  CHECK_THROWS_AS((void)wrong.next_epoch(), std::runtime_error);
  CHECK_THROWS_AS((void)wrong.derive("x"), std::runtime_error);
  CHECK_THROWS_AS((void)make_show_key(wrong, show, 1), std::runtime_error);

  const KeyRing missing{std::nullopt, stored};
  CHECK(missing.state(1) == EpochState::missing_key);
  CHECK_FALSE(missing.state(2).has_value());
  CHECK(missing.current_epoch() == 1);
  CHECK_THROWS_AS((void)missing.next_epoch(), std::runtime_error);
  CHECK_THROWS_AS((void)missing.root_key(), std::runtime_error);

  first.adopt(stored[0]);
  Claims claims;
  claims.epoch = 1;
  claims.expires_at = domain::from_unix_ms(1'800'000'000'000);
  const auto key = crypto::SigningKey::generate();
  const auto token = parse(issue(claims, key, *first.epoch(1))).value();
  CHECK(open(token, wrong).error() == Reason::wrong_epoch_key);
  CHECK(open(token, missing).error() == Reason::missing_epoch_key);
  CHECK(open(token, KeyRing{test_master(), {}}).error() == Reason::unknown_epoch);
  for (const KeyRing* ring : {&wrong, &missing}) CHECK(seal_untried(open(token, *ring).error()));
  CHECK_FALSE(seal_untried(Reason::wrong_seal));
  CHECK(verify(token, key.public_key()));
}

TEST_CASE("ring: after the last epoch there is none") {
  KeyRing ring{test_master(), {}};
  for (int i = 0; i < 255; ++i) ring.adopt(ring.next_epoch());
  CHECK(ring.current_epoch() == 255);
  CHECK_THROWS_AS((void)ring.next_epoch(), std::runtime_error);
}

TEST_CASE("ring: tokens are opened while the ring rotates") {
  KeyRing ring{test_master(), {}};
  ring.adopt(ring.next_epoch());
  Claims claims;
  claims.epoch = 1;
  claims.expires_at = domain::from_unix_ms(1'800'000'000'000);
  const auto token = parse(issue(claims, crypto::SigningKey::generate(), *ring.epoch(1))).value();
  std::atomic<int> refused = 0;
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t) {
    readers.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        if (!open(token, ring) || ring.epoch(ring.current_epoch()) == nullptr) ++refused;
      }
    });
  }
  for (int i = 0; i < 100; ++i) ring.adopt(ring.next_epoch());
  for (auto& reader : readers) reader.join();
  CHECK(refused == 0);
}

TEST_CASE("show keys: wrapped for one show and number under one master key") {
  KeyRing ring{test_master(), {}};
  const ShowKey key = make_show_key(ring, show, 1);
  CHECK(key.wrapped_private.size() == 60);
  CHECK(unwrap_show_key(ring, show, 1, key.wrapped_private).public_key() == key.public_key);
  CHECK_THROWS_AS((void)unwrap_show_key(ring, show, 2, key.wrapped_private), std::runtime_error);
  CHECK_THROWS_AS((void)unwrap_show_key(ring, {{1, 3}}, 1, key.wrapped_private), std::runtime_error);
  CHECK_THROWS_AS((void)unwrap_show_key(ring, show, 1, {}), std::runtime_error);
  const KeyRing other{test_master(1), {}};
  CHECK_THROWS_AS((void)unwrap_show_key(other, show, 1, key.wrapped_private), std::runtime_error);
  CHECK(make_show_key(ring, show, 1).public_key != key.public_key);
}

TEST_CASE("show keys: the cache keeps the keys used last and no more than its limit") {
  KeyRing ring{test_master(), {}};
  ShowKeyCache cache{ring, 2};
  std::vector<ShowKey> keys;
  for (std::uint8_t i = 0; i < 3; ++i) keys.push_back(make_show_key(ring, show, i));
  const auto first = cache.get(show, 0, keys[0].wrapped_private);
  CHECK(first->public_key() == keys[0].public_key);
  CHECK(cache.get(show, 0, {}) == first);  // found: the wrapped form is not looked at
  (void)cache.get(show, 1, keys[1].wrapped_private);
  CHECK(cache.get(show, 0, {}) == first);
  (void)cache.get(show, 2, keys[2].wrapped_private);
  CHECK(cache.get(show, 0, {}) == first);
  CHECK_THROWS_AS((void)cache.get(show, 1, {}), std::runtime_error);  // put out
}

TEST_CASE("master key: made once, for its owner only, and read again") {
  const Folder folder;
  const MasterKeyFile made = load_or_create_master_key(folder.file(), false);
  CHECK(made.created);
  REQUIRE(made.key);
  CHECK(made.key->size() == 32);
  struct stat info{};
  REQUIRE(::stat(folder.file().c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK(folder.files() == 1);
  const MasterKeyFile read = load_or_create_master_key(folder.file(), true);
  CHECK_FALSE(read.created);
  CHECK(crypto::constant_time_equal(read.key->bytes(), made.key->bytes()));
}

TEST_CASE("master key: never made where keys exist") {
  const Folder folder;
  const MasterKeyFile none = load_or_create_master_key(folder.file(), true);
  CHECK_FALSE(none.key);
  CHECK(folder.files() == 0);
}

TEST_CASE("master key: many who start at once end with one key") {
  const Folder folder;
  std::vector<std::string> seen(4);
  std::vector<std::thread> threads;
  for (auto& one : seen) {
    threads.emplace_back([&] { one = crypto::hex(load_or_create_master_key(folder.file(), false).key->bytes()); });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& one : seen) CHECK(one == seen[0]);
  CHECK(folder.files() == 1);
}

TEST_CASE("master key: a file that others can read or that holds no key is refused, and is not overwritten") {
  const Folder folder;
  const auto write = [&](std::string_view text, mode_t mode) {
    std::ofstream{folder.file()} << text;
    ::chmod(folder.file().c_str(), mode);
  };
  write(std::string(64, 'a') + "\n", 0644);
  CHECK_THROWS_WITH_AS((void)load_or_create_master_key(folder.file(), false), doctest::Contains("chmod 600"),
                       std::runtime_error);
  for (const std::string& text :
       {std::string{}, std::string(63, 'a'), std::string(66, 'a'), std::string(64, 'g'), std::string(1000, 'a')}) {
    write(text, 0600);
    CHECK_THROWS_WITH_AS((void)load_or_create_master_key(folder.file(), false), doctest::Contains("64 hexadecimal"),
                         std::runtime_error);
  }
  write(std::string(64, 'a') + "\n", 0600);
  CHECK(load_or_create_master_key(folder.file(), false).key->bytes()[0] == 0xaa);
  CHECK_THROWS_AS((void)load_or_create_master_key(folder.path / "absent" / "key", false), std::runtime_error);
}

TEST_CASE("master key: an error never shows the key") {
  const std::string almost(63, 'b');
  try {
    (void)parse_master_key(almost);
    FAIL("accepted");
  } catch (const std::runtime_error& error) {
    CHECK(std::string_view{error.what()}.find("bbb") == std::string_view::npos);
  }
}

TEST_CASE("master key: a command prints it, within a time and a size") {
  const std::string digits = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
  const auto of = [](const std::string& script, std::chrono::milliseconds limit = std::chrono::seconds{20}) {
    return master_key_of_command({"sh", "-c", script}, limit);
  };
  const auto expected = test_master();
  CHECK(crypto::constant_time_equal(of("echo " + digits).bytes(), expected.bytes()));
  CHECK(crypto::constant_time_equal(of("printf '  " + digits + "'").bytes(), expected.bytes()));
  CHECK(crypto::constant_time_equal(master_key_of_command({"echo", digits}).bytes(), expected.bytes()));
  const auto complaint = [&](const std::string& script, std::chrono::milliseconds limit = std::chrono::seconds{20}) {
    try {
      (void)of(script, limit);
    } catch (const std::runtime_error& error) {
      return std::string(error.what());
    }
    return std::string("nothing");
  };
  CHECK(complaint("echo " + digits + "; exit 3").ends_with("failed"));
  CHECK(complaint("echo " + digits + "; kill -9 $$").ends_with("failed"));
  CHECK(complaint("yes " + digits).ends_with("prints more than a key"));
  CHECK(complaint("exec sleep 1000", std::chrono::milliseconds{50}).ends_with("does not end in time"));
  CHECK(complaint("echo " + digits + "; exec sleep 1000 >&-", std::chrono::milliseconds{200})
            .ends_with("does not end in time"));
  CHECK(complaint("cat").ends_with("64 hexadecimal digits are wanted"));
  const auto told = complaint("echo canary-0123456789");
  CHECK(told.find("canary") == std::string::npos);
  CHECK_THROWS_AS((void)master_key_of_command({"/nonexistent/program"}), std::runtime_error);
}

TEST_CASE("master key: a named file must be there, and be its owner's alone") {
  const Folder folder;
  CHECK_THROWS_AS((void)read_master_key_file(folder.file()), std::runtime_error);
  CHECK(folder.files() == 0);
  std::ofstream(folder.file()) << "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
  ::chmod(folder.file().c_str(), 0640);
  CHECK_THROWS_AS((void)read_master_key_file(folder.file()), std::runtime_error);
  ::chmod(folder.file().c_str(), 0400);
  CHECK(crypto::constant_time_equal(read_master_key_file(folder.file()).bytes(), test_master().bytes()));
}
