"""TLS and WebSockets: the certificate's reload, the hand-over to picows, the client's view of the peer."""

import asyncio
import os
import socket
import ssl
from pathlib import Path
from typing import Any

import picows
import pytest
from picows.picows import WSProtocol
from tests.unit.relay.harness import make_certificate

from farhand.kit import net


class Echo(picows.WSListener):  # type: ignore[misc]
    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        if frame.msg_type == picows.WSMsgType.BINARY:
            transport.send(picows.WSMsgType.BINARY, frame.get_payload_as_bytes())


class Catch(picows.WSListener):  # type: ignore[misc]
    def __init__(self) -> None:
        self.got: asyncio.Queue[bytes] = asyncio.Queue()

    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        if frame.msg_type == picows.WSMsgType.BINARY:
            self.got.put_nowait(frame.get_payload_as_bytes())


class Front(asyncio.Protocol):
    """Reads the head, then hands the connection over, as the relay's edge does."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.head = b""

    def data_received(self, data: bytes) -> None:
        self.head += data
        if len(self.head) == len(data):
            asyncio.get_running_loop().call_soon(
                lambda: net.hand_over(self.transport, lambda request: Echo(), self.head, 5)
            )


async def test_the_hand_over_contract_with_picows(tmp_path: Path) -> None:
    # The internal constructor is pinned: this is what we rely on.
    for name in ("get_buffer", "buffer_updated", "connection_made", "connection_lost", "pause_writing"):
        assert callable(getattr(WSProtocol, name))
    make_certificate(tmp_path)
    certificate = net.ServerCertificate(tmp_path / "cert.pem", tmp_path / "key.pem")
    sock = socket.create_server(("127.0.0.1", 0))
    assert net.listening_socket(sock.dup().detach()).getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    listening = net.listening_socket(sock.dup().detach())
    server = await net.serve(lambda _address: (Front(), lambda: None), listening, certificate.context)
    url = f"wss://127.0.0.1:{sock.getsockname()[1]}/live/x"
    transport, listener, spki = await net.connect_ws(url, Catch, origin="https://x")
    assert spki == certificate.spki
    assert isinstance(listener, Catch)
    for size in (0, 1, 125, 126, 65535, 65536, net.MAX_MESSAGE):
        data = os.urandom(size)
        transport.send(picows.WSMsgType.BINARY, data)
        assert await asyncio.wait_for(listener.got.get(), 60) == data
    transport.disconnect()
    server.close()
    sock.close()


async def test_a_certificate_is_checked_before_it_is_served(tmp_path: Path) -> None:
    make_certificate(tmp_path)
    certificate = net.ServerCertificate(tmp_path / "cert.pem", tmp_path / "key.pem")
    first, context = certificate.spki, certificate.context
    assert certificate.reload() is False
    other = tmp_path / "other"
    make_certificate(other)
    (tmp_path / "cert.pem").write_bytes((other / "cert.pem").read_bytes())  # half of the new pair is there
    with pytest.raises(net.CertificateError):
        certificate.reload()
    assert certificate.spki == first
    (tmp_path / "key.pem").write_bytes((other / "key.pem").read_bytes())
    assert certificate.reload() is True
    assert certificate.spki == net.spki_sha256((other / "cert.pem").read_bytes()) != first
    assert certificate.context is context
    (tmp_path / "cert.pem").write_bytes(b"garbage")
    with pytest.raises(net.CertificateError):
        certificate.reload()


def test_spki_is_the_same_for_pem_and_der(tmp_path: Path) -> None:
    make_certificate(tmp_path)
    pem = (tmp_path / "cert.pem").read_bytes()
    assert net.spki_sha256(pem) == net.spki_sha256(ssl.PEM_cert_to_DER_cert(pem.decode()))


def test_a_missing_certificate_is_said(tmp_path: Path) -> None:
    with pytest.raises(net.CertificateError, match=r"cert\.pem"):
        net.ServerCertificate(tmp_path / "cert.pem", tmp_path / "key.pem")
