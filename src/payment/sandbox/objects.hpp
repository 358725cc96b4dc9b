#pragma once
// Inside the sandbox: stored objects, lists of them, the events of their changes, and what happens later.

#include <initializer_list>

#include "payment/sandbox/api.hpp"

namespace admit::payment::sandbox {

/// `subject` is what it is listed by: a charge, a refund or a dispute by its payment intent, a reversal by its
/// transfer, ...
void insert_object(Call& call, const boost::json::object& object, std::string_view subject = {});
void update_object(Call& call, const boost::json::object& object);
/// Of the call's account.
[[nodiscard]] std::optional<boost::json::object> find_object(Call& call, std::string_view type, std::string_view id);
/// 404 `resource_missing` where there is none.
[[nodiscard]] Reply load_object(Call& call, std::string_view type, std::string_view id, std::string_view param);
/// std::runtime_error where it is not there: one the sandbox itself wrote down.
[[nodiscard]] boost::json::object must_object(Call& call, std::string_view type, std::string_view id);
/// All with that subject, oldest first.
[[nodiscard]] std::vector<boost::json::object> objects_of(Call& call, std::string_view type, std::string_view subject);

/// Newest first, by `limit`, `starting_after`, `ending_before` and `created[...]`; only those of `subject` unless it is
/// "". `filters` are further parameters the operation has looked at.
[[nodiscard]] Reply list_objects(Call& call, std::string_view type, std::string_view url, std::string_view subject = {},
                                 std::initializer_list<Field> filters = {});

/// Replaces ids named by `expand[]` with what they name, four deep.
void expand(Call& call, boost::json::object& object);

/// Writes the event of a change, and a delivery for each endpoint that wants it. In the transaction of the change.
/// An event of a connected account goes to the endpoints of connected accounts.
void emit(Call& call, std::string_view type, const boost::json::object& object,
          const boost::json::object* previous = nullptr);
/// The same in the name of `account`.
void emit_for(Call& call, std::string_view account, std::string_view type, const boost::json::object& object,
              const boost::json::object* previous = nullptr);

/// What an account knows the platform by.
[[nodiscard]] boost::json::object application_of(Call& call);

/// `kind` names a row of the table in actions.cpp; it happens once, in the name of the call's account.
void schedule(Call& call, std::string_view kind, std::string_view object_id, std::int64_t after_ms);
/// The same by the time scale: for what follows within seconds.
void schedule_soon(Call& call, std::string_view kind, std::string_view object_id, std::int64_t after_ms);
void unschedule(Call& call, std::string_view object_id);

/// Keeps `value` under `id`, or forgets it where "".
void keep_private(Call& call, std::string_view id, std::string_view value);
[[nodiscard]] std::string private_value(Call& call, std::string_view id);

[[nodiscard]] inline std::int64_t unix_s(domain::Instant at) {
  return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
}
[[nodiscard]] boost::json::object list_of(boost::json::array data, bool has_more, std::string_view url);

// JSON of our own making.
[[nodiscard]] std::string_view text_in(const boost::json::object& from, std::string_view name);
[[nodiscard]] inline std::int64_t number_in(const boost::json::object& from, std::string_view name) {
  return from.at(name).as_int64();
}
[[nodiscard]] boost::json::value or_null(std::string_view text);
[[nodiscard]] std::string upper(std::string_view text);
[[nodiscard]] std::string lower(std::string_view text);
[[nodiscard]] bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words);

/// Carries out a part of a call in the name of another account.
class InAccount {
 public:
  InAccount(Call& call, std::string_view account) : x_call(call), x_before(call.account) { call.account = account; }
  ~InAccount() { x_call.account = x_before; }
  InAccount(const InAccount&) = delete;
  InAccount& operator=(const InAccount&) = delete;

 private:
  Call& x_call;
  std::string_view x_before;
};

struct Page {
  std::int64_t limit = 10;
  std::int64_t from_s = 0;   ///< created >= from_s
  std::int64_t until_s = 0;  ///< created <= until_s
};
[[nodiscard]] Outcome<Page> read_page(const Params& params);
/// The parameters of every list.
inline constexpr std::array page_fields{Field{"limit", Kind::integer}, Field{"starting_after"}, Field{"ending_before"},
                                        Field{"created", Kind::integer}, Field{"created", Kind::nested}};

}  // namespace admit::payment::sandbox
