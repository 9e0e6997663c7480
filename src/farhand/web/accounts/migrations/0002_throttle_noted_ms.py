"""See the models of this area."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="throttle",
            name="noted_ms",
            field=models.BigIntegerField(default=0),
        ),
    ]
