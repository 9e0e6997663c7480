"""Keys and the TLS pair: made once, private, and the site vouches for the certificate in use."""

import hashlib
import ssl
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from farhand.kit import signing
from farhand.protocol.messages import AgentCredential, SiteStatement
from farhand.web.appliance import keys

NOW = 1_700_000_000_000


def test_the_tls_pair(settings: Any) -> None:
    keys.make_tls("help.example.test")
    folder = Path(settings.FARHAND_DATA) / "tls"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(before) == {"cert.pem", "key.pem"}
    assert stat.S_IMODE((folder / "key.pem").stat().st_mode) == 0o600
    keys.make_tls("other.example.test")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(folder / "cert.pem", folder / "key.pem")
    certificate = x509.load_pem_x509_certificate(before["cert.pem"])
    public = certificate.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert public.curve.name == "secp256r1"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"help.example.test", "localhost"} <= set(names.get_values_for_type(x509.DNSName))
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert keys.tls_spki() == hashlib.sha256(der).hexdigest()


def test_a_certificate_that_ends_is_renewed_with_its_key(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "CERTIFICATE_DAYS", 10)
    keys.make_tls("localhost")
    folder = Path(settings.FARHAND_DATA) / "tls"
    spki, old = keys.tls_spki(), (folder / "cert.pem").read_bytes()
    monkeypatch.undo()
    settings.FARHAND_DATA = folder.parent
    keys.make_tls("localhost")
    assert (folder / "cert.pem").read_bytes() != old
    assert keys.tls_spki() == spki


def test_the_site_vouches_for_the_certificate(settings: Any) -> None:
    keys.make_tls("localhost")
    keys.make_site_keys()
    public = bytes.fromhex(keys.site_public())
    token = keys.statement(NOW)
    said = signing.open_token(public, "site", token, SiteStatement)
    assert (said.spki, said.issued_ms, said.expires_ms) == (keys.tls_spki(), NOW, NOW + keys.STATEMENT_MS)
    assert keys.statement(NOW + 1000) == token
    assert keys.statement(NOW + keys.STATEMENT_MS) != token
    with pytest.raises(signing.BadToken):
        signing.open_token(bytes.fromhex(keys.issuer_public()), "site", token, SiteStatement)
    for path in (Path(settings.FARHAND_DATA) / "tls").iterdir():
        path.unlink()
    keys.make_tls("localhost")
    fresh = signing.open_token(public, "site", keys.statement(NOW + 2000), SiteStatement)
    assert fresh.spki == keys.tls_spki() != said.spki


def test_keys_are_made_once_and_differ() -> None:
    keys.make_site_keys()
    before = (keys.site_public(), keys.issuer_public(), keys.recordings_key())
    keys.make_site_keys()
    assert (keys.site_public(), keys.issuer_public(), keys.recordings_key()) == before
    assert before[0] != before[1]
    credential = AgentCredential(agent_id="0" * 36, key="0" * 64, issued_ms=NOW)
    token = keys.issue("agent", credential)
    assert signing.open_token(bytes.fromhex(keys.issuer_public()), "agent", token, AgentCredential) == credential
