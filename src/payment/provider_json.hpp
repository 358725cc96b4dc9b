#pragma once
// Inside the room: reading a provider's JSON tolerantly. A member of the wrong kind reads as absent.

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "payment/intent.hpp"
#include "payment/payments.hpp"

namespace admit::payment::provider_json {

/// One JSON value in UTF-8, nested 32 deep at most; nullopt for anything else.
[[nodiscard]] std::optional<boost::json::value> parse(std::string_view text);

[[nodiscard]] std::string text_of(const boost::json::object& from, std::string_view name);
[[nodiscard]] std::int64_t number_of(const boost::json::object& from, std::string_view name);
[[nodiscard]] bool flag_of(const boost::json::object& from, std::string_view name);
[[nodiscard]] const boost::json::object* object_of(const boost::json::object& from, std::string_view name);
/// The id where the member is an id or an expanded object; "" elsewhere.
[[nodiscard]] std::string id_of(const boost::json::object& from, std::string_view name);

/// nullopt where it is no payment_intent with an id.
[[nodiscard]] std::optional<Intent> read_intent(const boost::json::object& from);
[[nodiscard]] std::optional<Account> read_account(const boost::json::object& from);
[[nodiscard]] IntentStatus read_status(const boost::json::object& from);

}  // namespace admit::payment::provider_json
