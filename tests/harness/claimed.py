"""The first steps of an administrator, without a browser; and data folders on which they were taken already."""

import fcntl
import shutil
from pathlib import Path

from tests.harness.appliance import ADMIN, BOX_ADMIN, Appliance, wait_for
from tests.harness.visitor import Answer, Visitor


def claim(appliance: Appliance, *, web_console: bool = True) -> Answer:
    """Use the claim link: makes the administrator and the appliance account."""
    fields = {
        "username": ADMIN["username"],
        "display_name": ADMIN["display_name"],
        "password": ADMIN["password"],
        "password_again": ADMIN["password"],
        "appliance_username": BOX_ADMIN["username"],
        "appliance_password": BOX_ADMIN["password"],
        "appliance_password_again": BOX_ADMIN["password"],
        **({"web_console": "on"} if web_console else {}),
    }
    answer = appliance.visitor().submit(appliance.claim_path, fields)
    assert answer.status == 200, f"{answer.status} {answer.text}"
    # The relay hears of the claim by the worker, within about a second; nobody is at a console sooner.
    wait_for(lambda: appliance.logged("policy_told", claimed=True), what="the relay's knowledge of the claim")
    return answer


def sign_in(appliance: Appliance, username: str, password: str, path: str = "/login/sign-in") -> Visitor:
    """Sign in and return the person with the cookies."""
    visitor = appliance.visitor()
    answer = visitor.submit(path, {"username": username, "password": password})
    assert answer.status == 200, f"{answer.status} {answer.text}"
    assert "Logout" in answer.text or "console" in path, answer.text[:3000]
    return visitor


def claimed_data(pattern: Path, data: Path) -> Path:
    """Make a data folder of a claimed appliance by copying `pattern`, which is made first if it is not there.

    An appliance on such a folder starts as one that was claimed, stopped and started again; it has no Jump Group for a
    demonstration endpoint. Workers of one run share a pattern: migrations and claim are not what their tests are about.
    """
    with pattern.with_name(f"{pattern.name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not pattern.exists():
            making = pattern.with_name(f"{pattern.name}.making")
            with Appliance(making) as running:
                claim(running)
            shutil.rmtree(making / "run")
            making.rename(pattern)
    shutil.copytree(pattern, data, dirs_exist_ok=True)
    return data
