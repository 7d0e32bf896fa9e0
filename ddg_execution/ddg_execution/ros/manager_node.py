"""The lifecycle manager: brings nodes up stage by stage, and down where one is lost."""

from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Event, Thread
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState

from ddg_core.errors import DdgError
from ddg_core.ros.bond import Bond
from ddg_core.ros.calls import call
from ddg_core.ros.node import DdgNode, run_node
from ddg_execution.lifecycle import Lineup

ASK = 2.0  # [s] for the answer to what takes no time
CHANGE = 30.0  # [s] for a node to come up, or to finish what it does
LOOK = 0.1  # [s] between two looks at all processes


class ManagerNode(DdgNode):
    """Keeps nodes in order. Parameter `stages`: their names, a text with blanks per stage.

    When a node is lost (see `Bond`), the nodes of all later stages are deactivated, last first, and
    activated again when it is back.
    """

    def __init__(self, **kwargs: Any) -> None:
        """Declare the parameter."""
        super().__init__("manager", **kwargs)
        self.declare_parameter("stages", [""])

    def start(self) -> None:
        """Listen to the bonds of all nodes, and go to work."""
        stages = [stage.split() for stage in self.get_parameter("stages").value]
        names = [name for stage in stages for name in stage]
        self._lost: set[str] = set()  # since they last came up
        self._news, self._over = Event(), Event()
        self._ask = {name: self._client(GetState, f"/{name}/get_state") for name in names}
        self._change = {name: self._client(ChangeState, f"/{name}/change_state") for name in names}
        self._bonds = {name: Bond(self, name, self._news.set) for name in names}
        self._pool = ThreadPoolExecutor(max(len(names), 1))
        self._lineup = Lineup(stages, self._begin, self._down)
        self._thread = Thread(target=self._work, name="manager", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Leave all nodes as they are."""
        self._over.set()
        self._news.set()
        self._thread.join()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _work(self) -> None:
        while not self._over.is_set():
            alive = {name: bond.lives for name, bond in self._bonds.items()}
            self._lost.update(name for name, lives in alive.items() if not lives)
            self._lineup.settle(alive)
            self._tell(alive)
            self._news.wait(LOOK)
            self._news.clear()

    def _tell(self, alive: dict[str, bool]) -> None:
        down = self._lineup.down
        missing = [name for name, lives in alive.items() if not lives]
        self.vitals = {name: "down" if name in down else "active" for name in alive}
        before = self.health
        if not down:
            self.health = (DiagnosticStatus.OK, "all nodes are active")
        elif missing:
            self.health = (DiagnosticStatus.ERROR, f"missing {', '.join(missing)}")
        else:
            self.health = (DiagnosticStatus.WARN, f"bringing up {', '.join(down)}")
        if self.health != before:
            self.get_logger().info(self.health[1])

    def _begin(self, name: str) -> "Future[bool]":
        rising = self._pool.submit(self._up, name)
        rising.add_done_callback(lambda _: self._news.set())
        return rising

    def _up(self, name: str) -> bool:
        """Configure and activate a node; what it was at when it was lost is over."""
        try:
            state = call(self._ask[name], GetState.Request(), timeout=ASK, ready=ASK)
            state = state.current_state.id
            if state == State.PRIMARY_STATE_ACTIVE and name in self._lost:
                self._request(name, Transition.TRANSITION_DEACTIVATE)
                state = State.PRIMARY_STATE_INACTIVE
            self._lost.discard(name)
            if state == State.PRIMARY_STATE_UNCONFIGURED:
                self._request(name, Transition.TRANSITION_CONFIGURE)
                state = State.PRIMARY_STATE_INACTIVE
            if state == State.PRIMARY_STATE_INACTIVE:
                return self._request(name, Transition.TRANSITION_ACTIVATE)
        except DdgError as error:
            if not self._over.is_set():
                self.get_logger().warning(f"{name} is not up yet: {error}")
            return False
        return bool(state == State.PRIMARY_STATE_ACTIVE)

    def _down(self, name: str) -> None:
        try:
            self._request(name, Transition.TRANSITION_DEACTIVATE)
        except DdgError as error:
            self.get_logger().error(f"{name} cannot be taken down: {error}")

    def _request(self, name: str, transition: int) -> bool:
        answer = call(
            self._change[name],
            ChangeState.Request(transition=Transition(id=transition)),
            timeout=CHANGE,
            ready=ASK,
            cancelled=lambda: self._over.is_set() or not self._bonds[name].lives,
        )
        return bool(answer.success)

    def _client(self, kind: Any, name: str) -> Any:
        client = self.create_client(kind, name, callback_group=self.group)
        return self.keep(client, partial(self.destroy_client, client))


def main() -> None:
    """Run the node until it is told to stop."""
    run_node(ManagerNode)


if __name__ == "__main__":
    main()
