#include "document/ticket_printer.hpp"

#include <cairo-pdf.h>
#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <new>
#include <optional>
#include <stdexcept>
#include <unordered_map>
#include <vector>

#include "document/clean_text.hpp"
#include "document/pdf_template.hpp"
#include "document/qr.hpp"
#include "document/ticket_design.hpp"
#include "document/typesetter.hpp"

namespace admit::document {
namespace {

constexpr std::size_t limit_pages = 16;
constexpr std::string_view to_page_coordinates = "q 1 0 0 -1 0 841.89 cm\n";  // y downwards from page_height
constexpr std::size_t limit_snippets = 200;                                   // of one page, about 4 kB each

/// A page of cairo's that ends up as PDF text.
class CairoPage {
 public:
  explicit CairoPage(const TicketFace& face) {
    const auto append = [](void* out, const unsigned char* bytes, unsigned n) {
      static_cast<std::string*>(out)->append(reinterpret_cast<const char*>(bytes), n);
      return CAIRO_STATUS_SUCCESS;
    };
    x_surface = cairo_pdf_surface_create_for_stream(append, &x_pdf, page_width, page_height);
    cairo_pdf_surface_restrict_to_version(x_surface, CAIRO_PDF_VERSION_1_4);
    // Nothing of the moment of printing: the same ticket is the same file.
    const auto when = domain::text(std::chrono::floor<std::chrono::seconds>(face.starts_at)).substr(0, 19) + "Z";
    const auto title = clean_text(face.show_title, 140), author = clean_text(face.organiser, 80);
    cairo_pdf_surface_set_metadata(x_surface, CAIRO_PDF_METADATA_CREATE_DATE, when.c_str());
    cairo_pdf_surface_set_metadata(x_surface, CAIRO_PDF_METADATA_TITLE, title.c_str());
    cairo_pdf_surface_set_metadata(x_surface, CAIRO_PDF_METADATA_AUTHOR, author.c_str());
    cairo_pdf_surface_set_metadata(x_surface, CAIRO_PDF_METADATA_CREATOR, "Admit");
    x_page = cairo_create(x_surface);
  }
  ~CairoPage() {
    cairo_destroy(x_page);
    cairo_surface_destroy(x_surface);
  }
  CairoPage(const CairoPage&) = delete;
  CairoPage& operator=(const CairoPage&) = delete;

  [[nodiscard]] cairo_t* get() const { return x_page; }

  std::string finish() {
    cairo_show_page(x_page);
    cairo_surface_finish(x_surface);
    for (cairo_status_t status : {cairo_status(x_page), cairo_surface_status(x_surface)})
      if (status != CAIRO_STATUS_SUCCESS)
        throw std::runtime_error(std::string("cairo: ") + cairo_status_to_string(status));
    return std::move(x_pdf);
  }

 private:
  std::string x_pdf;
  cairo_surface_t* x_surface;
  cairo_t* x_page;
};

/// Calls `draw(x, y, length)` for every run of dark modules.
template <class Draw>
void each_dark_run(const QrSymbol& symbol, Draw draw) {
  for (int y = 0; y < symbol.size(); ++y) {
    for (int x = 0; x < symbol.size();) {
      int end = x;
      while (end < symbol.size() && symbol.get(end, y)) ++end;
      if (end > x) draw(x, y, end - x);
      x = end + 1;
    }
  }
}

void draw_qr(cairo_t* page, const QrSymbol& symbol) {
  const auto place = qr_place(symbol.size());
  cairo_set_source_rgb(page, 0, 0, 0);
  each_dark_run(symbol, [&](int x, int y, int length) {
    cairo_rectangle(page, (place.x + x * place.module) / 8.0, (place.y + y * place.module) / 8.0,
                    length * place.module / 8.0, place.module / 8.0);
  });
  cairo_fill(page);
}

}  // namespace

struct TicketPrinter::State {
  /// One text of a ticket.
  struct Snippet {
    bool is_outline = false;
    std::string layer;  // packed; draws nothing where the text is not all outlines
  };
  struct Page {
    std::string key;
    PdfTemplate pdf;
    std::uint64_t last_used = 0;
    std::unordered_map<std::string, Snippet> snippets;
  };

  Typesetter typesetter;
  std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> compressor{
      libdeflate_alloc_compressor(1), libdeflate_free_compressor};
  std::vector<std::unique_ptr<Page>> pages;
  std::uint64_t clock = 0;

  State() {
    if (!compressor) throw std::bad_alloc();
  }

  std::optional<PdfTemplate> parse(std::string_view pdf) {
    return PdfTemplate::parse(pdf, own_text_count + 1, compressor.get());
  }
  Page* page_of(const TicketFace& face);
  const Snippet& snippet(Page& page, const TicketFace& face, std::size_t i);
  std::string qr_layer(const QrSymbol& symbol);
};

/// The prepared page of the face's show; nullptr where cairo's file cannot be taken apart.
TicketPrinter::State::Page* TicketPrinter::State::page_of(const TicketFace& face) {
  auto key = shared_key(face);
  for (const auto& page : pages) {
    if (page->key != key) continue;
    page->last_used = ++clock;
    return page.get();
  }
  CairoPage drawn(face);
  draw_shared(drawn.get(), typesetter, face);
  auto pdf = parse(drawn.finish());
  if (!pdf) return nullptr;
  if (pages.size() >= limit_pages)
    pages.erase(std::ranges::min_element(pages, {}, [](const auto& page) { return page->last_used; }));
  pages.push_back(std::make_unique<Page>(
      Page{.key = std::move(key), .pdf = std::move(*pdf), .last_used = ++clock, .snippets = {}}));
  return pages.back().get();
}

const TicketPrinter::State::Snippet& TicketPrinter::State::snippet(Page& page, const TicketFace& face, std::size_t i) {
  auto key = own_text_key(face, i);
  const auto found = page.snippets.find(key);
  if (found != page.snippets.end()) return found->second;
  const auto text = typesetter.place(own_text(face, i), face.language);
  const bool is_outline = typesetter.is_outline(text);
  std::string operators;
  if (is_outline) {
    operators = to_page_coordinates;
    std::string invisible;
    typesetter.append_outlines(text, page_height, operators, invisible);
    operators += "Q\nBT 3 Tr\n" + invisible + "ET\n";
  }
  Snippet made{.is_outline = is_outline, .layer = pack_layer(operators, compressor.get())};
  return page.snippets.emplace(std::move(key), std::move(made)).first->second;
}

std::string TicketPrinter::State::qr_layer(const QrSymbol& symbol) {
  std::string operators(to_page_coordinates);
  const auto place = qr_place(symbol.size());
  constexpr int thousandths_per_eighth = 125;
  operators += "0 g ";
  append_thousandths(operators, place.module * thousandths_per_eighth);
  operators += "0 0 ";
  append_thousandths(operators, place.module * thousandths_per_eighth);
  append_thousandths(operators, place.x * thousandths_per_eighth);
  append_thousandths(operators, place.y * thousandths_per_eighth);
  operators += "cm\n";
  each_dark_run(symbol, [&](int x, int y, int length) {
    append_number(operators, x);
    append_number(operators, y);
    append_number(operators, length);
    operators += "1 re\n";
  });
  operators += "f Q\n";
  return pack_layer(operators, compressor.get());
}

TicketPrinter::TicketPrinter() = default;
TicketPrinter::~TicketPrinter() = default;
TicketPrinter::TicketPrinter(TicketPrinter&&) noexcept = default;
TicketPrinter& TicketPrinter::operator=(TicketPrinter&&) noexcept = default;

TicketPrinter::State& TicketPrinter::state() {
  if (!x_state) x_state = std::make_unique<State>();
  return *x_state;
}

std::string TicketPrinter::render_plain(const TicketFace& face) {
  auto& typesetter = state().typesetter;
  const auto symbol = encode_qr(face.qr_text, QrLevel::M);
  CairoPage page(face);
  draw_shared(page.get(), typesetter, face);
  for (std::size_t i = 0; i < own_text_count; ++i) {
    const auto text = typesetter.place(own_text(face, i), face.language);
    typesetter.is_outline(text) ? fill_text(page.get(), text) : show_text(page.get(), text);
  }
  draw_qr(page.get(), symbol);
  return page.finish();
}

std::string TicketPrinter::render(const TicketFace& face) {
  auto& self = state();
  State::Page* page = self.page_of(face);
  if (page == nullptr) return render_plain(face);
  if (page->snippets.size() + own_text_count > limit_snippets) page->snippets.clear();

  std::array<std::string_view, own_text_count + 1> layers;
  std::vector<std::size_t> others;  // with emoji or what no font has: cairo draws them into a page of their own
  for (std::size_t i = 0; i < own_text_count; ++i) {
    const auto& snippet = self.snippet(*page, face, i);
    layers[i] = snippet.layer;
    if (!snippet.is_outline) others.push_back(i);
  }
  const auto qr = self.qr_layer(encode_qr(face.qr_text, QrLevel::M));
  layers.back() = qr;
  if (others.empty()) return page->pdf.with_layers(layers);

  CairoPage drawn(face);
  draw_shared(drawn.get(), self.typesetter, face);
  for (std::size_t i : others) show_text(drawn.get(), self.typesetter.place(own_text(face, i), face.language));
  const auto pdf = self.parse(drawn.finish());
  return pdf ? pdf->with_layers(layers) : render_plain(face);
}

std::size_t TicketPrinter::unknown_glyphs(std::string_view text) {
  const auto placed =
      state().typesetter.place({.text = clean_text(text, 10'000), .width = 1e5, .size = 10, .least_size = 10}, "en");
  return static_cast<std::size_t>(pango_layout_get_unknown_glyphs_count(placed.layout.get()));
}

}  // namespace admit::document
