"""People with roles: accounts with a proven address, members of a business, its keys and gates."""

import email
import email.policy
import re
import time
import uuid

import api
from api import Caller, expect

LIMIT_S = 30


class Mails:
    """What a server without a mail server writes into its folder, each file read once."""

    def __init__(self, data):
        self.folder = data / "mail"
        self.read = {}

    def links(self, to, page):
        """The secrets behind `#` in the mails to an address that lead to a page, oldest first."""
        for path in self.folder.glob("*.eml"):
            if path.name not in self.read:
                message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                text = message.get_body(("plain",)).get_content()
                link = re.search(r"/account/([a-z-]+)#t=(\S+)", text)
                addresses = [one.addr_spec for one in message["To"].addresses]
                self.read[path.name] = (addresses, link[1], link[2]) if link else ([], "", "")
        return [secret for _, (addresses, where, secret) in sorted(self.read.items()) if where == page and to in addresses]

    def wait(self, to, page, count=1):
        """The count-th of them, once it is there."""
        until = time.monotonic() + LIMIT_S
        while len(found := self.links(to, page)) < count:
            assert time.monotonic() < until, f"no mail to {to} with a link to {page}"
            time.sleep(0.02)
        return found[count - 1]


def mails(world):
    if not hasattr(world, "mails"):
        world.mails = Mails(world.server.data)
    return world.mails


def verify(world, account):
    token = mails(world).wait(account.email, "verify-email")
    assert account.post("/v1/users/verify", {"token": token}).status_code == 204


def verified(world, kind=api.Customer, **more):
    """A new account that has proven its address."""
    account = api.sign_up(world.base_url, kind=kind, **more)
    verify(world, account)
    return account


def prove(world, account):
    """Only who has proven their own address invites."""
    if expect(account.get("/v1/me"), 200)["emailVerified"]:
        return
    count = len(mails(world).links(account.email, "verify-email")) + 1
    assert account.post("/v1/me/verification-mail").status_code == 204
    token = mails(world).wait(account.email, "verify-email", count)
    assert account.post("/v1/users/verify", {"token": token}).status_code == 204


def invite(owner, address, role, business_id=None):
    return owner.post(f"/v1/businesses/{business_id or owner.business_id}/members", {"email": address, "role": role})


def invitation(world, owner, address, role):
    """What stands in the mail."""
    prove(world, owner)
    count = len(mails(world).links(address, "join-business")) + 1
    expect(invite(owner, address, role), 202)
    return mails(world).wait(address, "join-business", count)


def member(world, owner, role):
    """A new account that works for the owner's business."""
    account = verified(world)
    token = invitation(world, owner, account.email, role)
    account.membership = expect(account.post("/v1/memberships", {"token": token}), 201)
    return account


def owner(world, name="Elsewhere"):
    """A new account with a business of its own."""
    account = verified(world, kind=api.Organiser)
    account.business_id = expect(account.post("/v1/businesses", {"name": name}), 201)["businessId"]
    return account


def key(organiser, *scopes, **more):
    body = {"name": f"Key {uuid.uuid4().hex[:8]}", "scopes": list(scopes)}
    made = expect(organiser.post(f"/v1/businesses/{organiser.business_id}/api-keys", {**body, **more}), 201)
    caller = Caller(organiser.base_url, made["key"])
    caller.key_id = made["keyId"]
    return caller
