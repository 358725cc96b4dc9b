#include "document/fonts.hpp"

#include "document/typesetter.hpp"

namespace admit::document {
namespace {

struct Sample {
  std::string_view script;
  const char* language;
  const char* text;
};

constexpr Sample samples[] = {
    {"Latin", "en", "Zażółć gęślą jaźń, Ærøskøbing, İstanbul, Škoda, Đặng"},
    {"Greek", "el", "Ξεσκεπάζω την ψυχοφθόρα"},
    {"Cyrillic", "uk", "Жебракують філософи при ґанку"},
    {"Arabic", "ar", "نص حكيم له سر قاطع"},
    {"Hebrew", "he", "דג סקרן שט בים"},
    {"Devanagari", "hi", "ऋषियों को सताने वाले"},
    {"Thai", "th", "เป็นมนุษย์สุดประเสริฐ"},
    {"Chinese", "zh-CN", "天地玄黄宇宙洪荒"},
    {"Japanese", "ja", "いろはにほへと散りぬる"},
    {"Korean", "ko", "키스의 고유조건은"},
    {"emoji", "en", "🎫🎉"},
};

}  // namespace

std::vector<std::string_view> scripts_without_font() {
  constexpr double wide = 10'000;  // one line
  Typesetter typesetter;
  std::vector<std::string_view> missing;
  for (const auto& sample : samples) {
    const auto placed = typesetter.place({.text = sample.text, .width = wide}, sample.language);
    if (pango_layout_get_unknown_glyphs_count(placed.layout.get()) > 0) missing.push_back(sample.script);
  }
  return missing;
}

}  // namespace admit::document
