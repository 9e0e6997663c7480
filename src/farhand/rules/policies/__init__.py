"""The policies, one module per area. Each module has `POLICIES: dict[str, Policy]`, keyed by `area.object.verb`.

A new module in this package is found by itself (`farhand.rules.access.policies`).
"""
