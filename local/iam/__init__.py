"""Who calls and what they may: roles, policies, keys, and the ledger of all calls."""
