#pragma once
// Somebody who uses the public HTTP API: a frontend, an organiser's page, a gate's scanner.

#include <string>
#include <string_view>
#include <utility>

#include "app/demo_story.hpp"
#include "http/client.hpp"
#include "http/json.hpp"

namespace admit::app {

class Party {
 public:
  /// `token` is sent as a bearer token where there is one. The client outlives the party.
  Party(http::Client& client, std::string base_url, std::string token = {})
      : x_client(&client), x_base_url(std::move(base_url)), x_token(std::move(token)) {}

  /// The described reply to a described body. Throws DemoFault for any status but a success, and for a reply that is
  /// not as described; fields beyond the description are left out.
  template <class Reply, class Body>
  Reply post(std::string_view path, const Body& body) {
    return parsed<Reply>("POST", path, send("POST", path, "application/json", http::write_json(body)));
  }
  template <class Reply, class Body>
  Reply put(std::string_view path, const Body& body) {
    return parsed<Reply>("PUT", path, send("PUT", path, "application/json", http::write_json(body)));
  }
  template <class Reply>
  Reply get(std::string_view path) {
    return parsed<Reply>("GET", path, send("GET", path, "", ""));
  }
  /// To somewhere else than the server, as a web form.
  template <class Reply>
  Reply post_form(std::string_view url, std::string form) {
    return parsed<Reply>("POST", url, send("POST", url, "application/x-www-form-urlencoded", std::move(form)));
  }
  void post_nothing(std::string_view path) { (void)send("POST", path, "", ""); }
  /// The bytes behind a whole URL, asked for without the token.
  [[nodiscard]] std::string download(std::string_view url);

  [[nodiscard]] const std::string& token() const { return x_token; }

 private:
  std::string send(std::string_view method, std::string_view path, std::string_view type, std::string body);

  template <class Reply>
  static Reply parsed(std::string_view method, std::string_view path, const std::string& body) {
    auto reply = http::read_json<Reply>(body, {.max_depth = 16, .ignore_unknown_fields = true});
    if (!reply) {
      throw DemoFault(std::string(method) + " " + std::string(path) + " is not answered as documented: " + reply.error().field + " " +
                      reply.error().detail);
    }
    return std::move(*reply);
  }

  http::Client* x_client;
  std::string x_base_url;
  std::string x_token;
};

}  // namespace admit::app
