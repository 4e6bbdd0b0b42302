"""The data-set generator.

In: an assembly of coloured parts (ours, LDraw or glTF). Out: a class folder of images that Blender rendered.
"""
