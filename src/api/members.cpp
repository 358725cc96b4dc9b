// Who works for a business: invited by mail, in a role, until the owner takes it back.

#include "domain/members.hpp"
#include "api/paging.hpp"
#include "api/services.hpp"
#include "domain/access.hpp"
#include "domain/users.hpp"
#include "identity/opaque_token.hpp"
#include "token/proof_key.hpp"

namespace admit::api {
namespace {

using domain::Capability;
using domain::MemberRole;
using domain::Refusal;
using http::optional;
using http::Request;
using http::required;
using http::Response;
using http::Task;
using http::Verb;

http::Shape role_shape() {
  return http::one_of({"manager", "finance", "box_office", "gate"});
}

struct Invitation {
  std::string email, role;
  static http::Shape shape() {
    return http::object<Invitation>("Invitation",
                                    {required("email", &Invitation::email, http::email().example("ada@example.com")),
                                     required("role", &Invitation::role, role_shape())});
  }
};

struct InvitationJson {
  std::string invitation_id, email, role, invited_at, expires_at;
  static http::Shape shape() {
    return http::object<InvitationJson>(
        "OpenInvitation",
        {required("invitationId", &InvitationJson::invitation_id, http::uuid()),
         required("email", &InvitationJson::email), required("role", &InvitationJson::role, role_shape()),
         required("invitedAt", &InvitationJson::invited_at, http::date_time()),
         required("expiresAt", &InvitationJson::expires_at, http::date_time())});
  }
};

struct InvitationList {
  std::vector<InvitationJson> invitations;
  std::optional<std::string> next_cursor;
  static http::Shape shape() {
    return http::object<InvitationList>("InvitationList",
                                        {required("invitations", &InvitationList::invitations, http::items(0, 1000)),
                                         optional("nextCursor", &InvitationList::next_cursor, http::text(1, 200))});
  }
};

struct InvitedJson {
  std::string email, role, expires_at;
  static http::Shape shape() {
    return http::object<InvitedJson>("Invited", {required("email", &InvitedJson::email, http::email()),
                                                 required("role", &InvitedJson::role, role_shape()),
                                                 required("expiresAt", &InvitedJson::expires_at, http::date_time())});
  }
};

struct Joining {
  std::string token;
  static http::Shape shape() {
    return http::object<Joining>(
        "Joining",
        {required("token", &Joining::token, http::text(1, 200).doc("From the invitation's link, behind `#`."))});
  }
};

struct RoleChange {
  std::string role;
  static http::Shape shape() {
    return http::object<RoleChange>("RoleChange",
                                    {required("role", &RoleChange::role, role_shape().example("finance"))});
  }
};

struct MemberJson {
  std::string business_id, user_id, role, added_at;
  std::optional<std::string> email, name, removed_at;
  std::vector<std::string> capabilities;
  static http::Shape shape() {
    return http::object<MemberJson>(
        "Member",
        {required("businessId", &MemberJson::business_id, http::uuid()),
         required("userId", &MemberJson::user_id, http::uuid()),
         required("role", &MemberJson::role, http::one_of({"owner", "manager", "finance", "box_office", "gate"})),
         required("capabilities", &MemberJson::capabilities, http::items(0, 50).doc("What the role may do.")),
         required("addedAt", &MemberJson::added_at, http::date_time()),
         optional("removedAt", &MemberJson::removed_at, http::date_time()), optional("email", &MemberJson::email),
         optional("name", &MemberJson::name)});
  }
};

struct MemberList {
  std::vector<MemberJson> members;
  std::optional<std::string> next_cursor;
  static http::Shape shape() {
    return http::object<MemberList>("MemberList",
                                    {required("members", &MemberList::members, http::items(0, 1001)),
                                     optional("nextCursor", &MemberList::next_cursor, http::text(1, 200))});
  }
};

MemberJson member_json(domain::BusinessId business, domain::UserId user, MemberRole role, domain::Instant added_at) {
  MemberJson out{.business_id = business.text(),
                 .user_id = user.text(),
                 .role = std::string(domain::word(role)),
                 .added_at = domain::text(added_at)};
  for (std::size_t i = 0; i < domain::word_count<Capability>(); ++i) {
    const auto capability = static_cast<Capability>(i);
    if (domain::may(role, capability)) out.capabilities.emplace_back(domain::word(capability));
  }
  return out;
}
MemberJson member_json(const domain::Member& member) {
  auto out = member_json(member.business_id, member.user_id, member.role, member.added_at);
  if (member.removed_at) out.removed_at = domain::text(*member.removed_at);
  return out;
}

class Members {
 public:
  explicit Members(Services& services) : x(services), x_proofs(services.ring) {}

  /// The answer tells nothing about whether the address has an account.
  Task invite(Request& request) {
    const auto in = input<domain::BusinessId, Invitation>(request, caller_of(x, request));
    if (!in) co_return in.error();
    const auto email = domain::normal_email(in->body.email);
    if (!email) co_return problem_of({Refusal::invalid_field, "email", "Give an e-mail address like ada@example.com."});
    const domain::Meta meta = meta_of(x, request, in->caller);
    const domain::ProofId proof{domain::fresh_uuid(meta.now, x.seed(), 0)};
    domain::InviteMember command{.meta = meta,
                                 .business_id = in->id,
                                 .email = *email,
                                 .role = *domain::parse_word<MemberRole>(in->body.role),
                                 .proof_id = proof,
                                 .secret_hash = {std::string(crypto::text_of(x_proofs.hash_of(proof)))}};
    const auto answer = co_await submit(x.lane, std::move(command));
    if (!answer.result) co_return problem_of(answer.result.error());
    x.workers.wake();
    co_return reply(202, InvitedJson{*email, in->body.role, domain::text(*answer.result->due_at)});
  }

  /// Those that can still be accepted.
  Response invitations(Request& request) {
    const auto business = business_for(x, request, Capability::manage_members);
    if (!business) return business.error();
    const auto page = page_of<domain::Invitation>(x.store, request, "by_business", business->id.value);
    if (!page) return page.error();
    const auto now = x.clock();
    InvitationList out;
    for (const auto& row : page->rows) {
      if (!row.proof_id || !row.due_at || *row.due_at <= now) continue;
      out.invitations.push_back({row.id.text(), row.email, std::string(domain::word(row.role)),
                                 domain::text(row.created_at), domain::text(*row.due_at)});
    }
    if (page->next) out.next_cursor = cursor_text(*page->next);
    return reply(200, out);
  }

  Task withdraw(Request& request) {
    const auto in = input<domain::BusinessId>(request, caller_of(x, request));
    if (!in) co_return in.error();
    const auto id = id_of<domain::InvitationId>(request.param("invitationId"));
    if (!id) co_return id.error();
    const auto answer = co_await submit(
        x.lane, domain::WithdrawInvitation{
                    .meta = meta_of(x, request, in->caller), .business_id = in->id, .invitation_id = *id});
    if (!answer.result) co_return problem_of(answer.result.error());
    co_return Response(204, "application/json", "");
  }

  Task join(Request& request) {
    const auto in = input<None, Joining>(request, caller_of(x, request));
    if (!in) co_return in.error();
    const auto name = identity::parse_opaque_token("proof_", in->body.token);
    if (!name) co_return problem_of({Refusal::unknown_proof, "token", "This is no invitation."});
    domain::JoinBusiness command{.meta = meta_of(x, request, in->caller),
                                 .proof_id = domain::ProofId{name->id},
                                 .secret_hash = {std::string(crypto::text_of(name->hash))}};
    co_return co_await perform(x.lane, std::move(command), 201, say);
  }

  /// The owner first on the first page; who was removed stays in the list.
  Response list(Request& request) {
    const auto business = business_for(x, request, Capability::manage_members);
    if (!business) return business.error();
    const auto page = page_of<domain::Member>(x.store, request, "by_business", business->id.value);
    if (!page) return page.error();
    MemberList out;
    if (!request.query("cursor")) {
      out.members.push_back(member_json(business->id, business->owner_id, MemberRole::owner, business->created_at));
    }
    for (const auto& member : page->rows) out.members.push_back(member_json(member));
    std::vector<domain::Need> needs;
    for (const auto& member : page->rows)
      needs.push_back({domain::table_of<domain::User>, member.user_id.value, false});
    if (!request.query("cursor")) needs.push_back({domain::table_of<domain::User>, business->owner_id.value, false});
    domain::World world;
    x.store.read(needs, world);
    for (auto& member : out.members) {
      if (const auto* user = world.find<domain::User>(checked_id<domain::UserId>(member.user_id))) {
        member.email = user->email;
        member.name = user->name;
      }
    }
    if (page->next) out.next_cursor = cursor_text(*page->next);
    return reply(200, out);
  }

  Task change(Request& request) {
    const auto in = input<domain::BusinessId, RoleChange>(request, caller_of(x, request));
    if (!in) co_return in.error();
    const auto user = id_of<domain::UserId>(request.param("userId"));
    if (!user) co_return user.error();
    domain::ChangeMember command{.meta = meta_of(x, request, in->caller),
                                 .business_id = in->id,
                                 .user_id = *user,
                                 .role = *domain::parse_word<MemberRole>(in->body.role)};
    co_return co_await perform(x.lane, std::move(command), 200, say);
  }

  Task remove(Request& request) {
    const auto in = input<domain::BusinessId>(request, caller_of(x, request));
    if (!in) co_return in.error();
    const auto user = id_of<domain::UserId>(request.param("userId"));
    if (!user) co_return user.error();
    domain::RemoveMember command{.meta = meta_of(x, request, in->caller), .business_id = in->id, .user_id = *user};
    co_return co_await perform(x.lane, std::move(command), 200, say);
  }

 private:
  static constexpr auto say = [](const domain::Member& member) {
    return member_json(member);
  };

  Services& x;
  token::ProofKeys x_proofs;
};

}  // namespace

void add_members(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<Members>(services));
  const Shared owner{
      .tags = {"Members"}, .security = {"user"}, .token = "$ORGANISER_TOKEN", .capability = {"manage_members"}};
  const Shared user{.tags = {"Members"}, .security = {"user"}, .capability = {"user"}};
  router.add(
      route(owner, Verb::POST, "/v1/businesses/{businessId}/members", on(&Members::invite),
            {.operation_id = "inviteMember",
             .summary = "Invite somebody to work for the business, by a mail with a link",
             .description =
                 "Good for 7 days, for an account with this verified address; an earlier invitation of the address is "
                 "void. Nobody becomes an owner by it.",
             .request = http::json_body<Invitation>(R"({"email": "ada@example.com", "role": "box_office"})"),
             .replies = {http::json_reply<InvitedJson>(202, "The mail goes out, whether there is an account or not.")},
             .problems = refusals({Refusal::invalid_field, Refusal::unknown_business, Refusal::forbidden,
                                   Refusal::too_many, Refusal::email_not_verified, Refusal::too_many_failures})}));
  router.add(route(owner, Verb::GET, "/v1/businesses/{businessId}/invitations", on(&Members::invitations),
                   {.operation_id = "listInvitations",
                    .summary = "Who is invited and has not joined yet",
                    .parameters = paging_parameters(),
                    .replies = {http::json_reply<InvitationList>(
                        200, "Those that can still be accepted; nextCursor where there may be more.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::unknown_business, Refusal::forbidden})}));
  router.add(route(owner, Verb::DELETE, "/v1/businesses/{businessId}/invitations/{invitationId}",
                   on(&Members::withdraw),
                   {.operation_id = "withdrawInvitation",
                    .summary = "Withdraw an invitation: its link lets nobody join any more",
                    .replies = {http::empty_reply(204, "It is void.")},
                    .problems = refusals({Refusal::unknown_business, Refusal::forbidden, Refusal::unknown_invitation}),
                    .curl = {{"invitationId", "$INVITATION_ID"}}}));
  router.add(route(
      owner, Verb::GET, "/v1/businesses/{businessId}/members", on(&Members::list),
      {.operation_id = "listMembers",
       .summary = "Who works for the business, and what each may do",
       .parameters = paging_parameters(),
       .replies = {http::json_reply<MemberList>(200, "The owner first, then the members in the order they came.")},
       .problems = refusals({Refusal::invalid_field, Refusal::unknown_business, Refusal::forbidden})}));
  router.add(route(owner, Verb::PATCH, "/v1/businesses/{businessId}/members/{userId}", on(&Members::change),
                   {.operation_id = "changeMember",
                    .summary = "Give a member another role, at once",
                    .request = http::json_body<RoleChange>(),
                    .replies = {http::json_reply<MemberJson>(200, "The member.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::unknown_business, Refusal::forbidden,
                                          Refusal::unknown_member, Refusal::owner_stays}),
                    .curl = {{"userId", "$MEMBER_ID"}}}));
  router.add(route(owner, Verb::DELETE, "/v1/businesses/{businessId}/members/{userId}", on(&Members::remove),
                   {.operation_id = "removeMember",
                    .summary = "Remove a member, at once",
                    .replies = {http::json_reply<MemberJson>(200, "The member, removed.")},
                    .problems = refusals(
                        {Refusal::unknown_business, Refusal::forbidden, Refusal::unknown_member, Refusal::owner_stays}),
                    .curl = {{"userId", "$MEMBER_ID"}}}));
  router.add(route(user, Verb::POST, "/v1/memberships", on(&Members::join),
                   {.operation_id = "joinBusiness",
                    .summary = "Accept an invitation, signed in with the address it was sent to",
                    .request = http::json_body<Joining>(),
                    .replies = {http::json_reply<MemberJson>(201, "What the account may do now.")},
                    .problems = refusals({Refusal::unknown_user, Refusal::unknown_proof, Refusal::forbidden,
                                          Refusal::email_not_verified, Refusal::already_member, Refusal::too_many}),
                    .curl = {{"body", R"({"token": "$INVITATION"})"}}}));
}

}  // namespace admit::api
