"""Settings of the capture node."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class CaptureSettings:
    """Where views come from and how fresh they must be; the file is `config/capture.yaml`.

    Attributes:
        source: "depth": depth image and camera info; "cloud": a PointCloud2 of the camera.
        cloud_topic: Topic of that cloud; the topics of the image are the cell's.
        select: Which object to take where a request does not say: "largest", or "nearest" to the
            middle of the table in front of the robot.
        middle: That middle, in the base frame, in [m].
        max_age: Oldest view to accept, in [s]; 0 takes only what was exposed after the request.
        wait: Longest wait for such a view, in [s].
        wait_for_frame: Longest wait for its transform, in [s].
        filter_robot: Leave out the points on the robot's own links; needs /joint_states.
        joints_max_age: Oldest joint state to trust for that, before the exposure, in [s].
        seed: Of the robust fit of the table: the same image gives the same view.
    """

    source: Literal["depth", "cloud"] = "depth"
    cloud_topic: str = "/camera/depth/points"
    select: Literal["largest", "nearest"] = "largest"
    middle: tuple[float, float, float] = (0.55, 0.0, 0.0)
    max_age: float = 0.0
    wait: float = 5.0
    wait_for_frame: float = 1.0
    filter_robot: bool = True
    joints_max_age: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse negative times."""
        for name in ("max_age", "wait", "wait_for_frame", "joints_max_age"):
            if getattr(self, name) < 0.0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
