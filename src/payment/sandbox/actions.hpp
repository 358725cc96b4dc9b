#pragma once
// Inside the sandbox: what happens by itself, each to the object of the call's id in the call's account.

#include "payment/sandbox/api.hpp"

namespace admit::payment::sandbox::actions {

void settle(Call& call);
void expire_hold(Call& call);
void finish_refund(Call& call);
void break_refund(Call& call);
void retry_refund(Call& call);
void open_fraudulent(Call& call);
void open_not_received(Call& call);
void open_inquiry(Call& call);
void warn(Call& call);
void decide(Call& call);
void let_lapse(Call& call);

}  // namespace admit::payment::sandbox::actions
