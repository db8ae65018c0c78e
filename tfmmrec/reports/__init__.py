"""What people read: console tables, HTML pages, cards and data validation."""
