#include "identity/common_password.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace admit::identity {
namespace {

/// Sorted. Names, teams, brands, animals, seasons and endearments in the languages of our pages.
constexpr auto words = std::to_array<std::string_view>({
    "abcd",          "abcdef",      "access",       "account",   "action",     "adam",      "adidas",     "admin",
    "administrator", "admit",       "adrian",       "africa",    "agent",      "agnieszka", "aida",       "alaska",
    "albert",        "alex",        "alexander",    "alexandra", "alexis",     "alice",     "alina",      "allison",
    "alpha",         "amanda",      "amber",        "america",   "amigo",      "amor",      "anderson",   "andrea",
    "andrew",        "android",     "angel",        "angela",    "angelo",     "angels",    "angie",      "animal",
    "anita",         "anna",        "annie",        "anthony",   "antonio",    "apache",    "apollo",     "apple",
    "april",         "aquarius",    "arabella",     "archer",    "arsenal",    "arthur",    "artist",     "asdf",
    "ashley",        "asterix",     "athena",       "august",    "aurora",     "austin",    "autumn",     "avatar",
    "awesome",       "azerty",      "babe",         "baby",      "babygirl",   "bach",      "backup",     "badboy",
    "bailey",        "balloon",     "bamboo",       "banana",    "bandit",     "barbara",   "barbie",     "barcelona",
    "barney",        "baseball",    "basketball",   "bastard",   "basti",      "batman",    "battery",    "beach",
    "bear",          "beatles",     "beautiful",    "beauty",    "beaver",     "bella",     "benjamin",   "berlin",
    "bernard",       "best",        "bestfriend",   "bigdog",    "billy",      "bingo",     "bird",       "birdie",
    "birthday",      "bismarck",    "black",        "blackie",   "blessed",    "blizzard",  "blonde",     "blood",
    "blue",          "bluebird",    "bmw",          "bond",      "bonjour",    "bonnie",    "booboo",     "booger",
    "boomer",        "boss",        "boston",       "bottom",    "brandon",    "brandy",    "brasil",     "bravo",
    "brazil",        "brian",       "britney",      "broncos",   "brother",    "brown",     "bruno",      "bubba",
    "bubbles",       "buddy",       "buffalo",      "bulldog",   "bullshit",   "buster",    "butter",     "butterfly",
    "button",        "california",  "calvin",       "camera",    "canada",     "cancer",    "candy",      "captain",
    "carlos",        "carmen",      "carolina",     "caroline",  "carter",     "casper",    "cassie",     "catch",
    "celtic",        "center",      "champion",     "chance",    "changeit",   "changeme",  "charles",    "charlie",
    "charlotte",     "cheese",      "chelsea",      "cherry",    "chester",    "chicago",   "chicken",    "chloe",
    "chocolate",     "chopper",     "chouchou",     "chris",     "christian",  "christina", "christmas",  "church",
    "cinderella",    "claire",      "classic",      "claudia",   "clever",     "clinton",   "cloud",      "coffee",
    "college",       "comet",       "compaq",       "computer",  "concert",    "connect",   "contrasena", "control",
    "cookie",        "cool",        "copper",       "corazon",   "corvette",   "cougar",    "country",    "courtney",
    "cowboy",        "cowboys",     "crazy",        "creative",  "cricket",    "cristina",  "crystal",    "customer",
    "cyber",         "daddy",       "daisy",        "dakota",    "dallas",     "dance",     "dancer",     "daniel",
    "daniela",       "danielle",    "darkness",     "darling",   "dave",       "david",     "death",      "debbie",
    "december",      "default",     "defender",     "delta",     "demo",       "demon",     "dennis",     "denver",
    "desert",        "destiny",     "devil",        "dexter",    "diamond",    "diana",     "diego",      "digital",
    "dinosaur",      "disney",      "doctor",       "dog",       "doggie",     "dolphin",   "dolphins",   "donald",
    "donna",         "dortmund",    "doudou",       "dragon",    "dragonball", "dream",     "dreams",     "driver",
    "dublin",        "duke",        "duncan",       "eagle",     "eagles",     "easy",      "eclipse",    "eddie",
    "edward",        "einstein",    "electric",     "elephant",  "elizabeth",  "ella",      "emerald",    "emily",
    "eminem",        "emma",        "empire",       "energy",    "england",    "enter",     "entry",      "eric",
    "erika",         "estrella",    "europe",       "event",     "everton",    "evil",      "example",    "explorer",
    "extreme",       "falcon",      "familia",      "family",    "fantasy",    "fashion",   "father",     "february",
    "felix",         "fender",      "ferrari",      "fiesta",    "fire",       "fireball",  "first",      "fish",
    "fishing",       "flamingo",    "flash",        "florida",   "flower",     "flowers",   "fluffy",     "football",
    "forest",        "forever",     "forget",       "france",    "francesco",  "francis",   "frank",      "franklin",
    "freddy",        "freedom",     "freiheit",     "french",    "friday",     "friend",    "friends",    "friendship",
    "frog",          "fuck",        "fucker",       "fuckme",    "fuckoff",    "fuckyou",   "fussball",   "future",
    "galaxy",        "gandalf",     "garden",       "garfield",  "gate",       "gemini",    "general",    "genesis",
    "genius",        "george",      "german",       "germany",   "ghost",      "giants",    "ginger",     "giovanni",
    "girl",          "girls",       "gloria",       "goblin",    "god",        "godzilla",  "gold",       "golden",
    "goldfish",      "golf",        "good",         "goodluck",  "google",     "gordon",    "gorilla",    "grace",
    "grand",         "grandma",     "granny",       "green",     "gregory",    "guest",     "guitar",     "gunner",
    "gustav",        "hacker",      "hallo",        "hamburg",   "hamilton",   "hammer",    "hamster",    "handball",
    "hannah",        "happy",       "hardcore",     "harley",    "harrison",   "harry",     "harvey",     "haslo",
    "hate",          "hawaii",      "heart",        "heather",   "heaven",     "heidi",     "helena",     "hello",
    "helloworld",    "helpme",      "henry",        "herbert",   "hercules",   "hiphop",    "history",    "hockey",
    "hola",          "holiday",     "home",         "homer",     "honda",      "honey",     "hope",       "horse",
    "horses",        "hotdog",      "house",        "houston",   "hunter",     "hunting",   "icecream",   "iceman",
    "ilove",         "iloveu",      "iloveyou",     "imagine",   "india",      "indian",    "indigo",     "infinity",
    "inside",        "internet",    "intranet",     "invite",    "ireland",    "isabel",    "isabella",   "island",
    "italia",        "italy",       "ivan",         "jack",      "jackson",    "jacob",     "jaguar",     "jake",
    "james",         "jamie",       "january",      "japan",     "jasmine",    "jason",     "jasper",     "jennifer",
    "jeremy",        "jessica",     "jessie",       "jesus",     "jimmy",      "joanna",    "john",       "johnny",
    "johnson",       "jonathan",    "jordan",       "joseph",    "joshua",     "judith",    "julia",      "julian",
    "july",          "june",        "junior",       "justice",   "justin",     "juventus",  "karate",     "karen",
    "karina",        "karolina",    "kasia",        "kathleen",  "katie",      "katrina",   "kawasaki",   "keeper",
    "kelly",         "kelsey",      "kennedy",      "kermit",    "kevin",      "killer",    "killme",     "kimberly",
    "king",          "kingdom",     "kitten",       "kitty",     "knight",     "kobold",    "kochanie",   "kolibri",
    "konzert",       "kristen",     "kristina",     "lacrosse",  "lady",       "lakers",    "lambert",    "laura",
    "lauren",        "leather",     "legend",       "legolas",   "lemon",      "leonard",   "leonardo",   "leslie",
    "letmein",       "letmeinnow",  "liberty",      "liebe",     "lightning",  "lilly",     "lincoln",    "linda",
    "lindsay",       "linkinpark",  "lisa",         "little",    "liverpool",  "lizard",    "logan",      "login",
    "logitech",      "london",      "looking",      "lord",      "lorenzo",    "louise",    "loulou",     "love",
    "lovelove",      "lovely",      "loveme",       "lover",     "lovers",     "loveyou",   "lucifer",    "lucky",
    "lucy",          "ludwig",      "lukas",        "luna",      "macintosh",  "madison",   "madonna",    "madrid",
    "maggie",        "magic",       "magnum",       "main",      "malcolm",    "mama",      "manager",    "manchester",
    "mango",         "manuel",      "marcel",       "marco",     "margaret",   "maria",     "marie",      "marina",
    "mario",         "marlboro",    "marlon",       "marseille", "marshall",   "martha",    "martin",     "martina",
    "marvin",        "mary",        "master",       "masters",   "mateusz",    "matrix",    "matthew",    "mature",
    "maverick",      "max",         "maximus",      "maxwell",   "melanie",    "melissa",   "member",     "memory",
    "mercedes",      "merlin",      "metallica",    "mexico",    "michael",    "michal",    "michel",     "michelle",
    "mickey",        "midnight",    "mike",         "milan",     "miller",     "million",   "minecraft",  "minnie",
    "mission",       "misty",       "mittwoch",     "mobile",    "model",      "molly",     "monday",     "money",
    "monica",        "monika",      "monkey",       "monster",   "montag",     "montana",   "moon",       "morgan",
    "morris",        "motdepasse",  "mother",       "motorola",  "mountain",   "mouse",     "muffin",     "munich",
    "murphy",        "music",       "mustang",      "mylove",    "myspace",    "naruto",    "nascar",     "nathan",
    "nature",        "naughty",     "navy",         "nelson",    "network",    "newyork",   "nicholas",   "nicolas",
    "nicole",        "nikita",      "niklas",       "ninja",     "nintendo",   "nirvana",   "nissan",     "nokia",
    "nothing",       "november",    "number",       "nurse",     "october",    "office",    "oliver",     "olivia",
    "ollie",         "online",      "open",         "opera",     "orange",     "orlando",   "oscar",      "outlaw",
    "oxford",        "pacific",     "packers",      "pamela",    "panda",      "panther",   "panthers",   "paradise",
    "paris",         "parker",      "party",        "pascal",    "pass",       "passcode",  "passion",    "passme",
    "passwd",        "password",    "passwort",     "pasword",   "patricia",   "patrick",   "paul",       "paulina",
    "peace",         "peaches",     "peanut",       "pepper",    "peter",      "phantom",   "philipp",    "phoenix",
    "phone",         "photo",       "piano",        "picasso",   "picture",    "pirate",    "pizza",      "platinum",
    "player",        "please",      "pokemon",      "poland",    "police",     "polska",    "poohbear",   "pookie",
    "popcorn",       "porsche",     "portugal",     "precious",  "predator",   "premium",   "preston",    "pretty",
    "prince",        "princesa",    "princess",     "private",   "promise",    "public",    "puppy",      "purple",
    "qazwsx",        "queen",       "qwer",         "qwert",     "qwerty",     "rabbit",    "rachel",     "racing",
    "raiders",       "rainbow",     "ranger",       "rangers",   "raptor",     "rascal",    "raven",      "rebecca",
    "redskins",      "redsox",      "register",     "remember",  "renault",    "reset",     "ricardo",    "richard",
    "ripper",        "robert",      "roberto",      "robin",     "rocket",     "rocky",     "roger",      "roland",
    "roman",         "romeo",       "ronaldo",      "root",      "rosebud",    "rosie",     "royal",      "rudolf",
    "running",       "russia",      "sabrina",      "saints",    "sakura",     "salvador",  "sam",        "samantha",
    "samson",        "samsung",     "samurai",      "sandra",    "santa",      "santiago",  "saphire",    "sarah",
    "saturday",      "saturn",      "scarface",     "schalke",   "schatz",     "schatzi",   "school",     "schule",
    "scooby",        "scooter",     "scorpio",      "scorpion",  "scotland",   "scott",     "secret",     "security",
    "senha",         "sergio",      "service",      "seven",     "sexy",       "shadow",    "shakira",    "shalom",
    "shannon",       "shark",       "shelby",       "shelly",    "sheriff",    "shopping",  "show",       "sierra",
    "silver",        "simone",      "simple",       "simpson",   "simpsons",   "single",    "sister",     "skippy",
    "slayer",        "slipknot",    "smile",        "smiley",    "smith",      "smokey",    "smooth",     "snickers",
    "snoopy",        "snow",        "snowball",     "snowman",   "soccer",     "softball",  "soldier",    "soleil",
    "sommer",        "sonne",       "sonnenschein", "sonntag",   "sophia",     "sophie",    "soul",       "spain",
    "spanky",        "sparky",      "spartan",      "special",   "spencer",    "spider",    "spiderman",  "spirit",
    "spongebob",     "spring",      "squirrel",     "stage",     "standard",   "star",      "stargate",   "starwars",
    "station",       "steelers",    "stefan",       "stella",    "stephanie",  "steven",    "stewart",    "strawberry",
    "student",       "stupid",      "success",      "sugar",     "summer",     "sunday",    "sunflower",  "sunrise",
    "sunset",        "sunshine",    "superman",     "superstar", "support",    "surfer",    "susanne",    "suzuki",
    "swimming",      "switzerland", "sydney",       "system",    "tamara",     "target",    "taylor",     "teacher",
    "teamo",         "teddy",       "teddybear",    "teens",     "temp",       "temple",    "tennis",     "tequiero",
    "teresa",        "test",        "tester",       "testing",   "theater",    "theatre",   "theman",     "theresa",
    "thomas",        "thunder",     "thursday",     "ticket",    "tickets",    "tiffany",   "tiger",      "tigers",
    "tigger",        "timothy",     "tinker",       "titanic",   "tokyo",      "tomcat",    "toor",       "topgun",
    "toyota",        "tracy",       "transfer",     "travel",    "trinity",    "tristan",   "trouble",    "truelove",
    "trumpet",       "trust",       "trustno",      "tuesday",   "turtle",     "tweety",    "twilight",   "twitter",
    "undertaker",    "unicorn",     "united",       "universe",  "user",       "valentin",  "valentina",  "valerie",
    "vampire",       "vanessa",     "vegas",        "venus",     "veronica",   "victor",    "victoria",   "victory",
    "viking",        "vincent",     "violet",       "viper",     "virginia",   "visa",      "visitor",    "vodka",
    "volcano",       "volleyball",  "voyager",      "walter",    "warcraft",   "warrior",   "water",      "webmaster",
    "wednesday",     "welcome",     "werner",       "whatever",  "whisky",     "white",     "wildcat",    "william",
    "williams",      "willow",      "wilson",       "windows",   "winner",     "winnie",    "winter",     "wisdom",
    "wizard",        "wolf",        "wolverine",    "woman",     "wonder",     "work",      "world",      "xavier",
    "xbox",          "xfiles",      "yamaha",       "yankee",    "yankees",    "yellow",    "yesterday",  "yvonne",
    "zebra",         "zeppelin",    "ziggy",        "zombie",    "zorro",
});
static_assert(std::ranges::is_sorted(words));

/// What lies side by side on keyboards and in the alphabet.
constexpr std::array<std::string_view, 14> rows{"01234567890123456789",
                                                "abcdefghijklmnopqrstuvwxyz",
                                                "qwertyuiop",
                                                "asdfghjkl",
                                                "zxcvbnm",
                                                "qwertzuiop",
                                                "yxcvbnm",
                                                "azertyuiop",
                                                "qsdfghjklm",
                                                "wxcvbn",
                                                "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
                                                "qazwsxedcrfvtgbyhnujmikolp",
                                                "1q2w3e4r5t6y7u8i9o0p",
                                                "q1w2e3r4t5y6u7i8o9p0"};

bool is_word(std::string_view text) {
  return std::ranges::binary_search(words, text);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80;
}

/// Letters that stand as digits or signs, as letters again; `one` is what 1 and ! stand for.
std::string spelt(std::string_view text, char one) {
  std::string out(text);
  for (char& c : out) {
    switch (c) {
      case '0':
        c = 'o';
        break;
      case '1':
      case '!':
        c = one;
        break;
      case '3':
        c = 'e';
        break;
      case '4':
      case '@':
        c = 'a';
        break;
      case '5':
      case '$':
        c = 's';
        break;
      case '7':
        c = 't';
        break;
      case '8':
        c = 'b';
        break;
      case '9':
        c = 'g';
        break;
      default:
        break;
    }
  }
  return out;
}

/// Without whatever is no letter at both ends.
std::string_view core(std::string_view text) {
  while (!text.empty() && !is_letter(text.front())) text.remove_prefix(1);
  while (!text.empty() && !is_letter(text.back())) text.remove_suffix(1);
  return text;
}

bool is_word_or_two(std::string_view text) {
  if (is_word(text)) return true;
  for (std::size_t cut = 3; cut + 3 <= text.size(); ++cut) {
    if (is_word(text.substr(0, cut)) && is_word(text.substr(cut))) return true;
  }
  return false;
}

/// One block again and again, the last time perhaps not all of it.
bool is_repeated(std::string_view text) {
  for (std::size_t period = 1; period <= text.size() / 2; ++period) {
    if (text.substr(period) == text.substr(0, text.size() - period)) return true;
  }
  return false;
}

/// How much of the start is a walk along one row, forwards or backwards.
std::size_t walk(std::string_view text) {
  std::size_t best = 0;
  for (const auto row : rows) {
    const std::string backwards(row.rbegin(), row.rend());
    for (const std::string_view way : {row, std::string_view(backwards)}) {
      std::size_t size = best;
      while (size < text.size() && way.find(text.substr(0, size + 1)) != std::string_view::npos) ++size;
      best = std::max(best, size);
    }
  }
  return best;
}

/// Nothing but walks of three and more, repetitions of one character, and once up to four digits, in at most four
/// pieces.
bool is_walk(std::string_view text) {
  bool had_digits = false;
  for (int pieces = 0; pieces < 4; ++pieces) {
    std::size_t size = walk(text);
    if (size < 3) {
      size = 0;
      while (!had_digits && size < std::min<std::size_t>(text.size(), 4) && is_digit(text[size])) ++size;
      had_digits = had_digits || size > 0;
      std::size_t same = 1;
      while (same < text.size() && text[same] == text[0]) ++same;
      if (same > 1) size = std::max(size, same);
    }
    if (size == 0) return false;
    text.remove_prefix(size);
    if (text.empty()) return true;
  }
  return false;
}

}  // namespace

bool is_common_password(std::string_view password, std::string_view email) {
  constexpr std::size_t long_number = 12;  // digits alone are no date and no telephone any more
  constexpr std::size_t long_enough = 40;  // nobody tries these texts at such a length, whatever they are made of
  const auto lower = [](std::string_view text) {
    std::string out(text);
    for (char& c : out) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
  };
  const std::string text = lower(password);
  if (is_repeated(text)) return true;
  if (text.size() >= long_enough) return false;
  if (text.size() < long_number && std::ranges::all_of(text, is_digit)) return true;
  if (is_walk(text)) return true;
  const std::string owner = lower(email);
  const std::string_view name = std::string_view(owner).substr(0, owner.find('@'));
  if (!owner.empty() && (text == owner || (name.size() >= 3 && (text == name || core(text) == core(name)))))
    return true;
  for (const std::string& tried : {text, spelt(text, 'i'), spelt(text, 'l')}) {
    if (is_word_or_two(core(tried)) || is_word_or_two(tried)) return true;
    // The digits and signs at the ends are no letters, those between are: pa55word2024!
    std::string_view middle = core(text);
    const auto at = static_cast<std::size_t>(middle.data() - text.data());
    if (is_word_or_two(std::string_view(tried).substr(at, middle.size()))) return true;
  }
  return false;
}

}  // namespace admit::identity
