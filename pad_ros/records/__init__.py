"""What was decided, and on what grounds?

In: verdicts, decisions and the PLC's answers. Out: one SQLite file with pictures beside it, kept within limits; a
shift's report, tables, replay; copies in a plant's PostgreSQL. Knows no ROS.
"""
