"""The networks' weights: which there are, from where, and whether they are here.

In: names, or a profile. Out: paths of checked files. Nothing is downloaded but by `pad weights fetch`.
"""
