"""Laws of the tree of moving frames."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ddg_core.errors import Failed
from ddg_core.frames import FrameBuffer
from ddg_core.outcome import Outcome
from ddg_core.transforms import compose, inverse


def pose(angle, x):
    return compose(Rotation.from_rotvec([0.0, 0.0, angle]).as_matrix(), [x, 0.0, 0.0])


@pytest.fixture
def frames():
    """world -> arm (moving) -> hand (static); world -> camera (static)."""
    buffer = FrameBuffer(history=10.0)
    buffer.put("world", "camera", pose(1.0, 2.0), None)
    buffer.put("arm", "hand", pose(0.5, 0.1), None)
    for t in range(5):
        buffer.put("world", "arm", pose(0.2 * t, 0.1 * t), 100.0 + t)
    return buffer


def test_chains_are_products(frames):
    expected = inverse(pose(1.0, 2.0)) @ pose(0.4, 0.2) @ pose(0.5, 0.1)
    np.testing.assert_allclose(frames.lookup("camera", "hand", 102.0), expected, atol=1e-12)
    back = frames.lookup("hand", "camera", 102.0)
    np.testing.assert_allclose(back, inverse(expected), atol=1e-12)
    np.testing.assert_allclose(frames.lookup("hand", "hand"), np.eye(4))
    np.testing.assert_allclose(frames.lookup("arm", "hand", 1e9), pose(0.5, 0.1), atol=1e-12)


def test_between_two_stamps_it_interpolates_along_the_arc(frames):
    np.testing.assert_allclose(frames.lookup("world", "arm", 102.5), pose(0.5, 0.25), atol=1e-12)


def test_without_a_time_it_takes_the_newest(frames):
    np.testing.assert_allclose(frames.lookup("world", "arm"), pose(0.8, 0.4), atol=1e-12)


@pytest.mark.parametrize(
    ("target", "source", "stamp", "outcome", "message"),
    [
        ("world", "moon", None, Outcome.UNKNOWN_FRAME, "nobody publishes 'moon' .known: arm, "),
        ("mars", "moon", None, Outcome.UNKNOWN_FRAME, "'moon' and 'mars'"),
        ("world", "island", None, Outcome.UNKNOWN_FRAME, "nothing joins"),
        ("world", "hand", 104.5, Outcome.STALE_DATA, "newest pose of 'arm' .* 0.500 s older"),
        ("world", "hand", 99.0, Outcome.STALE_DATA, "oldest pose of 'arm' .* 1.000 s newer"),
    ],
)
def test_what_is_not_known_is_typed(frames, target, source, stamp, outcome, message):
    frames.put("sea", "island", np.eye(4), None)
    with pytest.raises(Failed, match=message) as caught:
        frames.lookup(target, source, stamp)
    assert caught.value.outcome == outcome


def test_history_is_bounded_and_a_clock_set_back_starts_anew(frames):
    frames.put("world", "arm", pose(0.0, 9.0), 112.5)
    with pytest.raises(Failed, match="oldest pose"):
        frames.lookup("world", "arm", 101.0)
    frames.put("world", "arm", pose(0.0, 7.0), 3.0)
    np.testing.assert_allclose(frames.lookup("world", "arm"), pose(0.0, 7.0))


def test_late_and_repeated_messages_change_nothing(frames):
    frames.put("world", "arm", pose(3.0, 3.0), 103.5)
    frames.put("world", "arm", pose(3.0, 3.0), 104.0)
    np.testing.assert_allclose(frames.lookup("world", "arm"), pose(0.8, 0.4), atol=1e-12)


def test_a_loop_of_frames_is_named(frames):
    frames.put("hand", "world", np.eye(4), None)
    with pytest.raises(Failed, match="frames form a loop: camera -> world -> hand -> arm -> world"):
        frames.lookup("world", "camera")
