#include "document/qr.hpp"

#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>

namespace admit::document {
namespace {

constexpr int max_version = 40;
constexpr int quiet_zone = 4;
constexpr std::size_t check_row = 32;  // check words of a block, padded for the vector unit
constexpr std::size_t max_codewords = 3706;

// ISO/IEC 18004:2015, table 9: error correction codewords per block, then the number of blocks; by level, version.
constexpr std::array<std::array<std::uint8_t, max_version>, 4> check_words_per_block{{
    {7,  10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28,
     28, 28, 30, 30, 26, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30},
    {10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26,
     26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28},
    {13, 22, 18, 26, 18, 24, 18, 22, 20, 24, 28, 26, 24, 20, 30, 24, 28, 28, 26, 30,
     28, 30, 30, 30, 30, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30},
    {17, 28, 22, 16, 22, 28, 26, 26, 24, 28, 24, 28, 22, 24, 24, 30, 28, 28, 26, 28,
     30, 24, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30},
}};
constexpr std::array<std::array<std::uint8_t, max_version>, 4> block_counts{{
    {1, 1, 1, 1,  1,  2,  2,  2,  2,  4,  4,  4,  4,  4,  6,  6,  6,  6,  7,  8,
     8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25},
    {1,  1,  1,  2,  2,  4,  4,  4,  5,  5,  5,  8,  9,  9,  10, 10, 11, 13, 14, 16,
     17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49},
    {1,  1,  2,  2,  4,  4,  6,  6,  8,  8,  8,  10, 12, 16, 12, 17, 16, 18, 21, 20,
     23, 23, 25, 27, 29, 34, 34, 35, 38, 40, 43, 45, 48, 51, 53, 56, 59, 62, 65, 68},
    {1,  1,  2,  4,  4,  4,  5,  6,  8,  8,  11, 11, 16, 16, 18, 16, 19, 21, 25, 25,
     25, 34, 30, 32, 35, 37, 40, 42, 45, 48, 51, 54, 57, 60, 63, 66, 70, 74, 77, 81},
}};

template <class Table>
int of(const Table& table, QrLevel level, int version) {
  return table[static_cast<std::size_t>(level)][static_cast<std::size_t>(version - 1)];
}

/// Modules left for codewords and remainder bits once all function patterns are drawn.
int data_modules(int version) {
  int modules = (16 * version + 128) * version + 64;
  if (version >= 2) {
    const int alignments = version / 7 + 2;
    modules -= (25 * alignments - 10) * alignments - 55;
    if (version >= 7) modules -= 36;
  }
  return modules;
}

int data_bytes(int version, QrLevel level) {
  return data_modules(version) / 8 - of(check_words_per_block, level, version) * of(block_counts, level, version);
}

/// The field GF(256) modulo x^8 + x^4 + x^3 + x^2 + 1.
class Field {
 public:
  Field() {
    unsigned x = 1;
    for (unsigned i = 0; i < 255; ++i) {
      x_power[i] = x_power[i + 255] = static_cast<std::uint8_t>(x);
      x_log[x] = static_cast<std::uint8_t>(i);
      x = x << 1 ^ (x >> 7) * 0x11Du;
    }
  }
  [[nodiscard]] std::uint8_t times(std::uint8_t a, std::uint8_t b) const {
    return a == 0 || b == 0 ? std::uint8_t{0} : x_power[x_log[a] + std::size_t{x_log[b]}];
  }

 private:
  std::array<std::uint8_t, 510> x_power{};
  std::array<std::uint8_t, 256> x_log{};
};

/// Everything about the symbols of one version and level that does not depend on the text.
struct Plan {
  int size = 0;
  int words = 0;
  int data_bytes = 0;
  int blocks = 0;
  int check_words = 0;
  int codewords = 0;
  std::vector<std::uint64_t> blank;   // function patterns and the mask, with all data bits 0
  std::vector<std::uint32_t> places;  // of data bits in order: word << 6 | bit
  std::array<std::array<std::uint8_t, check_row>, 256> multiples{};  // factor times the generator polynomial

  Plan(int version, QrLevel level);
};

/// The drawing board of a plan.
struct Board {
  int size;
  std::vector<bool> dark = std::vector<bool>(static_cast<std::size_t>(size * size));
  std::vector<bool> taken = dark;

  [[nodiscard]] std::size_t at(int x, int y) const { return static_cast<std::size_t>(y * size + x); }
  void set(int x, int y, bool is_dark) {
    dark[at(x, y)] = is_dark;
    taken[at(x, y)] = true;
  }
};

void draw_finder(Board& board, int center_x, int center_y) {
  for (int dy = -4; dy <= 4; ++dy) {
    for (int dx = -4; dx <= 4; ++dx) {
      const int x = center_x + dx, y = center_y + dy;
      if (x < 0 || y < 0 || x >= board.size || y >= board.size) continue;
      const int ring = std::max(std::abs(dx), std::abs(dy));
      board.set(x, y, ring != 2 && ring != 4);
    }
  }
}

std::vector<int> alignment_centers(int version) {
  if (version == 1) return {};
  const int count = version / 7 + 2;
  const int step = version == 32 ? 26 : (version * 4 + count * 2 + 1) / (count * 2 - 2) * 2;
  std::vector<int> centers(static_cast<std::size_t>(count));
  int position = 17 + 4 * version - 7;
  for (std::size_t i = centers.size() - 1; i > 0; --i, position -= step) centers[i] = position;
  centers[0] = 6;
  return centers;
}

void draw_alignments(Board& board, int version) {
  const auto centers = alignment_centers(version);
  for (int cy : centers) {
    for (int cx : centers) {
      const bool on_finder =
          (cx == 6 && cy == 6) || (cx == 6 && cy == board.size - 7) || (cx == board.size - 7 && cy == 6);
      if (on_finder) continue;
      for (int dy = -2; dy <= 2; ++dy)
        for (int dx = -2; dx <= 2; ++dx) board.set(cx + dx, cy + dy, std::max(std::abs(dx), std::abs(dy)) != 1);
    }
  }
}

/// Level and mask 0 under a BCH(15, 5) code, twice; and the dark module.
void draw_format(Board& board, QrLevel level) {
  constexpr std::array<unsigned, 4> level_bits{1, 0, 3, 2};
  const unsigned data = level_bits[static_cast<std::size_t>(level)] << 3;
  unsigned remainder = data;
  for (int i = 0; i < 10; ++i) remainder = remainder << 1 ^ (remainder >> 9) * 0x537u;
  const unsigned bits = (data << 10 | remainder) ^ 0x5412u;
  const auto bit = [bits](int i) {
    return (bits >> i & 1u) != 0;
  };

  for (int i = 0; i <= 5; ++i) board.set(8, i, bit(i));
  board.set(8, 7, bit(6));
  board.set(8, 8, bit(7));
  board.set(7, 8, bit(8));
  for (int i = 9; i < 15; ++i) board.set(14 - i, 8, bit(i));
  for (int i = 0; i < 8; ++i) board.set(board.size - 1 - i, 8, bit(i));
  for (int i = 8; i < 15; ++i) board.set(8, board.size - 15 + i, bit(i));
  board.set(8, board.size - 8, true);
}

/// The version under a BCH(18, 6) code, twice.
void draw_version(Board& board, int version) {
  if (version < 7) return;
  unsigned remainder = static_cast<unsigned>(version);
  for (int i = 0; i < 12; ++i) remainder = remainder << 1 ^ (remainder >> 11) * 0x1F25u;
  const unsigned bits = static_cast<unsigned>(version) << 12 | remainder;
  for (int i = 0; i < 18; ++i) {
    const bool is_dark = (bits >> i & 1u) != 0;
    const int a = board.size - 11 + i % 3, b = i / 3;
    board.set(a, b, is_dark);
    board.set(b, a, is_dark);
  }
}

Plan::Plan(int version, QrLevel level)
    : size(17 + 4 * version),
      words(QrSymbol::words(size)),
      data_bytes(document::data_bytes(version, level)),
      blocks(of(block_counts, level, version)),
      check_words(of(check_words_per_block, level, version)),
      codewords(data_modules(version) / 8),
      blank(static_cast<std::size_t>(words * size)) {
  Board board{size};
  for (int i = 0; i < size; ++i) {
    board.set(6, i, i % 2 == 0);
    board.set(i, 6, i % 2 == 0);
  }
  draw_finder(board, 3, 3);
  draw_finder(board, size - 4, 3);
  draw_finder(board, 3, size - 4);
  draw_alignments(board, version);
  draw_format(board, level);
  draw_version(board, version);

  // Data runs in columns two wide from the right, up and down by turns, past the timing column.
  places.reserve(static_cast<std::size_t>(data_modules(version)));
  bool upwards = true;
  for (int right = size - 1; right >= 1; right -= 2, upwards = !upwards) {
    if (right == 6) right = 5;
    for (int step = 0; step < size; ++step) {
      const int y = upwards ? size - 1 - step : step;
      for (int x : {right, right - 1}) {
        if (board.taken[board.at(x, y)]) continue;
        places.push_back(static_cast<std::uint32_t>((y * words + x / 64) << 6 | x % 64));
        board.dark[board.at(x, y)] = (x + y) % 2 == 0;
      }
    }
  }
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x)
      if (board.dark[board.at(x, y)])
        blank[static_cast<std::size_t>(y * words + x / 64)] |= std::uint64_t{1} << (x % 64);

  const Field field;
  std::array<std::uint8_t, check_row> generator{};
  const auto degree = static_cast<std::size_t>(check_words);
  generator[degree - 1] = 1;
  std::uint8_t root = 1;
  for (std::size_t i = 0; i < degree; ++i, root = field.times(root, 2)) {
    for (std::size_t j = 0; j < degree; ++j) {
      generator[j] = field.times(generator[j], root);
      if (j + 1 < degree) generator[j] ^= generator[j + 1];
    }
  }
  for (std::size_t factor = 0; factor < 256; ++factor)
    for (std::size_t j = 0; j < degree; ++j)
      multiples[factor][j] = field.times(generator[j], static_cast<std::uint8_t>(factor));
}

/// A memo of constants: each plan is made once and never changes.
const Plan& plan(int version, QrLevel level) {
  static std::array<std::once_flag, std::size_t{max_version} * 4> made;
  static std::array<std::unique_ptr<const Plan>, std::size_t{max_version} * 4> plans;
  const auto slot = static_cast<std::size_t>(version - 1) * 4 + static_cast<std::size_t>(level);
  std::call_once(made[slot], [&] { plans[slot] = std::make_unique<const Plan>(version, level); });
  return *plans[slot];
}

constexpr auto alphanumeric_values = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  constexpr std::string_view alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  return values;
}();
int alphanumeric_value(char c) {
  return alphanumeric_values[static_cast<unsigned char>(c)];
}
bool is_alphanumeric(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return alphanumeric_value(c) >= 0; });
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

int length_bits(QrMode mode, int version) {
  const int range = version < 10 ? 0 : version < 27 ? 1 : 2;
  switch (mode) {
    case QrMode::numeric:
      return std::array{10, 12, 14}[static_cast<std::size_t>(range)];
    case QrMode::alphanumeric:
      return std::array{9, 11, 13}[static_cast<std::size_t>(range)];
    case QrMode::byte:
      return std::array{8, 16, 16}[static_cast<std::size_t>(range)];
  }
  std::abort();
}

std::size_t body_bits(const QrSegment& segment) {
  const std::size_t n = segment.text.size();
  switch (segment.mode) {
    case QrMode::numeric:
      return n / 3 * 10 + std::array<std::size_t, 3>{0, 4, 7}[n % 3];
    case QrMode::alphanumeric:
      return n / 2 * 11 + n % 2 * 6;
    case QrMode::byte:
      return n * 8;
  }
  std::abort();
}

std::size_t total_bits(std::span<const QrSegment> segments, int version) {
  std::size_t bits = 0;
  for (const auto& segment : segments) {
    const int length = length_bits(segment.mode, version);
    if (segment.text.size() >> length != 0) return SIZE_MAX;
    bits += 4 + static_cast<std::size_t>(length) + body_bits(segment);
  }
  return bits;
}

/// 0 when nothing is large enough.
int smallest_version(std::span<const QrSegment> segments, QrLevel level) {
  for (int version = 1; version <= max_version; ++version) {
    if (total_bits(segments, version) <= static_cast<std::size_t>(data_bytes(version, level)) * 8) return version;
  }
  return 0;
}

class BitWriter {
 public:
  explicit BitWriter(std::uint8_t* out) : x_out(out) {}
  /// At most 16 bits, the highest first.
  void put(unsigned value, int bits) {
    x_pending = x_pending << bits | value;
    x_pending_bits += bits;
    x_count += static_cast<std::size_t>(bits);
    while (x_pending_bits >= 8) {
      x_pending_bits -= 8;
      *x_out++ = static_cast<std::uint8_t>(x_pending >> x_pending_bits);
    }
  }
  /// The terminator, then whole bytes of padding up to `capacity` bits.
  void finish(std::size_t capacity) {
    put(0, static_cast<int>(std::min<std::size_t>(4, capacity - x_count)));
    if (x_pending_bits != 0) put(0, 8 - x_pending_bits);
    for (unsigned padding = 0xEC; x_count < capacity; padding ^= 0xEC ^ 0x11) put(padding, 8);
  }

 private:
  std::uint8_t* x_out;
  std::uint64_t x_pending = 0;
  int x_pending_bits = 0;
  std::size_t x_count = 0;
};

unsigned digit(char c) {
  return static_cast<unsigned>(c - '0');
}

void write_segment(BitWriter& out, const QrSegment& segment, int version) {
  const std::string_view text = segment.text;
  constexpr std::array<unsigned, 3> indicators{1, 2, 4};
  out.put(indicators[static_cast<std::size_t>(segment.mode)], 4);
  out.put(static_cast<unsigned>(text.size()), length_bits(segment.mode, version));
  std::size_t i = 0;
  switch (segment.mode) {
    case QrMode::numeric:
      for (; i + 3 <= text.size(); i += 3)
        out.put(digit(text[i]) * 100 + digit(text[i + 1]) * 10 + digit(text[i + 2]), 10);
      if (text.size() - i == 2) out.put(digit(text[i]) * 10 + digit(text[i + 1]), 7);
      if (text.size() - i == 1) out.put(digit(text[i]), 4);
      return;
    case QrMode::alphanumeric:
      for (; i + 2 <= text.size(); i += 2)
        out.put(static_cast<unsigned>(alphanumeric_value(text[i]) * 45 + alphanumeric_value(text[i + 1])), 11);
      if (i < text.size()) out.put(static_cast<unsigned>(alphanumeric_value(text[i])), 6);
      return;
    case QrMode::byte:
      for (char c : text) out.put(static_cast<unsigned char>(c), 8);
      return;
  }
}

/// The remainder of `data` divided by the generator: the check words of one block.
void divide(const Plan& plan, std::span<const std::uint8_t> data, std::uint8_t* check) {
  std::array<std::uint8_t, check_row + 1> remainder{};
  for (std::uint8_t byte : data) {
    const auto& row = plan.multiples[static_cast<std::uint8_t>(byte ^ remainder[0])];
    for (std::size_t j = 0; j < check_row; ++j) remainder[j] = remainder[j + 1] ^ row[j];
  }
  std::memcpy(check, remainder.data(), check_row);
}

QrSymbol encode_checked(std::span<const QrSegment> segments, QrLevel level) {
  const int version = smallest_version(segments, level);
  if (version == 0) throw std::length_error("the text does not fit a QR symbol of version 40");
  const Plan& plan = document::plan(version, level);

  std::array<std::uint8_t, max_codewords> data;
  BitWriter writer(data.data());
  for (const auto& segment : segments) write_segment(writer, segment, version);
  writer.finish(static_cast<std::size_t>(plan.data_bytes) * 8);

  // Short blocks first, then those with one byte more; data and check words are interleaved across the blocks.
  const auto blocks = static_cast<std::size_t>(plan.blocks), check_words = static_cast<std::size_t>(plan.check_words);
  const auto codewords = static_cast<std::size_t>(plan.codewords);
  const std::size_t short_blocks = blocks - codewords % blocks;
  const std::size_t short_length = codewords / blocks - check_words;
  const std::size_t data_end = static_cast<std::size_t>(plan.data_bytes);
  std::array<std::uint8_t, max_codewords> interleaved;
  std::array<std::uint8_t, check_row> check;
  std::size_t begin = 0;
  for (std::size_t block = 0; block < blocks; ++block) {
    const bool is_long = block >= short_blocks;
    const std::span bytes(data.data() + begin, short_length + (is_long ? 1 : 0));
    begin += bytes.size();
    for (std::size_t i = 0; i < short_length; ++i) interleaved[i * blocks + block] = bytes[i];
    if (is_long) interleaved[short_length * blocks + block - short_blocks] = bytes.back();
    divide(plan, bytes, check.data());
    for (std::size_t i = 0; i < check_words; ++i) interleaved[data_end + i * blocks + block] = check[i];
  }

  auto rows = plan.blank;
  const std::uint32_t* place = plan.places.data();
  for (std::size_t i = 0; i < codewords; ++i) {
    const std::uint64_t byte = interleaved[i];
    for (int shift = 7; shift >= 0; --shift, ++place) rows[*place >> 6] ^= (byte >> shift & 1) << (*place & 63);
  }
  return {plan.size, std::move(rows)};
}

}  // namespace

QrSymbol encode_qr(std::span<const QrSegment> segments, QrLevel level) {
  for (const auto& segment : segments) {
    const bool fits =
        segment.mode == QrMode::byte ||
        (segment.mode == QrMode::numeric ? std::ranges::all_of(segment.text, is_digit) : is_alphanumeric(segment.text));
    if (!fits) throw std::invalid_argument("a QR segment holds a character its mode cannot write");
  }
  return encode_checked(segments, level);
}

QrSymbol encode_qr(std::string_view text, QrLevel level) {
  const auto head_length =
      static_cast<std::size_t>(std::find_if_not(text.rbegin(), text.rend(), is_digit).base() - text.begin());
  const auto mode_of = [](std::string_view part) {
    return is_alphanumeric(part) ? QrMode::alphanumeric : QrMode::byte;
  };
  const std::string_view head = text.substr(0, head_length), tail = text.substr(head_length);
  if (text.empty()) return encode_checked({}, level);
  if (head.empty()) return encode_checked(std::array{QrSegment{QrMode::numeric, tail}}, level);
  const std::array whole{QrSegment{mode_of(text), text}};
  const std::array parts{QrSegment{mode_of(head), head}, QrSegment{QrMode::numeric, tail}};
  // Which is shorter can depend on the version only through the length fields; version 10 stands for all.
  if (!tail.empty() && total_bits(parts, 10) < total_bits(whole, 10)) return encode_checked(parts, level);
  return encode_checked(whole, level);
}

std::string to_svg(const QrSymbol& symbol) {
  const auto side = std::to_string(symbol.size() + 2 * quiet_zone);
  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + side + " " + side +
                    "\" shape-rendering=\"crispEdges\"><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/><path d=\"";
  out.reserve(out.size() + static_cast<std::size_t>(symbol.size() * symbol.size()) * 4);
  for (int y = 0; y < symbol.size(); ++y) {
    for (int x = 0; x < symbol.size();) {
      int end = x;
      while (end < symbol.size() && symbol.get(end, y)) ++end;
      if (end > x) {
        const auto length = std::to_string(end - x);
        out += 'M';
        out += std::to_string(x + quiet_zone);
        out += ' ';
        out += std::to_string(y + quiet_zone);
        out += 'h';
        out += length;
        out += "v1h-";
        out += length;
        out += 'z';
      }
      x = end + 1;
    }
  }
  out += "\"/></svg>\n";
  return out;
}

namespace {

void put_big_endian(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFF);
}

void put_chunk(std::string& out, std::string_view type, std::string_view data) {
  put_big_endian(out, static_cast<std::uint32_t>(data.size()));
  const std::size_t begin = out.size();
  out += type;
  out += data;
  put_big_endian(out, libdeflate_crc32(0, out.data() + begin, out.size() - begin));
}

}  // namespace

std::string to_png(const QrSymbol& symbol, int scale) {
  scale = std::clamp(scale, 1, 40);
  const int side = (symbol.size() + 2 * quiet_zone) * scale;
  const auto row_bytes = static_cast<std::size_t>((side + 7) / 8) + 1;  // filter 0, then eight pixels a byte
  const std::string blank = '\0' + std::string(row_bytes - 1, '\xFF');
  std::string pixels;
  pixels.reserve(row_bytes * static_cast<std::size_t>(side));
  for (int y = -quiet_zone; y < symbol.size() + quiet_zone; ++y) {
    std::string row = blank;
    for (int x = 0; y >= 0 && y < symbol.size() && x < symbol.size() * scale; ++x) {
      if (!symbol.get(x / scale, y)) continue;
      const int column = x + quiet_zone * scale;
      row[static_cast<std::size_t>(1 + column / 8)] &= static_cast<char>(~(0x80 >> column % 8));
    }
    for (int i = 0; i < scale; ++i) pixels += row;
  }

  const std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> compressor(
      libdeflate_alloc_compressor(6), libdeflate_free_compressor);
  if (!compressor) throw std::bad_alloc();
  std::string data(libdeflate_zlib_compress_bound(compressor.get(), pixels.size()), '\0');
  data.resize(libdeflate_zlib_compress(compressor.get(), pixels.data(), pixels.size(), data.data(), data.size()));

  std::string header;
  put_big_endian(header, static_cast<std::uint32_t>(side));
  put_big_endian(header, static_cast<std::uint32_t>(side));
  header += std::string_view("\x01\0\0\0\0", 5);  // 1 bit grey, not interlaced
  std::string out = "\x89PNG\r\n\x1A\n";
  put_chunk(out, "IHDR", header);
  put_chunk(out, "IDAT", data);
  put_chunk(out, "IEND", {});
  return out;
}

}  // namespace admit::document
