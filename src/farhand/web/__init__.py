"""The control plane: pages, REST, rules, transactions, audit. With the worker, the only code that opens the database.

Areas (`accounts`, `appliance`, `events`, `jobs`, `jump`, `portals`, `reports`, `routing`, `scripts`, `support`) hold
models, services (all changes), queries (all reads), forms. Faces (`login`, `portal`, `console`, `api`) call services
and queries, never models, and decide nothing.
"""
