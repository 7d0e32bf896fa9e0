"""The physics that every model shares, with the reason for each number."""

from dataclasses import dataclass

import mujoco
import numpy as np

from ddg_core.arrays import Array


@dataclass(frozen=True)
class DriveSettings:
    """Position drive of a joint.

    Attributes:
        stiffness: Torque per error as a share of the force limit, in [1/rad] ([1/m]): 10 means
            that the limit is reached at an error of 0.1.
        damping_ratio: 1 is critical, for the inertia with all joints at 0.
        armature: Inertia of motor and gear as seen at the joint, in [kg m^2].
        friction: Dry friction of the joint, in [N m].
    """

    stiffness: float
    damping_ratio: float
    armature: float
    friction: float = 0.0


@dataclass(frozen=True)
class PhysicsSettings:
    """Solver, contacts and drives.

    The solver's settings are the ones that agreed best (0.97) with a reference of 0.5 ms among
    those tried on 40 grasps: elliptic cones, implicitfast, impratio 10, three noslip iterations.
    Pyramidal cones or impratio 1 drop objects that finer settings hold.

    Attributes:
        timestep: In [s].
        impratio: Ratio of frictional to normal constraint impedance.
        noslip: Iterations of the solver that removes slow slip.
        contact_solref: Time constant [s] and damping ratio of contacts: four steps, critical.
        contact_solimp: Impedance of contacts: almost rigid, fingertips sink in by 0.1 mm. Of six
            settings tried on 18 power grasps this held most (16) and slipped least.
        torsion: Torsional over sliding friction, in [m]: the size of a fingertip's contact patch.
        coupling_solref: Time constant [s] and damping ratio of mimic joints: almost rigid.
        finger: Drives of the hand: saturate 0.1 rad beyond contact, so a squeeze of 0.25 rad
            presses with the full force of the figures.
        jaw: Drives of sliding fingers: saturate 2.5 mm beyond contact.
        coupled_armature: Inertia of coupled finger joints, in [kg m^2].
        arm: Drives of the arm: 1 mrad off under its own torque noise, no sag (gravity is
            compensated), as on the real arm in position control.
        wrist_force, wrist_torque: Force limits of a floating wrist, in [N] and [N m].
        wrist_linear, wrist_angular: Its drives.
    """

    timestep: float = 0.002
    impratio: float = 10.0
    noslip: int = 3
    contact_solref: tuple[float, float] = (0.008, 1.0)
    contact_solimp: tuple[float, float, float] = (0.99, 0.999, 0.001)
    torsion: float = 0.005
    coupling_solref: tuple[float, float] = (0.004, 1.0)
    finger: DriveSettings = DriveSettings(stiffness=10.0, damping_ratio=1.0, armature=1e-3)
    jaw: DriveSettings = DriveSettings(stiffness=400.0, damping_ratio=1.0, armature=0.2)
    coupled_armature: float = 1e-4
    arm: DriveSettings = DriveSettings(stiffness=30.0, damping_ratio=1.0, armature=0.1)
    wrist_force: float = 200.0
    wrist_torque: float = 20.0
    wrist_linear: DriveSettings = DriveSettings(stiffness=40.0, damping_ratio=1.0, armature=0.5)
    wrist_angular: DriveSettings = DriveSettings(stiffness=20.0, damping_ratio=1.0, armature=0.02)

    def friction(self, sliding: float) -> Array:
        """Friction (3,) of a surface as MuJoCo takes it: sliding, torsional [m], rolling [m]."""
        return sliding * np.array([1.0, self.torsion, 0.0001])

    def touch(self, geom: mujoco.MjsGeom) -> None:
        """Give a geom these contact parameters: sliding and torsional friction, no rolling."""
        geom.condim = 4
        geom.solref, geom.solimp[:3] = self.contact_solref, self.contact_solimp

    def new_spec(self, name: str) -> mujoco.MjSpec:
        """Return an empty model with these solver settings."""
        spec = mujoco.MjSpec()
        spec.modelname = name
        spec.compiler.degree = False
        spec.compiler.autolimits = True
        option = spec.option
        option.timestep = self.timestep
        option.impratio = self.impratio
        option.noslip_iterations = self.noslip
        option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
        option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
        return spec
