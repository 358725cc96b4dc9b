#include "payment/sandbox/actions.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace admit::payment::sandbox {

namespace {

constexpr std::int64_t at_once = 100;

constexpr std::string_view due_sql =
    "SELECT id, kind, account, object_id, due_ms FROM sbx_action WHERE due_ms <= ? ORDER BY due_ms, id LIMIT ?";
constexpr std::string_view done_sql = "DELETE FROM sbx_action WHERE id=?";

struct Row {
  std::string_view kind;
  void (*act)(Call&);
};
constexpr std::array rows{
    Row{"settle", actions::settle},
    Row{"expire_hold", actions::expire_hold},
    Row{"finish_refund", actions::finish_refund},
    Row{"break_refund", actions::break_refund},
    Row{"retry_refund", actions::retry_refund},
    Row{"fraudulent", actions::open_fraudulent},
    Row{"not_received", actions::open_not_received},
    Row{"inquiry", actions::open_inquiry},
    Row{"early_warning", actions::warn},
    Row{"decide", actions::decide},
    Row{"let_lapse", actions::let_lapse},
};

struct Due {
  std::int64_t id = 0;
  std::string kind;
  std::string account;
  std::string object_id;
};

}  // namespace

bool run_due_actions(Call& call) {
  std::vector<Due> due;
  {
    auto found = call.database.query(due_sql, domain::to_unix_ms(call.now), at_once);
    while (found.next()) due.push_back({found.number(0), found.text(1), found.text(2), found.text(3)});
  }
  const Params none{{}};
  for (const auto& action : due) {
    call.database.run(done_sql, action.id);
    const auto* row = std::ranges::find(rows, action.kind, &Row::kind);
    if (row == rows.end()) throw std::logic_error("payment sandbox: an action of an unknown kind");
    Call own{.database = call.database,
             .faults = call.faults,
             .now = call.now,
             .params = none,
             .id = action.object_id,
             .account = action.account,
             .api_base = call.api_base,
             .page_base = call.page_base,
             .time_scale = call.time_scale};
    row->act(own);
    call.deliveries.insert(call.deliveries.end(), own.deliveries.begin(), own.deliveries.end());
  }
  return std::ssize(due) == at_once;
}

}  // namespace admit::payment::sandbox
