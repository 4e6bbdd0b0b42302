"""What happens to the part?

In: the verdicts on its images. Out: one decision per part, and its way to the PLC. Knows no ROS.
"""
