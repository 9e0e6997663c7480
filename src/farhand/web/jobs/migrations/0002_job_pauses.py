from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0001_initial"),
    ]

    operations = [
        migrations.AddField(model_name="job", name="due_ms", field=models.BigIntegerField(db_default=0, default=0)),
        migrations.AddField(
            model_name="job", name="pauses", field=models.PositiveSmallIntegerField(db_default=0, default=0)
        ),
    ]
