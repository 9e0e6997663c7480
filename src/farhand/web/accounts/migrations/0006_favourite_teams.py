import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import farhand.kit.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_group_policies"),
    ]

    operations = [
        migrations.CreateModel(
            name="FavouriteTeam",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=farhand.kit.ids.new_id, editable=False, max_length=36, primary_key=True, serialize=False
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.team",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("user", "team"), name="accounts_favouriteteam_once")],
            },
        ),
    ]
