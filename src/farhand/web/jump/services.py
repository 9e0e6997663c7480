"""All changes of Jump Groups, enrolments and Jump Clients that people and endpoints cause.

Rules: an enrolment's token serves once (one conditional UPDATE) and is stored as a hash; what an endpoint says of
itself is hostile text that is only ever stored and shown; a removed client's row stays, revoked, so that its key
never comes back.
"""

import hashlib
import os
import re
import secrets
from typing import Final

import msgspec
from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from farhand.protocol.bus import AgentRevoked
from farhand.protocol.messages import AgentCredential, Facts
from farhand.rules.access import Context, Object, decide
from farhand.rules.roles import ADMINISTRATOR, ROLES
from farhand.web.accounts.models import User
from farhand.web.accounts.queries import me, user_by_id
from farhand.web.appliance import keys
from farhand.web.appliance.queries import web_console_allowed
from farhand.web.jump import events
from farhand.web.jump.models import Enrolment, JumpClient, JumpGroup, JumpGroupMember
from farhand.web.project import bus, revocation
from farhand.web.project.service import Actor, Change, Conflict, Invalid, NotThere, now_ms, service
from farhand.web.support import services as support

TOKEN_BYTES: Final = 24
MAX_NAME: Final = 128
MAX_COMMENTS: Final = 1024
MAX_TAG: Final = 64
EXPIRIES_S: Final = (3600, 86_400, 7 * 86_400, 30 * 86_400)
"""Choices of an enrolment's life, in seconds: an hour, a day, a week, 30 days."""
CODE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_\-]{0,63}")


class NewEnrolment(msgspec.Struct, frozen=True, kw_only=True):
    """An enrolment that was just made; its token exists nowhere else."""

    id: str
    token: str
    expires_ms: int


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """What a freshly enrolled endpoint gets."""

    agent_id: str
    credential: str
    name: str
    group: str


# --- Jump Groups ---


@service("jump.group.create", events="a group without members and items shows nowhere")
def create_group(change: Change, *, name: str, code_name: str = "", comments: str = "") -> JumpGroup:
    """Create a Jump Group. Raises Refused, Invalid."""
    change.allow(Object(kind="jump_group"))
    group = JumpGroup(created_ms=change.now_ms)
    _fill_group(group, name, code_name, comments)
    _save_group(group)
    change.about("jump_group", group.id)
    change.audit(name=group.name, code_name=group.code_name)
    return group


@service("jump.group.edit")
def edit_group(change: Change, *, group_id: str, name: str, code_name: str = "", comments: str = "") -> JumpGroup:
    """Change a group's name, code name and comments; its items show the new name. Raises Refused, Invalid, NotThere."""
    change.allow(Object(kind="jump_group", id=group_id))
    group = group_there(group_id)
    before = {"name": group.name, "code_name": group.code_name, "comments": group.comments}
    _fill_group(group, name, code_name, comments)
    _save_group(group)
    for client in group.clients.select_related("group").filter(revoked_ms=None):
        events.tell(change, client)
    change.audit(old=before, name=group.name, code_name=group.code_name, comments=group.comments)
    return group


@service("jump.group.remove", events="only an empty group can be removed")
def remove_group(change: Change, *, group_id: str) -> None:
    """Remove a group without clients. Raises Refused, Conflict, NotThere."""
    change.allow(Object(kind="jump_group", id=group_id))
    group = group_there(group_id)
    if group.clients.exists():
        raise Conflict(gettext("This Jump Group has had Jump Clients, so their reports name it. It cannot be removed."))
    change.audit(name=group.name)
    group.delete()


@service("jump.group.set_members")
def set_members(change: Change, *, group_id: str, roles: dict[str, str]) -> None:
    """Set who has which role in a group (user id -> role); others have none. Raises Refused, Invalid, NotThere."""
    change.allow(Object(kind="jump_group", id=group_id))
    group = group_there(group_id)
    before = dict(group.members.values_list("user_id", "role"))
    for user_id, role in roles.items():
        if role not in ROLES:
            raise Invalid("role", gettext("Choose one of the offered roles."))
        if user_by_id(user_id) is None:
            raise Invalid("user", gettext("This user does not exist any more."))
    group.members.all().delete()
    JumpGroupMember.objects.bulk_create(
        [JumpGroupMember(group=group, user_id=user_id, role=role) for user_id, role in roles.items()]
    )
    for user_id in sorted(before.keys() | roles.keys()):
        user = user_by_id(user_id)
        if user is not None and before.get(user_id) != roles.get(user_id):
            # A console that sees its topics change fetches a new snapshot.
            change.put(f"user:{user_id}", "me", user_id, me(user) | {"jump_roles_ms": change.now_ms})
    changed = [user_id for user_id in before.keys() | roles.keys() if before.get(user_id) != roles.get(user_id)]
    revocation.access_changed(change, changed, reduced=[user_id for user_id in changed if user_id in before])
    change.audit(old=before, roles=roles)


def make_first_groups(change: Change, user: User) -> None:
    """At the claim: the group `General`, and `Demo` when the demonstration endpoint is wanted; the administrator in
    both.
    """
    names = ["General", *(["Demo"] if os.environ.get("FARHAND_DEMO") == "1" else [])]
    for name in names:
        group, _made = JumpGroup.objects.get_or_create(
            code_name=name.lower(), defaults={"name": name, "created_ms": change.now_ms}
        )
        JumpGroupMember.objects.get_or_create(group=group, user=user, defaults={"role": ADMINISTRATOR})


# --- enrolment ---


@service("jump.enrolment.create", events="an enrolment shows on its own page only")
def create_enrolment(
    change: Change, *, group_id: str, name: str = "", comments: str = "", expires_s: int = 86_400
) -> NewEnrolment:
    """Make a single-use enrolment into a group. Raises Refused, Invalid, NotThere."""
    change.allow(Object(kind="enrolment", group=group_id))
    group = group_there(group_id)
    if expires_s not in EXPIRIES_S:
        raise Invalid("expires_s", gettext("Choose one of the offered times."))
    token = secrets.token_urlsafe(TOKEN_BYTES)
    if token.startswith("-"):
        token = "A" + token[1:]  # so that no command line takes it for an option
    row = Enrolment.objects.create(
        token_hash=token_hash(token),
        group=group,
        name=_text("name", name, MAX_NAME),
        comments=_text("comments", comments, MAX_COMMENTS),
        creator=change.actor.user,
        created_ms=change.now_ms,
        expires_ms=change.now_ms + expires_s * 1000,
    )
    change.about("enrolment", row.id)
    change.audit(group=group.id, name=row.name, expires_ms=row.expires_ms)
    return NewEnrolment(id=row.id, token=token, expires_ms=row.expires_ms)


@service("jump.enrolment.revoke", events="an enrolment shows on its own page only")
def revoke_enrolment(change: Change, *, enrolment_id: str) -> None:
    """Make an unused enrolment worthless. Raises Refused, NotThere, Conflict."""
    row = Enrolment.objects.filter(id=enrolment_id).first()
    if row is None:
        raise NotThere(gettext("This enrolment does not exist any more."))
    change.allow(Object(kind="enrolment", id=row.id, group=row.group_id))
    if not Enrolment.objects.filter(id=row.id, used_ms=None, revoked_ms=None).update(revoked_ms=change.now_ms):
        raise Conflict(gettext("This enrolment has been used or revoked already."))


@service("jump.client.enrol")
def enrol(change: Change, *, token: str, key: str, proof: str, facts: Facts, version: str = "") -> Enrolled:
    """An endpoint becomes a Jump Client with the key it made. Raises NotThere, Invalid, Conflict.

    `proof`: hex signature of kind `enrol` by `key` (hex) over the token.
    """
    change.allow(Object(kind="jump_client"))
    support.check_proof(key, "enrol", token, proof)
    found = Enrolment.objects.filter(token_hash=token_hash(token))
    client = JumpClient(key=key, created_ms=change.now_ms, since_ms=change.now_ms)
    taken = found.filter(used_ms=None, revoked_ms=None, expires_ms__gt=change.now_ms).update(
        used_ms=change.now_ms, client_id=client.id
    )
    row = found.select_related("group").first()
    if row is None:
        raise NotThere(gettext("This enrolment is not known. Create a new one under Jump > Jump Clients."))
    if not taken and (row.used_ms is not None or row.revoked_ms is not None):
        raise Conflict(gettext("This enrolment has been used or revoked. Create a new one under Jump > Jump Clients."))
    if not taken:
        raise Conflict(gettext("This enrolment has expired. Create a new one under Jump > Jump Clients."))
    client.group = row.group
    client.name = row.name or facts.hostname or gettext("Unnamed")
    client.comments = row.comments
    client.public_ip = change.actor.source_ip[:MAX_NAME]
    fill_facts(client, facts, version)
    save_new(client)
    events.tell(change, client)
    change.about("jump_client", client.id)
    change.audit(enrolment=row.id, group=row.group_id, name=client.name, hostname=client.hostname)
    credential = keys.issue("agent", AgentCredential(agent_id=client.id, key=key, issued_ms=change.now_ms))
    return Enrolled(agent_id=client.id, credential=credential, name=client.name, group=row.group.name)


# --- Jump Clients ---


@service("jump.client.edit")
def edit_client(
    change: Change, *, client_id: str, name: str, group_id: str, comments: str = "", tag: str = ""
) -> JumpClient:
    """Change name, group, comments and tag. Raises Refused, Invalid, NotThere."""
    client = client_there(client_id)
    change.allow(Object(kind="jump_client", id=client.id, group=client.group_id, facts={"new_group": group_id}))
    old_group = client.group_id
    before = {"name": client.name, "group": old_group, "comments": client.comments, "tag": client.tag}
    client.name = _text("name", name, MAX_NAME, needed=True)
    client.comments = _text("comments", comments, MAX_COMMENTS)
    client.tag = _text("tag", tag, MAX_TAG)
    client.group = group_there(group_id)
    client.save(update_fields=["name", "comments", "tag", "group"])
    events.tell(change, client, old_group)
    change.audit(old=before, name=client.name, group=group_id, comments=client.comments, tag=client.tag)
    return client


@service("jump.client.remove")
def remove_client(change: Change, *, client_id: str) -> None:
    """Remove a client: its link is closed, its key never accepted again, its sessions end. Raises Refused, NotThere."""
    client = client_there(client_id)
    change.allow(Object(kind="jump_client", id=client.id, group=client.group_id))
    revoke(change, client, gettext("The Jump Client was removed."))
    change.audit(name=client.name, group=client.group_id)


def _object(client: JumpClient, password: str) -> Object:
    return Object(kind="jump_client", id=client.id, group=client.group_id, facts={"password": password})


def _context(now: int) -> Context:
    return Context(now_ms=now, web_console=web_console_allowed())


def revoke(change: Change, client: JumpClient, text: str) -> None:
    """Make a client worthless: its link is closed, its key never accepted again, its sessions end with `text`."""
    client.revoked_ms = change.now_ms
    client.online, client.since_ms = False, change.now_ms
    client.save(update_fields=["revoked_ms", "online", "since_ms"])
    support.end_jumps(change, client.id, "removed", text)
    events.tell(change, client)
    change.after_commit(lambda: _revoke_at_relay(client.id))


def start_jump(actor: Actor, *, client_id: str, tab: str, password: str = "") -> support.ConsoleTicket:
    """Start a session with a Jump Client at once (R-107), by its password where it has one (R-211). Raises Refused,
    NotThere, Conflict.
    """
    from farhand.web.jump.pinning import unlocked  # it builds on this module

    client = JumpClient.objects.filter(id=client_id, revoked_ms=None).first()
    opens = ""
    if client is not None and decide(actor.subject, "jump.client.start", _object(client, "right"), _context(now_ms())):
        opens = unlocked(actor, client, password)  # nobody guesses who would have no access anyway
    return _start_jump(actor, client_id=client_id, tab=tab, opens=opens, tried=bool(password))


@service("jump.client.start")
def _start_jump(change: Change, *, client_id: str, tab: str, opens: str, tried: bool) -> support.ConsoleTicket:
    client = client_there(client_id)
    given = "wrong" if tried else "missing"
    if not client.password_hash or opens == client.password_hash:
        given = "right"
    change.allow(_object(client, given), _context(change.now_ms))
    if not client.online:
        raise Conflict(gettext("This Jump Client is offline. It can be reached when it is back."))
    running = support.own_jump(change, client.id, tab)
    if running is not None:
        return running  # a second click opens the session that is there
    ticket = support.begin_jump(change, _target(client), tab)
    client.last_accessed_ms = change.now_ms
    client.save(update_fields=["last_accessed_ms"])
    events.tell(change, client)
    change.audit(session=ticket.session["id"], name=client.name)
    return ticket


def save_new(client: JumpClient) -> None:
    """Store a client that is new. Raises Conflict when its key is known already."""
    try:
        with transaction.atomic():
            client.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(gettext("This client is enrolled already. Remove its folder to enrol it anew.")) from error


def checked_texts(name: str, comments: str, tag: str) -> tuple[str, str, str]:
    """What people say of a Jump Client, as it is stored. Raises Invalid."""
    return (
        _text("name", name, MAX_NAME),
        _text("comments", comments, MAX_COMMENTS),
        _text("tag", tag, MAX_TAG),
    )


def fill_facts(client: JumpClient, facts: Facts, version: str) -> None:
    """Take over what the endpoint says of itself; lengths were checked where the message was decoded."""
    client.hostname, client.platform, client.os_name = facts.hostname, facts.platform, facts.os_name
    client.console_user, client.private_ip = facts.user, facts.private_ip
    client.display, client.uptime_s = facts.display, facts.uptime_s
    client.desktop = msgspec.to_builtins(facts.desktop)
    client.version = version[:MAX_NAME]


def token_hash(token: str) -> str:
    """What is stored of an enrolment's token: it has 192 random bits, so a plain SHA-256 hides it."""
    return hashlib.sha256(token.encode()).hexdigest()


def _target(client: JumpClient) -> support.JumpTarget:
    return support.JumpTarget(
        client_id=client.id,
        group_id=client.group_id,
        name=client.name,
        key=client.key,
        hostname=client.hostname,
        platform=client.platform,
        os_name=client.os_name,
        console_user=client.console_user,
        public_ip=client.public_ip,
        private_ip=client.private_ip,
        version=client.version,
    )


def _revoke_at_relay(agent_id: str) -> None:
    bus.publish(AgentRevoked(agent_id=agent_id))  # a relay that is away learns it from its policy


def client_there(ident: str) -> JumpClient:
    """Return a client that is not removed, locked until the transaction ends. Raises NotThere."""
    client = (
        JumpClient.objects.select_for_update(of=("self",))
        .select_related("group")
        .filter(id=ident, revoked_ms=None)
        .first()
    )
    if client is None:
        raise NotThere(gettext("This Jump Client does not exist any more."))
    return client


def group_there(ident: str) -> JumpGroup:
    """Return a Jump Group. Raises NotThere."""
    group = JumpGroup.objects.filter(id=ident).first()
    if group is None:
        raise NotThere(gettext("This Jump Group does not exist any more."))
    return group


def _fill_group(group: JumpGroup, name: str, code_name: str, comments: str) -> None:
    group.name = _text("name", name, 64, needed=True)
    code = _text("code_name", code_name, 64) or re.sub(r"[^a-z0-9_-]+", "-", group.name.lower()).strip("-_")[:64]
    if not CODE_NAME.fullmatch(code):
        raise Invalid(
            "code_name", gettext("A code name has small letters, digits, - and _, and begins with a letter or digit.")
        )
    group.code_name = code
    group.comments = _text("comments", comments, MAX_COMMENTS)


def _save_group(group: JumpGroup) -> None:
    others = JumpGroup.objects.exclude(id=group.id)
    if others.filter(name=group.name).exists():
        raise Invalid("name", gettext("There is a Jump Group of this name already."))
    if others.filter(code_name=group.code_name).exists():
        raise Invalid("code_name", gettext("There is a Jump Group with this code name already."))
    group.save()


def _text(field: str, text: str, longest: int, *, needed: bool = False) -> str:
    clean = " ".join(text.split())
    if needed and not clean:
        raise Invalid(field, gettext("Fill in this field."))
    if len(clean) > longest:
        raise Invalid(field, gettext("This text is longer than %(longest)d characters.") % {"longest": longest})
    if not clean.isprintable():
        raise Invalid(field, gettext("This text has characters that cannot be shown."))
    return clean
