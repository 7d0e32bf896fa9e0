"""The front door: quick, one line for a mistake, one JSON object for machines."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ddg_cli import main as door
from ddg_cli.report import Report, exit_code, to_json
from ddg_core.errors import Failed
from ddg_core.outcome import Outcome

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "mujoco", "ray", "rclpy", "ompl", "pinocchio", "coal", "open3d", "trimesh")


def ddg(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the door in an interpreter of its own."""
    path = os.pathsep.join(p for p in sys.path if p)
    return subprocess.run(
        [sys.executable, "-m", "ddg_cli", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": path, **env},
    )


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A command "try" whose module the test writes."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(door, "COMMANDS", {"try": ("tried_command", "try things")})
    monkeypatch.delitem(sys.modules, "tried_command", raising=False)
    return tmp_path / "tried_command.py"


HEAD = """
from ddg_cli.report import Report
from ddg_core.errors import BadInput, Failed
from ddg_core.outcome import Outcome
def add_arguments(parser): parser.add_argument("--count", type=int, default=1)
def run(args):
"""


def test_the_help_lists_what_exists_and_only_that() -> None:
    text = door.overview()
    assert {"setup", "test", "up", "doctor"} <= set(door.available())
    for name, (_, line) in door.COMMANDS.items():
        assert (f"  {name:<9} {line}" in text) == (name in door.available())


def _spent_by_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


@pytest.mark.parametrize("name", [None, *door.available()])
def test_help_is_quick_and_loads_nothing_heavy(name: str | None) -> None:
    words = [name, "--help"] if name else ["--help"]
    program = f"""
import sys, time
from ddg_cli.main import main
try:
    main({words!r})
except SystemExit as end:
    assert end.code in (0, None)
loaded = {{m.split(".")[0] for m in sys.modules}} & set({HEAVY!r})
assert not loaded, loaded
"""
    path = os.pathsep.join(p for p in sys.path if p)
    best = 10.0
    for _ in range(3):  # time of the processor, not of the wall: the machine may be busy
        started = _spent_by_children()
        result = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": path},
        )
        best = min(best, _spent_by_children() - started)
        assert result.returncode == 0, result.stderr
        assert "usage: ddg" in result.stdout
    assert best < 0.5


def test_every_command_has_its_two_functions() -> None:
    for name in door.available():
        module = importlib.import_module(door.COMMANDS[name][0])
        assert callable(module.add_arguments), name
        assert callable(module.run), name


def test_a_mistyped_command_costs_one_line() -> None:
    result = ddg("docter")
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("ddg: no command is called 'docter'; did you mean 'doctor'?")
    assert result.stderr.count("\n") == 1


def test_a_mistyped_option_costs_one_line() -> None:
    result = ddg("up", "--lst")
    assert result.returncode == 2
    assert result.stderr == "ddg: up: unknown argument '--lst'; did you mean '--list'?\n"


def test_json_is_one_object_even_where_libraries_chatter(command: Path) -> None:
    command.write_text(
        HEAD + "    import os; print('noise'); os.write(1, b'C noise\\n')\n"
        "    return Report({'count': args.count, 'bad': float('nan')}, 'for people')",
        encoding="utf-8",
    )
    program = (
        "import sys; from ddg_cli import main as door; "
        "door.COMMANDS = {'try': ('tried_command', '')}; "
        "sys.exit(door.main(['try', '--count', '3', '--json']))"
    )
    path = os.pathsep.join([str(command.parent), *filter(None, sys.path)])
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert result.returncode == 0
    assert json.loads(result.stdout) == {"count": 3, "bad": None}
    assert result.stdout.count("\n") == 1
    assert "noise" in result.stderr
    assert "C noise" in result.stderr


@pytest.mark.parametrize(
    ("body", "code", "outcome"),
    [
        ("    raise BadInput('no such file: x.png')", 2, "BAD_INPUT"),
        ("    raise Failed(Outcome.NO_CANDIDATE, 'nothing to grasp')", 3, "NO_CANDIDATE"),
        ("    raise KeyboardInterrupt", 130, "CANCELLED"),
    ],
)
def test_how_it_ends_is_told_by_code_and_outcome(
    command: Path, capfd: pytest.CaptureFixture[str], body: str, code: int, outcome: str
) -> None:
    command.write_text(HEAD + body, encoding="utf-8")
    assert door.main(["try", "--json"]) == code
    out, err = capfd.readouterr()
    assert json.loads(out)["outcome"] == outcome
    assert err.startswith("ddg: ")
    assert "Traceback" not in err


def test_exit_codes_follow_the_outcome() -> None:
    assert [exit_code(o) for o in (Outcome.OK, Outcome.HELD)] == [0, 0]
    others = set(Outcome) - {Outcome.OK, Outcome.HELD}
    assert {exit_code(o) for o in others} == {3}
    assert Failed(Outcome.NO_IK, "x").outcome is Outcome.NO_IK
    assert Report().code == 0


def test_json_is_strict() -> None:
    np = pytest.importorskip("numpy")
    value = {"a": np.eye(2), "b": np.float64("inf"), "c": Path("x"), 4: (np.int64(1), True)}
    assert json.loads(to_json(value)) == {
        "a": [[1.0, 0.0], [0.0, 1.0]],
        "b": None,
        "c": "x",
        "4": [1, True],
    }


def test_the_doctor_tells_what_the_contract_promises() -> None:
    answer = json.loads(ddg("doctor", "--json").stdout)
    assert {"ros", "moveit", "gazebo", "gpu", "missing"} <= set(answer)
