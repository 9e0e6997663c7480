"""The core: who the agent is (identity), whom it trusts (site), its link (link), what it serves (session)."""
