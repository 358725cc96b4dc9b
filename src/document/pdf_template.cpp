#include "document/pdf_template.hpp"

#include <libdeflate.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <new>
#include <utility>
#include <vector>

namespace admit::document {
namespace {

constexpr std::size_t entry_size = 20;  // of a cross-reference table, fixed by the standard

std::optional<std::size_t> number_at(std::string_view text, std::size_t at) {
  std::size_t value = 0;
  if (at > text.size() || std::from_chars(text.data() + at, text.data() + text.size(), value).ec != std::errc{})
    return std::nullopt;
  return value;
}

/// The number behind `name` in a dictionary.
std::optional<std::size_t> number_after(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  return at == text.npos ? std::nullopt : number_at(text, at + name.size());
}

std::string padded(std::size_t value, std::size_t width) {
  auto text = std::to_string(value);
  return std::string(width - std::min(width, text.size()), '0') + text;
}

std::string table_entry(std::size_t offset) {
  return padded(offset, 10) + " 00000 n \n";
}

void append_compressed(std::string& out, std::string_view data, libdeflate_compressor* compressor) {
  const std::size_t begin = out.size();
  out.resize(begin + libdeflate_zlib_compress_bound(compressor, data.size()));
  const std::size_t written =
      libdeflate_zlib_compress(compressor, data.data(), data.size(), out.data() + begin, out.size() - begin);
  if (written == 0) throw std::bad_alloc();
  out.resize(begin + written);
}

std::string stream_object(std::string_view entries, std::string_view data, libdeflate_compressor* compressor) {
  std::string packed;
  append_compressed(packed, data, compressor);
  std::string out =
      "<<" + std::string(entries) + "/Filter/FlateDecode/Length " + std::to_string(packed.size()) + ">>stream\n";
  out += packed;
  return out + "\nendstream";
}

class BigEndian {
 public:
  BigEndian& u16(unsigned value) {
    x_bytes += static_cast<char>(value >> 8 & 0xFF);
    x_bytes += static_cast<char>(value & 0xFF);
    return *this;
  }
  BigEndian& u32(std::uint32_t value) { return u16(value >> 16).u16(value & 0xFFFF); }
  BigEndian& zeros(std::size_t count) {
    x_bytes.append(count, '\0');
    return *this;
  }
  [[nodiscard]] std::string take() { return std::move(x_bytes); }

 private:
  std::string x_bytes;
};

/// A TrueType font of two empty glyphs, half an em wide: invisible text has to have some font, and readers are
/// happier with one inside the file.
std::string empty_font() {
  const std::vector<std::pair<std::string_view, std::string>> tables{
      {"glyf", BigEndian().zeros(4).take()},
      {"head", BigEndian()
                   .u32(0x00010000)
                   .u32(0x00010000)
                   .u32(0)
                   .u32(0x5F0F3CF5)
                   .u16(0)
                   .u16(1000)
                   .zeros(16)  // dates
                   .u16(0)
                   .u16(0)
                   .u16(500)
                   .u16(1000)  // bounds
                   .u16(0)
                   .u16(8)
                   .u16(2)
                   .u16(0)
                   .u16(0)
                   .take()},
      {"hhea", BigEndian().u32(0x00010000).u16(1000).u16(0).u16(0).u16(500).zeros(6).u16(1).zeros(14).u16(1).take()},
      {"hmtx", BigEndian().u16(500).u16(0).u16(0).take()},
      {"loca", BigEndian().zeros(6).take()},
      {"maxp", BigEndian().u32(0x00010000).u16(2).zeros(26).take()},
  };
  BigEndian directory;
  directory.u32(0x00010000).u16(static_cast<unsigned>(tables.size())).u16(64).u16(2).u16(32);
  std::string names = directory.take(), bodies;
  const std::size_t bodies_at = names.size() + 16 * tables.size();
  for (const auto& [name, body] : tables) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < body.size(); ++i)
      sum += std::uint32_t{static_cast<unsigned char>(body[i])} << (24 - 8 * (i % 4));
    names += name;
    names += BigEndian()
                 .u32(sum)
                 .u32(static_cast<std::uint32_t>(bodies_at + bodies.size()))
                 .u32(static_cast<std::uint32_t>(body.size()))
                 .take();
    bodies += body;
    bodies.append((4 - bodies.size() % 4) % 4, '\0');
  }
  return names + bodies;
}

/// Every code is its own UTF-16 unit. A range may not cross a change of the high byte, so there are 256.
std::string identity_to_unicode() {
  std::string out =
      "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CIDSystemInfo <</Registry(Adobe)/Ordering(UCS)"
      "/Supplement 0>> def\n/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n1 begincodespacerange\n<0000> <FFFF>\n"
      "endcodespacerange\n";
  constexpr std::string_view hex = "0123456789ABCDEF";
  constexpr unsigned ranges = 256, limit_block = 100;
  for (unsigned high = 0; high < ranges; ++high) {
    if (high % limit_block == 0) out += std::to_string(std::min(limit_block, ranges - high)) + " beginbfrange\n";
    const std::string byte{hex[high >> 4], hex[high & 15]};
    out += "<" + byte + "00> <" + byte + "FF> <" + byte + "00>\n";
    if (high % limit_block == limit_block - 1 || high == ranges - 1) out += "endbfrange\n";
  }
  return out + "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n";
}

/// Every code shows glyph 1.
std::string all_to_glyph_one() {
  std::string out(std::size_t{2} << 16, '\0');
  for (std::size_t i = 1; i < out.size(); i += 2) out[i] = '\1';
  return out;
}

}  // namespace

std::string pack_layer(std::string_view operators, libdeflate_compressor* compressor) {
  return stream_object("", operators, compressor);
}

std::optional<PdfTemplate> PdfTemplate::parse(std::string_view pdf, std::size_t layers,
                                              libdeflate_compressor* compressor) {
  const std::size_t start = pdf.rfind("startxref");
  if (start == pdf.npos) return std::nullopt;
  const auto table = number_at(pdf, start + 10);
  if (!table || *table >= start || !pdf.substr(*table).starts_with("xref\n0 ")) return std::nullopt;
  const auto count = number_at(pdf, *table + 7);
  const std::size_t first_entry = pdf.find('\n', *table + 7) + 1;
  if (!count || *count < 2 || *count > 10'000 || first_entry + *count * entry_size > start) return std::nullopt;
  const std::string_view trailer = pdf.substr(first_entry + *count * entry_size, start);
  const auto root = number_after(trailer, "/Root "), info = number_after(trailer, "/Info ");
  if (!root || !info) return std::nullopt;

  struct Entry {
    std::size_t offset, number;
  };
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < *count; ++i) {
    const std::size_t at = first_entry + i * entry_size;
    if (pdf[at + 17] != 'n') continue;
    const auto offset = number_at(pdf.substr(0, at + 10), at);
    if (!offset || *offset >= *table) return std::nullopt;
    entries.push_back({.offset = *offset, .number = i});
  }
  std::ranges::sort(entries, {}, &Entry::offset);
  if (entries.empty()) return std::nullopt;
  const auto bytes_of = [&](std::size_t i) {
    const std::size_t end = i + 1 < entries.size() ? entries[i + 1].offset : *table;
    return pdf.substr(entries[i].offset, end - entries[i].offset);
  };

  std::size_t page = entries.size(), resources = entries.size();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto head = bytes_of(i).substr(0, 40);
    const std::size_t at = head.find("<< /Type /Page");
    if (at != head.npos && !head.substr(at + 14).starts_with("s")) page = i;
  }
  if (page == entries.size()) return std::nullopt;
  std::string page_text(bytes_of(page));
  const auto resources_number = number_after(page_text, "/Resources "), content = number_after(page_text, "/Contents ");
  if (!resources_number || !content) return std::nullopt;
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (entries[i].number == *resources_number) resources = i;
  if (resources == entries.size()) return std::nullopt;

  // Cairo leaves its flipped matrix in place, so its stream is wrapped in q ... Q.
  const std::size_t save = *count, restore = save + 1, font = restore + 1;
  PdfTemplate made;
  made.x_first_layer = font + 6;
  const auto ref = [](std::size_t number) {
    return std::to_string(number) + " 0 R";
  };
  const std::string old_contents = "/Contents " + ref(*content);
  std::string contents = "/Contents [ " + ref(save) + " " + ref(*content) + " " + ref(restore);
  for (std::size_t i = 0; i < layers; ++i) contents += " " + ref(made.x_first_layer + i);
  page_text.replace(page_text.find(old_contents), old_contents.size(), contents + " ]");
  std::string resources_text(bytes_of(resources));
  const std::string font_entry = "/AdmitText " + std::to_string(font) + " 0 R ";
  if (const std::size_t fonts = resources_text.find("/Font <<"); fonts != resources_text.npos) {
    resources_text.insert(fonts + 8, " " + font_entry);
  } else if (const std::size_t open = resources_text.find("<<"); open != resources_text.npos) {
    resources_text.insert(open + 2, " /Font << " + font_entry + ">> ");
  } else {
    return std::nullopt;
  }

  std::vector<std::size_t> offsets(made.x_first_layer);
  made.x_head = pdf.substr(0, entries.front().offset);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    offsets[entries[i].number] = made.x_head.size();
    made.x_head += i == page ? page_text : i == resources ? resources_text : bytes_of(i);
  }
  std::size_t next = save;
  const auto add = [&](const std::string& body) {
    offsets[next] = made.x_head.size();
    made.x_head += std::to_string(next++) + " 0 obj\n" + body + "\nendobj\n";
  };
  add("<</Length 2>>stream\nq\n\nendstream");
  add("<</Length 2>>stream\nQ\n\nendstream");
  add("<</Type/Font/Subtype/Type0/BaseFont/AdmitText/Encoding/Identity-H/DescendantFonts[" + ref(font + 1) +
      "]/ToUnicode " + ref(font + 4) + ">>");
  add("<</Type/Font/Subtype/CIDFontType2/BaseFont/AdmitText/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/"
      "Supplement "
      "0>>/DW 500/FontDescriptor " +
      ref(font + 2) + "/CIDToGIDMap " + ref(font + 5) + ">>");
  add("<</Type/FontDescriptor/FontName/AdmitText/Flags 4/FontBBox[0 0 500 1000]/ItalicAngle 0/Ascent 1000/Descent 0"
      "/CapHeight 1000/StemV 80/FontFile2 " +
      ref(font + 3) + ">>");
  const auto font_file = empty_font();
  add(stream_object("/Length1 " + std::to_string(font_file.size()), font_file, compressor));
  add(stream_object("", identity_to_unicode(), compressor));
  add(stream_object("", all_to_glyph_one(), compressor));

  const auto size = std::to_string(made.x_first_layer + layers);
  made.x_table = "xref\n0 " + size + "\n0000000000 65535 f \n";
  for (std::size_t i = 1; i < offsets.size(); ++i)
    made.x_table += offsets[i] != 0 ? table_entry(offsets[i]) : "0000000000 65535 f \n";
  made.x_trailer = "trailer\n<</Size " + size + "/Root " + ref(*root) + "/Info " + ref(*info) + ">>\nstartxref\n";
  return made;
}

std::string PdfTemplate::with_layers(std::span<const std::string_view> packed_layers) const {
  constexpr std::size_t object_frame = 40;
  std::size_t size = x_head.size() + x_table.size() + x_trailer.size() + 40;
  for (auto layer : packed_layers) size += layer.size() + object_frame + entry_size;
  std::string out;
  out.reserve(size);
  out += x_head;
  std::string entries;
  std::size_t number = x_first_layer;
  for (auto layer : packed_layers) {
    entries += table_entry(out.size());
    out += std::to_string(number++);
    out += " 0 obj\n";
    out += layer;
    out += "\nendobj\n";
  }
  const std::size_t table_at = out.size();
  out += x_table;
  out += entries;
  out += x_trailer;
  out += std::to_string(table_at);
  out += "\n%%EOF\n";
  return out;
}

}  // namespace admit::document
