"""The policy that the relay works by: told on the bus, kept on disk, so that the relay starts without `web`."""

import contextlib
import os
from pathlib import Path

import msgspec

from farhand.kit.log import get_log
from farhand.kit.signing import BadToken, open_token
from farhand.protocol.bus import Policy
from farhand.protocol.messages import NOT_UNDERSTOOD, SiteStatement

log = get_log("relay")

UNCLAIMED = Policy(claimed=False, issuer_keys=[], site_keys=[], statement="", hosts=[])


class PolicyFile:
    """The policy in force and its copy on disk (public keys and names only; 0600 all the same)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.now = UNCLAIMED
        try:
            self.now = msgspec.json.decode(path.read_bytes(), type=Policy)
        except FileNotFoundError:
            pass
        except (OSError, *NOT_UNDERSTOOD) as error:
            log.warning("policy_not_read", reason=str(error))
        self._revoked = set(self.now.revoked_agents)
        self._compared = ("", "")
        self._another = False

    def put(self, policy: Policy) -> None:
        """Work by this policy from now on and keep it."""
        self.now = policy
        self._revoked = set(policy.revoked_agents)
        aside = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with contextlib.suppress(FileNotFoundError):
                aside.unlink()
            fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(msgspec.json.encode(policy))
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, self._path)
        except OSError as error:
            # The policy holds in memory; only a restart without `web` would work by the older one.
            log.warning("policy_not_kept", reason=str(error))

    def revoke(self, agent_id: str) -> None:
        """Accept this agent no more (the next policy says so too)."""
        self._revoked.add(agent_id)
        self.now = msgspec.structs.replace(self.now, revoked_agents=sorted(self._revoked))

    def certifies_another(self, spki: str) -> bool:
        """Say whether the statement is about another TLS key than `spki` (hex): the certificate was replaced while
        nothing ran, and the control plane has not told of it yet. Endpoints would take this appliance for a stranger.
        """
        if (self.now.statement, spki) != self._compared:
            self._compared = (self.now.statement, spki)
            self._another = False
            for key in self.now.site_keys:
                with contextlib.suppress(BadToken, ValueError):
                    known = open_token(bytes.fromhex(key), "site", self.now.statement, SiteStatement)
                    self._another = known.spki != spki
        return self._another

    def is_revoked(self, agent_id: str) -> bool:
        """Say whether an agent's credential was taken back."""
        return agent_id in self._revoked
