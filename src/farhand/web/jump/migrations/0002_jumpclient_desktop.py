from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jump", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="jumpclient",
            name="desktop",
            field=models.JSONField(default=None, null=True),
        ),
    ]
