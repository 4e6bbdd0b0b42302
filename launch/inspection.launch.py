"""Starts the inspection graph, for a camera driver, a folder of images, or a bag (see `pad_ros.graph.description`)."""

import atexit
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction, Shutdown, TimerAction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node

from launch import LaunchDescription
from pad_ros.common.resources import share_folder
from pad_ros.graph.build import build
from pad_ros.graph.description import ARGUMENTS, ENVIRONMENT, PACKAGE
from pad_ros.graph.restarts import GaveUpError, RestartPolicy


def start(context):
    names = [argument.name for argument in ARGUMENTS]
    described = build({name: context.launch_configurations.get(name, "") for name in names})
    journals = TemporaryDirectory(prefix="pad-launch-")
    policy = RestartPolicy()
    atexit.register(journals.cleanup)
    return [node(process, Path(journals.name), policy) for process in described.processes]


def node(process, journals, policy):
    begun = time.monotonic()

    def on_exit(event, context):
        """Starts a node that died again; ends the graph when that is of no use. A bag may come to its end."""
        if context.is_shutdown or not (process.required or event.returncode):
            return None
        if not process.required:
            return end(f"{process.node.name} ended with exit code {event.returncode}")
        try:
            delay = policy.delay(process.node.name, event.returncode, time.monotonic() - begun)
        except GaveUpError as error:
            return [LogInfo(msg=f"{error}; the line goes on without it")] if process.spare else end(str(error))
        return [
            LogInfo(msg=f"{process.node.name} died (exit code {event.returncode}); started again in {delay:.1f} s"),
            TimerAction(period=delay, actions=[OpaqueFunction(function=lambda _: [node(process, journals, policy)])]),
        ]

    return LifecycleNode(
        package=PACKAGE,
        executable=process.node.name,
        name=process.node.name,
        namespace=process.namespace,
        parameters=[str(process.params_file), process.with_journal(journals)],
        remappings=list(process.remappings),
        ros_arguments=["--log-level", process.log_level],
        additional_env={name: value for name, value in ENVIRONMENT.items() if name not in os.environ},
        output="screen",
        sigterm_timeout="10",
        on_exit=on_exit,
    )


def end(reason):
    return [LogInfo(msg=f"the graph ends: {reason}"), Shutdown(reason=reason)]


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
