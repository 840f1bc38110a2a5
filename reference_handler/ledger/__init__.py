"""Ledgers: who works on which business key, and which are done. The seam is in `ledger.py`."""
