"""The bench: measures what DESIGN promises and writes a table. Run it with `make bench` or `python -m tests.bench
[NAME...]`.

One file per measurement (`m_*.py`, each with `measure(stage) -> list[Row]`), and few common modules: `stage` (what a
run shares: folder, relay, clean-up), `load` (load clients in processes of their own), `procs` (processes, CPU,
memory), `table` (rows, percentiles, verdicts), `targets` (the promised figures), `machine` (what ran it).

Rules: 127.0.0.0/8 only; every process that is started is ended by its id; nothing here asserts a time: a missed
target is a line in the table. docs/bench.md says how to read it.
"""
