#include "document/qr.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <random>
#include <stdexcept>

#if __has_include(<qrcodegen/qrcodegen.hpp>)
#include <qrcodegen/qrcodegen.hpp>
#define ADMIT_QR_ORACLE 1
#endif

using namespace admit::document;

namespace {

std::string digits(std::size_t count, std::mt19937& random) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += static_cast<char>('0' + random() % 10);
  return out;
}

std::string usual_text() {
  std::mt19937 random(7);
  return "HTTPS://T.EXAMPLE.COM/V/" + digits(447, random);
}

#ifdef ADMIT_QR_ORACLE
void check_same(std::span<const QrSegment> segments, QrLevel level) {
  using qrcodegen::QrCode;
  using qrcodegen::QrSegment;
  std::vector<QrSegment> theirs;
  for (const auto& segment : segments) {
    const std::string text(segment.text);
    if (segment.mode == QrMode::numeric) theirs.push_back(QrSegment::makeNumeric(text.c_str()));
    if (segment.mode == QrMode::alphanumeric) theirs.push_back(QrSegment::makeAlphanumeric(text.c_str()));
    if (segment.mode == QrMode::byte) theirs.push_back(QrSegment::makeBytes({text.begin(), text.end()}));
  }
  const std::array levels{QrCode::Ecc::LOW, QrCode::Ecc::MEDIUM, QrCode::Ecc::QUARTILE, QrCode::Ecc::HIGH};
  const auto expected = QrCode::encodeSegments(theirs, levels[static_cast<std::size_t>(level)], 1, 40, 0, false);
  const auto ours = encode_qr(segments, level);
  REQUIRE(ours.size() == expected.getSize());
  int differences = 0;
  for (int y = 0; y < ours.size(); ++y)
    for (int x = 0; x < ours.size(); ++x) differences += ours.get(x, y) != expected.getModule(x, y);
  REQUIRE(differences == 0);
}

TEST_CASE("qr: every version and level equals an independent encoder to the bit") {
  std::mt19937 random(1);
  for (QrLevel level : {QrLevel::L, QrLevel::M, QrLevel::Q, QrLevel::H}) {
    int version = 0;
    for (std::size_t length = 1; version < 40; length += 1 + length / 40) {
      const auto text = digits(length, random);
      const std::array one{QrSegment{QrMode::numeric, text}};
      try {
        const int next = encode_qr(one, level).version();
        if (next == version) continue;
        version = next;
      } catch (const std::length_error&) {
        break;
      }
      check_same(one, level);
    }
    CHECK(version == 40);
  }
}

TEST_CASE("qr: random mixed segments equal an independent encoder to the bit") {
  std::mt19937 random(2);
  constexpr std::string_view alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
  for (int round = 0; round < 200; ++round) {
    std::string bytes, letters;
    for (auto n = random() % 120; n > 0; --n) bytes += static_cast<char>(random() % 256);
    for (auto n = random() % 120; n > 0; --n) letters += alphabet[random() % alphabet.size()];
    const auto numbers = digits(random() % 300, random);
    const std::array segments{QrSegment{QrMode::byte, bytes}, QrSegment{QrMode::alphanumeric, letters},
                              QrSegment{QrMode::numeric, numbers}};
    check_same(segments, static_cast<QrLevel>(random() % 4));
  }
}

TEST_CASE("qr: the usual ticket text equals an independent encoder to the bit") {
  const auto text = usual_text();
  const std::array segments{QrSegment{QrMode::alphanumeric, std::string_view(text).substr(0, 24)},
                            QrSegment{QrMode::numeric, std::string_view(text).substr(24)}};
  for (QrLevel level : {QrLevel::L, QrLevel::M, QrLevel::Q, QrLevel::H}) check_same(segments, level);
}
#endif

}  // namespace

TEST_CASE("qr: a ticket's text is version 10 at level M and 13 at level Q") {
  CHECK(encode_qr(usual_text(), QrLevel::M).version() == 10);
  CHECK(encode_qr(usual_text(), QrLevel::Q).version() == 13);
}

TEST_CASE("qr: the longest text of version 40 fits and one more does not") {
  CHECK(encode_qr(std::string(7089, '7'), QrLevel::L).version() == 40);
  CHECK_THROWS_AS((void)encode_qr(std::string(7090, '7'), QrLevel::L), std::length_error);
  CHECK(encode_qr(std::string(2953, 'a'), QrLevel::L).version() == 40);
  CHECK_THROWS_AS((void)encode_qr(std::string(2954, 'a'), QrLevel::L), std::length_error);
  CHECK_THROWS_AS((void)encode_qr(std::string(1'000'000, 'a'), QrLevel::L), std::length_error);
  CHECK(encode_qr("", QrLevel::H).version() == 1);
}

TEST_CASE("qr: a short run of digits is not split off where that is longer") {
  const std::string text = "HELLO WORLD 1";
  const std::array whole{QrSegment{QrMode::alphanumeric, text}};
  CHECK(encode_qr(text, QrLevel::M).size() == encode_qr(whole, QrLevel::M).size());
}

TEST_CASE("qr: a segment that its mode cannot write is refused") {
  CHECK_THROWS_AS((void)encode_qr(std::array{QrSegment{QrMode::numeric, "12a"}}, QrLevel::M), std::invalid_argument);
  CHECK_THROWS_AS((void)encode_qr(std::array{QrSegment{QrMode::alphanumeric, "ab"}}, QrLevel::M),
                  std::invalid_argument);
}

TEST_CASE("qr: svg and png carry the quiet zone and the right size") {
  const auto symbol = encode_qr("A1", QrLevel::M);
  const auto svg = to_svg(symbol);
  CHECK(svg.find("viewBox=\"0 0 29 29\"") != std::string::npos);
  CHECK(svg.find("M4 4h7v1h-7z") != std::string::npos);
  const auto png = to_png(symbol, 3);
  CHECK(png.substr(1, 3) == "PNG");
  CHECK(static_cast<unsigned char>(png[19]) == 29 * 3);
  CHECK(png == to_png(symbol, 3));
}

TEST_CASE("qr: a ticket's symbol takes microseconds") {
  const auto text = usual_text();
  auto best = std::chrono::nanoseconds::max();
  int dark = 0;
  for (int round = 0; round < 20; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 20; ++i) dark += encode_qr(text, QrLevel::M).get(i, 10);
    best = std::min(best, (std::chrono::steady_clock::now() - begin) / 20);
  }
  CHECK(dark >= 0);
  MESSAGE("qr symbol: " << best.count() << " ns");
  CHECK(best < std::chrono::milliseconds(2));
}
