"""What is done about an alert: live, on paper, and the ledger of what came of it."""
