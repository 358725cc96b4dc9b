#pragma once
// The files of the folder `web/`, which the build puts into the program.

#include <string_view>
#include <vector>

namespace admit::api {

struct WebFile {
  std::string_view name;
  std::string_view text;
};
[[nodiscard]] const std::vector<WebFile>& web_files();
/// std::logic_error for a name that is not there.
[[nodiscard]] std::string_view web_file(std::string_view name);

}  // namespace admit::api
