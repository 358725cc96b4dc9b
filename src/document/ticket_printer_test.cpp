#include "document/ticket_printer.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>
#include <vector>

#include "document/qr.hpp"
#include "document/ticket_design.hpp"

using namespace admit::document;
using admit::domain::parse_instant;

namespace {

TicketFace usual_face() {
  TicketFace face;
  face.show_title = "Midsummer Night’s Concert";
  face.organiser = "Philharmonie am Fluss";
  face.venue_name = "Großer Saal, Altes Kraftwerk";
  face.venue_address = "Uferstraße 12, 10115 Berlin";
  face.starts_at = parse_instant("2027-06-19T18:30:00Z").value();
  face.doors_at = parse_instant("2027-06-19T17:30:00Z").value();
  face.zone = "Europe/Berlin";
  face.language = "en-GB";
  face.conditions = "Valid for one person.";
  face.holder = "Zofia Wiśniewska";
  face.tier = "Balcony";
  face.price_minor = 4250;
  face.registration = "K7QF-2M9X-RT";
  face.number = 1;
  face.count = 3;
  std::mt19937 random(11);
  face.qr_text = "HTTPS://T.EXAMPLE.COM/V/";
  for (int i = 0; i < 447; ++i) face.qr_text += static_cast<char>('0' + random() % 10);
  return face;
}

constexpr std::array names{
    "Zażółć Gęślą-Jaźń", "Ελένη Παπαδοπούλου", "Александр Ёлкин", "محمد عبد الرحمن", "דָּוִד בן־גוריון",
    "अनुष्का शर्मा",        "สมชาย ใจดี",          "山田 太郎",       "김민준",          "陳大文",
    "Nguyễn Thị Ánh",    "O’Brien (محمد) 42",  "თამარ მეფე",      "Արմեն Սարգսյան",  "வேலு நாச்சியார்",
    "রবীন্দ্রনাথ ঠাকুর",
};

/// A folder that goes when the test does.
class Folder {
 public:
  Folder() {
    std::string pattern = std::filesystem::temp_directory_path() / "admit_document_XXXXXX";
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    x_path = pattern;
  }
  ~Folder() { std::filesystem::remove_all(x_path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::string operator/(const char* name) const { return x_path / name; }
  std::string write(const char* name, std::string_view bytes) const {
    std::ofstream(x_path / name, std::ios::binary) << bytes;
    return x_path / name;
  }

 private:
  std::filesystem::path x_path;
};

struct Output {
  int status = -1;
  std::string text;
};
Output run(const std::string& command) {
  Output out;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> part;
  for (std::size_t n; (n = fread(part.data(), 1, part.size(), pipe)) > 0;) out.text.append(part.data(), n);
  const int status = pclose(pipe);
  out.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return out;
}

bool is_missing(const char* tool) {
  if (run(std::string("command -v ") + tool).status == 0) return false;
  MESSAGE("skipped: no " << tool << " here; run 'make deps-test'");
  return true;
}

/// 8 bit grey, as pdftoppm draws it.
struct Raster {
  int width = 0;
  int height = 0;
  std::string pixels;

  [[nodiscard]] int at(int x, int y) const {
    return static_cast<unsigned char>(pixels[static_cast<std::size_t>(y * width + x)]);
  }
  bool operator==(const Raster&) const = default;
};

Raster rasterise(const std::string& pdf, int dots_per_inch) {
  const Folder folder;
  const auto file = folder.write("ticket.pdf", pdf);
  const auto drawn =
      run("pdftoppm -gray -singlefile -r " + std::to_string(dots_per_inch) + " " + file + " " + folder / "page");
  REQUIRE_MESSAGE(drawn.status == 0, drawn.text);
  CHECK_MESSAGE(drawn.text.empty(), drawn.text);
  std::ifstream in(folder / "page.pgm", std::ios::binary);
  std::string magic;
  int depth = 0;
  Raster raster;
  in >> magic >> raster.width >> raster.height >> depth;
  REQUIRE(magic == "P5");
  in.get();
  raster.pixels.resize(static_cast<std::size_t>(raster.width * raster.height));
  in.read(raster.pixels.data(), static_cast<std::streamsize>(raster.pixels.size()));
  REQUIRE(in);
  return raster;
}

std::string extracted_text(const std::string& pdf) {
  const Folder folder;
  return run("pdftotext " + folder.write("ticket.pdf", pdf) + " -").text;
}

int different_pixels(const Raster& a, const Raster& b) {
  REQUIRE(a.pixels.size() == b.pixels.size());
  int count = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) count += a.pixels[i] != b.pixels[i];
  return count;
}

}  // namespace

TEST_CASE("ticket: names in all scripts are known to the fonts") {
  TicketPrinter printer;
  for (const char* name : names) {
    CAPTURE(name);
    CHECK(printer.unknown_glyphs(name) == 0);
  }
  CHECK(printer.unknown_glyphs("👩‍👩‍👧‍👦 ❤️ 🎫 🇵🇱") == 0);
  CHECK(printer.unknown_glyphs("𠮷野") == 0);
  CHECK(printer.unknown_glyphs("\U000EFF80") == 1);
  CHECK(printer.unknown_glyphs("") == 0);
}

TEST_CASE("ticket: the prepared page with parts laid over it gives the very raster of the plain one") {
  if (is_missing("pdftoppm")) return;
  TicketPrinter printer;
  auto face = usual_face();
  for (const char* name : names) {
    CAPTURE(name);
    face.holder = name;
    CHECK(different_pixels(rasterise(printer.render(face), 100), rasterise(printer.render_plain(face), 100)) == 0);
  }
  face.test = true;
  face.accent = "#f5c542";
  face.holder = "Zoë 👩‍👩‍👧‍👦 ❤️";
  face.tier = "Parkett 🎻";
  face.registration = "019a8f7e-3c2d-7b11-9d55-0a1b2c3d4e5f";
  for (const char* language : {"de", "ja", "ar", "hi"}) {
    CAPTURE(language);
    face.language = language;
    CHECK(different_pixels(rasterise(printer.render(face), 72), rasterise(printer.render_plain(face), 72)) == 0);
    CHECK(different_pixels(rasterise(printer.render(face), 200), rasterise(printer.render_plain(face), 200)) == 0);
  }
}

TEST_CASE("ticket: the texts can be found and copied") {
  if (is_missing("pdftotext")) return;
  TicketPrinter printer;
  auto face = usual_face();
  for (const char* name : {"Zażółć Gęślą-Jaźń", "Ελένη Παπαδοπούλου", "Александр Ёлкин", "山田 太郎", "김민준",
                           "สมชาย ใจดี", "محمد عبد الرحمن", "נועה כהן", "अनुष्का शर्मा", "Zoë ❤️ Smith"}) {
    CAPTURE(name);
    face.holder = name;
    auto text = extracted_text(printer.render(face));
    std::string wanted = name;
    if (wanted.starts_with("Zoë")) wanted = "Smith";  // an emoji's second character is not kept
    CHECK_MESSAGE(text.find(wanted) != std::string::npos, text);
    for (const char* part : {"Midsummer Night’s Concert", "Saturday, 19 June 2027", "20:30", "Doors 19:30",
                             "Großer Saal, Altes Kraftwerk", "Balcony", "€42.50", "K7QF-2M9X-RT", "1 of 3"}) {
      CAPTURE(part);
      CHECK(text.find(part) != std::string::npos);
    }
    CHECK(text.find("TEST") == std::string::npos);
  }
}

TEST_CASE("ticket: a test ticket shows it from across the room") {
  if (is_missing("pdftoppm")) return;
  TicketPrinter printer;
  auto face = usual_face();
  const auto sold = rasterise(printer.render(face), 72);
  face.test = true;
  const auto test = rasterise(printer.render(face), 72);
  CHECK(different_pixels(sold, test) > sold.width * sold.height / 20);
}

TEST_CASE("ticket: what looks like markup is printed as it was typed") {
  if (is_missing("pdftotext")) return;
  TicketPrinter printer;
  auto face = usual_face();
  face.holder = "<b>x</b> &amp; %s \\n";
  face.tier = "(unbalanced) \\) >> endobj";
  const auto text = extracted_text(printer.render(face));
  CHECK_MESSAGE(text.find("<b>x</b> &amp; %s \\n") != std::string::npos, text);
  CHECK(text.find("(unbalanced) \\) >> endobj") != std::string::npos);
}

TEST_CASE("ticket: control and direction characters leave no trace") {
  TicketPrinter printer;
  auto clean = usual_face(), dirty = usual_face();
  clean.holder = "Eve moc.elpmaxe";
  dirty.holder = "\u202EEve\u0007\t\u2066moc.elp\u200Bmaxe\u202C";
  CHECK(printer.render(clean) == printer.render(dirty));
}

TEST_CASE("ticket: no name leaves its place") {
  if (is_missing("pdftoppm")) return;
  TicketPrinter printer;
  auto face = usual_face();
  const auto draw = [&](std::string holder, std::string tier, std::string registration) {
    face.holder = std::move(holder);
    face.tier = std::move(tier);
    face.registration = std::move(registration);
    return rasterise(printer.render(face), 72);
  };
  const auto reference = draw("x", "x", "x");
  const auto repeat = [](std::string_view text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
  };
  for (const auto& text :
       {repeat("W", 500), repeat("محمد ", 100), repeat("﷽", 60), repeat("Ẁ\u0301\u0302\u0303\u0304", 80),
        repeat("山", 300), repeat("ཧཱུྃ", 40), repeat("👩‍👩‍👧‍👦", 80), repeat("क्षि", 80),
        repeat("a b ", 200), repeat("꧅", 40)}) {
    CAPTURE(text);
    const auto drawn = draw(text, text, text);
    int outside = 0;
    // One pixel is one point: the holder's lines, the tier's lines left of the price, the lines under the code.
    for (int y = 0; y < drawn.height; ++y) {
      for (int x = 0; x < drawn.width; ++x) {
        const bool in_holder = x >= 64 && x < 373 && y >= 284 && y <= 350;
        const bool in_tier = x >= 64 && x < 270 && y >= 358 && y <= 395;
        const bool in_registration = x >= 400 && x < 545 && y >= 335 && y <= 388;
        if (!in_holder && !in_tier && !in_registration) outside += drawn.at(x, y) != reference.at(x, y);
      }
    }
    CHECK(outside == 0);
  }
}

TEST_CASE("ticket: the code stands upright, 40 mm wide, at its place, on white") {
  if (is_missing("pdftoppm")) return;
  TicketPrinter printer;
  auto face = usual_face();
  face.test = true;
  constexpr int dots = 288;  // 4 pixels a point
  for (const auto& text : {face.qr_text, std::string("A"), face.qr_text + face.qr_text}) {
    face.qr_text = text;
    const auto symbol = encode_qr(text, QrLevel::M);
    const auto place = qr_place(symbol.size());
    CHECK(std::abs(symbol.size() * place.module / 8.0 / 72 * 25.4 - 40) < 1.5);
    for (const auto& raster : {rasterise(printer.render(face), dots), rasterise(printer.render_plain(face), dots)}) {
      int wrong = 0;
      for (int y = -4; y < symbol.size() + 4; ++y) {
        for (int x = -4; x < symbol.size() + 4; ++x) {
          const bool inside = x >= 0 && y >= 0 && x < symbol.size() && y < symbol.size();
          if (!inside && symbol.size() < 30) continue;  // its quiet zone is the plain paper around
          const int shade =
              raster.at((2 * place.x + (2 * x + 1) * place.module) / 4, (2 * place.y + (2 * y + 1) * place.module) / 4);
          wrong += shade != (inside && symbol.get(x, y) ? 0 : 255);
        }
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("ticket: two independent decoders read the code off the page") {
  if (is_missing("pdftoppm")) return;
  TicketPrinter printer;
  auto face = usual_face();
  face.test = true;
  const Folder folder;
  for (const char* holder : {"Zofia", "Zoë ❤️"}) {
    face.holder = holder;
    const auto file = folder.write("ticket.pdf", printer.render(face));
    REQUIRE(run("pdftoppm -gray -singlefile -r 150 " + file + " " + folder / "page").status == 0);
    const auto page = folder / "page.pgm";
    if (!is_missing("zbarimg")) CHECK(run("( zbarimg -q --raw " + page + " 2>/dev/null )").text == face.qr_text + "\n");

    const char* named = std::getenv("ADMIT_ZXING");
    const std::string python = named != nullptr ? named : ADMIT_SOURCE_DIR "/build/venv/bin/python";
    if (run(python + " -c 'import zxingcpp'").status != 0) {
      MESSAGE("skipped: no zxing-cpp for " << python << "; run 'make deps-test'");
      continue;
    }
    const auto script = folder.write("decode.py",
                                     "import sys, zxingcpp\n"
                                     "data = open(sys.argv[1], 'rb').read()\n"
                                     "w, h = (int(n) for n in data.split(None, 3)[1:3])\n"
                                     "grey = memoryview(data[-w * h:]).cast('B', (h, w))\n"
                                     "for code in zxingcpp.read_barcodes(grey):\n"
                                     "  print(code.text, code.orientation, code.content_type.name)\n");
    CHECK(run(python + " " + script + " " + page).text == face.qr_text + " 0 Text\n");
  }
}

TEST_CASE("ticket: the same face is the same file, whatever was printed before and by whom") {
  TicketPrinter first;
  const auto face = usual_face();
  const auto expected = first.render(face);
  auto other = face;
  for (int i = 0; i < 40; ++i) {  // more shows than are kept
    other.show_title = "Show " + std::to_string(i);
    other.holder = "Holder " + std::to_string(i);
    (void)first.render(other);
  }
  CHECK(first.render(face) == expected);
  CHECK(first.render_plain(face) == TicketPrinter().render_plain(face));

  std::array<std::string, 2> made;
  {
    std::jthread a([&] { made[0] = TicketPrinter().render(face); });
    std::jthread b([&] { made[1] = TicketPrinter().render(face); });
  }
  CHECK(made[0] == expected);
  CHECK(made[1] == expected);
  CHECK(expected.find("20270619") != std::string::npos);  // dates in the file are the show's
}

TEST_CASE("ticket: more holders than a page keeps change nothing") {
  TicketPrinter printer;
  auto face = usual_face();
  const auto expected = printer.render(face);
  for (int i = 0; i < 450; ++i) {
    auto other = face;
    other.holder = "Holder " + std::to_string(i);
    CHECK(printer.render(other) != expected);
  }
  CHECK(printer.render(face) == expected);
}

TEST_CASE("ticket: qpdf finds one sound A4 page") {
  TicketPrinter printer;
  auto face = usual_face();
  const Folder folder;
  for (const char* holder : {"Zofia", "Zoë ❤️", ""}) {
    face.holder = holder;
    for (const auto& pdf : {printer.render(face), printer.render_plain(face)}) {
      const auto file = folder.write("ticket.pdf", pdf);
      if (!is_missing("qpdf")) {
        const auto checked = run("qpdf --check " + file);
        CHECK_MESSAGE(checked.status == 0, checked.text);
      }
      if (!is_missing("pdfinfo")) {
        const auto info = run("pdfinfo " + file).text;
        CHECK_MESSAGE(info.find("A4") != std::string::npos, info);
        CHECK(info.find("Pages:           1\n") != std::string::npos);
      }
    }
  }
}

TEST_CASE("ticket: odd faces are printed, a text no code can hold is refused") {
  TicketPrinter printer;
  TicketFace empty;
  empty.qr_text = "1";
  CHECK(printer.render(empty).starts_with("%PDF-1.4"));
  auto face = usual_face();
  face.accent = "#12345g";
  face.zone = "Mars/Olympus";
  face.language = std::string(5000, 'x');
  face.currency = "?";
  face.conditions = std::string(100'000, 'x');
  face.show_title = "🎪 \xFF\xFE";
  face.price_minor = 0;
  CHECK(printer.render(face).starts_with("%PDF-1.4"));
  face.qr_text.assign(10'000, '1');
  CHECK_THROWS_AS((void)printer.render(face), std::length_error);
}

TEST_CASE("ticket: printing takes microseconds once the show's page is prepared") {
  TicketPrinter printer;
  auto face = usual_face();
  (void)printer.render(face);
  auto best = std::chrono::nanoseconds::max();
  std::size_t bytes = 0;
  constexpr int rounds = 10, tickets = 20;
  for (int round = 0; round < rounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < tickets; ++i) {
      face.holder = "Zofia Wiśniewska " + std::to_string(round * tickets + i);
      face.registration = "K7QF-2M9X-" + std::to_string(round * tickets + i);
      face.qr_text.back() = static_cast<char>('0' + i % 10);
      bytes += printer.render(face).size();
    }
    best = std::min(best, (std::chrono::steady_clock::now() - begin) / tickets);
  }
  MESSAGE("ticket: " << best.count() / 1000 << " us, " << bytes / (rounds * tickets) << " bytes");
  CHECK(best < std::chrono::milliseconds(20));
}
