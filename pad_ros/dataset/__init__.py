"""The data set: class folders of photos with poses, and of test images.

In: a class folder, MAD-Sim's or ours, with the cameras of any converter. Out: its views, lenses and labels.
"""
