"""The appliance's keys and its TLS pair: made here, read here, nowhere else.

Files below `keys/` (folder 0700, files 0600): `django.key` (cookies, encryption of second factors; made by
`farhand.web.project.prepare`), `site.seed` (Ed25519: what agents trust), `issuer.seed` (Ed25519: tickets and
credentials), `recordings.key` (256 bits that wrap the keys of recordings); the last three are made at the claim.
`tls/cert.pem` and `tls/key.pem` (P-256) belong to the relay. Rules: a key that exists is never overwritten; a file is
on disk (fsync) before its name exists.
"""

import datetime
import functools
import hashlib
import ipaddress
import secrets
import socket
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.conf import settings

from farhand.kit import signing
from farhand.protocol.messages import SiteStatement
from farhand.protocol.scripts import STATEMENT_KIND, IssuerStatement
from farhand.web.project.files import replace, write_once

STATEMENT_MS = 30 * 86_400_000
"""How long a site statement holds. It is made anew when half of that is over, or with a new certificate."""
ISSUER_STATEMENT_MS = 3_600_000
"""How long a statement about the issuer key holds. It is made with each order."""
CERTIFICATE_DAYS = 825
RENEW_DAYS = 30

_statement: tuple[str, int, str] | None = None


def make_site_keys() -> None:
    """Make the keys of a claimed site, each unless it exists."""
    write_once(_keys() / "site.seed", signing.seed_of(signing.new_key()).hex().encode())
    write_once(_keys() / "issuer.seed", signing.seed_of(signing.new_key()).hex().encode())
    write_once(_keys() / "recordings.key", secrets.token_bytes(32).hex().encode())
    forget()


def site_key() -> Ed25519PrivateKey:
    """The key that agents have pinned. FileNotFoundError before the claim."""
    return _seed("site.seed", str(settings.FARHAND_DATA))


def site_public() -> str:
    """The public half of the site key, hex."""
    return signing.public_of(site_key()).hex()


def issuer_key() -> Ed25519PrivateKey:
    """The key that signs tickets and credentials. FileNotFoundError before the claim."""
    return _seed("issuer.seed", str(settings.FARHAND_DATA))


def issuer_public() -> str:
    """The public half of the issuer key, hex."""
    return signing.public_of(issuer_key()).hex()


def issue(kind: str, value: msgspec.Struct) -> str:
    """Sign a ticket or credential (`leg`, `events`, `agent`, `recording`, ...) with the issuer key."""
    return signing.sign_token(issuer_key(), kind, value)


def issuer_statement(now_ms: int) -> str:
    """The token by which the site key certifies the issuer key to endpoints, which pin the site key alone."""
    value = IssuerStatement(key=issuer_public(), issued_ms=now_ms, expires_ms=now_ms + ISSUER_STATEMENT_MS)
    return signing.sign_token(site_key(), STATEMENT_KIND, value)


def recordings_key() -> bytes:
    """The 32 bytes that wrap recordings' keys. FileNotFoundError before the claim."""
    return bytes.fromhex((_keys() / "recordings.key").read_text().strip())


def statement(now_ms: int) -> str:
    """The token (kind `site`) by which the site key certifies the TLS key in use now; kept until half of its life is
    over.
    """
    global _statement  # noqa: PLW0603 - one statement per process
    spki = tls_spki()
    if _statement is None or _statement[0] != spki or now_ms > _statement[1] - STATEMENT_MS // 2:
        expires = now_ms + STATEMENT_MS
        token = signing.sign_token(site_key(), "site", SiteStatement(spki=spki, issued_ms=now_ms, expires_ms=expires))
        _statement = (spki, expires, token)
    return _statement[2]


def tls_spki() -> str:
    """SHA-256 of the SubjectPublicKeyInfo of the certificate in use, hex."""
    return spki_of((settings.FARHAND_DATA / "tls" / "cert.pem").read_bytes())


def spki_of(pem: bytes) -> str:
    """SHA-256 of the SubjectPublicKeyInfo of the first certificate in `pem`, hex."""
    public = x509.load_pem_x509_certificate(pem).public_key()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def make_tls(host: str) -> None:
    """Make a self-signed P-256 pair for `host`, this machine's name and the loopback addresses.

    A pair that exists stays; a self-signed certificate of our own that ends soon is renewed with the same key, so that
    what pinned the key goes on.
    """
    folder = settings.FARHAND_DATA / "tls"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    certificate, private = folder / "cert.pem", folder / "key.pem"
    if private.exists() and certificate.exists() and not _ends_soon(certificate):
        return
    if private.exists():
        key = serialization.load_pem_private_key(private.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            return  # the owner's own pair: theirs to renew
    else:
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_once(private, pem)
    replace(certificate, _self_signed(key, host), 0o644)


def forget() -> None:
    """Read the keys anew at the next use (after the claim, in tests)."""
    global _statement  # noqa: PLW0603 - see statement
    _statement = None
    _seed.cache_clear()


def _keys() -> Path:
    folder: Path = settings.FARHAND_DATA / "keys"
    return folder


@functools.lru_cache(maxsize=8)
def _seed(name: str, data: str) -> Ed25519PrivateKey:
    return signing.key_from_seed(bytes.fromhex((Path(data) / "keys" / name).read_text().strip()))


def _ends_soon(path: Path) -> bool:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=RENEW_DAYS)
    return certificate.issuer == certificate.subject and certificate.not_valid_after_utc < soon


def _self_signed(key: ec.EllipticCurvePrivateKey, host: str) -> bytes:
    names = dict.fromkeys(name for name in (host, "localhost", socket.gethostname()) if name and len(name) <= 253)
    general: list[x509.GeneralName] = []
    for name in names:
        try:
            general.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            general.append(x509.DNSName(name))
    general += [x509.IPAddress(ipaddress.ip_address(one)) for one in ("127.0.0.1", "::1") if one not in names]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, (host or "localhost")[:64])])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.SubjectAlternativeName(general), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)
