"""What large networks look at: channels of the image, numbers of a grasp, and turning both.

The virtual camera stands where the real one stood and looks at the middle of the object; its
frame is {eye}: x right, y down, z forward. The image has `CHANNELS` of `SIZE` x `SIZE` pixels:
mask, range less that of the object's middle, normal (3) and principal curvatures (2). A grasp is V
numbers: of each of `POSES` waypoints the wrist's place relative to the object's middle and its x
and y axes, then the vertical, all in {eye}, then the distance of the object's middle, the joints of
all waypoints, and one number per type, 1 for its own.
"""

import torch
from torch import Tensor

SIZE = 224
FOCAL = 574.0 * SIZE / 460.0  # of the papers' camera and crop, in pixels
CENTRE = (SIZE - 1) / 2.0
CHANNELS = 7
MASK, RANGE, NORMAL, CURVATURES = 0, 1, slice(2, 5), slice(5, 7)
NEAR, BENT = 10.0, 0.02  # ranges and curvatures are multiplied by these, to be about 1
POSES = 4
ARROWS = 3 * POSES + 1  # 3-vectors at the head of a grasp's numbers
DISTANCE = 3 * ARROWS  # index of the distance of the object's middle, in [m]


def numbers(joints: int, kinds: int) -> int:
    """Numbers per grasp of a hand with so many driven joints, and so many types."""
    return DISTANCE + 1 + POSES * joints + kinds


def turn_images(images: Tensor, R_eye_new: Tensor) -> Tensor:
    """What turned cameras see: exact, since a camera that only turns sees the same rays.

    Args:
        images: Shape (S, C, H, W).
        R_eye_new: How each camera is turned, shape (S, 3, 3); small.
    """
    at = torch.arange(SIZE, dtype=images.dtype, device=images.device)
    v, u = torch.meshgrid(at, at, indexing="ij")
    rays = torch.stack([(u - CENTRE) / FOCAL, (v - CENTRE) / FOCAL, torch.ones_like(u)], dim=-1)
    old = torch.einsum("hwj,sij->shwi", rays, R_eye_new)
    pixels = FOCAL * old[..., :2] / old[..., 2:].clamp(min=0.1) + CENTRE
    grid = (2.0 * pixels + 1.0) / SIZE - 1.0
    seen = torch.nn.functional.grid_sample(images, grid, mode="nearest", align_corners=False)
    normals = torch.einsum("sji,sjhw->sihw", R_eye_new, seen[:, NORMAL])
    return torch.cat([seen[:, : NORMAL.start], normals, seen[:, NORMAL.stop :]], dim=1)


def turn_grasps(grasps: Tensor, R_eye_new: Tensor) -> Tensor:
    """The same grasps (N, V) as cameras turned by (N, 3, 3) see them."""
    arrows = grasps[:, :DISTANCE].reshape(-1, ARROWS, 3).clone()
    ahead = torch.zeros_like(arrows[:, :1])
    ahead[:, 0, 2] = grasps[:, DISTANCE]
    arrows[:, : 3 * POSES : 3] += ahead
    arrows = torch.einsum("nji,naj->nai", R_eye_new, arrows)
    arrows[:, : 3 * POSES : 3] -= ahead
    return torch.cat([arrows.flatten(1), grasps[:, DISTANCE:]], dim=1)


def small_turns(count: int, spread: float, rng: torch.Generator) -> Tensor:
    """Random rotations (count, 3, 3) by about `spread` radians."""
    w = spread * torch.randn(count, 3, generator=rng)
    x, y, z = w.unbind(-1)
    zero = torch.zeros_like(x)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).reshape(-1, 3, 3)
    turns: Tensor = torch.linalg.matrix_exp(skew)
    return turns
