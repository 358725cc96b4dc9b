"""An authenticator made of software: a P-256 key with a PIN that is always right, and the page around it."""

import base64
import hashlib
import json
import os
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec


def encode(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def cbor(value):
    """Integers, texts, bytes and maps below 64 KiB (RFC 8949)."""
    def head(major, number):
        if number < 24:
            return bytes([major << 5 | number])
        return bytes([major << 5 | 24, number]) if number < 256 else bytes([major << 5 | 25]) + struct.pack(">H", number)

    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    return head(5, len(value)) + b"".join(cbor(key) + cbor(item) for key, item in value.items())


class Authenticator:
    def __init__(self, origin, rp_id):
        self.origin, self.rp_id = origin, rp_id
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = os.urandom(32)
        self.count = 0
        self.user_handle = None

    def client_data(self, kind, challenge):
        return json.dumps({"type": f"webauthn.{kind}", "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def data(self, flags):
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + struct.pack(">I", self.count)

    def create(self, options):
        """The body of a new passkey, but for its name."""
        self.user_handle = options["user"]["id"]
        point = self.key.public_key().public_numbers()
        cose = cbor({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})
        data = self.data(0x45) + bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + cose
        return {"clientDataJSON": encode(self.client_data("create", options["challenge"])),
                "attestationObject": encode(cbor({"fmt": "none", "attStmt": {}, "authData": data}))}

    def get(self, options, counts=True):
        """The body of a sign-in."""
        self.count += counts
        client_data, data = self.client_data("get", options["challenge"]), self.data(0x05)
        signature = self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        return {"credentialId": encode(self.credential_id), "clientDataJSON": encode(client_data),
                "authenticatorData": encode(data), "signature": encode(signature), "userHandle": self.user_handle}
