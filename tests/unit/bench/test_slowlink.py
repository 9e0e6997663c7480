"""The slow link of the bench: its arithmetic, and that it carries bytes."""

import socket
import subprocess
import sys
import threading

import pytest
from tests.bench.slowlink import Line

from farhand.kit.process import leash


def test_bytes_take_their_turn_and_the_way() -> None:
    line = Line(rate=250_000, delay=0.02, queue=10_000)
    assert line.take(2500, 1.0) == pytest.approx(1.03)
    assert line.take(2500, 1.0) == pytest.approx(1.04)
    assert line.take(2500, 2.0) == pytest.approx(2.03)


def test_a_full_queue_takes_nothing_until_a_packet_has_left() -> None:
    line = Line(rate=250_000, delay=0.02, queue=5000)
    line.take(2500, 1.0)
    line.take(2500, 1.0)
    assert line.room(1.0) == 0
    assert line.opens_at() == pytest.approx(1.01)
    assert line.room(1.011) == 2500
    assert line.room(1.021) == 5000


def test_without_a_rate_only_the_way_counts_and_jitter_keeps_the_order() -> None:
    line = Line(rate=0, delay=0.02, queue=5000, jitter=0.01)
    arrivals = [line.take(100_000, at / 1000) for at in range(100)]
    assert arrivals == sorted(arrivals)
    assert all(at / 1000 + 0.02 <= when <= at / 1000 + 0.031 for at, when in enumerate(arrivals))
    assert line.room(1.0) == 5000


def test_the_program_carries_both_ways_and_closes_with_its_peers() -> None:
    def answer(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(4096):
                connection.sendall(data.upper())

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: answer(server.accept()[0]), daemon=True).start()
        command = [
            sys.executable,
            "-m",
            "tests.bench.slowlink",
            str(server.getsockname()[1]),
            "--mbit",
            "80",
            "--delay",
            "5",
        ]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=leash()
        ) as program:
            assert program.stdout is not None
            assert program.stdin is not None
            port = int(program.stdout.readline().split()[-1])
            with socket.create_connection(("127.0.0.1", port), 20) as connection:
                connection.sendall(b"a" * 100_000)
                got = b""
                while len(got) < 100_000:
                    got += connection.recv(65536)
                assert got == b"A" * 100_000
                connection.shutdown(socket.SHUT_WR)
                assert connection.recv(1) == b""
            program.stdin.close()
            assert program.wait(20) == 0
