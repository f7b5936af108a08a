"""A time-stamp authority: OpenSSL's, behind a small HTTP server on this machine."""

from __future__ import annotations

import subprocess
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CONFIGURATION = """
[tsa]
default_tsa = one
[one]
serial = {home}/serial
default_policy = 1.2.3.4.1
digests = sha256
signer_digest = sha256
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


class Authority:
    """What it is known by, and what it answers; `broken` makes it answer something else."""

    def __init__(self, home):
        self.home, self.asked, self.broken = home, [], None
        home.mkdir()
        root_key, root = _issued("the root")
        key, certificate = _issued("the authority", issuer=(root_key, root))
        self.authority = self._pem("authority.pem", certificate.public_bytes(serialization.Encoding.PEM))
        self.roots = self._pem("root.pem", root.public_bytes(serialization.Encoding.PEM))
        self.other = self._pem("other.pem", _issued("another")[1].public_bytes(serialization.Encoding.PEM))
        plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self._pem("key.pem", key.private_bytes(serialization.Encoding.PEM, *plain))
        (home / "serial").write_text("01\n", "ascii")
        (home / "tsa.cnf").write_text(CONFIGURATION.format(home=home), "utf-8")

    def _pem(self, name, data):
        (self.home / name).write_bytes(data)
        return str(self.home / name)

    def answer(self, query):
        """The token for a query, as OpenSSL makes it."""
        (self.home / "query.tsq").write_bytes(query)
        names = {"-queryfile": "query.tsq", "-out": "reply.tsr", "-signer": "authority.pem", "-inkey": "key.pem"}
        options = [part for option, name in names.items() for part in (option, str(self.home / name))]
        command = ["openssl", "ts", "-reply", "-config", str(self.home / "tsa.cnf"), "-section", "one", *options]
        subprocess.run(command, check=True, capture_output=True)
        return (self.home / "reply.tsr").read_bytes()


@contextmanager
def serving(authority):
    """Let it answer on a port of loopback; give its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            query = self.rfile.read(int(self.headers["Content-Length"]))
            authority.asked.append((self.path, self.headers["Content-Type"], query))
            status, body = authority.broken or (200, authority.answer(query))
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_parts):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/tsr"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _issued(name, issuer=None):
    key = rsa.generate_private_key(65_537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer_key, issuer_name = (key, subject) if issuer is None else (issuer[0], issuer[1].subject)
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(_usage(is_root=issuer is None), critical=True)
    )
    if issuer is not None:
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    return key, made.sign(issuer_key, hashes.SHA256())


def _usage(*, is_root):
    wanted = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(digital_signature=not is_root, key_cert_sign=is_root, crl_sign=is_root, **wanted)
