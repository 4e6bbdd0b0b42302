"""How good are the results? Metrics, tables, overlays, and the report."""
