#include "mail/words.hpp"

namespace admit::mail {
namespace {

constexpr Words english{
    .language = "en",
    .hello = "Hello {name},",
    .hello_anybody = "Hello,",
    .show = "Show",
    .when = "When",
    .where = "Where",
    .organiser = "Organiser",
    .buyer = "Buyer",
    .order = "Order",
    .amount = "Amount",
    .total = "Total",
    .reason = "Reason",
    .answer_by = "Answer by",
    .open_order = "Open your order",
    .open_tickets = "Open your tickets",
    .try_again = "Try again",
    .open_settings = "Open payment settings",
    .tickets_attached =
        "Your tickets are attached to this mail. Print them, or show the code on your phone at the door.",
    .tickets_at_link = "Your tickets are ready: open your order to see, print or save them.",
    .code_is_yours = "Each code lets one person in. Keep it to yourself until then.",
    .money_comes_back =
        "The money goes back the way it came. Depending on your bank this takes five to ten working days.",
    .cash_comes_back = "The money is handed back in cash by {organiser}.",
    .try_until = "Your places are kept for you until {until}: try again or use another card.",
    .places_gone = "Your places are free for others again. You are welcome to start a new order.",
    .organiser_says = "The organiser says:",
    .inquiry = "It is a question so far, and no money has moved. A good answer can keep it from becoming a dispute.",
    .no_funds = "There was not enough money on the card.",
    .expired_card = "The card has expired.",
    .wrong_code = "The security code was wrong.",
    .wrong_number = "The card number was wrong.",
    .not_confirmed = "The bank did not confirm the payment.",
    .not_processed = "The payment could not be processed.",
    .refused = "The bank declined the payment.",
    .footer_buyer = "You get this mail because of your order with {organiser}.",
    .footer_organiser = "You get this mail because you look after payments for {organiser}.",
    .order_confirmed = {"Your tickets: {show}", "You’re going!", "Your order for {show} is confirmed."},
    .refund_done = {"{amount} refunded: {show}", "Your refund is on its way",
                    "We have refunded {amount} of your order for {show}."},
    .registration_cancelled = {"Order cancelled: {show}", "Your order is cancelled",
                               "Your order for {show} is cancelled. Its tickets are no longer valid."},
    .tickets_returned =
        {"Tickets given back: {show}", "Tickets given back",
         "Some tickets of your order for {show} were given back. They are no longer valid; the others still are."},
    .payment_failed = {"Payment failed: {show}", "Your payment did not go through",
                       "The payment for your order for {show} failed. You have not been charged."},
    .late_refund =
        {"Your payment goes back in full: {show}", "Paid too late",
         "Your payment of {amount} for {show} arrived when your places had already gone to others. You have no "
         "tickets from it, and you get back all of it."},
    .second_payment = {"Paid twice, one payment goes back: {show}", "Paid twice",
                       "Your order for {show} was paid already. The second payment of {amount} goes back in full; your "
                       "tickets stay valid."},
    .amount_differs = {"Your payment goes back in full: {show}", "Another amount was paid",
                       "Your payment of {amount} for {show} was not the amount asked for, so all of it goes back. You "
                       "have no tickets from it."},
    .show_cancelled = {"Cancelled: {show}", "The show is cancelled",
                       "{show} will not take place: {organiser} has cancelled it. Your tickets are no longer valid."},
    .refund_failed =
        {"Refund failed: {amount}, {show}", "A refund failed",
         "A refund of {amount} for {show} could not be paid out. The buyer does not have the money, and the "
         "tickets stay invalid. Please settle it with the buyer and look at the order."},
    .payout_failed =
        {"Payout failed: {amount}", "A payout failed",
         "A payout of {amount} did not reach the bank account of {organiser}. Please check the bank details in "
         "the payment settings."},
    .dispute_opened =
        {"Payment disputed: {amount}, {show}", "A payment is disputed",
         "A buyer’s bank asks about a payment of {amount} for {show}. Please answer it with what you know "
         "about the order."},
};

constexpr Words german{
    .language = "de",
    .hello = "Hallo {name},",
    .hello_anybody = "Hallo,",
    .show = "Veranstaltung",
    .when = "Wann",
    .where = "Wo",
    .organiser = "Veranstalter",
    .buyer = "Gekauft von",
    .order = "Buchung",
    .amount = "Betrag",
    .total = "Summe",
    .reason = "Grund",
    .answer_by = "Antworten bis",
    .open_order = "Buchung öffnen",
    .open_tickets = "Tickets öffnen",
    .try_again = "Noch einmal versuchen",
    .open_settings = "Zahlungseinstellungen öffnen",
    .tickets_attached =
        "Deine Tickets hängen an dieser Mail. Druck sie aus oder zeig den Code am Einlass auf dem Handy.",
    .tickets_at_link =
        "Deine Tickets sind fertig: Öffne deine Buchung, um sie anzusehen, zu drucken oder zu speichern.",
    .code_is_yours = "Jeder Code lässt eine Person ein. Zeig ihn bis dahin niemandem.",
    .money_comes_back = "Das Geld geht den Weg zurück, den es kam. Je nach Bank dauert das fünf bis zehn Werktage.",
    .cash_comes_back = "Das Geld gibt dir {organiser} bar zurück.",
    .try_until = "Deine Plätze bleiben bis {until} für dich frei: Versuch es noch einmal oder mit einer anderen Karte.",
    .places_gone = "Deine Plätze sind wieder für andere frei. Du kannst gern neu buchen.",
    .organiser_says = "Der Veranstalter schreibt:",
    .inquiry =
        "Noch ist es eine Rückfrage, und kein Geld ist geflossen. Eine gute Antwort kann verhindern, dass daraus eine "
        "Rückbuchung wird.",
    .no_funds = "Auf der Karte war nicht genug Geld.",
    .expired_card = "Die Karte ist abgelaufen.",
    .wrong_code = "Der Sicherheitscode war falsch.",
    .wrong_number = "Die Kartennummer war falsch.",
    .not_confirmed = "Die Bank hat die Zahlung nicht bestätigt.",
    .not_processed = "Die Zahlung konnte nicht verarbeitet werden.",
    .refused = "Die Bank hat die Zahlung abgelehnt.",
    .footer_buyer = "Du bekommst diese Mail wegen deiner Buchung bei {organiser}.",
    .footer_organiser = "Du bekommst diese Mail, weil du dich um die Zahlungen von {organiser} kümmerst.",
    .order_confirmed = {"Deine Tickets: {show}", "Du bist dabei!", "Deine Buchung für {show} ist bestätigt."},
    .refund_done = {"{amount} erstattet: {show}", "Dein Geld ist unterwegs",
                    "Wir haben dir {amount} deiner Buchung für {show} erstattet."},
    .registration_cancelled = {"Buchung storniert: {show}", "Deine Buchung ist storniert",
                               "Deine Buchung für {show} ist storniert. Ihre Tickets gelten nicht mehr."},
    .tickets_returned = {"Tickets zurückgegeben: {show}", "Tickets zurückgegeben",
                         "Einige Tickets deiner Buchung für {show} wurden zurückgegeben. Sie gelten nicht mehr, die "
                         "übrigen weiterhin."},
    .payment_failed = {"Zahlung fehlgeschlagen: {show}", "Deine Zahlung hat nicht geklappt",
                       "Die Zahlung für deine Buchung für {show} ist fehlgeschlagen. Es wurde nichts abgebucht."},
    .late_refund =
        {"Du bekommst dein Geld ganz zurück: {show}", "Zu spät bezahlt",
         "Deine Zahlung von {amount} für {show} kam an, als deine Plätze schon an andere vergeben waren. Du hast "
         "daraus keine Tickets und bekommst alles zurück."},
    .second_payment = {"Doppelt bezahlt, eine Zahlung geht zurück: {show}", "Doppelt bezahlt",
                       "Deine Buchung für {show} war schon bezahlt. Die zweite Zahlung von {amount} bekommst du ganz "
                       "zurück, deine Tickets gelten weiter."},
    .amount_differs = {"Deine Zahlung geht ganz zurück: {show}", "Anderer Betrag bezahlt",
                       "Deine Zahlung von {amount} für {show} war nicht der verlangte Betrag, darum geht sie ganz "
                       "zurück. Du hast daraus keine Tickets."},
    .show_cancelled = {"Abgesagt: {show}", "Die Veranstaltung ist abgesagt",
                       "{show} findet nicht statt: {organiser} hat abgesagt. Deine Tickets gelten nicht mehr."},
    .refund_failed =
        {"Erstattung fehlgeschlagen: {amount}, {show}", "Eine Erstattung ist fehlgeschlagen",
         "Eine Erstattung von {amount} für {show} konnte nicht ausgezahlt werden. Das Geld ist nicht angekommen, "
         "und die Tickets bleiben ungültig. Bitte kläre das mit der Käuferin oder dem Käufer und sieh dir die "
         "Buchung an."},
    .payout_failed = {"Auszahlung fehlgeschlagen: {amount}", "Eine Auszahlung ist fehlgeschlagen",
                      "Eine Auszahlung von {amount} hat das Bankkonto von {organiser} nicht erreicht. Bitte prüfe die "
                      "Bankverbindung in den Zahlungseinstellungen."},
    .dispute_opened =
        {"Zahlung angefochten: {amount}, {show}", "Eine Zahlung wird angefochten",
         "Eine Bank fragt nach einer Zahlung von {amount} für {show}. Bitte antworte mit allem, was du über "
         "die Buchung weißt."},
};

constexpr Words french{
    .language = "fr",
    .hello = "Bonjour {name},",
    .hello_anybody = "Bonjour,",
    .show = "Spectacle",
    .when = "Quand",
    .where = "Où",
    .organiser = "Organisateur",
    .buyer = "Acheteur",
    .order = "Réservation",
    .amount = "Montant",
    .total = "Total",
    .reason = "Motif",
    .answer_by = "Répondre avant le",
    .open_order = "Ouvrir la réservation",
    .open_tickets = "Ouvrir les billets",
    .try_again = "Réessayer",
    .open_settings = "Ouvrir les réglages de paiement",
    .tickets_attached =
        "Vos billets sont joints à ce message. Imprimez-les ou montrez le code sur votre téléphone à l’entrée.",
    .tickets_at_link =
        "Vos billets sont prêts : ouvrez votre réservation pour les voir, les imprimer ou les enregistrer.",
    .code_is_yours = "Chaque code fait entrer une seule personne. Gardez-le pour vous jusque-là.",
    .money_comes_back =
        "L’argent revient par le chemin du paiement. Selon votre banque, cela prend de cinq à dix jours ouvrables.",
    .cash_comes_back = "{organiser} vous rend l’argent en espèces.",
    .try_until = "Vos places vous sont réservées jusqu’à {until} : réessayez ou utilisez une autre carte.",
    .places_gone = "Vos places sont de nouveau libres. Vous pouvez faire une nouvelle réservation.",
    .organiser_says = "Message de l’organisateur :",
    .inquiry =
        "Ce n’est pour l’instant qu’une question et aucun argent n’a bougé. Une bonne réponse peut éviter un litige.",
    .no_funds = "La carte n’avait pas assez de provision.",
    .expired_card = "La carte a expiré.",
    .wrong_code = "Le code de sécurité était faux.",
    .wrong_number = "Le numéro de carte était faux.",
    .not_confirmed = "La banque n’a pas confirmé le paiement.",
    .not_processed = "Le paiement n’a pas pu être traité.",
    .refused = "La banque a refusé le paiement.",
    .footer_buyer = "Vous recevez ce message en raison de votre réservation auprès de {organiser}.",
    .footer_organiser = "Vous recevez ce message parce que vous gérez les paiements de {organiser}.",
    .order_confirmed = {"Vos billets : {show}", "C’est réservé !", "Votre réservation pour {show} est confirmée."},
    .refund_done = {"{amount} remboursés : {show}", "Votre remboursement est en route",
                    "Nous avons remboursé {amount} de votre réservation pour {show}."},
    .registration_cancelled = {"Réservation annulée : {show}", "Votre réservation est annulée",
                               "Votre réservation pour {show} est annulée. Ses billets ne sont plus valables."},
    .tickets_returned = {"Billets rendus : {show}", "Billets rendus",
                         "Certains billets de votre réservation pour {show} ont été rendus. Ils ne sont plus valables "
                         "; les autres le restent."},
    .payment_failed = {"Échec du paiement : {show}", "Votre paiement n’a pas abouti",
                       "Le paiement de votre réservation pour {show} a échoué. Rien n’a été débité."},
    .late_refund =
        {"Vous êtes remboursé intégralement : {show}", "Paiement arrivé trop tard",
         "Votre paiement de {amount} pour {show} est arrivé alors que vos places étaient déjà parties. Vous n’avez "
         "pas de billets et la totalité vous est rendue."},
    .second_payment = {"Payé deux fois, un paiement vous est rendu : {show}", "Payé deux fois",
                       "Votre réservation pour {show} était déjà payée. Le second paiement de {amount} vous est rendu "
                       "en totalité ; vos billets restent valables."},
    .amount_differs = {"Votre paiement vous est rendu : {show}", "Autre montant payé",
                       "Votre paiement de {amount} pour {show} n’était pas le montant demandé ; la totalité vous est "
                       "rendue. Il ne donne pas de billets."},
    .show_cancelled = {"Annulé : {show}", "Le spectacle est annulé",
                       "{show} n’aura pas lieu : {organiser} l’a annulé. Vos billets ne sont plus valables."},
    .refund_failed =
        {"Échec d’un remboursement : {amount}, {show}", "Un remboursement a échoué",
         "Un remboursement de {amount} pour {show} n’a pas pu être versé. L’acheteur n’a pas reçu l’argent et "
         "les billets restent invalides. Réglez-le avec l’acheteur et consultez la réservation."},
    .payout_failed = {"Échec d’un virement : {amount}", "Un virement a échoué",
                      "Un virement de {amount} n’est pas arrivé sur le compte bancaire de {organiser}. Vérifiez les "
                      "coordonnées bancaires dans les réglages de paiement."},
    .dispute_opened =
        {"Paiement contesté : {amount}, {show}", "Un paiement est contesté",
         "Une banque demande des explications sur un paiement de {amount} pour {show}. Répondez avec ce que "
         "vous savez de la réservation."},
};

constexpr Words spanish{
    .language = "es",
    .hello = "Hola, {name}:",
    .hello_anybody = "Hola:",
    .show = "Espectáculo",
    .when = "Cuándo",
    .where = "Dónde",
    .organiser = "Organizador",
    .buyer = "Comprador",
    .order = "Reserva",
    .amount = "Importe",
    .total = "Total",
    .reason = "Motivo",
    .answer_by = "Responder antes de",
    .open_order = "Abrir la reserva",
    .open_tickets = "Abrir las entradas",
    .try_again = "Intentarlo de nuevo",
    .open_settings = "Abrir los ajustes de pago",
    .tickets_attached =
        "Tus entradas van adjuntas a este correo. Imprímelas o muestra el código en el teléfono en la puerta.",
    .tickets_at_link = "Tus entradas están listas: abre la reserva para verlas, imprimirlas o guardarlas.",
    .code_is_yours = "Cada código da paso a una sola persona. No lo enseñes hasta entonces.",
    .money_comes_back = "El dinero vuelve por donde vino. Según tu banco, tarda de cinco a diez días laborables.",
    .cash_comes_back = "{organiser} te devuelve el dinero en efectivo.",
    .try_until = "Te guardamos las plazas hasta {until}: inténtalo de nuevo o usa otra tarjeta.",
    .places_gone = "Tus plazas vuelven a estar libres. Puedes hacer una nueva reserva.",
    .organiser_says = "Mensaje del organizador:",
    .inquiry = "Por ahora es solo una pregunta y no se ha movido dinero. Una buena respuesta puede evitar una disputa.",
    .no_funds = "No había suficiente dinero en la tarjeta.",
    .expired_card = "La tarjeta ha caducado.",
    .wrong_code = "El código de seguridad era incorrecto.",
    .wrong_number = "El número de tarjeta era incorrecto.",
    .not_confirmed = "El banco no ha confirmado el pago.",
    .not_processed = "No se ha podido procesar el pago.",
    .refused = "El banco ha rechazado el pago.",
    .footer_buyer = "Recibes este correo por tu reserva con {organiser}.",
    .footer_organiser = "Recibes este correo porque gestionas los pagos de {organiser}.",
    .order_confirmed = {"Tus entradas: {show}", "¡Ya tienes tu plaza!", "Tu reserva para {show} está confirmada."},
    .refund_done = {"{amount} devueltos: {show}", "Tu dinero está en camino",
                    "Te hemos devuelto {amount} de tu reserva para {show}."},
    .registration_cancelled = {"Reserva cancelada: {show}", "Tu reserva está cancelada",
                               "Tu reserva para {show} está cancelada. Sus entradas ya no son válidas."},
    .tickets_returned =
        {"Entradas devueltas: {show}", "Entradas devueltas",
         "Se han devuelto algunas entradas de tu reserva para {show}. Ya no son válidas; las demás sí."},
    .payment_failed = {"El pago ha fallado: {show}", "Tu pago no se ha completado",
                       "El pago de tu reserva para {show} ha fallado. No se te ha cobrado nada."},
    .late_refund =
        {"Te devolvemos todo el importe: {show}", "Pago fuera de plazo",
         "Tu pago de {amount} para {show} llegó cuando tus plazas ya eran de otras personas. No tienes entradas por "
         "él y te lo devolvemos todo."},
    .second_payment = {"Pagado dos veces, te devolvemos un pago: {show}", "Pagado dos veces",
                       "Tu reserva para {show} ya estaba pagada. Te devolvemos todo el segundo pago de {amount}; tus "
                       "entradas siguen siendo válidas."},
    .amount_differs = {"Te devolvemos todo el pago: {show}", "Se pagó otro importe",
                       "Tu pago de {amount} para {show} no era el importe pedido, así que te lo devolvemos todo. No "
                       "tienes entradas por él."},
    .show_cancelled = {"Cancelado: {show}", "El espectáculo se ha cancelado",
                       "{show} no se celebrará: {organiser} lo ha cancelado. Tus entradas ya no son válidas."},
    .refund_failed =
        {"Devolución fallida: {amount}, {show}", "Ha fallado una devolución",
         "No se ha podido pagar una devolución de {amount} para {show}. El comprador no tiene el dinero y las "
         "entradas siguen sin ser válidas. Acuérdalo con el comprador y revisa la reserva."},
    .payout_failed =
        {"Transferencia fallida: {amount}", "Ha fallado una transferencia",
         "Una transferencia de {amount} no llegó a la cuenta bancaria de {organiser}. Revisa los datos bancarios "
         "en los ajustes de pago."},
    .dispute_opened =
        {"Pago en disputa: {amount}, {show}", "Un pago está en disputa",
         "Un banco pregunta por un pago de {amount} para {show}. Responde con lo que sepas de la reserva."},
};

constexpr Words polish{
    .language = "pl",
    .hello = "Cześć {name},",
    .hello_anybody = "Cześć,",
    .show = "Wydarzenie",
    .when = "Kiedy",
    .where = "Gdzie",
    .organiser = "Organizator",
    .buyer = "Kupujący",
    .order = "Rezerwacja",
    .amount = "Kwota",
    .total = "Razem",
    .reason = "Powód",
    .answer_by = "Odpowiedz do",
    .open_order = "Otwórz rezerwację",
    .open_tickets = "Otwórz bilety",
    .try_again = "Spróbuj ponownie",
    .open_settings = "Otwórz ustawienia płatności",
    .tickets_attached = "Bilety są w załączniku. Wydrukuj je albo pokaż kod na telefonie przy wejściu.",
    .tickets_at_link = "Bilety są gotowe: otwórz rezerwację, aby je zobaczyć, wydrukować lub zapisać.",
    .code_is_yours = "Każdy kod wpuszcza jedną osobę. Do tego czasu nikomu go nie pokazuj.",
    .money_comes_back =
        "Pieniądze wracają tą samą drogą. W zależności od banku trwa to od pięciu do dziesięciu dni roboczych.",
    .cash_comes_back = "Pieniądze odda Ci gotówką {organiser}.",
    .try_until = "Miejsca czekają na Ciebie do {until}: spróbuj ponownie lub użyj innej karty.",
    .places_gone = "Twoje miejsca są znów wolne. Możesz złożyć nową rezerwację.",
    .organiser_says = "Wiadomość od organizatora:",
    .inquiry =
        "Na razie to tylko pytanie i żadne pieniądze nie zostały przesunięte. Dobra odpowiedź może zapobiec sporowi.",
    .no_funds = "Na karcie było za mało pieniędzy.",
    .expired_card = "Karta straciła ważność.",
    .wrong_code = "Kod zabezpieczający był błędny.",
    .wrong_number = "Numer karty był błędny.",
    .not_confirmed = "Bank nie potwierdził płatności.",
    .not_processed = "Płatności nie udało się przetworzyć.",
    .refused = "Bank odrzucił płatność.",
    .footer_buyer = "Otrzymujesz tę wiadomość w związku z rezerwacją u organizatora {organiser}.",
    .footer_organiser = "Otrzymujesz tę wiadomość, bo zajmujesz się płatnościami organizatora {organiser}.",
    .order_confirmed = {"Twoje bilety: {show}", "Do zobaczenia!", "Twoja rezerwacja na {show} jest potwierdzona."},
    .refund_done = {"Zwrot {amount}: {show}", "Zwrot jest w drodze",
                    "Zwróciliśmy {amount} z Twojej rezerwacji na {show}."},
    .registration_cancelled = {"Rezerwacja anulowana: {show}", "Twoja rezerwacja została anulowana",
                               "Twoja rezerwacja na {show} została anulowana. Jej bilety nie są już ważne."},
    .tickets_returned =
        {"Zwrócone bilety: {show}", "Zwrócone bilety",
         "Część biletów z Twojej rezerwacji na {show} została zwrócona. Nie są już ważne; pozostałe są nadal ważne."},
    .payment_failed = {"Płatność nie powiodła się: {show}", "Płatność nie doszła do skutku",
                       "Płatność za rezerwację na {show} nie powiodła się. Nic nie pobraliśmy."},
    .late_refund =
        {"Zwracamy całą wpłatę: {show}", "Płatność przyszła za późno",
         "Płatność {amount} za {show} dotarła, gdy Twoje miejsca miał już ktoś inny. Nie masz z niej biletów "
         "i dostaniesz z powrotem całą kwotę."},
    .second_payment = {"Zapłacono dwa razy, zwracamy jedną wpłatę: {show}", "Zapłacono dwa razy",
                       "Rezerwacja na {show} była już opłacona. Drugą wpłatę {amount} zwracamy w całości, a Twoje "
                       "bilety pozostają ważne."},
    .amount_differs =
        {"Zwracamy całą wpłatę: {show}", "Inna kwota wpłaty",
         "Wpłata {amount} za {show} nie była żądaną kwotą, więc zwracamy ją w całości. Nie masz z niej biletów."},
    .show_cancelled =
        {"Odwołane: {show}", "Wydarzenie zostało odwołane",
         "{show} nie odbędzie się. Organizator {organiser} odwołał wydarzenie. Twoje bilety nie są już ważne."},
    .refund_failed = {"Zwrot nie powiódł się: {amount}, {show}", "Zwrot nie powiódł się",
                      "Nie udało się wypłacić zwrotu {amount} za {show}. Kupujący nie ma pieniędzy, a bilety pozostają "
                      "nieważne. Wyjaśnij to z kupującym i sprawdź rezerwację."},
    .payout_failed = {"Wypłata nie powiodła się: {amount}", "Wypłata nie powiodła się",
                      "Wypłata {amount} nie dotarła na konto bankowe organizatora {organiser}. Sprawdź dane konta "
                      "w ustawieniach płatności."},
    .dispute_opened = {"Sporna płatność: {amount}, {show}", "Płatność została zakwestionowana",
                       "Bank pyta o płatność {amount} za {show}. Odpowiedz, podając wszystko, co wiesz o rezerwacji."},
};

}  // namespace

const Words& words(std::string_view language) {
  const auto primary = language.substr(0, language.find('-'));
  for (const Words* one : {&german, &french, &spanish, &polish})
    if (one->language == primary) return *one;
  return english;
}

}  // namespace admit::mail
