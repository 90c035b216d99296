"""What a released model reaches: figures with intervals, trust, comparison, reports."""
