import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_limits"),
    ]

    operations = [
        migrations.AddField("team", "persistent_queue", models.BooleanField(db_default=False, default=False)),
        migrations.AddField("team", "all_portals", models.BooleanField(db_default=True, default=True)),
        migrations.AddField("team", "portals", models.JSONField(db_default=[], default=list)),
        migrations.CreateModel(
            name="Presence",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="accounts.user",
                    ),
                ),
                ("since_ms", models.BigIntegerField()),
                ("gone_ms", models.BigIntegerField(null=True)),
            ],
        ),
    ]
