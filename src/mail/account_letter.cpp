#include "mail/account_letter.hpp"

#include <array>

#include "mail/page.hpp"
#include "mail/text.hpp"
#include "mail/words.hpp"

namespace admit::mail {
namespace {

constexpr std::size_t limit_name = 80;
constexpr std::size_t limit_ways = 2000;
constexpr std::size_t limit_link_bytes = 2000;

/// `{}` stands for the business or the new address.
struct Kind {
  std::string_view subject, heading, body, button;
};
struct AccountWords {
  std::string_view language;
  std::array<Kind, 11> kinds;  // in the order of AccountNews
  std::string_view ways;       // `{}` stands for their names
  std::string_view footer;
};

constexpr AccountWords english{
    "en",
    {Kind{"Confirm your e-mail address", "Is this your address?",
          "Somebody, most likely you, opened an account with this address. Confirm that it is yours; the link is good "
          "for seven days. If it was not you, there is nothing to do.",
          "Confirm the address"},
     Kind{"Set a new password", "A new password",
          "Somebody, most likely you, asked for a new password. The link is good for one hour and signs you out "
          "everywhere. If it was not you, there is nothing to do: your password stays as it is.",
          "Set a new password"},
     Kind{"Confirm your new e-mail address", "Is this your new address?",
          "Your account shall use this address from now on. Confirm that it is yours; the link is good for one day. If "
          "you did not ask for it, there is nothing to do.",
          "Confirm the address"},
     Kind{"Your e-mail address was changed", "Your account has another address",
          "Your account now uses the address {}. If it was not you, write to us at once.", ""},
     Kind{"An invitation from {}", "You are invited",
          "{} invites you to work with them here. Sign in or open an account with this address, then accept; the link "
          "is good for seven days. If you do not know them, there is nothing to do.",
          "Accept the invitation"},
     Kind{"Your password was changed", "A new password",
          "The password of your account was changed, and everybody else was signed out. If it was not you, set a new "
          "password at once and write to us.",
          ""},
     Kind{"Your password was set anew", "A new password",
          "A new password was set for your account by a link from a mail, and everybody was signed out. If it was not "
          "you, write to us at once.",
          ""},
     Kind{"The second factor is on", "A second factor",
          "Your account asks for a code of an app from now on. If it was not you, set a new password at once and write "
          "to us.",
          ""},
     Kind{"The second factor is off", "No second factor any more",
          "Your account asks for no second code any more. If it was not you, set a new password at once and write to "
          "us.",
          ""},
     Kind{"A passkey was added", "A new passkey",
          "A passkey was added to your account: it signs in without the password. If it was not you, remove it, set a "
          "new password at once and write to us.",
          ""},
     Kind{"Another way to sign in was added", "A new way to sign in",
          "A name at another provider was linked to your account and signs in to it now. If it was not you, remove it, "
          "set a new password at once and write to us.",
          ""}},
    "These still sign in to your account: {}. Remove what you do not know.",
    "You get this mail because of an account with this address. Nobody of us will ever ask for your password."};

constexpr AccountWords german{
    "de",
    {Kind{"Bestätigen Sie Ihre E-Mail-Adresse", "Ist das Ihre Adresse?",
          "Jemand, vermutlich Sie, hat mit dieser Adresse ein Konto eröffnet. Bestätigen Sie, dass sie Ihnen gehört; "
          "der Link gilt sieben Tage. Waren Sie es nicht, müssen Sie nichts tun.",
          "Adresse bestätigen"},
     Kind{
         "Neues Passwort setzen", "Ein neues Passwort",
         "Jemand, vermutlich Sie, hat ein neues Passwort angefordert. Der Link gilt eine Stunde und meldet Sie überall "
         "ab. Waren Sie es nicht, müssen Sie nichts tun: Ihr Passwort bleibt, wie es ist.",
         "Neues Passwort setzen"},
     Kind{"Bestätigen Sie Ihre neue E-Mail-Adresse", "Ist das Ihre neue Adresse?",
          "Ihr Konto soll von nun an diese Adresse verwenden. Bestätigen Sie, dass sie Ihnen gehört; der Link gilt "
          "einen "
          "Tag. Haben Sie das nicht veranlasst, müssen Sie nichts tun.",
          "Adresse bestätigen"},
     Kind{"Ihre E-Mail-Adresse wurde geändert", "Ihr Konto hat eine andere Adresse",
          "Ihr Konto verwendet jetzt die Adresse {}. Waren Sie es nicht, schreiben Sie uns sofort.", ""},
     Kind{
         "Eine Einladung von {}", "Sie sind eingeladen",
         "{} lädt Sie ein, hier mitzuarbeiten. Melden Sie sich mit dieser Adresse an oder eröffnen Sie ein Konto, dann "
         "nehmen Sie an; der Link gilt sieben Tage. Kennen Sie den Absender nicht, müssen Sie nichts tun.",
         "Einladung annehmen"},
     Kind{"Ihr Passwort wurde geändert", "Ein neues Passwort",
          "Das Passwort Ihres Kontos wurde geändert, alle anderen wurden abgemeldet. Waren Sie es nicht, setzen Sie "
          "sofort ein neues Passwort und schreiben Sie uns.",
          ""},
     Kind{"Ihr Passwort wurde neu gesetzt", "Ein neues Passwort",
          "Über einen Link aus einer Mail wurde ein neues Passwort für Ihr Konto gesetzt, alle wurden abgemeldet. "
          "Waren Sie es nicht, schreiben Sie uns sofort.",
          ""},
     Kind{"Der zweite Faktor ist an", "Ein zweiter Faktor",
          "Ihr Konto fragt von nun an nach einem Code aus einer App. Waren Sie es nicht, setzen Sie sofort ein neues "
          "Passwort und schreiben Sie uns.",
          ""},
     Kind{"Der zweite Faktor ist aus", "Kein zweiter Faktor mehr",
          "Ihr Konto fragt nicht mehr nach einem zweiten Code. Waren Sie es nicht, setzen Sie sofort ein neues "
          "Passwort und schreiben Sie uns.",
          ""},
     Kind{"Ein Passkey kam hinzu", "Ein neuer Passkey",
          "Zu Ihrem Konto kam ein Passkey hinzu: Er meldet ohne Passwort an. Waren Sie es nicht, entfernen Sie ihn, "
          "setzen Sie sofort ein neues Passwort und schreiben Sie uns.",
          ""},
     Kind{"Ein weiterer Weg zur Anmeldung kam hinzu", "Ein neuer Weg zur Anmeldung",
          "Ein Name bei einem anderen Anbieter wurde mit Ihrem Konto verknüpft und meldet jetzt daran an. Waren Sie es "
          "nicht, entfernen Sie ihn, setzen Sie sofort ein neues Passwort und schreiben Sie uns.",
          ""}},
    "Weiterhin melden an Ihrem Konto an: {}. Entfernen Sie, was Sie nicht kennen.",
    "Sie erhalten diese Mail wegen eines Kontos mit dieser Adresse. Niemand von uns fragt Sie je nach Ihrem Passwort."};

constexpr AccountWords french{
    "fr",
    {Kind{"Confirmez votre adresse e-mail", "Cette adresse est-elle la vôtre ?",
          "Quelqu’un, sans doute vous, a ouvert un compte avec cette adresse. Confirmez qu’elle est à vous ; le lien "
          "est valable sept jours. Si ce n’était pas vous, il n’y a rien à faire.",
          "Confirmer l’adresse"},
     Kind{"Choisissez un nouveau mot de passe", "Un nouveau mot de passe",
          "Quelqu’un, sans doute vous, a demandé un nouveau mot de passe. Le lien est valable une heure et vous "
          "déconnecte partout. Si ce n’était pas vous, il n’y a rien à faire : votre mot de passe reste le même.",
          "Choisir un mot de passe"},
     Kind{"Confirmez votre nouvelle adresse e-mail", "Est-ce votre nouvelle adresse ?",
          "Votre compte doit désormais utiliser cette adresse. Confirmez qu’elle est à vous ; le lien est valable un "
          "jour. Si vous n’avez rien demandé, il n’y a rien à faire.",
          "Confirmer l’adresse"},
     Kind{"Votre adresse e-mail a été modifiée", "Votre compte a une autre adresse",
          "Votre compte utilise maintenant l’adresse {}. Si ce n’était pas vous, écrivez-nous tout de suite.", ""},
     Kind{"Une invitation de {}", "Vous êtes invité",
          "{} vous invite à collaborer ici. Connectez-vous ou ouvrez un compte avec cette adresse, puis acceptez ; le "
          "lien est valable sept jours. Si vous ne connaissez pas l’expéditeur, il n’y a rien à faire.",
          "Accepter l’invitation"},
     Kind{"Votre mot de passe a été modifié", "Un nouveau mot de passe",
          "Le mot de passe de votre compte a été modifié et toutes les autres connexions sont fermées. Si ce n’était "
          "pas vous, choisissez tout de suite un nouveau mot de passe et écrivez-nous.",
          ""},
     Kind{"Votre mot de passe a été remplacé", "Un nouveau mot de passe",
          "Un nouveau mot de passe a été choisi pour votre compte par un lien reçu par e-mail et toutes les connexions "
          "sont fermées. Si ce n’était pas vous, écrivez-nous tout de suite.",
          ""},
     Kind{"Le second facteur est activé", "Un second facteur",
          "Votre compte demande désormais un code d’une application. Si ce n’était pas vous, choisissez tout de suite "
          "un nouveau mot de passe et écrivez-nous.",
          ""},
     Kind{"Le second facteur est désactivé", "Plus de second facteur",
          "Votre compte ne demande plus de second code. Si ce n’était pas vous, choisissez tout de suite un nouveau "
          "mot de passe et écrivez-nous.",
          ""},
     Kind{"Une clé d’accès a été ajoutée", "Une nouvelle clé d’accès",
          "Une clé d’accès a été ajoutée à votre compte : elle connecte sans mot de passe. Si ce n’était pas vous, "
          "retirez-la, choisissez tout de suite un nouveau mot de passe et écrivez-nous.",
          ""},
     Kind{"Un autre moyen de connexion a été ajouté", "Un nouveau moyen de connexion",
          "Un nom chez un autre fournisseur a été lié à votre compte et y connecte désormais. Si ce n’était pas vous, "
          "retirez-le, choisissez tout de suite un nouveau mot de passe et écrivez-nous.",
          ""}},
    "Connectent encore à votre compte : {}. Retirez ce que vous ne connaissez pas.",
    "Vous recevez ce message à cause d’un compte avec cette adresse. Personne ne vous demandera jamais votre mot de "
    "passe."};

constexpr AccountWords spanish{
    "es",
    {Kind{"Confirme su correo electrónico", "¿Es esta su dirección?",
          "Alguien, probablemente usted, abrió una cuenta con esta dirección. Confirme que es suya; el enlace vale "
          "siete "
          "días. Si no fue usted, no tiene que hacer nada.",
          "Confirmar la dirección"},
     Kind{"Elija una contraseña nueva", "Una contraseña nueva",
          "Alguien, probablemente usted, pidió una contraseña nueva. El enlace vale una hora y cierra todas sus "
          "sesiones. Si no fue usted, no tiene que hacer nada: su contraseña no cambia.",
          "Elegir contraseña"},
     Kind{"Confirme su nuevo correo electrónico", "¿Es esta su nueva dirección?",
          "Su cuenta usará esta dirección desde ahora. Confirme que es suya; el enlace vale un día. Si no lo pidió, no "
          "tiene que hacer nada.",
          "Confirmar la dirección"},
     Kind{"Su correo electrónico ha cambiado", "Su cuenta tiene otra dirección",
          "Su cuenta usa ahora la dirección {}. Si no fue usted, escríbanos enseguida.", ""},
     Kind{"Una invitación de {}", "Está invitado",
          "{} le invita a colaborar aquí. Inicie sesión o abra una cuenta con esta dirección y acepte; el enlace vale "
          "siete días. Si no conoce al remitente, no tiene que hacer nada.",
          "Aceptar la invitación"},
     Kind{"Su contraseña ha cambiado", "Una contraseña nueva",
          "La contraseña de su cuenta ha cambiado y las demás sesiones se han cerrado. Si no fue usted, ponga "
          "enseguida otra contraseña y escríbanos.",
          ""},
     Kind{"Se ha puesto una contraseña nueva", "Una contraseña nueva",
          "Con un enlace de un correo se puso una contraseña nueva en su cuenta y se cerraron todas las sesiones. Si "
          "no fue usted, escríbanos enseguida.",
          ""},
     Kind{"El segundo factor está activado", "Un segundo factor",
          "Su cuenta pide desde ahora un código de una aplicación. Si no fue usted, ponga enseguida otra contraseña y "
          "escríbanos.",
          ""},
     Kind{"El segundo factor está desactivado", "Ya no hay segundo factor",
          "Su cuenta ya no pide un segundo código. Si no fue usted, ponga enseguida otra contraseña y escríbanos.", ""},
     Kind{"Se ha añadido una llave de acceso", "Una llave de acceso nueva",
          "Se añadió una llave de acceso a su cuenta: entra sin contraseña. Si no fue usted, quítela, ponga enseguida "
          "otra contraseña y escríbanos.",
          ""},
     Kind{"Se ha añadido otra forma de entrar", "Una forma nueva de entrar",
          "Un nombre de otro proveedor se vinculó a su cuenta y ahora entra en ella. Si no fue usted, quítelo, ponga "
          "enseguida otra contraseña y escríbanos.",
          ""}},
    "Siguen dando acceso a su cuenta: {}. Quite lo que no conozca.",
    "Recibe este correo por una cuenta con esta dirección. Nadie de nosotros le pedirá nunca su contraseña."};

constexpr AccountWords polish{
    "pl",
    {Kind{"Potwierdź swój adres e-mail", "Czy to Twój adres?",
          "Ktoś, zapewne Ty, założył konto z tym adresem. Potwierdź, że należy do Ciebie; link jest ważny siedem dni. "
          "Jeśli to nie Ty, nie musisz nic robić.",
          "Potwierdź adres"},
     Kind{
         "Ustaw nowe hasło", "Nowe hasło",
         "Ktoś, zapewne Ty, poprosił o nowe hasło. Link jest ważny godzinę i wylogowuje Cię wszędzie. Jeśli to nie Ty, "
         "nie musisz nic robić: hasło pozostaje bez zmian.",
         "Ustaw nowe hasło"},
     Kind{"Potwierdź nowy adres e-mail", "Czy to Twój nowy adres?",
          "Twoje konto ma odtąd używać tego adresu. Potwierdź, że należy do Ciebie; link jest ważny jeden dzień. Jeśli "
          "to nie Ty o to prosisz, nie musisz nic robić.",
          "Potwierdź adres"},
     Kind{"Twój adres e-mail został zmieniony", "Twoje konto ma inny adres",
          "Twoje konto używa teraz adresu {}. Jeśli to nie Ty, napisz do nas natychmiast.", ""},
     Kind{
         "Zaproszenie od {}", "Zaproszenie",
         "{} zaprasza Cię do współpracy. Zaloguj się lub załóż konto z tym adresem, a potem przyjmij zaproszenie; link "
         "jest ważny siedem dni. Jeśli nie znasz nadawcy, nie musisz nic robić.",
         "Przyjmij zaproszenie"},
     Kind{"Twoje hasło zostało zmienione", "Nowe hasło",
          "Hasło Twojego konta zostało zmienione, a wszyscy inni zostali wylogowani. Jeśli to nie Ty, ustaw "
          "natychmiast nowe hasło i napisz do nas.",
          ""},
     Kind{"Twoje hasło zostało ustawione na nowo", "Nowe hasło",
          "Przez link z wiadomości ustawiono nowe hasło Twojego konta i wylogowano wszystkich. Jeśli to nie Ty, napisz "
          "do nas natychmiast.",
          ""},
     Kind{"Drugi składnik jest włączony", "Drugi składnik",
          "Twoje konto pyta odtąd o kod z aplikacji. Jeśli to nie Ty, ustaw natychmiast nowe hasło i napisz do nas.",
          ""},
     Kind{"Drugi składnik jest wyłączony", "Nie ma już drugiego składnika",
          "Twoje konto nie pyta już o drugi kod. Jeśli to nie Ty, ustaw natychmiast nowe hasło i napisz do nas.", ""},
     Kind{"Dodano klucz dostępu", "Nowy klucz dostępu",
          "Do Twojego konta dodano klucz dostępu: loguje bez hasła. Jeśli to nie Ty, usuń go, ustaw natychmiast nowe "
          "hasło i napisz do nas.",
          ""},
     Kind{"Dodano inny sposób logowania", "Nowy sposób logowania",
          "Nazwa u innego dostawcy została powiązana z Twoim kontem i teraz do niego loguje. Jeśli to nie Ty, usuń ją, "
          "ustaw natychmiast nowe hasło i napisz do nas.",
          ""}},
    "Do Twojego konta nadal logują: {}. Usuń to, czego nie znasz.",
    "Dostajesz tę wiadomość z powodu konta z tym adresem. Nikt z nas nigdy nie zapyta o Twoje hasło."};

const AccountWords& words_in(std::string_view language) {
  for (const auto* one : {&german, &french, &spanish, &polish}) {
    if (one->language == language) return *one;
  }
  return english;
}

/// What somebody typed, set apart (FSI, PDI), so that the sentence around it keeps its order.
std::string put_clean(std::string_view phrase, std::string_view text) {
  std::string out(phrase);
  const auto at = out.find("{}");
  if (at != std::string::npos) out.replace(at, 2, "\u2068" + std::string(text) + "\u2069");
  return out;
}

std::string put(std::string_view phrase, std::string_view text, std::size_t limit = limit_name) {
  return put_clean(phrase, one_line(text, limit));
}

/// A stranger's word in a mail of ours: in quotation marks, and no reader's program makes a link of it (U+2060 WORD
/// JOINER behind each dot).
std::string put_quoted(std::string_view phrase, std::string_view name) {
  std::string text = "\u201c";
  for (const char c : one_line(name, limit_name)) {
    text += c;
    if (c == '.') text += "\u2060";
  }
  return put_clean(phrase, text + "\u201d");
}

}  // namespace

Letter write_letter(const AccountMail& mail, std::string_view language) {
  const Words& phrases = words(language);
  const AccountWords& own = words_in(phrases.language);
  const Kind& kind = own.kinds[static_cast<std::size_t>(mail.news)];
  const auto fill = [&](std::string_view phrase) {
    return mail.news == AccountNews::email_changed ? put(phrase, mail.email) : put_quoted(phrase, mail.business);
  };
  Page page;
  page.language = own.language;
  page.heading = kind.heading;
  page.greeting = phrases.hello_anybody;
  if (const auto name = one_line(mail.name, limit_name); !name.empty()) {
    page.greeting = phrases.hello;
    page.greeting.replace(page.greeting.find("{name}"), 6, name);
  }
  page.paragraphs.push_back(fill(kind.body));
  std::string ways;
  for (const auto& way : mail.ways) ways += (ways.empty() ? "" : ", ") + one_line(way, limit_name);
  if (!ways.empty()) page.paragraphs.push_back(put(own.ways, ways, limit_ways));
  const bool is_link = (mail.link.starts_with("https://") || mail.link.starts_with("http://")) &&
                       mail.link.size() <= limit_link_bytes && mail.link.find_first_of(" \r\n") == std::string::npos;
  if (is_link && !kind.button.empty()) {
    page.link = mail.link;
    page.button = kind.button;
  }
  page.footer = own.footer;
  return {.language = std::string(own.language),
          .subject = fill(kind.subject),
          .text = as_text(page),
          .html = as_html(page)};
}

}  // namespace admit::mail
