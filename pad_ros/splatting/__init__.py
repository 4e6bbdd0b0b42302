"""What should the part look like?

In: photos with poses (training), or a pose (inspection). Out: the twin as 3D Gaussian splats, or its picture.
"""
