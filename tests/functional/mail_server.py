"""A mail server for tests: takes mails over real SMTP, or refuses them as told, and reads them with Python's parser."""

import datetime
import email
import email.policy
import ipaddress
import ssl

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "tickets", "correct horse battery staple"


class Catcher:
    """Handler of aiosmtpd. `answers` maps a command (MAIL, RCPT, DATA) to the line it is refused with; `unsaid` is an
    extension that is there but not offered; with `one_each` a connection that has carried a mail is told to go."""

    def __init__(self, answers=None, unsaid="nothing", one_each=False):
        self.answers = answers or {}
        self.unsaid = unsaid
        self.one_each = one_each
        self.mails = []  # (sender, recipients, parsed message, bytes)
        self.sessions = []

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        self.sessions.append(session)
        return [line for line in responses if self.unsaid not in line]

    async def handle_MAIL(self, server, session, envelope, address, options):
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        if self.one_each and getattr(session, "has_carried", False):
            server.transport.close()
            return "421 4.4.2 you were silent for too long"
        session.has_carried = True
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if "RCPT" in self.answers:
            return self.answers["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        answer = self.answers.get("DATA", "250 taken")
        if answer == "drop":
            server.transport.abort()
            return None
        if answer.startswith("250"):
            raw = envelope.original_content
            parsed = email.message_from_bytes(raw, policy=email.policy.default)
            self.mails.append((envelope.mail_from, envelope.rcpt_tos, parsed, raw))
        return answer


class MailServer(Controller):
    """On a free port of this machine. `implicit`: TLS from the first byte; `starttls`: offered, and needed to go on."""

    def __init__(self, catcher, *, certificate=None, implicit=False, starttls=False, sign_in=False, **more):
        if certificate and implicit:
            more["ssl_context"] = certificate
        if certificate and starttls:
            more.update(tls_context=certificate, require_starttls=True)
        if sign_in:
            more.update(authenticator=self.judge, auth_required=True, auth_require_tls=bool(certificate and starttls))
        self.scheme = "smtps" if implicit else "smtp"
        super().__init__(catcher, hostname="127.0.0.1", port=0, server_hostname="mail.test", **more)
        self.catcher = catcher

    @staticmethod
    def judge(server, session, envelope, mechanism, data):
        right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)

    def _trigger_server(self):
        """The controller wakes its server by connecting to it: to the port it was given by then."""
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *fault):
        self.stop()


def make_certificate(folder):
    """A certificate of its own authority for 127.0.0.1: (context of a server, PEM file to trust)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256()))
    trusted, private = folder / "mail.pem", folder / "mail.key"
    trusted.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption()))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(trusted, private)
    return context, trusted


def body_of(mail, kind):
    return mail.get_body(preferencelist=(kind,)).get_content()


def attachments_of(mail):
    """{file name: (media type, bytes)}"""
    return {part.get_filename(): (part.get_content_type(), part.get_payload(decode=True))
            for part in mail.iter_attachments()}

