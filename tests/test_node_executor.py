"""The executor of our nodes: long work does not keep messages waiting, and errors come out."""

import gc
import threading

import pytest

rclpy = pytest.importorskip("rclpy")

pytest.importorskip("ddg_interfaces", reason="needs the built interfaces")

from ddg_interfaces.action import RunTrial
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.exceptions import InvalidHandle
from std_msgs.msg import String
from std_srvs.srv import Trigger

from ddg_core.ros.calls import SureActionClient
from ddg_core.ros.executor import NodeExecutor
from ddg_core.ros.waitables import SureActionServer
from ddg_core.waiting import wait_until

pytestmark = pytest.mark.ros


@pytest.fixture
def graph(domains):
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domains())
    node = rclpy.create_node("busy", context=context)
    executor = NodeExecutor(num_threads=2, context=context)
    executor.add_node(node)
    yield node, executor
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown(context=context)


def test_a_service_may_wait_for_a_message(graph):
    node, executor = graph
    group, heard = ReentrantCallbackGroup(), threading.Event()
    node.create_subscription(String, "news", lambda _: heard.set(), 1, callback_group=group)
    publisher = node.create_publisher(String, "news", 1)

    def answer(_, response):
        publisher.publish(String(data="now"))
        response.success = heard.wait(timeout=10.0)
        return response

    node.create_service(Trigger, "wait", answer, callback_group=group)
    client = node.create_client(Trigger, "wait", callback_group=group)
    future = client.call_async(Trigger.Request())
    wait_until(
        lambda: executor.spin_once(timeout_sec=0.1) or future.done(), what="answer", timeout=15.0
    )
    assert future.result().success


def test_what_a_message_callback_raises_reaches_the_one_who_spins(graph):
    node, executor = graph

    def refuse(_):
        raise ValueError("bad news")

    node.create_subscription(String, "news", refuse, 1)
    publisher = node.create_publisher(String, "news", 1)
    publisher.publish(String(data="now"))
    with pytest.raises(ValueError, match="bad news"):
        wait_until(lambda: executor.spin_once(timeout_sec=0.1), what="news", timeout=10.0)


@pytest.mark.parametrize("kind", ["client", "server"])
def test_an_action_may_go_between_being_listed_and_being_waited_for(graph, kind, monkeypatch):
    """What the executor of rclpy does when a node is deactivated while it spins, step by step."""
    node, executor = graph
    action = (
        SureActionClient(node, RunTrial, "try")
        if kind == "client"
        else SureActionServer(node, RunTrial, "try", lambda handle: RunTrial.Result())
    )
    list_it = executor.can_execute
    gone = []

    def go_once_listed(entity) -> bool:
        if entity is action and not gone:
            action.destroy()
            gone.append(action)
        return list_it(entity)

    monkeypatch.setattr(executor, "can_execute", go_once_listed)
    for _ in range(3):
        executor.spin_once(timeout_sec=0.01)
    assert gone == [action]


def test_what_went_after_it_was_listed_is_left_out_in_the_next_round(graph, monkeypatch):
    node, executor = graph
    wait = executor.wait_for_ready_callbacks
    answers = [InvalidHandle("destruction was requested")]

    def once(*args):
        if answers:
            raise answers.pop()
        return wait(*args)

    monkeypatch.setattr(executor, "wait_for_ready_callbacks", once)
    heard = threading.Event()
    node.create_subscription(String, "news", lambda _: heard.set(), 1)
    publisher = node.create_publisher(String, "news", 1)
    executor.spin_once(timeout_sec=0.1)

    def spun() -> bool:
        publisher.publish(String(data="now"))
        executor.spin_once(timeout_sec=0.1)
        return heard.is_set()

    wait_until(spun, what="news", timeout=15.0)
    assert not answers


def test_taking_it_down_waits_for_what_runs_and_tells_what_it_raised(graph, capfd):
    node, executor = graph
    begun, leave, left = threading.Event(), threading.Event(), threading.Event()

    def tick():
        begun.set()
        assert leave.wait(10.0)
        left.set()
        raise ValueError("too late")

    timer = node.create_timer(0.01, tick)
    wait_until(lambda: executor.spin_once(0.1) or begun.is_set(), what="tick", timeout=10.0)
    timer.cancel()
    assert not executor.shutdown(timeout_sec=0.05), "it cannot have ended"
    threading.Timer(0.1, leave.set).start()
    assert executor.shutdown(timeout_sec=10.0)
    assert left.is_set()
    gc.collect()
    told = capfd.readouterr().err
    assert "too late" in told
    assert "never retrieved" not in told
