#include "mail/folder_mailer.hpp"

#include <fstream>
#include <system_error>
#include <utility>

namespace admit::mail {

namespace fs = std::filesystem;

FolderMailer::FolderMailer(fs::path folder) : x_folder(std::move(folder)) {
  fs::create_directories(x_folder);
  fs::permissions(x_folder, fs::perms::owner_all);
}

std::expected<void, Failure> FolderMailer::send(const Message& message) {
  const auto text = compose(message);
  if (!text) return std::unexpected(Failure{.fault = Fault::permanent, .reason = text.error()});
  const auto path = x_folder / (message.id + ".eml");
  auto part = path;
  part += ".part";
  std::ofstream file{part, std::ios::binary | std::ios::trunc};
  file << *text;
  file.close();
  std::error_code error;
  if (file) fs::rename(part, path, error);
  if (!file || error)
    return std::unexpected(Failure{.fault = Fault::temporary, .reason = "The file cannot be written."});
  return {};
}

std::expected<void, Failure> FolderMailer::check() {
  if (fs::is_directory(x_folder)) return {};
  return std::unexpected(Failure{.fault = Fault::settings, .reason = "The folder for mails is not there."});
}

}  // namespace admit::mail
