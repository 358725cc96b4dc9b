#pragma once
// Mails as files, for trying things out where there is no mail server.

#include <filesystem>

#include "mail/mailer.hpp"

namespace admit::mail {

/// Writes each mail to `FOLDER/ID.eml`, which any mail program opens. A repetition replaces the file.
class FolderMailer final : public Mailer {
 public:
  /// Makes the folder, for this user only; std::filesystem::filesystem_error when it cannot.
  explicit FolderMailer(std::filesystem::path folder);
  [[nodiscard]] std::expected<void, Failure> send(const Message& message) override;
  [[nodiscard]] std::expected<void, Failure> check() override;

 private:
  std::filesystem::path x_folder;
};

}  // namespace admit::mail
