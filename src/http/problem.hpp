#pragma once
// A refusal as the wire shows it: RFC 9457 `application/problem+json`.

#include <string>
#include <string_view>

namespace admit::http {

/// {type, title, status, code, detail, field?, requestId}. `code` is a stable word that clients may branch on,
/// `detail` one sentence for a person (never a secret), `field` a JSON path such as `lines[0].quantity`, or "".
/// type is `urn:admit:problem:CODE`, title the words of the status; requestId is put in by the server.
struct Problem {
  int status = 500;
  std::string code = "internal";
  std::string detail;
  std::string field;
  /// Above 0: sent as the header Retry-After.
  int retry_after_s = 0;
  bool operator==(const Problem&) const = default;
};

/// The JSON body of a problem.
[[nodiscard]] std::string problem_json(const Problem& problem, std::string_view request_id);

/// "Not Found" for 404; "Status NNN" for one without a name.
[[nodiscard]] std::string_view status_words(int status);

}  // namespace admit::http
