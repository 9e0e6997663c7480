from __future__ import annotations

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import farhand.kit.ids


def key() -> models.Field[Any, Any]:
    return models.CharField(
        default=farhand.kit.ids.new_id, editable=False, max_length=36, primary_key=True, serialize=False
    )


def to(model: str, name: str, *, constraint: bool = True) -> models.Field[Any, Any]:
    return models.ForeignKey(
        on_delete=django.db.models.deletion.CASCADE, related_name=name, to=model, db_constraint=constraint
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_teams_presence"),
    ]

    operations = [
        migrations.CreateModel(
            name="GroupPolicy",
            fields=[
                ("id", key()),
                ("name", models.CharField(max_length=64, unique=True)),
                ("comments", models.CharField(blank=True, default="", max_length=1024)),
                ("position", models.PositiveIntegerField()),
                ("definitions", models.JSONField(default=dict)),
                ("jump_groups", models.JSONField(default=dict)),
                ("created_ms", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="GroupPolicyMember",
            fields=[
                ("id", key()),
                ("policy", to("accounts.grouppolicy", "members")),
                ("user", to(settings.AUTH_USER_MODEL, "policy_places")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("policy", "user"), name="accounts_grouppolicymember_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="GroupPolicyTeam",
            fields=[
                ("id", key()),
                ("role", models.CharField(max_length=8)),
                ("policy", to("accounts.grouppolicy", "teams")),
                ("team", to("accounts.team", "policies", constraint=False)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("policy", "team"), name="accounts_grouppolicyteam_once")
                ],
            },
        ),
    ]
