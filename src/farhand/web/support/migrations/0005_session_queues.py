from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("support", "0004_session_recorded"),
    ]

    operations = [
        migrations.AddField(
            "session", "entry_queue", models.CharField(blank=True, db_default="", default="", max_length=64)
        ),
        migrations.AddField(
            "session", "last_queue", models.CharField(blank=True, db_default="", default="", max_length=64)
        ),
        migrations.AddField("session", "queued_ms", models.BigIntegerField(null=True)),
        migrations.AddField("session", "routed", models.JSONField(db_default={}, default=dict)),
        migrations.AddField("session", "priority", models.PositiveSmallIntegerField(db_default=2, default=2)),
        migrations.AddField(
            "session",
            "issue_id",
            models.CharField(blank=True, db_default="", db_index=True, default="", max_length=36),
        ),
        migrations.AddField("session", "request", models.JSONField(db_default={}, default=dict)),
    ]
