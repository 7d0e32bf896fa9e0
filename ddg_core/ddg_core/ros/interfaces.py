"""One table of every topic, service and action: name, type, quality of service."""

import importlib
from dataclasses import dataclass, field
from typing import Any, Literal

from rclpy.duration import Duration
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSProfile,
    ReliabilityPolicy,
)

from ddg_core.errors import UnknownName

# Camera data is worth nothing when late: best effort, newest only. What late joiners must know
# (descriptions, static frames, the world) is latched. Everything else is reliable.
SENSOR = QoSProfile(
    depth=2, history=HistoryPolicy.KEEP_LAST, reliability=ReliabilityPolicy.BEST_EFFORT
)
LATCHED = QoSProfile(
    depth=1,
    history=HistoryPolicy.KEEP_LAST,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
RELIABLE = QoSProfile(depth=10)
STREAM = QoSProfile(depth=100)
# On a bond a node only says which process it is in; whoever is on the same machine looks there. For
# others the middleware tells that it lives: seldom, since each time costs each listener 0.2 ms.
BOND, BOND_HEARD = (
    QoSProfile(
        depth=1,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
        liveliness=LivelinessPolicy.AUTOMATIC,
        liveliness_lease_duration=Duration(seconds=seconds),
    )
    for seconds in (2.0, 5.0)
)


@dataclass(frozen=True)
class Interface:
    """One name of the ROS graph, with its type as `package/kind/Type`."""

    name: str
    type_name: str
    qos: QoSProfile = field(default_factory=lambda: RELIABLE)

    @property
    def kind(self) -> Literal["msg", "srv", "action"]:
        """Whether it is a topic (msg), a service (srv) or an action."""
        kind = self.type_name.split("/")[1]
        assert kind in ("msg", "srv", "action"), self.type_name
        return kind  # type: ignore[return-value]

    def load_type(self) -> Any:
        """Import the message, service or action class."""
        package, kind, name = self.type_name.split("/")
        return getattr(importlib.import_module(f"{package}.{kind}"), name)


INTERFACES = (
    Interface("/camera/depth/image_rect_raw", "sensor_msgs/msg/Image", SENSOR),
    Interface("/camera/depth/camera_info", "sensor_msgs/msg/CameraInfo", SENSOR),
    Interface("/camera/depth/points", "sensor_msgs/msg/PointCloud2", SENSOR),
    Interface("/camera/color/image_raw", "sensor_msgs/msg/Image", SENSOR),
    Interface("/joint_states", "sensor_msgs/msg/JointState", STREAM),
    Interface("/tf", "tf2_msgs/msg/TFMessage", STREAM),
    Interface("/tf_static", "tf2_msgs/msg/TFMessage", LATCHED),
    Interface("/robot_description", "std_msgs/msg/String", LATCHED),
    Interface("/clock", "rosgraph_msgs/msg/Clock", SENSOR),
    Interface("/twin/state", "ddg_interfaces/msg/WorldState", LATCHED),
    Interface("/twin/object_sdf", "std_msgs/msg/String", LATCHED),
    Interface("/twin/move_object", "geometry_msgs/msg/PoseStamped"),
    Interface("/ground_truth/object_pose", "geometry_msgs/msg/PoseStamped"),
    Interface("/ground_truth/contacts", "ddg_interfaces/msg/Contacts"),
    Interface("/ground_truth/held", "ddg_interfaces/msg/Held"),
    Interface("/ddg/object_cloud", "sensor_msgs/msg/PointCloud2"),
    Interface("/ddg/grasps", "ddg_interfaces/msg/GraspArray"),
    Interface("/ddg/target", "ddg_interfaces/msg/Grasp"),
    Interface("/ddg/target_view", "ddg_interfaces/msg/ObjectView"),
    Interface("/ddg/target_correction", "ddg_interfaces/msg/Grasp"),
    Interface("/ddg/markers", "visualization_msgs/msg/MarkerArray"),
    Interface("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray"),
    Interface("/ddg/heartbeat", "std_msgs/msg/Bool"),  # whether the executor was told to stop
    Interface("/ddg/stop", "std_srvs/srv/Trigger"),
    Interface("/ddg/stop_button", "std_msgs/msg/Bool"),
    Interface("/ddg/stopped", "std_msgs/msg/Bool", LATCHED),  # the watchdog's word
    Interface("/ddg/reset_stop", "std_srvs/srv/Trigger"),
    Interface("/ddg/confirm", "std_srvs/srv/Trigger"),
    Interface("/ddg/go_home", "std_srvs/srv/Trigger"),
    Interface("/ddg/held", "std_srvs/srv/SetBool"),
    Interface("/ddg/capture_view", "ddg_interfaces/srv/CaptureView"),
    Interface("/ddg/generate_grasps", "ddg_interfaces/srv/GenerateGrasps"),
    Interface("/ddg/rank_grasps", "ddg_interfaces/srv/RankGrasps"),
    Interface("/ddg/plan_grasps", "ddg_interfaces/srv/PlanGrasps"),
    Interface("/ddg/check_reach", "ddg_interfaces/srv/CheckReach"),
    Interface("/ddg/plan_grasps", "ddg_interfaces/action/PlanGrasps"),
    Interface("/ddg/execute_grasp", "ddg_interfaces/action/ExecuteGrasp"),
    Interface("/ddg/run_trial", "ddg_interfaces/action/RunTrial"),
    Interface("/twin/reset_world", "ddg_interfaces/srv/ResetWorld"),
    Interface("/twin/set_pause", "ddg_interfaces/srv/SetPause"),
    Interface("/twin/step", "ddg_interfaces/srv/Step"),
    Interface("/twin/spawn_object", "ddg_interfaces/srv/SpawnObject"),
)


def bond_of(node: str) -> str:
    """The topic by which it is known that a node of ours lives."""
    return f"/{node}/bond"


def interface(name: str, kind: Literal["msg", "srv", "action"]) -> Interface:
    """Look up a name of the table; UnknownName if it is not there."""
    for entry in INTERFACES:
        if entry.name == name and entry.kind == kind:
            return entry
    raise UnknownName(f"ROS {kind}", name, (e.name for e in INTERFACES if e.kind == kind))
