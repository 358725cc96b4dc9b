#include "object/folder_store.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"

using namespace admit;
using namespace admit::object;
namespace fs = std::filesystem;

namespace {

struct Fixture {
  fs::path folder = fs::temp_directory_path() / ("admit-" + crypto::hex(crypto::random_bytes<8>()));
  std::vector<std::uint8_t> key = std::vector<std::uint8_t>(32, 5);
  FolderStore store{folder, "https://tickets.example/", key};
  ~Fixture() { fs::remove_all(folder); }
};

struct Parts {
  std::string key, expires, filename, signature;
};
Parts parts_of(std::string_view url) {
  const auto cut = [&](std::string_view from, std::string_view to) {
    const auto begin = url.find(from) + from.size();
    return std::string{url.substr(begin, to.empty() ? url.npos : url.find(to) - begin)};
  };
  return {cut("/files/", "?"), cut("expires=", "&filename"), cut("filename=", "&signature"), cut("signature=", "")};
}

const domain::Instant now = domain::from_unix_ms(1'800'000'000'500);

}  // namespace

TEST_CASE("folder: what is put is got, replaced, found and removed") {
  Fixture f;
  const std::string bytes{"%PDF\0\xff", 6};
  CHECK_FALSE(f.store.get("tickets/a.pdf"));
  CHECK_FALSE(f.store.exists("tickets/a.pdf"));
  f.store.put("tickets/a.pdf", bytes, "application/pdf");
  CHECK(f.store.get("tickets/a.pdf") == bytes);
  CHECK(f.store.exists("tickets/a.pdf"));
  f.store.put("tickets/a.pdf", "", "application/pdf");
  CHECK(f.store.get("tickets/a.pdf") == "");
  f.store.remove("tickets/a.pdf");
  f.store.remove("tickets/a.pdf");
  f.store.remove("nowhere/at/all.pdf");
  CHECK_FALSE(f.store.get("tickets/a.pdf"));
  CHECK_FALSE(f.store.get("tickets"));
  CHECK_FALSE(f.store.exists("tickets"));
}

TEST_CASE("folder: files are for their owner only, and a crash leaves no draft behind") {
  Fixture f;
  f.store.put("a/b/c.pdf", "x", "application/pdf");
  struct stat info{};
  REQUIRE(::stat((f.folder / "a/b/c.pdf").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  std::ofstream{f.folder / ".draft-0011223344556677"} << "half";
  const FolderStore again{f.folder, "https://tickets.example", f.key};
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(f.folder)) names.push_back(entry.path().filename());
  CHECK(names == std::vector<std::string>{"a"});
}

TEST_CASE("folder: no key leaves the folder") {
  Fixture f;
  for (const std::string& key :
       {std::string{}, std::string{"/etc/passwd"}, std::string{"../x"}, std::string{"a/../x"}, std::string{"a/./x"},
        std::string{"a//x"}, std::string{"a/"}, std::string{".hidden"}, std::string{"a/.x"}, std::string{"a\\..\\x"},
        std::string{"a%2fx"}, std::string{"a x"}, std::string{"a\0x", 3}, std::string{"a\nx"}, std::string{"\xc3\xa9"},
        std::string(201, 'a')}) {
    CHECK_FALSE(valid_key(key));
    CHECK_THROWS_AS(f.store.put(key, "x", ""), std::logic_error);
    CHECK_THROWS_AS((void)f.store.get(key), std::logic_error);
    CHECK_THROWS_AS((void)f.store.exists(key), std::logic_error);
    CHECK_THROWS_AS(f.store.remove(key), std::logic_error);
    CHECK_THROWS_AS((void)f.store.signed_link(key, now), std::logic_error);
    CHECK(f.store.verify_link(key, "1", "x", "x", now) == FolderStore::LinkCheck::forged);
  }
  for (const char* key : {"a", "tickets/018f2a30-0000-7000-8000-000000000001-2.pdf", "a/b/c_d.e..f"})
    CHECK(valid_key(key));
}

TEST_CASE("folder: a symbolic link is not followed") {
  Fixture f;
  fs::create_symlink("/etc/passwd", f.folder / "link");
  CHECK_THROWS_AS((void)f.store.get("link"), std::runtime_error);
}

TEST_CASE("folder: readers see the old or the new object, never half of one") {
  Fixture f;
  const std::string a(100'000, 'a'), b(50'000, 'b');
  f.store.put("x", a, "");
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::thread reader{[&] {
    while (!stop) {
      const auto got = f.store.get("x");
      if (!got || (*got != a && *got != b)) ++wrong;
    }
  }};
  for (int i = 0; i < 30; ++i) f.store.put("x", i % 2 ? a : b, "");
  stop = true;
  reader.join();
  CHECK(wrong == 0);
}

TEST_CASE("folder: a disk that refuses is an exception") {
  Fixture f;
  std::ofstream{f.folder / "file"} << "x";
  CHECK_THROWS_AS(f.store.put("file/below.pdf", "x", ""), std::runtime_error);
  CHECK_FALSE(f.store.get("file/below.pdf"));
}

TEST_CASE("link: holds for 15 minutes from the public URL, for one object and name") {
  Fixture f;
  const Link link = f.store.signed_link("tickets/a.pdf", now, "Zoë & Co.pdf");
  CHECK(link.expires_at == domain::from_unix_ms(1'800'000'900'000));
  CHECK(link.url.starts_with(
      "https://tickets.example/files/tickets/a.pdf?expires=1800000900&filename=Zo-Co.pdf&signature="));
  const Parts p = parts_of(link.url);
  const auto check = [&](const Parts& q, domain::Instant at) {
    return f.store.verify_link(q.key, q.expires, q.filename, q.signature, at);
  };
  using enum FolderStore::LinkCheck;
  CHECK(check(p, now) == valid);
  CHECK(check(p, link.expires_at - std::chrono::milliseconds{1}) == valid);
  CHECK(check(p, link.expires_at) == expired);
  CHECK(check({"tickets/b.pdf", p.expires, p.filename, p.signature}, now) == forged);
  CHECK(check({p.key, "1800000901", p.filename, p.signature}, now) == forged);
  CHECK(check({p.key, "01800000900", p.filename, p.signature}, now) == forged);
  CHECK(check({p.key, p.expires, "other.pdf", p.signature}, now) == forged);
  CHECK(check({p.key, p.expires, p.filename, p.signature.substr(1)}, now) == forged);
  CHECK(check({p.key, p.expires, p.filename, ""}, now) == forged);
  CHECK(check({p.key, p.expires, p.filename, "-" + p.signature}, link.expires_at) == forged);

  std::vector<std::uint8_t> other_key(32, 6);
  const FolderStore other{f.folder, "https://tickets.example", other_key};
  CHECK(other.verify_link(p.key, p.expires, p.filename, p.signature, now) == forged);
  CHECK(parts_of(f.store.signed_link("tickets/a.pdf", now).url).filename == "a.pdf");
}

TEST_CASE("file names: only what needs no escaping in a header") {
  CHECK(safe_filename("Ticket 1.pdf") == "Ticket-1.pdf");
  CHECK(safe_filename("a\"; filename=\"b\r\nX: y") == "a-filename-b-X-y");
  CHECK(safe_filename("../../etc/passwd") == "etc-passwd");
  CHECK(safe_filename("王") == "file");
  CHECK(safe_filename("") == "file");
  CHECK(safe_filename(std::string(500, 'a')).size() == 100);
}
