"""Other providers of identities: their tokens, signing in there with a browser, and users at Supabase."""

import concurrent.futures
import contextlib
import json
import os
import threading
import time
import urllib.parse
import uuid

import jwt
import people
import pytest
import requests
import server as servers
from accounts import link_to, totp
from api import Caller, expect, refused, sign_up
from identity_lab import (NODE, SCRIPTS, TOOLS, Issuer, Key, OpenIdProvider, claims, cognito_claims, encoded, free_port, hs256,
                          has_tools, require_tools, running, supabase_claims)

SECRET = b"supabase's own secret of 32 bytes, and more"
SERVICE_KEY = "sb_secret_" + uuid.uuid4().hex
LIMIT_S = 60 * servers.SLOWNESS


class Supabase:
    """Its admin interface: checks what it is sent, and keeps users. `faults` are answered first, by address,
    one each."""

    def __init__(self, issuer):
        self.users, self.faults, self.wrong = {}, {}, []
        self.lock = threading.Lock()
        issuer.answer = self.answer

    def answer(self, request):
        with self.lock:
            return self.decide(request)

    def decide(self, request):
        headers = {name.lower(): value for name, value in request["headers"].items()}
        if not request["path"].startswith("/auth/v1/admin/users"):
            return 404, {}
        if headers.get("apikey") != SERVICE_KEY or headers.get("authorization") != f"Bearer {SERVICE_KEY}":
            self.wrong.append(request)
            return 401, {"code": 401, "error_code": "no_authorization", "msg": "This endpoint requires a Bearer token"}
        body = json.loads(request["body"]) if request["body"] else {}
        if request["method"] == "POST" and request["path"] == "/auth/v1/admin/users":
            if headers.get("content-type") != "application/json" or set(body) | {"password_hash"} != {
                    "id", "email", "password_hash", "email_confirm", "user_metadata"}:
                self.wrong.append(request)
                return 400, {"code": 400, "error_code": "bad_json", "msg": "Could not parse request body as JSON"}
            faults = self.faults.get(body["email"])
            fault = faults.pop(0) if faults else None
            if fault == "lost":  # made, but nobody hears of it
                self.users[body["id"]] = body
                return "reset", None
            if fault is not None:
                return fault
            if any(user["email"] == body["email"] for user in self.users.values()):
                return 422, {"code": 422, "error_code": "email_exists",
                             "msg": "A user with this email address has already been registered"}
            self.users[body["id"]] = body
            return 200, self.shown(body)
        user = self.users.get(request["path"].rsplit("/", 1)[1])
        if user is None:
            return 404, {"code": 404, "error_code": "user_not_found", "msg": "User not found"}
        if request["method"] == "DELETE":
            del self.users[user["id"]]
            return 200, {}
        if request["method"] == "PUT":
            if list(body) not in (["password"], ["email_confirm"]):
                self.wrong.append(request)
                return 400, {"code": 400, "error_code": "bad_json", "msg": "Could not parse request body as JSON"}
            user.update(body)
            if "password" in body:  # the hash of before is good no more, and no session goes on
                if not 8 <= len(body["password"]) <= 72:
                    return 422, {"code": 422, "error_code": "weak_password", "msg": "Password should be stronger"}
                user.pop("password_hash", None)
        return 200, self.shown(user)

    @staticmethod
    def shown(user):
        return {"id": user["id"], "aud": "authenticated", "role": "authenticated", "email": user["email"], "phone": "",
                "app_metadata": {"provider": "email", "providers": ["email"]}, "user_metadata": user["user_metadata"],
                "identities": [], "created_at": "2027-01-01T00:00:00Z", "is_anonymous": False}


class Lab:
    """One installation with a provider of each policy, all of them the test's own, and oidc-provider."""

    def __init__(self, folder):
        self.own = Issuer()
        self.key, self.rsa = Key("ES256"), Key("RS256", "rsa/1=")
        self.plain, self.trusted = self.own.url + "/plain", self.own.url + "/trusted"
        self.cognito, self.supabase = self.own.url + "/eu-central-1_AbCdEfGhI", self.own.url + "/auth/v1"
        for issuer in (self.plain, self.trusted):
            path = urllib.parse.urlparse(issuer).path
            self.own.documents[path + "/.well-known/openid-configuration"] = {"issuer": issuer, "jwks_uri": issuer + "/keys"}
            self.own.publish(path + "/keys", self.key, self.rsa)
        self.own.publish("/eu-central-1_AbCdEfGhI/.well-known/jwks.json", self.rsa)
        self.own.publish("/auth/v1/.well-known/jwks.json", self.key)
        self.port, self.provider_port = free_port(), free_port()
        self.provider = OpenIdProvider(self.provider_port)
        key_file = folder / "service.key"
        key_file.write_text(SERVICE_KEY + "\n")
        key_file.chmod(0o600)
        self.config = folder / "admit.toml"
        self.config.write_text(f"""
[identity.plain]
issuer = "{self.plain}"
audience = ["tickets", "boxes"]
[identity.trusted]
issuer = "{self.trusted}"
audience = ["tickets"]
link_by_email = true
[identity.cognito]
policy = "cognito"
issuer = "{self.cognito}"
audience = ["1example23456789"]
operator_groups = ["ticket-operators"]
[identity.supabase]
policy = "supabase"
label = "Supabase"
issuer = "{self.supabase}"
hs256_secret_env = "SUPABASE_JWT_SECRET"
service_key_file = "{key_file}"
email_verified = true
link_by_email = true
[identity.op]
label = "The provider"
issuer = "{self.provider.url}"
audience = ["urn:tickets"]
client_id = "tickets"
client_secret_env = "OP_SECRET"
link_by_email = true
""")
        self.admin = Supabase(self.own)
        self.data = folder / "data"
        self.server, self.servers = None, []

    def start(self):
        self.server = servers.Server("serve", self.data, arguments=("--config", self.config, "--sandbox"),
                                     listen=f"127.0.0.1:{self.port}", SUPABASE_JWT_SECRET=SECRET.decode(),
                                     OP_SECRET=OpenIdProvider.CLIENT[1])
        self.servers.append(self.server)

    @property
    def callback(self):
        return f"http://127.0.0.1:{self.port}/sign-in/op/callback"

    def caller(self, token):
        return Caller(self.server.base_url, token)

    def me(self, token):
        return self.caller(token).get("/v1/me")

    def user(self, token):
        return expect(self.me(token), 200)["userId"]

    def by(self, issuer, **more):
        """A token by the ES256 key."""
        return self.key.token(claims(issuer, **more))


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    made = Lab(tmp_path_factory.mktemp("identity"))
    with contextlib.ExitStack() as stack:
        stack.callback(made.own.stop)
        if has_tools():
            command = [str(NODE), str(SCRIPTS / "provider.mjs"), str(TOOLS), str(made.provider_port), made.callback]
            stack.enter_context(running(command, made.provider.url + "/jwks"))
        made.start()
        try:
            yield made
        except BaseException:
            made.server.kill()
            raise
        assert made.server.stop() == 0, made.server.output[-3000:]
    made.server.assert_clean()
    assert not made.admin.wrong
    for secret in (SECRET.decode(), SERVICE_KEY, OpenIdProvider.CLIENT[1]):
        assert not any(secret in server.output for server in made.servers)
    checked = servers.run("verify", "--data", made.data)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.fixture
def op(lab):
    require_tools()
    return lab.provider


def wait_for(condition, what, limit_s=LIMIT_S):
    until = time.monotonic() + limit_s
    while not (seen := condition()):
        assert time.monotonic() < until, f"{what} did not come"
        time.sleep(0.05)
    return seen


def test_the_first_token_makes_an_account_and_every_other_finds_it(lab):
    subject = uuid.uuid4().hex
    email = f"{subject}@example.org"
    me = expect(lab.me(lab.by(lab.plain, subject=subject, email=email.upper(), email_verified=True, name="Ada L")), 200)
    assert me["email"] == email and me["name"] == "Ada L" and me["roles"] == []
    assert lab.user(lab.rsa.token(claims(lab.plain, subject=subject, audience=["others", "boxes"]))) == me["userId"]
    assert lab.user(lab.by(lab.trusted, subject=subject)) != me["userId"]
    identities = expect(lab.caller(lab.by(lab.plain, subject=subject)).get("/v1/me/identities"), 200)["identities"]
    assert [(one["issuer"], one["subject"], one["provider"], one["email"]) for one in identities] == [
        (lab.plain, subject, "plain", email)]


def test_many_first_calls_at_once_make_one_account(lab):
    subject = uuid.uuid4().hex
    tokens = [lab.by(lab.plain, subject=subject, jti=str(number)) for number in range(16)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(lab.user, tokens))) == 1


def test_an_account_by_token_may_do_what_any_account_may(lab):
    caller = lab.caller(lab.by(lab.plain))
    business = expect(caller.post("/v1/businesses", {"name": "Hall"}), 201)
    assert expect(caller.get(f"/v1/businesses/{business['businessId']}"), 200)["name"] == "Hall"
    stranger = lab.caller(lab.by(lab.plain))
    assert stranger.get(f"/v1/businesses/{business['businessId']}").status_code == 403


NOW = int(time.time())


@pytest.mark.parametrize("change", [
    {"iss": "https://elsewhere.example"}, {"iss": None}, {"aud": "others"}, {"aud": None}, {"aud": []}, {"sub": None}, {"sub": ""},
    {"sub": 5}, {"exp": None}, {"exp": "2100000000"}, {"exp": NOW - 61}, {"nbf": NOW + 3600}, {"iat": NOW + 3600},
    {"client_id": "machine", "sub": "machine"}], ids=json.dumps)
def test_a_token_with_a_bad_claim_is_refused(lab, change):
    good = claims(lab.plain)
    assert lab.me(lab.key.token(good)).status_code == 200
    bad = {name: value for name, value in {**good, **change}.items() if value is not None}
    text = encoded({"alg": "ES256", "kid": lab.key.kid}) + "." + encoded(bad)
    signature = jwt.get_algorithm_by_name("ES256").sign(text.encode(), lab.key.private)
    refused(lab.me(text + "." + encoded(signature)), "unauthenticated", 401)


def test_forged_tokens_are_refused(lab):
    subject = uuid.uuid4().hex
    good = lab.by(lab.plain, subject=subject)
    assert lab.me(good).status_code == 200
    head, payload, signature = good.split(".")
    public = [json.dumps(lab.rsa.jwk()), json.dumps({"keys": [lab.rsa.jwk()]}), lab.rsa.jwk()["n"]]
    other = Key("ES256", lab.key.kid)
    forged = [
        encoded({"alg": "none"}) + f".{payload}.",
        encoded({"alg": "none", "kid": lab.key.kid}) + f".{payload}.",
        encoded({"alg": "none", "kid": lab.key.kid}) + f".{payload}.{signature}",
        other.token(claims(lab.plain, subject=subject)),
        other.token(claims(lab.plain, subject=subject), jwk=other.jwk(), jku=lab.own.url + "/evil"),
        lab.key.token(claims(lab.plain, subject=subject), crit=["exp"]),
        lab.key.token(claims(lab.plain, subject=subject), cty="JWT"),
        lab.key.token(claims(lab.plain, subject=subject), enc="A128GCM"),
        Key("RS256", lab.key.kid).token(claims(lab.plain, subject=subject)),
        f"{head}.{encoded(claims(lab.plain, subject='somebody else'))}.{signature}",
        f"{head}.{payload}", f"{head}.{payload}.{signature}.", f"{head}.{payload}.{signature}.AA.AA", f"{head}.{payload}.",
        lab.key.token({**claims(lab.plain), "more": "x" * 8192}),
        hs256(SECRET, claims(lab.plain, subject=subject)),
        *(hs256(known.encode(), claims(lab.plain, subject=subject), kid=lab.rsa.kid) for known in public),
        *(hs256(known.encode(), supabase_claims(lab.supabase)) for known in public),
    ]
    for token in forged:
        reply = lab.me(token)
        assert reply.status_code == 401, f"{token[:200]}: {reply.text[:200]}"
    assert not lab.own.asked("/evil")
    assert lab.me(good).status_code == 200


def test_a_thousand_mutated_tokens_are_refused(lab):
    good = lab.by(lab.plain)
    user = lab.user(good)
    caller = lab.caller(good)
    for number in range(1000):
        at = number * 7919 % len(good)
        changed = good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1:]
        caller.token = changed
        assert caller.get("/v1/me").status_code == 401, changed
    assert lab.user(good) == user


def test_a_new_key_is_found_while_the_caller_waits(lab, tmp_path):
    issuer = Issuer()
    old, new = Key("ES256", "old"), Key("EdDSA", "new")
    issuer.publish("/keys", old)
    config = tmp_path / "admit.toml"
    config.write_text(f'[identity.one]\nissuer = "{issuer.url}"\njwks_url = "{issuer.url}/keys"\naudience = ["tickets"]\n')
    server = servers.Server("serve", tmp_path / "data", arguments=("--config", config))
    try:
        caller = Caller(server.base_url, old.token(claims(issuer.url)))
        assert caller.get("/v1/me").status_code == 200
        issuer.publish("/keys", old, new)
        caller.token = new.token(claims(issuer.url))
        # Read a moment ago: the next reading is 30 s later, whatever comes.
        for _ in range(20):
            assert caller.get("/v1/me").status_code == 401
        assert len(issuer.asked("/keys")) == 1
    finally:
        assert server.stop() == 0
    # After a start nothing was read yet: the caller waits for it.
    server = servers.Server("serve", tmp_path / "data", arguments=("--config", config))
    try:
        caller = Caller(server.base_url, new.token(claims(issuer.url)))
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda _: caller.get("/v1/me").status_code, range(8))) == {200}
        assert len(issuer.asked("/keys")) == 2
    finally:
        assert server.stop() == 0
        issuer.stop()
    server.assert_clean()


def test_callers_by_token_are_counted_each_for_himself(lab, tmp_path):
    issuer = Issuer()
    issuer.publish("/keys", lab.key)
    config = tmp_path / "admit.toml"
    config.write_text(f'[identity.one]\nissuer = "{issuer.url}"\njwks_url = "{issuer.url}/keys"\naudience = ["tickets"]\n')
    server = servers.Server("serve", tmp_path / "data", arguments=("--config", config), ADMIT_RATE_LIMITS="true",
                            ADMIT_CALLER_READS="20")
    try:
        def me(subject):
            return Caller(server.base_url, lab.by(issuer.url, subject=subject)).get("/v1/me").status_code
        assert me("often") == 200
        assert 429 in [me("often") for _ in range(60)]
        assert me("seldom") == 200
    finally:
        assert server.stop() == 0
        issuer.stop()


def test_without_its_keys_a_providers_tokens_are_refused_and_all_else_goes_on(lab, tmp_path):
    config = tmp_path / "admit.toml"
    gone = f"http://127.0.0.1:{free_port()}"
    config.write_text(f'[identity.gone]\nissuer = "{gone}"\naudience = ["tickets"]\n')
    server = servers.Server("serve", tmp_path / "data", arguments=("--config", config))
    try:
        refused(Caller(server.base_url, lab.by(gone)).get("/v1/me"), "unauthenticated", 401)
        assert expect(sign_up(server.base_url).get("/v1/me"), 200)
    finally:
        assert server.stop() == 0
    server.assert_clean()


def test_cognitos_tokens(lab):
    access = lab.rsa.token(cognito_claims(lab.cognito, "access"))
    me = expect(lab.me(access), 200)
    assert me["email"] == "" and me["roles"] == []
    subject = jwt.decode(access, options={"verify_signature": False})["sub"]
    id_claims = cognito_claims(lab.cognito, "id", sub=subject)
    known = expect(lab.me(lab.rsa.token(id_claims)), 200)
    assert known["userId"] == me["userId"] and known["email"] == id_claims["email"]
    for bad in ({"client_id": "another"}, {"token_use": "id"}, {"token_use": "refresh"}, {"sub": "1example23456789"}):
        refused(lab.me(lab.rsa.token(cognito_claims(lab.cognito, "access", **bad))), "unauthenticated", 401)
    refused(lab.me(lab.rsa.token(cognito_claims(lab.cognito, "id", aud="another"))), "unauthenticated", 401)


def test_only_a_group_that_was_named_makes_an_operator(lab):
    def jobs(**more):
        return lab.caller(lab.rsa.token(cognito_claims(lab.cognito, "access", **more))).get("/v1/alerts").status_code
    assert jobs(**{"cognito:groups": ["eu-central-1_AbCdEfGhI_Google", "ticket-operators"]}) == 200
    assert jobs(**{"cognito:groups": ["operator", "operators", "admin"]}) == 403
    assert jobs() == 403
    token = lab.by(lab.plain, **{"cognito:groups": ["ticket-operators"], "roles": ["operator"], "role": "operator"})
    assert lab.caller(token).get("/v1/alerts").status_code == 403


def test_supabases_tokens(lab):
    given = supabase_claims(lab.supabase)
    me = expect(lab.me(hs256(SECRET, given)), 200)
    assert me["email"] == given["email"] and me["roles"] == []
    assert lab.user(lab.key.token(given)) == me["userId"]
    refused(lab.me(hs256(b"another secret of 32 bytes, and more", given)), "unauthenticated", 401)


def test_supabases_keys_of_programs_are_nobody(lab):
    for role in ("anon", "service_role"):
        key = {"iss": "supabase", "ref": "abcdefgh", "role": role, "iat": NOW - 1000, "exp": NOW + 100000}
        refused(lab.me(hs256(SECRET, key)), "unauthenticated", 401)
        refused(lab.me(hs256(SECRET, {**key, "iss": lab.supabase})), "unauthenticated", 401)
        refused(lab.me(hs256(SECRET, supabase_claims(lab.supabase, role=role))), "unauthenticated", 401)
    refused(lab.me(hs256(SECRET, supabase_claims(lab.supabase, is_anonymous=True))), "unauthenticated", 401)
    refused(lab.me(hs256(SECRET, supabase_claims(lab.supabase, aud="anon"))), "unauthenticated", 401)
    refused(lab.me(SERVICE_KEY), "unauthenticated", 401)


def test_what_a_supabase_user_writes_about_himself_gives_nothing(lab):
    given = supabase_claims(lab.supabase)
    given["user_metadata"].update(role="service_role", roles=["operator"], is_operator=True, full_name="Ada L")
    me = expect(lab.me(hs256(SECRET, given)), 200)
    assert me["name"] == "Ada L" and me["roles"] == []
    assert lab.caller(hs256(SECRET, given)).get("/v1/alerts").status_code == 403


def test_an_address_of_ours_is_linked_by_its_owner_first(lab):
    owner = sign_up(lab.server.base_url)
    subject = uuid.uuid4().hex
    token = lab.by(lab.plain, subject=subject, email=owner.email, email_verified=True)
    refused(lab.me(token), "link_first", 409)
    unverified = lab.by(lab.trusted, subject=subject, email=owner.email, email_verified=False)
    refused(lab.me(unverified), "link_first", 409)
    refused(owner.post("/v1/me/identities", {"token": token}), "email_not_verified", 409)
    people.prove(lab, owner)
    linked = expect(owner.post("/v1/me/identities", {"token": token}), 201)
    assert linked["subject"] == subject
    assert expect(owner.post("/v1/me/identities", {"token": token}), 201)["identityId"] == linked["identityId"]
    assert lab.user(token) == owner.user_id
    assert expect(owner.get("/v1/me"), 200)["userId"] == owner.user_id  # the password is as it was
    stranger = sign_up(lab.server.base_url)
    people.prove(lab, stranger)
    refused(stranger.post("/v1/me/identities", {"token": token}), "identity_taken", 409)
    assert expect(stranger.post("/v1/me/identities", {"token": "a.b.c"}), 422)["field"] == "token"
    refused(stranger.send("DELETE", f"/v1/me/identities/{linked['identityId']}"), "unknown_identity", 404)
    assert owner.send("DELETE", f"/v1/me/identities/{linked['identityId']}").status_code == 204
    refused(lab.me(token), "link_first", 409)  # at once, whatever was remembered of the token
    left = expect(owner.get("/v1/me/identities"), 200)["identities"]
    assert all(one["identityId"] != linked["identityId"] for one in left)


def test_the_last_way_in_stays(lab):
    caller = lab.caller(lab.by(lab.plain))
    one, = expect(caller.get("/v1/me/identities"), 200)["identities"]
    refused(caller.send("DELETE", f"/v1/me/identities/{one['identityId']}"), "only_sign_in", 409)
    expect(caller.post("/v1/me/identities", {"token": lab.by(lab.trusted)}), 201)
    assert caller.send("DELETE", f"/v1/me/identities/{one['identityId']}").status_code == 204


def test_verified_on_both_sides_is_linked_with_nothing_lost(lab):
    given = supabase_claims(lab.supabase)
    user = lab.user(hs256(SECRET, given))
    assert lab.user(lab.by(lab.trusted, email=given["email"], email_verified=True)) == user
    assert lab.user(hs256(SECRET, given)) == user


def test_whoever_took_an_address_before_its_owner_came_has_nothing_of_the_account(lab):
    thief = sign_up(lab.server.base_url)
    foreign = lab.by(lab.plain)
    refused(thief.post("/v1/me/identities", {"token": foreign}), "email_not_verified", 409)
    session = expect(lab.caller(None).post("/v1/sessions", {"email": thief.email, "password": thief.password}), 201)
    owner = lab.by(lab.trusted, email=thief.email, email_verified=True)
    assert lab.user(owner) == thief.user_id
    refused(lab.caller(None).post("/v1/sessions", {"email": thief.email, "password": thief.password}), "wrong_credentials", 401)
    assert lab.caller(None).post("/v1/sessions/refresh", {"refreshToken": session["refreshToken"]}).status_code == 401
    wait_for(lambda: thief.get("/v1/me").status_code == 401, "the end of the thief's sign-in")
    assert lab.user(foreign) != thief.user_id
    assert lab.user(owner) == thief.user_id


# Sign-in in the browser.


class Browser:
    """Keeps cookies as a browser would that holds 127.0.0.1 for safe."""

    def __init__(self, lab):
        self.lab, self.cookies = lab, {}

    def get(self, url):
        reply = requests.get(urllib.parse.urljoin(self.lab.server.base_url, url), allow_redirects=False, timeout=LIMIT_S,
                             headers={"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())})
        for line in reply.raw.headers.getlist("Set-Cookie"):
            pair, *attributes = line.split("; ")
            name, value = pair.split("=", 1)
            assert name.startswith("__Host-") and {"Path=/", "Secure", "HttpOnly"} <= set(attributes), line
            self.cookies[name] = value
        return reply

    def go(self, path="/sign-in/op"):
        reply = self.get(path)
        assert reply.status_code == 303, reply.text
        return reply.headers["Location"]

    def session(self):
        """What a page of ours makes of the cookie."""
        headers = {"Admit-Page": "1", "Sec-Fetch-Site": "same-origin", "Cookie": f"__Host-session={self.cookies['__Host-session']}"}
        return expect(self.lab.caller(None).post("/v1/sessions/refresh", {}, headers=headers), 200)


def fault_of(url):
    parsed = urllib.parse.urlparse(url)
    assert parsed.path == "/account/sign-in" and not parsed.netloc, url
    return urllib.parse.parse_qs(parsed.query)["error"][0]


def test_a_browser_signs_in_at_the_provider(lab, op):
    listed = expect(lab.caller(None).get("/v1/identity-providers"), 200)["providers"]
    assert {"id": "op", "name": "The provider", "signInPath": "/sign-in/op"} in listed
    assert {"id": "supabase", "name": "Supabase"} in listed
    browser = Browser(lab)
    out = browser.go("/sign-in/op?next=/orders/1%3Fa%3Db")
    asked = urllib.parse.parse_qs(urllib.parse.urlparse(out).query)
    assert asked["code_challenge_method"] == ["S256"] and asked["nonce"] and asked["redirect_uri"] == [lab.callback]
    back = op.sign_in(out, "alice")
    sealed = browser.cookies["__Host-sign-in"]
    assert browser.go(back) == "/orders/1?a=b"
    assert browser.cookies["__Host-sign-in"] == ""
    session = browser.session()
    me = expect(lab.me(session["accessToken"]), 200)
    assert (me["email"], me["name"], me["locale"]) == ("alice@example.org", "Name of alice", "de")
    methods = [one["method"] for one in expect(lab.caller(session["accessToken"]).get("/v1/sessions"), 200)["sessions"]]
    assert methods == ["external"]
    # The way back is good once, even with the cookie kept.
    browser.cookies["__Host-sign-in"] = sealed
    assert fault_of(browser.go(back)) in ("provider_refused", "link_used_up")
    # A second sign-in finds the same account.
    again = Browser(lab)
    assert again.go(op.sign_in(again.go(), "alice")) == "/account"
    assert again.session()["userId"] == session["userId"]


def test_a_browser_that_used_no_second_factor_at_the_provider_is_not_signed_in(lab, op):
    login = f"factor-{uuid.uuid4().hex}"
    first = Browser(lab)
    assert first.go(op.sign_in(first.go(), login)) == "/account"
    add_second_factor(lab.caller(first.session()["accessToken"]))
    again = Browser(lab)
    assert fault_of(again.go(op.sign_in(again.go(), login))) == "second_factor_required"
    assert "__Host-session" not in again.cookies


def test_a_way_back_that_this_browser_did_not_begin_is_refused(lab, op):
    mine, other = Browser(lab), Browser(lab)
    back = op.sign_in(mine.go(), "mallory")
    assert fault_of(other.go(back)) == "link_used_up"  # nothing was begun there
    other.go()
    assert fault_of(other.go(back)) == "link_used_up"  # another state
    assert "__Host-session" not in other.cookies
    parsed = urllib.parse.urlparse(back)
    query = urllib.parse.parse_qs(parsed.query)
    for change in ({"state": ["x"]}, {"state": []}, {"iss": ["https://elsewhere.example"]}, {"code": ["forged"]}, {"code": []}):
        browser = Browser(lab)
        browser.cookies = dict(mine.cookies)
        changed = parsed._replace(query=urllib.parse.urlencode({**query, **change}, doseq=True))
        assert fault_of(browser.go(changed.geturl())) in ("link_used_up", "wrong_issuer", "provider_refused", "declined")
        assert "__Host-session" not in browser.cookies
    tampered = Browser(lab)
    tampered.cookies["__Host-sign-in"] = mine.cookies["__Host-sign-in"][:-3] + "AAA"
    assert fault_of(tampered.go(back)) == "link_used_up"


@pytest.mark.parametrize("path", ["https://evil.example", "//evil.example", "/\\evil.example", "\\/evil.example", "evil", "/a\r\nb", "/%0d%0a",
                                  "javascript:alert(1)", "/" + "a" * 600, ""])
def test_nobody_is_sent_to_another_site(lab, op, path):
    browser = Browser(lab)
    reply = browser.get("/sign-in/op?next=" + urllib.parse.quote(path, safe=""))
    if reply.status_code == 303:
        after = browser.go(op.sign_in(reply.headers["Location"], "bob"))
        assert after == "/account" or after == path and path == "/%0d%0a"
    else:
        assert reply.status_code == 400


def test_an_unknown_provider_is_a_fault_on_our_own_page(lab):
    assert fault_of(Browser(lab).go("/sign-in/nobody")) == "unknown_provider"
    assert fault_of(Browser(lab).go("/sign-in/supabase")) == "unknown_provider"
    assert fault_of(Browser(lab).go("/sign-in/nobody/callback?code=a&state=b")) == "unknown_provider"


def test_an_address_that_the_provider_did_not_verify_links_to_nothing(lab, op):
    login = f"new-{uuid.uuid4().hex}"
    owner = sign_up(lab.server.base_url, email=f"{login}@example.org")
    browser = Browser(lab)
    assert fault_of(browser.go(op.sign_in(browser.go(), login))) == "link_first"
    assert expect(owner.get("/v1/me"), 200)


def test_the_providers_access_tokens_and_its_new_keys(lab, op):
    login = uuid.uuid4().hex
    tokens = op.tokens(lab.callback, login)
    user = lab.user(tokens["access_token"])
    refused(lab.me(tokens["id_token"]), "unauthenticated", 401)  # meant for the client, not for us
    machine = op.token(grant_type="client_credentials", scope="read")["access_token"]
    refused(lab.me(machine), "unauthenticated", 401)
    browser = Browser(lab)
    browser.go(op.sign_in(browser.go(), login))
    assert browser.session()["userId"] == user


def test_cognito_local(lab, tmp_path):
    require_tools()
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    def call(action, **body):
        reply = requests.post(url, json=body, timeout=30, headers={
            "X-Amz-Target": f"AWSCognitoIdentityProviderService.{action}", "Content-Type": "application/x-amz-json-1.1",
            "Authorization": "AWS4-HMAC-SHA256 Credential=local/20270101/local/cognito-idp/aws4_request"})
        assert reply.status_code == 200, reply.text
        return reply.json()

    environment = {**os.environ, "HOST": "127.0.0.1", "PORT": str(port)}
    with running([str(NODE), str(TOOLS / "node_modules" / ".bin" / "cognito-local")], url + "/health", cwd=tmp_path, env=environment):
        pool = call("CreateUserPool", PoolName="tickets", AutoVerifiedAttributes=["email"])["UserPool"]["Id"]
        client = call("CreateUserPoolClient", UserPoolId=pool, ClientName="web")["UserPoolClient"]["ClientId"]
        call("AdminCreateUser", UserPoolId=pool, Username="ada@example.net", TemporaryPassword="Passw0rd!x", MessageAction="SUPPRESS",
             UserAttributes=[{"Name": "email", "Value": "ada@example.net"}, {"Name": "email_verified", "Value": "true"}])
        call("AdminSetUserPassword", UserPoolId=pool, Username="ada@example.net", Password="Passw0rd!y", Permanent=True)
        tokens = call("AdminInitiateAuth", UserPoolId=pool, ClientId=client, AuthFlow="ADMIN_USER_PASSWORD_AUTH",
                      AuthParameters={"USERNAME": "ada@example.net", "PASSWORD": "Passw0rd!y"})["AuthenticationResult"]
        issuer = jwt.decode(tokens["AccessToken"], options={"verify_signature": False})["iss"]
        config = tmp_path / "admit.toml"
        config.write_text(f"""
[identity.pool]
policy = "cognito"
issuer = "{issuer}"
jwks_url = "{url}/{pool}/.well-known/jwks.json"
audience = ["{client}"]
""")
        server = servers.Server("serve", tmp_path / "data", arguments=("--config", config))
        try:
            user = expect(Caller(server.base_url, tokens["AccessToken"]).get("/v1/me"), 200)["userId"]
            me = expect(Caller(server.base_url, tokens["IdToken"]).get("/v1/me"), 200)
            assert me["userId"] == user and me["email"] == "ada@example.net"
            head, payload, signature = tokens["AccessToken"].split(".")
            refused(Caller(server.base_url, f"{head}.{payload}.{signature[:-4]}AAAA").get("/v1/me"), "unauthenticated", 401)
        finally:
            assert server.stop() == 0
        server.assert_clean()


# Users at Supabase.


def linked(customer):
    return expect(customer.get("/v1/me/identities"), 200)["identities"]


FAULTS = {"none": [], "429": [(429, {"code": 429, "error_code": "over_request_rate_limit"}, ("Retry-After", "1"))],
          "500": [(500, {"code": 500, "error_code": "unexpected_failure"})], "reset": [("reset", None)], "answer lost": ["lost"]}


def test_sign_up_makes_a_user_at_supabase_whatever_goes_wrong(lab):
    customers = {}
    for fault, answers in FAULTS.items():
        email = f"{uuid.uuid4().hex}@example.com"
        lab.admin.faults[email] = list(answers)
        customers[fault] = sign_up(lab.server.base_url, email=email, name="Ada Ä")
    for fault, customer in customers.items():
        one, = wait_for(lambda customer=customer: linked(customer), f"the link to the user at Supabase after {fault}")
        assert (one["issuer"], one["subject"], one["provider"]) == (lab.supabase, customer.user_id, "supabase")
        made = lab.admin.users[customer.user_id]
        assert made["user_metadata"] == {"name": "Ada Ä"} and made["email_confirm"] is False
        assert made["password_hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert not lab.admin.faults[customer.email]
        assert [user["id"] for user in lab.admin.users.values() if user["email"] == customer.email] == [customer.user_id]
        # Its token is the account's. It proves no address: the password there is that of whoever signed up here.
        token = hs256(SECRET, supabase_claims(lab.supabase, sub=customer.user_id, email=customer.email))
        assert expect(lab.me(token), 200)["userId"] == customer.user_id
        assert expect(customer.get("/v1/me"), 200)["emailVerified"] is False
        expect(lab.caller(token).post("/v1/users/verify", {"token": link_to(lab, customer.email, "verify-email")}), 204)
    for customer in customers.values():
        wait_for(lambda customer=customer: lab.admin.users[customer.user_id]["email_confirm"], "the word that it is proven")


def asked_for(lab, email):
    return [one for one in lab.own.asked("/auth/v1/admin/users", "POST") if json.loads(one["body"])["email"] == email]


def test_somebody_elses_user_at_supabase_is_left_alone(lab):
    email = f"{uuid.uuid4().hex}@example.com"
    other = str(uuid.uuid4())
    lab.admin.users[other] = {"id": other, "email": email, "user_metadata": {}}
    customer = sign_up(lab.server.base_url, email=email)
    wait_for(lambda: lab.own.asked(f"/auth/v1/admin/users/{customer.user_id}"), "the look for a user of ours")
    assert len(asked_for(lab, email)) == 1
    assert linked(customer) == []
    assert expect(customer.get("/v1/me"), 200)


def at_supabase(lab):
    """An account with its user there."""
    customer = sign_up(lab.server.base_url)
    wait_for(lambda: linked(customer), "the link to the user at Supabase")
    return customer


def later_token(lab, customer, **more):
    """One that the provider gives after the sign-ins of before have ended."""
    now = int(time.time()) + 2
    given = supabase_claims(lab.supabase, sub=customer.user_id, email=customer.email, iat=now, exp=now + 600, **more)
    return hs256(SECRET, given)


def passwords_set(lab, customer):
    asked = lab.own.asked(f"/auth/v1/admin/users/{customer.user_id}", "PUT")
    return [json.loads(one["body"])["password"] for one in asked if b"password" in one["body"]]


def verify(lab, customer):
    expect(customer.post("/v1/users/verify", {"token": link_to(lab, customer.email, "verify-email")}), 204)


def add_second_factor(customer):
    secret = expect(customer.post("/v1/me/second-factor"), 201)["secret"]
    expect(customer.post("/v1/me/second-factor/confirm", {"code": totp(secret)}), 200)


def test_a_second_factor_is_asked_for_at_supabase_too(lab):
    customer = at_supabase(lab)
    verify(lab, customer)
    assert lab.user(later_token(lab, customer)) == customer.user_id
    add_second_factor(customer)
    refused(lab.me(later_token(lab, customer)), "second_factor_required", 401)
    refused(lab.caller(later_token(lab, customer)).get("/userTickets"), "second_factor_required", 401)
    assert lab.user(later_token(lab, customer, aal="aal2")) == customer.user_id


def test_a_second_factor_is_asked_for_at_any_provider(lab):
    customer = sign_up(lab.server.base_url)
    verify(lab, customer)
    expect(customer.post("/v1/me/identities", {"token": lab.by(lab.plain, subject=customer.user_id)}), 201)
    add_second_factor(customer)
    now = int(time.time()) + 2
    refused(lab.me(lab.by(lab.plain, subject=customer.user_id, iat=now, amr=["pwd"])), "second_factor_required", 401)
    assert lab.user(lab.by(lab.plain, subject=customer.user_id, iat=now, amr=["pwd", "otp"])) == customer.user_id


def test_a_new_password_ends_the_old_one_at_supabase(lab):
    customer = at_supabase(lab)
    before = hs256(SECRET, supabase_claims(lab.supabase, sub=customer.user_id, email=customer.email))
    assert lab.user(before) == customer.user_id
    expect(customer.post("/v1/me/password", {"password": customer.password, "newPassword": "new horse battery"}), 204)
    wait_for(lambda: passwords_set(lab, customer), "the end of the password at Supabase")
    refused(lab.me(before), "unauthenticated", 401)
    expect(Caller(lab.server.base_url).post("/v1/password-resets", {"email": customer.email}), 204)
    token = link_to(lab, customer.email, "reset-password")
    body = {"token": token, "password": "third horse battery"}
    expect(Caller(lab.server.base_url).post("/v1/password-resets/done", body), 204)
    first, second = wait_for(lambda: len(passwords_set(lab, customer)) > 1 and passwords_set(lab, customer), "the end of the next")
    assert first != second and "password_hash" not in lab.admin.users[customer.user_id]
    assert not {"new horse battery", "third horse battery"} & {first, second}


def test_a_user_that_was_made_before_the_account_was_taken_over_has_nobodys_password(lab):
    email = f"{uuid.uuid4().hex}@example.com"
    waiting = lab.admin.faults[email] = ["lost", *[(503, {}, ("Retry-After", "1"))] * 1000]
    stranger = sign_up(lab.server.base_url, email=email, password="stranger's own battery")
    wait_for(lambda: stranger.user_id in lab.admin.users, "the user at Supabase")
    anybody = Caller(lab.server.base_url)
    expect(anybody.post("/v1/password-resets", {"email": email}), 204)
    body = {"token": link_to(lab, email, "reset-password"), "password": "owner's own battery"}
    expect(anybody.post("/v1/password-resets/done", body), 204)
    wait_for(lambda: passwords_set(lab, stranger), "the end of the stranger's password")
    lab.admin.users[stranger.user_id].update(password_hash="as if that had come too early")
    waiting.clear()
    session = expect(anybody.post("/v1/sessions", {"email": email, "password": "owner's own battery"}), 201)
    owner = Caller(lab.server.base_url, session["accessToken"])
    wait_for(lambda: linked(owner), "the link to the user at Supabase")
    assert "password_hash" not in lab.admin.users[stranger.user_id] and len(passwords_set(lab, stranger)) == 2


def test_who_is_erased_or_never_was_is_deleted_at_supabase(lab):
    customer = at_supabase(lab)
    expect(customer.send("DELETE", "/v1/me", {"password": customer.password}), 204)
    wait_for(lambda: customer.user_id not in lab.admin.users, "the end of the user at Supabase")
    stranger = at_supabase(lab)
    token = link_to(lab, stranger.email, "verify-email")
    expect(Caller(lab.server.base_url).post("/v1/users/disown", {"token": token}), 204)
    wait_for(lambda: stranger.user_id not in lab.admin.users, "the end of the user with an address that is another's")


@pytest.mark.timeout(300)
def test_the_job_goes_on_after_a_crash(lab):
    email = f"{uuid.uuid4().hex}@example.com"
    lab.admin.faults[email] = [(503, {}, ("Retry-After", "1"))] * 3
    customer = sign_up(lab.server.base_url, email=email)
    wait_for(lambda: asked_for(lab, email), "the first try")
    time.sleep(0.3)  # between two tries, most often
    lab.server.kill()
    lab.start()
    # A job that the crash met at work is taken again when its lease of two minutes is over.
    wait_for(lambda: linked(customer), "the link to the user at Supabase", 120 + LIMIT_S)
    assert lab.admin.users[customer.user_id]["email"] == email and len(asked_for(lab, email)) >= 4
