#include "domain/instant.hpp"

namespace admit::domain {
namespace {

void append_padded(std::string& out, std::int64_t value, std::size_t width) {
  const auto digits = std::to_string(value);
  if (digits.size() < width) out.append(width - digits.size(), '0');
  out += digits;
}

/// Reads exactly `width` digits at the front of `text` and removes them; -1 if they are not there.
int take_number(std::string_view& text, std::size_t width) {
  if (text.size() < width) return -1;
  int value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(width);
  return value;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string text(Instant at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{at - day};
  std::string out;
  out.reserve(24);
  append_padded(out, static_cast<int>(date.year()), 4);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_padded(out, time.hours().count(), 2);
  out += ':';
  append_padded(out, time.minutes().count(), 2);
  out += ':';
  append_padded(out, time.seconds().count(), 2);
  out += '.';
  append_padded(out, time.subseconds().count(), 3);
  out += 'Z';
  return out;
}

std::optional<Instant> parse_instant(std::string_view t) {
  using namespace std::chrono;
  const int y = take_number(t, 4);
  if (y < 1970 || !take(t, '-')) return std::nullopt;
  const int mo = take_number(t, 2);
  if (mo < 0 || !take(t, '-')) return std::nullopt;
  const int d = take_number(t, 2);
  if (d < 0 || !(take(t, 'T') || take(t, 't') || take(t, ' '))) return std::nullopt;
  const int h = take_number(t, 2);
  if (h < 0 || h > 23 || !take(t, ':')) return std::nullopt;
  const int mi = take_number(t, 2);
  if (mi < 0 || mi > 59 || !take(t, ':')) return std::nullopt;
  const int s = take_number(t, 2);
  if (s < 0 || s > 59) return std::nullopt;
  int ms = 0;
  if (take(t, '.')) {
    int scale = 100;
    std::size_t digits = 0;
    while (!t.empty() && t.front() >= '0' && t.front() <= '9') {
      if (++digits > 9) return std::nullopt;
      ms += (t.front() - '0') * scale;
      scale /= 10;
      t.remove_prefix(1);
    }
    if (digits == 0) return std::nullopt;
  }
  int offset_min = 0;
  if (!(take(t, 'Z') || take(t, 'z'))) {
    const bool minus = !t.empty() && t.front() == '-';
    if (!(take(t, '+') || take(t, '-'))) return std::nullopt;
    const int oh = take_number(t, 2);
    if (oh < 0 || oh > 23 || !take(t, ':')) return std::nullopt;
    const int om = take_number(t, 2);
    if (om < 0 || om > 59) return std::nullopt;
    offset_min = (minus ? -1 : 1) * (oh * 60 + om);
  }
  if (!t.empty()) return std::nullopt;
  const year_month_day date{year{y}, month{static_cast<unsigned>(mo)}, day{static_cast<unsigned>(d)}};
  if (!date.ok()) return std::nullopt;
  const Instant at = sys_days{date} + hours{h} + minutes{mi - offset_min} + seconds{s} + milliseconds{ms};
  if (at < Instant{} || at >= sys_days{year{10'000} / January / 1}) return std::nullopt;
  return at;
}

}  // namespace admit::domain
