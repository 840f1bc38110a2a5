"""What is made of a run's record: report, comparison, cost, advice, and the live view."""
