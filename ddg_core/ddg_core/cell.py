"""The cell: which robot stands where, and by which names its drivers know it."""

from dataclasses import dataclass, field
from typing import Literal

from ddg_core.camera import Camera


@dataclass(frozen=True)
class CameraSettings:
    """The depth camera, standing or on the arm; its pose is in the URDF.

    Attributes:
        frame: Optical frame: x right, y down, z forward.
        intrinsics: Pinhole intrinsics shared by depth and colour.
        depth_topic: Depth image, 32FC1 in [m] or 16UC1 in [mm].
        info_topic: Camera info of the depth image.
        color_topic: Colour image.
        near, far: Range of valid depth, in [m].
    """

    frame: str
    intrinsics: Camera
    depth_topic: str
    info_topic: str
    color_topic: str
    near: float = 0.3
    far: float = 2.5


@dataclass(frozen=True)
class CalibrationSettings:
    """How the camera's pose in `xacro_args` was found; what `ddg calibrate` printed.

    Attributes:
        date: Day of the calibration, as YYYY-MM-DD.
        method: "eye_to_hand" for a camera that stands, "eye_in_hand" for one on the arm.
        residual_px: Root mean square of the corners' distances in the images, in [px].
        residual_mm: Root mean square of the board's distances between looks, in [mm].
    """

    date: str
    method: Literal["eye_to_hand", "eye_in_hand"]
    residual_px: float
    residual_mm: float


@dataclass(frozen=True)
class HandEffortSettings:
    """How hard the fingers may work, by the `effort` of their driver's joint states.

    Attributes:
        limits: By driven joint, without prefix, in the unit of the driver; joints that are not
            named are not watched.
        longest: So long a finger may be above its limit, in [s].
    """

    limits: dict[str, float]
    longest: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what would always or never stop the hand."""
        if min(self.limits.values(), default=1.0) <= 0.0:
            raise ValueError(f"limits must be positive, got {self.limits}")
        if self.longest < 0.0:
            raise ValueError(f"longest must not be negative, got {self.longest}")


@dataclass(frozen=True)
class ArmSettings:
    """The arm and its driver.

    Attributes:
        joint_names: Arm joints from base to flange, as in the URDF.
        flange: Link that the adapter is fixed to.
        action: FollowJointTrajectory action of the arm's controller.
        joint_prefix: What the driver puts before joint names.
        max_acceleration: Per joint, shape (7,), in [rad/s^2].
        speed: Share of the velocity limits used in motions, in (0, 1].
        home: Joint values to rest at, shape (7,), in [rad]; the camera sees the whole table.
    """

    joint_names: tuple[str, ...]
    flange: str
    action: str
    max_acceleration: tuple[float, ...]
    home: tuple[float, ...]
    joint_prefix: str = ""
    speed: float = 0.5

    def __post_init__(self) -> None:
        """Check that vectors have one value per joint."""
        for key in ("max_acceleration", "home"):
            if len(getattr(self, key)) != len(self.joint_names):
                raise ValueError(f"{key}: expected {len(self.joint_names)} values")
        if min(self.max_acceleration, default=0.0) <= 0.0:
            raise ValueError(f"max_acceleration must be positive, got {self.max_acceleration}")
        if not 0.0 < self.speed <= 1.0:
            raise ValueError(f"speed must be in (0, 1], got {self.speed}")


@dataclass(frozen=True)
class CellSettings:
    """Arm, hand, camera and table of one cell; one file in `config/cells`.

    Attributes:
        urdf, srdf: Robot description as `package://<package>/<path>` of a xacro.
        xacro_args: Arguments of both besides `hand`: the adapter's length, the camera's pose ...
        hand: Name of the hand's file in `config/hands`.
        hand_action: FollowJointTrajectory action of the hand's controller.
        base_frame: Frame of every pose that names no other.
        table_height: Height of the table's top in the base frame, in [m].
        workspace_low, workspace_high: Corners of the box in the base frame that {wrist} may not
            leave, in [m].
        arm: The arm and its driver.
        camera: The depth camera.
        judge: Who says whether an object was held: "ground_truth" in a twin; "fingers" that an
            object keeps from closing; "view", in which it is gone from the table; the "operator".
        simulated: A simulation: its camera stands where the URDF says.
        calibration: How the camera's pose was found; nothing moves without it on a real robot.
        hand_joint_prefix: What this cell's driver puts before the hand's joint names; None: what
            the hand's file says.
        hand_speed: Share of the finger joints' speed limits used in motions, in (0, 1].
        hand_effort: How hard the fingers may work; None: nobody looks.
        confirm: Ask the operator before every phase that moves (`/ddg/confirm`).
        payload: Mass of adapter and hand, in [kg], as told to the arm's controller.
    """

    urdf: str
    srdf: str
    hand: str
    hand_action: str
    base_frame: str
    table_height: float
    workspace_low: tuple[float, float, float]
    workspace_high: tuple[float, float, float]
    arm: ArmSettings
    camera: CameraSettings
    payload: float
    xacro_args: dict[str, str] = field(default_factory=dict)
    judge: Literal["ground_truth", "fingers", "view", "operator"] = "fingers"
    simulated: bool = False
    calibration: CalibrationSettings | None = None
    hand_joint_prefix: str | None = None
    hand_speed: float = 0.7
    hand_effort: HandEffortSettings | None = None
    confirm: bool = False

    def __post_init__(self) -> None:
        """Check the box and the share."""
        if any(a >= b for a, b in zip(self.workspace_low, self.workspace_high, strict=True)):
            raise ValueError(f"workspace_low {self.workspace_low} must be below workspace_high")
        if not 0.0 < self.hand_speed <= 1.0:
            raise ValueError(f"hand_speed must be in (0, 1], got {self.hand_speed}")
