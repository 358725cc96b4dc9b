#include "micro.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <stdexcept>

#include "crypto/random.hpp"
#include "document/qr.hpp"
#include "document/ticket_printer.hpp"
#include "least_us.hpp"
#include "token/key_ring.hpp"
#include "token/show_key.hpp"
#include "token/token.hpp"

namespace admit::bench {
namespace {

template <class AnyId>
AnyId random_id() {
  return AnyId{domain::Uuid::from_bytes(crypto::random_bytes<16>().data())};
}

document::TicketFace face_of(std::string qr_text) {
  document::TicketFace face;
  face.show_title = "Midsummer Night’s Concert";
  face.organiser = "Philharmonie am Fluss";
  face.venue_name = "Großer Saal, Altes Kraftwerk";
  face.venue_address = "Uferstraße 12, 10115 Berlin";
  face.starts_at = *domain::parse_instant("2027-06-19T18:30:00Z");
  face.doors_at = *domain::parse_instant("2027-06-19T17:30:00Z");
  face.zone = "Europe/Berlin";
  face.language = "en-GB";
  face.conditions = "Valid for one person. No refund.";
  face.tier = "Balcony";
  face.price_minor = 4250;
  face.count = 3;
  face.qr_text = std::move(qr_text);
  return face;
}

constexpr std::array latin_names{"Ada Example",     "Zofia Wisniewska", "Liam O’Brien", "Søren Kierkegaard",
                                 "Ana María López", "Jürgen Groß",      "Chloé Dubois", "Marta Kowalska"};
constexpr std::array mixed_names{"Zażółć Gęślą-Jaźń", "Ελένη Παπαδοπούλου", "Александр Ёлкин", "محمد عبد الرحمن",
                                 "דָּוִד בן־גוריון",     "अनुष्का शर्मा",         "สมชาย ใจดี",       "山田 太郎"};

template <std::size_t N>
double pdf_us(int repeats, const std::array<const char*, N>& names, const std::string& qr_text) {
  document::TicketPrinter printer;
  auto face = face_of(qr_text);
  // No two tickets alike: nothing but the show's page and the fonts may be remembered.
  int number = 10'000;
  const auto render = [&](int i) {
    const auto text = std::to_string(++number);
    face.holder = std::string(names[static_cast<std::size_t>(i) % N]) + " " + text;
    face.registration = "K7QF-" + text;
    return printer.render(face).size();
  };
  for (std::size_t i = 0; i < N; ++i) (void)render(static_cast<int>(i));  // fonts, the show's page
  return least_us(repeats, render);
}

}  // namespace

std::vector<Measured> measure_steps(bool quick) {
  const int scale = quick ? 1 : 4;
  token::KeyRing ring(crypto::Secret(crypto::random_bytes<32>()), std::span<const token::EpochRecord>{});
  ring.adopt(ring.next_epoch());
  const auto& epoch = *ring.epoch(ring.current_epoch());
  const auto key = crypto::SigningKey::generate();

  token::Claims claims;
  claims.epoch = epoch.epoch();
  claims.expires_at = *domain::parse_instant("2028-07-24T00:00:00Z");
  claims.show_id = random_id<domain::ShowId>();
  claims.ticket_business = claims.show_business = claims.payee = random_id<domain::BusinessId>();
  claims.customer = claims.payer = random_id<domain::UserId>();
  claims.transaction = random_id<domain::TransactionId>();
  constexpr int distinct = 256;
  std::vector<token::Claims> tickets;
  std::vector<std::string> texts;
  std::vector<token::Token> tokens;
  for (int i = 0; i < distinct; ++i) {
    claims.ticket_id = random_id<domain::TicketId>();
    tickets.push_back(claims);
    texts.push_back(token::qr_text("https://t.example.com", token::issue(claims, key, epoch)));
    tokens.push_back(*token::parse(texts.back()));
  }
  const auto at = [](const auto& list, int i) -> const auto& {
    return list[static_cast<std::size_t>(i % distinct)];
  };
  const auto must = [](bool good) -> std::size_t {
    if (!good) throw std::logic_error("a token that was just issued is refused");
    return 1;
  };

  std::vector<Measured> out;
  out.push_back({"token_issue",
                 least_us(500 * scale, [&](int i) { return token::issue(at(tickets, i), key, epoch).size(); }), "us",
                 "seal, sign, digits; thread CPU, least of 7 rounds"});
  out.push_back({"token_verify",
                 least_us(250 * scale,
                          [&](int i) {
                            const auto token = token::parse(at(texts, i));
                            return must(token && token::verify(*token, key.public_key()));
                          }),
                 "us", "a gate without a secret: digits to bytes, signature; thread CPU, least of 7 rounds"});
  out.push_back({"token_open",
                 least_us(5'000 * scale, [&](int i) { return must(token::open(at(tokens, i), ring).has_value()); }),
                 "us", "the server: opens the seal of a parsed token; thread CPU, least of 7 rounds"});
  out.push_back({"token_parse",
                 least_us(2'000 * scale, [&](int i) { return must(token::parse(at(texts, i)).has_value()); }), "us",
                 "text to bytes; thread CPU, least of 7 rounds"});
  out.push_back({"qr_symbol",
                 least_us(1'000 * scale,
                          [&](int i) {
                            return static_cast<std::size_t>(
                                document::encode_qr(at(texts, i), document::QrLevel::M).size());
                          }),
                 "us",
                 std::to_string(texts.front().size()) + " characters, level M, version " +
                     std::to_string(document::encode_qr(texts.front(), document::QrLevel::M).version()) +
                     "; thread CPU, least of 7 rounds"});
  out.push_back({"pdf", pdf_us(50 * scale, latin_names, texts.front()), "us",
                 "one ticket with a Latin name on the show's prepared page; thread CPU, least of 7 rounds"});
  out.push_back({"pdf_mixed_scripts", pdf_us(25 * scale, mixed_names, texts.front()), "us",
                 "names in 8 scripts in turn; thread CPU, least of 7 rounds"});
  return out;
}

FsyncResult measure_fsync(const std::string& folder, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto path = folder + "/fsync.tmp";
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) throw std::runtime_error("cannot write to " + folder);
  const std::array<char, 4096> block{};
  FsyncResult out;
  const auto begun = Clock::now();
  auto before = begun;
  while (before - begun < std::chrono::duration<double>(seconds)) {
    if (::write(file, block.data(), block.size()) != static_cast<ssize_t>(block.size()) || ::fdatasync(file) != 0) {
      throw std::runtime_error("writing to " + path + " failed");
    }
    const auto now = Clock::now();
    out.latencies.add(
        static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(now - before).count()));
    before = now;
  }
  out.rate = static_cast<double>(out.latencies.count()) / std::chrono::duration<double>(before - begun).count();
  ::close(file);
  ::unlink(path.c_str());
  return out;
}

}  // namespace admit::bench
