"""What a dataset's contract says, and the statement that judges its rows."""
