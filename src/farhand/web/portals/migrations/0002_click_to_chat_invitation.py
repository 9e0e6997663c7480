from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portals", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="portal", name="click_to_chat", field=models.BooleanField(db_default=True, default=True)
        ),
        migrations.AddField(
            model_name="portal", name="invitation", field=models.JSONField(db_default={}, default=dict)
        ),
    ]
