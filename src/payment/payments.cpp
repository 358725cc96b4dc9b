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

}  // namespace admit::payment
