"""What differs, and does it matter?

In: the image, the twin over the rebuilt background, a mask. Out: anomaly map, score, regions, threshold.
"""
