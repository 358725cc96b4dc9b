"""Providers of identities to test with: one whose keys the test holds, which is Supabase's admin interface as well, and
the real ones of build/identity."""

import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import re
import socket
import subprocess
import threading
import time
import urllib.parse
import uuid

import jwt
import pytest
import requests
import server as servers
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

TOOLS = servers.ROOT / "build" / "identity"
NODE = servers.ROOT / "build" / "contract" / "venv" / "bin" / "node"
SCRIPTS = servers.ROOT / "tests" / "functional" / "identity_js"


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def encoded(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else json.dumps(data).encode()).decode().rstrip("=")


class Key:
    """A key pair of a provider."""

    def __init__(self, algorithm, kid="key-1"):
        self.algorithm, self.kid = algorithm, kid
        self.private = {"RS256": lambda: rsa.generate_private_key(65537, 2048),
                        "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
                        "EdDSA": ed25519.Ed25519PrivateKey.generate}[algorithm]()

    def jwk(self):
        name = {"RS256": "RS256", "ES256": "ES256", "EdDSA": "EdDSA"}[self.algorithm]
        public = json.loads(jwt.get_algorithm_by_name(name).to_jwk(self.private.public_key()))
        public.pop("key_ops", None)
        return {**public, "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def token(self, claims, **header):
        return jwt.encode(claims, self.private, self.algorithm, {"kid": self.kid, **header})


def hs256(secret, claims, **header):
    """Signed with a shared secret, as plain as the standard has it: no library's care in between."""
    text = encoded({"alg": "HS256", "typ": "JWT", **header}) + "." + encoded(claims)
    return text + "." + encoded(hmac.new(secret, text.encode(), hashlib.sha256).digest())


class Issuer:
    """Serves documents by path, and what `answer` makes of other requests. Remembers every request."""

    def __init__(self):
        self.documents, self.requests, self.answer = {}, [], lambda request: (404, {})
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body}
                issuer.requests.append(request)
                known = issuer.documents.get(self.path) if self.command == "GET" else None
                status, reply, *headers = (200, known) if known is not None else issuer.answer(request)
                if status == "reset":
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    self.close_connection = True
                    self.connection.close()
                    return
                data = json.dumps(reply).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                for name, value in headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = serve

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def publish(self, path, *keys):
        self.documents[path] = {"keys": [key.jwk() for key in keys]}

    def asked(self, path, method="GET"):
        return [one for one in self.requests if one["path"] == path and one["method"] == method]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def claims(issuer, subject=None, audience="tickets", **more):
    now = int(time.time())
    given = {"iss": issuer, "sub": subject or uuid.uuid4().hex, "aud": audience, "iat": now, "exp": now + 600, **more}
    return {name: value for name, value in given.items() if value is not None}


def cognito_claims(issuer, kind, **more):
    """As Cognito's documents show them."""
    now = int(time.time())
    shared = {"sub": str(uuid.uuid4()), "iss": issuer, "origin_jti": str(uuid.uuid4()), "jti": str(uuid.uuid4()),
              "event_id": str(uuid.uuid4()), "token_use": kind, "auth_time": now, "iat": now, "exp": now + 3600}
    own = {"access": {"client_id": "1example23456789", "version": 2, "username": "janedoe",
                      "scope": "aws.cognito.signin.user.admin openid"},
           "id": {"aud": "1example23456789", "cognito:username": "janedoe", "email_verified": True,
                  "given_name": "Jane", "family_name": "Doe", "email": f"jane.{uuid.uuid4().hex}@example.org"}}[kind]
    return {**shared, **own, **more}


def supabase_claims(issuer, **more):
    """As Supabase's auth server makes them."""
    now, subject = int(time.time()), str(uuid.uuid4())
    email = more.get("email", f"{subject}@example.com")
    return {"iss": issuer, "sub": subject, "aud": "authenticated", "exp": now + 3600, "iat": now, "email": email, "phone": "",
            "app_metadata": {"provider": "email", "providers": ["email"]},
            "user_metadata": {"email": email, "email_verified": True, "phone_verified": False, "sub": subject},
            "role": "authenticated", "aal": "aal1", "amr": [{"method": "password", "timestamp": now}],
            "session_id": str(uuid.uuid4()), "is_anonymous": False, **more}


def has_tools():
    return any(TOOLS.glob("stamp-*"))


def require_tools():
    if not has_tools():
        pytest.skip("oidc-provider and cognito-local are not there: run scripts/make_identity_tools")


@contextlib.contextmanager
def running(command, url, **more):
    """A program that serves `url`."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                requests.get(url, timeout=5)
                break
            except requests.ConnectionError:
                assert process.poll() is None and time.monotonic() < until, f"{command[1]} did not start"
                time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait(10)


class OpenIdProvider:
    """oidc-provider, as a browser and as a client see it."""

    CLIENT = ("tickets", "s3cret of tickets+")

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"

    def sign_in(self, url, login):
        """Follows a browser's way through the provider's own pages; the URL that it sends the browser back to."""
        browser = requests.Session()
        for _ in range(20):
            reply = browser.get(url, allow_redirects=False, timeout=30)
            if reply.status_code == 200:
                action = re.search(r'action="([^"]+)"', reply.text).group(1)
                prompt = re.search(r'name="prompt" value="([^"]+)"', reply.text).group(1)
                reply = browser.post(urllib.parse.urljoin(url, action), {"prompt": prompt, "login": login, "password": "any"},
                                     allow_redirects=False, timeout=30)
            assert reply.status_code in (302, 303), reply.text[:500]
            url = urllib.parse.urljoin(url, reply.headers["Location"])
            if not url.startswith(self.url):
                return url
        raise AssertionError("the provider sends the browser round in circles")

    def tokens(self, callback, login):
        """What a client of its own gets: access token and id token."""
        verifier = encoded(hashlib.sha512(login.encode()).digest())
        asked = {"response_type": "code", "client_id": "tickets", "redirect_uri": callback, "scope": "openid email profile read",
                 "code_challenge": encoded(hashlib.sha256(verifier.encode()).digest()), "code_challenge_method": "S256"}
        back = self.sign_in(f"{self.url}/auth?{urllib.parse.urlencode(asked)}", login)
        code = urllib.parse.parse_qs(urllib.parse.urlparse(back).query)["code"][0]
        return self.token(grant_type="authorization_code", code=code, redirect_uri=callback, code_verifier=verifier)

    def token(self, **form):
        pair = tuple(urllib.parse.quote_plus(part) for part in self.CLIENT)
        reply = requests.post(f"{self.url}/token", form, auth=pair, timeout=30)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def rotate(self):
        assert requests.post(f"{self.url}/rotate", timeout=30).text == "rotated"
