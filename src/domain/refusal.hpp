#pragma once
// Every reason a command can be refused for: the `code` of the problem reply.

#include <concepts>

#include "domain/words.hpp"

namespace admit::domain {

/// In order of precedence: where a command has two faults, the one that stands first here is answered.
ADMIT_WORDS(Refusal,
            invalid_field,           // a value breaks a rule; `field` names it
            idempotency_key_reused,  // the same Idempotency-Key came with another body
            nonce_reused,            // the same scan nonce came with another code
            unknown_user, unknown_session, session_ended, wrong_credentials,
            second_factor_required,  // the password is right; send `code` too
            account_locked,          // by an operator
            confirm_first,           // give the password anew, or sign in anew: that was too long ago
            too_many_failures,       // wait; from a network known to the account it still goes
            email_taken, email_not_verified,
            unknown_business, unknown_show, unknown_registration, unknown_transaction, unknown_ticket,
            unknown_device, unknown_check_in, unknown_job, unknown_refund, unknown_dispute, unknown_alert,
            unknown_member, unknown_invitation, unknown_key, unknown_passkey, unknown_proof, unknown_identity,
            forbidden,               // known, but not the caller's
            account_taken,           // the provider's account belongs to another business
            show_not_draft, show_incomplete, show_not_published, show_cancelled, sale_not_open, sale_closed,
            unknown_tier, too_few, too_many,
            payments_unavailable,    // the business has no account that can charge
            sold_out, too_many_holds, too_many_free_tickets,
            registration_expired, registration_not_held, already_paid, amount_differs, payment_in_progress,
            not_paid,                // there is no payment that money could go back from
            not_in_review,           // the payment waits for nobody's decision
            disputed,                // the buyer's bank decides first
            refund_closed,           // the show lets no customer give tickets back now
            refund_too_much,         // less than that is left to give back
            job_not_dead,
            already_member, owner_stays, second_factor_on, second_factor_off,
            identity_taken,          // the name at the provider belongs to another account
            link_first,              // an account has this address: sign in to it, then link
            only_sign_in,            // without it the account could not be signed in to
            link_used_up,            // a way back from the provider: used before, too old, or somebody else's
            ticket_not_valid, not_an_entry, other_device, annul_too_late, already_annulled,
            conflict,                // kept losing against concurrent changes; nothing was done, send it again
            overloaded,              // the queue is full; nothing was done, send it again later
            unavailable,             // the database is away; nothing was done, send it again later
            internal)                // a fault of ours; nothing was done

}  // namespace admit::domain
