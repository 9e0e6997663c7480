"""Subcommands for what an administrator does without a browser. The machine's owner acts as Farhand itself."""

import getpass
import os
import sys
from typing import Annotated

from cyclopts import App, Parameter

from farhand.cli.options import DEFAULT_DATA, DEFAULT_PORT, DataFolder, Port, enter_data, fail

user = App(name="user", help="Make accounts and reset passwords.")

Name = Annotated[str, Parameter(help="User name, as typed at sign-in.")]
FromStdin = Annotated[
    bool,
    Parameter(name=["--password-stdin"], negative="", help="Read the password from standard input instead of asking."),
]


def register(app: App) -> None:
    """Add the subcommands to the `farhand` command."""
    app.command(claim_link)
    app.command(user)


def claim_link(*, data: DataFolder = DEFAULT_DATA, port: Port = DEFAULT_PORT) -> None:
    """Print a new one-time claim link (one hour) while nobody has claimed the appliance; older links end."""
    _enter_web(data, port)
    from farhand.web.accounts.claim import new_claim_link
    from farhand.web.project.service import SYSTEM, ServiceError

    try:
        print(new_claim_link(SYSTEM))
    except ServiceError as error:
        fail(error.text)


@user.command(name="create")
def create(
    name: Name,
    *,
    display_name: Annotated[
        str, Parameter(help="Name that customers and colleagues see; the user name if left out.")
    ] = "",
    administrator: Annotated[bool, Parameter(negative="", help="May do everything.")] = False,
    permission: Annotated[
        list[str] | None, Parameter(negative="", help="A permission by name; may be given several times.")
    ] = None,
    password_stdin: FromStdin = False,
    data: DataFolder = DEFAULT_DATA,
) -> None:
    """Make an account. The password is asked for, at least 12 characters."""
    _enter_web(data)
    from farhand.rules.permissions import ADMIN
    from farhand.web.accounts.services import create_user
    from farhand.web.project.service import SYSTEM, ServiceError

    permissions = {*(permission or []), *([ADMIN] if administrator else [])}
    try:
        made = create_user(
            SYSTEM,
            username=name,
            display_name=display_name,
            password=_password(from_stdin=password_stdin),
            permissions=permissions,
        )
    except ServiceError as error:
        fail(error.text)
    print(f"Made the user {made.username}. Sign in at /login.")


@user.command(name="reset-password")
def reset_password(name: Name, *, password_stdin: FromStdin = False, data: DataFolder = DEFAULT_DATA) -> None:
    """Give an account a new password. Its browser sessions end."""
    _enter_web(data)
    from farhand.web.accounts.queries import user_by_name
    from farhand.web.accounts.services import set_password
    from farhand.web.project.service import SYSTEM, ServiceError

    found = user_by_name(name)
    if found is None:
        fail(f"there is no user called {name}")
    try:
        set_password(SYSTEM, user_id=found.id, password=_password(from_stdin=password_stdin))
    except ServiceError as error:
        fail(error.text)
    print(f"{found.username} has a new password.")


def _enter_web(data: DataFolder, port: int = DEFAULT_PORT) -> None:
    """Open the database of a data folder, as `web` does."""
    folder = enter_data(data, port)
    if not (folder / "keys").is_dir():
        fail(f"{data} is not the data folder of an appliance; name it with --data, or start one with `farhand serve`")
    os.umask(0o077)
    from farhand.kit.log import configure_log

    configure_log("cli", json_lines=False)
    from farhand.web.project.prepare import set_up

    set_up(folder)


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Again: "):
        fail("the two passwords differ; nothing was changed")
    return first
