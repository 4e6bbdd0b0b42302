"""What differs, and does it matter? Features, their comparison, regions and the threshold."""
