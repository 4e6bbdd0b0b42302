"""The conveyor node's parameters of the line: the belt, the gate and the PLC. Imports no ROS."""

from __future__ import annotations

from pad_ros.conveyor.gate import MODES
from pad_ros.conveyor.plc import IMPLEMENTATIONS as PLC_DRIVERS
from pad_ros.graph.parameters import Parameter

BELTS = {"steady": "", "speed": "belt/speed", "ticks": "belt/ticks", "joint_state": "belt/joint_states"}  # topics

GATE = (
    Parameter(
        "gate",
        "none",
        "commands go to the PLC once decided, with no regard to the gate (none); once decided, at the latest when they"
        " must (early); when they must (timed)",
        choices=MODES,
    ),
    Parameter("gate_distance", 1.0, "metres from a part's place in its last image to the reject gate", 0.0, 1000.0),
    Parameter("gate_tolerance", 0.05, "metres; a part further past the point of action is not acted on", 0.0, 10.0),
    Parameter("actuator_lead", 0.1, "seconds that a command and the actuator take: so early it must leave", 0.0, 60.0),
    Parameter(
        "fail_safe",
        "reject",
        "of a part that comes to the gate undecided; pass: unless a view that was judged speaks against it",
        choices=("reject", "pass"),
    ),
    Parameter("dry_run", False, "decisions are made, published and kept; the PLC is told that every part is good"),
    Parameter(
        "announced_by",
        "part_view",
        "topic that says that an image was taken; camera_info: of a camera without part_view, one image per part",
        choices=("part_view", "camera_info"),
    ),
    Parameter("image_latency", 0.0, "seconds from an image's exposure until it is announced", 0.0, 10.0),
    Parameter("belt", "steady", "how the belt's way is known: by belt_speed alone, or a topic", choices=tuple(BELTS)),
    Parameter("belt_speed", 0.2, "metres per second; with a topic, the fastest", 0.001, 100.0),
    Parameter(
        "belt_topic", "", "of Float64 (m/s), Int64 or JointState; empty: " + ", ".join(filter(None, BELTS.values()))
    ),
    Parameter("belt_joint", "", "the joint that the belt is; empty: the first"),
    Parameter("metres_per_tick", 0.001, "of an encoder's count; of a joint: per unit, a roller's radius", -10.0, 10.0),
    Parameter(
        "belt_silence",
        1.0,
        "seconds without word of the belt until that is a fault; 0: an encoder that speaks only when it moves",
        0.0,
        3600.0,
    ),
)

PLC = (
    Parameter("plc", "log", "driver of the conveyor's PLC", choices=tuple(PLC_DRIVERS)),
    Parameter("plc_log", "", "file to which the driver log appends; empty: standard output", path=True),
    Parameter("plc_timeout", 5.0, "seconds for which a command is offered to a failing PLC", 0.0, 3600.0),
    Parameter("plc_heartbeat", 1.0, "seconds from one heartbeat to the PLC to the next; 0: none", 0.0, 3600.0),
    Parameter("plc_address", "", "modbus: host, host:port or a serial device; opcua: opc.tcp://host:port"),
    Parameter("plc_answer_timeout", 1.0, "seconds for which modbus and opcua wait for an answer", 0.01, 60.0),
    Parameter("plc_unit", 1, "modbus: number of the PLC on its line", 0, 255),
    Parameter("plc_serial", "19200 8E1", "modbus: speed and frame of the serial line"),
    Parameter("plc_first_register", 0, "modbus: first of 14 holding registers, from 0", 0, 65_522),
    Parameter("plc_first_coil", 0, "modbus: first of 2 coils, from 0", 0, 65_534),
    Parameter("plc_node_ids", "ns=2;s=Pad.{}", "opcua: the variables' node ids, {} for their names"),
    Parameter("plc_security", "", "opcua: Policy,Mode,certificate,key as asyncua takes it; empty: none"),
)
