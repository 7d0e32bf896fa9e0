"""GQ-CNN as in the Dex-Net 2.0 paper: one pool, 18 million parameters."""

import torch
from torch import Tensor, nn

ANGLES = 1  # crops are aligned with the jaws: there is one angle to judge


class GqCnn(nn.Module):
    """How likely a grasp is robust, from a crop aligned with the jaws and the gripper's depth.

    Convolutions are padded to keep the size; local response normalisation as in the authors'
    code, whose `alpha` is not divided by the size of the neighbourhood.
    """

    image_mean: Tensor
    image_std: Tensor
    depth_mean: Tensor
    depth_std: Tensor
    angles = ANGLES

    def __init__(self) -> None:
        """Draw the weights from torch's generator, after He et al."""
        super().__init__()
        radius, alpha = 2, 2e-5
        size = 2 * radius + 1
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 64, 7, padding=3),
            nn.ReLU(),
            nn.Conv2d(64, 64, 5, padding=2),
            nn.ReLU(),
            nn.LocalResponseNorm(size, alpha * size, 0.75, 1.0),
            nn.MaxPool2d(2),
            nn.Conv2d(64, 64, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(64, 64, 3, padding=1),
            nn.ReLU(),
            nn.LocalResponseNorm(size, alpha * size, 0.75, 1.0),
            nn.Flatten(),
            nn.Linear(64 * 16 * 16, 1024),
            nn.ReLU(),
        )
        self.pose = nn.Sequential(nn.Linear(1, 16), nn.ReLU())
        self.judge = nn.Sequential(nn.Linear(1024 + 16, 1024), nn.ReLU(), nn.Linear(1024, 2))
        for name, value in (("mean", 0.0), ("std", 1.0)):
            self.register_buffer(f"image_{name}", torch.tensor(value))
            self.register_buffer(f"depth_{name}", torch.tensor(value))
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def learn_statistics(self, crops: Tensor, depths: Tensor) -> None:
        """Take mean and spread of the training crops (N, 32, 32) and depths (N,), in [m]."""
        for name, values in (("image", crops), ("depth", depths)):
            getattr(self, f"{name}_mean").copy_(values.mean())
            getattr(self, f"{name}_std").copy_(values.std() + 1e-6)

    def forward(self, crops: Tensor, depths: Tensor) -> Tensor:
        """Logits (N, 1) of robustness for aligned crops (N, 32, 32) and depths (N,), in [m]."""
        image = (crops - self.image_mean) / self.image_std
        depth = (depths - self.depth_mean) / self.depth_std
        seen = torch.cat([self.trunk(image[:, None]), self.pose(depth[:, None])], dim=1)
        two: Tensor = self.judge(seen)
        return two[:, 1:] - two[:, :1]  # the softmax of two is the sigmoid of their difference
