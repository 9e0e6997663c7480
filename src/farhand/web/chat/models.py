"""Tables of team chat. Times are milliseconds UTC."""

from django.db import models

from farhand.web.project.rows import HistoryRow


class TeamMessage(HistoryRow):
    """What a member of a team said to the team. Its id rises with time."""

    team_id = models.CharField(max_length=36)
    sender_id = models.CharField(max_length=36)
    sender_name = models.CharField(max_length=64)
    """As the sender was called then."""
    post = models.CharField(max_length=36)
    """The sender's own id of it: a repetition is no second message."""
    text = models.TextField()
    time_ms = models.BigIntegerField()

    class Meta(HistoryRow.Meta):
        abstract = False
        indexes = [models.Index(fields=["team_id", "id"], name="chat_message_team")]
        constraints = [
            *HistoryRow.Meta.constraints,
            models.UniqueConstraint(fields=["sender_id", "post"], name="chat_message_post_once"),
        ]
