from django.db import migrations, models

import farhand.kit.ids


class Migration(migrations.Migration):
    dependencies = [
        ("routing", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="WaitingRule",
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
                ("position", models.PositiveIntegerField()),
                ("source", models.CharField(max_length=64)),
                ("when", models.CharField(max_length=8)),
                ("after_s", models.PositiveIntegerField(default=0)),
                ("target", models.CharField(blank=True, default="", max_length=64)),
                ("text", models.CharField(blank=True, default="", max_length=500)),
                ("created_ms", models.BigIntegerField(default=0)),
            ],
        ),
    ]
