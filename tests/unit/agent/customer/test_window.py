"""The customer's window on a virtual display: consent, a question, chat, the end."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from farhand.agent.core.errors import ClientError
from farhand.kit.process import leash

pytest.importorskip("tkinter")
pytestmark = pytest.mark.display


@pytest.fixture
def display() -> Iterator[str]:
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x700x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
        preexec_fn=leash(),
    )
    os.close(write)
    try:
        with os.fdopen(read) as answer:
            yield f":{answer.readline().strip()}"
    finally:
        server.kill()
        server.wait()


def test_the_window(display: str) -> None:  # R-024 R-245
    play = [sys.executable, str(Path(__file__).with_name("window_play.py")), display]
    done = subprocess.run(play, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["start"], seen["tool"]) == (True, True)
    assert seen["said"] == ["ja: ä€", "/ended"]
    assert sorted(seen["buttons"]) == ["End Session", "Send"]
    assert "Let Rep \ufffd help you?" in seen["labels"]
    assert "Rep  hello" in seen["chat"]
    assert "The session has ended." in seen["end"]


def test_no_display_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from farhand.agent.customer.window import open_window

    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(ClientError, match="display"):
        open_window(None)
