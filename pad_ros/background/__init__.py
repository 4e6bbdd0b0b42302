"""What is not the part?

In: the image and the twin's silhouette. Out: the test mask M_t, and the image with the part taken out.
"""
