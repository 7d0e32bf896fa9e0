"""The networks of two jaws: their sizes, and that whole images are judged as their crops are."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ddg_core.errors import BadInput
from ddg_planning.evaluate.weights import write_weights
from ddg_planning.parallel_jaw.checkpoint import VARIANTS, build, make_card, read
from ddg_planning.parallel_jaw.crops import aligned
from ddg_planning.parallel_jaw.fc_gqcnn import FcGqCnn, FcSettings, angle_bins, bin_angles
from ddg_planning.parallel_jaw.gqcnn import GqCnn


def picture(height=14, width=17, seed=0):
    return 0.7 + 0.05 * np.random.default_rng(seed).standard_normal((height, width))


def small(**settings):
    torch.manual_seed(0)
    network = FcGqCnn(FcSettings(**settings))
    crops = torch.as_tensor(picture(200, 1024).reshape(-1, 32, 32)).float()
    network.learn_statistics(crops, 0.7 + 0.02 * torch.randn(len(crops)))
    return network.eval()


def test_gqcnn_has_the_papers_size():
    network = GqCnn()
    assert sum(p.numel() for p in network.parameters()) == 18_025_826
    logits = network(torch.zeros(3, 32, 32), torch.zeros(3))
    assert logits.shape == (3, 1)


def test_response_normalisation_is_that_of_the_authors():
    norm = next(m for m in GqCnn().trunk if isinstance(m, torch.nn.LocalResponseNorm))
    x = torch.full((1, 9, 1, 1), 50.0)
    expected = 50.0 / (1.0 + 2e-5 * 5 * 50.0**2) ** 0.75  # five neighbours in the middle
    assert norm(x)[0, 4, 0, 0].item() == pytest.approx(expected)


def test_the_small_network_fits_a_package():
    assert sum(p.numel() for p in small(angles=16).parameters()) * 4 < 1_000_000


@pytest.mark.parametrize("angles", [1, 16])
@pytest.mark.parametrize("literal", [False, True])
def test_whole_images_are_judged_as_their_crops(angles, literal):
    network, depth = small(angles=angles, literal=literal), picture()
    depths = torch.tensor([0.66, 0.7, 0.73])
    with torch.inference_mode():
        asked = np.random.default_rng(0).random((14, 17)) < 0.6
        found = network.dense(torch.as_tensor(depth).float(), depths, torch.as_tensor(asked))
        assert found.shape == (3, angles, asked.sum())
        v, u = np.nonzero(asked)
        places = np.stack([u, v], axis=1) - 0.5
        crops = torch.as_tensor(aligned(depth, places, np.zeros(len(places)))).float()
        for i, z in enumerate(depths):
            one_by_one = network(crops, z.expand(len(crops)))
            p = torch.sigmoid(found[i].T)
            assert (p - torch.sigmoid(one_by_one)).abs().max() < 1e-5
            assert p.std() > 0.002  # they differ from place to place
    assert (found[0] - found[1]).abs().max() > 1e-3  # and from depth to depth


def test_statistics_make_input_even():
    network = small()
    assert network.image_mean.item() == pytest.approx(0.7, abs=0.01)
    assert network.image_std.item() == pytest.approx(0.05, rel=0.05)
    assert network.depth_std.item() == pytest.approx(0.02, rel=0.1)
    assert small(literal=True).image_mean.item() == pytest.approx(0.0, abs=0.01)


def test_angles_fall_into_the_bins_that_they_are_nearest_to():
    centres = bin_angles(16)
    assert centres[0].item() == pytest.approx(-np.pi / 2 + np.pi / 32)
    assert angle_bins(centres, 16).tolist() == list(range(16))
    assert angle_bins(centres + torch.pi, 16).tolist() == list(range(16))
    assert angle_bins(torch.tensor([np.pi / 2, -np.pi / 2]), 16).tolist() == [0, 0]
    assert angle_bins(torch.tensor([0.3]), 1).tolist() == [0]


@pytest.mark.parametrize("variant", ["gqcnn-small", "fc-gqcnn"])
def test_weights_come_back_with_their_card_and_judge_the_same(tmp_path, variant):
    torch.manual_seed(1)
    network = build(VARIANTS[variant]).eval()
    network.learn_statistics(torch.rand(4, 32, 32), torch.rand(4))
    card = make_card(
        variant, "jaws", 0.1, 143.5, {"seed": 1}, {"grasps": 3}, {"auc": 0.5}, "a test"
    )
    digest = write_weights(tmp_path / "w.safetensors", network, card)
    again, found, same = read(tmp_path / "w.safetensors")
    assert (found, same) == (card, digest)
    crops, depths = torch.rand(5, 32, 32), torch.rand(5)
    torch.testing.assert_close(again(crops, depths), network(crops, depths))
    (tmp_path / "w.safetensors").write_bytes(b"something else")
    with pytest.raises(BadInput, match="damaged"):
        read(tmp_path / "w.safetensors")


def test_weights_of_another_kind_are_refused(tmp_path):
    network = build(VARIANTS["gqcnn-small"])
    for variant, sizes, what in (
        ("fc-gqcnn", "fc-gqcnn", "do not fit their card"),
        ("gqcnn-small", "unknown", "unknown variant"),
    ):
        card = make_card("gqcnn-small", "jaws", 0.1, 143.5, {}, {}, {}, "")
        write_weights(
            tmp_path / "w.safetensors",
            network,
            replace(card, variant=sizes, network=VARIANTS[variant]),
        )
        with pytest.raises(BadInput, match=what):
            read(tmp_path / "w.safetensors")
