#pragma once
// Inside the room: Stripe's form encoding of nested parameters.

#include <boost/json/object.hpp>
#include <string>

namespace admit::payment::form {

/// `a[b][c]=v`, arrays `a[0]=v`, `true|false`, null as the empty text (which unsets); UTF-8 percent-encoded, space
/// `%20`, square brackets literal. The same for bodies and for queries. Empty objects and arrays leave nothing.
[[nodiscard]] std::string encode(const boost::json::object& parameters);

}  // namespace admit::payment::form
