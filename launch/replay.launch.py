"""Replays a bag through the inspection graph, no faster than it is judged."""

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

from launch import LaunchDescription
from pad_ros.common.resources import share_folder


def generate_launch_description():
    sample = share_folder() / "sample"
    defaults = {
        "product": (str(sample / "product"), "folder of the product to inspect"),
        "bag": (str(sample / "bag"), "rosbag2 to replay"),
        "wait_for_results": ("3", "most images in flight; 0 replays in the bag's own time"),
    }
    inspection = PythonLaunchDescriptionSource(str(share_folder() / "launch" / "inspection.launch.py"))
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=value, description=text)
                for name, (value, text) in defaults.items()
            ),
            IncludeLaunchDescription(
                inspection,
                launch_arguments={name: LaunchConfiguration(name) for name in defaults}.items(),
            ),
        ]
    )
