// rooms: app
// The reader of `--input` files: never crashes, says what is wrong, and what it takes keeps its promises.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "app/input_file.hpp"
#include "http/json.hpp"

using namespace admit::app;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = read_input({reinterpret_cast<const char*>(data), size});
  if (!input) {
    require(!input.error().empty());
    return 0;
  }
  require(input->ticket_count() >= 1 && input->ticket_count() <= max_input_tickets);
  (void)input->doors_at();
  const auto again = read_input(admit::http::write_json(*input));
  require(again.has_value() && again->ticket_count() == input->ticket_count());
  return 0;
}
