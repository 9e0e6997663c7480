from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("support", "0006_collaboration"),
    ]

    operations = [
        migrations.AddField(
            model_name="session", name="click_to_chat", field=models.BooleanField(db_default=False, default=False)
        ),
        migrations.AddField(model_name="session", name="client_asked_ms", field=models.BigIntegerField(null=True)),
    ]
