#include "payment/payments.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <utility>

namespace admit::payment {

template <class T>
Answer<T> blocking(AnswerTask<T> task) {
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

template Answer<CreatedIntent> blocking(AnswerTask<CreatedIntent>);
template Answer<std::optional<CreatedIntent>> blocking(AnswerTask<std::optional<CreatedIntent>>);
template Answer<Intent> blocking(AnswerTask<Intent>);
template Answer<Charge> blocking(AnswerTask<Charge>);
template Answer<RefundMade> blocking(AnswerTask<RefundMade>);
template Answer<Refund> blocking(AnswerTask<Refund>);
template Answer<std::vector<Refund>> blocking(AnswerTask<std::vector<Refund>>);
template Answer<Account> blocking(AnswerTask<Account>);
template Answer<AccountLink> blocking(AnswerTask<AccountLink>);
template Answer<OauthGrant> blocking(AnswerTask<OauthGrant>);
template Answer<std::string> blocking(AnswerTask<std::string>);
template Answer<TransferReversal> blocking(AnswerTask<TransferReversal>);
template Answer<Dispute> blocking(AnswerTask<Dispute>);
template Answer<EventPage> blocking(AnswerTask<EventPage>);
template Answer<ProviderEvent> blocking(AnswerTask<ProviderEvent>);
template Answer<KeyCheck> blocking(AnswerTask<KeyCheck>);
template Answer<std::vector<Endpoint>> blocking(AnswerTask<std::vector<Endpoint>>);

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
  return blocking(create_intent(std::move(order)));
}

Answer<CreatedIntent> Payments::retrieve_intent_blocking(std::string intent_id) {
  return blocking(retrieve_intent(std::move(intent_id)));
}

Answer<Intent> Payments::cancel_intent_blocking(std::string intent_id, std::string idempotency_key) {
  return blocking(cancel_intent(std::move(intent_id), std::move(idempotency_key)));
}

Answer<std::optional<CreatedIntent>> Payments::find_intent_blocking(std::string transaction_id, domain::Instant since) {
  return blocking(find_intent(std::move(transaction_id), since));
}

Answer<Account> Payments::retrieve_account_blocking(std::string account_id) {
  return blocking(retrieve_account(std::move(account_id)));
}

}  // namespace admit::payment
