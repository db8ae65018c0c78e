"""Pages of HTML that stand by themselves: one file, no network."""
