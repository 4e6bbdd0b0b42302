"""From verdicts on images to one decision per part, and on to the PLC; knows no ROS."""
