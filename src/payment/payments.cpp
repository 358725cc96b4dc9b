#include "payment/payments.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <utility>

namespace admit::payment {

namespace {

/// Runs the task to its end on a loop of its own.
template <class T>
Answer<T> run(AnswerTask<T> task) {
  boost::asio::io_context loop{1};
  std::optional<Answer<T>> answer;
  std::exception_ptr failure;
  boost::asio::co_spawn(loop, std::move(task), [&](std::exception_ptr thrown, Answer<T> result) {
    failure = thrown;
    answer = std::move(result);
  });
  loop.run();
  if (failure) std::rethrow_exception(failure);
  return std::move(*answer);
}

}  // namespace

std::string_view word(FailureKind kind) {
  switch (kind) {
    case FailureKind::refused:
      return "refused";
    case FailureKind::unknown:
      return "unknown";
    case FailureKind::not_sent:
      return "not_sent";
  }
  return "";
}

Answer<CreatedIntent> Payments::create_intent_blocking(IntentOrder order) {
  return run(create_intent(std::move(order)));
}

Answer<CreatedIntent> Payments::retrieve_intent_blocking(std::string intent_id) {
  return run(retrieve_intent(std::move(intent_id)));
}

Answer<Intent> Payments::cancel_intent_blocking(std::string intent_id, std::string idempotency_key) {
  return run(cancel_intent(std::move(intent_id), std::move(idempotency_key)));
}

Answer<std::optional<CreatedIntent>> Payments::find_intent_blocking(std::string transaction_id, domain::Instant since) {
  return run(find_intent(std::move(transaction_id), since));
}

Answer<Account> Payments::retrieve_account_blocking(std::string account_id) {
  return run(retrieve_account(std::move(account_id)));
}

}  // namespace admit::payment
