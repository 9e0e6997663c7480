"""See the models of this area."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("support", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="session",
            name="customer_gone_ms",
            field=models.BigIntegerField(null=True),
        ),
    ]
