"""Tables of support: session keys, sessions, invitations, legs, session events, recording segments.

Times are milliseconds since 1970 UTC. A session's life (state, queue, owner, members) follows
`farhand.rules.sessions`; its events are what the relay journaled (`source` relay) and what the control plane did
(`source` web), each numbered from 1.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models

from farhand.protocol.channels import RECORDER_GRANTS
from farhand.web.project.rows import HistoryRow, Kind, TransientRow


class SessionKey(TransientRow):
    """A one-time session key, by the HMACs of its digits and of its URL token. Used by one conditional UPDATE."""

    key_hash = models.CharField(max_length=64, unique=True)
    token_hash = models.CharField(max_length=64, unique=True)
    creator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    portal = models.CharField(max_length=128)
    lifetime_s = models.PositiveIntegerField()
    created_ms = models.BigIntegerField()
    expires_ms = models.BigIntegerField()
    used_at_ms = models.BigIntegerField(null=True)
    used_from = models.CharField(max_length=64, default="")

    class Meta:
        indexes = [models.Index(fields=["expires_ms"], name="support_sessionkey_expires")]


class KeyThrottle(models.Model):
    """Wrong keys of one address, or of everybody (`all`); see `farhand.rules.keys.Throttle`."""

    farhand_kind: ClassVar[Kind] = "transient"
    bucket = models.CharField(primary_key=True, max_length=128)
    failures = models.PositiveIntegerField(default=0)
    last_ms = models.BigIntegerField(default=0)
    until_ms = models.BigIntegerField(default=0)


class Session(HistoryRow):
    """One session: a Jump, or the help for a customer who came with a key."""

    kind = models.CharField(max_length=8)
    """`jump` or `support`."""
    state = models.CharField(max_length=8)
    """`joining`, `waiting`, `active` or `ended`."""
    queue = models.CharField(max_length=64, default="", blank=True)
    """Queue and topic: `user:ID` or `team:ID`; empty while joining and once ended."""
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    creator = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    """Who made the session key, or who Jumped."""
    members = models.JSONField(default=list)
    """User ids, longest first."""
    entry_queue = models.CharField(max_length=64, default="", db_default="", blank=True)
    """Where it waits once its customer has consented."""
    last_queue = models.CharField(max_length=64, default="", db_default="", blank=True)
    """From which queue it was accepted last."""
    queued_ms = models.BigIntegerField(null=True)
    """Since when it has waited in its queue; None while it does not."""
    routed = models.JSONField(default=dict, db_default={})
    """What was done with it by itself while nobody has accepted it (`farhand.rules.routing.Trail`)."""
    priority = models.PositiveSmallIntegerField(default=2, db_default=2)
    """1 high, 2 medium, 3 low."""
    issue_id = models.CharField(max_length=36, default="", db_default="", blank=True, db_index=True)
    request = models.JSONField(default=dict, db_default={})
    """What the customer told before (`entrances.Request`); empty for one who came with a key."""
    guests = models.JSONField(default=list, db_default=[])
    """Members who came by an invitation."""
    click_to_chat = models.BooleanField(default=False, db_default=False)
    """Its customer chats in the portal's page, and no client has taken over from there yet."""
    client_asked_ms = models.BigIntegerField(null=True)
    """When the customer of a click-to-chat was last asked to run the full client."""
    customer_removed = models.BooleanField(default=False, db_default=False)
    """The owner has disconnected the customer and goes on without."""
    jump_client_id = models.CharField(max_length=36, default="", blank=True, db_index=True)
    jump_group_id = models.CharField(max_length=36, default="", blank=True, db_index=True)
    portal = models.CharField(max_length=128, default="", blank=True)
    name = models.CharField(max_length=128)
    hostname = models.CharField(max_length=128, default="", blank=True)
    platform = models.CharField(max_length=128, default="", blank=True)
    os_name = models.CharField(max_length=128, default="", blank=True)
    console_user = models.CharField(max_length=128, default="", blank=True)
    public_ip = models.CharField(max_length=64, default="", blank=True)
    private_ip = models.CharField(max_length=128, default="", blank=True)
    client_version = models.CharField(max_length=128, default="", blank=True)
    endpoint_key = models.CharField(max_length=64, default="", blank=True)
    """Public key (hex) that the endpoint's leg proves."""
    join_hash = models.CharField(max_length=64, null=True, unique=True)
    join_expires_ms = models.BigIntegerField(default=0)
    epoch = models.BigIntegerField(default=1)
    """Number of the last decision about legs and grants of which the relay was told."""
    record = models.BooleanField(default=True)
    recorded = models.IntegerField(default=int(RECORDER_GRANTS), db_default=int(RECORDER_GRANTS))
    """What the recorder may see of it (`rules.grants.recorder_grants`)."""
    customer_connected = models.BooleanField(default=False)
    customer_gone_ms = models.BigIntegerField(null=True)
    """Since when the endpoint's client is not there; None while it is."""
    consoles_gone_ms = models.BigIntegerField(null=True)
    """Since when no console of the owner is there; None while one is."""
    journal_offset = models.BigIntegerField(default=0)
    """Bytes of the relay's journal that are imported."""
    imported_seq = models.BigIntegerField(default=0)
    created_ms = models.BigIntegerField()
    started_ms = models.BigIntegerField(null=True)
    ended_ms = models.BigIntegerField(null=True)
    end_reason = models.CharField(max_length=32, default="", blank=True)

    class Meta(HistoryRow.Meta):
        abstract = False
        indexes = [
            models.Index(fields=["state", "queue"], name="support_session_state"),
            models.Index(fields=["created_ms"], name="support_session_created"),
        ]


class Invitation(TransientRow):
    """An open invitation into an active session, or its transfer; it is gone when it is not open any more."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="invitations")
    kind = models.CharField(max_length=8)
    """`share` or `transfer`."""
    sender = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    target = models.CharField(max_length=64, db_index=True)
    """The queue in which it stands, and its topic: `user:ID` or `team:ID`."""
    issue = models.CharField(max_length=128, default="", blank=True)
    created_ms = models.BigIntegerField()


class Leg(HistoryRow):
    """One party's place in a session: 1 is the endpoint, consoles count from 2 (one leg per console tab)."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="legs")
    number = models.PositiveIntegerField()
    party = models.PositiveSmallIntegerField()
    subject = models.CharField(max_length=128)
    name = models.CharField(max_length=128)
    user_id = models.CharField(max_length=36, default="", blank=True)
    tab = models.CharField(max_length=64, default="", blank=True)
    grants = models.BigIntegerField()
    limits = models.JSONField(default=dict, db_default={})
    """Where the grants hold: a `farhand.protocol.messages.Limits`."""
    connected = models.BooleanField(default=False)
    created_ms = models.BigIntegerField()
    left_ms = models.BigIntegerField(null=True)

    class Meta(HistoryRow.Meta):
        abstract = False
        constraints = [
            *HistoryRow.Meta.constraints,
            models.UniqueConstraint(fields=["session", "number"], name="support_leg_number"),
        ]


class SessionEvent(HistoryRow):
    """One thing that happened in a session. From the relay: a journal entry, imported once by its `seq`."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="events")
    source = models.CharField(max_length=8)
    """`relay` or `web`."""
    seq = models.BigIntegerField()
    time_ms = models.BigIntegerField()
    kind = models.CharField(max_length=128)
    leg = models.PositiveIntegerField(default=0)
    party = models.PositiveSmallIntegerField(default=0)
    subject = models.CharField(max_length=512, default="", blank=True)
    name = models.CharField(max_length=128, default="", blank=True)
    text = models.TextField(default="", blank=True)
    data = models.JSONField(default=dict)

    class Meta(HistoryRow.Meta):
        abstract = False
        constraints = [
            *HistoryRow.Meta.constraints,
            models.UniqueConstraint(fields=["session", "source", "seq"], name="support_sessionevent_seq"),
        ]
        indexes = [models.Index(fields=["session", "time_ms"], name="support_sessionevent_time")]


class RecordingSegment(HistoryRow):
    """Key material of one recording segment: one per incarnation of the relay that records the session.

    `data_key` is wrapped by the appliance's recordings key, so that this table alone opens nothing. The signing seed
    is not kept at all: a segment's keys are told to one relay once.
    """

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="segments")
    segment = models.PositiveIntegerField()
    relay_id = models.CharField(max_length=36, default="", blank=True)
    """The incarnation that asked for it; empty for the first segment, which is made with the session."""
    created_ms = models.BigIntegerField()
    certificate = models.TextField()
    data_key = models.TextField()

    class Meta(HistoryRow.Meta):
        abstract = False
        constraints = [
            *HistoryRow.Meta.constraints,
            models.UniqueConstraint(fields=["session", "segment"], name="support_recordingsegment_number"),
        ]


class RelaySeen(models.Model):
    """The incarnation of the relay that the legs' `connected` speaks of: one row, `relay`."""

    farhand_kind: ClassVar[Kind] = "transient"
    key = models.CharField(primary_key=True, max_length=8)
    relay_id = models.CharField(max_length=36)
