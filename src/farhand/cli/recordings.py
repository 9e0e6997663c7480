"""`farhand recording`: check recordings without a browser."""

import mmap
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from farhand.cli.options import DEFAULT_DATA, DataFolder, enter_data, fail
from farhand.protocol.bus import Policy
from farhand.recording.verifier import Findings, verify

recording = App(name="recording", help="Check recordings of sessions.")


def register(app: App) -> None:
    """Add the subcommand to the `farhand` command."""
    app.command(recording)


@recording.command(name="verify")
def verify_command(
    file: Annotated[Path, Parameter(help="A segment file, *.fhr.")],
    *,
    issuer: Annotated[
        str, Parameter(help="Issuer key (64 hexadecimal digits) instead of the one of this appliance's data folder.")
    ] = "",
    data: DataFolder = DEFAULT_DATA,
) -> None:
    """Check the certificate, the chain and all signatures of a recording. Exit status 0: everything holds; else 1."""
    keys = _issuer_keys(issuer, enter_data(data))
    try:
        with file.open("rb") as source:
            if file.stat().st_size == 0:
                fail(f"{file} is empty: nothing was recorded into it")
            with mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as content:
                found = verify(content, keys)
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}")
    print(describe(found))
    raise SystemExit(0 if found.intact else 1)


def describe(found: Findings) -> str:
    """Put findings into one sentence for a person."""
    if found.damage:
        first = found.damage[0]
        return (
            f"DAMAGED at second {found.first_damaged_second} ({first.what}); "
            f"verified without a gap up to {found.verified_ms / 1000:.1f} s"
        )
    if found.head is None:
        return "NOT A RECORDING: the file has no whole head"
    state = f"closed ({found.reason})" if found.closed else "cut off by the end of its writer"
    tail = f", {found.unsigned_ms / 1000:.1f} s after the last signature" if found.unsigned_ms else ""
    return f"VERIFIED up to {found.verified_ms / 1000:.1f} s, {state}{tail}"


def _issuer_keys(text: str, data: Path) -> list[bytes]:
    """The keys that certify recordings: given by hand, or from the policy that the relay keeps."""
    try:
        if text:
            return [bytes.fromhex(text)]
        policy = msgspec.json.decode((data / "relay" / "policy.json").read_bytes(), type=Policy)
        return [bytes.fromhex(key) for key in policy.issuer_keys]
    except FileNotFoundError:
        fail(f"{data} holds no policy of an appliance; name the folder with --data or the key with --issuer")
    except (ValueError, msgspec.DecodeError):
        fail("the issuer key is not 64 hexadecimal digits")
