"""Images in.

In: a folder, a data-set class, a video or a rosbag2. Out: its images in order, with the part that each shows.
"""
