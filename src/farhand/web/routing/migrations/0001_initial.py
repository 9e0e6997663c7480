import django.db.models.deletion
from django.db import migrations, models

import farhand.kit.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0004_teams_presence"),
    ]

    operations = [
        migrations.CreateModel(
            name="Issue",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=farhand.kit.ids.new_id,
                        editable=False,
                        max_length=36,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("description", models.CharField(max_length=128, unique=True)),
                ("code_name", models.CharField(blank=True, default="", max_length=64)),
                ("priority", models.PositiveSmallIntegerField(default=2)),
                ("help_requests", models.BooleanField(default=False)),
                ("all_portals", models.BooleanField(default=True)),
                ("portals", models.JSONField(default=list)),
                ("created_ms", models.BigIntegerField(default=0)),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.team"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="HelpRequest",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=farhand.kit.ids.new_id,
                        editable=False,
                        max_length=36,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("session_id", models.CharField(max_length=36, unique=True)),
                ("bucket", models.CharField(db_index=True, max_length=128)),
                ("created_ms", models.BigIntegerField()),
            ],
        ),
    ]
