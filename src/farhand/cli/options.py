"""Options that several subcommands share, and how a command fails: one sentence for the person, exit status 1."""

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

from cyclopts import Parameter, validators

DataFolder = Annotated[
    Path,
    Parameter(name=["--data"], env_var="FARHAND_DATA", help="Folder that holds everything this appliance keeps."),
]
Port = Annotated[
    int,
    Parameter(
        name=["--port"],
        env_var="FARHAND_PORT",
        validator=validators.Number(gte=1, lte=65535),
        help="Public port: pages, consoles and clients all use it.",
    ),
]

DEFAULT_DATA = Path("var")
DEFAULT_PORT = 8443


def fail(sentence: str) -> NoReturn:
    """End this command with one sentence that says what to do."""
    print(f"farhand: {sentence}", file=sys.stderr)
    raise SystemExit(1)


def enter_data(data: Path, port: int = DEFAULT_PORT) -> Path:
    """Make `data` the folder of this process (`web` reads it from the environment) and return it absolute."""
    folder = data.resolve()
    os.environ["FARHAND_DATA"] = str(folder)
    os.environ.setdefault("FARHAND_PORT", str(port))
    return folder
