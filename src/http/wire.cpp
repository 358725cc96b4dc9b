#include "http/wire.hpp"

#include <array>
#include <cstring>

namespace admit::http::wire {

namespace {

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (char c : std::string_view{"!#$%&'*+-.^_`|~"}) table[static_cast<std::size_t>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> make_value_table() {
  std::array<bool, 256> table{};
  for (std::size_t c = 0x20; c < 256; ++c) table[c] = c != 0x7f;
  table['\t'] = true;
  return table;
}
constexpr auto token_table = make_token_table();
constexpr auto value_table = make_value_table();

bool in(const std::array<bool, 256>& table, char c) {
  return table[static_cast<unsigned char>(c)];
}
bool all_in(const std::array<bool, 256>& table, std::string_view text) {
  for (char c : text) {
    if (!in(table, c)) return false;
  }
  return true;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Calls `each` with every element of a comma-separated list, trimmed.
template <class F>
void for_each_element(std::string_view list, F each) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    each(trim(list.substr(0, comma)));
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

std::optional<std::uint64_t> parse_length(std::string_view text) {
  if (text.empty() || text.size() > 18) return std::nullopt;
  std::uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

Verb verb_of(std::string_view method) {
  switch (method.size()) {
    case 3:
      if (method == "GET") return Verb::GET;
      if (method == "PUT") return Verb::PUT;
      break;
    case 4:
      if (method == "POST") return Verb::POST;
      if (method == "HEAD") return Verb::HEAD;
      break;
    case 5:
      if (method == "PATCH") return Verb::PATCH;
      break;
    case 6:
      if (method == "DELETE") return Verb::DELETE;
      break;
    case 7:
      if (method == "OPTIONS") return Verb::OPTIONS;
      break;
    default:
      break;
  }
  return Verb::other;
}

/// The end of the head (behind the empty line), or npos. Searches from `scanned` on.
std::size_t find_end(std::string_view bytes, std::size_t& scanned) {
  const std::size_t from = scanned > 3 ? scanned - 3 : 0;
  const auto end = bytes.find("\r\n\r\n", from);
  scanned = bytes.size();
  return end == std::string_view::npos ? end : end + 4;
}

/// The fields between `at` and the empty line at the end of `head`.
Fault parse_fields(std::string_view head, std::size_t at, std::size_t max_headers, std::vector<TextPair>& headers) {
  headers.clear();
  while (true) {
    const char* const line = head.data() + at;
    const std::size_t rest = head.size() - at;
    const auto* const cr = static_cast<const char*>(std::memchr(line, '\r', rest));
    if (cr == nullptr || static_cast<std::size_t>(cr - line) + 1 >= rest || cr[1] != '\n') return Fault::malformed;
    const std::string_view text{line, static_cast<std::size_t>(cr - line)};
    at += text.size() + 2;
    if (text.empty()) return at == head.size() ? Fault::none : Fault::malformed;
    std::size_t colon = 0;
    while (colon < text.size() && in(token_table, text[colon])) ++colon;
    if (colon == 0 || colon == text.size() || text[colon] != ':') return Fault::malformed;
    const auto value = trim(text.substr(colon + 1));
    if (!all_in(value_table, value)) return Fault::malformed;
    if (headers.size() == max_headers) return Fault::head_too_big;
    headers.emplace_back(text.substr(0, colon), value);
  }
}

bool is_host(std::string_view host) {
  if (host.size() > 261) return false;
  for (char c : host) {
    const bool ok = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
                    c == '-' || c == ':' || c == '[' || c == ']' || c == '_' || c == '%' || c == '~';
    if (!ok) return false;
  }
  return true;
}

void read_connection(std::string_view value, bool& close, bool& keep) {
  for_each_element(value, [&](std::string_view element) {
    if (same_text(element, "close")) close = true;
    if (same_text(element, "keep-alive")) keep = true;
  });
}

/// Splits the target into path and query.
Fault read_target(std::string_view target, RequestHead& head) {
  for (char c : target) {
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f || c == '#') {
      return Fault::bad_target;
    }
  }
  if (target == "*") {
    head.path = target;
    return head.verb == Verb::OPTIONS ? Fault::none : Fault::bad_target;
  }
  if (!target.starts_with('/')) {  // absolute form: what stands before the path is not ours to judge
    const auto scheme = target.find("://");
    if (scheme == std::string_view::npos) return Fault::bad_target;
    if (!same_text(target.substr(0, scheme), "http") && !same_text(target.substr(0, scheme), "https")) {
      return Fault::bad_target;
    }
    target.remove_prefix(scheme + 3);
    const auto path = target.find_first_of("/?");
    if (path == 0) return Fault::bad_target;
    if (path == std::string_view::npos) {
      head.path = "/";
      return Fault::none;
    }
    target.remove_prefix(path);
  }
  const auto mark = target.find('?');
  head.path = target.substr(0, mark);
  if (head.path.empty()) head.path = "/";
  if (mark != std::string_view::npos) head.query = target.substr(mark + 1);
  return Fault::none;
}

/// Reads what the fields say about the message itself.
Fault read_framing(RequestHead& head, const std::vector<TextPair>& headers) {
  bool close = false;
  bool keep = false;
  bool has_coding = false;
  int hosts = 0;
  for (const auto& [name, value] : headers) {
    switch (name.size()) {
      case 4:
        if (same_text(name, "host")) {
          ++hosts;
          if (!is_host(value)) return Fault::malformed;
        }
        break;
      case 6:
        if (same_text(name, "expect")) {
          if (!same_text(value, "100-continue")) return Fault::expectation_failed;
          head.expects_continue = true;
        }
        break;
      case 10:
        if (same_text(name, "connection")) read_connection(value, close, keep);
        break;
      case 14:
        if (same_text(name, "content-length")) {
          if (head.content_length) return Fault::malformed;
          head.content_length = parse_length(value);
          if (!head.content_length) return Fault::malformed;
        }
        break;
      case 17:
        if (same_text(name, "transfer-encoding")) {
          if (has_coding || !head.is_http11) return Fault::malformed;
          has_coding = true;
          if (!same_text(value, "chunked")) return Fault::unknown_coding;
          head.is_chunked = true;
        }
        break;
      default:
        break;
    }
  }
  if (head.is_chunked && head.content_length) return Fault::malformed;
  if (hosts > 1 || (hosts == 0 && head.is_http11)) return Fault::malformed;
  if (!head.is_http11) head.expects_continue = false;
  head.keep_alive = !close && (head.is_http11 || keep);
  return Fault::none;
}

/// What can be refused before the whole head is there.
Fault judge_unfinished(std::string_view bytes, const HeadLimits& limits) {
  std::size_t method = 0;
  while (method < bytes.size() && method < 32 && in(token_table, bytes[method])) ++method;
  if (method == 32 || (method < bytes.size() && bytes[method] != ' ') || (method == 0 && !bytes.empty())) {
    return Fault::malformed;
  }
  const auto line = bytes.find('\n');
  if (line != std::string_view::npos && bytes[line - 1] != '\r') return Fault::malformed;
  if (line == std::string_view::npos && bytes.size() > method + limits.max_target_bytes + 16) {
    return Fault::target_too_long;
  }
  return bytes.size() >= limits.max_bytes ? Fault::head_too_big : Fault::none;
}

Progress failed(RequestHead& head, Fault fault) {
  head.fault = fault;
  return Progress::failed;
}

}  // namespace

bool same_text(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

bool is_token(std::string_view text) {
  return !text.empty() && all_in(token_table, text);
}

Problem problem_of(Fault fault) {
  switch (fault) {
    case Fault::none:
    case Fault::malformed:
      break;
    case Fault::bad_target:
      return {400, "bad_target", "The request target is not a path this server can read; check its encoding."};
    case Fault::target_too_long:
      return {414, "target_too_long", "The request target is too long."};
    case Fault::head_too_big:
      return {431, "headers_too_big", "The request has too many headers or too long ones."};
    case Fault::unknown_coding:
      return {501, "unknown_transfer_coding", "The only transfer coding understood is chunked."};
    case Fault::unknown_version:
      return {505, "unknown_version", "Only HTTP/1.1 and HTTP/1.0 are spoken here."};
    case Fault::expectation_failed:
      return {417, "expectation_failed", "The only expectation understood is 100-continue."};
    case Fault::body_too_big:
      return {413, "body_too_big", "The request body is larger than this address takes."};
  }
  return {400, "bad_request", "This is not a well-formed HTTP/1.1 request."};
}

Progress parse_request_head(std::string_view bytes, const HeadLimits& limits, std::size_t& scanned, RequestHead& head,
                            std::vector<TextPair>& headers) {
  head = {};
  if (bytes.empty()) return Progress::more;
  const auto end = find_end(bytes, scanned);
  if (end == std::string_view::npos) {
    const auto fault = judge_unfinished(bytes, limits);
    return fault == Fault::none ? Progress::more : failed(head, fault);
  }
  if (end > limits.max_bytes) {
    const auto fault = judge_unfinished(bytes.substr(0, limits.max_bytes), limits);
    return failed(head, fault == Fault::none ? Fault::head_too_big : fault);
  }
  bytes = bytes.substr(0, end);
  head.size_bytes = end;

  const auto line_end = bytes.find("\r\n");
  const auto line = bytes.substr(0, line_end);
  const auto first = line.find(' ');
  const auto second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return failed(head, Fault::malformed);
  head.method = line.substr(0, first);
  if (!is_token(head.method) || head.method.size() > 31) return failed(head, Fault::malformed);
  head.verb = verb_of(head.method);
  const auto target = line.substr(first + 1, second - first - 1);
  const auto version = line.substr(second + 1);
  if (version == "HTTP/1.0") {
    head.is_http11 = false;
  } else if (version != "HTTP/1.1") {
    const bool is_other_version = version.size() == 8 && version.starts_with("HTTP/") && version[5] >= '0' &&
                                  version[5] <= '9' && version[6] == '.' && version[7] >= '0' && version[7] <= '9';
    return failed(head, is_other_version ? Fault::unknown_version : Fault::malformed);
  }
  if (target.size() > limits.max_target_bytes) return failed(head, Fault::target_too_long);
  if (target.empty()) return failed(head, Fault::malformed);
  if (auto fault = read_target(target, head); fault != Fault::none) return failed(head, fault);
  if (auto fault = parse_fields(bytes, line_end + 2, limits.max_headers, headers); fault != Fault::none) {
    return failed(head, fault);
  }
  if (auto fault = read_framing(head, headers); fault != Fault::none) return failed(head, fault);
  return Progress::done;
}

Progress parse_response_head(std::string_view bytes, const HeadLimits& limits, std::size_t& scanned, ResponseHead& head,
                             std::vector<TextPair>& headers) {
  head = {};
  const auto end = find_end(bytes, scanned);
  if (end == std::string_view::npos) return bytes.size() >= limits.max_bytes ? Progress::failed : Progress::more;
  if (end > limits.max_bytes) return Progress::failed;
  bytes = bytes.substr(0, end);
  head.size_bytes = end;
  const auto line_end = bytes.find("\r\n");
  const auto line = bytes.substr(0, line_end);
  const bool is_http11 = line.starts_with("HTTP/1.1 ");
  if ((!is_http11 && !line.starts_with("HTTP/1.0 ")) || line.size() < 12) return Progress::failed;
  for (std::size_t i = 9; i < 12; ++i) {
    if (line[i] < '0' || line[i] > '9') return Progress::failed;
    head.status = head.status * 10 + (line[i] - '0');
  }
  if (head.status < 100 || (line.size() > 12 && line[12] != ' ')) return Progress::failed;
  if (parse_fields(bytes, line_end + 2, limits.max_headers, headers) != Fault::none) return Progress::failed;
  bool close = false;
  bool keep = false;
  for (const auto& [name, value] : headers) {
    if (same_text(name, "connection")) read_connection(value, close, keep);
    if (same_text(name, "content-length")) {
      if (head.content_length) return Progress::failed;
      head.content_length = parse_length(value);
      if (!head.content_length) return Progress::failed;
    }
    if (same_text(name, "transfer-encoding")) {
      if (head.is_chunked || !same_text(value, "chunked")) return Progress::failed;
      head.is_chunked = true;
    }
  }
  if (head.is_chunked && head.content_length) return Progress::failed;
  head.keep_alive = !close && (is_http11 || keep);
  return Progress::done;
}

Progress ChunkDecoder::fail(Fault fault) {
  x_fault = fault;
  return Progress::failed;
}

Progress ChunkDecoder::feed(std::string_view bytes, std::size_t& used, std::string& out) {
  constexpr std::size_t max_line_bytes = 256;
  constexpr std::size_t max_trailer_bytes = 8 * 1024;
  used = 0;
  while (used < bytes.size()) {
    const char c = bytes[used];
    switch (x_at) {
      case At::size: {
        int digit = -1;
        if (c >= '0' && c <= '9') digit = c - '0';
        if (lower(c) >= 'a' && lower(c) <= 'f') digit = lower(c) - 'a' + 10;
        if (digit >= 0) {
          if (++x_digits > 15) return fail(Fault::malformed);
          x_left = x_left * 16 + static_cast<std::uint64_t>(digit);
        } else if (x_digits == 0) {
          return fail(Fault::malformed);
        } else if (c == '\r') {
          x_at = At::size_lf;
        } else if (c == ';') {
          x_at = At::extension;
        } else {
          return fail(Fault::malformed);
        }
        break;
      }
      case At::extension:
        if (c == '\r') {
          x_at = At::size_lf;
        } else if (!in(value_table, c) || ++x_line_bytes > max_line_bytes) {
          return fail(Fault::malformed);
        }
        break;
      case At::size_lf:
        if (c != '\n') return fail(Fault::malformed);
        if (x_left > x_limit_bytes - out.size()) return fail(Fault::body_too_big);
        x_at = x_left == 0 ? At::trailer : At::data;
        x_line_bytes = 0;
        x_digits = 0;
        break;
      case At::data: {
        const auto take = std::min<std::uint64_t>(x_left, bytes.size() - used);
        out.append(bytes.substr(used, take));
        used += take;
        x_left -= take;
        if (x_left == 0) x_at = At::data_cr;
        continue;
      }
      case At::data_cr:
        if (c != '\r') return fail(Fault::malformed);
        x_at = At::data_lf;
        break;
      case At::data_lf:
        if (c != '\n') return fail(Fault::malformed);
        x_at = At::size;
        break;
      case At::trailer:
        if (++x_trailer_bytes > max_trailer_bytes) return fail(Fault::head_too_big);
        if (c == '\r') {
          x_at = At::trailer_lf;
        } else if (!in(value_table, c)) {
          return fail(Fault::malformed);
        } else {
          ++x_line_bytes;
        }
        break;
      case At::trailer_lf:
        if (c != '\n') return fail(Fault::malformed);
        if (x_line_bytes == 0) {
          ++used;
          return Progress::done;
        }
        x_line_bytes = 0;
        x_at = At::trailer;
        break;
    }
    ++used;
  }
  return Progress::more;
}

}  // namespace admit::http::wire
