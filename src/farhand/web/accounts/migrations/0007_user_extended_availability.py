from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_favourite_teams")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="extended_availability",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
