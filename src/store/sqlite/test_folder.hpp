#pragma once
// For tests: an empty folder that goes when the test ends.

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace admit::store::sqlite {

class TestFolder {
 public:
  TestFolder() {
    auto name = (std::filesystem::temp_directory_path() / "admit-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    x_path = name;
  }
  ~TestFolder() {
    std::error_code error;
    std::filesystem::remove_all(x_path, error);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return x_path; }

 private:
  std::filesystem::path x_path;
};

}  // namespace admit::store::sqlite
