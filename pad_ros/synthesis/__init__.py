"""The data-set generator: vehicles of placed coloured parts, rendered by Blender on a conveyor."""
