// rooms: payment crypto
// The signature header and the body of a webhook, as anybody may post them.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "payment/event.hpp"
#include "payment/webhook.hpp"

using namespace admit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto verifier = [] {
    std::vector<crypto::Secret> secrets;
    secrets.emplace_back(std::string_view{"whsec_fuzz_1"});
    secrets.emplace_back(std::string_view{"whsec_fuzz_2"});
    return payment::WebhookVerifier{std::move(secrets)};
  }();
  const auto now = domain::from_unix_ms(1'790'000'000'000);
  const std::string_view input{reinterpret_cast<const char*>(data), size};
  const auto line_end = input.find('\n');
  const auto header = input.substr(0, line_end);
  const auto body = line_end == std::string_view::npos ? std::string_view{} : input.substr(line_end + 1);

  // Nobody forges HMAC-SHA-256 by mutation.
  if (verifier.verify(body, header, now)) std::abort();
  if (!body.empty()) {
    const auto signed_by_us = payment::signature_header(crypto::bytes_of("whsec_fuzz_2"), body, 1'790'000'000);
    if (!verifier.verify(body, signed_by_us, now)) std::abort();
  }
  for (const auto text : {input, body}) {
    const auto event = payment::parse_event(text);
    const auto* intent = event ? std::get_if<payment::Intent>(&event->object) : nullptr;
    if (event && (event->id.empty() || event->type.empty() || (event->is_thin && intent))) std::abort();
    if (intent && intent->id.empty()) std::abort();
    if (event && event->payload.find("\"client_secret\":") != std::string::npos) std::abort();
    if (event && payment::to_command(*event).event_id != event->id) std::abort();
  }
  return 0;
}
