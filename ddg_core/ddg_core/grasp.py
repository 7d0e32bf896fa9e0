"""One class says what a grasp is: shapes, frames, units, order."""

from dataclasses import dataclass, field

import numpy as np

from ddg_core.arrays import Array, frozen_array
from ddg_core.errors import BadInput


@dataclass(frozen=True, eq=False)
class Grasp:
    """One reach-to-grasp motion of a hand, as K >= 2 waypoints.

    Waypoint 0 is the pre-grasp, waypoint K-2 the grasp (fingers at the surface), waypoint K-1
    the squeeze (finger targets inside the object, so that the position controllers press).
    Between waypoints the wrist moves straight and the fingers linearly; where the wrist stays,
    only the fingers move. {base} is the robot base, {wrist} the hand's base_link. D is the
    number of driven finger joints, in the order of `Hand.joint_names`.

    Attributes:
        T_base_wrist: Wrist pose per waypoint, shape (K, 4, 4), translation in [m].
        joints: Driven finger joints per waypoint, shape (K, D), in [rad].
        hand: Name of the hand, e.g. "svh".
        kind: Demonstrated grasp that it was transferred from, e.g. "pinch".
        log_likelihood: Generative score: a log density, on a scale that grasp types share; higher
            is better.
        contacts: Expected contact points in the base frame, shape (C, 3), in [m].
        p_success: Predicted success probability in [0, 1]; None until evaluated.
        p_std: Standard deviation of `p_success`; None until evaluated.
        reachability: Margin of the arm at the grasp in [0, 1], 0 = out of reach; None until asked.
        clearance: Least distance of hand to table and obstacles on the way in, in [m]; None
            until checked.
        score: What the ranking sorts by; higher is better.
        models: Ids (content hashes) of the models that made and judged it, by role.
    """

    T_base_wrist: Array
    joints: Array
    hand: str
    kind: str
    log_likelihood: float
    contacts: Array = field(default_factory=lambda: np.zeros((0, 3)))
    p_success: float | None = None
    p_std: float | None = None
    reachability: float | None = None
    clearance: float | None = None
    score: float = 0.0
    models: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        """Check and freeze the arrays."""
        T_base_wrist = frozen_array("Grasp.T_base_wrist", self.T_base_wrist, None, 4, 4)
        joints = frozen_array("Grasp.joints", self.joints, len(T_base_wrist), None)
        if len(joints) < 2:
            raise BadInput(f"Grasp: needs at least 2 waypoints, got {len(joints)}")
        if self.p_success is not None and not 0.0 <= self.p_success <= 1.0:
            raise BadInput(f"Grasp.p_success: must be in [0, 1], got {self.p_success}")
        object.__setattr__(self, "T_base_wrist", T_base_wrist)
        object.__setattr__(self, "joints", joints)
        object.__setattr__(self, "contacts", frozen_array("Grasp.contacts", self.contacts, None, 3))

    @property
    def T_base_wrist_grasp(self) -> Array:
        """Wrist pose with the fingers at the surface, shape (4, 4)."""
        T_base_wrist: Array = self.T_base_wrist[-2]
        return T_base_wrist
