"""EM-S: a small network over hand links and the grasp as a whole, five times for its doubt."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ddg_planning.evaluate.features import Features

CUT = 6.0  # features are cut to so many standard deviations


@dataclass(frozen=True)
class NetworkSettings:
    """Sizes; part of a checkpoint.

    Attributes:
        heads: Members of the ensemble, each with its own start and its own order of examples.
        name: Width of the learned name of a link.
        width: Width per link.
        hidden: Width of the grasp.
        looks: Weighted means over the links.
        dropout: Share of values left out while training.
    """

    heads: int = 5
    name: int = 16
    width: int = 64
    hidden: int = 128
    looks: int = 4
    dropout: float = 0.2

    def __post_init__(self) -> None:
        """Refuse an empty network."""
        if min(self.heads, self.name, self.width, self.hidden, self.looks) < 1:
            raise ValueError("sizes must be positive")


class Member(nn.Module):
    """One member of the ensemble: features of N grasps to N logits."""

    def __init__(self, links: int, per_link: int, whole: int, s: NetworkSettings) -> None:
        """Draw the weights."""
        super().__init__()
        self.names = nn.Parameter(0.3 * torch.randn(links, s.name))
        self.link = nn.Sequential(
            nn.Linear(per_link + s.name, s.width), nn.SiLU(), nn.Linear(s.width, s.width), nn.SiLU()
        )
        self.look = nn.Linear(s.width, s.looks)
        self.whole = nn.Sequential(nn.Dropout(s.dropout / 2), nn.Linear(whole, s.hidden), nn.SiLU())
        self.judge = nn.Sequential(
            nn.Dropout(s.dropout),
            nn.Linear(s.hidden + (s.looks + 2) * s.width, s.hidden),
            nn.SiLU(),
            nn.Dropout(s.dropout),
            nn.Linear(s.hidden, s.hidden),
            nn.SiLU(),
            nn.Linear(s.hidden, 1),
        )

    def forward(self, links: Tensor, whole: Tensor) -> Tensor:
        """Logits (N,) from normalised features (N, L, F) and (N, G)."""
        names = self.names.expand(len(links), -1, -1)
        tokens = self.link(torch.cat([links, names], dim=-1))
        attention = torch.softmax(self.look(tokens), dim=1)  # (N, L, looks)
        seen = (attention.transpose(1, 2) @ tokens).flatten(1)
        parts = [self.whole(whole), seen, tokens.mean(dim=1), tokens.amax(dim=1)]
        logits: Tensor = self.judge(torch.cat(parts, dim=-1))[:, 0]
        return logits


class EmS(nn.Module):
    """The ensemble with the statistics of its training features and its calibration."""

    link_mean: Tensor
    link_std: Tensor
    whole_mean: Tensor
    whole_std: Tensor
    scale: Tensor
    shift: Tensor

    def __init__(self, links: int, per_link: int, whole: int, settings: NetworkSettings) -> None:
        """Draw the weights of all members from torch's generator."""
        super().__init__()
        self.settings = settings
        self.members = nn.ModuleList(
            Member(links, per_link, whole, settings) for _ in range(settings.heads)
        )
        self.register_buffer("link_mean", torch.zeros(per_link))
        self.register_buffer("link_std", torch.ones(per_link))
        self.register_buffer("whole_mean", torch.zeros(whole))
        self.register_buffer("whole_std", torch.ones(whole))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("shift", torch.zeros(()))

    def learn_statistics(self, features: Features) -> None:
        """Take mean and spread of the training features."""
        flat = features.links.flatten(0, 1)
        self.link_mean.copy_(flat.mean(0))
        self.link_std.copy_(flat.std(0) + 1e-3)
        self.whole_mean.copy_(features.whole.mean(0))
        self.whole_std.copy_(features.whole.std(0) + 1e-3)

    def normalised(self, features: Features) -> Features:
        """Features of mean 0 and spread 1, cut to `CUT`."""
        links = (features.links - self.link_mean) / self.link_std
        whole = (features.whole - self.whole_mean) / self.whole_std
        return Features(links.clamp(-CUT, CUT), whole.clamp(-CUT, CUT))

    def logits(self, features: Features) -> Tensor:
        """Logits of all members before calibration, shape (heads, N)."""
        seen = self.normalised(features)
        return torch.stack([member(seen.links, seen.whole) for member in self.members])

    def forward(self, features: Features) -> tuple[Tensor, Tensor]:
        """Calibrated probability (N,) and its standard deviation over the members (N,)."""
        return self.judged(self.logits(features))

    def judged(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Calibrated probability (N,) and its standard deviation (N,) of logits (heads, N)."""
        p = torch.sigmoid(self.scale * logits + self.shift)
        return p.mean(dim=0), p.std(dim=0, correction=0)
