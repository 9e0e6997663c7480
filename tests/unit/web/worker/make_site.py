"""A program: makes a claimed data folder with one Jump Client and one waiting session; prints their ids."""

import json
import sys
from pathlib import Path


def main() -> None:
    """Make the folder named by the first argument."""
    from farhand.web.project.prepare import set_up

    set_up(Path(sys.argv[1]), "https://support.example")
    from django.core.management import call_command
    from tests.unit.web.support.helpers import FACTS, Endpoint, waiting

    from farhand.rules.access import Subject
    from farhand.web.accounts import services as accounts
    from farhand.web.appliance import keys
    from farhand.web.appliance.models import SiteSetting
    from farhand.web.jump import services as jump
    from farhand.web.project import bus
    from farhand.web.project.service import SYSTEM, Actor

    bus.use(lambda message: False)
    call_command("migrate", interactive=False, verbosity=0)
    keys.make_tls("support.example")
    keys.make_site_keys()
    SiteSetting.objects.create(key="claimed_ms", value=1)
    SiteSetting.objects.create(key="web_console", value=True)
    user = accounts.create_user(
        SYSTEM, username="admin", display_name="Admin", password="correct horse battery", permissions=["perm_admin"]
    )
    rep = Actor(subject=Subject(kind="user", id=user.id, permissions=frozenset({"perm_admin"})), user=user)
    anybody = Actor(subject=Subject(kind="anonymous"), source_ip="192.0.2.7")
    endpoint = Endpoint()
    token = jump.create_enrolment(SYSTEM, group_id=jump.create_group(SYSTEM, name="General").id).token
    proof = endpoint.proof("enrol", token)
    agent = jump.enrol(anybody, token=token, key=endpoint.key, proof=proof, facts=FACTS)
    print(json.dumps({"agent": agent.agent_id, "session": waiting(rep, anybody)[0]}))


if __name__ == "__main__":
    main()
