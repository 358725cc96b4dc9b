#include "app/input_file.hpp"

#include <fstream>
#include <map>
#include <utility>

#include "api/local_time.hpp"
#include "document/words.hpp"
#include "domain/money.hpp"
#include "http/json.hpp"

namespace admit::app {
namespace {

using http::items;
using http::optional;
using http::required;
using http::text;

using Checked = std::expected<void, std::string>;

std::unexpected<std::string> fault(std::string_view field, std::string_view what) {
  return std::unexpected(std::string(field) + ": " + std::string(what));
}

std::string at(std::string_view list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

std::expected<domain::Instant, std::string> instant_of(std::string_view field, std::string_view local, std::string_view zone) {
  auto instant = api::to_instant(local, zone);
  if (!instant) return fault(field, instant.error());
  return *instant;
}

Checked check_times(const InputShow& show) {
  if (!api::is_zone(show.zone)) return fault("show.zone", "The time zone is not known; give an IANA name, like Europe/Warsaw.");
  const auto starts = instant_of("show.startsLocal", show.starts_local, show.zone);
  if (!starts) return std::unexpected(starts.error());
  const auto doors = instant_of("show.doorsLocal", show.doors_local, show.zone);
  if (!doors) return std::unexpected(doors.error());
  if (*doors > *starts) return fault("show.doorsLocal", "The doors open after the start.");
  bool open = false;
  for (std::size_t i = 0; i < show.windows.size(); ++i) {
    const std::string field = at("show.windows", i);
    const auto from = instant_of(field + ".fromLocal", show.windows[i].from_local, show.zone);
    if (!from) return std::unexpected(from.error());
    const auto until = instant_of(field + ".untilLocal", show.windows[i].until_local, show.zone);
    if (!until) return std::unexpected(until.error());
    if (*until <= *from) return fault(field + ".untilLocal", "The window ends before it begins.");
    open = open || domain::Window{*from, *until}.contains(*doors);
  }
  if (!open) return fault("show.windows", "No window admits at doorsLocal, when everybody is scanned.");
  return {};
}

Checked check_words(const Input& input) {
  const auto bad = [](const std::optional<std::string>& tag) { return tag && !document::is_language(*tag); };
  if (!domain::is_currency(input.show.currency)) return fault("show.currency", "ISO 4217 has no such currency in use.");
  if (bad(input.show.language)) return fault("show.language", "ISO 639 has no such language.");
  for (std::size_t i = 0; i < input.registrations.size(); ++i) {
    if (bad(input.registrations[i].locale)) return fault(at("registrations", i) + ".locale", "ISO 639 has no such language.");
  }
  return {};
}

using Indexes = std::map<std::string, std::size_t, std::less<>>;

template <class Named>
std::expected<Indexes, std::string> indexes_of(std::string_view list, const std::vector<Named>& all) {
  Indexes out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!out.emplace(all[i].name, i).second) return fault(at(list, i) + ".name", "\"" + all[i].name + "\" is there twice.");
  }
  return out;
}

Checked check_sale(const Input& input) {
  const auto quotas = indexes_of("quotas", input.quotas);
  if (!quotas) return std::unexpected(quotas.error());
  const auto tiers = indexes_of("tiers", input.tiers);
  if (!tiers) return std::unexpected(tiers.error());

  std::vector<std::vector<std::size_t>> draws(input.tiers.size());
  for (std::size_t i = 0; i < input.tiers.size(); ++i) {
    for (std::size_t j = 0; j < input.tiers[i].quotas.size(); ++j) {
      const auto found = quotas->find(input.tiers[i].quotas[j]);
      const std::string field = at(at("tiers", i) + ".quotas", j);
      if (found == quotas->end()) return fault(field, "there is no quota \"" + input.tiers[i].quotas[j] + "\"");
      draws[i].push_back(found->second);
    }
  }

  std::vector<std::int64_t> taken(input.quotas.size());
  for (std::size_t i = 0; i < input.registrations.size(); ++i) {
    const auto& lines = input.registrations[i].lines;
    for (std::size_t j = 0; j < lines.size(); ++j) {
      const std::string field = at(at("registrations", i) + ".lines", j);
      const auto found = tiers->find(lines[j].tier);
      if (found == tiers->end()) return fault(field + ".tier", "there is no tier \"" + lines[j].tier + "\"");
      for (const std::size_t quota : draws[found->second]) {
        taken[quota] += std::ssize(lines[j].holders);
        if (taken[quota] > input.quotas[quota].size) {
          return fault(field, "the quota \"" + input.quotas[quota].name + "\" has no place left for it");
        }
      }
    }
  }
  if (input.ticket_count() > max_input_tickets) {
    return fault("registrations", "at most " + std::to_string(max_input_tickets) + " tickets in one file");
  }
  return {};
}

}  // namespace

http::Shape InputWindow::shape() {
  return http::object<InputWindow>("InputWindow", {required("fromLocal", &InputWindow::from_local, http::local_time()),
                                                   required("untilLocal", &InputWindow::until_local, http::local_time())});
}

http::Shape InputShow::shape() {
  return http::object<InputShow>(
      "InputShow",
      {required("business", &InputShow::business, text(1, 60)), required("title", &InputShow::title, text(1, 100)),
       required("zone", &InputShow::zone, http::zone()), required("startsLocal", &InputShow::starts_local, http::local_time()),
       required("doorsLocal", &InputShow::doors_local, http::local_time()),
       required("windows", &InputShow::windows, items(1, 32)), required("currency", &InputShow::currency, http::currency()),
       optional("venue", &InputShow::venue, text(0, 100)), optional("address", &InputShow::address, text(0, 150)),
       optional("language", &InputShow::language, http::language()), optional("accent", &InputShow::accent, text(7, 7)),
       optional("conditions", &InputShow::conditions, http::multiline(0, 400)),
       optional("maxTicketsPerRegistration", &InputShow::max_tickets_per_registration, http::integer(1, 40))});
}

http::Shape InputQuota::shape() {
  return http::object<InputQuota>("InputQuota", {required("name", &InputQuota::name, text(1, 40)),
                                                 required("size", &InputQuota::size, http::integer(0, 10'000'000))});
}

http::Shape InputTier::shape() {
  return http::object<InputTier>(
      "InputTier", {required("name", &InputTier::name, text(1, 40)),
                    required("price", &InputTier::price, http::integer(0, 99'999'999)),
                    optional("fee", &InputTier::fee, http::integer(0, 99'999'999)),
                    optional("taxRate", &InputTier::tax_rate, http::integer(0, 10'000)),
                    optional("minPerRegistration", &InputTier::min_per_registration, http::integer(1, 40)),
                    optional("maxPerRegistration", &InputTier::max_per_registration, http::integer(1, 40)),
                    required("quotas", &InputTier::quotas, items(1, 8, text(1, 40)))});
}

http::Shape InputLine::shape() {
  return http::object<InputLine>("InputLine", {required("tier", &InputLine::tier, text(1, 40)),
                                               required("holders", &InputLine::holders, items(1, 40, text(1, 60)))});
}

http::Shape InputRegistration::shape() {
  return http::object<InputRegistration>(
      "InputRegistration", {required("buyer", &InputRegistration::buyer, text(1, 60)),
                            optional("locale", &InputRegistration::locale, http::language()),
                            required("lines", &InputRegistration::lines, items(1, 20))});
}

http::Shape Input::shape() {
  return http::object<Input>("Input", {required("show", &Input::show), required("quotas", &Input::quotas, items(1, 100)),
                                       required("tiers", &Input::tiers, items(1, 100)),
                                       required("registrations", &Input::registrations, items(1, 1'000))});
}

std::int64_t InputRegistration::ticket_count() const {
  std::int64_t count = 0;
  for (const auto& line : lines) count += std::ssize(line.holders);
  return count;
}

std::int64_t Input::ticket_count() const {
  std::int64_t count = 0;
  for (const auto& registration : registrations) count += registration.ticket_count();
  return count;
}

domain::Instant Input::doors_at() const { return api::to_instant(show.doors_local, show.zone).value(); }

std::expected<Input, std::string> read_input(std::string_view json) {
  if (json.size() > max_input_bytes) return std::unexpected("larger than " + std::to_string(max_input_bytes) + " bytes");
  auto read = http::read_json<Input>(json);
  if (!read) {
    const auto& problem = read.error();
    if (problem.field.empty()) return std::unexpected(problem.detail);
    return fault(problem.field, problem.detail);
  }
  if (auto checked = check_words(*read); !checked) return std::unexpected(checked.error());
  if (auto checked = check_times(read->show); !checked) return std::unexpected(checked.error());
  if (auto checked = check_sale(*read); !checked) return std::unexpected(checked.error());
  return std::move(*read);
}

std::expected<Input, std::string> read_input_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fault(path.string(), "cannot be opened");
  // One byte more than is allowed tells a file that is too large without reading all of it.
  std::string content(max_input_bytes + 1, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (file.bad()) return fault(path.string(), "cannot be read");
  content.resize(static_cast<std::size_t>(file.gcount()));
  auto input = read_input(content);
  if (!input) return fault(path.string(), input.error());
  return input;
}

}  // namespace admit::app
