#include <doctest/doctest.h>

#include <limits>
#include <set>

#include "domain/id.hpp"
#include "domain/instant.hpp"
#include "domain/money.hpp"
#include "domain/names.hpp"
#include "domain/refusal.hpp"
#include "domain/rows.hpp"
#include "domain/sha256.hpp"
#include "domain/users.hpp"

using namespace admit::domain;

TEST_CASE("id: a fresh one is UUIDv7 of its time, variant 10") {
  const auto now = from_unix_ms(0x0123456789AB);
  for (std::uint32_t k = 0; k < 100; ++k) {
    const auto text = fresh_uuid(now, {5, 6}, k).text();
    CHECK(text.size() == 36);
    CHECK(text.substr(0, 13) == "01234567-89ab");
    CHECK(text[14] == '7');
    CHECK(std::string("89ab").find(text[19]) != std::string::npos);
  }
}

TEST_CASE("id: fresh ones differ by seed and by number, agree otherwise, and sort by time") {
  std::set<Uuid> seen;
  for (std::uint64_t a = 0; a < 20; ++a) {
    for (std::uint64_t b = 0; b < 20; ++b) {
      for (std::uint32_t k = 0; k < 20; ++k) seen.insert(fresh_uuid(from_unix_ms(1), {a, b}, k));
    }
  }
  CHECK(seen.size() == 8000);
  CHECK(fresh_uuid(from_unix_ms(9), {1, 2}, 3) == fresh_uuid(from_unix_ms(9), {1, 2}, 3));
  CHECK(fresh_uuid(from_unix_ms(1'000), {9, 9}, 9) < fresh_uuid(from_unix_ms(1'001), {1, 1}, 0));
}

TEST_CASE("id: a derived one is UUIDv8, and kind and text do not run together") {
  const auto id = derived_uuid("email", "ada@example.org");
  CHECK(id.text()[14] == '8');
  CHECK(std::string("89ab").find(id.text()[19]) != std::string::npos);
  CHECK(id == derived_uuid("email", "ada@example.org"));
  CHECK(id != derived_uuid("emai", "lada@example.org"));
  CHECK(id != derived_uuid("email", "ada@example.orh"));
}

TEST_CASE("id: text, bytes and raw say the same") {
  const Uuid id{0x0123456789abcdefull, 0xfedcba9876543210ull};
  CHECK(id.text() == "01234567-89ab-cdef-fedc-ba9876543210");
  CHECK(Uuid::parse(id.text()) == id);
  CHECK(Uuid::from_bytes(id.bytes().data()) == id);
  CHECK(id.raw().size() == 16);
  CHECK(static_cast<unsigned char>(id.raw()[15]) == 0x10);
  CHECK_FALSE(static_cast<bool>(Uuid{}));
}

TEST_CASE("id: what is read") {
  struct Row {
    std::string_view text;
    bool ticket;
    bool registration;
  };
  const Row rows[] = {
      {"01234567-89ab-7def-8edc-ba9876543210", true, true},
      {"01234567-89AB-7DEF-8EDC-BA9876543210", true, true},
      {"TICKET#01234567-89ab-7def-8edc-ba9876543210", true, false},
      {"REG#01234567-89ab-7def-8edc-ba9876543210", false, true},
      {"ticket#01234567-89ab-7def-8edc-ba9876543210", false, false},
      {"TICKET#TICKET#01234567-89ab-7def-8edc-ba9876543210", false, false},
      {"", false, false},
      {"TICKET#", false, false},
      {"0123456789ab7def8edcba9876543210", false, false},
      {"{01234567-89ab-7def-8edc-ba9876543210}", false, false},
      {"01234567-89ab-7def-8edc-ba987654321", false, false},
      {"01234567-89ab-7def-8edc-ba98765432100", false, false},
      {"01234567-89ab-7def-8edc-ba987654321g", false, false},
      {"01234567_89ab-7def-8edc-ba9876543210", false, false},
      {" 1234567-89ab-7def-8edc-ba9876543210", false, false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    CHECK(TicketId::parse(row.text).has_value() == row.ticket);
    CHECK(RegistrationId::parse(row.text).has_value() == row.registration);
  }
  CHECK(ShowId::parse("EVENT#01234567-89ab-7def-8edc-ba9876543210").has_value());
  CHECK(UserId::parse("USER#01234567-89ab-7def-8edc-ba9876543210").has_value());
}

TEST_CASE("id: tickets of one registration differ, and are the same however often they are asked for") {
  const RegistrationId registration{{1, 2}};
  std::set<TicketId> seen;
  for (std::int64_t k = 1; k <= 40; ++k) seen.insert(ticket_id(registration, from_unix_ms(77), k));
  CHECK(seen.size() == 40);
  CHECK(seen.contains(ticket_id(registration, from_unix_ms(77), 40)));
}

TEST_CASE("words: each is read back, and nothing else") {
  CHECK(word(Provider::none_) == "none");
  CHECK(parse_word<Provider>("none") == Provider::none_);
  CHECK_FALSE(parse_word<Provider>("none_"));
  CHECK_FALSE(parse_word<Provider>(""));
  CHECK_FALSE(parse_word<Provider>("stripe,"));
  CHECK_FALSE(parse_word<Provider>("stripe, none_"));
  CHECK(word_count<DoorReason>() == 15);
  for (std::size_t i = 0; i < word_count<Refusal>(); ++i) {
    const auto refusal = static_cast<Refusal>(i);
    CAPTURE(word(refusal));
    CHECK(parse_word<Refusal>(word(refusal)) == refusal);
    CHECK(word(refusal).find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
  }
  CHECK(word(Refusal::invalid_field) == "invalid_field");
  CHECK(word(Refusal::internal) == "internal");
}

TEST_CASE("instant: what is read, and how it is written") {
  struct Row {
    std::string_view text;
    std::string_view written;  // "" where it is refused
  };
  const Row rows[] = {
      {"2026-11-21T18:00:00Z", "2026-11-21T18:00:00.000Z"},
      {"2026-11-21t18:00:00z", "2026-11-21T18:00:00.000Z"},
      {"2026-11-21 18:00:00Z", "2026-11-21T18:00:00.000Z"},
      {"2026-11-21T18:00:00.5Z", "2026-11-21T18:00:00.500Z"},
      {"2026-11-21T18:00:00.123456789Z", "2026-11-21T18:00:00.123Z"},
      {"2026-11-21T18:00:00+01:00", "2026-11-21T17:00:00.000Z"},
      {"2026-11-21T18:00:00-03:30", "2026-11-21T21:30:00.000Z"},
      {"2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00.000Z"},
      {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"},
      {"2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000Z"},
      {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"},
      {"9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"},
      {"9999-12-31T23:59:59-00:01", ""},
      {"1970-01-01T00:00:00+00:01", ""},
      {"1969-12-31T23:59:59Z", ""},
      {"2023-02-29T00:00:00Z", ""},
      {"1900-02-29T00:00:00Z", ""},
      {"2026-04-31T00:00:00Z", ""},
      {"2026-13-01T00:00:00Z", ""},
      {"2026-00-01T00:00:00Z", ""},
      {"2026-01-00T00:00:00Z", ""},
      {"2026-11-21T24:00:00Z", ""},
      {"2026-11-21T18:60:00Z", ""},
      {"2026-11-21T18:00:60Z", ""},
      {"2026-11-21T18:00:00", ""},
      {"2026-11-21T18:00Z", ""},
      {"2026-11-21", ""},
      {"2026-11-21T18:00:00.Z", ""},
      {"2026-11-21T18:00:00.1234567890Z", ""},
      {"2026-11-21T18:00:00+24:00", ""},
      {"2026-11-21T18:00:00+01:60", ""},
      {"2026-11-21T18:00:00+0100", ""},
      {"2026-11-21T18:00:00ZZ", ""},
      {"2026-11-21T18:00:00Z ", ""},
      {"+026-11-21T18:00:00Z", ""},
      {"26-11-21T18:00:00Z", ""},
      {"", ""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto at = parse_instant(row.text);
    CHECK(at.has_value() == !row.written.empty());
    if (at) CHECK(text(*at) == row.written);
    if (at) CHECK(parse_instant(text(*at)) == at);
  }
}

TEST_CASE("window: the beginning is in it, the end is not") {
  const Window window{from_unix_ms(10), from_unix_ms(20)};
  CHECK_FALSE(window.contains(from_unix_ms(9)));
  CHECK(window.contains(from_unix_ms(10)));
  CHECK(window.contains(from_unix_ms(19)));
  CHECK_FALSE(window.contains(from_unix_ms(20)));
}

TEST_CASE("money: tax inside the gross, rounded half up once per line") {
  struct Row {
    std::int64_t price, fee, rate_bp, quantity;
    std::int64_t net, tax, fees, gross;
  };
  const Row rows[] = {
      {1190, 0, 1900, 1, 1000, 190, 0, 1190},
      {1190, 0, 1900, 3, 3000, 570, 0, 3570},
      {1000, 190, 1900, 1, 1000, 190, 190, 1190},
      {999, 0, 700, 1, 934, 65, 0, 999},
      {1, 0, 10'000, 1, 0, 1, 0, 1},  // half of 1 is rounded up
      {3, 0, 10'000, 1, 1, 2, 0, 3},
      {107, 0, 700, 1, 100, 7, 0, 107},
      {0, 0, 1900, 5, 0, 0, 0, 0},
      {500, 0, 0, 2, 1000, 0, 0, 1000},
      {max_amount_minor, 0, 10'000, 1, 49'999'999, 50'000'000, 0, max_amount_minor},
  };
  for (const auto& row : rows) {
    CAPTURE(row.price);
    const auto line = price_line(row.price, row.fee, row.rate_bp, row.quantity);
    REQUIRE(line);
    CHECK(line->net_minor == row.net);
    CHECK(line->tax_minor == row.tax);
    CHECK(line->fee_minor == row.fees);
    CHECK(line->gross_minor == row.gross);
  }
}

TEST_CASE("money: what cannot be a price is refused") {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  CHECK_FALSE(price_line(max_amount_minor, 1, 0, 1));
  CHECK_FALSE(price_line(max_amount_minor, 0, 0, 2));
  CHECK_FALSE(price_line(most, 0, 0, 2));
  CHECK_FALSE(price_line(0, most, 0, 2));
  CHECK_FALSE(price_line(most, most, 0, 1));
  CHECK_FALSE(price_line(-1, 0, 0, 1));
  CHECK_FALSE(price_line(0, -1, 0, 1));
  CHECK_FALSE(price_line(1, 0, -1, 1));
  CHECK_FALSE(price_line(1, 0, 10'001, 1));
  CHECK_FALSE(price_line(1, 0, 0, 0));
  CHECK_FALSE(price_line(1, 0, 0, -1));
}

TEST_CASE("money: currencies") {
  CHECK(is_currency("EUR"));
  CHECK_FALSE(is_currency("eur"));
  CHECK_FALSE(is_currency("EU"));
  CHECK_FALSE(is_currency("EURO"));
  CHECK(minor_digits("JPY") == 0);
  CHECK(minor_digits("EUR") == 2);
  CHECK(minor_digits("KWD") == 3);
  CHECK(is_chargeable(1'230, "KWD"));
  CHECK_FALSE(is_chargeable(1'235, "KWD"));
  CHECK(is_chargeable(1'200, "ISK"));
  CHECK_FALSE(is_chargeable(1'250, "ISK"));
  CHECK(is_chargeable(1'251, "EUR"));
  CHECK(minimum_charge_minor("GBP") == 30);
  CHECK(minimum_charge_minor("ZZZ") == 1);
}

TEST_CASE("sha256: vectors of FIPS 180-4, and every length around a block") {
  const auto hex = [](std::string_view text) {
    std::string out;
    for (const auto byte : sha256(text)) {
      constexpr std::string_view digits = "0123456789abcdef";
      (out += digits[byte >> 4]) += digits[byte & 15];
    }
    return out;
  };
  CHECK(hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(hex(std::string(1'000'000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  CHECK(hex(std::string(55, 'a')) == "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
  CHECK(hex(std::string(56, 'a')) == "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a");
  CHECK(hex(std::string(64, 'a')) == "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
}

TEST_CASE("sha256: with and without the processor's instructions it is the same") {
  std::string text;
  for (int i = 0; i < 300; ++i) {
    CHECK(sha256(text) == sha256_portable(text));
    text += static_cast<char>(i * 37 + text.size() / 7);
  }
}

TEST_CASE("email: how an address is compared") {
  CHECK(normal_email("  Ada@Example.ORG ") == "ada@example.org");
  CHECK(normal_email("\xC3\x84"
                     "da@example.org") ==
        "\xC3\x84"
        "da@example.org");
  for (const auto* bad : {"", "@", "a@", "@b", "a@b@c", "a b@c", "a\t@b", "a@b\n", "a,b@c", "<a@b>", "\"a\"@b"}) {
    CAPTURE(std::string(bad));
    CHECK_FALSE(normal_email(bad));
  }
  CHECK(normal_email(std::string(248, 'a') + "@b.org"));
  CHECK_FALSE(normal_email(std::string(249, 'a') + "@b.org"));
}

TEST_CASE("name: any script passes, and what joins its letters") {
  for (const char* name : {"", "Ada Lovelace", "O'Neill-Żółć", "محمد علي", "דוד בן-גוריון", "دیوان\u200cسالار",
                           "क्\u200dष", "👩\u200d👩\u200d👧", "李小龍", "\u00a0é\u2010", "\u202f\u2065\u206a"}) {
    CAPTURE(name);
    CHECK(fault_of_name(name).empty());
  }
  CHECK(fault_of_name(std::string(200, 'x')).empty());
}

TEST_CASE("name: controls and what turns the direction of writing are refused wherever they stand") {
  for (const char* mark :
       {"\n",     "\t",     "\x1b",   "\x7f",   "\u0080", "\u0085", "\u009f", "\u061c", "\u200e", "\u200f", "\u2028",
        "\u2029", "\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"}) {
    for (const auto& name :
         {std::string(mark), mark + std::string("Ada"), std::string("علي") + mark, std::string("A") + mark + "da"}) {
      CAPTURE(name);
      CHECK(!fault_of_name(name).empty());
    }
  }
  CHECK(!fault_of_name(std::string("a\0b", 3)).empty());
  CHECK(!fault_of_name(std::string(201, 'x')).empty());
}

TEST_CASE("name: one that nobody can see is none") {
  for (const char* name : {" ", "\u200b", "\u00a0\u3000", "\u200d\u200c", "\ufeff\u2060 \u00ad", "\u3164"}) {
    CAPTURE(name);
    CHECK(!fault_of_name(name).empty());
    CHECK(fault_of_name(std::string(name) + "A").empty());
  }
}

TEST_CASE("name: what stands in mails to strangers holds no address") {
  for (const char* name : {"The Mill", "Theater St.Gallen", "Café & Söhne", "Ho:se //", ""}) {
    CAPTURE(name);
    CHECK(fault_of_mailed_name(name).empty());
  }
  for (const char* name : {"PayPal: confirm at https://evil.example", "WWW.evil.example", "a@evil.example", "\u200b"}) {
    CAPTURE(name);
    CHECK(!fault_of_mailed_name(name).empty());
  }
}

TEST_CASE("inbox: only what somebody should look at is listed") {
  CHECK(inbox_desk(InboxStatus::applied) == CounterId{});
  CHECK(inbox_desk(InboxStatus::ignored) == CounterId{});
  CHECK(inbox_desk(InboxStatus::waiting).value.raw() == "events waiting  ");
  CHECK(inbox_desk(InboxStatus::flagged).value.raw() == "events flagged  ");
  CHECK(inbox_desk(InboxStatus::failed).value.raw() == "events failed   ");
}
