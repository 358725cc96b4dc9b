// The stores of the matrix. A new store is one class and one entry here, and one line in STORE_CASE.

#include <unistd.h>

#include <filesystem>

#include "contract.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace admit::contract {
namespace {

class MemorySubject final : public Subject {
 public:
  Store& store() override { return x_store; }
  void reopen() override { x_store.crash(); }
  MemoryStore* memory() override { return &x_store; }

 private:
  MemoryStore x_store;
};

class SqliteSubject final : public Subject {
 public:
  SqliteSubject() { reopen(); }
  ~SqliteSubject() override {
    x_store.reset();
    std::error_code ignored;
    std::filesystem::remove_all(x_folder, ignored);
  }
  Store& store() override { return *x_store; }
  void reopen() override {
    x_store.reset();
    x_store = std::make_unique<store::sqlite::SqliteStore>(store::sqlite::Options{.path = x_folder});
  }
  [[nodiscard]] bool one_writer() const override { return true; }

 private:
  static std::filesystem::path fresh_folder() {
    auto pattern = (std::filesystem::temp_directory_path() / "admit-contract-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder for a test: " + pattern);
    return pattern;
  }

  std::filesystem::path x_folder = fresh_folder();
  std::unique_ptr<store::sqlite::SqliteStore> x_store;
};

template <class T>
std::unique_ptr<Subject> make() {
  return std::make_unique<T>();
}

}  // namespace

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{{"memory", &make<MemorySubject>}, {"sqlite", &make<SqliteSubject>}};
  return all;
}

}  // namespace admit::contract
