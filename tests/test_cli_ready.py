"""Waiting for nodes to be active: an answer that is lost on the way is asked for again."""

import pytest

rclpy = pytest.importorskip("rclpy")

from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rclpy.node import Node
from rclpy.task import Future

from ddg_cli.ros import ready
from ddg_core.errors import TimedOut

pytestmark = pytest.mark.ros


class Client:
    """A client of a node of which the first `lost` answers never arrive."""

    def __init__(self, lost: int) -> None:
        self.lost, self.given_up = lost, 0

    def service_is_ready(self) -> bool:
        return True

    def call_async(self, request: GetState.Request) -> Future:
        del request
        future = Future()
        if self.lost == 0:
            active = State(id=State.PRIMARY_STATE_ACTIVE)
            future.set_result(GetState.Response(current_state=active))
        self.lost = max(self.lost - 1, 0)
        return future

    def remove_pending_request(self, future: Future) -> None:
        assert not future.done()
        self.given_up += 1


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Client]:
    monkeypatch.setattr(ready, "ASK_AGAIN", 0.05)
    clients = {"/eye/get_state": Client(2), "/arm/get_state": Client(0)}
    monkeypatch.setattr(Node, "create_client", lambda self, kind, name: clients[name])
    return clients


def test_a_lost_answer_is_asked_for_again(asked: dict[str, Client]) -> None:
    ready.wait_active(["eye", "arm"], timeout=60.0, watch=lambda: None)
    assert asked["/eye/get_state"].given_up == 2


def test_a_node_that_never_answers_is_named(asked: dict[str, Client]) -> None:
    asked["/eye/get_state"].lost = 10**9
    with pytest.raises(TimedOut, match=r"not active within 0\.5 s: eye$"):
        ready.wait_active(["eye", "arm"], timeout=0.5, watch=lambda: None)
