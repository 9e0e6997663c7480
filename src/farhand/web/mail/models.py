"""Table of messages on their way. Times are milliseconds since 1970 UTC. (The mail server is a setting of the site.)"""

from django.conf import settings
from django.db import models

from farhand.web.project.rows import TransientRow

WAITING, SENT, FAILED = "waiting", "sent", "failed"


class Message(TransientRow):
    """One message to one address. Its text is sealed, for there may be a way into a session in it; it is emptied once
    the message is sent or given up.
    """

    purpose = models.CharField(max_length=32)
    """`test`, `session-key`."""
    sender = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    """Who sends it; None: Farhand itself."""
    to = models.CharField(max_length=254)
    about = models.CharField(max_length=128, default="", blank=True, db_index=True)
    """What it is about: `session_key:ID`."""
    sealed = models.TextField(default="", blank=True)
    """A `letters.Letter`, sealed."""
    state = models.CharField(max_length=8, default=WAITING)
    error = models.CharField(max_length=255, default="", blank=True)
    """Why the last try failed: a marked English sentence."""
    answer = models.CharField(max_length=255, default="", blank=True)
    """What the mail server said last, in its own words."""
    tries = models.PositiveSmallIntegerField(default=0)
    useful_until_ms = models.BigIntegerField(null=True)
    """After this it is not sent any more."""
    created_ms = models.BigIntegerField()
    ended_ms = models.BigIntegerField(null=True)

    class Meta:
        indexes = [models.Index(fields=["sender", "created_ms"], name="mail_message_sender")]
