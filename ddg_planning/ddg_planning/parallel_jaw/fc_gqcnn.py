"""The small network, convolutional to its end: it judges one crop, or all places of an image.

It has the form of Dex-Net 4.0's and of FC-GQ-CNN, for crops of 32 pixels. With one angle its crops
are aligned with the jaws, as GQ-CNN's are; with more, crops stand upright and each output is an
angle of the jaws. No layer is padded, so that a place in an image is judged exactly as its crop.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ddg_planning.parallel_jaw.crops import SIZE


@dataclass(frozen=True)
class FcSettings:
    """Sizes; part of a checkpoint.

    Attributes:
        angles: Angles that are told apart over half a turn; 1 takes aligned crops.
        first, channels: Of the first and of the further convolutions.
        width: Of the fully connected layers.
        literal: The gripper's depth is subtracted from the image, as in the paper: the trunk then
            runs once per depth. Otherwise it enters after the trunk, which runs once per image.
    """

    angles: int = 1
    first: int = 16
    channels: int = 32
    width: int = 128
    literal: bool = False

    def __post_init__(self) -> None:
        """Refuse an empty network."""
        if min(self.angles, self.first, self.channels, self.width) < 1:
            raise ValueError("sizes must be positive")


class FcGqCnn(nn.Module):
    """How likely grasps are robust, from upright or aligned crops and the gripper's depth."""

    image_mean: Tensor
    image_std: Tensor
    depth_mean: Tensor
    depth_std: Tensor

    def __init__(self, settings: FcSettings) -> None:
        """Draw the weights from torch's generator, after He et al."""
        super().__init__()
        self.settings = s = settings
        self.angles = s.angles
        self.conv1 = nn.Conv2d(1, s.first, 9)  # 32 -> 24
        self.conv2 = nn.Conv2d(s.first, s.channels, 5)  # -> 20, pooled 10
        self.conv3 = nn.Conv2d(s.channels, s.channels, 3)  # -> 8
        self.conv4 = nn.Conv2d(s.channels, s.channels, 3)  # -> 6, pooled 3
        self.full = nn.Conv2d(s.channels, s.width, 3)  # -> 1
        self.mix = nn.Conv2d(s.width, s.width, 1)
        self.pose = nn.Linear(1, 16)
        self.deep = nn.Linear(16, s.width, bias=False)
        self.judge = nn.Conv2d(s.width, s.angles, 1)
        for name, value in (("mean", 0.0), ("std", 1.0)):
            self.register_buffer(f"image_{name}", torch.tensor(value))
            self.register_buffer(f"depth_{name}", torch.tensor(value))
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def learn_statistics(self, crops: Tensor, depths: Tensor) -> None:
        """Take mean and spread of the training crops (N, 32, 32) and depths (N,), in [m]."""
        seen = crops - depths[:, None, None] if self.settings.literal else crops
        for name, values in (("image", seen), ("depth", depths)):
            getattr(self, f"{name}_mean").copy_(values.mean())
            getattr(self, f"{name}_std").copy_(values.std() + 1e-6)

    def forward(self, crops: Tensor, depths: Tensor) -> Tensor:
        """Logits (N, angles) of robustness for crops (N, 32, 32) and depths (N,), in [m]."""
        seen = crops - depths[:, None, None] if self.settings.literal else crops
        x = functional.max_pool2d(torch.relu(self.conv2(torch.relu(self.conv1(self._in(seen))))), 2)
        x = functional.max_pool2d(torch.relu(self.conv4(torch.relu(self.conv3(x)))), 2)
        x = self.mix(torch.relu(self.full(x)))
        logits: Tensor = self.judge(torch.relu(x + self._depth(depths)))
        return logits[:, :, 0, 0]

    def dense(self, image: Tensor, depths: Tensor, places: Tensor) -> Tensor:
        """Logits of places of an image, as `forward` gives them for their crops.

        Where `forward` halves the image, `dense` keeps its size and steps over every other pixel
        from there on.

        Args:
            image: Depth, shape (h, w), in [m]. Beyond its border the border goes on.
            depths: Of the gripper, shape (Z,), in [m].
            places: The P places asked for, shape (h, w): place (i, j) is the crop whose middle is
                the pixel corner (u, v) = (j - 0.5, i - 0.5).

        Returns:
            Shape (Z, angles, P), places row by row.
        """
        padded = functional.pad(image[None, None], (SIZE // 2, SIZE // 2 - 1) * 2, mode="replicate")
        if self.settings.literal:
            trunks = (self._trunk(padded[0] - depth)[..., places] for depth in depths)
        else:
            once = self._trunk(padded[0])[..., places]
            trunks = (once for _ in depths)
        entered = self._depth(depths)[..., 0]
        found = [torch.relu(x + entered[i])[..., None] for i, x in enumerate(trunks)]
        return torch.cat([self.judge(x)[..., 0] for x in found])

    def _trunk(self, image: Tensor) -> Tensor:
        """What does not depend on depth after the trunk, at all places of an image (1, H, W)."""
        x = torch.relu(self.conv2(torch.relu(self.conv1(self._in(image)))))
        x = functional.max_pool2d(x, 2, stride=1)
        x = torch.relu(_spread(self.conv4, torch.relu(_spread(self.conv3, x, 2)), 2))
        x = functional.max_pool2d(x, 2, stride=1, dilation=2)
        seen: Tensor = self.mix(torch.relu(_spread(self.full, x, 4)))
        return seen

    def _in(self, images: Tensor) -> Tensor:
        """Images (N, H, W) in [m] as normalised (N, 1, H, W)."""
        return (images[:, None] - self.image_mean) / self.image_std

    def _depth(self, depths: Tensor) -> Tensor:
        """What depths (Z,) add after the trunk, shape (Z, width, 1, 1)."""
        if self.settings.literal:
            return torch.zeros(len(depths), self.settings.width, 1, 1)
        z = (depths - self.depth_mean) / self.depth_std
        added: Tensor = self.deep(torch.relu(self.pose(z[:, None])))
        return added[:, :, None, None]


def _spread(layer: nn.Conv2d, x: Tensor, step: int) -> Tensor:
    """Apply a convolution to every `step`-th pixel, at all places."""
    return functional.conv2d(x, layer.weight, layer.bias, dilation=step)


def angle_bins(angles: Tensor, count: int) -> Tensor:
    """Bin (N,) of angles (N,) in [rad] over half a turn; their middles are `bin_angles`."""
    turn = torch.remainder(angles + torch.pi / 2, torch.pi)
    return torch.clamp((turn * (count / torch.pi)).long(), max=count - 1)


def bin_angles(count: int) -> Tensor:
    """Angle in the middle of each bin, shape (count,), in [rad], from -pi/2 to pi/2."""
    return (torch.arange(count) + 0.5) * (torch.pi / count) - torch.pi / 2
