"""What tests of accounts share: mails with links, and codes of an authenticator app."""

import base64
import email
import email.policy
import hashlib
import hmac
import re
import struct
import time
import uuid

LINK = re.compile(r"https?://\S+/account/([a-z-]+)#t=(proof_[A-Za-z0-9_-]+)")


def fresh_email():
    return f"u{uuid.uuid4().hex}@example.com"


def mails_to(world, address):
    """Those that the sandbox has written for an address, oldest first."""
    found = []
    for path in (world.server.data / "mail").glob("*.eml"):
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        if mail["To"].addresses[0].addr_spec == address:
            found.append((path.stat().st_mtime_ns, mail))
    return [mail for _, mail in sorted(found, key=lambda one: one[0])]


def wait_for_mails(world, address, count, limit_s=20):
    until = time.monotonic() + limit_s
    while True:
        mails = mails_to(world, address)
        if len(mails) >= count:
            return mails
        assert time.monotonic() < until, f"{len(mails)} of {count} mails to {address}"
        time.sleep(0.05)


def link_to(world, address, page, limit_s=20):
    """The secret in the newest mail's link to a page, once there is one."""
    until = time.monotonic() + limit_s
    while True:
        for mail in reversed(mails_to(world, address)):
            for found, token in LINK.findall(mail.get_body(("plain",)).get_content()):
                if found == page:
                    return token
        assert time.monotonic() < until, f"no mail to {address} has a link to {page}"
        time.sleep(0.05)


def totp(secret, at=None, off=0):
    """RFC 6238 in a few lines, so that our own code is not judged by itself."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    step = int(time.time() if at is None else at) // 30 + off
    mac = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    start = mac[-1] & 15
    return f"{(int.from_bytes(mac[start:start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"
