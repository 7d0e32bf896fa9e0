"""Unit quaternions (x, y, z, w) in torch, batched; the last axis is the quaternion."""

import torch
from torch import Tensor


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """Product of quaternions (..., 4): first turn by `b`, then by `a`."""
    ax, ay, az, aw = a.unbind(-1)
    bx, by, bz, bw = b.unbind(-1)
    return torch.stack(
        [
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
            aw * bw - ax * bx - ay * by - az * bz,
        ],
        dim=-1,
    )


def conjugate(q: Tensor) -> Tensor:
    """The inverse of unit quaternions (..., 4)."""
    return torch.cat([-q[..., :3], q[..., 3:]], dim=-1)


def rotate(q: Tensor, v: Tensor) -> Tensor:
    """Turn vectors (..., 3) by quaternions (..., 4); leading axes broadcast."""
    x, y, z, w = q.unbind(-1)
    a, b, c = v.unbind(-1)
    i, j, k = 2.0 * (y * c - z * b), 2.0 * (z * a - x * c), 2.0 * (x * b - y * a)
    return torch.stack(
        [
            a + w * i + y * k - z * j,
            b + w * j + z * i - x * k,
            c + w * k + x * j - y * i,
        ],
        dim=-1,
    )


def from_rotation_vector(w: Tensor) -> Tensor:
    """Quaternions (..., 4) of rotation vectors (..., 3) in [rad]; smooth at zero."""
    square = (w * w).sum(-1, keepdim=True)
    half = 0.5 * torch.sqrt(square + 1e-16)
    scale = torch.sin(half) / (2.0 * half)
    return torch.cat([w * scale, torch.cos(half)], dim=-1)


def from_matrix(R: Tensor) -> Tensor:
    """Quaternions (..., 4) of rotation matrices (..., 3, 3), with any sign.

    Four times q q^T is linear in R; its row with the largest square is q times a number. That is
    many times faster than what also repairs matrices that are no rotations.
    """
    a, b, c = (R[..., i, i] for i in range(3))
    xy, xz, yz = (R[..., i, j] + R[..., j, i] for i, j in ((0, 1), (0, 2), (1, 2)))
    xw, yw, zw = (R[..., i, j] - R[..., j, i] for i, j in ((2, 1), (0, 2), (1, 0)))
    rows = [
        *(1.0 + a - b - c, xy, xz, xw),
        *(xy, 1.0 - a + b - c, yz, yw),
        *(xz, yz, 1.0 - a - b + c, zw),
        *(xw, yw, zw, 1.0 + a + b + c),
    ]
    square = torch.stack(rows, dim=-1).reshape(*R.shape[:-2], 4, 4)
    largest = square.diagonal(dim1=-2, dim2=-1).argmax(dim=-1)
    row = square.gather(-2, largest[..., None, None].expand(*largest.shape, 1, 4))[..., 0, :]
    return torch.nn.functional.normalize(row, dim=-1)


def matrix(q: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) of unit quaternions (..., 4), for many points that turn."""
    x, y, z, w = q.unbind(-1)
    rows = [
        *(1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - z * w), 2.0 * (x * z + y * w)),
        *(2.0 * (x * y + z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - x * w)),
        *(2.0 * (x * z - y * w), 2.0 * (y * z + x * w), 1.0 - 2.0 * (x * x + y * y)),
    ]
    return torch.stack(rows, dim=-1).reshape(*q.shape[:-1], 3, 3)
