"""Ask the running stack for grasps, as any other ROS 2 node would.

Start the twin in one terminal with `./ddg up twin`, and run this in another, in the same ROS:
`./ddg run examples/call_planner.py`, or plain `python` where ROS and this workspace are sourced.
"""

import rclpy
from ddg_interfaces.srv import PlanGrasps


def main() -> None:
    """Call the service once and print what comes back."""
    rclpy.init()
    node = rclpy.create_node("somebody_else")
    client = node.create_client(PlanGrasps, "/ddg/plan_grasps")
    if not client.wait_for_service(timeout_sec=10.0):
        raise SystemExit("nobody offers /ddg/plan_grasps; start it with ./ddg up twin")
    future = client.call_async(PlanGrasps.Request(capture_now=True, max_grasps=5))
    rclpy.spin_until_future_complete(node, future, timeout_sec=60.0)
    answer = future.result()
    if answer is None:
        raise SystemExit("no answer within 60 s")
    print(answer.outcome.code, answer.outcome.message)
    for grasp in answer.grasps:
        p = grasp.wrist_poses[-1].position
        print(f"{grasp.kind:12} score {grasp.score:8.3f}  wrist at {p.x:.3f} {p.y:.3f} {p.z:.3f}")
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
