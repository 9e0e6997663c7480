"""A program: 200 threads use one session key and one enrolment on a real SQLite file; prints how many succeeded."""

import json
import os
import sys
import threading
from collections import Counter
from pathlib import Path


def main() -> None:
    """Make a data folder, then redeem."""
    from farhand.web.project.prepare import set_up

    set_up(Path(sys.argv[1]))
    from django.core.management import call_command
    from django.db import connection
    from tests.unit.web.support.helpers import Endpoint

    from farhand.protocol.messages import Facts
    from farhand.rules.access import Subject
    from farhand.web.accounts import services as accounts
    from farhand.web.appliance import keys
    from farhand.web.appliance.models import SiteSetting
    from farhand.web.jump import services as jump
    from farhand.web.project import bus
    from farhand.web.project.service import SYSTEM, Actor, ServiceError
    from farhand.web.support import key_services

    bus.use(lambda message: False)
    call_command("migrate", interactive=False, verbosity=0)
    keys.make_site_keys()
    SiteSetting.objects.create(key="web_console", value=True)
    user = accounts.create_user(
        SYSTEM, username="admin", display_name="Admin", password="correct horse battery", permissions=["perm_admin"]
    )
    actor = Actor(subject=Subject(kind="user", id=user.id, permissions=frozenset({"perm_admin"})), user=user)
    key = key_services.create_session_key(actor)
    token = jump.create_enrolment(SYSTEM, group_id=jump.create_group(SYSTEM, name="General").id).token
    wanted = {"key_hash": key_services.hash_of("key", key.key)}
    outcomes: Counter[str] = Counter()
    lock, gate = threading.Lock(), threading.Barrier(200)

    def redeem(number: int) -> None:
        anybody = Actor(subject=Subject(kind="anonymous"), source_ip=f"192.0.2.{number % 250}")
        endpoint = Endpoint()
        gate.wait()
        try:
            if number % 2:
                key_services.consume(anybody, wanted=wanted)
                outcome = "key"
            else:
                jump.enrol(anybody, token=token, key=endpoint.key, proof=endpoint.proof("enrol", token), facts=Facts())
                outcome = "enrolment"
        except ServiceError as error:
            outcome = error.code
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"
        finally:
            connection.close()
        with lock:
            outcomes[outcome] += 1

    threads = [threading.Thread(target=redeem, args=(number,)) for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(outcomes))


if __name__ == "__main__":
    os.environ.setdefault("FARHAND_LOG", "json")
    main()
