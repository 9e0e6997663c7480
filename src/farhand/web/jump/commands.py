"""The one line that enrols a Linux endpoint, and the one that starts a customer's client.

They are built from checked parts only, because somebody will run them, perhaps as root.

It works in a new folder of its own, so that nobody else on that machine can put a file in its way. It downloads the
client over TLS pinned to the appliance's key, checks the file's hash, and only then runs it: nothing that was not
verified is ever run. The token in it serves once.
"""

import base64
import re
from typing import Final

from django.utils.translation import gettext

from farhand.web.appliance import keys
from farhand.web.jump import queries
from farhand.web.project.errors import Conflict, Invalid

URL: Final = re.compile(r"https://[A-Za-z0-9.\-]{1,253}(:[0-9]{1,5})?|https://\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
TOKEN: Final = re.compile(r"[A-Za-z0-9_\-]{16,128}")
HEX: Final = re.compile(r"[0-9a-f]{64}")


def linux_command(server: str, token: str) -> str:
    """Return the command that installs a Jump Client of the appliance at `server` (https://HOST[:PORT])."""
    return _verified_download(server) + f" install --server {server} --site-key {_site_key()} --token {_token(token)}"


def help_command(server: str, join: str) -> str:
    """Return the command that starts the customer client for the session of a join token."""
    return _verified_download(server) + f" help --server {server} --site-key {_site_key()} --join {_token(join)}"


def _verified_download(server: str) -> str:
    """The part that downloads and checks. Raises Conflict without a client file, Invalid for a bad address."""
    path = queries.client_file()
    if path is None:
        raise Conflict(gettext("The client for Linux is missing on this appliance. `make run` builds it."))
    if not URL.fullmatch(server):
        raise Invalid("server", gettext("The address of this appliance cannot be put into a command."))
    sha256 = queries.client_sha256(path)
    pin = base64.b64encode(bytes.fromhex(keys.tls_spki())).decode()
    return (
        'cd "$(mktemp -d)" && '
        f"curl -fsSk --pinnedpubkey 'sha256//{pin}' -o farhand-client.pyz {server}/dl/client/linux"
        f" && echo '{sha256}  farhand-client.pyz' | sha256sum -c --quiet -"
        f" && python3 farhand-client.pyz"
    )


def _token(token: str) -> str:
    if not TOKEN.fullmatch(token) or token.startswith("-"):
        raise Invalid("token", gettext("This token cannot be put into a command. Create a new one."))
    return token


def _site_key() -> str:
    site_key = keys.site_public()
    if not HEX.fullmatch(site_key):
        raise ValueError("the site key is not 64 hexadecimal digits")
    return site_key
