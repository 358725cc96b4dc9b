#include "api/page_words.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <stdexcept>

#include "api/web_files.hpp"

namespace admit::api {
namespace {

constexpr std::size_t max_accepted = 20;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// The text up to `end`, which is taken out of `rest` with it.
std::string_view take_until(std::string_view& rest, char end) {
  const auto at = rest.find(end);
  const auto out = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view{} : rest.substr(at + 1);
  return out;
}

/// `0.85` in thousandths; 0 for what is no quality value.
int quality(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1') || (text.size() > 1 && text[1] != '.'))
    return 0;
  int out = (text[0] - '0') * 1000;
  int unit = 100;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (c < '0' || c > '9') return 0;
    out += (c - '0') * unit;
    unit /= 10;
  }
  return out > 1000 ? 0 : out;
}

}  // namespace

std::string_view web_file(std::string_view name) {
  const auto& all = web_files();
  const auto found = std::ranges::find(all, name, &WebFile::name);
  if (found == all.end()) throw std::logic_error("web/" + std::string(name) + " is not in the program");
  return found->text;
}

const std::vector<PageWords>& page_languages() {
  static const std::vector<PageWords> all = [] {
    const std::vector<std::pair<std::string, std::string>> names{
        {"en", "English"}, {"de", "Deutsch"}, {"fr", "Français"}, {"es", "Español"}, {"pl", "Polski"}};
    const auto words = boost::json::parse(web_file("words.json"));
    const auto account_words = boost::json::parse(web_file("account-words.json"));
    std::vector<PageWords> out;
    for (const auto& [code, name] : names) {
      const auto& language = words.at(code).as_object();
      const auto& more = account_words.at(code).as_object();
      auto script = language.at("script").as_object();
      PageWords made{
          .code = code, .name = name, .page = {}, .script = boost::json::serialize(script), .account_script = {}};
      for (const auto& [key, text] : more.at("script").as_object()) script[key] = text;
      made.account_script = boost::json::serialize(script);
      for (const auto* words_of : {&language, &more}) {
        for (const auto& [key, text] : words_of->at("page").as_object()) made.page.emplace(key, text.as_string());
      }
      out.push_back(std::move(made));
    }
    return out;
  }();
  return all;
}

const PageWords* find_words(std::string_view tag) {
  std::string primary(tag.substr(0, tag.find_first_of("-_")));
  for (char& c : primary) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const auto& all = page_languages();
  const auto found = std::ranges::find(all, primary, &PageWords::code);
  return found != all.end() ? &*found : nullptr;
}

const PageWords& choose_words(std::string_view asked, std::string_view accept, std::string_view fallback) {
  if (const auto* words = find_words(asked)) return *words;
  const PageWords* best = nullptr;
  int best_quality = 0;
  for (std::size_t i = 0; i < max_accepted && !accept.empty(); ++i) {
    auto entry = take_until(accept, ',');
    const auto* words = find_words(trimmed(take_until(entry, ';')));
    const auto parameter = trimmed(entry);
    const int liked = parameter.starts_with("q=") ? quality(parameter.substr(2)) : parameter.empty() ? 1000 : 0;
    if (words != nullptr && liked > best_quality) {
      best = words;
      best_quality = liked;
    }
  }
  if (best != nullptr) return *best;
  if (const auto* words = find_words(fallback)) return *words;
  return page_languages().front();
}

std::string put_in(std::string text, std::string_view name, std::string_view value) {
  const std::string slot = "{" + std::string(name) + "}";
  for (auto at = text.find(slot); at != std::string::npos; at = text.find(slot, at + value.size())) {
    text.replace(at, slot.size(), value);
  }
  return text;
}

}  // namespace admit::api
