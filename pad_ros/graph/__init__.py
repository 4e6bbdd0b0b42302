"""What the ROS graph is, and how it starts. Imports no ROS.

In: arguments and a parameter file. Out: the processes to start with checked parameters, or these processes running.
"""
