"""The client file's commands: `install`, `run`, `uninstall` for a Jump Client, `help` and `return` for a customer,
`version`.

Without a command, a file that carries a join helps the customer. Errors are one sentence on standard error, exit code
1.
"""

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from farhand import __version__
from farhand.agent.core.address import split_server
from farhand.agent.core.errors import ClientError
from farhand.agent.core.identity import IdentityStore, default_state
from farhand.agent.core.package import CustomerConfig, Package, this_package
from farhand.agent.texts import _

if TYPE_CHECKING:
    from farhand.agent.customer.ui import ConsentUi


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    package = this_package()
    try:
        if not words and package.customer_config() is not None:
            words = ["help"]
        wish = _parser().parse_args(words)
        return int(wish.do(wish, package))
    except ClientError as error:
        print(error, file=sys.stderr)  # noqa: T201  the person is at a terminal
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="farhand-client", description=_("Farhand client: lets a Farhand site reach or help this machine.")
    )
    commands = parser.add_subparsers(required=True, metavar=_("COMMAND"))

    def add(name: str, do: object, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(do=do)
        return command

    install = add("install", _install, _("enrol this machine as a Jump Client, and start the client"))
    install.add_argument("--server", required=True, metavar="URL", help=_("address of the site, https://HOST[:PORT]"))
    install.add_argument("--site-key", required=True, metavar="HEX", help=_("public key of the site"))
    install.add_argument("--token", required=True, help=_("single-use enrolment token"))
    install.add_argument("--no-start", action="store_true", help=_("enrol only: neither copy nor start anything"))
    run = add("run", _run, _("run the installed Jump Client in the foreground"))
    run.add_argument(
        "--display", help=_("X or Wayland display to share, for instance :0 or wayland-0 (default: the session's)")
    )
    uninstall = add("uninstall", _uninstall, _("stop the Jump Client and remove it and its identity from this machine"))
    for command in (install, run, uninstall):
        command.add_argument("--state", type=Path, default=None, metavar="DIR", help=_("state folder"))
    helper = add("help", _help, _("let a representative help you"))
    helper.add_argument("--server", metavar="URL", help=_("address of the site, https://HOST[:PORT]"))
    helper.add_argument("--site-key", metavar="HEX", help=_("public key of the site"))
    helper.add_argument("--join", metavar="TOKEN", help=_("token of the session to join"))
    helper.add_argument(
        "--display", help=_("X or Wayland display to share, for instance :0 or wayland-0 (default: the session's)")
    )
    helper.add_argument("--terminal", action="store_true", help=_("ask on this terminal instead of in a window"))
    back = add("return", _return, _("come back into a session after a restart; started by the desktop"))
    back.add_argument("--from", dest="way", type=Path, required=True, metavar="FILE", help=_("what was kept of it"))
    back.add_argument("--display", help=_("X display to share, for instance :0 (default: DISPLAY)"))
    back.add_argument("--terminal", action="store_true", help=_("ask on this terminal instead of in a window"))
    add("version", _version, _("print the version"))
    return parser


def _state(wish: argparse.Namespace) -> Path:
    return wish.state.absolute() if wish.state is not None else default_state()


def _install(wish: argparse.Namespace, package: Package) -> int:
    from farhand.agent.platforms import here
    from farhand.agent.unattended import enrol

    state = _state(wish)
    identity = enrol(wish.server, wish.site_key, wish.token, state)
    _say(_("This machine is enrolled as {name} in {group}.").format(name=identity.name, group=identity.group))
    if wish.no_start:
        return 0
    if package.file is None:
        raise ClientError(_("This client does not run from a client file: start it with `run`, or use --no-start."))
    _say(here().service().start(package.copy_to(state), state))
    return 0


def _run(wish: argparse.Namespace, package: Package) -> int:
    from farhand.agent.unattended import run

    run(_state(wish), wish.display, package)
    return 0


def _uninstall(wish: argparse.Namespace, package: Package) -> int:
    from farhand.agent.platforms import here

    state = _state(wish)
    if not IdentityStore(state).enrolled:
        raise ClientError(
            _("No Jump Client is installed in {folder}: there is nothing to remove.").format(folder=state)
        )
    here().service().stop(state)
    IdentityStore(state).forget()
    shutil.rmtree(state, ignore_errors=True)
    if package.unpacked is not None:
        shutil.rmtree(package.unpacked, ignore_errors=True)
    _say(_("The Jump Client is removed from this machine."))
    return 0


def _help(wish: argparse.Namespace, package: Package) -> int:
    from farhand.agent.customer.program import help_customer
    from farhand.agent.platforms import here
    from farhand.agent.unattended import check_site_key
    from farhand.kit.log import configure_log

    config = package.customer_config()
    if wish.server or wish.site_key or wish.join:
        if not (wish.server and wish.site_key and wish.join):
            raise ClientError(_("Give --server, --site-key and --join together, or none of them."))
        config = CustomerConfig(server=wish.server, site_key=wish.site_key, join=wish.join)
    if config is None:
        raise ClientError(
            _("This file belongs to no session: download it from the page that your representative named.")
        )
    config = CustomerConfig(
        server=config.server.rstrip("/"), site_key=check_site_key(config.site_key), join=config.join
    )
    split_server(config.server)
    configure_log("client")
    return help_customer(config, _face(wish), here(), wish.display, package)


def _return(wish: argparse.Namespace, package: Package) -> int:
    from farhand.agent.customer.program import help_customer
    from farhand.agent.customer.returning import read_back
    from farhand.agent.platforms import here
    from farhand.kit.log import configure_log

    platform = here()
    back = read_back(wish.way.absolute(), platform.next_sign_in)
    configure_log("client")
    return help_customer(back.way.config, _face(wish), platform, wish.display, package, back)


def _face(wish: argparse.Namespace) -> "ConsentUi":
    """Open a window where there is a display and a toolkit, else use the terminal. Raises ClientError."""
    reason = ""
    if not wish.terminal:
        try:
            from farhand.agent.customer.window import open_window

            return open_window(wish.display)
        except ImportError:
            reason = _("Python's tkinter is not installed")
        except ClientError as error:
            reason = str(error)
    if not sys.stdin.isatty() and not wish.terminal:
        raise ClientError(
            _("There is no way to ask you: no window can be opened ({reason}) and there is no terminal.").format(
                reason=reason
            )
        )
    from farhand.agent.customer.terminal import TerminalUi

    return TerminalUi()


def _version(_wish: argparse.Namespace, _package: Package) -> int:
    _say(__version__)
    return 0


def _say(text: str) -> None:
    print(text)  # noqa: T201  the person is at a terminal


if __name__ == "__main__":
    sys.exit(main())
