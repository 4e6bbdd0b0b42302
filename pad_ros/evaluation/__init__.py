"""How good are the results?

In: inspections, and a data set's labels. Out: metrics, tables, overlays, `results.jsonl` and the report.
"""
