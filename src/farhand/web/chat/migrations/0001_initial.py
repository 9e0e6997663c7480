from django.db import migrations, models

import farhand.kit.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="TeamMessage",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=farhand.kit.ids.new_id, editable=False, max_length=36, primary_key=True, serialize=False
                    ),
                ),
                ("origin", models.CharField(editable=False, max_length=36)),
                ("sequence", models.BigIntegerField(editable=False)),
                ("team_id", models.CharField(max_length=36)),
                ("sender_id", models.CharField(max_length=36)),
                ("sender_name", models.CharField(max_length=64)),
                ("post", models.CharField(max_length=36)),
                ("text", models.TextField()),
                ("time_ms", models.BigIntegerField()),
            ],
            options={
                "abstract": False,
                "indexes": [models.Index(fields=["team_id", "id"], name="chat_message_team")],
                "constraints": [
                    models.UniqueConstraint(fields=("origin", "sequence"), name="chat_teammessage_origin_sequence"),
                    models.UniqueConstraint(fields=("sender_id", "post"), name="chat_message_post_once"),
                ],
            },
        ),
    ]
