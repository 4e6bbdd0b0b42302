"""Starts the inspection graph, for a camera driver, a folder of images, or a bag (see `pad_ros.graph.description`)."""

from functools import partial

from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node

from launch import LaunchDescription
from pad_ros.common.resources import share_folder
from pad_ros.graph.description import ARGUMENTS, ENVIRONMENT, PACKAGE, build


def start(context):
    names = [argument.name for argument in ARGUMENTS]
    described = build({name: context.launch_configurations.get(name, "") for name in names})
    return [
        LifecycleNode(
            package=PACKAGE,
            executable=process.node.name,
            name=process.node.name,
            namespace=process.namespace,
            parameters=[str(process.params_file), process.parameters],
            remappings=list(process.remappings),
            ros_arguments=["--log-level", process.log_level],
            additional_env=ENVIRONMENT,
            output="screen",
            on_exit=partial(end, process),
        )
        for process in described.processes
    ]


def end(process, event, context):
    """Ends the graph with a node that it needs, or that failed; a bag may come to its end."""
    if context.is_shutdown or not (process.required or event.returncode):
        return None
    return Shutdown(reason=f"{process.node.name} ended with exit code {event.returncode}")


def generate_launch_description():
    arguments = [
        DeclareLaunchArgument(argument.name, default_value=argument.default, description=argument.text)
        for argument in ARGUMENTS
    ]
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        namespace=LaunchConfiguration("namespace"),
        arguments=["-d", str(share_folder() / "config" / "inspection.rviz")],
        condition=IfCondition(LaunchConfiguration("rviz")),
    )
    return LaunchDescription(
        [
            *arguments,
            DeclareLaunchArgument("rviz", default_value="false", description="show images, pose and map in RViz"),
            OpaqueFunction(function=start),
            rviz,
        ]
    )
