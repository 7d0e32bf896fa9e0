"""EM1, EM2 and EM3 in the spirit of the papers, with torchvision's networks.

Their layers were not at hand. EM1 (VGG-16) and EM2 (ResNet-50) join the grasp inside the trunk: it
becomes a vector that is added to every place of the feature map half way, so each grasp runs
through the second half of the trunk. EM3 (ResNet-50) joins late: the image is encoded once, and a
small head judges thousands of grasps. Five heads instead of one tell how sure the answer is.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ddg_planning.training.layout import CHANNELS

HEADS, HIDDEN, DROPOUT = 5, 256, 0.2


class Judge(nn.Module):
    """A trunk in two parts, the grasp joined between them, and heads.

    Attributes:
        variant: Name, one of `VARIANTS`.
    """

    mean: Tensor
    std: Tensor
    scale: Tensor
    shift: Tensor

    def __init__(self, variant: str, numbers: int) -> None:
        """Draw the weights from torch's generator.

        Args:
            variant: Name, one of `VARIANTS`.
            numbers: Per grasp.
        """
        super().__init__()
        self.variant = variant
        self.first, self.second, joined, wide = VARIANTS[variant]()
        self.late = not joined
        self.grasp = nn.Sequential(
            nn.Linear(numbers, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, joined or HIDDEN)
        )
        self.image = nn.Linear(wide, HIDDEN)
        inside = 2 * HIDDEN if self.late else HIDDEN
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.SiLU(),
                nn.Dropout(DROPOUT),
                nn.Linear(inside, HIDDEN),
                nn.SiLU(),
                nn.Dropout(DROPOUT),
                nn.Linear(HIDDEN, 1),
            )
            for _ in range(HEADS)
        )
        self.register_buffer("mean", torch.zeros(numbers))
        self.register_buffer("std", torch.ones(numbers))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("shift", torch.zeros(()))

    def encode(self, images: Tensor) -> Tensor:
        """What is computed once per image (S, C, H, W)."""
        code: Tensor = self.first(images)
        return self.image(self.second(code)) if self.late else code

    def judge(self, code: Tensor, scene: Tensor, grasps: Tensor) -> Tensor:
        """Logits (HEADS, N) before calibration of grasps (N, V) on codes of images `scene` (N,)."""
        told = self.grasp(((grasps - self.mean) / self.std).clamp(-6.0, 6.0))
        if self.late:
            both = torch.cat([code[scene], told], dim=-1)
        else:
            both = self.image(self.second(code[scene] + told[:, :, None, None]))
        return torch.stack([head(both)[:, 0] for head in self.heads])

    def forward(self, images: Tensor, scene: Tensor, grasps: Tensor) -> Tensor:
        """Logits (HEADS, N) before calibration."""
        return self.judge(self.encode(images), scene, grasps)


Parts = tuple[nn.Module, nn.Module, int, int]  # both halves, channels between (0: late), outputs


def _vgg() -> Parts:
    layers = list(_torchvision().models.vgg16_bn(weights=None).features)
    layers[0] = nn.Conv2d(CHANNELS, 64, 3, padding=1)
    second = nn.Sequential(*layers[24:], nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(*layers[:24]), second, 256, 512


def _resnet(joined: int) -> Parts:
    net = _torchvision().models.resnet50(weights=None)
    start = nn.Conv2d(CHANNELS, 64, 7, stride=2, padding=3, bias=False)
    first = nn.Sequential(start, net.bn1, net.relu, net.maxpool, net.layer1, net.layer2)
    second = nn.Sequential(net.layer3, net.layer4, net.avgpool, nn.Flatten())
    return first, second, joined, 2048


VARIANTS: dict[str, Callable[[], Parts]] = {
    "em1": _vgg,
    "em2": lambda: _resnet(512),
    "em3": lambda: _resnet(0),
}


def _torchvision() -> Any:
    """Import torchvision, also where its own operators cannot load.

    PyPI's wheel asks for CUDA's libraries. Networks need none of its operators, but it wants to see
    two of them at import.
    """
    try:
        import torchvision
    except RuntimeError:
        for name in ("nms", "qnms"):
            _OPERATORS.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision
    return torchvision


_library: Any = torch.library.Library
_OPERATORS = _library("torchvision", "FRAGMENT")
