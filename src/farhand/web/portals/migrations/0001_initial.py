from django.db import migrations, models

import farhand.kit.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Portal",
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
                ("name", models.CharField(blank=True, default="", max_length=64)),
                ("is_default", models.BooleanField(default=False)),
                ("hosts", models.JSONField(default=list)),
                ("languages", models.JSONField(default=list)),
                ("session_keys", models.BooleanField(default=True)),
                ("representative_list", models.BooleanField(default=True)),
                ("all_representatives", models.BooleanField(default=True)),
                ("representatives", models.JSONField(default=list)),
                ("issue_form", models.BooleanField(default=True)),
                ("created_ms", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_default", True)),
                        fields=("is_default",),
                        name="portals_portal_one_default",
                    )
                ],
            },
        ),
    ]
