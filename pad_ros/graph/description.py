"""The ROS graph, described once: `NODES` says what each node takes and means, `ARGUMENTS` what a user may say at start.

Imports no ROS. `build.py` turns arguments into processes.
"""

from __future__ import annotations

from pad_ros.conveyor.policy import IMPLEMENTATIONS as POLICIES
from pad_ros.conveyor.policy import PolicyChoice
from pad_ros.graph.line import GATE, PLC
from pad_ros.graph.page import PAGE, PAGE_ARGUMENTS
from pad_ros.graph.parameters import Argument, Node, Parameter

PACKAGE = "pad_ros"


# What the nodes' environment has, unless the user's says otherwise.
ENVIRONMENT = {
    # Several nodes share the cores: threads that wait must not keep them busy, and small matrix products need only one.
    "OMP_WAIT_POLICY": "PASSIVE",
    "OPENBLAS_NUM_THREADS": "1",
    # A process that is killed while it reads from Fast DDS's shared memory never gives its piece of it back: after some
    # kills the camera has none left to send images with. UDP on the same machine is as fast.
    "FASTDDS_BUILTIN_TRANSPORTS": "UDPv4",
}

_AUTOSTART = Parameter("autostart", True, "configure and activate by itself; false leaves it to a lifecycle manager")
_TRANSPORT = Parameter(
    "image_transport",
    "raw",
    "image_raw as Image, or image_raw/compressed as CompressedImage",
    choices=("raw", "compressed"),
)
_QOS = Parameter(
    "image_qos",
    "reliable",
    "of the image subscription; sensor_data for a camera driver that publishes best effort",
    choices=("reliable", "sensor_data"),
)
_PRODUCT = Parameter("product", "", "folder of the product to inspect, made by `pad train`", path=True)
_QUEUE = Parameter("queue_size", 100, "images kept waiting; each one more leaves an ERROR result at once", 1, 10_000)
_JOIN = Parameter(
    "join_timeout", 30.0, "seconds without progress upstream until an image is given up with TIMEOUT", 0.1, 3600.0
)
_JOURNAL = Parameter(
    "journal",
    "",
    "file by which the node goes on when it is started again after a crash, with what was chosen while it ran beside "
    "it; empty: the launcher's own",
    path=True,
)
_RECTIFIED = Parameter(
    "images_rectified", False, "the images are rectified: of camera_info, P is theirs, and not K and D"
)
_RATE = Parameter("rate", 2.0, "images per second", 0.01, 1000.0)
_LOOP = Parameter("loop", False, "start again at the end, with new stamps")
_WAIT_RESULTS = Parameter(
    "wait_for_results", 0, "publish no more while so many results are outstanding; 0: never wait", 0, 1000
)
WAIT_SUBSCRIBERS = Parameter("wait_for_subscribers", 3, "begin once so many subscribe to the images", 0, 100)
_FRAME = Parameter("frame_id", "camera_optical_frame", "frame of the images' header")

_RECORDS = Parameter("records", "", "folder in which verdicts and decisions are kept; empty: none are", path=True)
_STATION = Parameter("station", "", "name of this station in the records; empty: the host's name")

SOURCES = {"camera": "source", "bag_player": "bag"}  # started by this argument; may come to their end
STARTED_BY = {**SOURCES, "records": "records", "dashboard": "dashboard"}
SPARE = ("dashboard",)  # the line goes on without these when they cannot
_NAMES = r"[A-Za-z_]\w*(/[A-Za-z_]\w*)*"  # as ROS takes them
_TOPIC = rf"(~?/)?{_NAMES}"
_STAGE = (_AUTOSTART, _PRODUCT, _TRANSPORT, _QOS, _QUEUE)

NODES: dict[str, Node] = {
    node.name: node
    for node in (
        Node(
            "camera",
            "publishes a folder, a data-set class, a video device or a video file",
            (
                _AUTOSTART,
                Parameter(
                    "source", "", "folder of images, data-set class, video file, or number of a video device", path=True
                ),
                Parameter(
                    "product",
                    "",
                    "folder of the product whose intrinsics go to camera_info; empty: the class's",
                    path=True,
                ),
                Parameter(
                    "image_transport", "raw", "publish image_raw or image_raw/compressed", choices=("raw", "compressed")
                ),
                _RATE,
                _LOOP,
                _WAIT_RESULTS,
                WAIT_SUBSCRIBERS,
                _FRAME,
            ),
        ),
        Node(
            "bag_player",
            "publishes the topics of a rosbag2",
            (
                _AUTOSTART,
                Parameter("bag", "", "folder of the rosbag2", path=True),
                Parameter("rate", 1.0, "factor on the recorded speed", 0.001, 10_000.0),
                _LOOP,
                _WAIT_RESULTS,
                WAIT_SUBSCRIBERS,
                Parameter("publish_clock", False, "publish /clock, for nodes with use_sim_time"),
                Parameter("image_topic", "", "recorded topic of the images; empty: image_raw"),
                Parameter("camera_info_topic", "", "recorded topic of the camera_info; empty: camera_info"),
            ),
        ),
        Node(
            "localization",
            "finds the camera-to-object pose of each image",
            (*_STAGE, _JOURNAL, _RECTIFIED),
            ("camera_pose", "camera_pose/stamped", "map_points", "twin"),
        ),
        Node("background", "separates part and background", (*_STAGE, _JOIN, _JOURNAL), ("object_mask", "background")),
        Node(
            "anomaly",
            "compares each image with the twin and judges it",
            (
                *_STAGE,
                _JOIN,
                _JOURNAL,
                Parameter("publish_images", True, "publish heatmap, overlay and reference too", live=True),
            ),
            (
                "anomaly",
                "anomaly/detections",
                "anomaly/heatmap",
                "anomaly/heatmap/colour",
                "anomaly/overlay",
                "anomaly/reference",
            ),
        ),
        Node(
            "conveyor",
            "turns the results into one reject command per part",
            (
                _AUTOSTART,
                Parameter("policy", PolicyChoice.name, "rule for rejecting a part", choices=tuple(POLICIES)),
                Parameter("votes", 2, "anomalous views that reject a part, for the policy votes", 1, 1000),
                Parameter("max_unjudged", 0, "views without result that do not count against a part", 0, 1000),
                _PRODUCT,
                Parameter(
                    "part_timeout", 60.0, "seconds until a part is decided without its missing views", 0.1, 3600.0
                ),
                *GATE,
                *PLC,
                _JOURNAL,
                _RECORDS,
                _STATION,
            ),
            ("reject",),
        ),
        Node(
            "records",
            "keeps every verdict and decision, and pictures",
            (
                *(parameter for parameter in _STAGE if parameter is not _QUEUE),
                Parameter("queue_size", 100, "images kept until their result comes", 1, 10_000),
                _JOURNAL,
                _RECORDS,
                _STATION,
                Parameter(
                    "keep_passes",
                    0.02,
                    "share of the good images that is kept; others are all kept",
                    0.0,
                    1.0,
                    live=True,
                ),
                Parameter("keep_heatmaps", False, "keep the anomaly maps of the kept images too"),
                Parameter("picture_days", 30.0, "days after which a picture goes", 0.0, 100_000.0),
                Parameter("picture_gb", 20.0, "gigabytes that the pictures may take; the oldest go", 0.0, 1_000_000.0),
                Parameter("free_gb", 1.0, "gigabytes of the disk that pictures leave free", 0.0, 1_000_000.0),
                Parameter("row_days", 730.0, "days after which verdicts and decisions go", 0.0, 100_000.0),
            ),
        ),
        Node(
            "dashboard",
            "serves the operator's page",
            (_AUTOSTART, _PRODUCT, _TRANSPORT, _QOS, _STATION, *PAGE),
        ),
    )
}

# What the graph itself says: a bag that has recorded it must not say it again.
OUTPUTS = ("/diagnostics", *(topic for node in NODES.values() for topic in node.publishes))

ARGUMENTS: tuple[Argument, ...] = (
    Argument("product", "", "folder of the product to inspect (required)", path=True),
    Argument("bag", "", "rosbag2 to replay", (("bag_player", "bag"),), path=True),
    Argument(
        "source", "", "folder, data-set class or video to publish as a camera", (("camera", "source"),), path=True
    ),
    Argument(
        "rate",
        "",
        "of the bag: factor on its speed; of the camera: images per second",
        (("bag_player", "rate"), ("camera", "rate")),
    ),
    Argument("loop", "", "replay for ever", (("bag_player", "loop"), ("camera", "loop"))),
    Argument(
        "wait_for_results",
        "",
        "replay no faster than results come: most images in flight",
        (("bag_player", "wait_for_results"), ("camera", "wait_for_results")),
    ),
    Argument(
        "image_transport",
        "auto",
        "raw, compressed, or auto: what the bag holds, else raw",
        choices=("auto", "raw", "compressed"),
    ),
    Argument(
        "image_qos",
        "",
        "reliable or sensor_data",
        tuple((n, "image_qos") for n in ("localization", "background", "anomaly", "records", "dashboard")),
    ),
    Argument(
        "image_topic",
        "",
        "image topic of a camera driver or a bag, in place of image_raw",
        pattern=_TOPIC,
        example="/camera/image_raw",
    ),
    Argument(
        "camera_info_topic",
        "",
        "camera_info topic of a camera driver or a bag",
        pattern=_TOPIC,
        example="/camera/camera_info",
    ),
    Argument(
        "images_rectified",
        "",
        "true when the images are rectified and camera_info is the raw camera's",
        (("localization", "images_rectified"),),
    ),
    Argument("plc", "", "driver of the conveyor's PLC", (("conveyor", "plc"),)),
    Argument("plc_address", "", "of the PLC, for the drivers modbus and opcua", (("conveyor", "plc_address"),)),
    Argument("gate", "", "when commands go to the PLC: none (at once), early or timed", (("conveyor", "gate"),)),
    Argument("dry_run", "", "true tells the PLC that every part is good", (("conveyor", "dry_run"),)),
    Argument(
        "records",
        "",
        "folder in which every verdict and decision is kept; without it, none is",
        (("records", "records"), ("conveyor", "records")),
        path=True,
    ),
    Argument(
        "station", "", "name of this station", tuple((n, "station") for n in ("records", "conveyor", "dashboard"))
    ),
    *PAGE_ARGUMENTS,
    Argument(
        "nodes",
        "",
        "only these nodes of the graph, which spans several hosts",
        pattern=r"\w+(,\w+)*",
        example="camera,conveyor",
    ),
    Argument(
        "namespace", "", "namespace of the graph: one per camera", pattern=rf"/|/?{_NAMES}", example="line_1/camera_2"
    ),
    Argument("params_file", "", "parameters; empty: config/inspection.yaml of this package", path=True),
    Argument(
        "autostart", "", "false leaves the nodes to a lifecycle manager", tuple((name, "autostart") for name in NODES)
    ),
    Argument(
        "log_level",
        "info",
        "of all nodes: debug, info, warn, error or fatal",
        choices=("debug", "info", "warn", "error", "fatal"),
    ),
)
