"""Entry point of the `farhand` command."""

import sys

from cyclopts import App, CycloptsError

from farhand import __version__
from farhand.cli import admin, demo, recordings, serve

app = App(
    name="farhand",
    version=__version__,
    help="Farhand: the self-hosted appliance for secure remote support and privileged remote access.",
    help_format="plaintext",
)
for part in (serve, admin, recordings, demo):
    part.register(app)


def main() -> None:
    """Run the command that the arguments name."""
    try:
        app(exit_on_error=False, print_error=True)
    except CycloptsError:
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
