"""A small checkout that only sets itself up, an index of made-up packages, and a registry behind a proxy."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import os
import shutil
import ssl
import subprocess
import sys
import threading
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from scripts.setup import node_tools

ROOT = Path(__file__).parents[2]
machine = sys.modules[node_tools.check_machine.__module__]  # the module as the scripts themselves know it
SetUpError = machine.SetUpError
HOST = "registry.invalid"  # no resolver knows it: only a proxy leads there
NEWER = "9999"

PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
BACKEND = """\
import os, zipfile
def build_editable(directory, config_settings=None, metadata_directory=None):
    name = "bonafides-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as archive:
        info = "bonafides-0.1.0.dist-info/"
        archive.writestr("bonafides.pth", os.getcwd() + "\\n")
        archive.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: bonafides\\nVersion: 0.1.0\\n")
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\n")
        archive.writestr(info + "entry_points.txt", "[console_scripts]\\nbonafides = hello:main\\n")
        archive.writestr(info + "RECORD", "")
    return name
"""


class Checkout:
    """The set-up scripts in a folder of their own, with a lock of made-up packages and an empty home."""

    def __init__(self, root: Path, index: Path) -> None:
        self.root, self.home = root, root.parent / "home"
        self.index: Path | None = index  # None: the settings in the home say where
        (root / "requirements").mkdir(parents=True)
        self.home.mkdir(exist_ok=True)
        shutil.copytree(
            ROOT / "scripts" / "setup", root / "scripts" / "setup", ignore=shutil.ignore_patterns("__pycache__")
        )
        for name in ("Makefile", ".npmrc"):
            shutil.copy(ROOT / name, root / name)
        for name, text in {
            "pyproject.toml": PROJECT,
            "backend.py": BACKEND,
            "hello.py": "def main(): print('hello')",
        }.items():
            (root / name).write_text(text, encoding="utf-8")

    def lock(self, wheels: dict[str, Path]) -> None:
        """Write the lock file: `name==version` to the wheel with that very digest."""
        lines = (
            f"{pin} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n" for pin, wheel in wheels.items()
        )
        (self.root / "requirements" / "dev.txt").write_text("".join(lines), encoding="utf-8")

    def environment(self, **more: str) -> dict[str, str]:
        """Nothing of this machine's settings: the PATH, an empty home and our index."""
        path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"])
        plain = {"PATH": path, "HOME": str(self.home), "PIP_NO_CACHE_DIR": "1"}
        return plain | ({"PIP_INDEX_URL": self.index.as_uri()} if self.index else {}) | more

    def start(self, *, root: Path | None = None, **more: str) -> subprocess.Popen[str]:
        """Start `make setup-python` in a process group of its own."""
        return subprocess.Popen(
            ["make", "--no-print-directory", "setup-python", f"PYTHON={sys.executable}"],
            cwd=root or self.root,
            env=self.environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )

    def set_up(self, *, root: Path | None = None, **more: str) -> tuple[int, str]:
        """Run `make setup-python`; return its exit status and what it said."""
        process = self.start(root=root, **more)
        said = process.communicate()[0]
        return process.returncode, said

    def greets(self, root: Path | None = None, **more: str) -> bool:
        """Say whether the installed command runs."""
        command = (root or self.root) / ".venv" / "bin" / "bonafides"
        done = subprocess.run([command], capture_output=True, env=self.environment(**more), cwd="/", check=False)
        return (done.returncode, done.stdout) == (0, b"hello\n")

    def installed(self) -> set[str]:
        """Return `name==version` of every package in the environment, but for pip and the project."""
        code = (
            "import importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()), sep='\\n')"
        )
        python = self.root / ".venv" / "bin" / "python"
        lines = subprocess.run([python, "-I", "-c", code], capture_output=True, check=True).stdout.decode().split()
        return {line for line in lines if line.partition("==")[0] not in ("pip", "setuptools", "bonafides")}


def add_package(index: Path, name: str, version: str, metadata: str | None = None) -> Path:
    """Put a wheel that holds only its metadata into a folder index (PEP 503)."""
    folder = index / canonical(name)
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    info = f"{name.replace('-', '_')}-{version}.dist-info/"
    text = metadata or f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(info + "METADATA", text)
        archive.writestr(
            info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(info + "RECORD", "")
    links = "".join(f'<a href="{file.name}">{file.name}</a>\n' for file in sorted(folder.glob("*.whl")))
    (folder / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>", encoding="utf-8")
    return wheel


def canonical(name: str) -> str:
    """Return the normal form of a package's name."""
    return name.lower().replace("_", "-").replace(".", "-")


def authority(directory: Path) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate authority that no machine knows; return its certificate's file and a server's context."""
    begin, end = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)  # on any day, by any clock
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "An authority of a proxy")])

    def certificate(subject: x509.Name, public: ec.EllipticCurvePublicKey, extensions: list[x509.ExtensionType]):
        builder = x509.CertificateBuilder(
            issuer_name=ca_name,
            subject_name=subject,
            public_key=public,
            serial_number=x509.random_serial_number(),
            not_valid_before=begin,
            not_valid_after=end,
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
        return builder.add_extension(identifier, critical=False).sign(ca_key, hashes.SHA256())

    ids = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    root = certificate(ca_name, ca_key.public_key(), [x509.BasicConstraints(True, None), ids, usage])
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    leaf = certificate(name, key.public_key(), [x509.SubjectAlternativeName([x509.DNSName(HOST)])])
    pem = serialization.Encoding.PEM
    (directory / "authority.pem").write_bytes(root.public_bytes(pem))
    (directory / "server.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()) + leaf.public_bytes(pem)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem")
    return directory / "authority.pem", context


class _Proxy(http.server.BaseHTTPRequestHandler):
    """Answers CONNECT with a tunnel into our own registry, whose certificate is of our own authority."""

    folder: Path
    context: ssl.SSLContext
    seen: list[str]

    def do_CONNECT(self) -> None:
        self.seen.append(self.path)
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):  # a client that does not trust us hangs up
            tunnel = self.context.wrap_socket(self.connection, server_side=True)
            serve = type("Registry", (_Registry,), {"directory_served": str(self.folder)})
            serve(tunnel, self.client_address, self.server)
            tunnel.close()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


class _Registry(http.server.SimpleHTTPRequestHandler):
    directory_served: str
    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments, directory=self.directory_served)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def proxy(folder: Path, context: ssl.SSLContext):
    """Run the proxy; yield its URL and the list of hosts that were asked for."""
    handler = type("Proxy", (_Proxy,), {"folder": folder, "context": context, "seen": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler.seen
    finally:
        server.shutdown()
        server.server_close()


def integrity(data: bytes) -> str:
    """Return the digest of an archive as an npm lock spells it."""
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
