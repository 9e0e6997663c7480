from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jump", "0002_jumpclient_desktop"),
    ]

    operations = [
        migrations.AddField(
            model_name="jumpclient",
            name="tag",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
    ]
