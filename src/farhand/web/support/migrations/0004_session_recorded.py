from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("support", "0003_limits"),
    ]

    operations = [
        migrations.AddField(
            model_name="session",
            name="recorded",
            field=models.IntegerField(db_default=10, default=10),
        ),
    ]
