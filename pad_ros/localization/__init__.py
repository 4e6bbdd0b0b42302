"""Where is the camera?

In: an image and the part's SfM map (built here from photos with poses). Out: the camera-to-object pose.
"""
