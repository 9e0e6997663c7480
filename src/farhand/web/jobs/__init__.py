"""Area `jobs`: work that takes longer than a request may, with progress, cancelling and an end.

An area that has such work brings a module `jobs` with `KINDS` (see `kinds`); its service adds a job (`services.add`)
after it has asked its own rules. The program `farhand run-jobs` (see `runner`) does one after the other, with low
priority. What a job makes lies below `jobs/` of the data folder until it expires.
"""
