"""What has run: summaries of runs, filters, the best one, what differs between two, tags, notes."""
