"""A cheap guess of what an arm can reach, so that the search looks where it pays.

Whether a grasp is really within reach is asked of `/ddg/check_reach` afterwards.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ddg_core.arrays import Array
from ddg_core.transforms import apply, inverse
from ddg_planning.generate.rotations import rotate


@dataclass(frozen=True)
class ArmSettings:
    """An arm with a spherical shoulder and a spherical wrist.

    Attributes:
        shoulder: Where the first three axes meet, in the base frame, in [m].
        wrist_centre: Where the last three axes meet, in {wrist} of the hand, in [m].
        least, most: Distances between the two that the elbow allows, in [m].
        lowest: Least height of the wrist centre in the base frame, in [m].
        weight: Cost of being out of reach, in nepers per centimetre.
        slack: A grasp further out of reach than this is dropped, in [m].
    """

    shoulder: tuple[float, float, float] = (0.0, 0.0, 0.36)
    wrist_centre: tuple[float, float, float] = (0.0, 0.0, -0.176)
    least: float = 0.43
    most: float = 0.79
    lowest: float = 0.11
    weight: float = 2.0
    slack: float = 0.01

    def __post_init__(self) -> None:
        """Refuse an arm without reach."""
        if not 0.0 <= self.least < self.most:
            raise ValueError(f"needs 0 <= least < most, got {self.least}, {self.most}")


class Arm:
    """How far wrist poses are out of reach, in the frame that the generator computes in."""

    def __init__(self, settings: ArmSettings, T_base_local: Array, dtype: torch.dtype) -> None:
        """Put the shoulder, and what is level in the base frame, into the local frame."""
        shoulder = apply(inverse(T_base_local), torch.tensor([settings.shoulder]).double().numpy())
        self.settings = settings
        self._shoulder = torch.as_tensor(shoulder[0], dtype=dtype)
        self._up = torch.as_tensor(T_base_local[2, :3].copy(), dtype=dtype)
        self._rise = float(T_base_local[2, 3])
        self._centre = torch.tensor(settings.wrist_centre, dtype=dtype)

    def excess(self, positions: Tensor, quaternions: Tensor) -> Tensor:
        """How far wrists at (N, 3), (N, 4) are out of reach, in [m], shape (N,); 0 within."""
        s = self.settings
        centre = positions + rotate(quaternions, self._centre)
        distance = (centre - self._shoulder).norm(dim=-1)
        beyond = torch.maximum(distance - s.most, s.least - distance)
        height = centre @ self._up + self._rise
        return torch.maximum(beyond, s.lowest - height).clamp(min=0.0)

    def cost(self, positions: Tensor, quaternions: Tensor) -> Tensor:
        """Cost of being out of reach, in nepers, shape (N,)."""
        return 100.0 * self.settings.weight * self.excess(positions, quaternions)
