#pragma once
// Inside the room: reading a provider's JSON tolerantly. A member of the wrong kind reads as absent.

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "payment/objects.hpp"

namespace admit::payment::provider_json {

/// One JSON value in UTF-8, nested 32 deep at most; nullopt for anything else.
[[nodiscard]] std::optional<boost::json::value> parse(std::string_view text);

/// Cuts it to at most so many bytes of UTF-8, never through a character.
void shorten(std::string& text, std::size_t limit_bytes);

[[nodiscard]] std::string text_of(const boost::json::object& from, std::string_view name);
[[nodiscard]] std::int64_t number_of(const boost::json::object& from, std::string_view name);
/// Seconds since 1970; nullopt where absent or beyond the year 9999.
[[nodiscard]] std::optional<domain::Instant> instant_of(const boost::json::object& from, std::string_view name);
[[nodiscard]] bool flag_of(const boost::json::object& from, std::string_view name);
[[nodiscard]] const boost::json::object* object_of(const boost::json::object& from, std::string_view name);
/// nullptr where it is no array.
[[nodiscard]] const boost::json::array* array_of(const boost::json::object& from, std::string_view name);
/// The id where the member is an id or an expanded object; "" elsewhere.
[[nodiscard]] std::string id_of(const boost::json::object& from, std::string_view name);

/// nullopt where it is no object of that kind with an id.
[[nodiscard]] std::optional<Intent> read_intent(const boost::json::object& from);
[[nodiscard]] std::optional<Charge> read_charge(const boost::json::object& from);
[[nodiscard]] std::optional<Refund> read_refund(const boost::json::object& from);
[[nodiscard]] std::optional<Dispute> read_dispute(const boost::json::object& from);
[[nodiscard]] std::optional<Account> read_account(const boost::json::object& from);
[[nodiscard]] std::optional<Payout> read_payout(const boost::json::object& from);
[[nodiscard]] std::optional<FraudWarning> read_fraud_warning(const boost::json::object& from);
[[nodiscard]] std::optional<TransferReversal> read_transfer_reversal(const boost::json::object& from);
[[nodiscard]] std::optional<Endpoint> read_endpoint(const boost::json::object& from);
/// Whichever of the kinds that events are about it is.
[[nodiscard]] ProviderObject read_object(const boost::json::object& from);
[[nodiscard]] IntentStatus read_status(const boost::json::object& from);

}  // namespace admit::payment::provider_json
