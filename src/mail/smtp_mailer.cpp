#include "mail/smtp_mailer.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "mail/text.hpp"

namespace admit::mail {
namespace {

constexpr std::size_t limit_reason_characters = 200;
constexpr std::size_t limit_reply_bytes = 400;
/// Servers close what is silent; a connection this old is not used again.
constexpr long limit_idle_s = 15;
constexpr std::size_t limit_idle_connections = 8;

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

void start_library() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) throw std::runtime_error("libcurl does not start");
}

std::string url_part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
  std::string out{text};
  curl_free(text);
  return out;
}

bool is_this_machine(std::string_view host) {
  return host == "localhost" || host.starts_with("127.") || host == "[::1]";
}

void check_options(const SmtpOptions& options) {
  const std::unique_ptr<CURLU, FreeUrl> url{curl_url()};
  if (!url) throw std::bad_alloc();
  const auto scheme = [&] {
    return url_part(url.get(), CURLUPART_SCHEME);
  };
  if (!is_plain(options.url) || curl_url_set(url.get(), CURLUPART_URL, options.url.c_str(), 0) != CURLUE_OK ||
      (scheme() != "smtp" && scheme() != "smtps"))
    throw std::invalid_argument("The mail server's URL is not smtp://HOST:PORT or smtps://HOST:PORT.");
  for (const auto part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS, CURLUPART_QUERY, CURLUPART_FRAGMENT})
    if (!url_part(url.get(), part).empty())
      throw std::invalid_argument(
          "The mail server's URL names more than a host: user and password are settings of their own.");
  if (options.user.empty() != options.password.empty())
    throw std::invalid_argument("The mail server's user and password go together: one of them is missing.");
  if (!is_clean(options.user, false)) throw std::invalid_argument("The mail server's user is no text.");
  if (!options.user.empty() && scheme() == "smtp" && options.starttls == Starttls::none_ &&
      !is_this_machine(url_part(url.get(), CURLUPART_HOST)))
    throw std::invalid_argument("The mail server's password would cross the network in clear: require STARTTLS.");
}

/// How far a conversation came.
enum class Stage : std::uint8_t { opening, sender, recipient, content };

struct Conversation {
  std::string_view mail;  ///< what is left to send
  Stage stage = Stage::opening;
  std::string reply;            ///< the server's words where it refused the last command
  bool is_utf8_needed = false;  ///< for the address: RFC 6531
  bool is_utf8_offered = false;
};

std::size_t read_mail(char* out, std::size_t size, std::size_t count, void* user) {
  auto& conversation = *static_cast<Conversation*>(user);
  // The library sends such an address to any server, and some would take it and lose it. Nothing was handed over yet.
  if (conversation.is_utf8_needed && !conversation.is_utf8_offered) return CURL_READFUNC_ABORT;
  const std::size_t taken = std::min(size * count, conversation.mail.size());
  std::memcpy(out, conversation.mail.data(), taken);
  conversation.mail.remove_prefix(taken);
  return taken;
}

/// Keeps what the server says no with; not its answer to the farewell after that.
std::size_t hear_reply(char* line, std::size_t size, std::size_t count, void* user) {
  auto& conversation = *static_cast<Conversation*>(user);
  std::string& reply = conversation.reply;
  const std::string_view heard{line, size * count};
  if (conversation.stage == Stage::opening &&
      heard.substr(std::min<std::size_t>(4, heard.size())).starts_with("SMTPUTF8"))
    conversation.is_utf8_offered = true;
  if (heard.starts_with('4') || heard.starts_with('5')) {
    if (!reply.empty()) reply += ' ';
    reply += heard.substr(0, limit_reply_bytes - std::min(limit_reply_bytes, reply.size()));
  }
  return heard.size();
}

std::size_t hear_nothing(char*, std::size_t size, std::size_t count, void*) {
  return size * count;
}

/// Sees every command; keeps nothing of it but how far we are.
int watch_commands(CURL*, curl_infotype kind, char* bytes, std::size_t size, void* user) {
  if (kind != CURLINFO_HEADER_OUT) return 0;
  auto& conversation = *static_cast<Conversation*>(user);
  const std::string_view command{bytes, size};
  if (command.starts_with("QUIT")) return 0;
  conversation.reply.clear();
  if (command.starts_with("MAIL FROM:")) conversation.stage = Stage::sender;
  if (command.starts_with("RCPT TO:")) conversation.stage = Stage::recipient;
  if (command.starts_with("DATA")) conversation.stage = Stage::content;
  return 0;
}

Fault judge(CURLcode code, long reply, Stage stage) {
  const Fault not_now = stage == Stage::opening ? Fault::away : Fault::temporary;
  if (reply >= 400 && reply < 500) return not_now;  // RFC 5321 section 4.2.1
  if (code == CURLE_LOGIN_DENIED || code == CURLE_USE_SSL_FAILED || code == CURLE_PEER_FAILED_VERIFICATION ||
      code == CURLE_SSL_CACERT_BADFILE || code == CURLE_REMOTE_ACCESS_DENIED)
    return Fault::settings;
  if (reply < 500 || reply >= 600) return not_now;
  // 552 to the sender's line is about the announced size, anything else there about us.
  const bool is_about_the_mail = stage >= Stage::recipient || (stage == Stage::sender && reply == 552);
  return is_about_the_mail ? Fault::permanent : Fault::settings;
}

}  // namespace

/// One libcurl handle with the connection it keeps.
class SmtpMailer::Connection {
 public:
  Connection() : x_curl(curl_easy_init()) {
    if (x_curl == nullptr) throw std::bad_alloc();
  }
  ~Connection() { curl_easy_cleanup(x_curl); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void keep() { x_was_kept = true; }
  /// It has carried a mail before.
  [[nodiscard]] bool was_kept() const { return x_was_kept; }

  /// Sends `mail` in an envelope, or says NOOP where `to` is empty.
  [[nodiscard]] std::expected<void, Failure> talk(const SmtpOptions& options, const std::string& from,
                                                  const std::string& to, std::string_view mail);

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    if (curl_easy_setopt(x_curl, option, value) != CURLE_OK) throw std::runtime_error("libcurl refuses an option");
  }

  CURL* x_curl;
  bool x_was_kept = false;
};

std::expected<void, Failure> SmtpMailer::Connection::talk(const SmtpOptions& options, const std::string& from,
                                                          const std::string& to, std::string_view mail) {
  curl_easy_reset(x_curl);  // keeps the connection
  Conversation conversation{.mail = mail, .is_utf8_needed = !is_plain(to)};
  char error[CURL_ERROR_SIZE] = "";

  set(CURLOPT_URL, options.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_USE_SSL, static_cast<long>(options.starttls == Starttls::required ? CURLUSESSL_ALL : CURLUSESSL_NONE));
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
  if (!options.user.empty()) {
    std::string password{options.password.text()};
    set(CURLOPT_USERNAME, options.user.c_str());
    set(CURLOPT_PASSWORD, password.c_str());
    crypto::wipe(password.data(), password.size());
  }
  const long total_limit_ms = static_cast<long>(options.total_limit.count());
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_limit.count()));
  set(CURLOPT_TIMEOUT_MS, total_limit_ms);
  set(CURLOPT_SERVER_RESPONSE_TIMEOUT, std::max(1L, total_limit_ms / 1000));
  set(CURLOPT_MAXAGE_CONN, limit_idle_s);
  set(CURLOPT_MAXCONNECTS, 1L);
  set(CURLOPT_ERRORBUFFER, error);
  set(CURLOPT_WRITEFUNCTION, &hear_nothing);
  set(CURLOPT_HEADERFUNCTION, &hear_reply);
  set(CURLOPT_HEADERDATA, &conversation);
  set(CURLOPT_DEBUGFUNCTION, &watch_commands);
  set(CURLOPT_DEBUGDATA, &conversation);
  set(CURLOPT_VERBOSE, 1L);  // calls watch_commands

  curl_slist* recipients = nullptr;
  if (to.empty()) {
    set(CURLOPT_CUSTOMREQUEST, "NOOP");
    set(CURLOPT_NOBODY, 1L);
  } else {
    recipients = curl_slist_append(nullptr, to.c_str());
    if (recipients == nullptr) throw std::bad_alloc();
    set(CURLOPT_MAIL_FROM, from.c_str());
    set(CURLOPT_MAIL_RCPT, recipients);
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_READFUNCTION, &read_mail);
    set(CURLOPT_READDATA, &conversation);
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(mail.size()));
  }
  const CURLcode code = curl_easy_perform(x_curl);
  long reply = 0;
  curl_easy_getinfo(x_curl, CURLINFO_RESPONSE_CODE, &reply);
  // Nothing may point into this call any more.
  curl_easy_reset(x_curl);
  curl_slist_free_all(recipients);
  if (code == CURLE_OK) return {};
  if (code == CURLE_ABORTED_BY_CALLBACK)
    return std::unexpected(
        Failure{.fault = Fault::permanent, .reason = "The mail server takes no such address (SMTPUTF8)."});

  std::string reason = *error != '\0' ? error : curl_easy_strerror(code);
  if (!conversation.reply.empty()) reason += ": " + conversation.reply;
  return std::unexpected(Failure{.fault = judge(code, reply, conversation.stage),
                                 .reply_code = static_cast<int>(reply),
                                 .reason = one_line(reason, limit_reason_characters)});
}

SmtpMailer::SmtpMailer(SmtpOptions options) : x_options(std::move(options)) {
  start_library();
  check_options(x_options);
}

SmtpMailer::~SmtpMailer() = default;

std::unique_ptr<SmtpMailer::Connection> SmtpMailer::take_connection() {
  const std::scoped_lock lock{x_mutex};
  if (x_idle.empty()) return std::make_unique<Connection>();
  auto connection = std::move(x_idle.back());
  x_idle.pop_back();
  return connection;
}

void SmtpMailer::keep_connection(std::unique_ptr<Connection> connection) {
  connection->keep();
  const std::scoped_lock lock{x_mutex};
  if (x_idle.size() < limit_idle_connections) x_idle.push_back(std::move(connection));
}

std::expected<void, Failure> SmtpMailer::send(const Message& message) {
  const auto text = compose(message);
  if (!text) return std::unexpected(Failure{.fault = Fault::permanent, .reason = text.error()});
  if (text->size() > x_options.limit_bytes)
    return std::unexpected(Failure{.fault = Fault::permanent, .reason = "The mail is larger than may be sent."});
  const std::string to = envelope_address(message.to);
  // Only a new connection says whether it takes an address outside ASCII.
  auto connection = is_plain(to) ? take_connection() : std::make_unique<Connection>();
  const auto talk = [&] {
    return connection->talk(x_options, message.from.address, to, *text);
  };
  auto sent = talk();
  // A kept connection may have ended since, without a word or with one that waited to be heard.
  const bool has_ended = !sent && (sent.error().reply_code == 0 || sent.error().reply_code == 421);
  if (has_ended && connection->was_kept()) {
    connection = std::make_unique<Connection>();
    sent = talk();
  }
  if (sent) keep_connection(std::move(connection));
  return sent;
}

std::expected<void, Failure> SmtpMailer::check() {
  return Connection{}.talk(x_options, {}, {}, {});
}

}  // namespace admit::mail
