import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import farhand.kit.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Message",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=farhand.kit.ids.new_id, editable=False, max_length=36, primary_key=True, serialize=False
                    ),
                ),
                ("purpose", models.CharField(max_length=32)),
                ("to", models.CharField(max_length=254)),
                ("about", models.CharField(blank=True, db_index=True, default="", max_length=128)),
                ("sealed", models.TextField(blank=True, default="")),
                ("state", models.CharField(default="waiting", max_length=8)),
                ("error", models.CharField(blank=True, default="", max_length=255)),
                ("answer", models.CharField(blank=True, default="", max_length=255)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("useful_until_ms", models.BigIntegerField(null=True)),
                ("created_ms", models.BigIntegerField()),
                ("ended_ms", models.BigIntegerField(null=True)),
                (
                    "sender",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"indexes": [models.Index(fields=["sender", "created_ms"], name="mail_message_sender")]},
        ),
    ]
