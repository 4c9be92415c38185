"""The SQL models of a stage: their configuration, and how they are built."""
